/**
 * The records of a slice → the shared columns: the program's side of the loops in page-loops.ts and
 * column-loops.ts. What assemble.ts does for columns that grow, in fewer steps: since every row's
 * place is known, the columns that all events have are written while the records are dealt out, and
 * only where the records lie is remembered for the others.
 */
import type { ColumnReader } from '../../decode/binary-fields.ts';
import type { TextInterner } from '../../decode/intern.ts';
import { COLUMN } from '../../wasm/column-loops.ts';
import { EVENT, NO_PID } from '../../wasm/event-rows.ts';
import { FieldReaders } from '../../wasm/field-readers.ts';
import type { SharedMemory } from '../../wasm/memory.ts';
import { type EventBuilder, readPids } from './assemble.ts';
import { bytesOfColumns, columnPlaces, lendRows } from './slice-columns.ts';
import { writeList } from './slice-memory.ts';
import {
  type ColumnsPlace,
  type MovedRows,
  moveRows,
  passTurn,
  type SliceOrder,
  TOTALS,
  takeMemory,
  waitForTurn,
} from './slice-order.ts';
import { countUpTo } from './streams.ts';
import type { SliceWalker } from './walk-slice.ts';

const BATCH_RECORDS = 1 << 14;

/** An event's columns in one thread. */
type DealtEvent = {
  readonly builder: EventBuilder;
  readonly id: number;
  /** Its EVENT. */
  readonly at: number;
  /** The COLUMN of each reader; undefined for columns that no loop can read. */
  readonly columns: readonly (number | undefined)[];
  readonly hasPid: boolean;
  place: ColumnsPlace;
  /** Where row 0 of the columns is that no loop can read. */
  pidAt: number;
  ownAt: readonly number[];
  /** Rows of the slice at hand, and how many of those that no loop can read have been read. */
  first: number;
  count: number;
  finished: number;
};

/** A column that is more than its values: by event id, and by reader of the event. */
type Beside<Kept> = { readonly id: number; readonly nth: number; readonly kept: Kept };

export type SliceDealer = {
  readonly walker: SliceWalker;
  readonly order: SliceOrder;
  readonly fields: FieldReaders;
  /** The builder of an event that occurs. */
  readonly builderOf: (id: number) => EventBuilder;
  /** In order of their first occurrence, and those with columns that no loop can read. */
  readonly events: DealtEvent[];
  readonly unfinished: DealtEvent[];
  readonly interners: (Beside<TextInterner> & { known: number })[];
  readonly exacts: Beside<Map<number, bigint>>[];
  /** Places that had no more room. */
  readonly moved: MovedRows[];
};

export function makeDealer(
  parts: Pick<SliceDealer, 'walker' | 'order' | 'fields' | 'builderOf'>,
): SliceDealer {
  return { ...parts, events: [], unfinished: [], interners: [], exacts: [], moved: [] };
}

/** What a slice has given, and what the thread knew after it. */
export type DealtSlice = {
  readonly slice: number;
  /** Three numbers for each event: its id, the first row, and the one behind the last. */
  readonly rows: Uint32Array;
  /** How many texts dictionaries had, where that has changed. */
  readonly known: readonly Beside<number>[];
  /** Rows of the slice whose values a double cannot hold. */
  readonly exact: readonly Beside<ReadonlyMap<number, bigint>>[];
};

/** Deals out what the walker has listed of a slice. */
export function dealSlice(dealer: SliceDealer, slice: number): DealtSlice {
  const { walker, order, events } = dealer;
  const { area, loops, counts, plan } = walker;
  loops.countRecords(area.counts, area.lanes, plan.lanes.length);
  const { first, listed } = extentOf(walker);
  takeCounts(events, counts);
  if (events.reduce((sum, { count }) => sum + count, 0) < listed) findEvents(dealer);
  waitForTurn(order, slice);
  const { totals } = order;
  const seq = totals[TOTALS.seq] as number;
  if (Number.isNaN(totals[TOTALS.origin])) totals[TOTALS.origin] = first;
  for (const event of events) giveRows(dealer, event, slice);
  totals[TOTALS.seq] = seq + listed;
  passTurn(order);
  dealBatches(dealer, listed, seq, totals[TOTALS.origin] as number);
  return endOf(dealer, slice);
}

