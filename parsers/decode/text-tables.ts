/** The events of a text by name, and their tables while they grow. */
import type { EventDefinition } from '../../src/events/index.ts';
import type { EventCount } from '../../src/trace/trace.ts';
import type { BelowZero } from '../check-values.ts';
import type { Detail, ImportContext } from '../importer.ts';
import { TextCodes } from './text-codes.ts';
import { removeRows } from './text-columns.ts';
import { type AddressForm, type Batch, NewShape, type SinkRegions } from './text-exchange.ts';
import { PayloadReader } from './text-fields.ts';
import type { LineHead } from './text-head.ts';
import { TextMemory } from './text-memory.ts';
import { MAX_NAMES, MAX_ROWS, PLACE } from './text-places.ts';
import { sharedColumn } from './text-regions.ts';

/** One name as it is printed; several may belong to one table. */
export type EventName = {
  readonly name: string;
  readonly system: string;
  /** How it was made. */
  readonly given: NewEvent;
  readonly builder: TableBuilder;
  /** The `print` record as trace-cmd prints it: the calling symbol stands before the text. */
  readonly hasSymbol: boolean;
  /** The payload is kept with its leading spaces: it is what a program wrote. */
  readonly isVerbatim: boolean;
  /** Lines that were read here; the loops count theirs in the memory, at this place if not 0. */
  count: number;
  counted: number;
};

export type TableBuilder = {
  /** Its place in `tables`. */
  readonly id: number;
  readonly name: string;
  readonly system: string;
  readonly known: boolean;
  /** What of it is kept. The rest is read into the same rows, block after block. */
  detail: Detail;
  readonly payloads: PayloadReader;
  rows: number;
  /** Rows read so far, kept or not. */
  seen: number;
  ts: Float64Array;
  cpu: Uint16Array;
  pid: Int32Array;
  comm: Uint32Array;
  seq: Uint32Array;
  /** Threads share the memory of all columns that are kept. */
  isShared: boolean;
};

/** Memory for all columns of a table. */
export type TableRegion = { readonly base: BasePart; readonly sinks: SinkRegions };

export type TableSet = {
  readonly dictionary: ReadonlyMap<string, EventDefinition>;
  readonly keep: ImportContext['keep'];
  readonly pageSize: number;
  readonly memory: TextMemory;
  readonly byName: Map<string, EventName>;
  readonly builders: Map<string, TableBuilder>;
  readonly tables: TableBuilder[];
  comms: TextCodes;
  /** What is added to the numbers of the events that are read. */
  firstSeq: number;
  /** What part of the input is read when the block is: tells how much room tables will need. */
  share: number;
};

const FIRST_ROWS = 64;
const ASSUMED_PAGE_SIZE = 4096;
/** No guess makes a column larger than by this at once; what is really needed always fits. */
const MOST_SPARE_ROWS = 1 << 24;

export function makeTableSet(context: Pick<ImportContext, 'dictionary' | 'keep' | 'pageSize'>) {
  const { dictionary, keep, pageSize = ASSUMED_PAGE_SIZE } = context;
  const set: TableSet = {
    dictionary,
    keep,
    pageSize,
    memory: TextMemory.take(),
    byName: new Map(),
    builders: new Map(),
    tables: [],
    comms: new TextCodes(),
    firstSeq: 0,
    share: 1,
  };
  return set;
}

/** From now on the loops know the event by its name, which stands there in the block. */
export function learnName(
  { memory }: TableSet,
  event: EventName,
  start: number,
  end: number,
  { isAligned = false, skipsBlanks = false },
): void {
  if (event.counted !== 0) return;
  const table = event.builder.id;
  event.counted = memory.learnEvent(start, end, { table, isAligned, skipsBlanks });
}

export type NewEvent = Pick<EventName, 'name' | 'system'> &
  Partial<Pick<EventName, 'hasSymbol' | 'isVerbatim'>> & {
    readonly definition: EventDefinition | undefined;
    readonly address?: AddressForm;
    /** Events of one name in two systems are two tables. */
    readonly isApart: boolean;
  };

