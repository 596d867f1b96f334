/** THE list of charts: each kind of detail that is drawn, and the function that draws it. */
import type { TopLevelSpec } from 'vega-lite';
import type { ReportDetail, ReportDistribution, ReportTimeline } from '../report.ts';
import { distributionSpec } from './distribution.ts';
import type { ChartOptions } from './theme.ts';
import { timelineSpec } from './timeline.ts';

export type ChartDetail = ReportTimeline | ReportDistribution;

export function isChart(detail: ReportDetail): detail is ChartDetail {
  return detail.kind === 'timeline' || detail.kind === 'distribution';
}

export function chartSpec(detail: ChartDetail, options: ChartOptions): TopLevelSpec {
  switch (detail.kind) {
    case 'timeline':
      return timelineSpec(detail, options);
    case 'distribution':
      return distributionSpec(detail, options);
  }
}

export { describeDistribution, describeTimeline, keyOf, summarizeSeries } from './describe.ts';
export { type ChartOptions, DEFAULT_OPTIONS, MARGIN } from './theme.ts';
