/** The only exports of this room. Findings in; Report, page, JSON and text out. */
export { type BuildInput, buildReport } from './build.ts';
export { PAGE_ASSETS } from './render/assets.ts';
export { type PageAssets, renderHtml } from './render/html.ts';
export { renderJson } from './render/json.ts';
export { renderText } from './render/text.ts';
export type {
  ReportDetail,
  ReportHeadline,
  ReportInput,
  ReportQuality,
  ReportSection,
  Unit,
} from './report.ts';
export { parseReport, REPORT_VERSION, type Report, reportSchema } from './report.ts';
export { formatQuantity } from './units.ts';