/** A name that was not met before; undefined when there are too many. `key` is how it is found. */
export function addEvent(set: TableSet, key: string, event: NewEvent): EventName | undefined {
  if (set.byName.size >= MAX_NAMES) return undefined;
  if (set.memory.isFrozen) throw new NewShape();
  const { name, hasSymbol = false, isVerbatim = false } = event;
  const builder = builderOf(set, event);
  const system = event.isApart ? event.system : builder.system;
  const made: EventName = {
    name,
    system,
    given: event,
    builder,
    hasSymbol,
    isVerbatim,
    count: 0,
    counted: 0,
  };
  set.byName.set(key, made);
  return made;
}

function builderOf(set: TableSet, event: NewEvent): TableBuilder {
  const { name, system, definition, isApart, address } = event;
  const wanted = definition?.name ?? name;
  const own = definition?.system ?? system;
  const taken = set.builders.get(wanted);
  // Two names of one known event share a table.
  if (taken !== undefined && (!isApart || taken.system === own)) return taken;
  const free = taken === undefined ? wanted : `${system}:${name}`;
  const builder = makeBuilder(set, free, own, definition, address);
  set.builders.set(free, builder);
  set.tables.push(builder);
  return builder;
}

function makeBuilder(
  { keep, pageSize, memory, tables }: TableSet,
  name: string,
  system: string,
  definition: EventDefinition | undefined,
  address: AddressForm | undefined,
): TableBuilder {
  const options = { pageSize, memory, address };
  return {
    id: tables.length,
    name,
    system,
    known: definition !== undefined,
    detail: keep?.(definition?.name ?? name) ?? 'columns',
    payloads: new PayloadReader(definition, FIRST_ROWS, options),
    rows: 0,
    seen: 0,
    ...firstColumns(),
    isShared: false,
  };
}

/** The table goes on in memory that threads share; if it is not there, with room for `capacity`. */
export function shareTable(builder: TableBuilder, capacity: number): void {
  const { rows, ts, cpu, pid, comm, seq, payloads } = builder;
  if (!builder.isShared) {
    builder.ts = sharedColumn(ts, rows, capacity);
    builder.cpu = sharedColumn(cpu, rows, capacity);
    builder.pid = sharedColumn(pid, rows, capacity);
    builder.comm = sharedColumn(comm, rows, capacity);
    builder.seq = sharedColumn(seq, rows, capacity);
    builder.isShared = true;
  }
  if (builder.detail === 'columns') payloads.share(rows, builder.ts.length);
  else payloads.makeRoom(MAX_ROWS);
}

/** The memory of a shared table. */
export function regionOf(builder: TableBuilder): TableRegion {
  const { ts, cpu, pid, comm, seq, payloads, detail } = builder;
  const sinks = detail === 'columns' ? payloads.regions() : new Map();
  return { base: { ts, cpu, pid, comm, seq }, sinks };
}

/** Columns of the table go to memory that another thread has shared. */
export function joinTable(builder: TableBuilder, { base, sinks }: TableRegion): void {
  Object.assign(builder, base, { isShared: true });
  if (builder.detail === 'columns') builder.payloads.join(sinks, base.ts.length);
  else builder.payloads.makeRoom(MAX_ROWS);
}

/** The table begins again in memory of its own. */
export function leaveTable(builder: TableBuilder): void {
  Object.assign(builder, firstColumns(), { rows: 0, isShared: false });
  builder.payloads.leave(FIRST_ROWS);
}

function firstColumns(): BasePart {
  return {
    ts: new Float64Array(FIRST_ROWS),
    cpu: new Uint16Array(FIRST_ROWS),
    pid: new Int32Array(FIRST_ROWS),
    comm: new Uint32Array(FIRST_ROWS),
    seq: new Uint32Array(FIRST_ROWS),
  };
}

/** No line was counted so far. */
export function forgetCounts({ memory, byName }: TableSet): void {
  for (const event of byName.values()) {
    event.count = 0;
    if (event.counted !== 0) memory.set(event.counted, 0);
  }
}

export type NewRow = {
  readonly ts: number;
  readonly stop: number;
  readonly comm: number;
  readonly head: LineHead;
  readonly seq: number;
};

