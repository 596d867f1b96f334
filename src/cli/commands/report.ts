/** `tidemark report`: what stalled, as one page to share. */
import {
  buildReport,
  PAGE_ASSETS,
  type PageAssets,
  type Report,
  redactReport,
  renderHtml,
  renderJson,
  renderReportMarkdown,
  renderReportText,
} from '../../../reports/index.ts';
import { Context } from '../../findings/context.ts';
import { type DiagnoseOptions, diagnose } from '../../findings/diagnose.ts';
import { SECTIONS } from '../../findings/index.ts';
import { proofCharts } from '../../findings/proof.ts';
import { runFindings } from '../../findings/run.ts';
import { keepUnlessUnread } from '../../findings/unread-events.ts';
import { UsageError } from '../../trace/errors.ts';
import type { Trace } from '../../trace/trace.ts';
import { openCapture } from '../capture.ts';
import { chartFolderOf, chartLinks, writeCharts } from '../chart-files.ts';
import { parseOptions, ReportOptions } from '../config.ts';
import { readDiagnosisConfig } from '../diagnosis-config.ts';
import { checkWritable, makeFolder, readPackageFile, writeWhole } from '../files.ts';
import type { Io } from '../io.ts';
import { deviceNames, redactTrace } from '../redact-trace.ts';
import { makePairReport, type Pair } from '../report-pair.ts';
import { subjectOf } from '../report-subject.ts';
import { VERSION } from '../version.ts';

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
  io.out(renderReportText(document));
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

export type ReportChoices = {
  readonly choices?: DiagnoseOptions | undefined;
  readonly window?: readonly [number, number] | undefined;
  readonly title?: string | undefined;
  readonly note?: string | undefined;
  readonly redact?: boolean | undefined;
};

/** Everything that is concluded about a capture, as the document that pages are made from. */
export function makeReport(file: string, original: Trace, options: ReportChoices = {}): Report {
  const trace = options.redact === true ? redactTrace(original) : original;
  const diagnosis = diagnose(trace, options.choices);
  const context = new Context(diagnosis, windowIn(trace, options.window));
  const findings = runFindings(SECTIONS, context);
  const charts = new Set(findings.flatMap(({ details }) => details.map(({ id }) => id)));
  const { verdict } = diagnosis;
  const proof = proofCharts(verdict.most_likely ?? verdict.root_cause).find((id) => charts.has(id));
  const document = buildReport({
    generator: { name: 'tidemark', version: VERSION },
    title: options.title,
    note: options.note,
    window_ns: context.window_ns,
    findings,
    ...subjectOf(file, context, proof),
  });
  return options.redact === true ? redactReport(document, deviceNames(trace)) : document;
}

/** The part of the capture that was asked for; a part without anything is a wrong request. */
function windowIn(
  { meta }: Trace,
  window: ReportChoices['window'],
): readonly [number, number] | undefined {
  if (window === undefined) return undefined;
  const [from_ns, to_ns] = window;
  if (from_ns >= meta.duration_ns) {
    const length = (meta.duration_ns / 1e9).toFixed(3);
    throw new UsageError(
      `--window begins at ${from_ns / 1e9} s, but the capture is ${length} s long`,
    );
  }
  return [from_ns, Math.min(to_ns, meta.duration_ns)];
}

export function pageAssets(): PageAssets {
  return {
    template: readPackageFile(PAGE_ASSETS.template),
    css: readPackageFile(PAGE_ASSETS.css),
    script: readPackageFile(PAGE_ASSETS.script),
  };
}
