/** THE list of charts: each kind of detail that is drawn, and the function that draws it. */
import type { TopLevelSpec } from 'vega-lite';
import { distributionSpec } from './distribution.ts';
import { heatmapSpec, ROW_HEIGHT } from './heatmap.ts';
import type { ChartDetail } from './kinds.ts';
import { LANE_HEIGHT, lanesSpec } from './lanes.ts';
import type { ChartOptions } from './theme.ts';
import { timelineSpec } from './timeline.ts';

export function chartSpec(detail: ChartDetail, options: ChartOptions): TopLevelSpec {
  switch (detail.kind) {
    case 'timeline':
      return timelineSpec(detail, options);
    case 'lanes':
      return lanesSpec(detail, options);
    case 'heatmap':
      return heatmapSpec(detail, options);
    case 'distribution':
      return distributionSpec(detail, options);
  }
}

/** Margins above and below the plot of a chart over time. */
const AROUND = 64;

/** The height that a chart wants; timelines take what is given, and room for a name per curve. */
export function heightOf(detail: ChartDetail, timeline: number): number {
  switch (detail.kind) {
    case 'timeline':
      return Math.max(timeline, AROUND + 15 * detail.series.length);
    case 'lanes':
      return AROUND + LANE_HEIGHT * Math.max(1, detail.lanes.length);
    case 'heatmap':
      return AROUND + ROW_HEIGHT * Math.max(3, detail.rows.length);
    case 'distribution':
      return 34 + 22 * detail.buckets.length;
  }
}

export {
  describeDistribution,
  describeHeatmap,
  describeLanes,
  describeTimeline,
  keyOf,
  summarizeSeries,
} from './describe.ts';
export { type ChartDetail, isChart, isTimeChart, type TimeChart } from './kinds.ts';
export { kindColor } from './lanes.ts';
export { type ChartOptions, DEFAULT_OPTIONS, marginsOf } from './theme.ts';
