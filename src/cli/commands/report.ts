/** `tidemark report`: what stalled, as one page to share. */
import {
  renderHtml,
  renderJson,
  renderReportMarkdown,
  renderReportText,
} from '../../../reports/index.ts';
import { keepUnlessUnread } from '../../findings/unread-events.ts';
import type { Trace } from '../../trace/trace.ts';
import { openCapture } from '../capture.ts';
import { parseOptions, ReportOptions } from '../config.ts';
import { readDiagnosisConfig } from '../diagnosis-config.ts';
import { checkWritable, makeFolder, writeWhole } from '../files.ts';
import { type Io, screenColumns } from '../io.ts';
import { chartFolderOf, chartLinks, writeCharts } from '../report/chart-files.ts';
import { makeReport } from '../report/one.ts';
import { pageAssets } from '../report/page-assets.ts';
import { makePairReport, type Pair } from '../report/pair.ts';

export async function report(file: string, raw: unknown, io: Io): Promise<void> {
  const options = parseOptions(ReportOptions, raw);
  const { output, json, markdown, png } = options;
  const svg = options.svg ?? markdownCharts(options);
  // A report that cannot be written should fail before minutes of reading, not after.
  for (const path of [output, json, markdown]) if (path !== undefined) checkWritable(path);
  for (const folder of [svg, png]) if (folder !== undefined) makeFolder(folder);
  const choices = readDiagnosisConfig(options.config);
  const trace = await openCapture(file, options, io, keepUnlessUnread);
  const pair = await otherOf(file, trace, options, io);
  const document =
    pair === undefined
      ? makeReport(file, trace, { ...options, choices })
      : makePairReport(pair, { ...options, choices });
  writeWhole(output, renderHtml(document, pageAssets()));
  if (json !== undefined) writeWhole(json, renderJson(document));
  const charts = await writeCharts(document, { svg, png });
  if (markdown !== undefined) {
    writeWhole(markdown, renderReportMarkdown(document, chartLinks(markdown, charts)));
  }
  if (options.quiet) return;
  io.out(renderReportText(document, screenColumns(io)));
  const files = [output, json, markdown].filter((path) => path !== undefined);
  for (const folder of [svg, png]) {
    if (folder !== undefined) files.push(`${charts.length} charts in ${folder}`);
  }
  io.out(`\nwritten to ${files.join(', ')}\n`);
}

/** Markdown links its charts; where no folder is named for them, they go into one beside it. */
function markdownCharts({
  markdown,
  png,
}: {
  readonly markdown?: string | undefined;
  readonly png?: string | undefined;
}): string | undefined {
  return markdown === undefined || png !== undefined ? undefined : chartFolderOf(markdown);
}

/**
 * `report BEFORE AFTER`, or `report AFTER --against BEFORE`. Options about a capture are those of
 * the one named first; what lies beside the other is found by itself.
 */
async function otherOf(
  file: string,
  trace: Trace,
  {
    other,
    against,
    quiet,
  }: { other?: string | undefined; against?: string | undefined; quiet: boolean },
  io: Io,
): Promise<Pair | undefined> {
  const name = other ?? against;
  if (name === undefined) return undefined;
  const named = { file, trace };
  const found = { file: name, trace: await openCapture(name, { quiet }, io, keepUnlessUnread) };
  return other === undefined ? { before: found, after: named } : { before: named, after: found };
}
