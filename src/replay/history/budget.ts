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
    let worst = -1;
    let samples = 0;
    for (; row < log.rows && ((log.ts_ns[row] as number) < to_ns || bin === BINS - 1); row++) {
      const start = log.anchor[row] as number;
      if (start < 0 || start === row || Number.isNaN(residualOf(log, counter, row))) continue;
      samples++;
      if (worst < 0 || excess(log, counter, row) > excess(log, counter, worst)) worst = row;
    }
    const has_losses = losses.overlaps(from_ns, to_ns);
    const parts = partsAt(log, counter, timeline, worst, bound_pages);
    const residual = worst < 0 ? 0 : residualOf(log, counter, worst);
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

function residualOf(log: SampleLog, counter: number, row: number): number {
  const predicted = (log.predicted[counter] as Float64Array)[row] as number;
  return predicted - ((log.recorded[counter] as Float64Array)[row] as number);
}

/** Residual beyond what is in flight. */
function excess(log: SampleLog, counter: number, row: number): number {
  const flying = (log.in_flight[counter] as Float64Array)[row] as number;
  return Math.abs(residualOf(log, counter, row)) - flying;
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
