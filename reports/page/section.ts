/** One finding: the question, the answer, its evidence, and how far it can be trusted. */
import { isChart } from '../charts/index.ts';
import { anchor, LEVEL_WORDS, STATUS_WORDS } from '../display.ts';
import type { ReportDetail, ReportSection } from '../schema/report.ts';
import { el, named } from './dom.ts';
import { detailTable, type Jumps } from './tables.ts';

/** Draws a chart's place; the caller knows which charts stand elsewhere. */
export type PlaceChart = (detail: ReportDetail) => HTMLElement;

function chip(status: ReportSection['status']): HTMLElement {
  const { word, sign, meaning } = STATUS_WORDS[status];
  const mark = el('span', { 'aria-hidden': 'true' }, sign);
  return el('span', { class: `chip chip-${status}`, title: meaning }, mark, ` ${word}`);
}

export function detailElement(detail: ReportDetail, place: PlaceChart, view: Jumps): HTMLElement {
  if (isChart(detail)) return place(detail);
  if (detail.kind === 'table') return detailTable(detail, view);
  return named('p', detail.kind === 'note' ? detail.text : '', 2000, { class: 'note' });
}

export function sectionElement(
  section: ReportSection,
  place: PlaceChart,
  view: Jumps,
): HTMLElement {
  const id = anchor(section.id);
  const head = named('h2', section.title, 120);
  const element = el(
    'section',
    { id, class: 'finding', tabindex: '-1' },
    el('div', { class: 'finding-head' }, chip(section.status), head),
    named('p', section.question, 300, { class: 'question' }),
  );
  // Charts that are the whole answer say it themselves.
  const [first] = section.details;
  const isSaid = first !== undefined && isChart(first) && `${first.title}.` === section.summary;
  if (section.summaries !== undefined) {
    for (const [at, side] of (['before', 'after'] as const).entries()) {
      const mark = el('span', { class: `side side-${side}` }, at === 0 ? 'Before' : 'After');
      const text = named('span', section.summaries[at] ?? '', 1000);
      element.append(el('p', { class: 'summary' }, mark, ' ', text));
    }
  } else if (!isSaid) element.append(named('p', section.summary, 1000, { class: 'summary' }));
  if (section.weakened_by.length > 0) {
    const reasons = section.weakened_by.map((why) => named('li', why, 400));
    element.append(
      el('div', { class: 'weakened' }, 'Less certain because:', el('ul', {}, ...reasons)),
    );
  }
  if (section.level !== undefined) {
    const { name, meaning } = LEVEL_WORDS[section.level];
    element.append(
      el(
        'p',
        { class: 'aside' },
        el('b', {}, `Comparison level ${section.level}, ${name}. `),
        meaning,
      ),
    );
  }
  element.append(...section.details.map((detail) => detailElement(detail, place, view)));
  return element;
}
