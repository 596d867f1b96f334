/** Who waited or worked when: bars in lanes over one time axis, coloured by kind. */
import type { TopLevelSpec } from 'vega-lite';
import { shorten, visible } from '../display.ts';
import type { ReportLanes } from '../schema/details.ts';
import { describeLanes } from './describe.ts';
import {
  type ChartOptions,
  CURVES,
  INK,
  isNarrow,
  LABEL_CHARACTERS,
  LIMITS,
  MUTED,
  type Pair,
  shade,
} from './theme.ts';
import {
  type Frame,
  focusLayers,
  type Layer,
  lostLayers,
  overTime,
  plotSize,
  SECOND_NS,
  secondsOf,
  timeAxis,
} from './time.ts';

/** A lane: its name, and below it the bars. */
export const LANE_HEIGHT = 38;
const NAME_HEIGHT = 16;
/** Room for the bracket of the stall window. */
const ABOVE = 7;
const BAR_HEIGHT = 16;
const LABELLED = 24;
/** Characters of the small text in and above bars, in pixels. */
const CHARACTER = 6.3;

/** Kinds beyond the palette share the muted colours of limits. */
export function kindColor(kind: number): Pair {
  return CURVES[kind] ?? LIMITS[kind % LIMITS.length] ?? INK;
}

type Row = { t: number; t2: number; y: number; y2: number };

/** Bars of so many pixels are parted from their neighbours by a line of the page's colour. */
const PARTED_PIXELS = 6;
const PAGE: Pair = { light: '#ffffff', dark: '#0f1419' };

function barLayers(chart: ReportLanes, frame: Frame): Layer[] {
  const perNs = frame.plotWidth / ((frame.x[1] - frame.x[0]) * SECOND_NS);
  return chart.kinds.flatMap((_, kind) => {
    const own = chart.bars.filter((bar) => bar.kind === kind);
    const isWide = ({ from_ns, to_ns }: (typeof own)[number]) =>
      (to_ns - from_ns) * perNs >= PARTED_PIXELS;
    // The stroke keeps a bar visible that is thinner than a pixel.
    return [
      ...barLayer(
        own.filter((bar) => !isWide(bar)),
        kindColor(kind),
        kindColor(kind),
      ),
      ...barLayer(own.filter(isWide), kindColor(kind), PAGE),
    ];
  });
}

function barLayer(bars: ReportLanes['bars'], fill: Pair, stroke: Pair): Layer[] {
  if (bars.length === 0) return [];
  const values = bars.map(({ from_ns, to_ns, lane }): Row => {
    const y = ABOVE + lane * LANE_HEIGHT + NAME_HEIGHT;
    const t = Math.round(from_ns / 1e3) / 1e6;
    return { t, t2: Math.round(to_ns / 1e3) / 1e6, y, y2: y + BAR_HEIGHT };
  });
  return [
    {
      data: { values },
      mark: {
        type: 'rect',
        clip: true,
        color: shade(fill),
        stroke: shade(stroke),
        strokeWidth: 0.6,
        aria: false,
      },
      encoding: {
        x: { field: 't', type: 'quantitative' },
        x2: { field: 't2' },
        y: { field: 'y', type: 'quantitative' },
        y2: { field: 'y2' },
      },
    },
  ];
}

/** Names of lanes inside of the plot, where any width has room for them. */
function nameLayer(chart: ReportLanes, frame: Frame): Layer {
  const longest = Math.floor(frame.plotWidth / CHARACTER) - 2;
  const values = chart.lanes.map((name, lane) => ({
    y: ABOVE + lane * LANE_HEIGHT + 8,
    name: shorten(visible(name), longest),
  }));
  return {
    data: { values },
    mark: {
      type: 'text',
      align: 'left',
      baseline: 'middle',
      fontSize: 11.5,
      color: shade(INK),
      aria: false,
    },
    encoding: {
      x: { value: 4 },
      y: { field: 'y', type: 'quantitative' },
      text: { field: 'name', type: 'nominal' },
    },
  };
}

