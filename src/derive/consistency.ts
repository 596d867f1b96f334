/**
 * Where a capture contradicts itself: counters that only grow and go backwards, clocks that jump,
 * events of kernels that cannot be one. Found without replaying anything; each is a diagnostic with
 * its row, and predictions ask here which samples they may trust and where they start again.
 */

import { MIXED_AGE } from '../events/index.ts';
import { type Diagnostic, DiagnosticCollector } from '../trace/diagnostics.ts';
import { optionalNumbers, type Table } from '../trace/table.ts';
import { secondsText } from '../trace/time.ts';
import type { Trace } from '../trace/trace.ts';
import { type ClockJump, clockJumps } from './clock-jumps.ts';
import { type CounterSteps, NO_STEPS, stepsBack } from './counter-steps.ts';
import { driftOf } from './drift.ts';

export type Consistency = {
  /** Of global_dirty_state. */
  readonly traced: CounterSteps;
  /** Of the sampled counters. */
  readonly sampled: CounterSteps;
  readonly jumps: readonly ClockJump[];
  readonly diagnostics: readonly Diagnostic[];
};

/** Counters of pages since boot (NR_DIRTIED, NR_WRITTEN) as events and /proc/vmstat have them. */
const TRACED = ['nr_dirtied_pages', 'nr_written_pages'];
const SAMPLED = ['nr_dirtied', 'nr_written'];

const known = new WeakMap<Trace['tables'], Consistency>();

/** Made once for the tables of a trace: diagnosis, report and replay all ask. */
export function consistencyOf(trace: Trace): Consistency {
  let found = known.get(trace.tables);
  if (found === undefined) {
    found = check(trace);
    known.set(trace.tables, found);
  }
  return found;
}

function check(trace: Trace): Consistency {
  const { tables, samples, meta } = trace;
  const into = new DiagnosticCollector();
  const { bound_pages } = driftOf(trace);
  // Two readings may be off by the drift each, in opposite directions.
  const tolerance = 2 * bound_pages;
  const traced = stepsIn(tables.get('global_dirty_state'), TRACED, tolerance, into);
  const sampled = stepsIn(samples, SAMPLED, tolerance, into);
  const jumps = clockJumps(trace);
  for (const { table, row, ts_ns, by_ns, isProven } of jumps) {
    const code = isProven ? 'clock_jumped' : 'recording_silent';
    const subject = `by ${secondsText(by_ns)}`;
    into.addRow(code, table, row, { ts_ns, amount: by_ns, subject });
  }
  if (meta.generation?.includes(MIXED_AGE) === true) {
    into.add('kernels_differ', 1, {}, meta.generation);
  }
  return { traced, sampled, jumps, diagnostics: into.list() };
}

function stepsIn(
  table: Table | undefined,
  names: readonly string[],
  tolerance: number,
  into: DiagnosticCollector,
): CounterSteps {
  const counters = names.flatMap((name) => {
    const values = table && optionalNumbers(table, name)?.values;
    return values === undefined ? [] : [{ name, values }];
  });
  if (table === undefined || counters.length === 0) return NO_STEPS;
  const steps = stepsBack(counters, table.rows, tolerance);
  const ts = optionalNumbers(table, 'ts_ns')?.values;
  for (const { row, by, counter } of steps.found) {
    const place = { amount: by, subject: counter };
    const ts_ns = ts?.[row];
    into.addRow('counter_backwards', table.name, row, {
      ...place,
      ...(ts_ns === undefined ? {} : { ts_ns }),
    });
  }
  return steps;
}
