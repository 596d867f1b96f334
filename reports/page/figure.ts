/** A chart with its title, key, caption and numbers; drawn when it comes near the reader's eyes. */
import { parse, View } from 'vega';
import { expressionInterpreter } from 'vega-interpreter';
import { compile } from 'vega-lite';
import { type ChartDetail, chartSpec } from '../charts/index.ts';
import { el, named } from './dom.ts';
import { attachHover, type Tooltip } from './hover.ts';
import { distributionNumbers, keyElement, timelineNumbers } from './tables.ts';

export type Figure = {
  readonly element: HTMLElement;
  /** Draws the chart, again if the width has changed. */
  draw(): void;
  setDark(dark: boolean): void;
};

const TIMELINE_HEIGHT = 270;
const MAIN_HEIGHT = 330;

function chartHeight(detail: ChartDetail, main: boolean): number {
  if (detail.kind === 'distribution') return 34 + 22 * detail.buckets.length;
  // Room for a name per curve beside the plot.
  return Math.max(main ? MAIN_HEIGHT : TIMELINE_HEIGHT, 60 + 15 * detail.series.length);
}

function numbers(detail: ChartDetail): HTMLElement {
  const details = el('details', {}, el('summary', {}, 'Numbers behind this chart'));
  // Built when opened: most readers never look, and printing leaves closed ones out.
  details.addEventListener('toggle', () => {
    if (!details.open || details.childElementCount > 1) return;
    details.append(
      detail.kind === 'timeline' ? timelineNumbers(detail) : distributionNumbers(detail),
    );
  });
  return details;
}

function drawInto(holder: HTMLElement, detail: ChartDetail, height: number, dark: boolean): View {
  const width = holder.clientWidth;
  const spec = chartSpec(detail, { width, height, heading: false });
  const compiled = compile(spec).spec;
  const target = el('div');
  holder.querySelector('.drawn')?.remove();
  target.className = 'drawn';
  holder.prepend(target);
  // Expressions are interpreted: the page's policy forbids eval.
  const view = new View(parse(compiled, {}, { ast: true }), {
    expr: expressionInterpreter,
    renderer: 'svg',
    container: target,
    hover: false,
  });
  view.signal('dark', dark).run();
  for (const name of ['role', 'aria-label', 'aria-roledescription']) target.removeAttribute(name);
  const svg = target.querySelector('svg');
  svg?.setAttribute('role', 'img');
  svg?.setAttribute('aria-label', spec.description ?? '');
  return view;
}

export function createFigure(detail: ChartDetail, main: boolean, tooltip: Tooltip): Figure {
  const height = chartHeight(detail, main);
  const holder = el('div', { class: 'chart' });
  // Reserved before drawing, so that nothing jumps while the reader scrolls.
  holder.style.minHeight = `${height}px`;
  const caption = el('figcaption', {}, named(main ? 'h2' : 'h3', detail.title, 240));
  if (detail.subtitle !== '') caption.append(named('p', detail.subtitle, 240));
  const element = el('figure', { id: `chart-${detail.id}` }, caption, holder);
  if (detail.kind === 'timeline') {
    holder.setAttribute('tabindex', '0');
    holder.setAttribute('role', 'group');
    holder.setAttribute('aria-label', 'Chart. Left and right arrow keys read its values.');
    attachHover(holder, detail, tooltip);
    element.append(keyElement(detail), el('p', { class: 'aside' }, detail.caption));
  }
  element.append(numbers(detail));

  let view: View | undefined;
  let width = 0;
  let isDark = false;
  return {
    element,
    draw() {
      if (holder.clientWidth === 0 || holder.clientWidth === width) return;
      width = holder.clientWidth;
      view?.finalize();
      view = drawInto(holder, detail, height, isDark);
    },
    setDark(dark) {
      isDark = dark;
      view?.signal('dark', dark).run();
    },
  };
}
