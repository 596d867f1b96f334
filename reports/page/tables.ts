/** Tables of a report, and the numbers behind a chart. */
import { keyOf, summarizeSeries } from '../charts/index.ts';
import { visible } from '../display.ts';
import type { ReportDistribution, ReportTable, ReportTimeline, Unit } from '../report.ts';
import { formatNumber, formatQuantity, scaleFor } from '../units.ts';
import { el, named, scrollable } from './dom.ts';

type Cell = {
  readonly text: string;
  readonly numeric?: boolean;
  readonly raw?: string;
  readonly long?: boolean;
};

const LONGEST_CELL = 56;
const LONGEST_TEXT = 400;
/** Rows of the table behind a timeline: enough to follow it, few enough to read. */
const GRID_ROWS = 40;

function cellElement(name: 'td' | 'th', cell: Cell): HTMLElement {
  const attributes: Record<string, string> = cell.numeric === true ? { class: 'number' } : {};
  if (cell.raw !== undefined) attributes.title = cell.raw;
  return named(name, cell.text, cell.long === true ? LONGEST_TEXT : LONGEST_CELL, attributes);
}

export function tableElement(
  caption: string,
  heads: readonly Cell[],
  rows: readonly (readonly Cell[])[],
): HTMLElement {
  const head = el('tr', {}, ...heads.map((cell) => cellElement('th', cell)));
  for (const th of head.children) th.setAttribute('scope', 'col');
  const body = rows.map((row) => el('tr', {}, ...row.map((cell) => cellElement('td', cell))));
  const table = el('table', {}, el('thead', {}, head), el('tbody', {}, ...body));
  return scrollable(visible(caption), table);
}

function valueCell(value: string | number | null, unit: Unit): Cell {
  if (value === null) return { text: '–', raw: 'not known' };
  if (typeof value === 'string') return { text: value };
  const text = formatQuantity(value, unit);
  const raw = `${value} ${unit === 'none' ? '' : unit}`.trim();
  return text === String(value) ? { text, numeric: true } : { text, numeric: true, raw };
}

export function detailTable(table: ReportTable): HTMLElement {
  const numeric = table.columns.map((_, i) => table.rows.some((row) => typeof row[i] === 'number'));
  const heads = table.columns.map(({ label }, i) => ({ text: label, numeric: numeric[i] }));
  const rows = table.rows.map((row) =>
    table.columns.map(({ unit }, i) => ({
      ...valueCell(row[i] ?? null, unit),
      numeric: numeric[i],
    })),
  );
  const more =
    table.omitted > 0
      ? [el('p', { class: 'aside' }, `${formatNumber(table.omitted)} more rows.`)]
      : [];
  return el(
    'div',
    { class: 'detail' },
    named('h3', table.title, 200),
    table.rows.length > 0
      ? tableElement(table.title, heads, rows)
      : el('p', { class: 'aside' }, 'No rows.'),
    ...more,
  );
}

type Range = { low: number; high: number };

/** Lowest and highest value of every series in each of `GRID_ROWS` equal parts of the window. */
function gridRows(timeline: ReportTimeline): { at_ns: number; cells: (Range | undefined)[] }[] {
  const [from, to] = timeline.window_ns;
  const step = (to - from) / GRID_ROWS;
  const cursors = timeline.series.map(() => 0);
  const held: (number | null)[] = timeline.series.map(() => null);
  return Array.from({ length: GRID_ROWS }, (_, row) => {
    const end = from + (row + 1) * step;
    const cells = timeline.series.map(({ t_ns, values, shape }, s): Range | undefined => {
      let range: Range | undefined;
      const add = (value: number | null) => {
        if (value === null) return;
        if (range === undefined) range = { low: value, high: value };
        range.low = Math.min(range.low, value);
        range.high = Math.max(range.high, value);
      };
      if (shape === 'step') add(held[s]);
      for (; cursors[s] < t_ns.length && t_ns[cursors[s]] < end; cursors[s]++) {
        held[s] = values[cursors[s]] ?? null;
        add(held[s]);
      }
      return range;
    });
    return { at_ns: from + row * step, cells };
  });
}

export function timelineNumbers(timeline: ReportTimeline): HTMLElement {
  const { unit, series } = timeline;
  const summaryHeads = [
    'Curve',
    'Kind',
    'Lowest',
    'Highest',
    'Highest at',
    'Last',
    'Error bar',
    'Points',
  ];
  const summary = series.map((one) => {
    const { label, role, lowest, highest, highestAt, last, errorBound, points } = summarizeSeries(
      one,
      unit,
    );
    const numbers = [lowest, highest, highestAt, last, errorBound, formatNumber(points)];
    return [{ text: label }, { text: role }, ...numbers.map((text) => ({ text, numeric: true }))];
  });
  const largest = Math.max(
    0,
    ...series.flatMap(({ values }) => values.map((v) => Math.abs(v ?? 0))),
  );
  const scale = scaleFor(unit, largest);
  const number = (value: number) => formatNumber(Number((value / scale.divisor).toPrecision(4)));
  const suffix = scale.suffix === '' ? '' : ` (${scale.suffix})`;
  const rows = gridRows(timeline).map(({ at_ns, cells }) => [
    { text: (at_ns / 1e9).toFixed(3), numeric: true },
    ...cells.map((range) => {
      if (range === undefined) return { text: '–', numeric: true };
      const { low, high } = range;
      return {
        text: low === high ? number(low) : `${number(low)} to ${number(high)}`,
        numeric: true,
      };
    }),
  ]);
  const heads = [{ text: 'From (s)', numeric: true }].concat(
    series.map(({ label }) => ({ text: `${label}${suffix}`, numeric: true })),
  );
  return el(
    'div',
    {},
    tableElement(
      'Curves of this chart',
      summaryHeads.map((text, i) => ({ text, numeric: i > 1 })),
      summary,
    ),
    tableElement('Values over time, lowest to highest in each step', heads, rows),
  );
}

export function distributionNumbers(distribution: ReportDistribution): HTMLElement {
  const rows = distribution.buckets.map(({ label, count, total }) => [
    { text: label },
    { text: formatNumber(count), numeric: true },
    { text: formatQuantity(total, distribution.unit), numeric: true },
  ]);
  const heads = [
    { text: 'Bucket' },
    { text: 'How many', numeric: true },
    { text: 'Sum', numeric: true },
  ];
  return tableElement('Buckets of this chart', heads, rows);
}

/** What the line styles of a chart mean. */
export function keyElement(timeline: ReportTimeline): HTMLElement {
  const entries = keyOf(timeline).map(({ sign, text }) =>
    el('li', {}, el('span', { class: `sign sign-${sign}`, 'aria-hidden': 'true' }), text),
  );
  return el('ul', { class: 'key' }, ...entries);
}
