/** What the command line takes from this room: findings in; Report, page, JSON and text out. */
export { buildReport, type SubjectInput } from './build/report.ts';
export {
  type CaptureEntry,
  type CaptureList,
  type CaptureState,
  type CaptureSummary,
  summarizeReport,
} from './capture-list.ts';
export { visible } from './display.ts';
export { chartsOf } from './parts.ts';
export { redactReport } from './redact.ts';
export { PAGE_ASSETS, WATCH_ASSETS } from './render/assets.ts';
export {
  type ChartLink,
  renderReportMarkdown,
  renderReportText,
} from './render/comparison-text.ts';
export { type PageAssets, pagePolicy, renderHtml } from './render/html.ts';
export { renderJson } from './render/json.ts';
export { readHtml } from './render/read-html.ts';
export { parseReport, type Report } from './schema/report.ts';
