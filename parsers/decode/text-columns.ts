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
import { type Literal, NOWHERE } from './text-literal.ts';
import type { TextMemory } from './text-memory.ts';
import { PLACE } from './text-places.ts';
import { isShared, joinRegions, sharedColumn, splitColumn } from './text-regions.ts';

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
  place: {
    rows: number;
    capacity: number;
    id: number;
    nth: number;
    region?: SinkValues | undefined;
  },
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
    interner: new TextCodes(),
    wide: { text: NOWHERE, double: 0, exact: undefined },
    id: place.id,
    nth: place.nth,
  };
  placeSink(sink, place.region, place.capacity);
  fillMissing(sink, 0, place.rows);
  return sink;
}

/** The values go to the region if that is one for them, else there is room for so many rows. */
export function placeSink(sink: TextSink, region: SinkValues | undefined, capacity: number): void {
  if (region?.kind === sink.kind) {
    sink.f64 = region.f64;
    sink.u32 = region.u32;
  } else enlargeSink(sink, capacity);
}

function isNumeric(kind: SinkKind): boolean {
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

/** Places of a batch whose text does not have the value. */
export function fillMissingInBatch(
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

/** The sink goes on in memory that threads share, with room for `rows`. */
export function shareSink(sink: TextSink, used: number, rows: number): void {
  if (isNumeric(sink.kind)) sink.f64 = sharedColumn(sink.f64, used, rows);
  else if (sink.kind !== 'skip') {
    sink.u32 = sharedColumn(sink.u32, used, rows, sink.kind === 'id' ? 2 : 1);
  }
}

/** Regions of that memory, of as many rows; the sink goes on in the first of them. */
export function splitSink(sink: TextSink, rows: readonly number[]): SinkValues[] {
  const { kind } = sink;
  const isNumber = isNumeric(kind);
  const values = isNumber ? sink.f64 : sink.u32;
  if (kind !== 'skip' && !isShared(values)) return [];
  const f64 = isNumber ? splitColumn(sink.f64, rows) : [];
  const u32 = isNumber ? [] : splitColumn(sink.u32, rows, kind === 'id' ? 2 : 1);
  const regions = rows.map((_, nth) => ({
    kind,
    f64: f64[nth] ?? sink.f64,
    u32: u32[nth] ?? sink.u32,
  }));
  Object.assign(sink, regions[0]);
  return regions;
}

/** Puts the values of a region behind the sink's first `rows`. */
export function joinSink(
  sink: TextSink,
  region: SinkValues,
  place: { readonly rows: number; readonly count: number },
): void {
  if (isNumeric(sink.kind)) sink.f64 = joinRegions(sink.f64, region.f64, place);
  else if (sink.kind !== 'skip') {
    sink.u32 = joinRegions(sink.u32, region.u32, place, sink.kind === 'id' ? 2 : 1);
  }
}

export type AppendedSink = Pick<TextSink, 'f64' | 'u32' | 'exact'> & {
  readonly dictionary: readonly string[];
};

export type SinkPart = Pick<TextSink, 'name' | 'kind'> &
  AppendedSink & { readonly options: SinkOptions };

/** The first `rows` values, for a sink of another thread. */
export function partOfSink(sink: TextSink, rows: number): SinkPart {
  const { name, kind, unit, signed, radix, divisor, exact, interner } = sink;
  const f64 = sink.f64.subarray(0, rows);
  const u32 = sink.u32.subarray(0, kind === 'id' ? 2 * rows : rows);
  const options = { unit, signed, radix, divisor };
  return { name, kind, options, f64, u32, exact, dictionary: interner.dictionary };
}

/** Puts the values of another sink of the same kind from row `rows` on. */
export function appendToSink(sink: TextSink, rows: number, part: AppendedSink): void {
  if (isNumeric(sink.kind)) sink.f64.set(part.f64, rows);
  else if (sink.kind === 'id') sink.u32.set(part.u32, 2 * rows);
  else if (sink.kind !== 'skip') sink.u32.set(part.u32, rows);
  explainValues(sink, { rows, count: part.u32.length }, part);
}

/** The same where the values are there already: their codes are those of the sink from now on. */
export function explainValues(
  sink: TextSink,
  { rows, count }: { readonly rows: number; readonly count: number },
  { exact, dictionary }: Pick<AppendedSink, 'exact' | 'dictionary'>,
): void {
  if (!isNumeric(sink.kind) && sink.kind !== 'id' && sink.kind !== 'skip') {
    const codes = Uint32Array.from(dictionary, (text) => sink.interner.code(text));
    recode(sink.u32.subarray(rows, rows + count), codes);
  }
  for (const [row, value] of exact) sink.exact.set(rows + row, value);
}

/** What is `code` becomes `codes[code]`. */
export function recode(values: Uint32Array, codes: Uint32Array): void {
  if (codes.every((code, was) => code === was)) return;
  for (let row = 0; row < values.length; row++) {
    values[row] = codes[values[row] as number] as number;
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
  for (const value of values) if (!(value >= least && value <= most)) return values;
  return signed ? new Int32Array(values) : new Uint32Array(values);
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

function decoded(codes: Uint32Array, doubles: readonly number[]): Float64Array {
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
