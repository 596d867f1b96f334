/** Batches of records in order of time → one table per event, column by column. */
import type { EventDefinition } from '../../../src/events/index.ts';
import { type Column, numberColumn, textColumn } from '../../../src/trace/column.ts';
import { makeTable, type Table } from '../../../src/trace/table.ts';
import { joinChunks } from '../../decode/chunks.ts';
import {
  columnsOf,
  type EventColumns,
  finishColumns,
  type SymbolResolver,
} from '../../decode/event-columns.ts';
import type { EventFormat } from '../../decode/event-format.ts';
import { TextInterner } from '../../decode/intern.ts';
import type { ByteWindow } from '../../decode/record-window.ts';
import type { TaskNames } from './header.ts';
import type { RecordIndex } from './pages.ts';
import type { Batch } from './streams.ts';

/** The rows of one event in one batch, before its columns are read. */
type Slot = {
  count: number;
  readonly ts: Float64Array;
  readonly cpu: Uint16Array;
  readonly seq: Uint32Array;
  readonly start: Uint32Array;
  readonly end: Uint32Array;
};

type EventBuilder = {
  readonly format: EventFormat;
  readonly definition: EventDefinition | undefined;
  readonly columns: EventColumns;
  readonly slots: Slot[];
  readonly pid: Int32Array[];
  readonly comm: Uint32Array[];
};

export type TableAssembler = {
  readonly builders: Map<number, EventBuilder>;
  readonly comms: TextInterner;
  seq: number;
  /** Earliest and latest record, counted from the earliest page. */
  firstTs: number;
  lastTs: number;
};

export function makeAssembler(): TableAssembler {
  return { builders: new Map(), comms: new TextInterner(), seq: 0, firstTs: Number.POSITIVE_INFINITY, lastTs: 0 };
}

export type FormatsById = ReadonlyMap<
  number,
  { readonly format: EventFormat; readonly definition: EventDefinition | undefined }
>;

export function addBatch(
  assembler: TableAssembler,
  batch: Batch,
  formats: FormatsById,
  tasks: TaskNames,
  resolveSymbol: SymbolResolver,
): void {
  const slots = slotsFor(batch);
  noteTimes(assembler, batch);
  assembler.seq = distribute(batch, slots, assembler.seq);
  for (const [id, slot] of slots.entries()) {
    const known = formats.get(id);
    if (slot === undefined || known === undefined) continue;
    const builder = builderFor(assembler, id, known, resolveSymbol);
    for (const reader of builder.columns.readers.values()) reader.append(batch.window, slot);
    const pid = pidsOf(batch.window, slot, known.format);
    builder.pid.push(pid);
    builder.comm.push(commsOf(assembler.comms, pid, tasks));
    builder.slots.push(slot);
  }
}

function noteTimes(assembler: TableAssembler, batch: Batch): void {
  batch.indexes.forEach(({ ts }, stream) => {
    const taken = batch.taken[stream] as number;
    if (taken === 0) return;
    assembler.firstTs = Math.min(assembler.firstTs, ts[0] as number);
    assembler.lastTs = Math.max(assembler.lastTs, ts[taken - 1] as number);
  });
}

/** Exactly sized room per event id, by counting first. */
function slotsFor(batch: Batch): (Slot | undefined)[] {
  const counts = new Int32Array(65536);
  batch.indexes.forEach(({ id }, stream) => {
    const taken = batch.taken[stream] as number;
    for (let row = 0; row < taken; row++) (counts[id[row] as number] as number)++;
  });
  return Array.from(counts, (count): Slot | undefined =>
    count === 0
      ? undefined
      : {
          count,
          ts: new Float64Array(count),
          cpu: new Uint16Array(count),
          seq: new Uint32Array(count),
          start: new Uint32Array(count),
          end: new Uint32Array(count),
        },
  );
}

