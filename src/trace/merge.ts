/** Sequences that are each in order (of time or of `seq`) → one order, handed out in runs. */
/** Keys of one sequence; `from` is the next one to hand out, `to` the end of what may be used. */
export type MergeInput = {
  readonly keys: Float64Array | Uint32Array;
  from: number;
  readonly to: number;
};

/**
 * Calls `emit(input, from, to)` for runs that together are sorted by (key, input, position).
 * A run is as long as possible, so that the caller's loop over it does the work.
 */
export function mergeRuns(
  inputs: readonly MergeInput[],
  emit: (input: number, from: number, to: number) => void,
): void {
  // A heap of inputs by their heads: with 16 of them three times as fast as to look at every head,
  // with two no slower.
  const heap = inputs.map((_, index) => index).filter((index) => hasMore(inputs, index));
  for (let at = heap.length >> 1; at >= 0; at--) siftDown(inputs, heap, at);
  while (heap.length > 1) {
    const winner = heap[0] as number;
    const rival = heap[secondOf(inputs, heap)] as number;
    const input = inputs[winner] as MergeInput;
    const end = runEnd(inputs, winner, rival);
    emit(winner, input.from, end);
    input.from = end;
    const last = end < input.to ? undefined : heap.pop();
    if (last !== undefined) heap[0] = last;
    siftDown(inputs, heap, 0);
  }
  const [last] = heap;
  if (last === undefined) return;
  const input = inputs[last] as MergeInput;
  emit(last, input.from, input.to);
  input.from = input.to;
}

/** Place of the input that comes after the first one, of two or more. */
function secondOf(inputs: readonly MergeInput[], heap: readonly number[]): number {
  if (heap.length === 2) return 1;
  return comesBefore(inputs, heap[1] as number, heap[2] as number) ? 1 : 2;
}

function siftDown(inputs: readonly MergeInput[], heap: number[], from: number): void {
  const moved = heap[from] as number;
  let at = from;
  for (;;) {
    let child = 2 * at + 1;
    if (child >= heap.length) break;
    const other = child + 1;
    if (other < heap.length && comesBefore(inputs, heap[other] as number, heap[child] as number)) {
      child = other;
    }
    if (!comesBefore(inputs, heap[child] as number, moved)) break;
    heap[at] = heap[child] as number;
    at = child;
  }
  heap[at] = moved;
}

function hasMore(inputs: readonly MergeInput[], index: number): boolean {
  const input = inputs[index] as MergeInput;
  return input.from < input.to;
}

function headOf(inputs: readonly MergeInput[], index: number): number {
  const input = inputs[index] as MergeInput;
  return input.keys[input.from] as number;
}

function comesBefore(inputs: readonly MergeInput[], left: number, right: number): boolean {
  const difference = headOf(inputs, left) - headOf(inputs, right);
  return difference < 0 || (difference === 0 && left < right);
}

/** First position of the winner that must wait for the rival; at least one after its head. */
function runEnd(inputs: readonly MergeInput[], winner: number, rival: number): number {
  const { keys, from, to } = inputs[winner] as MergeInput;
  const limit = headOf(inputs, rival);
  const takesTies = winner < rival;
  let at = from + 1;
  while (at < to) {
    const key = keys[at] as number;
    if (key > limit || (key === limit && !takesTies)) break;
    at++;
  }
  return at;
}
