/**
 * Shared memory for the columns of a table that several threads read: one region behind the other,
 * each with room for more rows than its thread should need, which costs nothing until it is
 * written. So that all columns of a table stand where they belong, what is in a region has only to
 * move down to the end of the one before it.
 */

export type ColumnArray = Float64Array | Uint32Array | Int32Array | Uint16Array;

/** Shared memory for so many rows, with the `used` ones so far. */
export function sharedColumn<T extends ColumnArray>(
  values: T,
  used: number,
  rows: number,
  perRow = 1,
): T {
  const View = values.constructor as new (buffer: SharedArrayBuffer) => T;
  const shared = new View(new SharedArrayBuffer(rows * perRow * values.BYTES_PER_ELEMENT));
  shared.set(values.subarray(0, used * perRow));
  return shared;
}

export function isShared({ buffer }: ColumnArray): boolean {
  return buffer instanceof SharedArrayBuffer;
}

/** Views of the column, of `rows` each, one for each thread. */
export function splitColumn<T extends ColumnArray>(
  values: T,
  rows: readonly number[],
  perRow = 1,
): T[] {
  let first = 0;
  return rows.map((count) => {
    const from = first * perRow;
    first += count;
    return values.subarray(from, first * perRow) as T;
  });
}

type Rows = { readonly rows: number; readonly count: number };

/** Moves the first `count` rows of the region behind the first `rows` of `own`; both, as one. */
export function joinRegions<T extends ColumnArray>(
  own: T,
  region: T,
  { rows, count }: Rows,
  perRow = 1,
): T {
  const { both, from } = bothOf(own, region);
  both.copyWithin(rows * perRow, from, from + count * perRow);
  return both;
}

/** The same for numbers that become larger by `more`. */
export function joinShifted<T extends Float64Array | Uint32Array>(
  own: T,
  region: T,
  { rows, count }: Rows,
  more: number,
): T {
  const { both, from } = bothOf(own, region);
  for (let row = 0; row < count; row++) both[rows + row] = (both[from + row] as number) + more;
  return both;
}

function bothOf<T extends ColumnArray>(own: T, region: T): { both: T; from: number } {
  const from = region.byteOffset / region.BYTES_PER_ELEMENT;
  const View = own.constructor as new (buffer: ArrayBufferLike, at: number, length: number) => T;
  return { both: new View(own.buffer, 0, from + region.length), from };
}
