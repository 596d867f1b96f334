/**
 * The columns of the whole file in shared memory of exactly the right size, and slices of them for
 * the threads that read them.
 */
import type { AnyArray, GrowingColumn } from '../../decode/growing.ts';
import type { Detail } from '../../importer.ts';
import { type Allocator, type SharedMemory, sharedMemory } from '../../wasm/memory.ts';
import { type EventBuilder, type KnownFormat, type MakeColumns, makeBuilder } from './assemble.ts';

/** An event with the place of its columns in the memory of all; can be sent to threads. */
export type SharedEvent = {
  readonly id: number;
  readonly known: KnownFormat;
  readonly detail: Detail;
  readonly rows: number;
  readonly memory: SharedArrayBuffer;
  readonly at: number;
};

type AnyColumn = GrowingColumn<AnyArray>;
type ArrayMaker = new (buffer: SharedArrayBuffer, at: number, length: number) => AnyArray;

/**
 * Memory for the columns of all events, behind what `allocator` handed out. One piece for all: each
 * piece makes the collector of garbage look whether it should run, which took 8 % of the time with
 * one for each event. Throws if there is more than memory can be.
 */
export function shareEvents(
  builders: readonly EventBuilder[],
  rowsOf: (id: number) => number,
  allocator: Allocator,
): { readonly memory: SharedMemory; readonly events: SharedEvent[] } {
  const places = builders.map((builder) => {
    const rows = rowsOf(builder.id);
    return allocator.take(columnsIn(builder).reduce((sum, one) => sum + bytesOf(one, rows), 0));
  });
  const memory = sharedMemory(allocator.end);
  const events = builders.map(({ id, format, definition, detail }, nth) => {
    const at = places[nth] as number;
    const known = { format, definition };
    return { id, known, detail, rows: rowsOf(id), memory: memory.buffer, at };
  });
  return { memory, events };
}

export function builderFor(
  { id, known, detail }: SharedEvent,
  makeColumns: MakeColumns,
): EventBuilder {
  return makeBuilder({ keep: () => detail, makeColumns }, id, known);
}

/** Makes rows [from, from + count) of the shared columns the builder's own, to be filled. */
export function lendRows(
  builder: EventBuilder,
  event: SharedEvent,
  from: number,
  count: number,
): void {
  let { at } = event;
  for (const column of columnsIn(builder)) {
    const empty = column.make(0);
    const Values = empty.constructor as ArrayMaker;
    column.array = new Values(event.memory, at + from * empty.BYTES_PER_ELEMENT, count);
    column.length = 0;
    at += bytesOf(column, event.rows);
  }
  builder.rows = 0;
}

/** Where row 0 of each column is, in bytes; `own` are those of the event's readers, in order. */
export function columnPlaces(
  builder: EventBuilder,
  { at, rows }: SharedEvent,
): { ts: number; lane: number; pid: number; seq: number; own: number[] } {
  let next = at;
  const [ts = at, lane = at, pid = at, seq = at, ...own] = columnsIn(builder).map((column) => {
    const place = next;
    next += bytesOf(column, rows);
    return place;
  });
  return { ts, lane, pid, seq, own };
}

/** Makes all rows of the shared columns, which others fill, the builder's own. */
export function takeRows(builder: EventBuilder, event: SharedEvent): void {
  lendRows(builder, event, 0, event.rows);
  for (const column of columnsIn(builder)) column.length = event.rows;
  builder.rows = event.rows;
}

/** All columns that have memory, in a fixed order. */
function columnsIn({ base, columns, detail }: EventBuilder): AnyColumn[] {
  if (detail === 'count') return [];
  const { ts, lane, pid, seq } = base;
  const own = detail === 'columns' ? [...columns.readers.values()].map(({ column }) => column) : [];
  return [ts, lane, pid, seq, ...own] as unknown as AnyColumn[];
}

/** Whole words of 8 bytes, so that each column begins where its values may begin. */
function bytesOf(column: AnyColumn, rows: number): number {
  return Math.ceil((rows * column.make(0).BYTES_PER_ELEMENT) / 8) * 8;
}
