/**
 * Columns that are filled row by row from text. All sinks have one shape, so that the loops which
 * fill them stay monomorphic; what kind of column comes out is decided when they are finished.
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
import { firstComeCodes, TextCodes } from './text-codes.ts';
import type { RowSpan } from './text-exchange.ts';
import { type Literal, NOWHERE } from './text-literal.ts';
import type { TextMemory } from './text-memory.ts';
import { PLACE } from './text-places.ts';
import { isShared, sharedColumn } from './text-regions.ts';

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
  /** Only one of the two is used. */
  f64: Float64Array;
  u32: Uint32Array;
  readonly exact: Map<number, bigint>;
  /** One of the numbers may be below zero. */
  mayBeNegative: boolean;
  readonly interner: TextCodes;
  /** The last number that needed more than a double. */
  wide: WideNumber;
  /** For the loops: a number that no other sink has, and its place among those of its table. */
  readonly id: number;
  readonly nth: number;
};

/** The values of a sink: only one of the two is used. */
export type SinkValues = Pick<TextSink, 'kind' | 'f64' | 'u32'>;

export type WideNumber = {
  readonly text: Literal;
  readonly double: number;
  /** Set when the double is not exact. */
  readonly exact: bigint | undefined;
};

export type SinkOptions = Partial<Pick<TextSink, 'unit' | 'signed' | 'radix' | 'divisor'>>;

/** A sink with room for `capacity` rows, the first `rows` of which are missing values. */
export function makeSink(
  name: string,
  kind: SinkKind,
  place: { rows: number; capacity: number; id: number; nth: number },
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
    f64: new Float64Array(0),
    u32: new Uint32Array(0),
    exact: new Map(),
    mayBeNegative: false,
    interner: new TextCodes(),
    wide: { text: NOWHERE, double: 0, exact: undefined },
    id: place.id,
    nth: place.nth,
  };
  enlargeSink(sink, place.capacity);
  fillMissing(sink, 0, place.rows);
  return sink;
}

export function isNumeric(kind: SinkKind): boolean {
  return kind === 'count' || kind === 'int' || kind === 'dev';
}

export function enlargeSink(sink: TextSink, capacity: number): void {
  if (isNumeric(sink.kind)) {
    const { f64 } = sink;
    sink.f64 = new Float64Array(capacity);
    sink.f64.set(f64);
  } else if (sink.kind !== 'skip') {
    const { u32 } = sink;
    sink.u32 = new Uint32Array(sink.kind === 'id' ? 2 * capacity : capacity);
    sink.u32.set(u32);
  }
}

/** Takes the values of a batch's `count` rows over from the loops. */
export function takeBatch(
  { kind, nth, f64, u32 }: TextSink,
  memory: TextMemory,
  row: number,
  count: number,
): void {
  const out = PLACE.OUT + nth * memory.strideOf(count);
  if (isNumeric(kind)) copyValues(memory.f64, out >> 3, count, f64, row);
  else if (kind === 'id') copyValues(memory.u32, out >> 2, 2 * count, u32, 2 * row);
  else if (kind !== 'skip') copyValues(memory.u32, out >> 2, count, u32, row);
}

/** What the loops say of numbers since they were asked last. */
export function noteNegatives(sinks: readonly TextSink[], memory: TextMemory): void {
  for (const sink of sinks) {
    const place = PLACE.NEGATIVES + 4 * sink.nth;
    if (memory.get(place) !== 0) sink.mayBeNegative = true;
    memory.set(place, 0);
  }
  memory.set(PLACE.NEGATIVE_COUNT, 0);
}

/** A view and a call cost as much as some fifty values. */
const FEW = 50;

function copyValues<T extends Float64Array | Uint32Array>(
  values: T,
  from: number,
  count: number,
  target: T,
  to: number,
): void {
  if (count > FEW) target.set(values.subarray(from, from + count), to);
  else for (let i = 0; i < count; i++) target[to + i] = values[from + i] as number;
}

/** Of these places of a batch, those that were read have no values in the sinks. */
export function fillMissingInBatch(
  sinks: readonly TextSink[],
  memory: TextMemory,
  places: Int32Array,
  stride: number,
): void {
  const { at } = memory;
  const read = places.filter((place) => (at[place] as number) >= 0);
  for (const sink of sinks) fillMissingAt(sink, memory, read, stride);
}

function fillMissingAt(
  { kind, nth, interner }: TextSink,
  { f64, u32 }: TextMemory,
  places: Int32Array,
  stride: number,
): void {
  if (kind === 'skip') return;
  const out = PLACE.OUT + nth * stride;
  const word = out >> 2;
  const code = isNumeric(kind) || kind === 'id' ? 0 : interner.code('');
  for (const place of places) {
    if (isNumeric(kind)) f64[(out >> 3) + place] = Number.NaN;
    else if (kind === 'id') u32.fill(0, word + 2 * place, word + 2 * place + 2);
    else u32[word + place] = code;
  }
}

/** Rows whose text does not have the value: NaN, identity 0 or the empty text. */
export function fillMissing(sink: TextSink, from: number, to: number): void {
  if (isNumeric(sink.kind)) sink.f64.fill(Number.NaN, from, to);
  else if (sink.kind === 'id') sink.u32.fill(0, 2 * from, 2 * to);
  else if (sink.kind !== 'skip' && to > from) sink.u32.fill(sink.interner.code(''), from, to);
}

/** The sink goes on in memory that threads share, with room for `rows`, if it is not there. */
export function shareSink(sink: TextSink, used: number, rows: number): void {
  const values = isNumeric(sink.kind) ? sink.f64 : sink.u32;
  if (isShared(values) && values.length >= (sink.kind === 'id' ? 2 * rows : rows)) return;
  if (isNumeric(sink.kind)) sink.f64 = sharedColumn(sink.f64, used, rows);
  else if (sink.kind !== 'skip') {
    sink.u32 = sharedColumn(sink.u32, used, rows, sink.kind === 'id' ? 2 : 1);
  }
}