/**
 * In batches that fit into the processor's nearest cache, as each column is a walk over the records
 * of a batch: 30 ms of CPU less for 3.3 M events than slice by slice.
 */
function dealBatches(dealer: SliceDealer, listed: number, firstSeq: number, origin: number): void {
  const { events, unfinished, walker } = dealer;
  const { window, area, loops, indexes } = walker;
  const places = [area.walks, area.lanes, indexes.length, area.heap] as const;
  const lists = [area.events, events.length, area.starts, area.ends] as const;
  const longest = indexes.reduce((one, other) => (other.count > one.count ? other : one));
  const batches = Math.ceil(listed / BATCH_RECORDS);
  const dealt = indexes.map(() => 0);
  let seq = firstSeq;
  for (let batch = 1; batch <= batches; batch++) {
    const isLast = batch === batches;
    const cut = Math.floor((batch * longest.count) / batches);
    const until = isLast ? Number.POSITIVE_INFINITY : (longest.ts[cut] as number);
    indexes.forEach((index, lane) => {
      const from = dealt[lane] as number;
      const to = countUpTo(index, until, false);
      writeList(window, area, lane, index.first + from, to - from);
      dealt[lane] = to;
    });
    seq = loops.deal(...places, ...lists, seq, origin) >>> 0;
    for (const event of unfinished) finishColumns(dealer, event);
  }
}

/** Of the records of all lanes: the time of the first one, NaN without any, and their number. */
function extentOf({ indexes }: SliceWalker): { first: number; listed: number } {
  let first = Number.POSITIVE_INFINITY;
  let listed = 0;
  for (const { ts, count } of indexes) {
    if (count > 0) first = Math.min(first, ts[0] as number);
    listed += count;
  }
  return { first: listed === 0 ? Number.NaN : first, listed };
}

function takeCounts(events: readonly DealtEvent[], counts: Int32Array): void {
  for (const event of events) {
    event.count = counts[event.id] as number;
    counts[event.id] = 0;
  }
}

/** Records are left that are of no event so far. */
function findEvents(dealer: SliceDealer): void {
  const { plan, counts } = dealer.walker;
  for (const id of plan.ids) {
    if (counts[id] === 0) continue;
    takeCounts([addEvent(dealer, id)], counts);
  }
}

function giveRows(dealer: SliceDealer, event: DealtEvent, slice: number): void {
  const { order, walker } = dealer;
  const { id, at, count } = event;
  const { u32 } = walker.window;
  if (count === 0) return;
  const { rows, room } = order;
  const first = rows[id] as number;
  if (first + count > (room[id] as number)) makeRoom(dealer, event, slice);
  rows[id] = first + count;
  if (order.at[id] !== event.place.at) writePlaces(dealer, event);
  event.first = first;
  event.finished = 0;
  u32[(at + EVENT.row) >>> 2] = first;
  u32[(at + EVENT.firstRow) >>> 2] = first;
}

function makeRoom({ order, moved }: SliceDealer, event: DealtEvent, slice: number): void {
  const { id, count, builder } = event;
  const bytesFor = (rows: number) => bytesOfColumns(builder, rows);
  const before = moveRows(order, id, slice, count, bytesFor);
  if (before !== undefined) moved.push(before);
}

/** Of all events with columns of their own, in order. */
function readersOf({ readers, detail }: EventBuilder): readonly ColumnReader[] {
  return detail === 'columns' ? readers : [];
}