/** Adds a row to the current block, as the loops do. The payload is read at the block's end. */
export function addRow({ memory }: TableSet, event: EventName, given: NewRow): void {
  const { rows, i32 } = memory;
  const { id } = event.builder;
  const row = memory.get(PLACE.ROWS);
  rows.start[row] = given.head.payload;
  rows.stop[row] = given.stop;
  rows.ts[row] = given.ts;
  rows.cpu[row] = given.head.cpu;
  rows.pid[row] = given.head.pid;
  rows.comm[row] = given.comm;
  rows.seq[row] = given.seq;
  rows.table[row] = id;
  memory.set(PLACE.ROWS, row + 1);
  event.count++;
  const own = PLACE.TABLE_ROWS + 4 * id;
  const count = memory.get(own);
  memory.set(own, count + 1);
  if (count > 0) return;
  const touched = memory.get(PLACE.TOUCHED_COUNT);
  i32[(PLACE.TOUCHED >> 2) + touched] = id;
  memory.set(PLACE.TOUCHED_COUNT, touched + 1);
}

/**
 * The rest of the input is guessed to be like the part that was read, and a bit more: memory that
 * is never written costs nothing, growing by copies does.
 */
function enlarge({ share }: TableSet, builder: TableBuilder, rows: number): void {
  if (rows <= builder.ts.length) return;
  const expected = Math.ceil((1.3 * rows) / Math.max(share, 0.001));
  enlargeTo(builder, Math.max(4 * builder.rows, rows, Math.min(expected, rows + MOST_SPARE_ROWS)));
}

function enlargeTo(builder: TableBuilder, capacity: number): void {
  builder.ts = enlarged(builder.ts, new Float64Array(capacity));
  builder.cpu = enlarged(builder.cpu, new Uint16Array(capacity));
  builder.pid = enlarged(builder.pid, new Int32Array(capacity));
  builder.comm = enlarged(builder.comm, new Uint32Array(capacity));
  builder.seq = enlarged(builder.seq, new Uint32Array(capacity));
  builder.payloads.enlarge(capacity);
  builder.isShared = false;
}

function enlarged<T extends Float64Array | Uint16Array | Int32Array | Uint32Array>(
  values: T,
  larger: T,
): T {
  larger.set(values);
  return larger;
}

/** The columns that every event has, of a stretch of rows. */
export type BasePart = {
  readonly ts: Float64Array;
  readonly cpu: Uint16Array;
  readonly pid: Int32Array;
  readonly comm: Uint32Array;
  readonly seq: Uint32Array;
};

export function basePart({ rows, ts, cpu, pid, comm, seq }: TableBuilder): BasePart {
  return {
    ts: ts.subarray(0, rows),
    cpu: cpu.subarray(0, rows),
    pid: pid.subarray(0, rows),
    comm: comm.subarray(0, rows),
    seq: seq.subarray(0, rows),
  };
}

/**
 * Makes rows of tables of the block's rows, with their payloads; those that are not understood are
 * taken out again, and their line's places in the block are returned.
 */
export function readBlock(set: TableSet, plain: boolean): number[] {
  const { memory, tables } = set;
  const touched = memory.get(PLACE.TOUCHED_COUNT);
  const ids = PLACE.TOUCHED >> 2;
  let first = 0;
  for (let nth = 0; nth < touched; nth++) {
    const id = memory.i32[ids + nth] as number;
    memory.set(PLACE.TABLE_NEXT + 4 * id, first);
    first += memory.get(PLACE.TABLE_ROWS + 4 * id);
  }
  memory.loops.sortRows(memory.get(PLACE.ROWS));
  first = 0;
  const unreadable: number[] = [];
  for (let nth = 0; nth < touched; nth++) {
    const id = memory.i32[ids + nth] as number;
    const count = memory.get(PLACE.TABLE_ROWS + 4 * id);
    const builder = tables[id] as TableBuilder;
    enlarge(set, builder, builder.rows + count);
    const end = first + count;
    while (first < end) {
      const size = Math.min(end - first, Math.max(FIRST_BATCH, builder.seen));
      readRows(builder, set, { first, size, plain }, unreadable);
      builder.seen += size;
      first += size;
    }
    memory.set(PLACE.TABLE_ROWS + 4 * id, 0);
  }
  memory.set(PLACE.TOUCHED_COUNT, 0);
  memory.set(PLACE.ROWS, 0);
  return unreadable.length === 0 ? unreadable : unreadable.sort((left, right) => left - right);
}

/**
 * No batch has more rows than were read before it: each teaches the loops, while in one batch every
 * row with a new text is read by itself. That took 20 ms of the first block, in each thread.
 */
const FIRST_BATCH = 4;

