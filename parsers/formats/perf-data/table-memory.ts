/** The columns of a table in memory that threads share, all rows of the trace long. */
import type { ColumnReader } from '../../decode/binary-fields.ts';
import type { EventBuilder } from '../../decode/event-tables.ts';
import type { AnyArray, GrowingColumn } from '../../decode/growing.ts';
import { FieldReaders } from '../../wasm/field-readers.ts';
import { Allocator } from '../../wasm/memory.ts';

/** Where row 0 of each column is, in bytes. */
export type TableMemory = {
  /** Rows that there is room for. */
  readonly capacity: number;
  readonly ts: number;
  readonly cpu: number;
  readonly pid: number;
  readonly seq: number;
  /** Of its own columns, in order. */
  readonly own: readonly number[];
  readonly end: number;
};

/** Columns one behind the other, from `at` on. */
export function placeTable(at: number, builder: EventBuilder, capacity: number): TableMemory {
  const allocator = new Allocator(at);
  const take = ({ make }: GrowingColumn<AnyArray>) =>
    allocator.take(capacity * make(0).BYTES_PER_ELEMENT);
  const [ts, cpu, pid, seq] = baseColumns(builder).map(take) as [number, number, number, number];
  const own = Array.from(builder.readers.values(), ({ column }) => take(column));
  return { capacity, ts, cpu, pid, seq, own, end: allocator.end };
}

/** What a column needs beside its rows, for loops that read it: bytes. */
export function slotsOf({ fast }: ColumnReader): number {
  return fast === undefined ? 0 : FieldReaders.slotBytes(fast);
}

function baseColumns({ ts, cpu, pid, seq }: EventBuilder): GrowingColumn<AnyArray>[] {
  return [ts, cpu, pid, seq] as unknown as GrowingColumn<AnyArray>[];
}

/** Makes the memory that of the builder's columns: `rows` long, with `filled` rows in it. */
export function useMemory(
  builder: EventBuilder,
  buffer: SharedArrayBuffer,
  memory: TableMemory,
  rows: number,
  filled: number,
): void {
  columnsOf(builder, memory).forEach(({ column, at }) => {
    column.array = viewOf(column, buffer, at, 0, rows);
    column.length = filled;
  });
}

/** Copies rows [from, to) of all columns. */
export function copyRows(
  builder: EventBuilder,
  buffer: SharedArrayBuffer,
  source: TableMemory,
  target: TableMemory,
  from: number,
  to: number,
): void {
  const sources = columnsOf(builder, source);
  columnsOf(builder, target).forEach(({ column, at }, nth) => {
    const place = (sources[nth] as (typeof sources)[number]).at;
    const values = viewOf(column, buffer, place, from, to) as Uint8Array;
    (viewOf(column, buffer, at, from, to) as Uint8Array).set(values);
  });
}

function columnsOf(builder: EventBuilder, { ts, cpu, pid, seq, own }: TableMemory) {
  const readers = [...builder.readers.values()];
  const columns = [...baseColumns(builder), ...readers.map(({ column }) => column)];
  const places = [ts, cpu, pid, seq, ...own];
  return columns.map((column, nth) => ({ column, at: places[nth] as number }));
}

type ValuesMaker = new (buffer: SharedArrayBuffer, at: number, length: number) => AnyArray;

function viewOf(
  { make }: GrowingColumn<AnyArray>,
  buffer: SharedArrayBuffer,
  at: number,
  from: number,
  to: number,
): AnyArray {
  const Values = make(0).constructor as ValuesMaker;
  const width = make(0).BYTES_PER_ELEMENT;
  return new Values(buffer, at + from * width, to - from);
}
