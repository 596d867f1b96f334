/**
 * Batches of records in order of time → the columns of each event. A batch is first dealt out, so
 * that the records of each event stand together in order of time; then column after column is read.
 */
import type { EventDefinition } from '../../../src/events/index.ts';
import type { Column } from '../../../src/trace/column.ts';
import type { ColumnReader } from '../../decode/binary-fields.ts';
import type { EventColumns } from '../../decode/event-columns.ts';
import type { EventFormat } from '../../decode/event-format.ts';
import { type GrowingColumn, growing, reserve } from '../../decode/growing.ts';
import type { ByteWindow } from '../../decode/record-window.ts';
import type { Detail, KeepEvents } from '../../importer.ts';
import type { RecordIndex } from './pages.ts';
import type { Batch } from './streams.ts';

export type KnownFormat = {
  readonly format: EventFormat;
  readonly definition: EventDefinition | undefined;
};

export type FormatsById = ReadonlyMap<number, KnownFormat>;

/** Columns of an event, made when its first record is met. */
export type MakeColumns = (known: KnownFormat) => EventColumns;

/** The columns that all events have. */
export type BaseColumns = {
  readonly ts: GrowingColumn<Float64Array>;
  /** Which lane each record is of; its CPU and instance are looked up at the end. */
  readonly lane: GrowingColumn<Uint16Array>;
  readonly pid: GrowingColumn<Int32Array>;
  readonly seq: GrowingColumn<Uint32Array>;
};

export type EventBuilder = KnownFormat & {
  readonly id: number;
  readonly detail: Detail;
  readonly columns: EventColumns;
  /** Those of the columns. */
  readonly readers: readonly ColumnReader[];
  readonly base: BaseColumns;
  /** The event's own columns, where they were finished elsewhere than by their readers. */
  readonly own?: Readonly<Record<string, Column>>;
  /** Records so far, and those of the batch at hand: where they stand in it. */
  rows: number;
  from: number;
  count: number;
};

/** The records of a batch, those of each event together; reused from batch to batch. */
type Dealt = {
  ts: Float64Array;
  lane: Uint16Array;
  seq: Uint32Array;
  start: Uint32Array;
  end: Uint32Array;
};

const MAX_IDS = 65536;

export type Assembler = {
  readonly formats: FormatsById;
  readonly makeColumns: MakeColumns;
  readonly keep: KeepEvents | undefined;
  /** Subtracted from all times. */
  readonly originTs: number;
  /** By event id, for events that occurred. */
  readonly builders: (EventBuilder | undefined)[];
  /** Records of each event in the batch, and where the next one goes. */
  readonly counts: Int32Array;
  readonly next: Int32Array;
  dealt: Dealt;
  seq: number;
  /** Earliest and latest record, counted from the earliest page. */
  firstTs: number;
  lastTs: number;
};

export type AssemblerOptions = Pick<Assembler, 'formats' | 'makeColumns' | 'keep' | 'originTs'>;

export function makeAssembler(options: AssemblerOptions): Assembler {
  return {
    ...options,
    builders: new Array<EventBuilder | undefined>(MAX_IDS).fill(undefined),
    counts: new Int32Array(MAX_IDS),
    next: new Int32Array(MAX_IDS),
    dealt: emptyDealt(0),
    seq: 0,
    firstTs: Number.POSITIVE_INFINITY,
    lastTs: Number.NEGATIVE_INFINITY,
  };
}

function emptyDealt(rows: number): Dealt {
  return {
    ts: new Float64Array(rows),
    lane: new Uint16Array(rows),
    seq: new Uint32Array(rows),
    start: new Uint32Array(rows),
    end: new Uint32Array(rows),
  };
}

export function canonicalName({ format, definition }: KnownFormat): string {
  return definition?.name ?? format.name;
}

export function makeBuilder(
  all: Pick<Assembler, 'keep' | 'makeColumns'>,
  id: number,
  known: KnownFormat,
): EventBuilder {
  const columns = all.makeColumns(known);
  return {
    ...known,
    id,
    detail: all.keep?.(canonicalName(known)) ?? 'columns',
    columns,
    readers: [...columns.readers.values()],
    base: {
      ts: growing((length) => new Float64Array(length)),
      lane: growing((length) => new Uint16Array(length)),
      pid: growing((length) => new Int32Array(length)),
      seq: growing((length) => new Uint32Array(length)),
    },
    rows: 0,
    from: 0,
    count: 0,
  };
}

/**
 * `shareRead` is the part of the input that was read when the batch was taken: it tells how many
 * rows to make room for.
 */
