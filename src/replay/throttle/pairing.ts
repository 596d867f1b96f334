/**
 * Which global_dirty_state belongs to a throttle event: the last one of the same task, written in
 * the same iteration of balance_dirty_pages.
 */
import { freerunCeiling } from '../../model/limits.ts';
import { asPages } from '../../trace/units.ts';
import type { LossIndex } from '../losses.ts';
import { TaskCodes } from '../task-codes.ts';
import { levelAt, type StateColumns, type ThrottleColumns } from './columns.ts';

/** There is none, or events were lost in between. */
const UNPAIRED = -1;
export const LOST = -2;

export type Pairing = {
  /** Row of the state for every throttle event, or why there is none. */
  readonly pairs: Int32Array;
  /**
   * Tasks that print states above freerun without a throttle event: they read /proc/vmstat. One
   * that reads such a state in passing, at the edge of freerun, is none.
   */
  readonly readers: ReadonlySet<number>;
};

/** Fewer states than this may be accidents, and so may be a smaller part of all. */
const MIN_ABOVE = 3;
const MIN_SHARE = 0.1;

export function pairWithState(
  throttle: ThrottleColumns | undefined,
  state: StateColumns | undefined,
  losses: LossIndex,
  codes = new TaskCodes(),
): Pairing {
  const pairs = new Int32Array(throttle?.rows ?? 0).fill(UNPAIRED);
  if (state === undefined || throttle === undefined) return { pairs, readers: new Set() };
  const tasks = codes.of(throttle.pid);
  const states = new States(state, codes);
  const { last } = states;
  for (let row = 0; row < throttle.rows; row++) {
    states.passTo(throttle.seq[row] as number);
    const task = tasks[row] as number;
    const pair = last[task] as number;
    if (pair < 0) continue;
    states.decided(task);
    const lost = losses.overlaps(state.ts[pair] as number, throttle.ts[row] as number);
    pairs[row] = lost ? LOST : pair;
  }
  states.passTo(Number.POSITIVE_INFINITY);
  return { pairs, readers: states.readers() };
}

/** The states up to a position, by task. */
class States {
  /** Row of the last state of each task; -1 for none. */
  readonly last: Int32Array;
  readonly #state: StateColumns;
  readonly #tasks: Int32Array;
  /** 1 while no throttle event followed it. */
  readonly #open: Uint8Array;
  /** States that none followed, and those of them above freerun. */
  readonly #alone: Uint32Array;
  readonly #above: Uint32Array;
  #row = 0;

  constructor(state: StateColumns, codes: TaskCodes) {
    this.#state = state;
    this.#tasks = codes.of(state.pid);
    this.last = new Int32Array(codes.count).fill(-1);
    this.#open = new Uint8Array(codes.count);
    this.#alone = new Uint32Array(codes.count);
    this.#above = new Uint32Array(codes.count);
  }

  /** States that have the position of an event come before it. */
  passTo(position: number): void {
    const { seq, rows } = this.#state;
    const tasks = this.#tasks;
    for (; this.#row < rows && (seq[this.#row] as number) <= position; this.#row++) {
      const task = tasks[this.#row] as number;
      if (this.#open[task] === 1) this.#leave(task);
      this.last[task] = this.#row;
      this.#open[task] = 1;
    }
  }

  #leave(task: number): void {
    this.#alone[task] = (this.#alone[task] as number) + 1;
    if (!isAboveFreerun(this.#state, this.last[task] as number)) return;
    this.#above[task] = (this.#above[task] as number) + 1;
  }

  decided(task: number): void {
    this.#open[task] = 0;
  }

  readers(): Set<number> {
    const readers = new Set<number>();
    this.last.forEach((row, task) => {
      const above = this.#above[task] as number;
      const many = Math.max(MIN_ABOVE, MIN_SHARE * (this.#alone[task] as number));
      if (above >= many) readers.add(this.#state.pid[row] as number);
    });
    return readers;
  }
}

function isAboveFreerun(state: StateColumns, row: number): boolean {
  const thresh = asPages(state.thresh[row] as number);
  const background = asPages(state.background[row] as number);
  return levelAt(state, row) > freerunCeiling(thresh, background);
}
