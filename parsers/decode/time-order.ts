/**
 * Nearly sorted rows → their order by (time, CPU, position). Recordings hold the CPUs' streams
 * chunk by chunk, so the rows are a few long runs, and neighbours overlap only a little: a natural
 * merge sort that leaves out what is in order already takes about one pass over them.
 */

/** Keys of the rows; `cpu` settles equal times. */
export type SortKeys = {
  readonly count: number;
  readonly time: Float64Array | Uint32Array;
  readonly cpu: Uint16Array;
};

/** Row numbers in order; undefined when the rows are in order as they are. */
export function orderByTime(keys: SortKeys): Uint32Array | undefined {
  let bounds = runBounds(keys);
  if (bounds.length <= 2) return undefined;
  const order = new Uint32Array(keys.count);
  const scratch = new Uint32Array(keys.count);
  for (let row = 0; row < keys.count; row++) order[row] = row;
  while (bounds.length > 2) {
    const kept = [0];
    for (let run = 0; run + 2 < bounds.length; run += 2) {
      const middle = bounds[run + 1] as number;
      const to = bounds[run + 2] as number;
      mergeNeighbours(keys, order, scratch, bounds[run] as number, middle, to);
      kept.push(to);
    }
    // An odd run is left for the next round.
    if (bounds.length % 2 === 0) kept.push(keys.count);
    bounds = kept;
  }
  return order;
}

/** Where runs in order begin, and the end of the last one. */
function runBounds({ count, time, cpu }: SortKeys): number[] {
  const bounds = [0];
  for (let row = 1; row < count; row++) {
    const difference = (time[row] as number) - (time[row - 1] as number);
    if (difference > 0) continue;
    if (difference < 0 || (cpu[row] as number) < (cpu[row - 1] as number)) bounds.push(row);
  }
  if (count > 0) bounds.push(count);
  return bounds;
}

function comesAfter({ time, cpu }: SortKeys, left: number, right: number): boolean {
  const difference = (time[left] as number) - (time[right] as number);
  return difference > 0 || (difference === 0 && (cpu[left] as number) > (cpu[right] as number));
}

/** Merges [from, middle) and [middle, to), both in order; equal rows keep their order. */
function mergeNeighbours(
  keys: SortKeys,
  order: Uint32Array,
  scratch: Uint32Array,
  from: number,
  middle: number,
  to: number,
): void {
  // Only what overlaps is moved.
  const firstRight = order[middle] as number;
  let low = from;
  let high = middle;
  while (low < high) {
    const probe = (low + high) >>> 1;
    if (comesAfter(keys, order[probe] as number, firstRight)) high = probe;
    else low = probe + 1;
  }
  const begin = low;
  if (begin === middle) return;
  scratch.set(order.subarray(begin, middle), 0);
  const lefts = middle - begin;
  let left = 0;
  let right = middle;
  let out = begin;
  while (left < lefts && right < to) {
    const a = scratch[left] as number;
    const b = order[right] as number;
    if (comesAfter(keys, a, b)) {
      order[out++] = b;
      right++;
    } else {
      order[out++] = a;
      left++;
    }
  }
  while (left < lefts) order[out++] = scratch[left++] as number;
}
