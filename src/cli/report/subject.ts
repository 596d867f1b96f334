/** What is concluded about one capture, as the parts of a Report that are about it. */
import type { Report, SubjectInput } from '../../../reports/index.ts';
import type { Context } from '../../findings/context.ts';
import { evidenceOf } from '../../findings/evidence.ts';
import { headline } from '../../findings/headline.ts';
import { allDiagnostics, type Diagnostic } from '../../trace/diagnostics.ts';
import { lostEvents, type Trace, totalEvents } from '../../trace/trace.ts';
import { inputName } from '../input-name.ts';
import { documentOf } from './diagnosis-document.ts';

/** `chart_id`: the chart that proves the verdict, where there is one. */
export function subjectOf(file: string, context: Context, chart_id?: string): SubjectInput {
  const { trace, diagnosis } = context;
  const { meta } = trace;
  return {
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
    headline: { ...pick(context), ...(chart_id === undefined ? {} : { chart_id }) },
    diagnosis: documentOf(file, diagnosis, context.identities),
    evidence: evidenceOf(context),
    quality: qualityOf(trace, allDiagnostics(trace.diagnostics, notable(context))),
  };
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

/** Where the trace contradicts the replay of it. */
function notable({ history }: Context): readonly Diagnostic[] {
  return history?.diagnostics.filter(({ severity }) => severity !== 'info') ?? [];
}

function qualityOf(trace: Trace, diagnostics: readonly Diagnostic[]): Report['quality'] {
  const { meta } = trace;
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
