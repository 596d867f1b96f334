/**
 * Field layout × dictionary → columns. The reader for a field is chosen once per event type and
 * input; then one loop runs over all its records (column-major, no object and no string per event).
 */
import {
  bigColumn,
  type Column,
  LONG_MAX_DOUBLE,
  type NumberArray,
  numberColumn,
  TWO_32,
  textColumn,
} from '../../src/trace/column.ts';
import type { Unit } from '../../src/trace/units.ts';
import type { EventField } from './event-format.ts';
import { finishGrowing, growing, reserve } from './growing.ts';
import { TextInterner } from './intern.ts';
import { type NameTable, printNames } from './print-format.ts';
import type { ByteWindow, RecordList } from './record-window.ts';

/** Collects one column over all windows of an input. */
export type ColumnReader = {
  append(window: ByteWindow, records: RecordList): void;
  finish(): Column;
};

const TWO_21 = 2097152;

/** Reads whatever width the field has as a double; the slow path of everything below. */
function readScalar(window: ByteWindow, at: number, field: EventField): number | bigint {
  const { view, littleEndian } = window;
  switch (field.size) {
    case 1:
      return field.signed ? view.getInt8(at) : view.getUint8(at);
    case 2:
      return field.signed ? view.getInt16(at, littleEndian) : view.getUint16(at, littleEndian);
    case 4:
      return field.signed ? view.getInt32(at, littleEndian) : view.getUint32(at, littleEndian);
    default:
      return field.signed
        ? view.getBigInt64(at, littleEndian)
        : view.getBigUint64(at, littleEndian);
  }
}

function isFastWord(window: ByteWindow, field: EventField): boolean {
  return window.littleEndian && (field.offset & 3) === 0 && (field.size === 4 || field.size === 8);
}

// The loops below are the hot path: one call reads one field of all records of a stretch. They take
// nothing but typed arrays and numbers; `start` and `offset` are bytes, `to` a place in `out`.

/** out[to + i] = view.getUint32(start[i] + offset, true); 4-byte fields at multiples of 4. */
function copyWords(
  out: Uint32Array | Float64Array,
  to: number,
  words: Uint32Array | Int32Array,
  { count, start }: RecordList,
  offset: number,
): void {
  for (let i = 0; i < count; i++) {
    out[to + i] = words[((start[i] as number) + offset) >>> 2] as number;
  }
}

/** The same for 8-byte fields, as pairs: 5 times as fast as through BigInt. */
function copyPairs(
  out: Uint32Array,
  to: number,
  u32: Uint32Array,
  { count, start }: RecordList,
  offset: number,
): void {
  let pair = 2 * to;
  for (let i = 0; i < count; i++) {
    const word = ((start[i] as number) + offset) >>> 2;
    out[pair] = u32[word] as number;
    out[pair + 1] = u32[word + 1] as number;
    pair += 2;
  }
}

/**
 * 8-byte fields as doubles. Values from 2^53 on become NaN, for the caller to read one by one;
 * returns how many. Only LONG_MAX, which is frequent, is known here.
 */
function copyDoubles(
  out: Float64Array,
  to: number,
  u32: Uint32Array,
  { count, start }: RecordList,
  offset: number,
): number {
  let large = 0;
  for (let i = 0; i < count; i++) {
    const word = ((start[i] as number) + offset) >>> 2;
    const low = u32[word] as number;
    const high = u32[word + 1] as number;
    if (high < TWO_21) {
      out[to + i] = high * TWO_32 + low;
    } else if (high === 0x7fffffff && low === 0xffffffff) {
      out[to + i] = LONG_MAX_DOUBLE;
    } else {
      out[to + i] = Number.NaN;
      large++;
    }
  }
  return large;
}

/** Quantities: Float64, wrapped values as what they stand for, unrepresentable ones kept beside. */
export function countReader(field: EventField, unit: Unit, signed: boolean): ColumnReader {
  const column = growing((length) => new Float64Array(length));
  const exact = new Map<number, bigint>();
  const readOne = (window: ByteWindow, at: number, row: number): number => {
    const raw = readScalar(window, at, field);
    if (typeof raw === 'number') return raw;
    const value = BigInt.asIntN(64, raw);
    const double = Number(value);
    if (BigInt(double) !== value) exact.set(row, signed ? value : raw);
    return double;
  };
  return {
    append(window, records) {
      const { count, start, expected } = records;
      const to = reserve(column, count, expected);
      const out = column.array;
      const { offset, size } = field;
      let left = count;
      if (isFastWord(window, field)) {
        const words = field.signed ? window.i32 : window.u32;
        if (size === 4) copyWords(out, to, words, records, offset);
        left = size === 4 ? 0 : copyDoubles(out, to, window.u32, records, offset);
      } else {
        out.fill(Number.NaN, to, to + count);
      }
      for (let i = 0; left > 0; i++) {
        if (!Number.isNaN(out[to + i])) continue;
        out[to + i] = readOne(window, (start[i] as number) + offset, to + i);
        left--;
      }
    },
    finish: () => numberColumn(finishGrowing(column), unit, { unsigned: !signed, exact }),
  };
}

type IntArray = Exclude<NumberArray, Float64Array>;

function intArray(field: EventField, length: number): IntArray {
  switch (field.size) {
    case 1:
      return field.signed ? new Int8Array(length) : new Uint8Array(length);
    case 2:
      return field.signed ? new Int16Array(length) : new Uint16Array(length);
    default:
      return field.signed ? new Int32Array(length) : new Uint32Array(length);
  }
}

