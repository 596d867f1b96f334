/**
 * Curves over time. What a curve is can be seen: recorded ones are solid, predictions dashed with
 * their error bar, limits thin and muted, samples points. Stretches in which somebody was stalled
 * are shaded; where events were lost the chart is hatched.
 */
import type { TopLevelSpec } from 'vega-lite';
import { shorten, visible } from '../display.ts';
import type { ReportTimeline } from '../report.ts';
import { ticksFor } from './axis.ts';
import { type Curve, chartScale, curvesOf, SECOND_NS } from './curves.ts';
import { describeTimeline } from './describe.ts';
import { type Frame, type Layer, labels } from './labels.ts';
import {
  BAND,
  type ChartOptions,
  chartConfig,
  DARK_PARAM,
  INK,
  LOST,
  MARGIN,
  shade,
} from './theme.ts';

const DASH = [5, 4];

function lineShape(curve: Curve): 'step-after' | 'linear' {
  return curve.series.shape === 'step' ? 'step-after' : 'linear';
}

function shading(timeline: ReportTimeline, frame: Frame): Layer[] {
  const layers: Layer[] = [];
  const rows = (intervals: ReportTimeline['bands']) =>
    intervals.map(({ from_ns, to_ns }) => ({
      t: Math.max(frame.x[0], from_ns / SECOND_NS),
      t2: Math.min(frame.x[1], to_ns / SECOND_NS),
    }));
  const area = (
    intervals: ReportTimeline['bands'],
    color: typeof BAND,
    opacity: number,
  ): Layer => ({
    data: { values: rows(intervals) },
    mark: { type: 'rect', clip: true, color: shade(color), opacity, aria: false },
    encoding: { x: { field: 't', type: 'quantitative' }, x2: { field: 't2' } },
  });
  if (timeline.bands.length > 0) layers.push(area(timeline.bands, BAND, 0.16));
  if (timeline.lost.length > 0)
    layers.push(area(timeline.lost, LOST, 0.22), hatching(timeline, frame));
  return layers;
}

/** Dotted strokes every few pixels: loss must not look like just another shaded band. */
function hatching(timeline: ReportTimeline, frame: Frame): Layer {
  const seconds = frame.x[1] - frame.x[0];
  const step = (seconds * 5) / frame.plotWidth;
  const values: { t: number }[] = [];
  for (const { from_ns, to_ns } of timeline.lost) {
    for (let t = from_ns / SECOND_NS; t <= to_ns / SECOND_NS; t += step) {
      values.push({ t: Number(t.toPrecision(9)) });
    }
  }
  return {
    data: { values },
    mark: {
      type: 'rule',
      clip: true,
      color: shade(LOST),
      strokeDash: [2, 3],
      opacity: 0.6,
      aria: false,
    },
    encoding: { x: { field: 't', type: 'quantitative' } },
  };
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
  const width = role === 'recorded' ? 2 : 1.25;
  const strokeDash = role === 'predicted' ? { strokeDash: DASH } : {};
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
    return [{ t: interval.from_ns / SECOND_NS, label }];
  });
  if (values.length === 0) return [];
  return [
    {
      data: { values },
      mark: {
        type: 'text',
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
        y: { value: 3 },
        text: { field: 'label', type: 'nominal' },
      },
    },
  ];
}

/** An empty layer that carries the axes: layers with data inherit its scales. */
function axes(frame: Frame, ticks: readonly number[], yTitle: string): Layer {
  return {
    data: { values: [{}] },
    mark: { type: 'point', opacity: 0, aria: false },
    encoding: {
      x: {
        datum: frame.x[0],
        type: 'quantitative',
        scale: { domain: [...frame.x], nice: false, zero: false },
        axis: {
          title: 'seconds since the trace began',
          grid: false,
          tickCount: Math.max(3, Math.round(frame.plotWidth / 90)),
          labelFlush: false,
        },
      },
      y: {
        datum: frame.y[0],
        type: 'quantitative',
        scale: { domain: [...frame.y], nice: false, zero: false },
        axis: {
          title: yTitle,
          values: [...ticks],
          grid: true,
          domain: false,
          ticks: false,
          minExtent: MARGIN.left - 24,
          maxExtent: MARGIN.left - 24,
        },
      },
    },
  };
}

export function timelineSpec(timeline: ReportTimeline, options: ChartOptions): TopLevelSpec {
  const scale = chartScale(timeline);
  const top = MARGIN.top + (options.heading ? MARGIN.heading : 0);
  const plotWidth = Math.max(120, Math.round(options.width - MARGIN.left - MARGIN.right));
  const plotHeight = Math.max(80, Math.round(options.height - top - MARGIN.bottom));
  const ticks = ticksFor(scale.low, scale.high, Math.max(3, plotHeight / 38), timeline.unit);
  const [from, to] = timeline.window_ns;
  const frame: Frame = {
    plotWidth,
    plotHeight,
    x: [from / SECOND_NS, (to > from ? to : from + 1) / SECOND_NS],
    y: ticks.domain,
  };
  const curves = curvesOf(timeline, scale);
  const heading = { text: visible(timeline.title), subtitle: visible(timeline.subtitle) };
  return {
    $schema: 'https://vega.github.io/schema/vega-lite/v6.json',
    description: describeTimeline(timeline),
    ...(options.heading ? { title: { ...heading, limit: options.width } } : {}),
    // Room is reserved, not measured: all plots of a page have the same left and right edge.
    autosize: { type: 'none' },
    padding: { left: MARGIN.left, right: MARGIN.right, top, bottom: MARGIN.bottom },
    width: plotWidth,
    height: plotHeight,
    background: 'transparent',
    params: [DARK_PARAM],
    layer: [
      axes(frame, ticks.values, scale.suffix),
      ...shading(timeline, frame),
      ...curves.flatMap(errorBand),
      ...curves.map(curveLayer),
      ...stretchLabels(timeline, frame),
      ...labels(curves, frame),
    ],
    config: chartConfig(),
  };
}
