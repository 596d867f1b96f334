/** Columns that grow by whole chunks and become one typed array at the end. */
import type { NumberArray } from '../../src/trace/column.ts';

type AnyArray = NumberArray | BigInt64Array | BigUint64Array;

/** One array of all chunks; a single chunk is handed on without a copy. */
export function joinChunks<T extends AnyArray>(chunks: readonly T[], empty: T): T {
  const [first] = chunks;
  if (first === undefined) return empty;
  if (chunks.length === 1) return first;
  const total = chunks.reduce((sum, chunk) => sum + chunk.length, 0);
  const make = first.constructor as new (length: number) => T;
  const whole = new make(total);
  let at = 0;
  for (const chunk of chunks) {
    // The chunks of one column all have one type; the union of typed arrays hides that.
    (whole as Uint8Array).set(chunk as Uint8Array, at);
    at += chunk.length;
  }
  return whole;
}
