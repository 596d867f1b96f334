/**
 * One piece of memory for the threads that read a large file: an area of each thread, with a window
 * on the file and the list of its samples, and behind them the columns of the whole trace.
 */
import type { ColumnReader } from '../../decode/binary-fields.ts';
import { BATCH_ROWS, type EventBuilder } from '../../decode/event-tables.ts';
import type { AnyArray, GrowingColumn } from '../../decode/growing.ts';
import { COLUMN } from '../../wasm/column-loops.ts';
import { EVENT } from '../../wasm/event-rows.ts';
import { FieldReaders } from '../../wasm/field-readers.ts';
import type { Allocator } from '../../wasm/memory.ts';
import { layOutScan, listPlaces, type ScanArea } from './loop-scanner.ts';

/** Where the columns of one table are, all rows of the trace long, in bytes. */
export type TableMemory = {
  readonly table: number;
  readonly rows: number;
  readonly ts: number;
  readonly cpu: number;
  readonly pid: number;
  readonly seq: number;
  /** Of its own columns, in order. */
  readonly own: readonly number[];
};

/** Where things of one thread lie. */
export type Area = {
  readonly scan: ScanArea;
  readonly list: ReturnType<typeof listPlaces>;
  readonly order: number;
  /** Where the records of a batch lie, those of each event together. */
  readonly starts: number;
  readonly ends: number;
  /** EVENTs by table; COLUMNs of all of them, and memory for what they remember. */
  readonly events: number;
  readonly columns: number;
  readonly slots: number;
};

export type AreaSizes = {
  readonly windowBytes: number;
  /** Samples that the list has room for. */
  readonly capacity: number;
  readonly sources: number;
  readonly columns: number;
  readonly slotBytes: number;
};

export function layOutArea(allocator: Allocator, sizes: AreaSizes): Area {
  const { windowBytes, capacity, sources, columns, slotBytes } = sizes;
  return {
    scan: layOutScan(allocator, windowBytes, sources),
    list: listPlaces(allocator, capacity),
    order: allocator.take(4 * capacity),
    starts: allocator.take(4 * BATCH_ROWS),
    ends: allocator.take(4 * BATCH_ROWS),
    // No more tables than sources of events.
    events: allocator.take(sources * EVENT.bytes),
    columns: allocator.take(columns * COLUMN.bytes),
    slots: allocator.take(slotBytes),
  };
}

/** What the columns of these events need beside their rows. */
export function columnSizes(
  builders: readonly EventBuilder[],
): Pick<AreaSizes, 'columns' | 'slotBytes'> {
  const readers = builders.flatMap((builder) => [...builder.readers.values()]);
  const slotBytes = readers.reduce((sum, reader) => sum + slotsOf(reader), 0);
  return { columns: readers.length, slotBytes };
}

export function slotsOf({ fast }: ColumnReader): number {
  return fast === undefined ? 0 : FieldReaders.slotBytes(fast);
}

export function placeTable(
  allocator: Allocator,
  table: number,
  builder: EventBuilder,
  rows: number,
): TableMemory {
  const take = ({ make }: GrowingColumn<AnyArray>) =>
    allocator.take(rows * make(0).BYTES_PER_ELEMENT);
  const [ts, cpu, pid, seq] = baseColumns(builder).map(take) as [number, number, number, number];
  const own = Array.from(builder.readers.values(), ({ column }) => take(column));
  return { table, rows, ts, cpu, pid, seq, own };
}

function baseColumns({ ts, cpu, pid, seq }: EventBuilder): GrowingColumn<AnyArray>[] {
  return [ts, cpu, pid, seq] as unknown as GrowingColumn<AnyArray>[];
}

/** Makes the memory that of the builder's columns, with `filled` rows in it. */
export function useMemory(
  builder: EventBuilder,
  buffer: SharedArrayBuffer,
  memory: TableMemory,
  filled: number,
): void {
  const { rows, ts, cpu, pid, seq, own } = memory;
  const readers = [...builder.readers.values()];
  const columns = [...baseColumns(builder), ...readers.map(({ column }) => column)];
  const places = [ts, cpu, pid, seq, ...own];
  columns.forEach((column, nth) => {
    const Values = column.make(0).constructor as ValuesMaker;
    column.array = new Values(buffer, places[nth] as number, rows);
    column.length = filled;
  });
}

type ValuesMaker = new (buffer: SharedArrayBuffer, at: number, length: number) => AnyArray;
