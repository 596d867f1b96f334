/**
 * What all charts over time share: the plot and its margins, one time axis whose ends the page can
 * move (parameters `from` and `to`, in seconds), stretches without events, and the stall window.
 */
import type { TopLevelSpec } from 'vega-lite';
import { visible } from '../display.ts';
import type { ReportInterval } from '../schema/details.ts';
import {
  type ChartOptions,
  chartConfig,
  DARK_PARAM,
  FOCUS,
  HEADING,
  LOST,
  marginsOf,
  shade,
} from './theme.ts';

export type Layer = Extract<TopLevelSpec, { layer: unknown }>['layer'][number];

export const SECOND_NS = 1e9;

/** The plot in pixels, and what its axes span: seconds, and the unit of the chart. */
export type Frame = {
  readonly plotWidth: number;
  readonly plotHeight: number;
  readonly x: readonly [number, number];
  readonly y: readonly [number, number];
  /** What the axis of time counts from. */
  readonly zero?: string | undefined;
};

type OverTime = {
  readonly title: string;
  readonly subtitle: string;
  readonly window_ns: readonly [number, number];
  readonly lost: readonly ReportInterval[];
};

export function plotSize(options: ChartOptions): { plotWidth: number; plotHeight: number } {
  const margins = marginsOf(options.width);
  const top = margins.top + (options.heading ? HEADING : 0);
  return {
    plotWidth: Math.max(120, Math.round(options.width - margins.left - margins.right)),
    plotHeight: Math.max(24, Math.round(options.height - top - margins.bottom)),
  };
}

/** A window of no length still needs an axis: a millisecond. */
export function secondsOf([from, to]: readonly [number, number]): readonly [number, number] {
  return [from / SECOND_NS, (to > from ? to : from + SECOND_NS / 1e3) / SECOND_NS];
}

/** Zooming moves the ends of this axis, and the chart is not built again. */
export function timeAxis(frame: Frame): { type: 'quantitative'; scale: object; axis: object } {
  return {
    type: 'quantitative',
    scale: { domainMin: { expr: 'from' }, domainMax: { expr: 'to' }, nice: false, zero: false },
    axis: {
      title: `seconds since ${visible(frame.zero ?? 'the trace began')}`,
      grid: false,
      tickCount: Math.max(3, Math.round(frame.plotWidth / 90)),
      labelFlush: false,
    },
  };
}

/** The whole specification around the layers of a chart. */
export function overTime(
  chart: OverTime & { readonly description: string },
  options: ChartOptions,
  frame: Frame,
  layer: readonly Layer[],
): TopLevelSpec {
  const margins = marginsOf(options.width);
  const heading = { text: visible(chart.title), subtitle: visible(chart.subtitle) };
  const [from, to] = frame.x;
  return {
    $schema: 'https://vega.github.io/schema/vega-lite/v6.json',
    description: chart.description,
    ...(options.heading ? { title: { ...heading, limit: options.width } } : {}),
    // Room is reserved, not measured: all plots of a page have the same left and right edge.
    autosize: { type: 'none' },
    padding: { ...margins, top: margins.top + (options.heading ? HEADING : 0) },
    width: frame.plotWidth,
    height: frame.plotHeight,
    background: 'transparent',
    params: [DARK_PARAM, { name: 'from', value: from }, { name: 'to', value: to }],
    layer: [...layer],
    config: chartConfig(),
  };
}

const X = { field: 't', type: 'quantitative' as const };

/** A shaded stretch over the whole height. */
export function stretches(
  intervals: readonly ReportInterval[],
  frame: Frame,
  color: typeof LOST,
  opacity: number,
): Layer[] {
  if (intervals.length === 0) return [];
  const values = intervals.map(({ from_ns, to_ns }) => ({
    t: Math.max(frame.x[0], from_ns / SECOND_NS),
    t2: Math.min(frame.x[1], to_ns / SECOND_NS),
  }));
  return [
    {
      data: { values },
      mark: { type: 'rect', clip: true, color: shade(color), opacity, aria: false },
      encoding: { x: X, x2: { field: 't2' } },
    },
  ];
}

export function lostLayers(lost: readonly ReportInterval[], frame: Frame): Layer[] {
  if (lost.length === 0) return [];
  return [...stretches(lost, frame, LOST, 0.22), hatching(lost, frame)];
}

/** Dotted strokes every few pixels: loss must not look like just another shaded band. */
function hatching(lost: readonly ReportInterval[], frame: Frame): Layer {
  const step = ((frame.x[1] - frame.x[0]) * 5) / frame.plotWidth;
  const values: { t: number }[] = [];
  for (const { from_ns, to_ns } of lost) {
    const end = Math.min(frame.x[1], to_ns / SECOND_NS);
    for (let t = Math.max(frame.x[0], from_ns / SECOND_NS); t <= end; t += step) {
      values.push({ t: Number(t.toPrecision(9)) });
    }
  }
  const dots = { strokeDash: [2, 3], opacity: 0.6, aria: false };
  return {
    data: { values },
    mark: { type: 'rule', clip: true, color: shade(LOST), ...dots },
    encoding: { x: X },
  };
}

/** A bracket above the plot from the beginning to the end of the stall window. */
export function focusLayers({ focus_ns }: ChartOptions, frame: Frame): Layer[] {
  if (focus_ns === undefined || focus_ns === null) return [];
  const t = Math.max(frame.x[0], focus_ns[0] / SECOND_NS);
  const t2 = Math.min(frame.x[1], focus_ns[1] / SECOND_NS);
  if (t2 <= t) return [];
  const color = shade(FOCUS);
  const ends = [{ t }, { t: t2 }];
  return [
    {
      data: { values: [{ t, t2 }] },
      mark: { type: 'rule', clip: true, color, strokeWidth: 3, aria: false },
      encoding: { x: X, x2: { field: 't2' }, y: { value: 1.5 } },
    },
    {
      data: { values: ends },
      mark: { type: 'rule', clip: true, color, strokeDash: [3, 3], opacity: 0.7, aria: false },
      encoding: { x: X },
    },
  ];
}
