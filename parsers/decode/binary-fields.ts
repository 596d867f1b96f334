/**
 * Field layout × dictionary → columns. The reader for a field is chosen once per event type and
 * input; then one loop runs over all its records (column-major, no object and no string per event).
 */
import {
  bigColumn,
  type Column,
  type NumberArray,
  numberColumn,
  TWO_32,
  textColumn,
} from '../../src/trace/column.ts';
import type { Unit } from '../../src/trace/units.ts';
import { joinChunks } from './chunks.ts';
import type { EventField } from './event-format.ts';
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

/** Quantities: Float64, wrapped values as what they stand for, unrepresentable ones kept beside. */
export function countReader(field: EventField, unit: Unit, signed: boolean): ColumnReader {
  const chunks: Float64Array[] = [];
  const exact = new Map<number, bigint>();
  let rows = 0;
  const slow = (window: ByteWindow, at: number, row: number): number => {
    const raw = readScalar(window, at, field);
    if (typeof raw === 'number') return raw;
    const value = BigInt.asIntN(64, raw);
    const double = Number(value);
    if (BigInt(double) !== value) exact.set(row, signed ? value : raw);
    return double;
  };
  return {
    append(window, records) {
      const { u32, i32 } = window;
      const { count, start } = records;
      const out = new Float64Array(count);
      if (!isFastWord(window, field)) {
        for (let i = 0; i < count; i++) {
          out[i] = slow(window, (start[i] as number) + field.offset, rows + i);
        }
      } else if (field.size === 4) {
        const words = field.signed ? i32 : u32;
        for (let i = 0; i < count; i++) {
          out[i] = words[((start[i] as number) + field.offset) >>> 2] as number;
        }
      } else {
        // readScalar as two words: 10 M values in 33 ms instead of 230 ms through BigInt.
        for (let i = 0; i < count; i++) {
          const word = ((start[i] as number) + field.offset) >>> 2;
          const high = u32[word + 1] as number;
          out[i] =
            high < TWO_21
              ? high * TWO_32 + (u32[word] as number)
              : slow(window, (start[i] as number) + field.offset, rows + i);
        }
      }
      chunks.push(out);
      rows += count;
    },
    finish: () =>
      numberColumn(joinChunks(chunks, new Float64Array()), unit, { unsigned: !signed, exact }),
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
  const chunks: IntArray[] = [];
  return {
    append(window, records) {
      const { u32, bytes } = window;
      const { count, start } = records;
      const out = intArray(field, count);
      if (isFastWord(window, field)) {
        for (let i = 0; i < count; i++) {
          out[i] = u32[((start[i] as number) + field.offset) >>> 2] as number;
        }
      } else if (field.size === 1) {
        for (let i = 0; i < count; i++) {
          out[i] = bytes[(start[i] as number) + field.offset] as number;
        }
      } else {
        for (let i = 0; i < count; i++) {
          out[i] = Number(readScalar(window, (start[i] as number) + field.offset, field));
        }
      }
      chunks.push(out);
    },
    finish: () =>
      numberColumn(joinChunks(chunks, intArray(field, 0)), unit, { unsigned: !field.signed }),
  };
}

/** 64-bit identities; narrower fields (inode numbers of 32-bit kernels) are widened. */
export function idReader(field: EventField, unit: Unit, signed = false): ColumnReader {
  const chunks: (BigUint64Array | BigInt64Array)[] = [];
  const make = (length: number) => (signed ? new BigInt64Array(length) : new BigUint64Array(length));
  return {
    append(window, records) {
      const { u32 } = window;
      const { count, start } = records;
      const values = make(count);
      if (isFastWord(window, field)) {
        // values[i] = view.getBigUint64(…) without making a BigInt per event.
        const out = new Uint32Array(values.buffer);
        const wide = field.size === 8;
        for (let i = 0; i < count; i++) {
          const word = ((start[i] as number) + field.offset) >>> 2;
          out[2 * i] = u32[word] as number;
          out[2 * i + 1] = wide ? (u32[word + 1] as number) : 0;
        }
      } else {
        for (let i = 0; i < count; i++) {
          values[i] = BigInt(readScalar(window, (start[i] as number) + field.offset, field));
        }
      }
      chunks.push(values);
    },
    finish: () => bigColumn(joinChunks(chunks, make(0)), unit),
  };
}

/** Strings in the record or pointed at by it; other arrays as their elements in braces. */
export function textReader(field: EventField): ColumnReader {
  const chunks: Uint32Array[] = [];
  const interner = new TextInterner();
  const codeAt = (window: ByteWindow, start: number, end: number): number => {
    const [from, to] = extent(window, field, start, end);
    if (field.isText) return interner.codeOfBytes(window.bytes, from, to);
    return interner.code(arrayText(window, field, from, to));
  };
  return {
    append(window, records) {
      const { count, start, end } = records;
      const out = new Uint32Array(count);
      for (let i = 0; i < count; i++) {
        out[i] = codeAt(window, start[i] as number, end[i] as number);
      }
      chunks.push(out);
    },
    finish: () => textColumn(joinChunks(chunks, new Uint32Array()), interner.dictionary),
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
  const chunks: Uint32Array[] = [];
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
      const { count, start } = records;
      const out = new Uint32Array(count);
      const fast = isFastWord(window, field);
      const words = field.signed ? i32 : u32;
      for (let i = 0; i < count; i++) {
        const at = (start[i] as number) + field.offset;
        const isWord = fast && (field.size === 4 || u32[(at >>> 2) + 1] === 0);
        out[i] = codeOf(isWord ? (words[at >>> 2] as number) : readScalar(window, at, field));
      }
      chunks.push(out);
    },
    finish: () => textColumn(joinChunks(chunks, new Uint32Array()), interner.dictionary),
  };
}

export function namesReader(field: EventField, table: NameTable): ColumnReader {
  return namedReader(field, (value) => printNames(table, value));
}
