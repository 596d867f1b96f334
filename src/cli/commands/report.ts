/** `tidemark report`: what stalled, as one page to share. */
import {
  buildReport,
  PAGE_ASSETS,
  type PageAssets,
  type Report,
  renderHtml,
  renderJson,
  renderText,
} from '../../../reports/index.ts';
import { type Context, makeContext } from '../../findings/context.ts';
import { headline } from '../../findings/headline.ts';
import { FINDINGS } from '../../findings/index.ts';
import { runFindings } from '../../findings/run.ts';
import { lostEvents, type Trace, totalEvents } from '../../trace/trace.ts';
import { openCapture } from '../capture.ts';
import { parseOptions, ReportOptions } from '../config.ts';
import { checkWritable, readPackageFile, writeWhole } from '../files.ts';
import type { Io } from '../io.ts';
import { VERSION } from '../version.ts';

export async function report(file: string, raw: unknown, io: Io): Promise<void> {
  const options = parseOptions(ReportOptions, raw);
  // A report that cannot be written should fail before minutes of reading, not after.
  checkWritable(options.output);
  if (options.json !== undefined) checkWritable(options.json);
  const trace = await openCapture(file, options, io);
  const document = makeReport(file, trace);
  writeWhole(options.output, renderHtml(document, pageAssets()));
  if (options.json !== undefined) writeWhole(options.json, renderJson(document));
  if (options.quiet) return;
  io.out(renderText(document));
  const also = options.json === undefined ? '' : ` and ${options.json}`;
  io.out(`\nwritten to ${options.output}${also}\n`);
}

/** Everything that is concluded about a capture, as the document that pages are made from. */
export function makeReport(file: string, trace: Trace): Report {
  const context = makeContext(trace);
  const findings = runFindings(FINDINGS, context);
  const { meta } = trace;
  return buildReport({
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
    headline: { ...pick(context), ...chartOf(context) },
    findings,
    quality: qualityOf(trace),
  });
}

/** The file's name; `trace.dat` alone says nothing, so its folder stays with it. */
function inputName(file: string): string {
  if (file === '-') return 'standard input';
  const parts = file.split('/').filter((part) => part !== '' && part !== '.' && part !== '..');
  const isPlain = /^trace\./.test(parts.at(-1) ?? '');
  return parts.slice(isPlain ? -2 : -1).join('/');
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

function chartOf(context: Context): { chart_id?: string } {
  return context.dirty === undefined ? {} : { chart_id: 'dirty-levels' };
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

function pageAssets(): PageAssets {
  return {
    template: readPackageFile(PAGE_ASSETS.template),
    css: readPackageFile(PAGE_ASSETS.css),
    script: readPackageFile(PAGE_ASSETS.script),
  };
}
