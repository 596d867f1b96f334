/**
 * Columns that are filled row by row from text. All sinks have one shape, so that the loop which
 * fills them stays monomorphic; what kind of column comes out is decided when they are finished.
 * They grow by blocks, which are joined at the end.
 */
import type { ColumnDefinition } from '../../src/events/index.ts';
import {
  bigColumn,
  type Column,
  type NumberArray,
  numberColumn,
  textColumn,
} from '../../src/trace/column.ts';
import type { Unit } from '../../src/trace/units.ts';
import { joinChunks } from './chunks.ts';
import { TextCodes } from './text-codes.ts';
import { type Literal, NOWHERE } from './text-literal.ts';

/** Rows of the first block of a column; later ones double, up to MAX_BLOCK_ROWS. */
export const FIRST_BLOCK_ROWS = 64;
export const MAX_BLOCK_ROWS = 1 << 15;

/**
 * - `count`, `int`, `dev`: a number in `f64`
 * - `id`: two 32-bit words in `u32`
 * - `text`, `names`, `function`: a dictionary code in `u32`
 * - `raw`: the same for a key that no dictionary explains; numeric at the end if all its values are
 * - `skip`: nothing is kept
 */
export type SinkKind = ColumnDefinition['type'] | 'raw' | 'skip';

export type TextSink = {
  readonly name: string;
  readonly kind: SinkKind;
  readonly unit: Unit;
  readonly signed: boolean;
  readonly radix: number;
  /** What the printed number is divided by: the page size where text prints bytes for pages. */
  readonly divisor: number;
  /** Decimal and not divided: the common case, which has its own loop. */
  readonly isPlain: boolean;
  /** The current block; only one of the two is used. */
  f64: Float64Array;
  u32: Uint32Array;
  /** Rows in the blocks before the current one. */
  base: number;
  readonly blocks: (Float64Array | Uint32Array)[];
  readonly exact: Map<number, bigint>;
  readonly interner: TextCodes;
  /** Texts that were read lately, to compare the next one with before anything else. */
  readonly recent: RecentText[];
  /** Which of them gives way next. */
  oldest: number;
  /** The last number that needed more than a double. */
  wide: WideNumber;
};

export type WideNumber = {
  readonly text: Literal;
  readonly double: number;
  /** Set when the double is not exact. */
  readonly exact: bigint | undefined;
};

export type RecentText = { readonly text: Literal; readonly code: number };

export type SinkOptions = Partial<Pick<TextSink, 'unit' | 'signed' | 'radix' | 'divisor'>>;

const NO_TEXT: RecentText = { text: NOWHERE, code: 0 };

/** A sink whose first `base + row` rows are missing values, in a block of `blockRows` rows. */
export function makeSink(
  name: string,
  kind: SinkKind,
  place: { base: number; row: number; blockRows: number },
  options: SinkOptions = {},
): TextSink {
  const { unit = 'none', signed = true, radix = 10, divisor = 1 } = options;
  const sink: TextSink = {
    name,
    kind,
    unit,
    signed,
    radix,
    divisor,
    isPlain: radix === 10 && divisor === 1,
    f64: new Float64Array(0),
    u32: new Uint32Array(0),
    base: 0,
    blocks: [],
    exact: new Map(),
    interner: new TextCodes(),
    recent: [NO_TEXT, NO_TEXT, NO_TEXT, NO_TEXT],
    oldest: 0,
    wide: { text: NOWHERE, double: 0, exact: undefined },
  };
  if (place.base > 0) {
    openBlock(sink, place.base);
    fillMissing(sink, 0, place.base);
    closeBlock(sink, place.base);
  }
  openBlock(sink, place.blockRows);
  fillMissing(sink, 0, place.row);
  return sink;
}

function isNumeric(kind: SinkKind): boolean {
  return kind === 'count' || kind === 'int' || kind === 'dev';
}

export function openBlock(sink: TextSink, rows: number): void {
  if (isNumeric(sink.kind)) sink.f64 = new Float64Array(rows);
  else if (sink.kind !== 'skip') sink.u32 = new Uint32Array(sink.kind === 'id' ? 2 * rows : rows);
}

export function closeBlock(sink: TextSink, rows: number): void {
  if (isNumeric(sink.kind)) sink.blocks.push(sink.f64.subarray(0, rows));
  else sink.blocks.push(sink.u32.subarray(0, sink.kind === 'id' ? 2 * rows : rows));
  sink.base += rows;
}

