/** `tidemark report`: what stalled, as one page to share. */
import {
  buildReport,
  chartsOf,
  PAGE_ASSETS,
  type PageAssets,
  type Report,
  redactReport,
  renderDiagnosisMarkdown,
  renderDiagnosisText,
  renderHtml,
  renderJson,
  toDiagnosis,
} from '../../../reports/index.ts';
import { againstFinding } from '../../findings/against.ts';
import { Context } from '../../findings/context.ts';
import { type DiagnoseOptions, diagnose } from '../../findings/diagnose.ts';
import { evidenceOf } from '../../findings/evidence.ts';
import type { Finding } from '../../findings/finding.ts';
import { headline } from '../../findings/headline.ts';
import { SECTIONS } from '../../findings/index.ts';
import { proofCharts } from '../../findings/proof.ts';
import { runFindings } from '../../findings/run.ts';
import { keepUnlessUnread } from '../../findings/unread-events.ts';
import { UsageError } from '../../trace/errors.ts';
import { lostEvents, type Trace, totalEvents } from '../../trace/trace.ts';
import { openCapture } from '../capture.ts';
import { parseOptions, ReportOptions } from '../config.ts';
import { readDiagnosisConfig } from '../diagnosis-config.ts';
import { checkWritable, makeFolder, readPackageFile, writeWhole } from '../files.ts';
import { inputName } from '../input-name.ts';
import type { Io } from '../io.ts';
import { deviceNames, redactTrace } from '../redact-trace.ts';
import { VERSION } from '../version.ts';
import { documentOf } from './diagnose.ts';

export async function report(file: string, raw: unknown, io: Io): Promise<void> {
  const options = parseOptions(ReportOptions, raw);
  const { output, json, markdown, svg } = options;
  // A report that cannot be written should fail before minutes of reading, not after.
  for (const path of [output, json, markdown]) if (path !== undefined) checkWritable(path);
  if (svg !== undefined) makeFolder(svg);
  const choices = readDiagnosisConfig(options.config);
  const trace = await openCapture(file, options, io, keepUnlessUnread);
  const against =
    options.against === undefined
      ? undefined
      : { file: options.against, trace: await openOther(options.against, options, io) };
  const document = makeReport(file, trace, { ...options, choices, against });
  writeWhole(output, renderHtml(document, pageAssets()));
  if (json !== undefined) writeWhole(json, renderJson(document));
  if (markdown !== undefined) writeWhole(markdown, renderDiagnosisMarkdown(toDiagnosis(document)));
  const charts = svg === undefined ? [] : await writeCharts(document, svg);
  if (options.quiet) return;
  io.out(renderDiagnosisText(toDiagnosis(document)));
  const files = [output, json, markdown].filter((path) => path !== undefined);
  if (charts.length > 0) files.push(`${charts.length} charts in ${svg}`);
  io.out(`\nwritten to ${files.join(', ')}\n`);
}

/** The other capture; what lies beside it is found by itself. */
async function openOther(file: string, { quiet }: { quiet: boolean }, io: Io): Promise<Trace> {
  return await openCapture(file, { quiet }, io, keepUnlessUnread);
}

/** The charts as files of vega's own string renderer; loaded only when they are asked for. */
async function writeCharts(document: Report, folder: string): Promise<string[]> {
  const { renderSvg } = await import('../../../reports/render/svg.ts');
  const written: string[] = [];
  for (const chart of chartsOf(document)) {
    const path = `${folder}/${String(written.length + 1).padStart(2, '0')}-${chart.id}.svg`;
    writeWhole(path, await renderSvg(chart, document.diagnosis.verdict.window_ns));
    written.push(path);
  }
  return written;
}

export type ReportChoices = {
  readonly choices?: DiagnoseOptions | undefined;
  readonly window?: readonly [number, number] | undefined;
  readonly title?: string | undefined;
  readonly note?: string | undefined;
  readonly redact?: boolean | undefined;
  /** Another capture to compare with. */
  readonly against?: { readonly file: string; readonly trace: Trace } | undefined;
};

