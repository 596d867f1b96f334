/** What each task remembers between throttle decisions, followed through the trace. */
import { freerunCeiling } from '../../model/limits.ts';
import { pollInterval } from '../../model/pause.ts';
import { asPages } from '../../trace/units.ts';
import type { Unchecked } from '../residual.ts';
import { levelAt, type StateColumns } from './columns.ts';

export type Task = {
  /** Row of global_dirty_state whose iteration has not written a throttle event yet; or -1. */
  state: number;
  /** Row of bdi_dirty_ratelimit in the current iteration; or -1. */
  update: number;
  /** Rates of the domain before that update; NaN while unknown. */
  rate_before: number;
  balanced_before: number;
  why_rates: Unchecked;
  /** Row of its last throttle event; or -1. */
  previous: number;
  /** When the current call of balance_dirty_pages began. */
  entry_ns: number;
  /** paused_when is `offset` ticks after jiffies of `ref_ns`, or of ABSOLUTE; NaN: unknown. */
  ref_ns: number;
  offset: number;
  /** nr_dirtied_pause; NaN while unknown. */
  dirtied_pause: number;
  why: Unchecked;
  why_dirtied_pause: Unchecked;
  /** Last time at which it evaluated the limits without a throttle event; NaN since that. */
  left_ns: number;
};

/**
 * paused_when of a task that was never paused is 0, and a skipped pause adds its period to that:
 * then it is a number of jiffies, not a time that was seen.
 */
export const ABSOLUTE = Number.NEGATIVE_INFINITY;

export class Tasks {
  readonly #tasks: (Task | undefined)[];

  constructor(count: number) {
    this.#tasks = new Array<Task | undefined>(count).fill(undefined);
  }

  /** By its code. */
  of(code: number): Task {
    let task = this.#tasks[code];
    if (task === undefined) {
      task = newTask();
      this.#tasks[code] = task;
    }
    return task;
  }
}

function newTask(): Task {
  return {
    state: -1,
    update: -1,
    rate_before: Number.NaN,
    balanced_before: Number.NaN,
    why_rates: 'first-of-bdi',
    previous: -1,
    entry_ns: Number.NaN,
    ref_ns: Number.NaN,
    offset: Number.NaN,
    dirtied_pause: Number.NaN,
    why: 'first-of-task',
    why_dirtied_pause: 'first-of-task',
    left_ns: Number.NaN,
  };
}

/**
 * A state without a throttle event: the task left balance_dirty_pages because the domain was below
 * freerun, which starts its accounts anew. Above freerun it was no throttle decision, unless limits
 * decided that the event does not print (a device with strictlimit, a cgroup).
 */
export function leaveWithoutEvent(task: Task, state: StateColumns, isReader: boolean): void {
  const row = task.state;
  const thresh = state.thresh[row] as number;
  const background = state.background[row] as number;
  const level = levelAt(state, row);
  const ts = state.ts[row] as number;
  if (level <= freerunCeiling(asPages(thresh), asPages(background))) {
    // Such a state of a task that reads statistics may be either.
    if (isReader) forget(task, 'reads-statistics');
    else {
      task.ref_ns = ts;
      task.offset = 0;
      task.dirtied_pause = pollInterval(level, thresh);
    }
  }
  task.left_ns = ts;
}

/** Nothing that the task remembers can be told any more. */
export function forget(task: Task, why: Unchecked): void {
  task.ref_ns = Number.NaN;
  task.offset = Number.NaN;
  task.dirtied_pause = Number.NaN;
  task.entry_ns = Number.NaN;
  task.why = why;
  task.why_dirtied_pause = why;
}
