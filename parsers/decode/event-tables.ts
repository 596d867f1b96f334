/**
 * Tables of events that are appended stretch by stretch in nearly the right order and put into the
 * exact one at the end: what is out of order lies where two stretches meet, so only that is moved.
 */
import type { EventDefinition } from '../../src/events/index.ts';
import {
  type Column,
  derivedTextColumn,
  type NumberArray,
  numberColumn,
} from '../../src/trace/column.ts';
import { makeTable, type Table } from '../../src/trace/table.ts';
import type { Detail } from '../importer.ts';
import type { ColumnReader } from './binary-fields.ts';
import { columnsOf, type SymbolResolver } from './event-columns.ts';
import type { EventField, EventFormat } from './event-format.ts';
import { finishGrowing, type GrowingColumn, growing, reserve } from './growing.ts';
import type { ByteWindow } from './record-window.ts';
import { type MovableTable, restoreOrder, type TimeSpan } from './restore-order.ts';

export type EventBuilder = {
  readonly format: EventFormat;
  /** What names the columns; `known` says whether it is the dictionary's. */
  readonly definition: EventDefinition | undefined;
  readonly known: boolean;
  /** The dictionary's name where it knows the event. */
  readonly canonicalName: string;
  readonly detail: Detail;
  /** None where only the columns of every table, or nothing, is kept. */
  readonly readers: Map<string, ColumnReader>;
  /** Counters that may run below zero in columns that are not kept. */
  readonly counters: ReadonlyMap<string, EventField>;
  /** Columns that the dictionary promises and this format cannot give. */
  readonly missing: readonly string[];
  readonly ts: GrowingColumn<Float64Array>;
  readonly cpu: GrowingColumn<Uint16Array>;
  readonly pid: GrowingColumn<Int32Array>;
  readonly seq: GrowingColumn<Uint32Array>;
  /** The batch at hand: its first row, how many there are, and where the records lie. */
  firstRow: number;
  count: number;
  rows: Uint32Array;
  places: Uint32Array;
  start: Uint32Array;
  end: Uint32Array;
};

/**
 * Records of all events together that are read at a time. Measured: 4,096 to 16,384 are equally
 * fast; with many more, records have left the processor's cache before their last column is read.
 */
export const BATCH_ROWS = 8192;
const FIRST_ROWS = 16;

export function makeBuilder(
  format: EventFormat,
  definition: EventDefinition | undefined,
  known: boolean,
  resolveSymbol: SymbolResolver,
  detail: Detail = 'columns',
): EventBuilder {
  const { readers, missing, counters } = columnsOf(format, definition, resolveSymbol);
  const isWhole = detail === 'columns';
  return {
    format,
    definition,
    known,
    canonicalName: canonicalName(format, known ? definition : undefined),
    detail,
    readers: new Map(isWhole ? readers : []),
    counters: isWhole ? new Map() : counters,
    missing,
    ts: growing((length) => new Float64Array(length)),
    cpu: growing((length) => new Uint16Array(length)),
    pid: growing((length) => new Int32Array(length)),
    seq: growing((length) => new Uint32Array(length)),
    firstRow: 0,
    count: 0,
    rows: new Uint32Array(FIRST_ROWS),
    places: new Uint32Array(FIRST_ROWS),
    start: new Uint32Array(FIRST_ROWS),
    end: new Uint32Array(FIRST_ROWS),
  };
}

/** Adds a record to the batch: its row among the records that were scanned, its place in order. */
export function addToBatch(builder: EventBuilder, row: number, place: number): void {
  const nth = builder.count++;
  if (nth === builder.rows.length) enlarge(builder);
  builder.rows[nth] = row;
  builder.places[nth] = place;
}

function enlarge(builder: EventBuilder): void {
  const { rows, places } = builder;
  builder.rows = new Uint32Array(2 * rows.length);
  builder.places = new Uint32Array(2 * rows.length);
  builder.rows.set(rows);
  builder.places.set(places);
  builder.start = new Uint32Array(2 * rows.length);
  builder.end = new Uint32Array(2 * rows.length);
}

/**
 * Makes room for the `count` rows of the batch at the end of the columns. Their values are then
 * written there and into `start` and `end`, and the other columns read with `readRecords`.
 * `shareRead` is the part of the input that was read so far: it tells how much room there is to be.
 */
export function makeRoom(builder: EventBuilder, shareRead: number): void {
  const { count } = builder;
  const expected = expectedRows(builder.ts.length + count, shareRead);
  builder.firstRow = reserve(builder.ts, count, expected);
  reserve(builder.cpu, count, expected);
  reserve(builder.pid, count, expected);
  reserve(builder.seq, count, expected);
}

