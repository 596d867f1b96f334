/** Sequences that are each in order (of time or of `seq`) → one order, handed out in runs. */
import type { Table } from './table.ts';
import { numbers } from './table.ts';

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
  const alive = inputs.map((_, index) => index).filter((index) => hasMore(inputs, index));
  while (alive.length > 1) {
    // Few streams (CPUs) and long runs: a linear scan beats a heap up to some dozens of them.
    let best = 0;
    let second = -1;
    for (let i = 1; i < alive.length; i++) {
      if (comesBefore(inputs, alive[i] as number, alive[best] as number)) {
        second = best;
        best = i;
      } else if (second < 0 || comesBefore(inputs, alive[i] as number, alive[second] as number)) {
        second = i;
      }
    }
    const winner = alive[best] as number;
    const rival = alive[second] as number;
    const end = runEnd(inputs, winner, rival);
    const input = inputs[winner] as MergeInput;
    emit(winner, input.from, end);
    input.from = end;
    if (end >= input.to) alive.splice(best, 1);
  }
  const [last] = alive;
  if (last === undefined) return;
  const input = inputs[last] as MergeInput;
  emit(last, input.from, input.to);
  input.from = input.to;
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

/** Visits the rows of several tables of events in the order in which they were recorded. */
export function visitInOrder(
  tables: readonly Table[],
  visit: (table: number, row: number) => void,
): void {
  const inputs = tables.map((table): MergeInput => {
    const keys = numbers(table, 'seq').values;
    if (!(keys instanceof Uint32Array)) throw new Error('internal error: seq is not Uint32');
    return { keys, from: 0, to: table.rows };
  });
  mergeRuns(inputs, (which, from, to) => {
    for (let row = from; row < to; row++) visit(which, row);
  });
}
