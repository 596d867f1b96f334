/** The only exports of this room. Findings in; Report, page, JSON and text out. */
export { type BuildInput, buildReport, type SubjectInput } from './build.ts';
export { buildDiagnosis, type DiagnosisInput } from './build-diagnosis.ts';
export {
  type CaptureEntry,
  type CaptureList,
  type CaptureState,
  type CaptureSummary,
  summarizeReport,
} from './capture-list.ts';
export {
  DIAGNOSIS_VERSION,
  type DiagnosisDocument,
  diagnosisSchema,
  parseDiagnosis,
} from './diagnosis.ts';
export { visible } from './display.ts';
export { chartsOf, toDiagnosis } from './parts.ts';
export { redactReport } from './redact.ts';
export { PAGE_ASSETS, WATCH_ASSETS } from './render/assets.ts';
export {
  type ChartLink,
  renderReportMarkdown,
  renderReportText,
} from './render/comparison-text.ts';
export { renderDiagnosisMarkdown } from './render/diagnosis-markdown.ts';
export { renderDiagnosisText } from './render/diagnosis-text.ts';
export { type PageAssets, pagePolicy, renderHtml } from './render/html.ts';
export { renderJson } from './render/json.ts';
export { readHtml } from './render/read-html.ts';
export type {
  ReportDetail,
  ReportDiagnosis,
  ReportHeadline,
  ReportInput,
  ReportQuality,
  ReportSection,
  Unit,
} from './report.ts';
export { parseReport, REPORT_VERSION, type Report, reportSchema } from './report.ts';
export { formatQuantity } from './units.ts';
