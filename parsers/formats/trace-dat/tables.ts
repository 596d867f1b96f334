/** Batches of records in order of time → one table per event, column by column. */
import type { EventDefinition } from '../../../src/events/index.ts';
import { type Column, numberColumn, textColumn } from '../../../src/trace/column.ts';
import { makeTable, type Table } from '../../../src/trace/table.ts';
import { type EventColumns, finishColumns } from '../../decode/event-columns.ts';
import type { EventFormat } from '../../decode/event-format.ts';
import { finishGrowing, type GrowingColumn, growing, reserve } from '../../decode/growing.ts';
import { TextInterner } from '../../decode/intern.ts';
import type { ByteWindow } from '../../decode/record-window.ts';
import type { TaskNames } from '../../decode/tracing-header.ts';

import type { RecordIndex } from './pages.ts';
import type { Batch, Lane } from './streams.ts';

type EventBuilder = {
  readonly format: EventFormat;
  readonly definition: EventDefinition | undefined;
  readonly columns: EventColumns;
  readonly ts: GrowingColumn<Float64Array>;
  /** Which stream each record is of; its CPU and instance are looked up at the end. */
  readonly lane: GrowingColumn<Uint16Array>;
  readonly pid: GrowingColumn<Int32Array>;
  readonly comm: GrowingColumn<Uint32Array>;
  readonly seq: GrowingColumn<Uint32Array>;
  /** The records of the batch at hand: first row, how many, and where they lie in the window. */
  firstRow: number;
  count: number;
  start: Uint32Array;
  end: Uint32Array;
};

const MAX_IDS = 65536;

export type TableAssembler = {
  readonly builders: Map<number, EventBuilder>;
  /** The same by event id, and how many records of it a batch has. */
  readonly byId: (EventBuilder | undefined)[];
  readonly counts: Int32Array;
  readonly comms: TextInterner;
  seq: number;
  /** Earliest and latest record, counted from the earliest page. */
  firstTs: number;
  lastTs: number;
};

export function makeAssembler(): TableAssembler {
  return {
    builders: new Map(),
    byId: new Array<EventBuilder | undefined>(MAX_IDS).fill(undefined),
    counts: new Int32Array(MAX_IDS),
    comms: new TextInterner(),
    seq: 0,
    firstTs: Number.POSITIVE_INFINITY,
    lastTs: Number.NEGATIVE_INFINITY,
  };
}

export type KnownFormat = {
  readonly format: EventFormat;
  readonly definition: EventDefinition | undefined;
};

export type FormatsById = ReadonlyMap<number, KnownFormat>;

/** Columns of an event, made when its first record is met. */
export type MakeColumns = (known: KnownFormat) => EventColumns;

/**
 * `shareRead` is the part of the input that was read when the batch was taken: it tells how many
 * rows to make room for.
 */
export function addBatch(
  assembler: TableAssembler,
  batch: Batch,
  formats: FormatsById,
  tasks: TaskNames,
  makeColumns: MakeColumns,
  shareRead: number,
): void {
  noteTimes(assembler, batch);
  const { counts, byId, comms } = assembler;
  batch.indexes.forEach(({ id }, stream) => {
    countIds(counts, id, batch.taken[stream] as number);
  });
  const present: EventBuilder[] = [];
  // Only records of known formats were indexed, so these are all that there are.
  for (const [id, known] of formats) {
    const count = counts[id] as number;
    if (count === 0) continue;
    counts[id] = 0;
    byId[id] ??= makeBuilder(assembler, id, known, makeColumns);
    const builder = byId[id];
    makeRoom(builder, count, shareRead);
    present.push(builder);
  }
  assembler.seq = distribute(batch, byId, assembler.seq);
  for (const builder of present) {
    const expected = expectedRows(builder.ts.length, shareRead);
    const { count, start, end } = builder;
    for (const reader of builder.columns.readers.values()) {
      reader.append(batch.window, { count, start, end, expected });
    }
    readPids(batch.window, builder, expected);
    nameTasks(comms, builder, tasks, expected);
  }
}

function countIds(counts: Int32Array, id: Uint16Array, taken: number): void {
  for (let row = 0; row < taken; row++) (counts[id[row] as number] as number)++;
}

/** The rest of the input is guessed to be like the part that was read, and a bit more. */
function expectedRows(rows: number, shareRead: number): number {
  return Math.ceil((1.1 * rows) / Math.max(shareRead, 0.001));
}

function makeRoom(builder: EventBuilder, count: number, shareRead: number): void {
  const rows = builder.ts.length + count;
  const expected = expectedRows(rows, shareRead);
  builder.firstRow = reserve(builder.ts, count, expected);
  reserve(builder.lane, count, expected);
  reserve(builder.seq, count, expected);
  builder.count = 0;
  if (builder.start.length >= count) return;
  builder.start = new Uint32Array(2 * count);
  builder.end = new Uint32Array(2 * count);
}

function noteTimes(assembler: TableAssembler, batch: Batch): void {
  batch.indexes.forEach(({ ts }, stream) => {
    const taken = batch.taken[stream] as number;
    if (taken === 0) return;
    assembler.firstTs = Math.min(assembler.firstTs, ts[0] as number);
    assembler.lastTs = Math.max(assembler.lastTs, ts[taken - 1] as number);
  });
}

