/** A page that renderHtml made → its Report, so that a page can be listed and made again. */
import { parseReport, type Report } from '../schema/report.ts';

const OPEN = '<script type="application/json" id="report">';
const CLOSE = '</script>';

/** Undefined for what is no page of ours, or one of another version. */
export function readHtml(html: string): Report | undefined {
  const from = html.indexOf(OPEN);
  const to = html.indexOf(CLOSE, from);
  if (from < 0 || to < 0) return undefined;
  try {
    return parseReport(html.slice(from + OPEN.length, to));
  } catch {
    return undefined;
  }
}
