/**
 * The error budget: how far each counter's prediction is from the record, per stretch of time, and
 * how much of that the known sources of error can explain. What they cannot is a finding about the
 * model or the capture.
 */
import { COUNTERS, type Counter } from '../../model/view.ts';
import { firstNot } from '../../trace/search.ts';
import type { LossIndex } from '../losses.ts';
import { NR_DIRTIED, NR_DIRTY, NR_WRITEBACK, NR_WRITTEN } from './flight.ts';
import type { SampleLog } from './sample-log.ts';
import type { Doubt, Timeline } from './timeline.ts';

const BINS = 60;

/** Why prediction and record may differ, in pages. */
const BUDGET_PARTS = [
  'drift',
  'in_flight',
  'unknown_initial_state',
  'unknown_folio_sizes',
  'redirties',
  'untraced_paths',
] as const;
export type BudgetPart = (typeof BUDGET_PARTS)[number];

export type BudgetBin = {
  readonly from_ns: number;
  readonly to_ns: number;
  readonly samples: number;
  /** The largest difference by magnitude, predicted − recorded. */
  readonly residual_pages: number;
  /** The most that each part can explain at that sample. */
  readonly parts: Readonly<Record<BudgetPart, number>>;
  /** What no part explains: 0 when the residual is inside the budget. */
  readonly unexplained_pages: number;
  /** Events were lost in this stretch: the prediction starts again after it. */
  readonly has_losses: boolean;
};

export type Budget = Readonly<Record<Counter, readonly BudgetBin[]>>;

/** Which doubts bear on which counter. */
const CONCERNS: Readonly<Record<number, Readonly<Partial<Record<BudgetPart, Doubt>>>>> = {
  [NR_DIRTY]: {
    unknown_initial_state: 'unseen_dirty',
    unknown_folio_sizes: 'sizes',
    redirties: 'redirtied',
    untraced_paths: 'untraced',
  },
  [NR_WRITEBACK]: {
    unknown_initial_state: 'unseen_writeback',
    unknown_folio_sizes: 'sizes',
    untraced_paths: 'untraced',
  },
  [NR_DIRTIED]: { unknown_folio_sizes: 'sizes', redirties: 'redirtied' },
  [NR_WRITTEN]: {
    unknown_initial_state: 'unseen_writeback',
    unknown_folio_sizes: 'sizes',
    untraced_paths: 'untraced',
  },
};

export function budgetOf(
  log: SampleLog,
  timeline: Timeline,
  losses: LossIndex,
  bound_pages: number,
): Budget {
  return Object.fromEntries(
    COUNTERS.map((name, counter) => [name, binsOf(log, counter, timeline, losses, bound_pages)]),
  ) as unknown as Budget;
}

function binsOf(
  log: SampleLog,
  counter: number,
  timeline: Timeline,
  losses: LossIndex,
  bound_pages: number,
): BudgetBin[] {
  const end_ns = timeline.t_ns.at(-1) ?? 0;
  const bins: BudgetBin[] = [];
  let row = 0;
  for (let bin = 0; bin < BINS; bin++) {
    const from_ns = (end_ns * bin) / BINS;
    const to_ns = (end_ns * (bin + 1)) / BINS;
    const end = endOf(log, row, bin < BINS - 1 ? to_ns : Number.POSITIVE_INFINITY);
    const samples = countCompared(log, counter, row, end);
    const worst = worstOf(log, counter, row, end);
    row = end;
    const has_losses = losses.overlaps(from_ns, to_ns);
    const parts = partsAt(log, counter, timeline, worst, bound_pages);
    const residual = worst < 0 ? 0 : log.residual(counter, worst);
    const explained = Object.values(parts).reduce((sum, pages) => sum + pages, 0);
    bins.push({
      from_ns,
      to_ns,
      samples,
      residual_pages: residual,
      parts,
      unexplained_pages: Math.max(0, Math.abs(residual) - explained),
      has_losses,
    });
  }
  return bins;
}

/** First row from one on that is not before a time. */
function endOf({ rows, ts_ns }: SampleLog, from: number, to_ns: number): number {
  let row = from;
  while (row < rows && !((ts_ns[row] as number) >= to_ns)) row++;
  return row;
}

// Loops by themselves, with one number as result: what comes behind a loop is compiled before it
// has ever run, and given up again at each of 240 calls.

/** How many rows of [from, to) can be compared. */
function countCompared(log: SampleLog, counter: number, from: number, to: number): number {
  const { anchor } = log;
  const predicted = log.predicted[counter] as Float64Array;
  const recorded = log.recorded[counter] as Float64Array;
  let count = 0;
  for (let row = from; row < to; row++) {
    const start = anchor[row] as number;
    const residual = (predicted[row] as number) - (recorded[row] as number);
    if (start >= 0 && start !== row && !Number.isNaN(residual)) count++;
  }
  return count;
}

/** The one of them with the largest error beyond what is in flight; -1 if there is none. */
function worstOf(log: SampleLog, counter: number, from: number, to: number): number {
  const { anchor } = log;
  const predicted = log.predicted[counter] as Float64Array;
  const recorded = log.recorded[counter] as Float64Array;
  const in_flight = log.in_flight[counter] as Float64Array;
  let worst = -1;
  let most = Number.NEGATIVE_INFINITY;
  for (let row = from; row < to; row++) {
    const start = anchor[row] as number;
    const residual = (predicted[row] as number) - (recorded[row] as number);
    if (start < 0 || start === row || Number.isNaN(residual)) continue;
    const excess = Math.abs(residual) - (in_flight[row] as number);
    if (worst >= 0 && !(excess > most)) continue;
    worst = row;
    most = excess;
  }
  return worst;
}

function partsAt(
  log: SampleLog,
  counter: number,
  timeline: Timeline,
  row: number,
  bound_pages: number,
): Record<BudgetPart, number> {
  const concerns = CONCERNS[counter] ?? {};
  const parts = BUDGET_PARTS.map((part): [BudgetPart, number] => {
    if (row < 0) return [part, 0];
    if (part === 'drift') return [part, bound_pages];
    if (part === 'in_flight')
      return [part, (log.in_flight[counter] as Float64Array)[row] as number];
    const doubt = concerns[part];
    return [part, doubt === undefined ? 0 : doubtAt(timeline, doubt, log, row)];
  });
  return Object.fromEntries(parts) as Record<BudgetPart, number>;
}

/** What had accumulated since the prediction started. */
function doubtAt(timeline: Timeline, doubt: Doubt, log: SampleLog, row: number): number {
  const values = timeline.doubts[doubt];
  const now = values[pointAt(timeline, log.ts_ns[row] as number)] ?? 0;
  if (doubt === 'unseen_dirty' || doubt === 'unseen_writeback') return now;
  const start = log.ts_ns[log.anchor[row] as number] as number;
  return now - (values[pointAt(timeline, start)] ?? 0);
}

/** The first point at or after the time: doubts grow towards it. */
function pointAt({ t_ns }: Timeline, time: number): number {
  return firstNot(t_ns.length - 1, (at) => !((t_ns[at] as number) >= time));
}
