/** Records of several CPUs, each in order of time → runs of them that together are in order. */
import type { RecordIndex } from './pages.ts';

/** Runs as numbers, three each: lane, first row, end; reused from batch to batch. */
export type RunList = { count: number; values: Uint32Array };

export function emptyRuns(): RunList {
  return { count: 0, values: new Uint32Array(3 << 10) };
}

/** Room for all runs that there can be; what is not written is never resident. */
function makeRoom(runs: RunList, taken: readonly number[]): Uint32Array {
  const most = 3 * taken.reduce((sum, count) => sum + count, 0);
  if (runs.values.length < most) runs.values = new Uint32Array(2 * most);
  return runs.values;
}

/** The first `taken` records of each lane, by (time, lane, position). */
export function mergeLanes(
  indexes: readonly RecordIndex[],
  taken: readonly number[],
  runs: RunList,
): void {
  const lanes = indexes.length;
  const ends = Uint32Array.from(taken);
  const heads = Float64Array.from(indexes, ({ ts }) => ts[0] as number);
  const heap = new Uint32Array(lanes);
  let size = 0;
  for (let lane = 0; lane < lanes; lane++) if ((ends[lane] as number) > 0) heap[size++] = lane;
  for (let at = size >> 1; at >= 0; at--) siftDown(heads, heap, size, at);
  const times = indexes.map(({ ts }) => ts);
  runs.count = mergeHeap(times, ends, heads, heap, size, makeRoom(runs, taken));
}

/** Returns the number of runs. Takes nothing but arrays of numbers, for the compiler's sake. */
function mergeHeap(
  times: readonly Float64Array[],
  ends: Uint32Array,
  heads: Float64Array,
  heap: Uint32Array,
  lanes: number,
  runs: Uint32Array,
): number {
  const next = new Uint32Array(ends.length);
  let size = lanes;
  let at = 0;
  while (size > 0) {
    const lane = heap[0] as number;
    const from = next[lane] as number;
    let end = ends[lane] as number;
    if (size > 1) {
      const rival = heap[second(heads, heap, size)] as number;
      const limit = heads[rival] as number;
      end = runEnd(times[lane] as Float64Array, from + 1, end, limit, lane < rival);
    }
    runs[at] = lane;
    runs[at + 1] = from;
    runs[at + 2] = end;
    at += 3;
    next[lane] = end;
    if (end < (ends[lane] as number)) heads[lane] = (times[lane] as Float64Array)[end] as number;
    else heap[0] = heap[--size] as number;
    siftDown(heads, heap, size, 0);
  }
  return at / 3;
}

/** First record that must wait for the rival. */
function runEnd(
  ts: Float64Array,
  from: number,
  to: number,
  limit: number,
  takesTies: boolean,
): number {
  let at = from;
  if (takesTies) while (at < to && (ts[at] as number) <= limit) at++;
  else while (at < to && (ts[at] as number) < limit) at++;
  return at;
}

function comesBefore(heads: Float64Array, left: number, right: number): boolean {
  const difference = (heads[left] as number) - (heads[right] as number);
  return difference < 0 || (difference === 0 && left < right);
}

/** Place of the lane that comes after the first one, of two or more. */
function second(heads: Float64Array, heap: Uint32Array, size: number): number {
  if (size === 2) return 1;
  return comesBefore(heads, heap[1] as number, heap[2] as number) ? 1 : 2;
}

function siftDown(heads: Float64Array, heap: Uint32Array, size: number, from: number): void {
  if (from >= size) return;
  const moved = heap[from] as number;
  let at = from;
  for (;;) {
    let child = 2 * at + 1;
    if (child >= size) break;
    const other = child + 1;
    if (other < size && comesBefore(heads, heap[other] as number, heap[child] as number)) {
      child = other;
    }
    if (!comesBefore(heads, heap[child] as number, moved)) break;
    heap[at] = heap[child] as number;
    at = child;
  }
  heap[at] = moved;
}
