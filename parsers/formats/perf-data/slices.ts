/**
 * The second pass over a large file: slices of it, each on its own, into columns whose length is
 * known. Threads share the columns' memory, so nothing is copied and nothing grows; only codes of
 * texts are made anew, as each slice has its own dictionary.
 */
import { DICTIONARY } from '../../../src/events/index.ts';
import { FormatError } from '../../../src/trace/errors.ts';
import type { ByteSource } from '../../bytes/source.ts';
import type { EventBuilder } from '../../decode/event-tables.ts';
import type { AnyArray, GrowingColumn } from '../../decode/growing.ts';
import type { MovableTable, TimeSpan } from '../../decode/restore-order.ts';
import type { Detail } from '../../importer.ts';
import { type TaskQueue, takeTask } from '../../workers/task-queue.ts';
import { OtherRows, type Rows, readColumns } from './columns.ts';
import type { Facts } from './features.ts';
import type { EventSource } from './header.ts';
import { emptyLane, makeLane, scanLane } from './lanes.ts';
import type { Overview, SliceStart } from './overview.ts';
import { EventRegistry } from './registry.ts';
import type { Clock } from './samples.ts';
import { makeScanState } from './state.ts';

/** The columns of one table, all rows of the trace long. */
type TableMemory = {
  readonly table: number;
  readonly base: readonly AnyArray[];
  readonly payload: ReadonlyMap<string, AnyArray>;
};

/** Everything a thread needs; can be sent to it. */
export type SlicePlan = {
  readonly littleEndian: boolean;
  readonly clock: Clock;
  readonly facts: Facts;
  readonly sources: readonly EventSource[];
  /** By the event's canonical name; where nothing is kept, it is not there. */
  readonly details: ReadonlyMap<string, Detail>;
  readonly bounds: readonly number[];
  readonly mostRows: number;
  readonly slices: readonly SliceStart[];
  /** Samples of each table in all. */
  readonly counts: Float64Array;
  readonly spans: readonly TimeSpan[];
  /** By key of the table (EventRegistry.keys). */
  readonly memory: ReadonlyMap<string, TableMemory>;
  readonly queue: TaskQueue;
};

/** What is not in the shared memory. */
export type SliceResult = {
  readonly nth: number;
  /** Texts and large values of each column, by key of the table and name of the column. */
  readonly tables: ReadonlyMap<string, ReadonlyMap<string, ColumnRest>>;
  readonly others: MovableTable;
};

type ColumnRest = {
  readonly dictionary?: readonly string[] | undefined;
  readonly exact?: ReadonlyMap<number, bigint> | undefined;
};

/** Shared memory can be sent to threads; without threads, memory of one's own is enough. */
export function planSlices(
  { reading, bounds, mostRows, slices, spans }: Overview,
  queue: TaskQueue,
  isShared: boolean,
): SlicePlan {
  const { littleEndian, clock, facts, registry, tally } = reading;
  const { builders, keys, sources } = registry;
  const details = new Map<string, Detail>();
  const memory = new Map<string, TableMemory>();
  builders.forEach((builder, table) => {
    const rows = tally.counts[table] as number;
    if (builder.detail === 'count' || rows === 0) return;
    details.set(builder.canonicalName, builder.detail);
    const allocate = (column: GrowingColumn<AnyArray>) => allocated(column, rows, isShared);
    const payload = [...builder.readers].map(([name, reader]) => {
      return [name, allocate(reader.column)] as const;
    });
    const base = baseColumns(builder).map(allocate);
    memory.set(keys[table] as string, { table, base, payload: new Map(payload) });
  });
  const counts = tally.counts.slice(0, builders.length);
  const found = { littleEndian, clock, facts, sources, details, counts };
  return { ...found, bounds, mostRows, slices, spans, memory, queue };
}

function baseColumns({ ts, cpu, pid, seq }: EventBuilder): GrowingColumn<AnyArray>[] {
  return [ts, cpu, pid, seq];
}

function allocated({ make }: GrowingColumn<AnyArray>, rows: number, isShared: boolean): AnyArray {
  if (!isShared) return make(rows);
  const empty = make(0);
  const shared = new SharedArrayBuffer(rows * empty.BYTES_PER_ELEMENT);
  return new (empty.constructor as new (buffer: SharedArrayBuffer) => AnyArray)(shared);
}

/** Takes slices as long as there are any. */
export function runSlices(plan: SlicePlan, source: ByteSource): SliceResult[] {
  const results: SliceResult[] = [];
  for (;;) {
    const nth = takeTask(plan.queue);
    if (nth === undefined) return results;
    results.push(runSlice(plan, source, nth));
  }
}

