/** What the capture is made of, what is wrong with it, and what it does not hold. */
import type { ReportSide, ReportSubject } from '../schema/report.ts';
import { formatNumber, formatQuantity } from '../units.ts';
import { el, named } from './dom.ts';
import { tableElement } from './tables.ts';

const SEVERITY_WORDS = {
  info: 'Information',
  notice: 'Notice',
  data_loss: 'Data loss',
  error: 'Error',
} as const;

function facts({ quality, input }: ReportSubject): HTMLElement {
  const recorded = quality.events.reduce((sum, { count }) => sum + count, 0);
  const all = Math.max(recorded, input.events) + quality.lost_events;
  const part = all > 0 ? (100 * quality.lost_events) / all : 0;
  const lost =
    quality.lost_events === 0
      ? 'none'
      : `${formatNumber(quality.lost_events)} (${formatNumber(Number(part.toPrecision(3)))}%)`;
  const pairs = [
    ['Duration', formatQuantity(quality.duration_ns, 'ns')],
    ['Events', formatNumber(input.events)],
    ['Lost events', lost],
    ['Clock', quality.clock],
    ['CPUs', formatNumber(input.cpus)],
  ] as const;
  const items = pairs.map(([label, text]) =>
    el('div', {}, el('dt', {}, label), named('dd', text, 60)),
  );
  return el('dl', { class: 'facts' }, ...items);
}

function eventTable({ quality }: ReportSubject): HTMLElement {
  const sorted = quality.events.toSorted((a, b) => b.count - a.count);
  const rows = sorted.map(({ name, count }) => [
    { text: name },
    { text: formatNumber(count), numeric: true },
  ]);
  const heads = [{ text: 'Event' }, { text: 'Count', numeric: true }];
  return el(
    'details',
    {},
    el('summary', {}, `Events per type (${formatNumber(rows.length)} types)`),
    tableElement('Events per type', heads, rows),
  );
}

/** `side`: which of two captures it is about. */
export function qualityElement(report: ReportSubject, side?: ReportSide): HTMLElement {
  const { quality } = report;
  const id = side === undefined ? 'capture-quality' : `capture-quality-${side}`;
  const which = side === undefined ? '' : ` made ${side}`;
  const element = el(
    'section',
    { id, class: 'quality', 'aria-labelledby': `${id}-title`, tabindex: '-1' },
    el('h2', { id: `${id}-title` }, `Quality of the capture${which}`),
    facts(report),
  );
  if (quality.diagnostics.length > 0) {
    const rows = quality.diagnostics.map(({ severity, message, code, count }) => [
      { text: SEVERITY_WORDS[severity] },
      { text: code },
      { text: formatNumber(count), numeric: true },
      { text: message, long: true },
    ]);
    const heads = [
      { text: 'Severity' },
      { text: 'Diagnostic' },
      { text: 'Times', numeric: true },
      { text: 'Meaning' },
    ];
    element.append(el('h3', {}, 'Diagnostics'), tableElement('Diagnostics', heads, rows));
  }
  if (quality.not_recorded.length > 0) {
    const items = quality.not_recorded.map(({ name, why }) =>
      el('li', {}, named('code', name, 80), ': ', named('span', why, 400)),
    );
    element.append(el('h3', {}, 'Not recorded'), el('ul', {}, ...items));
  }
  element.append(eventTable(report));
  return element;
}
