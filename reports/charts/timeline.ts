/**
 * Curves over time. What a curve is can be seen: recorded ones are solid, inferred ones have long
 * dashes, predictions short ones and an error bar, limits are thin and muted, samples are points.
 * Stretches in which somebody was stalled are shaded; where events were lost the chart is hatched.
 */
import type { TopLevelSpec } from 'vega-lite';
import { shorten, visible } from '../display.ts';
import type { ReportSeries, ReportTimeline } from '../schema/details.ts';
import { ticksFor } from './axis.ts';
import { type Curve, chartScale, curvesOf } from './curves.ts';
import { describeTimeline } from './describe.ts';
import { labels } from './labels.ts';
import { BAND, type ChartOptions, INK, isNarrow, marginsOf, shade } from './theme.ts';
import {
  type Frame,
  focusLayers,
  type Layer,
  lostLayers,
  overTime,
  plotSize,
  SECOND_NS,
  secondsOf,
  stretches,
  timeAxis,
} from './time.ts';

/** Computed values are never drawn like recorded ones. */
const DASHES: Readonly<Partial<Record<ReportSeries['role'], readonly number[]>>> = {
  inferred: [8, 2],
  predicted: [5, 4],
  counterfactual: [2, 3],
};

function lineShape(curve: Curve): 'step-after' | 'linear' {
  return curve.series.shape === 'step' ? 'step-after' : 'linear';
}

function errorBand(curve: Curve): Layer[] {
  if (curve.series.error_bound === undefined) return [];
  return [
    {
      data: { values: curve.rows },
      mark: {
        type: 'area',
        clip: true,
        interpolate: lineShape(curve),
        color: shade(curve.color),
        opacity: 0.2,
        aria: false,
      },
      encoding: {
        x: { field: 't', type: 'quantitative' },
        y: { field: 'lo', type: 'quantitative' },
        y2: { field: 'hi' },
      },
    },
  ];
}

function curveLayer(curve: Curve): Layer {
  const encoding = {
    x: { field: 't', type: 'quantitative' as const },
    y: { field: 'v', type: 'quantitative' as const },
  };
  const common = { clip: true, aria: false, color: shade(curve.color) };
  const { role, shape } = curve.series;
  if (shape === 'point' || role === 'sampled') {
    const size = role === 'sampled' ? 9 : 18;
    const rows = curve.rows.filter((row) => row.v !== null);
    return {
      data: { values: rows },
      mark: { ...common, type: 'point', filled: true, size, opacity: 0.75 },
      encoding,
    };
  }
  // A prediction is the thinner line, and gaps in it show the curve that it lies on.
  const width = role === 'recorded' ? 2 : role === 'inferred' ? 1.6 : 1.25;
  const dash = DASHES[role];
  const strokeDash = dash === undefined ? {} : { strokeDash: [...dash] };
  return {
    data: { values: curve.rows },
    mark: {
      ...common,
      type: 'line',
      interpolate: lineShape(curve),
      strokeWidth: width,
      strokeJoin: 'round',
      ...strokeDash,
    },
    encoding,
  };
}

/** Says inside the plot what the widest stretch is, where there is room for it. */
function stretchLabels(timeline: ReportTimeline, frame: Frame): Layer[] {
  const pixelsPerNs = frame.plotWidth / ((frame.x[1] - frame.x[0]) * SECOND_NS);
  const widest = (intervals: ReportTimeline['bands']) =>
    intervals.reduce<ReportTimeline['bands'][number] | undefined>(
      (best, one) =>
        best === undefined || one.to_ns - one.from_ns > best.to_ns - best.from_ns ? one : best,
      undefined,
    );
  const values = [widest(timeline.lost), widest(timeline.bands)].flatMap((interval) => {
    if (interval === undefined) return [];
    const label = shorten(visible(interval.label), 40);
    const room = (interval.to_ns - interval.from_ns) * pixelsPerNs;
    if (room < label.length * 6.5 + 12) return [];
    return [{ t: Math.max(frame.x[0], interval.from_ns / SECOND_NS), label }];
  });
  if (values.length === 0) return [];
  return [
    {
      data: { values },
      mark: {
        type: 'text',
        clip: true,
        align: 'left',
        baseline: 'top',
        dx: 6,
        fontSize: 11,
        fontStyle: 'italic',
        color: shade(INK),
        aria: false,
      },
      encoding: {
        x: { field: 't', type: 'quantitative' },
        y: { value: 7 },
        text: { field: 'label', type: 'nominal' },
      },
    },
  ];
}

/** As many decimals as tell the ticks apart. */
function tickFormat([first = 0, second = 1]: readonly number[]): string {
  const step = Math.abs(second - first);
  const decimals = [0, 1, 2, 3].find((digits) => {
    const scaled = step * 10 ** digits;
    return Math.abs(scaled - Math.round(scaled)) < 1e-9 * scaled;
  });
  return `,.${decimals ?? 4}f`;
}

/** An empty layer that carries the axes: layers with data inherit its scales. */
function axes(frame: Frame, ticks: readonly number[], yTitle: string, left: number): Layer {
  return {
    data: { values: [{}] },
    mark: { type: 'point', opacity: 0, aria: false },
    encoding: {
      x: { datum: frame.x[0], ...timeAxis(frame) },
      y: {
        datum: frame.y[0],
        type: 'quantitative',
        scale: { domain: [...frame.y], nice: false, zero: false },
        axis: {
          title: yTitle,
          values: [...ticks],
          // Else vega leaves out every second one of more than it would have made, 0 with them.
          tickCount: ticks.length,
          format: tickFormat(ticks),
          labelOverlap: false,
          grid: true,
          domain: false,
          ticks: false,
          minExtent: left - 24,
          maxExtent: left - 24,
        },
      },
    },
  };
}

export function timelineSpec(timeline: ReportTimeline, options: ChartOptions): TopLevelSpec {
  const scale = chartScale(timeline);
  const { plotWidth, plotHeight } = plotSize(options);
  const ticks = ticksFor(scale.low, scale.high, Math.max(3, plotHeight / 38), timeline.unit);
  const x = secondsOf(timeline.window_ns);
  const frame: Frame = { plotWidth, plotHeight, x, y: ticks.domain, zero: timeline.zero };
  const curves = curvesOf(timeline, scale);
  const left = marginsOf(options.width).left;
  return overTime({ ...timeline, description: describeTimeline(timeline) }, options, frame, [
    axes(frame, ticks.values, scale.suffix, left),
    ...stretches(timeline.bands, frame, BAND, 0.16),
    ...lostLayers(timeline.lost, frame),
    ...curves.flatMap(errorBand),
    ...curves.map(curveLayer),
    ...focusLayers(options, frame),
    ...stretchLabels(timeline, frame),
    ...(isNarrow(options.width) ? [] : labels(curves, frame)),
  ]);
}