/** Integers of up to 4 bytes in an array of their own width. */
export function intReader(field: EventField, unit: Unit): ColumnReader {
  if (field.size === 8) return countReader(field, unit, field.signed);
  const column = growing((length) => intArray(field, length));
  return {
    append(window, records) {
      const { count, start, expected } = records;
      const { offset } = field;
      const to = reserve(column, count, expected);
      const out = column.array;
      if (isFastWord(window, field)) {
        const bits = new Uint32Array(out.buffer, out.byteOffset, out.length);
        copyWords(bits, to, window.u32, records, offset);
        return;
      }
      for (let i = 0; i < count; i++) {
        out[to + i] = Number(readScalar(window, (start[i] as number) + offset, field));
      }
    },
    finish: () => numberColumn(finishGrowing(column), unit, { unsigned: !field.signed }),
  };
}

/** 64-bit identities; narrower fields (inode numbers of 32-bit kernels) are widened. */
export function idReader(field: EventField, unit: Unit, signed = false): ColumnReader {
  const column = growing<BigUint64Array | BigInt64Array>((length) =>
    signed ? new BigInt64Array(length) : new BigUint64Array(length),
  );
  return {
    append(window, records) {
      const { count, start, expected } = records;
      const { offset } = field;
      const to = reserve(column, count, expected);
      const values = column.array;
      if (isFastWord(window, field) && field.size === 8) {
        const words = new Uint32Array(values.buffer, values.byteOffset, 2 * values.length);
        copyPairs(words, to, window.u32, records, offset);
        return;
      }
      for (let i = 0; i < count; i++) {
        values[to + i] = BigInt(readScalar(window, (start[i] as number) + offset, field));
      }
    },
    finish: () => bigColumn(finishGrowing(column), unit),
  };
}

/** Strings in the record or pointed at by it; other arrays as their elements in braces. */
export function textReader(field: EventField): ColumnReader {
  const column = growing((length) => new Uint32Array(length));
  const interner = new TextInterner();
  const codeAt = (window: ByteWindow, start: number, end: number): number => {
    const [from, to] = extent(window, field, start, end);
    if (field.isText) return interner.codeOfBytes(window.bytes, from, to);
    return interner.code(arrayText(window, field, from, to));
  };
  return {
    append(window, records) {
      const { count, start, end, expected } = records;
      const to = reserve(column, count, expected);
      const out = column.array;
      for (let i = 0; i < count; i++) {
        out[to + i] = codeAt(window, start[i] as number, end[i] as number);
      }
    },
    finish: () => textColumn(finishGrowing(column), interner.dictionary),
  };
}

/** Where the bytes of a string or array lie, never beyond the record's end. */
function extent(
  window: ByteWindow,
  field: EventField,
  start: number,
  end: number,
): readonly [number, number] {
  const at = start + field.offset;
  if (field.shape === 'data_loc' || field.shape === 'rel_loc') {
    const word = window.view.getUint32(at, window.littleEndian);
    const origin = field.shape === 'data_loc' ? start : at + 4;
    const from = Math.min(end, origin + (word & 0xffff));
    return [from, Math.min(end, from + (word >>> 16))];
  }
  if (field.size > 0) return [at, Math.min(end, at + field.size)];
  return [at, withoutNewline(window.bytes, at, end)];
}

/** Texts that run to the end of the record come from programs, which end them with a newline. */
function withoutNewline(bytes: Uint8Array, from: number, to: number): number {
  let end = from;
  while (end < to && bytes[end] !== 0) end++;
  return end > from && bytes[end - 1] === 0x0a ? end - 1 : end;
}

const MAX_ELEMENTS_SHOWN = 64;

function arrayText(window: ByteWindow, field: EventField, from: number, to: number): string {
  const size = [1, 2, 4, 8].includes(field.elementSize) ? field.elementSize : 1;
  const element = { ...field, size };
  const parts: string[] = [];
  for (let at = from; at + size <= to; at += size) {
    if (parts.length === MAX_ELEMENTS_SHOWN) {
      parts.push('…');
      break;
    }
    parts.push(String(readScalar(window, at, element)));
  }
  return `{${parts.join(',')}}`;
}

/** Numbers that become names, by a function from value to text; repeats cost one map look-up. */
export function namedReader(field: EventField, nameOf: (value: bigint) => string): ColumnReader {
  const column = growing((length) => new Uint32Array(length));
  const interner = new TextInterner();
  const codes = new Map<number | bigint, number>();
  const codeOf = (value: number | bigint): number => {
    let code = codes.get(value);
    if (code === undefined) {
      code = interner.code(nameOf(BigInt.asUintN(8 * field.size, BigInt(value))));
      codes.set(value, code);
    }
    return code;
  };
  return {
    append(window, records) {
      const { u32, i32 } = window;
      const { count, start, expected } = records;
      const to = reserve(column, count, expected);
      const out = column.array;
      const fast = isFastWord(window, field);
      const words = field.signed && field.size === 4 ? i32 : u32;
      for (let i = 0; i < count; i++) {
        const at = (start[i] as number) + field.offset;
        const isWord = fast && (field.size === 4 || u32[(at >>> 2) + 1] === 0);
        out[to + i] = codeOf(isWord ? (words[at >>> 2] as number) : readScalar(window, at, field));
      }
    },
    finish: () => textColumn(finishGrowing(column), interner.dictionary),
  };
}

export function namesReader(field: EventField, table: NameTable): ColumnReader {
  return namedReader(field, (value) => printNames(table, value));
}
