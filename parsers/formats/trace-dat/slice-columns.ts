/** An event's columns in the memory that threads share, one behind the other. */
import type { AnyArray, GrowingColumn } from '../../decode/growing.ts';
import type { SharedMemory } from '../../wasm/memory.ts';
import type { EventBuilder } from './assemble.ts';
import type { ColumnsPlace, MovedRows } from './slice-order.ts';

type AnyColumn = GrowingColumn<AnyArray>;
type ArrayMaker = new (buffer: SharedArrayBuffer, at: number, length: number) => AnyArray;

/** Of all columns, for so many rows. */
export function bytesOfColumns(builder: EventBuilder, rows: number): number {
  return columnsIn(builder).reduce((sum, column) => sum + bytesOf(column, rows), 0);
}

/** Makes `count` rows of a column that begins at `at`, from row `from` on, its own, to be filled. */
export function lendRows(
  column: Pick<AnyColumn, 'array' | 'length'>,
  { buffer }: SharedMemory,
  at: number,
  from: number,
  count: number,
): void {
  const { BYTES_PER_ELEMENT } = column.array;
  const Values = column.array.constructor as ArrayMaker;
  column.array = new Values(buffer, at + from * BYTES_PER_ELEMENT, count);
  column.length = 0;
}

/** Where row 0 of each column is, in bytes; `own` are those of the event's readers, in order. */
export function columnPlaces(
  builder: EventBuilder,
  { at, room }: ColumnsPlace,
): { ts: number; lane: number; pid: number; seq: number; own: number[] } {
  let next = at;
  const [ts = at, lane = at, pid = at, seq = at, ...own] = columnsIn(builder).map((column) => {
    const place = next;
    next += bytesOf(column, room);
    return place;
  });
  return { ts, lane, pid, seq, own };
}

/**
 * Makes all rows of the shared columns, which others filled, the builder's own. Rows that are where
 * there was no more room are copied to their places before the others.
 */
export function ownRows(
  builder: EventBuilder,
  memory: SharedMemory,
  place: ColumnsPlace,
  rows: number,
  moved: readonly MovedRows[],
): void {
  let own = place.at;
  for (const column of columnsIn(builder)) {
    lendRows(column, memory, own, 0, rows);
    own += bytesOf(column, place.room);
  }
  let copied = 0;
  for (const before of moved) {
    let next = before.at;
    for (const { array } of columnsIn(builder)) {
      const Values = array.constructor as ArrayMaker;
      const from = next + copied * array.BYTES_PER_ELEMENT;
      const part = new Values(memory.buffer, from, before.until - copied);
      // The union of typed arrays hides that both have one type.
      (array as Uint8Array).set(part as Uint8Array, copied);
      next += bytesOf({ array }, before.room);
    }
    copied = before.until;
  }
  for (const column of columnsIn(builder)) column.length = rows;
  builder.rows = rows;
}

/** All columns that have memory, in a fixed order. */
function columnsIn({ base, columns, detail }: EventBuilder): AnyColumn[] {
  if (detail === 'count') return [];
  const { ts, lane, pid, seq } = base;
  const own = detail === 'columns' ? [...columns.readers.values()].map(({ column }) => column) : [];
  return [ts, lane, pid, seq, ...own] as unknown as AnyColumn[];
}

/** Whole words of 8 bytes, so that each column begins where its values may begin. */
function bytesOf({ array }: Pick<AnyColumn, 'array'>, rows: number): number {
  return Math.ceil((rows * array.BYTES_PER_ELEMENT) / 8) * 8;
}
