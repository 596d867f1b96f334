/** Columns while they grow: one typed array with room to spare, cut to size at the end. */
import type { NumberArray } from '../../src/trace/column.ts';

export type AnyArray = NumberArray | BigInt64Array | BigUint64Array;

export type GrowingColumn<T extends AnyArray> = {
  array: T;
  length: number;
  readonly make: (length: number) => T;
};

export function growing<T extends AnyArray>(make: (length: number) => T): GrowingColumn<T> {
  return { array: make(0), length: 0, make };
}

/** No guess makes a column larger than this at once; what is really needed always fits. */
const MOST_SPARE_ROWS = 1 << 24;

/**
 * Makes room for `count` more values and returns the place of the first. `expected` is a guess at
 * the rows in the end: memory that is never written is never resident, so guessing too high costs
 * nothing, while growing by copies does.
 */
export function reserve<T extends AnyArray>(
  column: GrowingColumn<T>,
  count: number,
  expected = 0,
): number {
  const from = column.length;
  const needed = from + count;
  if (needed > column.array.length) {
    const spare = Math.min(Math.max(expected - needed, needed), MOST_SPARE_ROWS);
    const larger = column.make(count > 0 && from === 0 && expected === 0 ? needed : needed + spare);
    // The union of typed arrays hides that both have one type.
    (larger as Uint8Array).set(column.array.subarray(0, from) as Uint8Array);
    column.array = larger;
  }
  column.length = needed;
  return from;
}

/** Looks at the memory of a column as another type; makes a new view only when it has moved. */
export function viewer<T extends AnyArray, V>(
  column: GrowingColumn<T>,
  view: (buffer: T['buffer'], byteOffset: number, byteLength: number) => V,
): () => V {
  let seen = column.array;
  let made = view(seen.buffer, seen.byteOffset, seen.byteLength);
  return () => {
    if (seen !== column.array) {
      seen = column.array;
      made = view(seen.buffer, seen.byteOffset, seen.byteLength);
    }
    return made;
  };
}

/** The values, as a view of the column's memory. */
export function finishGrowing<T extends AnyArray>(column: GrowingColumn<T>): T {
  return column.array.subarray(0, column.length) as T;
}