function readRows(
  builder: TableBuilder,
  { memory, firstSeq }: TableSet,
  { first, size, plain }: { first: number; size: number; plain: boolean },
  unreadable: number[],
): void {
  memory.loops.startBatch(first, size);
  const batch = { bytes: memory.bytes, firstRow: builder.rows, count: size };
  addBase(builder, memory, { first, size, firstSeq });
  const failed = readPayloads(builder, batch, plain);
  for (let nth = 0; nth < failed.length; nth++) {
    unreadable.push(memory.start[failed[nth] as number] as number);
  }
  if (builder.detail === 'count') builder.rows = 0;
}

/** Puts the columns that every event has behind the table's rows. */
function addBase(
  builder: TableBuilder,
  memory: TextMemory,
  { first, size, firstSeq }: { first: number; size: number; firstSeq: number },
): void {
  const { ts, cpu, pid, comm, seq, rows: from } = builder;
  const { rows, sorted } = memory;
  for (let i = 0; i < size; i++) {
    const row = sorted[first + i] as number;
    ts[from + i] = rows.ts[row] as number;
    cpu[from + i] = rows.cpu[row] as number;
    pid[from + i] = rows.pid[row] as number;
    comm[from + i] = rows.comm[row] as number;
    seq[from + i] = (rows.seq[row] as number) + firstSeq;
  }
  builder.rows = from + size;
}

const NONE: readonly number[] = [];

/** Returns the places in the batch that were not understood; their rows are gone. */
function readPayloads(builder: TableBuilder, batch: Batch, plain: boolean): readonly number[] {
  const { payloads, detail, known, ts } = builder;
  const { firstRow } = batch;
  const isKept = detail === 'columns';
  // All payloads of unknown events are understood: they are a text.
  if (!isKept && !known) return NONE;
  const base = isKept ? firstRow : 0;
  const here = { ...batch, firstRow: base };
  const failed = plain ? payloads.readOneByOne(here) : payloads.readBatch(here);
  const gone = failed.length === 0 ? NONE : removeFailed(builder, failed, base, batch);
  if (!isKept) payloads.countBelowZero(ts.subarray(firstRow, builder.rows));
  return gone;
}

/** Returns their places in the batch. Apart from what is hot, and so never compiled with it. */
function removeFailed(
  builder: TableBuilder,
  failed: readonly number[],
  base: number,
  { firstRow, count }: Batch,
): number[] {
  const { payloads, ts, cpu, pid, comm, seq, rows } = builder;
  payloads.remove(failed, base + count);
  const gone = failed.map((row) => row - base);
  const own = gone.map((place) => firstRow + place);
  for (const values of [ts, cpu, pid, comm, seq]) removeRows(values, own, rows);
  builder.rows = rows - gone.length;
  return gone;
}

/** Counters below zero in columns that are not kept; `shift` is added to all times. */
export function belowZeroOf(set: TableSet, shift: number): BelowZero[] {
  return [...set.builders.values()].flatMap(({ name, payloads }) =>
    [...payloads.belowZero].map(([column, { count, ts }]) => ({
      table: name,
      column,
      count,
      ts_ns: ts + shift,
    })),
  );
}

/** Lines of an event, without those whose payload was not understood. */
export function linesOf({ memory }: TableSet, { count, counted }: EventName): number {
  return count + (counted === 0 ? 0 : memory.get(counted));
}

/** Counts by system and printed name, in order of name. */
export function countEvents(set: TableSet): EventCount[] {
  const counts = new Map<string, EventCount>();
  for (const event of set.byName.values()) {
    const { name, system, builder } = event;
    const count = linesOf(set, event);
    if (count === 0) continue;
    const key = `${system}:${name}`;
    const total = count + (counts.get(key)?.count ?? 0);
    // Nobody can look at a table that was not kept.
    const isUnknown = !builder.known && builder.detail === 'count';
    counts.set(key, { name, system, count: total, ...(isUnknown ? { known: false } : {}) });
  }
  return [...counts.values()].sort((left, right) => (left.name < right.name ? -1 : 1));
}

/** Events by printed name, with the fields that their text tells of. */
export function seenEvents(set: TableSet): Map<string, readonly string[]> {
  const events = [...set.byName.values()].filter((event) => linesOf(set, event) > 0);
  return new Map(events.map(({ name, builder }) => [name, builder.payloads.wireNames]));
}
