/** The events of a text by name, and their tables while they grow. */
import type { EventDefinition } from '../../src/events/index.ts';
import { type Column, numberColumn, textColumn } from '../../src/trace/column.ts';
import { makeTable, type Table } from '../../src/trace/table.ts';
import type { EventCount } from '../../src/trace/trace.ts';
import type { BelowZero } from '../check-values.ts';
import type { Detail, ImportContext } from '../importer.ts';
import { withUnknown } from './event-tables.ts';
import { NO_CPU } from './perf-event-name.ts';
import { type MovableTable, restoreOrder, type TimeSpan, united } from './restore-order.ts';
import type { Batch } from './text-batch.ts';
import { TextCodes } from './text-codes.ts';
import { removeRows } from './text-columns.ts';
import { PayloadReader } from './text-fields.ts';
import type { LearnedLayout } from './text-layout.ts';
import type { Literal } from './text-literal.ts';

/** One name as it is printed; several may belong to one table. */
export type EventName = {
  readonly name: string;
  readonly system: string;
  /** How the name stands in the line, with the colon behind it. */
  readonly literal: Literal;
  /** How it was made. */
  readonly given: NewEvent;
  readonly builder: TableBuilder;
  /** The `print` record as trace-cmd prints it: the calling symbol stands before the text. */
  readonly hasSymbol: boolean;
  /** The payload is kept with its leading spaces: it is what a program wrote. */
  readonly isVerbatim: boolean;
  count: number;
  /** What came after it last: mostly that comes after it again. */
  next: EventName | undefined;
};

export type TableBuilder = {
  readonly name: string;
  readonly system: string;
  readonly known: boolean;
  /** What of it is kept. The rest is read into the same rows, block after block. */
  readonly detail: Detail;
  readonly payloads: PayloadReader;
  /** Rows, those of the current block of lines among them; and those before it. */
  rows: number;
  firstRow: number;
  ts: Float64Array;
  cpu: Uint16Array;
  pid: Int32Array;
  comm: Uint32Array;
  seq: Uint32Array;
  /** Where the payloads of the current block's rows are. */
  start: Uint32Array;
  end: Uint32Array;
};

export type TableSet = {
  readonly dictionary: ReadonlyMap<string, EventDefinition>;
  readonly keep: ImportContext['keep'];
  readonly pageSize: number;
  /** By a hash of some bytes of the name: those that it may be. */
  readonly guesses: (readonly EventName[])[];
  readonly byName: Map<string, EventName>;
  readonly builders: Map<string, TableBuilder>;
  readonly comms: TextCodes;
  /** Tables that the current block has rows of. */
  readonly touched: TableBuilder[];
  /** The last line's event. */
  last: EventName | undefined;
  /** What part of the input is read when the block is: tells how much room tables will need. */
  share: number;
  /** Layouts that are known before the first line, by name of the table. */
  seeds: ReadonlyMap<string, readonly LearnedLayout[]>;
};

/** More names than this are not events; the lines are counted as unreadable. */
export const MAX_NAMES = 8192;
export const GUESS_BITS = 12;
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
    guesses: new Array(1 << GUESS_BITS).fill(NO_NAMES),
    byName: new Map(),
    builders: new Map(),
    comms: new TextCodes(),
    touched: [],
    last: undefined,
    share: 1,
    seeds: new Map(),
  };
  return set;
}

/** More names than this of one hash are made to collide; they are then found by their text. */
const MAX_GUESSES = 8;
const NO_NAMES: readonly EventName[] = [];

export function addGuess({ guesses }: TableSet, slot: number, event: EventName): void {
  const names = guesses[slot] as readonly EventName[];
  if (!names.includes(event) && names.length < MAX_GUESSES) guesses[slot] = [...names, event];
}