/** The rest of the input is guessed to be like the part that was read, and a bit more. */
function expectedRows(rows: number, shareRead: number): number {
  return Math.ceil((1.1 * rows) / Math.max(shareRead, 0.001));
}

export function readRecords(builder: EventBuilder, window: ByteWindow, shareRead: number): void {
  const { count, start, end } = builder;
  const records = { count, start, end, expected: expectedRows(builder.ts.length, shareRead) };
  for (const reader of builder.readers.values()) reader.append(window, records);
  builder.count = 0;
}

/** A table while its columns may still be moved. */
type Draft = MovableTable & {
  readonly builder: EventBuilder;
  readonly name: string;
  readonly pid: Int32Array;
};

export type FinishOptions = {
  /** Samples of each builder, also of those that keep no table. */
  readonly counts: ArrayLike<number>;
  /** Times in which the stretches overlap: there, rows are where they came. */
  readonly overlaps: readonly TimeSpan[];
  /** Rows in these times of what has no table: they have a place in the order, too. */
  readonly others?: MovableTable | undefined;
  /** Time of the first event, from which the tables count. */
  readonly firstTs: number;
  /** The cpu value that means "not recorded". */
  readonly noCpu: number;
  readonly comms: readonly string[];
  /** Codes of the names of the tasks, for rows in order; times are those of the table. */
  readonly commCodes: (pid: Int32Array, ts: Float64Array) => Uint32Array;
};

/** Tables by canonical name; two events of one name are told apart by their system. */
export function finishTables(
  builders: readonly EventBuilder[],
  options: FinishOptions,
): Map<string, Table> {
  const names = tableNames(builders, options.counts);
  const drafts: Draft[] = [];
  builders.forEach((builder, nth) => {
    const name = names[nth];
    if (builder.ts.length > 0 && name !== undefined) drafts.push(draftOf(builder, name));
  });
  const all = options.others === undefined ? drafts : [...drafts, options.others];
  restoreOrder(all, options.overlaps);
  const tables = drafts.map((draft) => [draft.name, finishTable(draft, options)] as const);
  return new Map(tables.sort(([left], [right]) => (left < right ? -1 : 1)));
}

/** What the table of each event is called that happened, whether or not it is kept. */
export function tableNames(
  builders: readonly EventBuilder[],
  counts: ArrayLike<number>,
): (string | undefined)[] {
  const taken = new Set<string>();
  return builders.map(({ format, canonicalName }, nth) => {
    if ((counts[nth] ?? 0) === 0) return undefined;
    let name = canonicalName;
    const full = format.system === '' ? format.name : `${format.system}:${format.name}`;
    for (let copy = 1; taken.has(name); copy++) name = copy === 1 ? full : `${full}:${copy}`;
    taken.add(name);
    return name;
  });
}

export function canonicalName(
  { name }: EventFormat,
  definition: EventDefinition | undefined,
): string {
  return definition?.name ?? name;
}

function draftOf(builder: EventBuilder, name: string): Draft {
  const payload: [string, Column][] = [];
  for (const [name, reader] of builder.readers) {
    payload.push([name, reader.finish()]);
    builder.readers.delete(name);
  }
  return {
    builder,
    name,
    ts: finishGrowing(builder.ts),
    cpu: finishGrowing(builder.cpu),
    pid: finishGrowing(builder.pid),
    seq: finishGrowing(builder.seq),
    payload,
  };
}

function finishTable(draft: Draft, options: FinishOptions): Table {
  const { builder, name, ts, cpu, pid, seq, payload } = draft;
  if (options.firstTs !== 0) {
    for (let row = 0; row < ts.length; row++) (ts[row] as number) -= options.firstTs;
  }
  const columns: Record<string, Column> = {
    ts_ns: numberColumn(ts, 'ns'),
    cpu: numberColumn(withUnknown(cpu, options.noCpu), 'id'),
    pid: numberColumn(pid, 'id'),
    comm: derivedTextColumn(ts.length, () => options.commCodes(pid, ts), options.comms),
    seq: numberColumn(seq, 'count'),
  };
  for (const [id, column] of payload) columns[id] = column;
  return makeTable(name, columns, { system: builder.format.system, known: builder.known });
}

/** -1 where the CPU was not recorded; most tables have none of these and stay as they are. */
export function withUnknown(cpu: Uint16Array, noCpu: number): NumberArray {
  return cpu.includes(noCpu) ? Int32Array.from(cpu, (id) => (id === noCpu ? -1 : id)) : cpu;
}
