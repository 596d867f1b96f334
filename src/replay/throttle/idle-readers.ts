/**
 * Tasks that read /proc/vmstat, which prints the same state as balance_dirty_pages: told by what
 * they dirtied. Who comes to balance_dirty_pages again has dirtied pages since it left; a state
 * with nothing dirtied and no throttle event since the one before was read by something else.
 */
import type { NumberArray } from '../../trace/column.ts';
import { numbers, type Table } from '../../trace/table.ts';
import type { LossIndex } from '../losses.ts';
import { TaskCodes } from '../task-codes.ts';
import type { StateColumns, ThrottleColumns } from './columns.ts';

/** Fewer such states may be accidents (of pages dirtied anew nothing tells), and so may few of many. */
const LEAST = 3;
const LEAST_SHARE = 0.1;

export function idleReaders(
  throttle: ThrottleColumns | undefined,
  state: StateColumns | undefined,
  dirtied: Table | undefined,
  losses: LossIndex,
  codes = new TaskCodes(),
): ReadonlySet<number> {
  const readers = new Set<number>();
  if (throttle === undefined || state === undefined || dirtied === undefined) return readers;
  const tasks = codes.of(state.pid);
  const dirtiedAt = new LastOfTask(dirtied, codes);
  const decidedAt = new LastOfTask(throttle.table, codes);
  // Of other tasks nothing is asked.
  const isAsked = new Uint8Array(codes.count);
  for (const task of codes.of(throttle.pid)) isAsked[task] = 1;
  /** Row of the last state of each task; -1 for none. */
  const last = new Int32Array(codes.count).fill(-1);
  /** States that no throttle event followed, and those before which nothing was dirtied. */
  const alone = new Uint32Array(codes.count);
  const idle = new Uint32Array(codes.count);
  for (let row = 0; row < state.rows; row++) {
    const task = tasks[row] as number;
    if (isAsked[task] !== 1) continue;
    const before = last[task] as number;
    last[task] = row;
    if (before < 0) continue;
    const seq = state.seq[row] as number;
    const since = state.seq[before] as number;
    if (decidedAt.before(seq, task) >= since) continue;
    if (losses.overlaps(state.ts[before] as number, state.ts[row] as number)) continue;
    alone[task] = (alone[task] as number) + 1;
    if (dirtiedAt.before(seq, task) < since) idle[task] = (idle[task] as number) + 1;
  }
  last.forEach((row, task) => {
    const few = Math.max(LEAST, LEAST_SHARE * (alone[task] as number));
    if ((idle[task] as number) >= few) readers.add(state.pid[row] as number);
  });
  return readers;
}

/** Position of the last row of a task before a position; asked with growing positions. */
class LastOfTask {
  readonly #seq: NumberArray;
  readonly #tasks: Int32Array;
  readonly #last: Float64Array;
  #row = 0;

  constructor(table: Table, codes: TaskCodes) {
    this.#seq = numbers(table, 'seq').values;
    this.#tasks = codes.of(numbers(table, 'pid').values);
    this.#last = new Float64Array(codes.count).fill(-1);
  }

  /** -1 if there is none. */
  before(position: number, task: number): number {
    const seq = this.#seq;
    for (; this.#row < seq.length && (seq[this.#row] as number) < position; this.#row++) {
      this.#last[this.#tasks[this.#row] as number] = seq[this.#row] as number;
    }
    return this.#last[task] as number;
  }
}
