/**
 * Field layout × dictionary → columns. The reader for a field is chosen once per event type and
 * input; then one loop runs over all its records (column-major, no object and no string per event):
 * those of field-loops.ts for little-endian words at whole words, which nearly all fields are.
 */
import {
  bigColumn,
  type Column,
  type ExactValues,
  type NumberArray,
  numberColumn,
  TWO_32,
  textColumn,
} from '../../src/trace/column.ts';
import type { Unit } from '../../src/trace/units.ts';
import { TextCodes, ValueCodes } from './code-cache.ts';
import type { EventField } from './event-format.ts';
import {
  copyBytes,
  copyDoubles,
  copyHalves,
  copyPairs,
  copyWords,
  widenPairs,
  widenWords,
} from './field-loops.ts';
import {
  type AnyArray,
  finishGrowing,
  type GrowingColumn,
  growing,
  reserve,
  viewer,
} from './growing.ts';
import { TextInterner } from './intern.ts';
import { type NameTable, printNames } from './print-format.ts';
import type { ByteWindow, RecordList } from './record-window.ts';

/** What a column has beside its values. */
export type Beside = {
  /** The texts that codes stand for. */
  readonly dictionary: readonly string[];
  /** Exact values by row, where a double cannot hold them. */
  readonly exact: ExactValues;
};

/** A little-endian field as the loops of parsers/wasm read it. */
export type FastField = { readonly offset: number; readonly size: number } & (
  | { readonly kind: 'copy' }
  | {
      readonly kind: 'double';
      readonly isSigned: boolean;
      /** Do exact values have a sign? */
      readonly isExactSigned: boolean;
      /** A value that a double cannot hold: notes it for the row and returns the nearest double. */
      readonly readLarge: (window: ByteWindow, at: number, row: number) => number;
    }
  | {
      readonly kind: 'text';
      readonly shape: 'string' | 'data_loc' | 'rel_loc';
      readonly codes: TextCodes;
    }
  | { readonly kind: 'value'; readonly codes: ValueCodes }
);

/** Collects one column over all windows of an input. */
export type ColumnReader = {
  /** The values so far. Whoever reads an input in parts gives each part its own memory here. */
  readonly column: GrowingColumn<AnyArray>;
  /** The texts of the codes so far; undefined for columns of other kinds. */
  readonly interner?: TextInterner | undefined;
  /** Rows that a double cannot hold, so far. */
  readonly exact?: Map<number, bigint> | undefined;
  /** Undefined where only append() can read the column. */
  readonly fast?: FastField | undefined;
  append(window: ByteWindow, records: RecordList): void;
  /** The finished column, of values that may have been collected by several readers. */
  make(values: AnyArray, beside: Beside): Column;
  /** The finished column of what this reader collected. */
  finish(): Column;
};

type ReaderParts<T extends AnyArray> = Pick<ColumnReader, 'interner' | 'exact' | 'fast'> & {
  readonly column: GrowingColumn<T>;
  readonly append: (window: ByteWindow, records: RecordList) => void;
  readonly make: (values: T, beside: Beside) => Column;
};

function columnReader<T extends AnyArray>(parts: ReaderParts<T>): ColumnReader {
  const { column, interner, exact } = parts;
  const beside = { dictionary: interner?.dictionary ?? [], exact: exact ?? new Map() };
  // Parts are read by the same kind of reader: the type of the values is that of the column.
  const make = parts.make as ColumnReader['make'];
  return {
    ...parts,
    column: column as unknown as GrowingColumn<AnyArray>,
    make,
    finish: () => make(finishGrowing(column), beside),
  };
}

const LONG_MAX = 2n ** 63n - 1n;

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
  const column = growing((length) => new Float64Array(length));
  const exact = new Map<number, bigint>();
  const readOne = (window: ByteWindow, at: number, row: number): number => {
    const raw = readScalar(window, at, field);
    if (typeof raw === 'number') return raw;
    const value = BigInt.asIntN(64, raw);
    const double = Number(value);
    // LONG_MAX is known by its double.
    if (BigInt(double) !== value && value !== LONG_MAX) exact.set(row, signed ? value : raw);
    return double;
  };
  const { offset, size, signed: isSigned } = field;
  return columnReader({
    column,
    exact,
    fast:
      isSigned && size < 4
        ? undefined
        : { kind: 'double', offset, size, isSigned, isExactSigned: signed, readLarge: readOne },
    append(window, records) {
      const { count, start, expected } = records;
      const to = reserve(column, count, expected);
      const out = column.array;
      let left = count;
      if (isFastWord(window, field)) {
        const { u32 } = window;
        if (size === 4) widenWords(out, to, u32, records, offset, field.signed ? TWO_32 : 0);
        left = size === 4 ? 0 : copyDoubles(out, to, u32, records, offset);
      } else {
        out.fill(Number.NaN, to, to + count);
      }
      for (let i = 0; left > 0; i++) {
        if (!Number.isNaN(out[to + i])) continue;
        out[to + i] = readOne(window, (start[i] as number) + offset, to + i);
        left--;
      }
    },
    make: (values, beside) =>
      numberColumn(values, unit, { unsigned: !signed, exact: beside.exact }),
  });
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
  const { offset, size } = field;
  const asBytes = viewer(column, (buffer, at, length) => new Uint8Array(buffer, at, length));
  const asHalves = viewer(column, (buffer, at, length) => new Uint16Array(buffer, at, length >> 1));
  const asWords = viewer(column, (buffer, at, length) => new Uint32Array(buffer, at, length >> 2));
  return columnReader({
    column,
    fast: { kind: 'copy', offset, size },
    append(window, records) {
      const { count, start, expected } = records;
      const to = reserve(column, count, expected);
      const { bytes, littleEndian } = window;
      // Bits are copied as unsigned ones, whatever they mean.
      if (size === 1) {
        copyBytes(asBytes(), to, bytes, records, offset);
      } else if (size === 2) {
        copyHalves(asHalves(), to, bytes, records, offset, littleEndian);
      } else if (isFastWord(window, field)) {
        copyWords(asWords(), to, window.u32, records, offset);
      } else {
        for (let i = 0; i < count; i++) {
          column.array[to + i] = readScalar(window, (start[i] as number) + offset, field) as number;
        }
      }
    },
    make: (values) => numberColumn(values, unit, { unsigned: !field.signed }),
  });
}