/** The sink begins again in memory of its own. */
export function leaveSink(sink: TextSink, capacity: number): void {
  sink.f64 = new Float64Array(0);
  sink.u32 = new Uint32Array(0);
  sink.exact.clear();
  enlargeSink(sink, capacity);
}

export function hasCodes({ kind }: Pick<TextSink, 'kind'>): boolean {
  return !isNumeric(kind) && kind !== 'id' && kind !== 'skip';
}

export function isIdentity(codes: Uint32Array): boolean {
  return codes.every((code, was) => code === was);
}

/** What is `code` becomes `codes[code]`, in some rows. */
export function recode(values: Uint32Array, codes: Uint32Array, spans: readonly RowSpan[]): void {
  for (const [from, to] of spans) {
    for (let row = from; row < to; row++) values[row] = codes[values[row] as number] as number;
  }
}

/** Takes the rows `gone` (ascending) out of those from the first of them up to `rows`. */
export function removeFromSink(sink: TextSink, gone: readonly number[], rows: number): void {
  if (isNumeric(sink.kind)) removeRows(sink.f64, gone, rows);
  else if (sink.kind === 'id') {
    const { u32 } = sink;
    eachKeptRow(gone, rows, (from, to) => u32.copyWithin(2 * to, 2 * from, 2 * from + 2));
  } else if (sink.kind !== 'skip') removeRows(sink.u32, gone, rows);
  if (sink.exact.size === 0) return;
  eachKeptRow(gone, rows, (from, to) => {
    const value = sink.exact.get(from);
    if (value === undefined) sink.exact.delete(to);
    else sink.exact.set(to, value);
  });
  for (let row = rows - gone.length; row < rows; row++) sink.exact.delete(row);
}

export function removeRows(values: NumberArray, gone: readonly number[], rows: number): void {
  eachKeptRow(gone, rows, (from, to) => {
    values[to] = values[from] as number;
  });
}

function eachKeptRow(
  gone: readonly number[],
  rows: number,
  move: (from: number, to: number) => void,
): void {
  let next = 0;
  for (let row = gone[0] as number; row < rows; row++) {
    if (row === gone[next]) next++;
    else move(row, row - next);
  }
}

/** The finished column or columns of `rows` rows, by name. */
export function finishSink(sink: TextSink, rows: number): [string, Column][] {
  switch (sink.kind) {
    case 'skip':
      return [];
    case 'id': {
      const values = new BigUint64Array(sink.u32.buffer, sink.u32.byteOffset, rows);
      return [[sink.name, bigColumn(values, sink.unit)]];
    }
    case 'count': {
      const options = { unsigned: !sink.signed, exact: sink.exact };
      return [[sink.name, numberColumn(sink.f64.subarray(0, rows), sink.unit, options)]];
    }
    case 'int':
    case 'dev': {
      const values = narrow(sink.f64.subarray(0, rows), sink.signed);
      const options = { unsigned: !sink.signed, exact: sink.exact };
      return [[sink.name, numberColumn(values, sink.unit, options)]];
    }
  }
  const { codes, dictionary } = firstComeCodes(sink.u32.subarray(0, rows), sink.interner);
  if (sink.kind === 'names') return finishNames(sink.name, codes, dictionary);
  if (sink.kind === 'raw') return [[sink.name, finishRaw(codes, dictionary)]];
  return [[sink.name, textColumn(codes, dictionary)]];
}

/** The text does not say how wide the kernel's integer is: 32 bits, unless a value needs more. */
function narrow(values: Float64Array, signed: boolean): NumberArray {
  const least = signed ? -2147483648 : 0;
  const most = signed ? 2147483647 : 4294967295;
  if (!areWithin(values, least, most)) return values;
  return signed ? new Int32Array(values) : new Uint32Array(values);
}

function areWithin(values: Float64Array, least: number, most: number): boolean {
  for (let row = 0; row < values.length; row++) {
    const value = values[row] as number;
    if (!(value >= least && value <= most)) return false;
  }
  return true;
}

/**
 * Names, and their bits only where the text has printed nothing but numbers (`state=0x20052`, as
 * trace-cmd does when a format leaves out the names): other bits depend on the kernel's version.
 */
function finishNames(
  name: string,
  codes: Uint32Array,
  dictionary: readonly string[],
): [string, Column][] {
  const names: [string, Column] = [name, textColumn(codes, dictionary)];
  const bits = dictionary.map((text) => (text === '' ? 0n : parseNumber(text)));
  if (dictionary.every((text) => text === '') || bits.includes(undefined)) return [names];
  const doubles = bits.map((value) => Number(value ?? 0n));
  const values = decoded(codes, doubles);
  return [names, [`${name}_bits`, numberColumn(values, 'bits', { unsigned: true })]];
}

function finishRaw(codes: Uint32Array, dictionary: readonly string[]): Column {
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
  return numberColumn(decoded(codes, doubles), 'none', { exact });
}

/** The number of each row, by its code. */
export function decoded(codes: Uint32Array, doubles: readonly number[]): Float64Array {
  const values = new Float64Array(codes.length);
  for (let row = 0; row < codes.length; row++)
    values[row] = doubles[codes[row] as number] as number;
  return values;
}

// -12 or 0x1fa7
const NUMBER = /^(?:-?\d{1,20}|0x[0-9a-fA-F]{1,16})$/;

function parseNumber(text: string): bigint | undefined {
  return NUMBER.test(text) ? BigInt(text) : undefined;
}
