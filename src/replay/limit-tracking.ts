/**
 * Level (a): the tracked dirty limit moves only in balance_dirty_pages' bandwidth update (a raised
 * threshold at once, a lowered one by a 32nd of the distance) and where a setting is written.
 * bdi_dirty_ratelimit is printed by that update, just behind the move.
 */
import { trackDirtyLimit } from '../model/limits.ts';
import { numbers, optionalNumbers, type Table, tableWith } from '../trace/table.ts';
import { NS_PER_MS, NS_PER_S } from '../trace/time.ts';
import type { Trace } from '../trace/trace.ts';
import { asPages } from '../trace/units.ts';
import { type LossIndex, lossIndex } from './losses.ts';
import { type IdentityResult, IdentityTally } from './residual.ts';
import { type TaskCodes, taskCodes } from './task-codes.ts';
import { findTimebase } from './timebase.ts';

export type LimitStep = {
  readonly ts_ns: number;
  readonly seq: number;
  readonly from_pages: number;
  readonly to_pages: number;
  /**
   * raised: to the threshold; lowered: by a 32nd; written: a setting was written (or a CPU came or
   * went); unexplained.
   */
  readonly because: 'raised' | 'lowered' | 'written' | 'unexplained';
};

export type LimitTracking = {
  /** Readings behind an update, and all that differ from the reading before. */
  readonly dirty_limit: IdentityResult;
  readonly steps: Readonly<Record<LimitStep['because'], number>>;
  /** Readings for which it was open whether 200 ms had passed, so that two values were right. */
  readonly either: number;
  /** Settings written and steps that nothing explains, as far as they were kept. */
  readonly notable: readonly LimitStep[];
};

const STATE = ['nr_dirty_pages', 'nr_writeback_pages', 'dirty_thresh_pages', 'dirty_limit_pages'];
const NOTABLE_KEPT = 1000;
/** BANDWIDTH_INTERVAL: max(HZ/5, 1) jiffies. */
const INTERVAL_NS = 200 * NS_PER_MS;
/** The move and its event are some instructions apart; other CPUs may read in between. */
const RACE_NS = NS_PER_MS;

export function trackLimit(trace: Trace): LimitTracking {
  const state = tableWith(trace.tables, 'global_dirty_state', STATE);
  const updates = tableWith(trace.tables, 'bdi_dirty_ratelimit', ['bdi']);
  const losses = lossIndex(trace.losses);
  if (state === undefined) return new Tracker(undefined, undefined, 0, losses, 0).finish();
  const { hz } = findTimebase(trace);
  const codes = taskCodes(trace.tables);
  const columns = columnsOf(state, codes);
  const updated = updates && updatesOf(updates, codes);
  const tracker = new Tracker(columns, updated, NS_PER_S / (hz ?? 100), losses, codes.count);
  let row = 0;
  updated?.seq.forEach((seq, update) => {
    // A reading that has the position of an update comes before it.
    for (; row < state.rows && (columns.seq[row] as number) <= seq; row++) tracker.reading(row);
    tracker.update(update);
  });
  for (; row < state.rows; row++) tracker.reading(row);
  return tracker.finish();
}

class Tracker {
  readonly #tally = new IdentityTally();
  readonly #steps = { raised: 0, lowered: 0, written: 0, unexplained: 0 };
  readonly #notable: LimitStep[] = [];
  readonly #tick_ns: number;
  readonly #losses: LossIndex;
  readonly #columns: Columns | undefined;
  readonly #updates: ReturnType<typeof updatesOf> | undefined;
  /** Last row of each task, -1 for none: the reading that its update used. */
  readonly #rowOf: Int32Array;
  /** Updates since the last reading, as rows of the state that they used and their times. */
  #pending: { readonly used: number; readonly ts: number }[] = [];
  #nextUpdate = 0;
  #consumed = -1;
  #last = -1;
  /** When the limit was looked at last (dirty_limit_tstamp), unless unknown. */
  #stamp = Number.NaN;
  #either = 0;

  constructor(
    state: Columns | undefined,
    updates: ReturnType<typeof updatesOf> | undefined,
    tick_ns: number,
    losses: LossIndex,
    tasks: number,
  ) {
    this.#columns = state;
    this.#updates = updates;
    this.#tick_ns = tick_ns;
    this.#losses = losses;
    this.#rowOf = new Int32Array(tasks).fill(-1);
  }

  update(row: number): void {
    this.#nextUpdate = row + 1;
    const updates = this.#updates;
    if (updates === undefined || row <= this.#consumed) return;
    const used = this.#rowOf[updates.task[row] as number] as number;
    this.#pending.push({ used, ts: updates.ts[row] as number });
  }

  reading(row: number): void {
    const columns = this.#columns;
    if (columns === undefined) return;
    const last = this.#last;
    const pending = this.#pending;
    this.#last = row;
    if (pending.length > 0) this.#pending = [];
    // Nearly always nothing happened.
    const isSame = last >= 0 && columns.limit[last] === columns.limit[row];
    if (last >= 0 && !(isSame && pending.length === 0)) this.#check(columns, last, row, pending);
    this.#rowOf[columns.task[row] as number] = row;
  }

  #check(columns: Columns, last: number, row: number, pending: Pending): void {
    const from = columns.limit[last] as number;
    const to = columns.limit[row] as number;
    const at = [columns.ts[row] as number, columns.seq[row] as number] as const;
    if (this.#losses.overlaps(columns.ts[last] as number, at[0])) {
      this.#stamp = Number.NaN;
      this.#tally.skip('lost-events');
      return;
    }
    if (pending.some(({ used }) => used < 0)) {
      this.#stamp = Number.NaN;
      this.#tally.skip('not-recorded');
      return;
    }
    const outcomes = this.#outcomes(from, pending);
    if (outcomes.length > 1) this.#either++;
    const found = outcomes.find(({ limit }) => limit === to);
    if (found !== undefined) {
      this.#stamp = found.stamp;
      this.#tally.check(to, to, ...at);
      if (from !== to) this.#note(to > from ? 'raised' : 'lowered', from, to, at);
      return;
    }
    this.#otherwise(columns, row, outcomes[0]?.limit ?? from, at, from);
  }

