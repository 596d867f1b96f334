/** What a chart holds at a moment, as lines of the box at the pointer. */
import { chartScale, curvesOf } from '../charts/curves.ts';
import { kindColor, type TimeChart } from '../charts/index.ts';
import type { Pair } from '../charts/theme.ts';
import { shorten, visible } from '../display.ts';
import type { ReportInterval, ReportSeries } from '../schema/details.ts';
import { formatNumber, formatQuantity } from '../units.ts';
import { el } from './dom.ts';
import type { TimeWindow } from './time-view.ts';

/** Marks farther from the pointer than this part of the window are not meant. */
const NEAR_PART = 0.01;
const MOST_BARS = 8;

/** Rows for the moment `t`; `height` is where the pointer is in the plot, 0 at its top. */
export type ReadValues = (t: number, window: TimeWindow, isDark: boolean) => HTMLElement[];

/** Index of the last point at or before `t`, -1 if there is none. */
function lastAt(times: readonly number[], t: number): number {
  let low = 0;
  let high = times.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((times[middle] ?? 0) <= t) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

function valueAt(series: ReportSeries, t: number, near: number): number | undefined {
  const before = lastAt(series.t_ns, t);
  if (series.shape === 'step') return series.values[before] ?? undefined;
  const after = before + 1;
  const distance = (i: number) => Math.abs((series.t_ns[i] ?? Number.POSITIVE_INFINITY) - t);
  const closest = distance(before) <= distance(after) ? before : after;
  if (series.shape === 'point' && distance(closest) > near) return undefined;
  return series.values[closest] ?? undefined;
}

function line(name: string, value: string, color: Pair | undefined, isDark: boolean): HTMLElement {
  const span = el('span', {}, shorten(visible(name), 44));
  if (color !== undefined) span.style.color = isDark ? color.dark : color.light;
  return el('div', {}, span, el('b', {}, value));
}

function stretchLines(intervals: readonly ReportInterval[], t: number): HTMLElement[] {
  const found = intervals.find(({ from_ns, to_ns }) => t >= from_ns && t <= to_ns);
  if (found === undefined) return [];
  const length = formatQuantity(found.to_ns - found.from_ns, 'ns');
  return [el('em', {}, `${shorten(visible(found.label), 60)}, ${length}`)];
}

export function valueReader(chart: TimeChart): ReadValues {
  switch (chart.kind) {
    case 'timeline': {
      const curves = curvesOf(chart, chartScale(chart));
      return (t, [from, to], isDark) => [
        ...curves.flatMap(({ series, color }) => {
          const value = valueAt(series, t, (to - from) * NEAR_PART);
          if (value === undefined) return [];
          return [line(series.label, formatQuantity(value, chart.unit), color, isDark)];
        }),
        ...stretchLines(chart.bands, t),
        ...stretchLines(chart.lost, t),
      ];
    }
    case 'lanes':
      return (t, [from, to], isDark) => {
        const near = (to - from) * NEAR_PART * 0.3;
        const bars = chart.bars.filter(
          ({ from_ns, to_ns }) => t >= from_ns - near && t <= to_ns + near,
        );
        return [
          ...bars.slice(0, MOST_BARS).map(({ lane, kind, text }) => {
            const color = kindColor(kind);
            return line(chart.lanes[lane] ?? '', shorten(visible(text), 60), color, isDark);
          }),
          ...stretchLines(chart.lost, t),
        ];
      };
    case 'heatmap':
      return (t) => {
        const column = Math.floor((t - chart.window_ns[0]) / chart.bin_ns);
        const cells = chart.cells.filter(([at]) => at === column).toReversed();
        return [
          ...cells.map(([, row, count]) =>
            line(chart.rows[row] ?? '', formatNumber(count), undefined, false),
          ),
          ...stretchLines(chart.lost, t),
        ];
      };
  }
}
