/**
 * Rows that came stretch by stretch, each stretch in order, → rows in order. Only where stretches
 * overlap in time can a row be in the wrong place, and rows from there take places from there: so
 * just these spans of time are sorted.
 */
import type { Column, NumberArray } from '../../src/trace/column.ts';
import { orderByTime } from './time-order.ts';

/** From the first to the last time, both included. */
export type TimeSpan = readonly [from: number, to: number];

/** A table's columns; `seq` numbers the rows of all tables as they came. */
export type MovableTable = {
  readonly ts: Float64Array;
  readonly cpu: Uint16Array;
  readonly pid?: Int32Array;
  readonly seq: Uint32Array;
  readonly payload: readonly (readonly [string, Column])[];
};

/** Sorts all rows by (time, CPU, position) and numbers them anew. */
export function restoreOrder(tables: readonly MovableTable[], overlaps: readonly TimeSpan[]): void {
  const spans = united(overlaps);
  if (spans.length === 0) return;
  const movable = tables.map((table) => ({ table, columns: columnsOf(table) }));
  for (const span of spans) sortSpan(movable, span);
}

/** The same times in spans that do not touch, in order. */
export function united(spans: readonly TimeSpan[]): TimeSpan[] {
  const apart: [number, number][] = [];
  for (const [from, to] of spans.toSorted((left, right) => left[0] - right[0])) {
    const last = apart.at(-1);
    if (last !== undefined && from <= last[1]) last[1] = Math.max(last[1], to);
    else apart.push([from, to]);
  }
  return apart;
}

/** A table whose columns are looked at as bits: views of them are made once, not for each span. */
type Movable = { readonly table: MovableTable; readonly columns: readonly MovableColumn[] };

/** Values of 1, 2 and 4 bytes, one element each, or of 8 bytes, two each. */
type MovableColumn = { readonly bits: Bits; readonly isWide: boolean };
type Bits = Uint8Array | Uint16Array | Uint32Array;

/** Rows [from, to) of one table that lie in the span. */
type Part = Movable & { readonly from: number; readonly to: number };

function sortSpan(tables: readonly Movable[], span: TimeSpan): void {
  const parts = tables.map((table) => partOf(table, span)).filter(({ from, to }) => to > from);
  // Together, they came one after the other: their numbers have no gaps.
  let firstSeq = Number.POSITIVE_INFINITY;
  let count = 0;
  for (const { table, from, to } of parts) {
    firstSeq = Math.min(firstSeq, table.seq[from] as number);
    count += to - from;
  }
  const time = new Float64Array(count);
  const cpu = new Uint16Array(count);
  for (const { table, from, to } of parts) copyKeys(table, from, to, firstSeq, time, cpu);
  const order = orderByTime({ count, time, cpu });
  if (order === undefined) return;
  const rank = new Uint32Array(count);
  for (let place = 0; place < count; place++) rank[order[place] as number] = place;
  for (const part of parts) renumber(part, rank, firstSeq);
}

function copyKeys(
  { ts, cpu: onCpu, seq }: MovableTable,
  from: number,
  to: number,
  firstSeq: number,
  time: Float64Array,
  cpu: Uint16Array,
): void {
  for (let row = from; row < to; row++) {
    const position = (seq[row] as number) - firstSeq;
    time[position] = ts[row] as number;
    cpu[position] = onCpu[row] as number;
  }
}

/** Rows outside the span are in place, so its rows stand together. */
function partOf({ table, columns }: Movable, [first, last]: TimeSpan): Part {
  const { ts } = table;
  const from = countBefore(ts, first, false);
  return { table, columns, from, to: countBefore(ts, last, true) };
}

/** How many times are before the limit, or also at it. */
function countBefore(ts: Float64Array, limit: number, isWith: boolean): number {
  let low = 0;
  let high = ts.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const time = ts[middle] as number;
    if (time < limit || (isWith && time === limit)) low = middle + 1;
    else high = middle;
  }
  return low;
}

function renumber(part: Part, rank: Uint32Array, firstSeq: number): void {
  const { table, columns, from, to } = part;
  const { seq, cpu, payload } = table;
  for (let row = from; row < to; row++) {
    seq[row] = firstSeq + (rank[(seq[row] as number) - firstSeq] as number);
  }
  const count = to - from;
  const keys = { count, time: seq.subarray(from, to), cpu: cpu.subarray(from, to) };
  const order = orderByTime(keys);
  if (order === undefined) return;
  const copy = new Uint32Array(2 * count);
  for (const { bits, isWide } of columns) {
    if (isWide) movePairs(bits as Uint32Array, order, from, copy);
    else if (bits instanceof Uint32Array) moveWords(bits, order, from, copy);
    else moveSmall(bits, order, from, copy);
  }
  for (const [, column] of payload) {
    if (column.kind === 'number' && column.exact !== undefined && column.exact.size > 0) {
      moveExact(column.exact, order, from);
    }
  }
}

type Values = NumberArray | BigInt64Array | BigUint64Array;

function columnsOf({ ts, cpu, pid, seq, payload }: MovableTable): MovableColumn[] {
  const own = payload.map(([, column]) => (column.kind === 'text' ? column.codes : column.values));
  return [ts, cpu, ...(pid === undefined ? [] : [pid]), seq, ...own].map(bitsOf);
}

function bitsOf({ buffer, byteOffset, byteLength, BYTES_PER_ELEMENT: size }: Values) {
  const Bits = size === 1 ? Uint8Array : size === 2 ? Uint16Array : Uint32Array;
  const bits = new Bits(buffer as ArrayBuffer, byteOffset, byteLength / Bits.BYTES_PER_ELEMENT);
  return { bits, isWide: size === 8 };
}

// values[from + i] = copy[order[i]]: three times, so that each has one or few types of array.

function moveSmall(
  values: Uint8Array | Uint16Array,
  order: Uint32Array,
  from: number,
  copy: Uint32Array,
): void {
  const count = order.length;
  for (let i = 0; i < count; i++) copy[i] = values[from + i] as number;
  for (let i = 0; i < count; i++) values[from + i] = copy[order[i] as number] as number;
}

function moveWords(values: Uint32Array, order: Uint32Array, from: number, copy: Uint32Array): void {
  const count = order.length;
  for (let i = 0; i < count; i++) copy[i] = values[from + i] as number;
  for (let i = 0; i < count; i++) values[from + i] = copy[order[i] as number] as number;
}

function movePairs(values: Uint32Array, order: Uint32Array, from: number, copy: Uint32Array): void {
  const pairs = 2 * order.length;
  for (let i = 0; i < pairs; i++) copy[i] = values[2 * from + i] as number;
  for (let i = 0; i < order.length; i++) {
    const source = 2 * (order[i] as number);
    values[2 * (from + i)] = copy[source] as number;
    values[2 * (from + i) + 1] = copy[source + 1] as number;
  }
}

/** The table is still being made, so its column's map may be changed. */
function moveExact(exact: ReadonlyMap<number, bigint>, order: Uint32Array, from: number): void {
  const own = exact as Map<number, bigint>;
  const values = Array.from(order, (row) => own.get(from + row));
  values.forEach((value, i) => {
    if (value === undefined) own.delete(from + i);
    else own.set(from + i, value);
  });
}