/** Deals the records out to their events in order of time; returns the next `seq`. */
function distribute(
  batch: Batch,
  byId: readonly (EventBuilder | undefined)[],
  firstSeq: number,
): number {
  let seq = firstSeq;
  batch.runs((stream, from, to) => {
    const index = batch.indexes[stream] as RecordIndex;
    dealRun(index, from, to, stream, byId, seq);
    seq += to - from;
  });
  return seq;
}

function dealRun(
  { ts, id, start, end }: RecordIndex,
  from: number,
  to: number,
  lane: number,
  byId: readonly (EventBuilder | undefined)[],
  firstSeq: number,
): void {
  for (let row = from; row < to; row++) {
    const builder = byId[id[row] as number] as EventBuilder;
    const nth = builder.count++;
    const at = builder.firstRow + nth;
    builder.ts.array[at] = ts[row] as number;
    builder.lane.array[at] = lane;
    builder.seq.array[at] = firstSeq + row - from;
    builder.start[nth] = start[row] as number;
    builder.end[nth] = end[row] as number;
  }
}

function makeBuilder(
  assembler: TableAssembler,
  id: number,
  known: KnownFormat,
  makeColumns: MakeColumns,
): EventBuilder {
  const builder: EventBuilder = {
    ...known,
    columns: makeColumns(known),
    ts: growing((length) => new Float64Array(length)),
    lane: growing((length) => new Uint16Array(length)),
    pid: growing((length) => new Int32Array(length)),
    comm: growing((length) => new Uint32Array(length)),
    seq: growing((length) => new Uint32Array(length)),
    firstRow: 0,
    count: 0,
    start: new Uint32Array(),
    end: new Uint32Array(),
  };
  assembler.builders.set(id, builder);
  return builder;
}

function readPids(window: ByteWindow, builder: EventBuilder, expected: number): void {
  const { start, count, format } = builder;
  const from = reserve(builder.pid, count, expected);
  const pid = builder.pid.array;
  if (format.pid === undefined) {
    pid.fill(-1, from, from + count);
    return;
  }
  const { view, littleEndian } = window;
  const { offset } = format.pid;
  for (let row = 0; row < count; row++) {
    pid[from + row] = view.getInt32((start[row] as number) + offset, littleEndian);
  }
}

function nameTasks(
  comms: TextInterner,
  builder: EventBuilder,
  tasks: TaskNames,
  expected: number,
): void {
  const from = reserve(builder.comm, builder.count, expected);
  const pids = builder.pid.array;
  const codes = builder.comm.array;
  let lastPid = Number.NaN;
  let lastCode = 0;
  for (let row = from; row < from + builder.count; row++) {
    const pid = pids[row] as number;
    if (pid !== lastPid) {
      lastPid = pid;
      lastCode = comms.code(pid === 0 ? '<idle>' : (tasks.get(pid) ?? '<...>'));
    }
    codes[row] = lastCode;
  }
}

/** What becomes of the columns that all tables have: lanes of CPUs, and times in nanoseconds. */
export type Finish = {
  readonly lanes: readonly Lane[];
  readonly convertTimes: (ts: Float64Array) => void;
};

/** Tables by canonical name; two events of one name are told apart by their system. */
export function finishTables(assembler: TableAssembler, finish: Finish): Map<string, Table> {
  const tables = new Map<string, Table>();
  for (const builder of assembler.builders.values()) {
    const { format, definition } = builder;
    const wanted = definition?.name ?? format.name;
    let name = wanted;
    for (let copy = 1; tables.has(name); copy++) {
      name = `${format.system}:${format.name}${copy === 1 ? '' : `:${copy}`}`;
    }
    tables.set(name, finishTable(name, builder, assembler.comms.dictionary, finish));
  }
  return new Map([...tables].sort(([left], [right]) => (left < right ? -1 : 1)));
}

function finishTable(
  name: string,
  builder: EventBuilder,
  comms: readonly string[],
  { lanes, convertTimes }: Finish,
): Table {
  const ts = finishGrowing(builder.ts);
  convertTimes(ts);
  const lane = finishGrowing(builder.lane);
  const base: Record<string, Column> = {
    ts_ns: numberColumn(ts, 'ns'),
    cpu: numberColumn(cpusOf(lane, lanes), 'id'),
    pid: numberColumn(finishGrowing(builder.pid), 'id'),
    comm: textColumn(finishGrowing(builder.comm), comms),
    seq: numberColumn(finishGrowing(builder.seq), 'count'),
  };
  const own = finishColumns(builder.columns);
  const instance = instanceColumn(lane, lanes);
  if (instance !== undefined) base['instance' in own ? 'buffer_instance' : 'instance'] = instance;
  return makeTable(
    name,
    { ...base, ...own },
    { system: builder.format.system, known: builder.definition !== undefined },
  );
}

function cpusOf(lane: Uint16Array, lanes: readonly Lane[]): Uint16Array {
  const cpus = Uint16Array.from(lanes, ({ cpu }) => cpu);
  if (cpus.every((cpu, at) => cpu === at)) return lane;
  const cpu = new Uint16Array(lane.length);
  for (let row = 0; row < lane.length; row++) cpu[row] = cpus[lane[row] as number] as number;
  return cpu;
}

/** The name of the buffer that holds the event, where more than one has events. */
function instanceColumn(lane: Uint16Array, lanes: readonly Lane[]): Column | undefined {
  const names = [...new Set(lanes.map(({ instance }) => instance))];
  if (names.length < 2) return undefined;
  const codes = lanes.map(({ instance }) => names.indexOf(instance));
  return textColumn(
    Uint32Array.from(lane, (which) => codes[which] as number),
    names,
  );
}
