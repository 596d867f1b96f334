/** How many, by time and size: the more in a cell, the stronger its colour (on a log scale). */
import type { TopLevelSpec } from 'vega-lite';
import { shorten, visible } from '../display.ts';
import type { ReportHeatmap } from '../schema/details.ts';
import { formatNumber } from '../units.ts';
import { describeHeatmap } from './describe.ts';
import { type ChartOptions, CURVES, INK, isNarrow, MUTED, shade } from './theme.ts';
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

export const ROW_HEIGHT = 20;
/** Room for the bracket of the stall window, in rows. */
const ABOVE = 0.4;
/** The weakest cell must still be seen. */
const LEAST = 0.18;

function opacityOf(count: number, most: number): number {
  if (most <= 1) return 1;
  const part = Math.log(count) / Math.log(most);
  return Number((LEAST + (1 - LEAST) * part).toFixed(3));
}

function cellLayer(chart: ReportHeatmap, most: number): Layer {
  const [from] = chart.window_ns;
  const values = chart.cells.map(([column, row, count]) => ({
    t: (from + column * chart.bin_ns) / SECOND_NS,
    t2: (from + (column + 1) * chart.bin_ns) / SECOND_NS,
    y: row,
    y2: row + 1,
    o: opacityOf(count, most),
  }));
  const color = shade(CURVES[0] ?? INK);
  return {
    data: { values },
    mark: { type: 'rect', clip: true, color, aria: false },
    encoding: {
      x: { field: 't', type: 'quantitative' },
      x2: { field: 't2' },
      y: { field: 'y', type: 'quantitative' },
      y2: { field: 'y2' },
      opacity: { field: 'o', type: 'quantitative', scale: null },
    },
  };
}

function rowLayer(chart: ReportHeatmap): Layer {
  const values = chart.rows.map((name, row) => ({
    y: row + 0.5,
    name: shorten(visible(name), 12),
  }));
  return {
    data: { values },
    mark: {
      type: 'text',
      align: 'right',
      baseline: 'middle',
      fontSize: 11,
      color: shade(MUTED),
      aria: false,
    },
    encoding: {
      x: { value: -6 },
      y: { field: 'y', type: 'quantitative' },
      text: { field: 'name', type: 'nominal' },
    },
  };
}

/** What the strength of the colour means, beside the plot. */
function keyLayers(chart: ReportHeatmap, frame: Frame, most: number): Layer[] {
  const counts = [...new Set([1, Math.round(Math.sqrt(most)), most])];
  const values = counts.map((count, at) => ({
    y: 8 + 18 * at,
    o: opacityOf(count, most),
    label: `${formatNumber(count)}${at === counts.length - 1 ? ` ${shorten(visible(chart.counted), 20)}` : ''}`,
  }));
  const color = shade(CURVES[0] ?? INK);
  const y = { value: { expr: 'datum.y' } };
  return [
    {
      data: { values },
      mark: { type: 'point', shape: 'square', filled: true, size: 120, color, aria: false },
      encoding: {
        x: { value: frame.plotWidth + 14 },
        y,
        opacity: { field: 'o', type: 'quantitative', scale: null },
      },
    },
    {
      data: { values },
      mark: {
        type: 'text',
        align: 'left',
        baseline: 'middle',
        fontSize: 12,
        color: shade(INK),
        aria: false,
      },
      encoding: {
        x: { value: frame.plotWidth + 28 },
        y,
        text: { field: 'label', type: 'nominal' },
      },
    },
  ];
}

export function heatmapSpec(chart: ReportHeatmap, options: ChartOptions): TopLevelSpec {
  const { plotWidth, plotHeight } = plotSize(options);
  const x = secondsOf(chart.window_ns);
  const rows = Math.max(1, chart.rows.length);
  const frame: Frame = { plotWidth, plotHeight, x, y: [0, rows], zero: chart.zero };
  const most = chart.cells.reduce((high, [, , count]) => Math.max(high, count), 1);
  const axes: Layer = {
    data: { values: [{}] },
    mark: { type: 'point', opacity: 0, aria: false },
    encoding: {
      x: { datum: frame.x[0], ...timeAxis(frame) },
      y: {
        datum: 0,
        type: 'quantitative',
        scale: { domain: [0, rows + ABOVE], nice: false, zero: false },
        axis: null,
      },
    },
  };
  return overTime({ ...chart, description: describeHeatmap(chart) }, options, frame, [
    axes,
    ...lostLayers(chart.lost, frame),
    cellLayer(chart, most),
    ...focusLayers(options, frame),
    rowLayer(chart),
    ...(isNarrow(options.width) ? [] : keyLayers(chart, frame, most)),
  ]);
}