/** Everything that is concluded about a capture, as the document that pages are made from. */
export function makeReport(file: string, original: Trace, options: ReportChoices = {}): Report {
  const trace = options.redact === true ? redactTrace(original) : original;
  const diagnosis = diagnose(trace, options.choices);
  const context = new Context(diagnosis, windowIn(trace, options.window));
  const findings = [...compared(context, options), ...runFindings(SECTIONS, context)];
  const { meta } = trace;
  const charts = new Set(findings.flatMap(({ details }) => details.map(({ id }) => id)));
  const { verdict } = diagnosis;
  const proof = proofCharts(verdict.most_likely ?? verdict.root_cause).find((id) => charts.has(id));
  const document = buildReport({
    generator: { name: 'tidemark', version: VERSION },
    input: {
      name: inputName(file),
      format: meta.format_title,
      ...(meta.kernel === undefined ? {} : { kernel: meta.kernel }),
      ...(meta.machine === undefined ? {} : { machine: meta.machine }),
      clock: meta.clock ?? 'not recorded',
      duration_ns: meta.duration_ns,
      cpus: meta.cpus,
      events: totalEvents(meta),
    },
    title: options.title,
    note: options.note,
    window_ns: context.window_ns,
    headline: { ...pick(context), ...(proof === undefined ? {} : { chart_id: proof }) },
    diagnosis: documentOf(file, diagnosis),
    evidence: evidenceOf(context),
    findings,
    quality: qualityOf(trace),
  });
  return options.redact === true ? redactReport(document, deviceNames(trace)) : document;
}

function compared(context: Context, { against, redact, choices }: ReportChoices): Finding[] {
  if (against === undefined) return [];
  const other = new Context(diagnose(against.trace, choices));
  const name = redact === true ? 'the other capture' : inputName(against.file);
  return [againstFinding(context, other, name)];
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

/** The mutable copy that the document's type asks for. */
function pick(context: Context): Report['headline'] {
  const { sentence, facts, confidence, confidence_reasons } = headline(context);
  return {
    sentence,
    confidence,
    facts: facts.map((fact) => ({ ...fact })),
    confidence_reasons: [...confidence_reasons],
  };
}

/** What the findings would have liked to see, by what its absence hides. */
const WANTED: readonly (readonly [name: string, why: string])[] = [
  ['balance_dirty_pages', 'who was paused by dirty throttling'],
  ['global_dirty_state', 'dirty and writeback pages against the thresholds'],
  ['bdi_dirty_ratelimit', 'write bandwidth and rate limits of each bdi'],
  ['writeback_dirty_folio', 'what was dirtied: needed to predict the counters'],
  ['mm_filemap_add_to_page_cache', 'the sizes of folios: needed to predict the counters'],
  ['sys_enter_fsync', 'who waited in fsync'],
  ['mm_vmscan_throttled', 'who was throttled in reclaim'],
];

function qualityOf(trace: Trace): Report['quality'] {
  const { meta, diagnostics } = trace;
  const recorded = new Set([...meta.silent_events, ...trace.tables.keys()]);
  return {
    duration_ns: meta.duration_ns,
    lost_events: lostEvents(trace),
    events: meta.events.map(({ name, count }) => ({ name, count })),
    clock: meta.clock ?? 'not recorded',
    not_recorded: WANTED.filter(([name]) => !recorded.has(name)).map(([name, why]) => ({
      name,
      why,
    })),
    diagnostics: diagnostics.map(({ code, severity, message, count }) => ({
      code,
      severity,
      message,
      count: count ?? 0,
    })),
  };
}

export function pageAssets(): PageAssets {
  return {
    template: readPackageFile(PAGE_ASSETS.template),
    css: readPackageFile(PAGE_ASSETS.css),
    script: readPackageFile(PAGE_ASSETS.script),
  };
}