/** An event whose first record is met. */
function addEvent(dealer: SliceDealer, id: number): DealtEvent {
  const { events, unfinished, fields, order, walker, interners, exacts } = dealer;
  const { area, window } = walker;
  const builder = dealer.builderOf(id);
  const at = area.events + events.length * EVENT.bytes;
  const readers = readersOf(builder);
  let next = takeMemory(order, readers.length * COLUMN.bytes);
  const set = (member: number, value: number) => {
    window.u32[(at + member) >>> 2] = value;
  };
  const offset = builder.format.pid?.offset ?? NO_PID;
  set(EVENT.pidOffset, offset);
  set(EVENT.isKept, builder.detail === 'count' ? 0 : 1);
  set(EVENT.columns, next);
  const columns = readers.map(({ fast, column, interner, exact }, nth) => {
    if (interner !== undefined) interners.push({ id, nth, kept: interner, known: 0 });
    if (exact !== undefined) exacts.push({ id, nth, kept: exact });
    if (fast === undefined) return undefined;
    const slotBytes = FieldReaders.slotBytes(fast);
    const slots = slotBytes === 0 ? 0 : takeMemory(order, slotBytes);
    fields.add(fast, next, 0, column.array.BYTES_PER_ELEMENT, slots);
    next += COLUMN.bytes;
    return next - COLUMN.bytes;
  });
  set(EVENT.columnsEnd, next);
  window.u32[(area.eventsById >>> 2) + id] = at;
  const hasPid = offset !== NO_PID;
  const event: DealtEvent = {
    ...{ builder, id, at, columns, hasPid },
    ...{ place: { at: 0, room: 0 }, pidAt: 0, ownAt: [] },
    ...{ first: 0, count: 0, finished: 0 },
  };
  events.push(event);
  if (builder.detail !== 'count' && (!hasPid || columns.includes(undefined)))
    unfinished.push(event);
  return event;
}

/** Tells the loops where the columns are. */
function writePlaces({ walker, order }: SliceDealer, event: DealtEvent): void {
  const { u32 } = walker.window;
  const { builder, id, at, columns } = event;
  event.place = { at: order.at[id] as number, room: order.room[id] as number };
  const { own, ...base } = columnPlaces(builder, event.place);
  for (const [name, out] of Object.entries(base)) {
    u32[(at + EVENT[name as keyof typeof base]) >>> 2] = out;
  }
  columns.forEach((column, nth) => {
    if (column !== undefined) u32[(column + COLUMN.out) >>> 2] = own[nth] as number;
  });
  event.pidAt = base.pid;
  event.ownAt = own;
}

/** What the loops cannot read of a batch. */
function finishColumns({ walker }: SliceDealer, event: DealtEvent): void {
  const { builder, at, columns, hasPid } = event;
  const { window, area, memory } = walker;
  const count = window.u32[(at + EVENT.count) >>> 2] as number;
  if (count === 0) return;
  const from = 4 * (window.u32[(at + EVENT.from) >>> 2] as number);
  const start = new Uint32Array(memory.buffer, area.starts + from, count);
  const end = new Uint32Array(memory.buffer, area.ends + from, count);
  builder.count = count;
  if (event.finished === 0) lendOthers(event, memory);
  if (!hasPid) readPids(window, builder, start, 0);
  readersOf(builder).forEach((reader, nth) => {
    if (columns[nth] === undefined) reader.append(window, { count, start, end });
  });
  event.finished += count;
}

/** Gives the columns that no loop can read their rows of the slice. */
function lendOthers(event: DealtEvent, memory: SharedMemory): void {
  const { builder, columns, hasPid, first, count } = event;
  if (!hasPid) lendRows(builder.base.pid, memory, event.pidAt, first, count);
  readersOf(builder).forEach(({ column }, nth) => {
    if (columns[nth] !== undefined) return;
    lendRows(column, memory, event.ownAt[nth] as number, first, count);
  });
}

/** By reader of an event: were all values of 8 bytes, none of which had a sign? */
export function unsignedColumns({ walker }: SliceDealer, event: DealtEvent): boolean[] {
  const { u32 } = walker.window;
  return readersOf(event.builder).map(({ fast }, nth) => {
    const at = event.columns[nth];
    if (at === undefined || fast?.kind !== 'double' || fast.size !== 8) return false;
    return u32[(at + COLUMN.hasSign) >>> 2] === 0;
  });
}

/** Small loops over few things: with all readers looked at, compiling it took 38 ms of CPU. */
function endOf({ events, interners, exacts }: SliceDealer, slice: number): DealtSlice {
  const rows: number[] = [];
  for (const { id, first, count } of events) if (count > 0) rows.push(id, first, first + count);
  const known: Beside<number>[] = [];
  for (const one of interners) {
    const { length } = one.kept.dictionary;
    if (length === one.known) continue;
    one.known = length;
    known.push({ id: one.id, nth: one.nth, kept: length });
  }
  const exact: Beside<Map<number, bigint>>[] = [];
  for (const { id, nth, kept } of exacts) {
    if (kept.size === 0) continue;
    exact.push({ id, nth, kept: new Map(kept) });
    kept.clear();
  }
  return { slice, rows: Uint32Array.from(rows), known, exact };
}