/** Rows whose text does not have the value: NaN, identity 0 or the empty text. */
export function fillMissing(sink: TextSink, from: number, to: number): void {
  if (isNumeric(sink.kind)) sink.f64.fill(Number.NaN, from, to);
  else if (sink.kind === 'id') sink.u32.fill(0, 2 * from, 2 * to);
  else if (sink.kind !== 'skip' && to > from) sink.u32.fill(sink.interner.code(''), from, to);
}

/** The finished column or columns by name; `rows` of the last block are used. */
export function finishSink(sink: TextSink, rows: number): [string, Column][] {
  closeBlock(sink, rows);
  switch (sink.kind) {
    case 'skip':
      return [];
    case 'id': {
      const words = joinChunks(sink.blocks as Uint32Array[], new Uint32Array());
      const whole = words.byteOffset % 8 === 0 ? words : words.slice();
      const values = new BigUint64Array(whole.buffer, whole.byteOffset, whole.length / 2);
      return [[sink.name, bigColumn(values, sink.unit)]];
    }
    case 'count': {
      const options = { unsigned: !sink.signed, exact: sink.exact };
      return [[sink.name, numberColumn(joinedNumbers(sink), sink.unit, options)]];
    }
    case 'int':
    case 'dev': {
      const values = narrow(joinedNumbers(sink), sink.signed);
      const options = { unsigned: !sink.signed, exact: sink.exact };
      return [[sink.name, numberColumn(values, sink.unit, options)]];
    }
    case 'text':
    case 'function':
      return [[sink.name, textColumn(joinedCodes(sink), sink.interner.dictionary)]];
    case 'names':
      return finishNames(sink);
    case 'raw':
      return [[sink.name, finishRaw(sink)]];
  }
}

function joinedNumbers(sink: TextSink): Float64Array {
  return joinChunks(sink.blocks as Float64Array[], new Float64Array());
}

function joinedCodes(sink: TextSink): Uint32Array {
  return joinChunks(sink.blocks as Uint32Array[], new Uint32Array());
}

/** The text does not say how wide the kernel's integer is: 32 bits, unless a value needs more. */
function narrow(values: Float64Array, signed: boolean): NumberArray {
  const least = signed ? -2147483648 : 0;
  const most = signed ? 2147483647 : 4294967295;
  for (const value of values) if (!(value >= least && value <= most)) return values;
  return signed ? Int32Array.from(values) : Uint32Array.from(values);
}

/**
 * Names, and their bits only where the text has printed nothing but numbers (`state=0x20052`, as
 * trace-cmd does when a format leaves out the names): other bits depend on the kernel's version.
 */
function finishNames(sink: TextSink): [string, Column][] {
  const { dictionary } = sink.interner;
  const codes = joinedCodes(sink);
  const names: [string, Column] = [sink.name, textColumn(codes, dictionary)];
  const bits = dictionary.map((text) => (text === '' ? 0n : parseNumber(text)));
  if (dictionary.every((text) => text === '') || bits.includes(undefined)) return [names];
  const doubles = bits.map((value) => Number(value ?? 0n));
  const values = Float64Array.from(codes, (code) => doubles[code] as number);
  return [names, [`${sink.name}_bits`, numberColumn(values, 'bits', { unsigned: true })]];
}

function finishRaw(sink: TextSink): Column {
  const { dictionary } = sink.interner;
  const codes = joinedCodes(sink);
  const isEmpty = dictionary.every((text) => text === '');
  const numbers = isEmpty ? [] : dictionary.map(parseNumber);
  if (isEmpty || numbers.some((value, code) => value === undefined && dictionary[code] !== '')) {
    return textColumn(codes, dictionary);
  }
  const doubles = numbers.map((value) => (value === undefined ? Number.NaN : Number(value)));
  const inexact = new Map<number, bigint>();
  numbers.forEach((value, code) => {
    if (value !== undefined && BigInt(doubles[code] as number) !== value) inexact.set(code, value);
  });
  const exact = new Map<number, bigint>();
  if (inexact.size > 0) {
    codes.forEach((code, row) => {
      const value = inexact.get(code);
      if (value !== undefined) exact.set(row, value);
    });
  }
  const values = Float64Array.from(codes, (code) => doubles[code] as number);
  return numberColumn(values, 'none', { exact });
}

// -12 or 0x1fa7
const NUMBER = /^(?:-?\d{1,20}|0x[0-9a-fA-F]{1,16})$/;

function parseNumber(text: string): bigint | undefined {
  return NUMBER.test(text) ? BigInt(text) : undefined;
}