function runSlice(plan: SlicePlan, source: ByteSource, nth: number): SliceResult {
  const { littleEndian, facts, sources, details, memory, bounds, slices } = plan;
  const start = slices[nth] as SliceStart;
  const onTable = (key: string, builder: EventBuilder): void => {
    const own = memory.get(key);
    if (own !== undefined) useMemory(builder, own, start.counts[own.table] ?? 0);
  };
  const keep = (name: string) => details.get(name) ?? 'count';
  const context = { dictionary: DICTIONARY, keep };
  const registry = new EventRegistry(facts, context, littleEndian, onTable);
  for (const event of sources) registry.add(event);
  const others = new OtherRows();
  const { builders } = registry;
  const { seq } = start;
  const rows: Rows = { builders, seq, shareRead: 1, shareBefore: 1, spans: plan.spans, others };
  const last = slices[nth + 1]?.window ?? bounds.length - 1;
  readWindows(plan, source, registry, rows, bounds.slice(start.window, last + 1));
  const ends = slices[nth + 1]?.counts ?? plan.counts;
  const tables = new Map<string, Map<string, ColumnRest>>();
  registry.keys.forEach((key, table) => {
    const own = memory.get(key);
    const builder = builders[table] as EventBuilder;
    if (own === undefined) return;
    if (builder.ts.length !== (ends[own.table] ?? 0)) {
      throw new FormatError(`${source.name} was changed while it was read`);
    }
    tables.set(key, restOf(builder));
  });
  return { nth, tables, others: others.finish() };
}

/** The same windows as in the overview: only then does the order come out as it foresaw. */
function readWindows(
  plan: SlicePlan,
  source: ByteSource,
  registry: EventRegistry,
  rows: Rows,
  bounds: readonly number[],
): void {
  const sizes = bounds.slice(1).map((end, nth) => end - (bounds[nth] as number));
  const lane = makeLane(Math.max(0, ...sizes), {
    littleEndian: plan.littleEndian,
    clock: plan.clock,
    state: makeScanState(() => {}),
    kindOf: registry.kindOf,
    known: registry.known,
    tally: undefined,
    capacity: plan.mostRows,
    take: ({ scanner, window }) => readColumns(rows, window, scanner.index),
    onRecord: () => true,
  });
  sizes.forEach((size, nth) => {
    const bytes = lane.window.bytes.subarray(0, size);
    lane.filled = source.readInto(bytes, bounds[nth] as number);
    scanLane(lane, () => {});
    emptyLane(lane);
  });
}

function useMemory(builder: EventBuilder, { base, payload }: TableMemory, row: number): void {
  baseColumns(builder).forEach((column, nth) => {
    place(column, base[nth] as AnyArray, row);
  });
  for (const [name, reader] of builder.readers) {
    place(reader.column, payload.get(name) as AnyArray, row);
  }
}

function place(column: GrowingColumn<AnyArray>, array: AnyArray, row: number): void {
  column.array = array;
  column.length = row;
}

function restOf({ readers }: EventBuilder): Map<string, ColumnRest> {
  const rest = new Map<string, ColumnRest>();
  for (const [name, { interner, exact }] of readers) {
    rest.set(name, { dictionary: interner?.dictionary, exact });
  }
  return rest;
}

/** Gives the overview's tables the columns that the slices filled. */
export function joinSlices(
  { reading }: Overview,
  plan: SlicePlan,
  results: readonly SliceResult[],
): OtherRows {
  const others = new OtherRows();
  const inOrder = [...results].sort((left, right) => left.nth - right.nth);
  for (const result of inOrder) others.append(result.others);
  const { builders, keys } = reading.registry;
  builders.forEach((builder, table) => {
    const key = keys[table] as string;
    const memory = plan.memory.get(key);
    if (memory === undefined) return;
    const rows = plan.counts[table] as number;
    useMemory(builder, memory, rows);
    const bounds = [...plan.slices.map(({ counts }) => counts[table] ?? 0), rows];
    for (const [name, reader] of builder.readers) {
      const parts = inOrder.map(({ tables }) => tables.get(key)?.get(name));
      const values = reader.column.array;
      const exact = new Map(parts.flatMap((part) => [...(part?.exact ?? [])]));
      const dictionary = reader.interner === undefined ? [] : joinTexts(values, parts, bounds);
      const column = reader.make(values, { dictionary, exact });
      builder.readers.set(name, { ...reader, finish: () => column });
    }
  });
  return others;
}

/** Makes the codes of all slices those of one dictionary: texts in the order of the file. */
function joinTexts(
  codes: AnyArray,
  parts: readonly (ColumnRest | undefined)[],
  bounds: readonly number[],
): string[] {
  const dictionary: string[] = [];
  const codeOf = new Map<string, number>();
  parts.forEach((part, nth) => {
    const own = Uint32Array.from(part?.dictionary ?? [], (text) => {
      const code = codeOf.get(text) ?? dictionary.length;
      if (code === dictionary.length) {
        dictionary.push(text);
        codeOf.set(text, code);
      }
      return code;
    });
    if (own.every((code, old) => code === old)) return;
    const end = bounds[nth + 1] as number;
    for (let row = bounds[nth] as number; row < end; row++) {
      codes[row] = own[codes[row] as number] as number;
    }
  });
  return dictionary;
}