export type NewEvent = Pick<EventName, 'name' | 'system' | 'literal'> &
  Partial<Pick<EventName, 'hasSymbol' | 'isVerbatim'>> & {
    readonly definition: EventDefinition | undefined;
    /** Events of one name in two systems are two tables. */
    readonly isApart: boolean;
  };

/** A name that was not met before; undefined when there are too many. `key` is how it is found. */
export function addEvent(set: TableSet, key: string, event: NewEvent): EventName | undefined {
  if (set.byName.size >= MAX_NAMES) return undefined;
  const { name, literal, hasSymbol = false, isVerbatim = false } = event;
  const builder = builderOf(set, event);
  const system = event.isApart ? event.system : builder.system;
  const made: EventName = {
    name,
    system,
    literal,
    given: event,
    builder,
    hasSymbol,
    isVerbatim,
    count: 0,
    next: undefined,
  };
  set.byName.set(key, made);
  return made;
}

function builderOf(set: TableSet, { name, system, definition, isApart }: NewEvent): TableBuilder {
  const wanted = definition?.name ?? name;
  const own = definition?.system ?? system;
  const taken = set.builders.get(wanted);
  // Two names of one known event share a table.
  if (taken !== undefined && (!isApart || taken.system === own)) return taken;
  const free = taken === undefined ? wanted : `${system}:${name}`;
  const builder = makeBuilder(set, free, own, definition);
  builder.payloads.seed(set.seeds.get(free) ?? []);
  set.builders.set(free, builder);
  return builder;
}

function makeBuilder(
  { keep, pageSize }: TableSet,
  name: string,
  system: string,
  definition: EventDefinition | undefined,
): TableBuilder {
  return {
    name,
    system,
    known: definition !== undefined,
    detail: keep?.(definition?.name ?? name) ?? 'columns',
    payloads: new PayloadReader(definition, FIRST_ROWS, { pageSize }),
    rows: 0,
    firstRow: 0,
    ts: new Float64Array(FIRST_ROWS),
    cpu: new Uint16Array(FIRST_ROWS),
    pid: new Int32Array(FIRST_ROWS),
    comm: new Uint32Array(FIRST_ROWS),
    seq: new Uint32Array(FIRST_ROWS),
    start: new Uint32Array(FIRST_ROWS),
    end: new Uint32Array(FIRST_ROWS),
  };
}

/** Adds a row to the current block. The payload is read at the block's end. */
export function addRow(set: TableSet, builder: TableBuilder, payload: number, end: number): number {
  const row = builder.rows;
  if (row === builder.ts.length) enlarge(set, builder);
  const place = row - builder.firstRow;
  if (place === 0) set.touched.push(builder);
  if (place === builder.start.length) enlargeBlock(builder);
  builder.start[place] = payload;
  builder.end[place] = end;
  builder.rows = row + 1;
  return row;
}

/**
 * The rest of the input is guessed to be like the part that was read, and a bit more: memory that
 * is never written costs nothing, growing by copies does.
 */
function enlarge({ share }: TableSet, builder: TableBuilder): void {
  const { rows } = builder;
  const expected = Math.ceil((1.3 * rows) / Math.max(share, 0.001));
  enlargeTo(builder, Math.max(4 * rows, Math.min(expected, rows + MOST_SPARE_ROWS)));
}

function enlargeTo(builder: TableBuilder, capacity: number): void {
  builder.ts = enlarged(builder.ts, new Float64Array(capacity));
  builder.cpu = enlarged(builder.cpu, new Uint16Array(capacity));
  builder.pid = enlarged(builder.pid, new Int32Array(capacity));
  builder.comm = enlarged(builder.comm, new Uint32Array(capacity));
  builder.seq = enlarged(builder.seq, new Uint32Array(capacity));
  builder.payloads.enlarge(capacity);
}

