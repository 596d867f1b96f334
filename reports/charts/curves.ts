/** What each curve of a timeline looks like, and its rows in the unit of the chart. */
import type { ReportSeries, ReportTimeline } from '../schema/details.ts';
import { type Scale, scaleFor } from '../units.ts';
import { CURVES, LIMITS, type Pair, PREDICTIONS, SIDES } from './theme.ts';

/** Short names, as every row repeats them: `t` seconds, `v` value, `lo` to `hi` error bar. */
export type Row = { t: number; v: number | null; lo?: number | null; hi?: number | null };

export type Curve = { readonly series: ReportSeries; readonly color: Pair; readonly rows: Row[] };

/** The largest magnitude that a chart shows, error bars included. */
function extentOf(timeline: ReportTimeline): { low: number; high: number } {
  let low = 0;
  let high = 0;
  for (const { values, role, error_bound: bound = 0 } of timeline.series) {
    for (const value of values) {
      if (value === null) continue;
      // The error bar of a counter near zero needs no room below it; a tolerance around zero does.
      low = Math.min(low, role === 'limit' || value < 0 ? value - bound : value);
      high = Math.max(high, value + bound);
    }
  }
  const [least, most] = timeline.extent ?? [low, high];
  return { low: Math.min(low, least), high: Math.max(high, most) };
}

export function chartScale(timeline: ReportTimeline): Scale & { low: number; high: number } {
  const { low, high } = extentOf(timeline);
  const scale = scaleFor(timeline.unit, Math.max(-low, high));
  return { ...scale, low: low / scale.divisor, high: high / scale.divisor };
}

/** Microseconds and five digits of the value are finer than a pixel. */
function shortNumber(value: number): number {
  return Number(value.toPrecision(7));
}

/** A curve ends with its last point: what came after it was not recorded. */
function rowsOf(series: ReportSeries, scale: Scale): Row[] {
  const bound = series.error_bound;
  const row = (t_ns: number, value: number | null): Row => {
    const v = value === null ? null : shortNumber(value / scale.divisor);
    const t = Math.round(t_ns / 1e3) / 1e6;
    if (bound === undefined) return { t, v };
    if (v === null) return { t, v, lo: null, hi: null };
    const half = bound / scale.divisor;
    return { t, v, lo: shortNumber(v - half), hi: shortNumber(v + half) };
  };
  return series.t_ns.map((t, i) => row(t, series.values[i]));
}

function pick(colors: readonly Pair[], i: number): Pair {
  return colors[i % colors.length] ?? { light: '#000000', dark: '#ffffff' };
}

/** Of two captures each has a hue; what it is compared with is paler. */
function sideColor({ side = 'after', role }: ReportSeries): Pair {
  return SIDES[side][role === 'limit' ? 'limit' : 'curve'];
}

/** Colours by role and order; limits first, since curves are drawn over them. */
export function curvesOf(timeline: ReportTimeline, scale: Scale): Curve[] {
  const used = { curve: 0, prediction: 0, limit: 0 };
  const colored = timeline.series.map((series): Curve => {
    const rows = rowsOf(series, scale);
    if (series.side !== undefined) return { series, rows, color: sideColor(series) };
    if (series.role === 'limit') return { series, rows, color: pick(LIMITS, used.limit++) };
    if (series.role === 'predicted') {
      return { series, rows, color: pick(PREDICTIONS, used.prediction++) };
    }
    return { series, rows, color: pick(CURVES, used.curve++) };
  });
  const order = {
    limit: 0,
    sampled: 1,
    recorded: 2,
    inferred: 3,
    predicted: 4,
    counterfactual: 5,
  };
  return colored.toSorted((a, b) => order[a.series.role] - order[b.series.role]);
}
