/**
 * Rows of a table as text, cell by cell into bytes. A command that prints 451,440 rows of 20
 * columns took 1.4 s with strings that are put together (JSON: 1.8 s), and takes 0.8 s (1.1 s).
 */
import { type Column, exactAt } from '../../trace/column.ts';
import type { Table } from '../../trace/table.ts';

export type Printing = {
  /** Stands before the cells of a row that is not the first, and of the first. */
  readonly between: string;
  readonly first: string;
  readonly end: string;
  /** What stands before and behind the cells of a column. */
  readonly around: (name: string, nth: number, column: Column) => readonly [string, string];
  /** A text, or what is no whole number or none that a double holds. */
  readonly print: (value: Value) => string;
};

export type Value = ReturnType<typeof exactAt>;

/** Rows whose numbers are gathered at a time. */
const BATCH_ROWS = 1024;
const PIECE_BYTES = 1 << 16;
/** No number is longer, nor what stands for one that is none. */
const NUMBER_BYTES = 32;
const ENCODER = new TextEncoder();

/** Texts are printed once, however many rows they have: where each begins in `bytes`, by code. */
type Texts = { readonly bytes: Uint8Array; readonly starts: Uint32Array };

type Cells = {
  readonly column: Column;
  /** What stands behind the cell before it, too. */
  readonly before: Uint8Array;
  readonly texts: Texts | undefined;
  /** Of the batch: whole numbers that are printed as they are; NaN for all else. */
  readonly numbers: Float64Array;
};

/** Hands pieces of text to `out`, until it returns false. */
export function printRows(table: Table, printing: Printing, out: (text: string) => boolean): void {
  let behind = '';
  const cells = Object.entries(table.columns).map(([name, column], nth): Cells => {
    const [before, after] = printing.around(name, nth, column);
    const texts = column.kind === 'text' ? printTexts(column.dictionary, printing) : undefined;
    const bytes = ENCODER.encode(behind + before);
    behind = after;
    return { column, before: bytes, texts, numbers: new Float64Array(BATCH_ROWS) };
  });
  const [first, between] = [ENCODER.encode(printing.first), ENCODER.encode(printing.between)];
  const end = ENCODER.encode(behind + printing.end);
  const most = cells.reduce((sum, one) => sum + mostBytes(one), between.length + end.length);
  const piece = Buffer.alloc(PIECE_BYTES + most);
  let at = 0;
  for (let from = 0; from < table.rows; from += BATCH_ROWS) {
    const to = Math.min(table.rows, from + BATCH_ROWS);
    for (const one of cells) gather(one, from, to);
    for (let row = from; row < to; row++) {
      at = putBytes(piece, at, row === 0 ? first : between);
      for (const one of cells) at = putCell(piece, at, one, row, row - from, printing);
      at = putBytes(piece, at, end);
      if (at < PIECE_BYTES) continue;
      if (!out(piece.toString('utf8', 0, at))) return;
      at = 0;
    }
  }
  out(piece.toString('utf8', 0, at));
}

function printTexts(dictionary: readonly string[], { print }: Printing): Texts {
  const printed = dictionary.map((text) => ENCODER.encode(print(text)));
  const starts = new Uint32Array(printed.length + 1);
  printed.forEach(({ length }, code) => {
    starts[code + 1] = (starts[code] as number) + length;
  });
  return { bytes: new Uint8Array(Buffer.concat(printed)), starts };
}

function mostBytes({ before, texts }: Cells): number {
  if (texts === undefined) return before.length + NUMBER_BYTES;
  const { starts } = texts;
  let most = 0;
  for (let code = 1; code < starts.length; code++) {
    most = Math.max(most, (starts[code] as number) - (starts[code - 1] as number));
  }
  return before.length + most;
}

/** Sets the numbers of rows [from, to); those of texts are their codes. */
function gather({ column, numbers }: Cells, from: number, to: number): void {
  if (column.kind === 'text') {
    numbers.set(column.codes.subarray(from, to));
    return;
  }
  const count = to - from;
  if (column.kind === 'number') {
    numbers.set(column.values.subarray(from, to));
    // Unsigned ones below zero are printed as the kernel does.
    const least = column.unsigned ? 0 : -Number.MAX_SAFE_INTEGER;
    for (let nth = 0; nth < count; nth++) {
      const value = numbers[nth] as number;
      const isWhole = value === Math.floor(value);
      if (!isWhole || value < least || value > Number.MAX_SAFE_INTEGER) numbers[nth] = Number.NaN;
    }
    return;
  }
  const { words } = column;
  for (let nth = 0; nth < count; nth++) {
    const high = words[2 * (from + nth) + 1] as number;
    const low = words[2 * (from + nth)] as number;
    numbers[nth] = high < 2 ** 21 ? high * 2 ** 32 + low : Number.NaN;
  }
}

function putCell(
  out: Uint8Array,
  start: number,
  { column, before, texts, numbers }: Cells,
  row: number,
  nth: number,
  { print }: Printing,
): number {
  const at = putBytes(out, start, before);
  const value = numbers[nth] as number;
  if (texts !== undefined) {
    const { bytes, starts } = texts;
    let to = at;
    const end = starts[value + 1] as number;
    for (let byte = starts[value] as number; byte < end; byte++) out[to++] = bytes[byte] as number;
    return to;
  }
  if (!Number.isNaN(value)) return putNumber(out, at, value);
  const exact = exactAt(column, row);
  return putBytes(out, at, ENCODER.encode(column.kind === 'bigint' ? `${exact}` : print(exact)));
}

function putBytes(out: Uint8Array, at: number, bytes: Uint8Array): number {
  for (let nth = 0; nth < bytes.length; nth++) out[at + nth] = bytes[nth] as number;
  return at + bytes.length;
}

const ZERO = 0x30;
const MINUS = 0x2d;
const BILLION = 1e9;
const BILLION_DIGITS = 9;

/** The digits of a whole number that a double holds. */
function putNumber(out: Uint8Array, at: number, value: number): number {
  if (value < 0) {
    out[at] = MINUS;
    return putNumber(out, at + 1, -value);
  }
  if (value < BILLION) return putDigits(out, at, value | 0, digitsOf(value | 0));
  const high = Math.floor(value / BILLION);
  const next = putNumber(out, at, high);
  return putDigits(out, next, (value - high * BILLION) | 0, BILLION_DIGITS);
}

function digitsOf(value: number): number {
  if (value < 10) return 1;
  if (value < 100) return 2;
  if (value < 1000) return 3;
  if (value < 10_000) return 4;
  let digits = 5;
  for (let limit = 100_000; limit <= value; limit *= 10) digits++;
  return digits;
}

function putDigits(out: Uint8Array, at: number, value: number, digits: number): number {
  let rest = value;
  for (let place = at + digits - 1; place >= at; place--) {
    const tens = (rest / 10) | 0;
    out[place] = ZERO + rest - 10 * tens;
    rest = tens;
  }
  return at + digits;
}
