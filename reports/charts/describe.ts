/** The text alternative of a chart, and the key that says what its line styles mean. */

import { shorten, visible } from '../display.ts';
import type {
  ReportDistribution,
  ReportHeatmap,
  ReportLanes,
  ReportSeries,
  ReportTimeline,
} from '../schema/details.ts';
import { formatNumber, formatQuantity, formatSeconds } from '../units.ts';

const NAME_LENGTH = 60;

const ROLE_WORDS = {
  recorded: 'recorded',
  sampled: 'sampled',
  inferred: 'counted from events',
  predicted: 'predicted, open loop',
  counterfactual: 'counterfactual, another kernel',
  limit: 'limit',
} as const;

export type SeriesSummary = {
  readonly label: string;
  readonly role: string;
  readonly points: number;
  readonly lowest: string;
  readonly highest: string;
  readonly highestAt: string;
  readonly last: string;
  readonly errorBound: string;
};

export function summarizeSeries(series: ReportSeries, unit: ReportTimeline['unit']): SeriesSummary {
  let lowest = Number.POSITIVE_INFINITY;
  let highest = Number.NEGATIVE_INFINITY;
  let highestAt = 0;
  let last = Number.NaN;
  for (const [i, value] of series.values.entries()) {
    if (value === null) continue;
    if (value > highest) {
      highest = value;
      highestAt = series.t_ns[i];
    }
    lowest = Math.min(lowest, value);
    last = value;
  }
  const known = !Number.isNaN(last);
  const bound = series.error_bound;
  return {
    label: visible(series.label),
    role: ROLE_WORDS[series.role],
    points: series.points,
    lowest: formatQuantity(lowest, unit),
    highest: formatQuantity(highest, unit),
    highestAt: known ? formatQuantity(highestAt / 1e9, 's', { divisor: 1, suffix: 's' }) : '–',
    last: formatQuantity(last, unit),
    errorBound: bound === undefined ? '–' : `±${formatQuantity(bound, unit)}`,
  };
}

export function describeTimeline(timeline: ReportTimeline): string {
  const curves = timeline.series.map((series) => {
    const { label, role, lowest, highest, highestAt, last } = summarizeSeries(
      series,
      timeline.unit,
    );
    const name = `${shorten(label, NAME_LENGTH)} (${role})`;
    if (lowest === highest) return `${name}: ${last} throughout`;
    return `${name}: from ${lowest} to ${highest} at ${highestAt}, ${last} at the end`;
  });
  const lost = timeline.lost.length;
  return [
    `Timeline: ${shorten(visible(timeline.title), 200)}`,
    ...curves,
    ...(lost > 0 ? [`Events were lost in ${lost} stretches`] : []),
  ].join('. ');
}

export function describeDistribution(distribution: ReportDistribution): string {
  const buckets = distribution.buckets
    .filter((bucket) => bucket.count > 0)
    .map(
      ({ label, count, total }) =>
        `${shorten(visible(label), NAME_LENGTH)}: ${formatQuantity(count, 'count')} in ` +
        formatQuantity(total, distribution.unit),
    );
  return [`Distribution: ${shorten(visible(distribution.title), 200)}`, ...buckets].join('. ');
}

const BARS_TOLD = 12;

/** Per lane the number of stretches and the longest ones. */
export function describeLanes({ title, lanes, bars, lost }: ReportLanes): string {
  const lines = lanes.map((name, lane) => {
    const own = bars.filter((bar) => bar.lane === lane);
    const total = own.reduce((sum, { from_ns, to_ns }) => sum + to_ns - from_ns, 0);
    const many = `${formatNumber(own.length)} stretches, ${formatQuantity(total, 'ns')} together`;
    return `${shorten(visible(name), NAME_LENGTH)}: ${own.length === 0 ? 'nothing' : many}`;
  });
  const longest = bars
    .toSorted((a, b) => b.to_ns - b.from_ns - (a.to_ns - a.from_ns))
    .slice(0, BARS_TOLD)
    .map(({ from_ns, text }) => {
      return `at ${formatSeconds(from_ns, 2)} s ${shorten(visible(text), NAME_LENGTH)}`;
    });
  return [
    `Stretches in lanes: ${shorten(visible(title), 200)}`,
    ...lines,
    ...(longest.length > 0 ? [`The longest: ${longest.join('; ')}`] : []),
    ...(lost.length > 0 ? [`Events were lost in ${lost.length} stretches`] : []),
  ].join('. ');
}

/** How many fell into each row, and when most of them did. */
export function describeHeatmap({ title, rows, cells, counted }: ReportHeatmap): string {
  const lines = rows.map((name, row) => {
    const sum = cells.reduce((all, [, of, n]) => all + (of === row ? n : 0), 0);
    const what = shorten(visible(counted), NAME_LENGTH);
    return `${shorten(visible(name), NAME_LENGTH)}: ${formatNumber(sum)} ${what}`;
  });
  return [`Heat map over time: ${shorten(visible(title), 200)}`, ...lines].join('. ');
}

export type KeyEntry = {
  readonly sign: 'solid' | 'long' | 'dashed' | 'dotted' | 'thin' | 'point' | 'band' | 'hatch';
  readonly text: string;
};

/** Which line styles occur in the chart and what each means. */
export function keyOf(timeline: ReportTimeline): KeyEntry[] {
  const key: KeyEntry[] = [];
  const has = (test: (series: ReportSeries) => boolean) => timeline.series.some(test);
  if (has((one) => one.role === 'recorded' && one.shape !== 'point')) {
    key.push({ sign: 'solid', text: 'recorded' });
  }
  if (has((one) => one.role === 'recorded' && one.shape === 'point')) {
    key.push({ sign: 'point', text: 'one recorded event' });
  }
  if (has((one) => one.role === 'inferred')) {
    key.push({ sign: 'long', text: 'counted from recorded events' });
  }
  if (has((one) => one.role === 'sampled')) key.push({ sign: 'point', text: 'sampled counter' });
  const margin = (role: ReportSeries['role'], name: string): string => {
    const same = timeline.series.filter((one) => one.role === role);
    const bounds = same.flatMap((one) => one.error_bound ?? []);
    if (bounds.length === 0) return '';
    return `, ${name} ±${formatQuantity(Math.max(...bounds), timeline.unit)}`;
  };
  if (has((one) => one.role === 'predicted')) {
    const text = `predicted, open loop${margin('predicted', 'error bar')}`;
    key.push({ sign: 'dashed', text });
  }
  if (has((one) => one.role === 'counterfactual')) {
    key.push({ sign: 'dotted', text: 'counterfactual: as another kernel would have counted' });
  }
  if (has((one) => one.role === 'limit')) {
    key.push({ sign: 'thin', text: `limit${margin('limit', 'shaded')}` });
  }
  const bandLabels = [...new Set(timeline.bands.map((band) => band.label))];
  if (bandLabels.length > 0) {
    const named = bandLabels.length <= 2 ? bandLabels.join(', ') : `${bandLabels[0]} and others`;
    key.push({ sign: 'band', text: shorten(visible(named), NAME_LENGTH) });
  }
  if (timeline.lost.length > 0) {
    key.push({ sign: 'hatch', text: 'events lost: conclude nothing here' });
  }
  return key;
}
