/**
 * The columns of the whole file in shared memory of exactly the right size, and slices of them for
 * the threads that read them.
 */
import type { AnyArray, GrowingColumn } from '../../decode/growing.ts';
import type { Detail } from '../../importer.ts';
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

const MOST_BYTES = 2 ** 33;

/**
 * One piece of memory for all: each piece makes the collector of garbage look whether it should
 * run, which took 8 % of the time with one for each event.
 */
export function shareEvents(
  builders: readonly EventBuilder[],
  rowsOf: (id: number) => number,
): SharedEvent[] {
  const places: number[] = [];
  let bytes = 0;
  for (const builder of builders) {
    places.push(bytes);
    const rows = rowsOf(builder.id);
    for (const column of columnsIn(builder)) bytes += bytesOf(column, rows);
  }
  // Columns of 2-byte values are looked at with indexes of 32 bits.
  if (bytes > MOST_BYTES) throw new Error('too large to share');
  const memory = new SharedArrayBuffer(bytes);
  return builders.map(({ id, format, definition, detail }, nth) => {
    const at = places[nth] as number;
    return { id, known: { format, definition }, detail, rows: rowsOf(id), memory, at };
  });
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

/** Where row 0 of the columns that all events have is, in bytes. */
export function baseRowsAt(
  builder: EventBuilder,
  { at, rows }: SharedEvent,
): { ts: number; lane: number; pid: number; seq: number } {
  const [ts, lane, pid] = columnsIn(builder).map((column) => bytesOf(column, rows));
  const laneAt = at + (ts ?? 0);
  const pidAt = laneAt + (lane ?? 0);
  return { ts: at, lane: laneAt, pid: pidAt, seq: pidAt + (pid ?? 0) };
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