function distribute(batch: Batch, slots: readonly (Slot | undefined)[], firstSeq: number): number {
  const fillLevel = new Int32Array(slots.length);
  let seq = firstSeq;
  batch.runs((stream, from, to) => {
    const cpu = batch.cpus[stream] as number;
    const { ts, id, start, end } = batch.indexes[stream] as RecordIndex;
    for (let row = from; row < to; row++) {
      const event = id[row] as number;
      const slot = slots[event] as Slot;
      const at = (fillLevel[event] as number)++;
      slot.ts[at] = ts[row] as number;
      slot.cpu[at] = cpu;
      slot.seq[at] = seq++;
      slot.start[at] = start[row] as number;
      slot.end[at] = end[row] as number;
    }
  });
  return seq;
}

function builderFor(
  assembler: TableAssembler,
  id: number,
  known: { readonly format: EventFormat; readonly definition: EventDefinition | undefined },
  resolveSymbol: SymbolResolver,
): EventBuilder {
  let builder = assembler.builders.get(id);
  if (builder === undefined) {
    const columns = columnsOf(known.format, known.definition, resolveSymbol);
    builder = { ...known, columns, slots: [], pid: [], comm: [] };
    assembler.builders.set(id, builder);
  }
  return builder;
}

function pidsOf(window: ByteWindow, slot: Slot, format: EventFormat): Int32Array {
  const pid = new Int32Array(slot.count);
  if (format.pid === undefined) return pid.fill(-1);
  const { view, littleEndian } = window;
  const { offset } = format.pid;
  for (let row = 0; row < slot.count; row++) {
    pid[row] = view.getInt32((slot.start[row] as number) + offset, littleEndian);
  }
  return pid;
}

function commsOf(comms: TextInterner, pids: Int32Array, tasks: TaskNames): Uint32Array {
  const codes = new Uint32Array(pids.length);
  let lastPid = Number.NaN;
  let lastCode = 0;
  for (let row = 0; row < pids.length; row++) {
    const pid = pids[row] as number;
    if (pid !== lastPid) {
      lastPid = pid;
      lastCode = comms.code(pid === 0 ? '<idle>' : (tasks.get(pid) ?? '<...>'));
    }
    codes[row] = lastCode;
  }
  return codes;
}

/**
 * Tables by canonical name; two events of one name are told apart by their system. Times are counted
 * from `firstTs`, the first event: it is later than its page where that begins with lost records.
 */
export function finishTables(assembler: TableAssembler, firstTs: number): Map<string, Table> {
  const tables = new Map<string, Table>();
  for (const builder of assembler.builders.values()) {
    const { format, definition } = builder;
    const wanted = definition?.name ?? format.name;
    const name = tables.has(wanted) ? `${format.system}:${format.name}` : wanted;
    tables.set(name, finishTable(name, builder, assembler.comms.dictionary, firstTs));
  }
  return new Map([...tables].sort(([left], [right]) => (left < right ? -1 : 1)));
}

function finishTable(
  name: string,
  builder: EventBuilder,
  comms: readonly string[],
  firstTs: number,
): Table {
  const { slots } = builder;
  const ts = joinChunks(slots.map((slot) => slot.ts), new Float64Array());
  if (firstTs !== 0) for (let row = 0; row < ts.length; row++) (ts[row] as number) -= firstTs;
  const base: Record<string, Column> = {
    ts_ns: numberColumn(ts, 'ns'),
    cpu: numberColumn(joinChunks(slots.map((slot) => slot.cpu), new Uint16Array()), 'id'),
    pid: numberColumn(joinChunks(builder.pid, new Int32Array()), 'id'),
    comm: textColumn(joinChunks(builder.comm, new Uint32Array()), comms),
    seq: numberColumn(joinChunks(slots.map((slot) => slot.seq), new Uint32Array()), 'count'),
  };
  return makeTable(
    name,
    { ...base, ...finishColumns(builder.columns) },
    { system: builder.format.system, known: builder.definition !== undefined },
  );
}