/** 64-bit identities; narrower fields (inode numbers of 32-bit kernels) are widened. */
export function idReader(field: EventField, unit: Unit, signed = false): ColumnReader {
  const column = growing<BigUint64Array | BigInt64Array>((length) =>
    signed ? new BigInt64Array(length) : new BigUint64Array(length),
  );
  const asWords = viewer(column, (buffer, at, length) => new Uint32Array(buffer, at, length >> 2));
  const { offset, size } = field;
  const isUnsignedWord = size === 4 && !field.signed;
  return columnReader({
    column,
    fast: size === 8 || isUnsignedWord ? { kind: 'copy', offset, size } : undefined,
    append(window, records) {
      const { count, start, expected } = records;
      const to = reserve(column, count, expected);
      const values = column.array;
      if (isFastWord(window, field) && size === 8) {
        copyPairs(asWords(), to, window.u32, records, offset);
        return;
      }
      // A BigInt for each of 37,500 rows took 30 ms.
      if (isFastWord(window, field) && isUnsignedWord) {
        widenPairs(asWords(), to, window.u32, records, offset);
        return;
      }
      for (let i = 0; i < count; i++) {
        values[to + i] = BigInt(readScalar(window, (start[i] as number) + offset, field));
      }
    },
    make: (values) => bigColumn(values, unit),
  });
}

/** Appends the codes of `count` records to `out` from place `to` on. */
type AppendCodes = (out: Uint32Array, to: number, window: ByteWindow, records: RecordList) => void;

/** Codes of texts, one for each record, in the words of `interner`. */
function codeReader(interner: TextInterner, append: AppendCodes, fast?: FastField): ColumnReader {
  const column = growing((length) => new Uint32Array(length));
  return columnReader({
    column,
    interner,
    fast,
    append(window, records) {
      const to = reserve(column, records.count, records.expected);
      append(column.array, to, window, records);
    },
    make: (values, { dictionary }) => textColumn(values, dictionary),
  });
}

/** Record by record. */
function eachCode(codeAt: (window: ByteWindow, start: number, end: number) => number): AppendCodes {
  return (out, to, window, { count, start, end }) => {
    for (let i = 0; i < count; i++) {
      out[to + i] = codeAt(window, start[i] as number, end[i] as number);
    }
  };
}

/** Texts that a function makes of whole records; for few records, as each costs a string. */
export function madeTextReader(
  textOf: (window: ByteWindow, start: number, end: number) => string,
): ColumnReader {
  const interner = new TextInterner();
  return codeReader(
    interner,
    eachCode((window, start, end) => interner.code(textOf(window, start, end))),
  );
}

/** Strings in the record or pointed at by it; other arrays as their elements in braces. */
export function textReader(field: EventField): ColumnReader {
  const codes = new TextCodes();
  const { interner } = codes;
  const { offset, size } = field;
  if (!field.isText) {
    return madeTextReader((window, start, end) => {
      const [from, to] = extent(window, field, start, end);
      return arrayText(window, field, from, to);
    });
  }
  const { shape } = field;
  if (shape === 'data_loc' || shape === 'rel_loc') {
    const codeAt = (window: ByteWindow, start: number, end: number) => {
      const [from, to] = extent(window, field, start, end);
      return codes.codeAt(window, from, to);
    };
    return codeReader(interner, eachCode(codeAt), { kind: 'text', offset, size, shape, codes });
  }
  if (size > 0) {
    const append: AppendCodes = (out, to, window, records) => {
      codes.append(out, to, window, records, offset, size);
    };
    return codeReader(interner, append, { kind: 'text', offset, size, shape: 'string', codes });
  }
  const codeAt = ({ bytes }: ByteWindow, start: number, end: number) =>
    interner.codeOfBytes(bytes, start + offset, withoutNewline(bytes, start + offset, end));
  return codeReader(interner, eachCode(codeAt));
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

/** Numbers that become names, by a function from value to text. */
export function namedReader(field: EventField, nameOf: (value: bigint) => string): ColumnReader {
  const codes = new ValueCodes(nameOf);
  const { offset, size } = field;
  const eachOne = eachCode((window, start) => {
    const value = BigInt.asUintN(8 * size, BigInt(readScalar(window, start + offset, field)));
    return codes.codeOf(Number(value & 0xffffffffn), Number(value >> 32n));
  });
  const append: AppendCodes = (out, to, window, records) => {
    if (isFastWord(window, field)) codes.append(out, to, window.u32, records, offset, size);
    else eachOne(out, to, window, records);
  };
  return codeReader(codes.interner, append, { kind: 'value', offset, size, codes });
}

export function namesReader(field: EventField, table: NameTable): ColumnReader {
  return namedReader(field, (value) => printNames(table, value));
}
