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
  for (const span of united(overlaps)) sortSpan(tables, span);
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

/** Rows [from, to) of one table that lie in the span. */
type Part = { readonly table: MovableTable; readonly from: number; readonly to: number };

function sortSpan(tables: readonly MovableTable[], span: TimeSpan): void {
  const parts = tables.map((table) => partOf(table, span)).filter(({ from, to }) => to > from);
  // Together, they came one after the other: their numbers have no gaps.
  const firstSeq = Math.min(...parts.map(({ table, from }) => table.seq[from] as number));
  const count = parts.reduce((sum, { from, to }) => sum + to - from, 0);
  const time = new Float64Array(count);
  const cpu = new Uint16Array(count);
  for (const { table, from, to } of parts) {
    for (let row = from; row < to; row++) {
      const position = (table.seq[row] as number) - firstSeq;
      time[position] = table.ts[row] as number;
      cpu[position] = table.cpu[row] as number;
    }
  }
  const order = orderByTime({ count, time, cpu });
  if (order === undefined) return;
  const rank = new Uint32Array(count);
  for (let place = 0; place < count; place++) rank[order[place] as number] = place;
  for (const part of parts) renumber(part, rank, firstSeq);
}

/** Rows outside the span are in place, so its rows stand together. */
function partOf(table: MovableTable, [first, last]: TimeSpan): Part {
  const { ts } = table;
  return {
    table,
    from: countWhile(ts, (time) => time < first),
    to: countWhile(ts, (time) => time <= last),
  };
}

function countWhile(ts: Float64Array, isBefore: (time: number) => boolean): number {
  let low = 0;
  let high = ts.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (isBefore(ts[middle] as number)) low = middle + 1;
    else high = middle;
  }
  return low;
}

function renumber(part: Part, rank: Uint32Array, firstSeq: number): void {
  const { table, from, to } = part;
  const { seq, cpu, payload } = table;
  for (let row = from; row < to; row++) {
    seq[row] = firstSeq + (rank[(seq[row] as number) - firstSeq] as number);
  }
  const count = to - from;
  const keys = { count, time: seq.subarray(from, to), cpu: cpu.subarray(from, to) };
  const order = orderByTime(keys);
  if (order === undefined) return;
  for (const values of [table.ts, cpu, table.pid, seq]) {
    if (values !== undefined) move(values, order, from, to);
  }
  for (const [, column] of payload) {
    move(column.kind === 'text' ? column.codes : column.values, order, from, to);
    if (column.kind === 'number' && column.exact !== undefined) {
      moveExact(column.exact, order, from);
    }
  }
}

type Values = NumberArray | BigInt64Array | BigUint64Array;

/** Moves values by their bytes: one loop for each size of value, whatever its type. */
function move(values: Values, order: Uint32Array, from: number, to: number): void {
  const { buffer, byteOffset, byteLength, BYTES_PER_ELEMENT: size } = values;
  switch (size) {
    case 1:
      moveBytes(new Uint8Array(buffer, byteOffset, byteLength), order, from, to);
      break;
    case 2:
      moveHalves(new Uint16Array(buffer, byteOffset, byteLength / 2), order, from, to);
      break;
    case 4:
      moveWords(new Uint32Array(buffer, byteOffset, byteLength / 4), order, from, to);
      break;
    default:
      movePairs(new Uint32Array(buffer, byteOffset, byteLength / 4), order, from, to);
  }
}

// values[from + i] = copy[order[i]]: four times, so that each has one type of array.

function moveBytes(values: Uint8Array, order: Uint32Array, from: number, to: number): void {
  const copy = values.slice(from, to);
  for (let i = 0; i < copy.length; i++) values[from + i] = copy[order[i] as number] as number;
}

function moveHalves(values: Uint16Array, order: Uint32Array, from: number, to: number): void {
  const copy = values.slice(from, to);
  for (let i = 0; i < copy.length; i++) values[from + i] = copy[order[i] as number] as number;
}

function moveWords(values: Uint32Array, order: Uint32Array, from: number, to: number): void {
  const copy = values.slice(from, to);
  for (let i = 0; i < copy.length; i++) values[from + i] = copy[order[i] as number] as number;
}

function movePairs(values: Uint32Array, order: Uint32Array, from: number, to: number): void {
  const copy = values.slice(2 * from, 2 * to);
  for (let i = 0; i < to - from; i++) {
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
