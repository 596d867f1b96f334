/** The numbers behind a chart as tables, and the key to its colours and line styles. */
import { chartScale, curvesOf } from '../charts/curves.ts';
import {
  type ChartDetail,
  keyOf,
  kindColor,
  summarizeSeries,
  type TimeChart,
} from '../charts/index.ts';
import type { Pair } from '../charts/theme.ts';
import type {
  ReportDistribution,
  ReportHeatmap,
  ReportLanes,
  ReportTimeline,
} from '../schema/details.ts';
import { formatNumber, formatQuantity, formatSeconds, scaleFor } from '../units.ts';
import { el, named } from './dom.ts';
import { tableElement } from './tables.ts';

/** Rows of the table behind a timeline: enough to follow it, few enough to read. */
const GRID_ROWS = 40;
const LONGEST_BARS = 100;

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

function timelineNumbers(timeline: ReportTimeline): HTMLElement {
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
    { text: formatSeconds(at_ns), numeric: true },
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

function distributionNumbers(distribution: ReportDistribution): HTMLElement {
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

function lanesNumbers(chart: ReportLanes): HTMLElement {
  const longest = chart.bars
    .toSorted((a, b) => b.to_ns - b.from_ns - (a.to_ns - a.from_ns))
    .slice(0, LONGEST_BARS);
  const rows = longest.map(({ from_ns, to_ns, lane, kind, text }) => [
    { text: formatSeconds(from_ns), numeric: true },
    { text: formatQuantity(to_ns - from_ns, 'ns'), numeric: true },
    { text: chart.lanes[lane] ?? '' },
    { text: chart.kinds[kind] ?? '' },
    { text, long: true },
  ]);
  const heads = [
    { text: 'From (s)', numeric: true },
    { text: 'Length', numeric: true },
    { text: 'Lane' },
    { text: 'Kind' },
    { text: 'What' },
  ];
  return tableElement('The longest stretches', heads, rows);
}

function heatmapNumbers(chart: ReportHeatmap): HTMLElement {
  const rows = chart.rows.map((name, row) => {
    const own = chart.cells.filter(([, at]) => at === row);
    const sum = own.reduce((all, [, , count]) => all + count, 0);
    return [{ text: name }, { text: formatNumber(sum), numeric: true }];
  });
  const heads = [{ text: 'Row' }, { text: chart.counted, numeric: true }];
  return tableElement('How many in each row', heads, rows);
}

export function chartNumbers(detail: ChartDetail): HTMLElement {
  switch (detail.kind) {
    case 'timeline':
      return timelineNumbers(detail);
    case 'lanes':
      return lanesNumbers(detail);
    case 'heatmap':
      return heatmapNumbers(detail);
    case 'distribution':
      return distributionNumbers(detail);
  }
}

/** A swatch and its name; names beside the plot have no room on narrow screens. */
function swatch(name: string, { light, dark }: Pair): HTMLElement {
  const sign = el('span', { class: 'swatch', 'aria-hidden': 'true' });
  sign.style.setProperty('--light', light);
  sign.style.setProperty('--dark', dark);
  return el('li', { class: 'curve' }, sign, named('span', name, 40));
}

function swatches(chart: TimeChart): HTMLElement[] {
  if (chart.kind === 'timeline') {
    const curves = curvesOf(chart, chartScale(chart));
    return curves.map(({ series, color }) => swatch(series.label, color));
  }
  return chart.kind === 'lanes'
    ? chart.kinds.map((name, kind) => swatch(name, kindColor(kind)))
    : [];
}

/** What the line styles and colours of a chart mean. */
export function keyElement(chart: TimeChart, hasFocus: boolean): HTMLElement {
  const styles: { sign: string; text: string }[] = chart.kind === 'timeline' ? keyOf(chart) : [];
  if (hasFocus) styles.push({ sign: 'focus', text: 'stall window of the verdict' });
  if (chart.kind !== 'timeline' && chart.lost.length > 0) {
    styles.push({ sign: 'hatch', text: 'events lost: conclude nothing here' });
  }
  const entries = styles.map(({ sign, text }) =>
    el('li', {}, el('span', { class: `sign sign-${sign}`, 'aria-hidden': 'true' }), text),
  );
  return el('ul', { class: 'key' }, ...swatches(chart), ...entries);
}