export function addBatch(all: Assembler, batch: Batch, shareRead: number): void {
  noteTimes(all, batch);
  const { counts, next, builders } = all;
  batch.indexes.forEach(({ id }, lane) => {
    countIds(counts, id, batch.taken[lane] as number);
  });
  const present: EventBuilder[] = [];
  let rows = 0;
  // Only records of known formats were indexed, so these are all that there are.
  for (const [id, known] of all.formats) {
    const count = counts[id] as number;
    if (count === 0) continue;
    builders[id] ??= makeBuilder(all, id, known);
    const builder = builders[id];
    builder.from = rows;
    builder.count = count;
    next[id] = rows;
    rows += count;
    counts[id] = 0;
    present.push(builder);
  }
  if (rows > all.dealt.ts.length) all.dealt = emptyDealt(2 * rows);
  deal(all, batch);
  for (const builder of present) readBatch(all, builder, batch.window, shareRead);
  all.seq += rows;
}

function countIds(counts: Int32Array, id: Uint16Array, taken: number): void {
  for (let row = 0; row < taken; row++) (counts[id[row] as number] as number)++;
}

function noteTimes(all: Assembler, batch: Batch): void {
  batch.indexes.forEach(({ ts }, lane) => {
    const taken = batch.taken[lane] as number;
    if (taken === 0) return;
    all.firstTs = Math.min(all.firstTs, ts[0] as number);
    all.lastTs = Math.max(all.lastTs, ts[taken - 1] as number);
  });
}

function deal(all: Assembler, { runs, indexes }: Batch): void {
  let { seq } = all;
  const { values } = runs;
  for (let at = 0; at < 3 * runs.count; at += 3) {
    const lane = values[at] as number;
    const from = values[at + 1] as number;
    const to = values[at + 2] as number;
    dealRun(indexes[lane] as RecordIndex, from, to, lane, all.next, all.dealt, seq, all.originTs);
    seq += to - from;
  }
}

function dealRun(
  index: RecordIndex,
  from: number,
  to: number,
  lane: number,
  next: Int32Array,
  dealt: Dealt,
  firstSeq: number,
  originTs: number,
): void {
  const { ts, id, start, end } = index;
  const { ts: times, lane: lanes, seq: seqs, start: starts, end: ends } = dealt;
  let seq = firstSeq;
  for (let row = from; row < to; row++) {
    const event = id[row] as number;
    const place = next[event] as number;
    next[event] = place + 1;
    times[place] = (ts[row] as number) - originTs;
    lanes[place] = lane;
    seqs[place] = seq++;
    starts[place] = start[row] as number;
    ends[place] = end[row] as number;
  }
}

/** The rest of the input is guessed to be like the part that was read, and a bit more. */
function expectedRows(rows: number, shareRead: number): number {
  return Math.ceil((1.1 * rows) / Math.max(shareRead, 0.001));
}

function readBatch(
  all: Assembler,
  builder: EventBuilder,
  window: ByteWindow,
  shareRead: number,
): void {
  const { base, from, count, detail } = builder;
  builder.rows += count;
  if (detail === 'count') return;
  const { dealt } = all;
  const expected = expectedRows(builder.rows, shareRead);
  const row = reserve(base.ts, count, expected);
  reserve(base.lane, count, expected);
  reserve(base.seq, count, expected);
  copyBase(base.ts.array, base.lane.array, base.seq.array, row, dealt, from, count);
  const start = dealt.start.subarray(from, from + count);
  readPids(window, builder, start, expected);
  if (detail === 'base') return;
  const records = { count, expected, start, end: dealt.end.subarray(from, from + count) };
  for (const reader of builder.readers) reader.append(window, records);
}

/** One loop instead of three copies: most events have only some records in a batch. */
function copyBase(
  ts: Float64Array,
  lane: Uint16Array,
  seq: Uint32Array,
  row: number,
  dealt: Dealt,
  from: number,
  count: number,
): void {
  const { ts: times, lane: lanes, seq: seqs } = dealt;
  for (let i = 0; i < count; i++) {
    ts[row + i] = times[from + i] as number;
    lane[row + i] = lanes[from + i] as number;
    seq[row + i] = seqs[from + i] as number;
  }
}

export function readPids(
  { view, u32, littleEndian }: ByteWindow,
  { base, count, format }: EventBuilder,
  start: Uint32Array,
  expected: number,
): void {
  const from = reserve(base.pid, count, expected);
  const pid = base.pid.array;
  const { offset } = format.pid ?? { offset: -1 };
  if (offset < 0) {
    pid.fill(-1, from, from + count);
  } else if (littleEndian && (offset & 3) === 0) {
    for (let i = 0; i < count; i++)
      pid[from + i] = u32[((start[i] as number) + offset) >>> 2] as number;
  } else {
    for (let i = 0; i < count; i++)
      pid[from + i] = view.getInt32((start[i] as number) + offset, littleEndian);
  }
}