  /** What the limit may be after the updates; more than one where 200 ms may have passed or not. */
  #outcomes(from: number, pending: Pending): { limit: number; stamp: number }[] {
    let outcomes = [{ limit: from, stamp: this.#stamp }];
    for (const { used, ts } of pending) {
      const next = new Map<string, { limit: number; stamp: number }>();
      for (const { limit, stamp } of outcomes) {
        const passed = ts - stamp;
        const due = Number.isNaN(passed) || passed >= INTERVAL_NS - this.#tick_ns;
        const surely = passed >= INTERVAL_NS + this.#tick_ns;
        const moved = this.#moved(limit, used);
        if (due) next.set(`${moved} ${ts}`, { limit: moved, stamp: ts });
        if (!surely) next.set(`${limit} ${stamp}`, { limit, stamp });
      }
      outcomes = [...next.values()].slice(0, MOST_OUTCOMES);
    }
    return sameLimitOnce(outcomes);
  }

  #moved(limit: number, used: number): number {
    const { thresh, dirtyAt } = this.#columns as Columns;
    const level = asPages(thresh[used] as number);
    return trackDirtyLimit(asPages(limit), level, asPages(dirtyAt(used)));
  }

  /** No recorded update gives the value: one just ahead, a written setting, or nothing known. */
  #otherwise(
    columns: Columns,
    row: number,
    expected: number,
    at: readonly [number, number],
    from: number,
  ): void {
    const to = columns.limit[row] as number;
    if (this.#comesNext(columns, at[0], from, to)) {
      this.#tally.check(to, to, ...at);
      this.#note(to > from ? 'raised' : 'lowered', from, to, at);
      return;
    }
    if (from !== to && this.#isWritten(columns, row, to)) {
      this.#tally.check(to, to, ...at);
      this.#note('written', from, to, at);
      return;
    }
    if (this.#updates === undefined) {
      this.#tally.skip('not-recorded');
    } else {
      this.#tally.check(to, expected, ...at);
    }
    this.#note('unexplained', from, to, at);
  }

  #comesNext(columns: Columns, ts: number, from: number, to: number): boolean {
    const updates = this.#updates;
    const next = this.#nextUpdate;
    if (updates === undefined || !((updates.ts[next] as number) - ts < RACE_NS)) return false;
    const used = this.#rowOf[updates.task[next] as number] as number;
    if (used < 0 || this.#moved(from, used) !== to) return false;
    this.#stamp = columns.ts[this.#last] as number;
    this.#consumed = next;
    return true;
  }

  /**
   * writeback_set_ratelimit sets the limit to the threshold; the reading inside the write is the
   * last one before this, and still has the old limit.
   */
  #isWritten(columns: Columns, row: number, to: number): boolean {
    return columns.thresh[row] === to || (row > 0 && columns.thresh[row - 1] === to);
  }

  #note(
    because: LimitStep['because'],
    from_pages: number,
    to_pages: number,
    [ts_ns, seq]: readonly [number, number],
  ): void {
    this.#steps[because]++;
    const notable = because === 'written' || because === 'unexplained';
    if (!notable || this.#notable.length >= NOTABLE_KEPT) return;
    this.#notable.push({ ts_ns, seq, from_pages, to_pages, because });
  }

  finish(): LimitTracking {
    return {
      dirty_limit: this.#tally.result(),
      steps: this.#steps,
      either: this.#either,
      notable: this.#notable,
    };
  }
}

type Pending = readonly { readonly used: number; readonly ts: number }[];
type Columns = ReturnType<typeof columnsOf>;

/** Each update may double the possibilities; more than some are never told apart. */
const MOST_OUTCOMES = 16;

function sameLimitOnce(outcomes: readonly { limit: number; stamp: number }[]) {
  // Where both ways end at the same limit, the earlier stamp leaves more open.
  const byLimit = new Map<number, { limit: number; stamp: number }>();
  for (const outcome of outcomes) {
    const other = byLimit.get(outcome.limit);
    if (other === undefined || !(outcome.stamp >= other.stamp)) byLimit.set(outcome.limit, outcome);
  }
  return [...byLimit.values()];
}

function columnsOf(state: Table, codes: TaskCodes) {
  const dirty = numbers(state, 'nr_dirty_pages').values;
  const writeback = numbers(state, 'nr_writeback_pages').values;
  const unstable = optionalNumbers(state, 'nr_unstable_pages')?.values;
  return {
    ts: numbers(state, 'ts_ns').values,
    seq: numbers(state, 'seq').values,
    task: codes.of(numbers(state, 'pid').values),
    thresh: numbers(state, 'dirty_thresh_pages').values,
    limit: numbers(state, 'dirty_limit_pages').values,
    dirtyAt: (row: number) =>
      (dirty[row] as number) + (writeback[row] as number) + (unstable?.[row] ?? 0),
  };
}

function updatesOf(updates: Table, codes: TaskCodes) {
  return {
    ts: numbers(updates, 'ts_ns').values,
    seq: numbers(updates, 'seq').values,
    task: codes.of(numbers(updates, 'pid').values),
  };
}