/** What the longest bars say, where it fits into them. */
function textLayer(chart: ReportLanes, frame: Frame): Layer[] {
  const perNs = frame.plotWidth / ((frame.x[1] - frame.x[0]) * SECOND_NS);
  const values = chart.bars
    .toSorted((a, b) => b.to_ns - b.from_ns - (a.to_ns - a.from_ns))
    .slice(0, LABELLED)
    .flatMap(({ from_ns, to_ns, lane, text }) => {
      const from = Math.max(frame.x[0] * SECOND_NS, from_ns);
      const label = shorten(visible(text), 48);
      if ((to_ns - from) * perNs < label.length * CHARACTER + 8) return [];
      const y = ABOVE + lane * LANE_HEIGHT + NAME_HEIGHT + BAR_HEIGHT / 2;
      return [{ t: from / SECOND_NS, y, label }];
    });
  if (values.length === 0) return [];
  return [
    {
      data: { values },
      mark: {
        type: 'text',
        clip: true,
        align: 'left',
        baseline: 'middle',
        dx: 5,
        fontSize: 11,
        color: shade(PAGE),
        aria: false,
      },
      encoding: {
        x: { field: 't', type: 'quantitative' },
        y: { field: 'y', type: 'quantitative' },
        text: { field: 'label', type: 'nominal' },
      },
    },
  ];
}

/** What the colours mean, beside the plot. */
function kindLayers(chart: ReportLanes, frame: Frame): Layer[] {
  const values = chart.kinds.map((name, kind) => ({
    y: 8 + 17 * kind,
    label: shorten(visible(name === '' ? 'no reason given' : name), LABEL_CHARACTERS),
    light: kindColor(kind).light,
    dark: kindColor(kind).dark,
  }));
  const fitting = values.filter(({ y }) => y < frame.plotHeight);
  const color = { expr: 'dark ? datum.dark : datum.light' };
  const y = { value: { expr: 'datum.y' } };
  const common = { color, aria: false };
  return [
    {
      data: { values: fitting },
      mark: { type: 'point', shape: 'square', filled: true, size: 110, opacity: 1, ...common },
      encoding: { x: { value: frame.plotWidth + 14 }, y },
    },
    {
      data: { values: fitting },
      mark: { type: 'text', align: 'left', baseline: 'middle', fontSize: 12, ...common },
      encoding: {
        x: { value: frame.plotWidth + 28 },
        y,
        text: { field: 'label', type: 'nominal' },
      },
    },
  ];
}

function axes(frame: Frame, lanes: number): Layer {
  const lines = Array.from({ length: lanes }, (_, lane) => ({
    y: ABOVE + (lane + 1) * LANE_HEIGHT - 2,
  }));
  return {
    data: { values: lines },
    mark: { type: 'rule', color: shade(MUTED), opacity: 0.25, aria: false },
    encoding: {
      y: {
        field: 'y',
        type: 'quantitative',
        scale: { domain: [0, frame.plotHeight], reverse: true, nice: false, zero: false },
        axis: null,
      },
    },
  };
}

/** An empty layer for the time axis: rules over the whole width carry none. */
function timeLayer(frame: Frame): Layer {
  return {
    data: { values: [{}] },
    mark: { type: 'point', opacity: 0, aria: false },
    encoding: { x: { datum: frame.x[0], ...timeAxis(frame) } },
  };
}

export function lanesSpec(chart: ReportLanes, options: ChartOptions): TopLevelSpec {
  const { plotWidth, plotHeight } = plotSize(options);
  const x = secondsOf(chart.window_ns);
  const frame: Frame = { plotWidth, plotHeight, x, y: [0, plotHeight], zero: chart.zero };
  return overTime({ ...chart, description: describeLanes(chart) }, options, frame, [
    axes(frame, chart.lanes.length),
    timeLayer(frame),
    ...lostLayers(chart.lost, frame),
    ...barLayers(chart, frame),
    ...textLayer(chart, frame),
    ...focusLayers(options, frame),
    nameLayer(chart, frame),
    ...(isNarrow(options.width) ? [] : kindLayers(chart, frame)),
  ]);
}
