/** When tasks were seen running: a task writes events only while it runs, so a gap bounds a sleep. */
import { numbers, type Tables } from '../trace/table.ts';

export type TaskTimes = {
  /** Time of the task's first event after event number `seq`; NaN when it wrote none. */
  nextAfter(pid: number, seq: number): number;
  /** Time of its last event before event number `seq`; NaN when it wrote none. */
  lastBefore(pid: number, seq: number): number;
};

/** Times of these tasks in these tables. Memory: 12 bytes for each of their events. */
export function taskTimes(tables: Tables, pids: ReadonlySet<number>): TaskTimes {
  const slots = new PidSlots(pids);
  const from = offsetsOf(tables, slots);
  const total = from[slots.size] as number;
  const ts = new Float64Array(total);
  const seq = new Uint32Array(total);
  const at = from.slice();
  const runs = new RunEnds(slots.size);
  for (const table of tables.values()) {
    const pidOf = numbers(table, 'pid').values;
    const tsOf = numbers(table, 'ts_ns').values;
    const seqOf = numbers(table, 'seq').values;
    for (let row = 0; row < table.rows; row++) {
      const slot = slots.of(pidOf[row] as number);
      if (slot < 0) continue;
      const place = at[slot] as number;
      at[slot] = place + 1;
      ts[place] = tsOf[row] as number;
      seq[place] = seqOf[row] as number;
    }
    runs.endAt(at);
  }
  runs.merge(from, ts, seq);
  /** Place of the task's first event with a number of at least `wanted`. */
  const search = (slot: number, wanted: number): number => {
    let low = from[slot] as number;
    let high = from[slot + 1] as number;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((seq[middle] as number) < wanted) low = middle + 1;
      else high = middle;
    }
    return low;
  };
  return {
    nextAfter(pid, after) {
      const slot = slots.of(pid);
      if (slot < 0) return Number.NaN;
      const place = search(slot, after + 1);
      return place < (from[slot + 1] as number) ? (ts[place] as number) : Number.NaN;
    },
    lastBefore(pid, before) {
      const slot = slots.of(pid);
      if (slot < 0) return Number.NaN;
      const place = search(slot, before) - 1;
      return place >= (from[slot] as number) ? (ts[place] as number) : Number.NaN;
    },
  };
}

/**
 * Each task's events stand table behind table, in order within each: merged run by run, neighbours
 * first. (Sorting them took four times as long: 120 of 145 ms for 0.6 M events of one task.)
 */
class RunEnds {
  readonly #ends: number[][];

  constructor(slots: number) {
    this.#ends = Array.from({ length: slots }, () => []);
  }

  /** One more table is in; `at` says where each task's events end now. */
  endAt(at: Uint32Array): void {
    for (const [slot, ends] of this.#ends.entries()) ends.push(at[slot] as number);
  }

  merge(from: Uint32Array, ts: Float64Array, seq: Uint32Array): void {
    const spare = { ts: new Float64Array(ts.length), seq: new Uint32Array(seq.length) };
    for (const [slot, all] of this.#ends.entries()) {
      const start = from[slot] as number;
      let ends = all.filter((end, nth) => end > (all[nth - 1] ?? start));
      while (ends.length > 1) {
        const joined: number[] = [];
        for (let nth = 0; nth < ends.length; nth += 2) {
          const low = ends[nth - 1] ?? start;
          const end = ends[nth + 1];
          if (end !== undefined) mergeTwo({ ts, seq }, spare, low, ends[nth] as number, end);
          joined.push(end ?? (ends[nth] as number));
        }
        ends = joined;
      }
    }
  }
}

type Columns = { readonly ts: Float64Array; readonly seq: Uint32Array };

/** Merges [low, middle) and [middle, end) by the number of the event, in place. */
function mergeTwo(own: Columns, spare: Columns, low: number, middle: number, end: number): void {
  const { ts, seq } = own;
  spare.ts.set(ts.subarray(low, middle), low);
  spare.seq.set(seq.subarray(low, middle), low);
  let left = low;
  let right = middle;
  for (let to = low; left < middle; to++) {
    const takesRight = right < end && (seq[right] as number) < (spare.seq[left] as number);
    seq[to] = takesRight ? (seq[right] as number) : (spare.seq[left] as number);
    ts[to] = takesRight ? (ts[right] as number) : (spare.ts[left] as number);
    if (takesRight) right++;
    else left++;
  }
}

/** Where each task's events begin; one entry more for the end. */
function offsetsOf(tables: Tables, slots: PidSlots): Uint32Array {
  const from = new Uint32Array(slots.size + 1);
  for (const table of tables.values()) {
    const pidOf = numbers(table, 'pid').values;
    for (let row = 0; row < table.rows; row++) {
      const slot = slots.of(pidOf[row] as number);
      if (slot >= 0) (from[slot + 1] as number)++;
    }
  }
  for (let slot = 0; slot < slots.size; slot++) {
    (from[slot + 1] as number) += from[slot] as number;
  }
  return from;
}

/** The kernel's own limit of pids; what a damaged capture has beyond goes into a map. */
const USUAL_PIDS = 1 << 22;

/** A dense number for each wanted pid: an array look-up for every event of the capture. */
class PidSlots {
  readonly size: number;
  readonly #dense: Int32Array;
  readonly #sparse = new Map<number, number>();

  constructor(pids: ReadonlySet<number>) {
    let most = 0;
    for (const pid of pids) if (pid < USUAL_PIDS) most = Math.max(most, pid);
    this.#dense = new Int32Array(most + 1);
    let slot = 0;
    for (const pid of pids) {
      slot++;
      if (pid >= 0 && pid < USUAL_PIDS) this.#dense[pid] = slot;
      else this.#sparse.set(pid, slot);
    }
    this.size = slot;
  }

  /** -1 for a pid that nobody asked for. */
  of(pid: number): number {
    if (pid >= 0 && pid < this.#dense.length) return (this.#dense[pid] as number) - 1;
    return this.#sparse.size === 0 ? -1 : (this.#sparse.get(pid) ?? 0) - 1;
  }
}
