/** Which details are charts. */
import type {
  ReportDetail,
  ReportDistribution,
  ReportHeatmap,
  ReportLanes,
  ReportTimeline,
} from '../schema/details.ts';

export type TimeChart = ReportTimeline | ReportLanes | ReportHeatmap;
export type ChartDetail = TimeChart | ReportDistribution;

export function isTimeChart(detail: ReportDetail): detail is TimeChart {
  return detail.kind === 'timeline' || detail.kind === 'lanes' || detail.kind === 'heatmap';
}

export function isChart(detail: ReportDetail): detail is ChartDetail {
  return isTimeChart(detail) || detail.kind === 'distribution';
}
