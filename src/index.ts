/**
 * The library: what programs import from `tidemark`.
 *
 *   import { openTrace, replay, lawsOf, diagnose } from 'tidemark';
 *
 *   const trace = await openTrace('trace.dat');         // tables, samples, losses, diagnostics
 *   const result = replay(trace);
 *   for (const { name, result: law } of lawsOf(result)) console.log(name, law.exact, law.n);
 *   console.log(result.history?.fits.nr_dirty);         // counters predicted from events
 *   console.log(result.history?.projections.memcgs);    // the same pages by cgroup, node, class
 *   console.log(diagnose(trace).verdict.summary);       // what stalled, and why
 *
 * Reading is asynchronous; everything after it is a pure function of the trace. Inputs that cannot
 * be read throw FormatError, wrong requests UsageError; damage inside good input is a diagnostic of
 * the trace, and where it contradicts itself or the model one of the replay. The formulas of the
 * kernel (src/model) need no trace at all: see `model`.
 */
export { type OpenOptions, openTrace } from '../parsers/index.ts';
export {
  DIAGNOSIS_VERSION,
  type DiagnosisDocument,
  diagnosisSchema,
  parseDiagnosis,
} from '../reports/schema/diagnosis.ts';
export { type ArqueroTable, toArquero } from './derive/arquero.ts';
export { findStalls, type Stall, stallOptions } from './derive/stalls.ts';
export { type DiagnoseOptions, type Diagnosis, diagnose } from './findings/diagnose.ts';
export * as model from './model/index.ts';
export type { CounterFit } from './replay/counter-fit.ts';
export type {
  ProjectedPart,
  Projection,
  Projections,
} from './replay/history/projections.ts';
export type { HistoryReplay } from './replay/history/replay-history.ts';
export { type Law, lawsOf, type ReplayResult, replay } from './replay/replay.ts';
export type { IdentityResult } from './replay/residual.ts';
export {
  type BigColumn,
  type Column,
  exactAt,
  type NumberColumn,
  type TextColumn,
  textAt,
} from './trace/column.ts';
export type { Diagnostic } from './trace/diagnostics.ts';
export { FormatError, UsageError } from './trace/errors.ts';
export { bigs, numbers, type Table, type Tables, tableWith, texts } from './trace/table.ts';
export type { HostFacts, Loss, Trace, TraceMeta } from './trace/trace.ts';
/** Brands of quantities, e.g. units.asPages(1024). */
export * as units from './trace/units.ts';