function enlargeBlock(builder: TableBuilder): void {
  const rows = 2 * builder.start.length;
  builder.start = enlarged(builder.start, new Uint32Array(rows));
  builder.end = enlarged(builder.end, new Uint32Array(rows));
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

/** Puts rows behind the table's; `shift`, `events` and `comms` turn their values into its own. */
export function appendBase(
  builder: TableBuilder,
  part: BasePart,
  { shift, events, comms }: { shift: number; events: number; comms: Uint32Array },
): void {
  const from = builder.rows;
  const rows = from + part.ts.length;
  if (rows > builder.ts.length) enlargeTo(builder, rows);
  const { ts, comm, seq } = builder;
  builder.cpu.set(part.cpu, from);
  builder.pid.set(part.pid, from);
  for (let row = from; row < rows; row++) {
    ts[row] = (part.ts[row - from] as number) + shift;
    comm[row] = comms[part.comm[row - from] as number] as number;
    seq[row] = (part.seq[row - from] as number) + events;
  }
  builder.rows = rows;
  builder.firstRow = rows;
}

/** Shared by all tables: only one batch is read at a time. */
export type BatchSpace = { places: Uint32Array; at: Int32Array };

/**
 * Reads the payloads of the block's rows; those that are not understood are taken out again, and
 * their line's places in the block are returned.
 */
export function readBlock(
  set: TableSet,
  bytes: Uint8Array,
  space: BatchSpace,
  plain: boolean,
): number[] {
  const unreadable: number[] = [];
  for (const builder of set.touched) {
    const { start, end, firstRow, rows } = builder;
    const count = rows - firstRow;
    if (space.places.length < count) {
      space.places = new Uint32Array(start.length);
      space.at = new Int32Array(start.length);
    }
    const failed = readPayloads(builder, { bytes, start, end, firstRow, count, ...space }, plain);
    for (const place of failed) unreadable.push(start[place] as number);
    if (builder.detail === 'count') builder.rows = 0;
    builder.firstRow = builder.rows;
  }
  set.touched.length = 0;
  return unreadable.sort((left, right) => left - right);
}

/** Returns the places in the batch that were not understood; their rows are gone. */
function readPayloads(builder: TableBuilder, batch: Batch, plain: boolean): number[] {
  const { payloads, detail, known, ts, firstRow, rows } = builder;
  const { places, count } = batch;
  const isKept = detail === 'columns';
  // All payloads of unknown events are understood: they are a text.
  if (!isKept && !known) return [];
  const base = isKept ? firstRow : 0;
  for (let place = 0; place < count; place++) places[place] = place;
  const here = { ...batch, firstRow: base };
  const failed = plain ? readOneByOne(payloads, here) : payloads.readBatch(here);
  const gone = failed.map((row) => row - base);
  if (gone.length > 0) {
    payloads.remove(failed, base + count);
    const { cpu, pid, comm, seq } = builder;
    const own = gone.map((place) => firstRow + place);
    for (const values of [ts, cpu, pid, comm, seq]) removeRows(values, own, rows);
    builder.rows = rows - gone.length;
  }
  if (!isKept) payloads.countBelowZero(ts.subarray(firstRow, builder.rows));
  return gone;
}

/** The plain version of a batch. */
function readOneByOne(payloads: PayloadReader, batch: Batch): number[] {
  const { bytes, start, end, firstRow, count } = batch;
  const failed: number[] = [];
  for (let place = 0; place < count; place++) {
    const row = firstRow + place;
    const isRead = payloads.read(bytes, start[place] as number, end[place] as number, row);
    if (!isRead) failed.push(row);
  }
  return failed;
}

/** What is left to do for all tables: times counted from the first event, and their order. */
export type FinishOptions = {
  /** Times were counted from the text's first event; `shift` makes them start at 0. */
  readonly shift: number;
  /** Times in which lines are not in order. */
  readonly disorder: readonly TimeSpan[];
};

export function finishTables(set: TableSet, { shift, disorder }: FinishOptions) {
  const drafts: Draft[] = [];
  for (const name of [...set.builders.keys()].sort()) {
    const builder = set.builders.get(name);
    if (builder === undefined || builder.rows === 0 || builder.detail === 'count') continue;
    drafts.push(finishColumns(builder, name, set.comms.dictionary, shift));
    // What was converted is dropped at once: the peak is one table above the result.
    set.builders.delete(name);
  }
  const spans = united(disorder).map(([from, to]): TimeSpan => [from + shift, to + shift]);
  if (spans.length > 0) sortRows(drafts, spans);
  return new Map(drafts.map((draft) => [draft.name, tableOf(draft)]));
}

/** A table whose rows may still be moved. */
type Draft = BasePart & {
  readonly name: string;
  readonly builder: TableBuilder;
  readonly commColumn: Column;
  readonly columns: Record<string, Column>;
};

function finishColumns(
  builder: TableBuilder,
  name: string,
  comms: readonly string[],
  shift: number,
): Draft {
  const { rows, detail, payloads } = builder;
  const base = basePart(builder);
  const { ts } = base;
  if (shift !== 0) for (let row = 0; row < rows; row++) (ts[row] as number) += shift;
  const columns = detail === 'columns' ? payloads.finish(rows) : {};
  return { ...base, name, builder, commColumn: textColumn(base.comm, comms), columns };
}

function tableOf({ builder, ts, cpu, pid, seq, commColumn, columns }: Draft): Table {
  const { name, system, known } = builder;
  const base: Record<string, Column> = {
    ts_ns: numberColumn(ts, 'ns'),
    cpu: numberColumn(withUnknown(cpu, NO_CPU), 'id'),
    pid: numberColumn(pid, 'id'),
    comm: commColumn,
    seq: numberColumn(seq, 'count'),
  };
  return makeTable(name, { ...base, ...columns }, { system, known });
}

/** More spans than this are sorted as one. */
const MAX_SPANS = 1000;

/** Lines of equal times stay as they stand in the text. */
function sortRows(drafts: readonly Draft[], spans: readonly TimeSpan[]): void {
  const first = spans[0] as TimeSpan;
  const last = spans.at(-1) as TimeSpan;
  const tables = drafts.map(({ ts, cpu, pid, seq, commColumn, columns }): MovableTable => {
    const payload = { ...columns, cpu: numberColumn(cpu, 'id'), comm: commColumn };
    const noCpu = new Uint16Array(ts.length);
    return { ts, cpu: noCpu, pid, seq, payload: Object.entries(payload) };
  });
  const all = spans.length > MAX_SPANS ? [[first[0], last[1]] as const] : spans;
  restoreOrder([...tables, linesWithoutRows(tables)], all);
}

/** Lines that gave no row count in `seq`, too: they stay beside the line before them. */
function linesWithoutRows(tables: readonly MovableTable[]): MovableTable {
  const lines = 1 + Math.max(...tables.map(({ seq }) => seq.at(-1) ?? 0));
  const times = new Float64Array(lines).fill(Number.NaN);
  for (const { ts, seq } of tables) {
    for (let row = 0; row < ts.length; row++) times[seq[row] as number] = ts[row] as number;
  }
  const missing: number[] = [];
  let time = 0;
  for (let line = 0; line < lines; line++) {
    if (Number.isNaN(times[line])) {
      missing.push(line);
      times[line] = time;
    } else time = times[line] as number;
  }
  const seq = Uint32Array.from(missing);
  const ts = Float64Array.from(missing, (line) => times[line] as number);
  return { ts, cpu: new Uint16Array(ts.length), seq, payload: [] };
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

/** Counts by system and printed name, in order of name. */
export function countEvents(set: TableSet): EventCount[] {
  const counts = new Map<string, EventCount>();
  for (const { name, count, system, builder } of set.byName.values()) {
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
  const events = [...set.byName.values()].filter(({ count }) => count > 0);
  return new Map(events.map(({ name, builder }) => [name, builder.payloads.wireNames]));
}
