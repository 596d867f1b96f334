/**
 * Shared memory for the columns of a table that several threads read, with room for more rows than
 * there should be, which costs nothing until it is written.
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
