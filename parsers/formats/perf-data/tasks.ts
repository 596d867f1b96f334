/**
 * Names of tasks over time. perf records a COMM when a task gets a name and a FORK when one is
 * made, which then has its parent's name; for tasks that run already it writes COMM records without
 * a time. Who ran an event is answered by the last name before it, as perf script does.
 */

import { finishGrowing, growing, reserve } from '../../decode/growing.ts';
import { orderByTime } from '../../decode/time-order.ts';

/** Names of one task: from `times[i]` on it is `codes[i]`. */
type Names = { readonly times: number[]; readonly codes: number[] };

/** Changes of tasks, one behind the other: a code, or ~parent of a task that was forked. */
export type TaskNotes = {
  readonly times: Float64Array;
  readonly tids: Int32Array;
  readonly changes: Int32Array;
};

/** What is noted before the first time. */
export const FROM_THE_START = Number.NEGATIVE_INFINITY;

export class TaskHistory {
  // In 3 M events are 180,000 forks: as arrays of numbers they took 20 ms and as much for the
  // garbage collector.
  readonly #times = growing((length) => new Float64Array(length));
  readonly #tids = growing((length) => new Int32Array(length));
  /** A code, or ~parent of a task that was forked. */
  readonly #changes = growing((length) => new Int32Array(length));
  readonly #unknown: number;
  readonly #idle: number;

  /** Codes of the names of tasks that nothing is known of, and of task 0. */
  constructor(unknown: number, idle: number) {
    this.#unknown = unknown;
    this.#idle = idle;
  }

  named(time: number, tid: number, code: number): void {
    this.#note(time, tid, code);
  }

  forked(time: number, tid: number, parent: number): void {
    // A task that is not alive has tid -1; nothing can be inherited from that.
    if (parent >= 0) this.#note(time, tid, ~parent);
  }

  /** The first `count` of what loops noted. */
  append({ times, tids, changes }: TaskNotes, count: number): void {
    const from = reserve(this.#times, count);
    reserve(this.#tids, count);
    reserve(this.#changes, count);
    this.#times.array.set(times.subarray(0, count), from);
    this.#tids.array.set(tids.subarray(0, count), from);
    this.#changes.array.set(changes.subarray(0, count), from);
  }

  #note(time: number, tid: number, change: number): void {
    const nth = reserve(this.#times, 1);
    reserve(this.#tids, 1);
    reserve(this.#changes, 1);
    this.#times.array[nth] = time;
    this.#tids.array[nth] = tid;
    this.#changes.array[nth] = change;
  }

  /** The names by task; call it when all is noted. */
  finish(): TaskNamesInTime {
    const times = finishGrowing(this.#times);
    const count = times.length;
    // What is noted for the same time, on whatever CPU, keeps its order.
    const order = orderByTime({ count, time: times, cpu: new Uint16Array(count) });
    const byTid = new Map<number, Names>();
    for (let nth = 0; nth < count; nth++) {
      const index = order === undefined ? nth : (order[nth] as number);
      const change = this.#changes.array[index] as number;
      const parent = change < 0 ? byTid.get(~change) : undefined;
      const code = change >= 0 ? change : (parent?.codes.at(-1) ?? this.#unknown);
      const tid = this.#tids.array[index] as number;
      let names = byTid.get(tid);
      if (names === undefined) {
        names = { times: [], codes: [] };
        byTid.set(tid, names);
      }
      names.times.push(times[index] as number);
      names.codes.push(code);
    }
    byTid.set(0, { times: [FROM_THE_START], codes: [this.#idle] });
    return new TaskNamesInTime(byTid, this.#unknown);
  }
}

export class TaskNamesInTime {
  readonly #byTid: ReadonlyMap<number, Names>;
  readonly #unknown: number;

  constructor(byTid: ReadonlyMap<number, Names>, unknown: number) {
    this.#byTid = byTid;
    this.#unknown = unknown;
  }

  /** Codes of the names for rows in order of time, which is counted from `originTs`. */
  codes(tids: Int32Array, times: Float64Array, originTs: number): Uint32Array {
    const out = new Uint32Array(tids.length);
    let lastTid = -1;
    let code = this.#unknown;
    /** Until when `code` is the name of the task `lastTid`. */
    let until = FROM_THE_START;
    for (let row = 0; row < out.length; row++) {
      const tid = tids[row] as number;
      const time = (times[row] as number) + originTs;
      if (tid !== lastTid || time >= until) {
        const names = this.#byTid.get(tid);
        const next = names === undefined ? 0 : countUpTo(names.times, time);
        code = names?.codes[next - 1] ?? this.#unknown;
        until = names?.times[next] ?? Number.POSITIVE_INFINITY;
        lastTid = tid;
      }
      out[row] = code;
    }
    return out;
  }
}

function countUpTo(times: readonly number[], limit: number): number {
  let low = 0;
  let high = times.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((times[middle] as number) <= limit) low = middle + 1;
    else high = middle;
  }
  return low;
}
