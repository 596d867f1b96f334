/** A timeline of typed arrays, millions of points long, becomes one of a few thousand numbers. */
import type { Interval, Series, Timeline } from '../../src/findings/detail.ts';
import { type Curve, downsample, lowerBound } from '../charts/downsample.ts';
import type { ReportSeries, ReportTimeline } from '../schema/details.ts';
import { formatNumber, formatQuantity } from '../units.ts';
import { uniteIntervals } from './intervals.ts';
import { clip, finite, jsonNumber } from './values.ts';

/** More curves than these cannot be told apart; the caption says how many were left out. */
const MOST_SERIES = 16;
const MOST_POINTS_PER_SERIES = 1200;
/** A page stays light and a redraw short whatever the number of curves. */
const MOST_POINTS_PER_CHART = 7200;
/** A mark costs a browser as much as a hundred points of a line. */
const MOST_MARKS_PER_CHART = 1800;
/** Shorter gaps between bands than this part of the window are not visible: about a pixel. */
const VISIBLE_PART = 1 / 800;
/** A stretch without events at least this part of the window interrupts the curves. */
const BIG_PART = 1 / 200;

type Points = { t_ns: number[]; values: (number | null)[] };

type Gap = { readonly from: number; readonly to: number; readonly resume: number | null };

/** Where a curve is not known: events were lost and none of its own points lies inside. */
function gapsOf(series: Series, lost: readonly Interval[], leastNs: number): Gap[] {
  // Samples do not come through the ring buffer, and marks hold nothing between them.
  if (series.role === 'sampled' || series.shape === 'point') return [];
  const { t_ns: times, values } = series;
  const gaps: Gap[] = [];
  for (const { from_ns, to_ns } of lost) {
    if (to_ns - from_ns < leastNs) continue;
    const next = lowerBound(times, from_ns);
    const ended = next === times.length;
    if (next === 0 || (!ended && times[next] < to_ns)) continue;
    // A limit that is the same before and after is taken to have stayed.
    if (series.role === 'limit' && (ended || values[next] === values[next - 1])) continue;
    // The curve is known again from its next point on, which may be later than the loss.
    gaps.push({
      from: from_ns,
      to: ended ? Number.POSITIVE_INFINITY : times[next],
      resume: ended ? null : jsonNumber(values[next]),
    });
  }
  return gaps;
}

function withGaps(points: Points, gaps: readonly Gap[], shape: Series['shape']): Points {
  const merged: Points = { t_ns: [], values: [] };
  let next = 0;
  const push = (t: number, value: number | null) => {
    merged.t_ns.push(t);
    merged.values.push(value);
  };
  const copyUntil = (t: number) => {
    for (; next < points.t_ns.length && points.t_ns[next] <= t; next++) {
      push(points.t_ns[next], points.values[next]);
    }
  };
  for (const gap of gaps) {
    copyUntil(gap.from);
    const held = merged.values[merged.values.length - 1] ?? null;
    if (shape === 'step' && held !== null) push(gap.from, held);
    push(gap.from, null);
    // The point that ends the gap may have been left out as a repeat of the level before it.
    const following = points.t_ns[next] ?? Number.POSITIVE_INFINITY;
    if (following > gap.to && gap.resume !== null) push(gap.to, gap.resume);
  }
  copyUntil(Number.POSITIVE_INFINITY);
  return merged;
}

function buildSeries(
  series: Series,
  window: readonly [number, number],
  lost: readonly Interval[],
  limit: number,
): ReportSeries {
  const curve: Curve = series;
  const { indices, binNs } = downsample(curve, window, limit);
  const points: Points = {
    t_ns: indices.map((i) => series.t_ns[i]),
    values: indices.map((i) => jsonNumber(series.values[i])),
  };
  const leastNs = Math.max(binNs, (window[1] - window[0]) * BIG_PART);
  const { t_ns, values } = withGaps(points, gapsOf(series, lost, leastNs), series.shape);
  const bound = series.errorBound;
  return {
    id: clip(series.id),
    label: clip(series.label),
    ...(series.side === undefined ? {} : { side: series.side }),
    role: series.role,
    shape: series.shape,
    points: series.t_ns.length,
    bin_ns: binNs,
    t_ns: t_ns.map((t) => finite(t)),
    values,
    ...(bound === undefined ? {} : { error_bound: finite(bound) }),
  };
}

function captionOf(
  series: readonly ReportSeries[],
  leftOut: number,
  sumsOf_ns: number | undefined,
): string {
  const sentences: string[] = [];
  const binned = series.filter((one) => one.bin_ns > 0);
  if (sumsOf_ns !== undefined) {
    sentences.push(`Each step is the sum over a bin of ${formatQuantity(sumsOf_ns, 'ns')}.`);
  }
  if (binned.length === 0 && sumsOf_ns === undefined) {
    sentences.push('Every change of value is drawn.');
  } else if (binned.length === 0) return sentences.join(' ');
  else {
    const widths = [...new Set(binned.map((one) => one.bin_ns))].sort((a, b) => a - b);
    const said = widths.map((width) => formatQuantity(width, 'ns')).join(' or ');
    const points = binned.reduce((sum, one) => sum + one.points, 0);
    const all = binned.length === series.length;
    const which = all ? '' : `${binned.length} of the ${series.length} curves, `;
    sentences.push(
      `${which}${formatNumber(points)} points${all ? '' : ','} are drawn from bins of ${said}; ` +
        'each bin keeps its first, lowest, highest and last value.',
    );
  }
  if (leftOut > 0) sentences.push(`${leftOut} more curves are not drawn.`);
  return sentences.join(' ');
}

/** `most`: points a curve may have, where a report of many curves leaves less than usual. */
export function buildTimeline(timeline: Timeline, most = MOST_POINTS_PER_SERIES): ReportTimeline {
  const window: [number, number] = [finite(timeline.window_ns[0]), finite(timeline.window_ns[1])];
  const span = Math.max(0, window[1] - window[0]);
  const drawn = timeline.series.slice(0, MOST_SERIES);
  // Limits hardly ever change: they leave their share to the others.
  const curves = drawn.filter((one) => one.role !== 'limit').length;
  const share = Math.floor(MOST_POINTS_PER_CHART / Math.max(1, curves));
  const limit = Math.min(MOST_POINTS_PER_SERIES, share, most);
  const isMarks = ({ shape, role }: Series) => shape === 'point' || role === 'sampled';
  const marks = Math.floor(MOST_MARKS_PER_CHART / Math.max(1, drawn.filter(isMarks).length));
  const lost = uniteIntervals(timeline.lost, 0);
  const series = drawn.map((one) =>
    buildSeries(one, window, lost, isMarks(one) ? Math.min(limit, marks) : limit),
  );
  const shade = (intervals: readonly Interval[]) =>
    uniteIntervals(intervals, span * VISIBLE_PART).map(({ from_ns, to_ns, label }) => ({
      from_ns: finite(from_ns),
      to_ns: Math.min(finite(to_ns, window[1]), window[1]),
      label: clip(label),
    }));
  return {
    kind: 'timeline',
    id: clip(timeline.id),
    title: clip(timeline.title),
    subtitle: clip(timeline.subtitle),
    unit: timeline.unit,
    caption: captionOf(series, timeline.series.length - drawn.length, timeline.sumsOf_ns),
    window_ns: window,
    series,
    ...(timeline.extent === undefined
      ? {}
      : { extent: [finite(timeline.extent[0]), finite(timeline.extent[1])] }),
    bands: shade(timeline.bands),
    lost: shade(timeline.lost),
  };
}
