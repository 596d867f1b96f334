/**
 * Columns: plain objects over typed arrays, read-only after they were built.
 *
 * - `number`: quantities and small integers, one typed array. A 64-bit quantity is a Float64Array;
 *   an unsigned value of 2^63 or more is stored as the two's-complement number it stands for
 *   (a counter that ran below zero), and a value that a double cannot hold is also kept in `exact`.
 * - `bigint`: 64-bit identities (inode, cgroup, pointer), all bits kept. Compare them through
 *   `words`, which aliases the same memory as pairs (low, high) and allocates nothing.
 * - `text`: dictionary codes; equal strings have equal codes within one column.
 */
import { assert } from './assert.ts';
import type { Unit } from './units.ts';

export type NumberArray =
  | Int8Array
  | Uint8Array
  | Int16Array
  | Uint16Array
  | Int32Array
  | Uint32Array
  | Float64Array;

export type NumberColumn = {
  readonly kind: 'number';
  readonly unit: Unit;
  readonly values: NumberArray;
  /** True when the kernel's type is unsigned, so that a negative value means "ran below zero". */
  readonly unsigned: boolean;
  /** Rows whose exact value a double cannot hold, e.g. nr_pages=9223372036854775807. */
  readonly exact?: ReadonlyMap<number, bigint>;
};

export type BigColumn = {
  readonly kind: 'bigint';
  readonly unit: Unit;
  readonly values: BigInt64Array | BigUint64Array;
  readonly words: Uint32Array;
};

export type TextColumn = {
  readonly kind: 'text';
  readonly unit: 'none';
  /** Of a column that is derived from others, made when they are first asked for. */
  readonly codes: Uint32Array;
  readonly dictionary: readonly string[];
  /** Of a derived column, whose codes need not be made to know it. */
  readonly rows?: number;
};

export type Column = NumberColumn | BigColumn | TextColumn;

// `words` pairs and the decoders' 32-bit aliases read memory in host order.
assert(new Uint8Array(new Uint32Array([1]).buffer)[0] === 1, 'the host is little-endian');

export const TWO_32 = 4294967296;

/** A row's value of the `words` of a BigColumn as a double, exact below 2^53; no BigInt is made. */
export function doubleAt(words: Uint32Array, row: number): number {
  return (words[2 * row + 1] as number) * TWO_32 + (words[2 * row] as number);
}

const TWO_64 = 18446744073709551616n;
/**
 * LONG_MAX is what kernels write for "no limit", in millions of records; as a double it is 2^63,
 * which no other value of a column becomes, so that it needs no entry in `exact`.
 */
export const LONG_MAX_DOUBLE = 2 ** 63;
const LONG_MAX = 9223372036854775807n;

/** Exact values by row, or what makes them when they are first asked for; never of none then. */
export type ExactValues = ReadonlyMap<number, bigint> | (() => ReadonlyMap<number, bigint>);

export function numberColumn(
  values: NumberArray,
  unit: Unit,
  options: { unsigned?: boolean; exact?: ExactValues } = {},
): NumberColumn {
  const { unsigned = false, exact } = options;
  if (typeof exact === 'function') {
    let made: ReadonlyMap<number, bigint> | undefined;
    return {
      ...{ kind: 'number', unit, values, unsigned },
      get exact() {
        made ??= exact();
        return made;
      },
    };
  }
  return exact !== undefined && exact.size > 0
    ? { kind: 'number', unit, values, unsigned, exact }
    : { kind: 'number', unit, values, unsigned };
}

export function bigColumn(values: BigInt64Array | BigUint64Array, unit: Unit): BigColumn {
  const words = new Uint32Array(values.buffer, values.byteOffset, values.length * 2);
  return { kind: 'bigint', unit, values, words };
}

export function textColumn(codes: Uint32Array, dictionary: readonly string[]): TextColumn {
  return { kind: 'text', unit: 'none', codes, dictionary };
}

/** A column whose codes follow from another one: memory and time are spent on those in use. */
export function derivedTextColumn(
  rows: number,
  makeCodes: () => Uint32Array,
  dictionary: readonly string[],
): TextColumn {
  let codes: Uint32Array | undefined;
  return {
    kind: 'text',
    unit: 'none',
    dictionary,
    rows,
    get codes() {
      codes ??= makeCodes();
      return codes;
    },
  };
}

export function columnLength(column: Column): number {
  return column.kind === 'text' ? (column.rows ?? column.codes.length) : column.values.length;
}

/** The text of a row. */
export function textAt(column: TextColumn, row: number): string {
  return column.dictionary[column.codes[row] as number] as string;
}

/**
 * The value as the kernel's type holds it: wrapped unsigned values print as the kernel prints them.
 */
export function exactAt(column: Column, row: number): number | bigint | string | undefined {
  switch (column.kind) {
    case 'text':
      return textAt(column, row);
    case 'bigint':
      return column.values[row] as bigint;
    case 'number': {
      const exact = column.exact?.get(row);
      if (exact !== undefined) return exact;
      const value = column.values[row] as number;
      if (Number.isNaN(value)) return undefined;
      if (value === LONG_MAX_DOUBLE) return LONG_MAX;
      return column.unsigned && value < 0 ? BigInt(value) + TWO_64 : value;
    }
  }
}
