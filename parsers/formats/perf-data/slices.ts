/**
 * The second pass over a large file: slices of it, each on its own, into columns whose length is
 * known. Threads share the columns' memory, so nothing is copied and nothing grows; only codes of
 * texts are made anew, as each slice has its own dictionary.
 */
import { DICTIONARY } from '../../../src/events/index.ts';
import { FormatError } from '../../../src/trace/errors.ts';
import type { ByteSource } from '../../bytes/source.ts';
import type { EventBuilder } from '../../decode/event-tables.ts';
import type { AnyArray } from '../../decode/growing.ts';
import type { MovableTable, TimeSpan } from '../../decode/restore-order.ts';
import type { Detail } from '../../importer.ts';
import { Allocator, type SharedMemory, sharedMemory } from '../../wasm/memory.ts';
import { makeTaskQueue, type TaskQueue, takeTask } from '../../workers/task-queue.ts';
import { OtherRows } from './columns.ts';
import type { Facts } from './features.ts';
import type { EventSource } from './header.ts';
import { emptyLane, type Lane, laneBytes, makeLane, scanLane } from './lanes.ts';
import type { Overview, SliceStart } from './overview.ts';
import { EventRegistry } from './registry.ts';
import type { Clock } from './samples.ts';
import { SliceDealer } from './slice-dealer.ts';
import {
  type AreaSizes,
  columnSizes,
  layOutArea,
  placeTable,
  type TableMemory,
  useMemory,
} from './slice-memory.ts';
import { makeScanState } from './state.ts';

/** Everything a thread needs; can be sent to it. */
export type SlicePlan = {
  readonly clock: Clock;
  readonly facts: Facts;
  readonly sources: readonly EventSource[];
  /** By the event's canonical name; where nothing is kept, it is not there. */
  readonly details: ReadonlyMap<string, Detail>;
  readonly bounds: readonly number[];
  readonly slices: readonly SliceStart[];
  /** Samples of each table in all. */
  readonly counts: Float64Array;
  readonly spans: readonly TimeSpan[];
  readonly originTs: number;
  readonly memory: SharedMemory;
  /** By key of the table (EventRegistry.keys). */
  readonly tables: ReadonlyMap<string, TableMemory>;
  /** Which area of the memory a thread may use, how large each is, and what is in it. */
  readonly areas: TaskQueue;
  readonly areaBytes: number;
  readonly sizes: AreaSizes;
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
  /** Of the thread so far: what earlier slices of it had comes first. */
  readonly dictionary?: readonly string[] | undefined;
  readonly exact?: ReadonlyMap<number, bigint> | undefined;
};

/** Throws where memory cannot be so large. */
export function planSlices(overview: Overview, queue: TaskQueue, threads: number): SlicePlan {
  const { reading, bounds, mostRows, slices, spans } = overview;
  const { clock, facts, registry, tally } = reading;
  const { builders, keys, sources } = registry;
  const windows = bounds.slice(1).map((end, nth) => end - (bounds[nth] as number));
  const windowBytes = laneBytes(windows.reduce((most, size) => Math.max(most, size), 0));
  const sizes = {
    ...{ windowBytes, capacity: Math.max(1, mostRows), sources: sources.length },
    ...columnSizes(builders),
  };
  const area = new Allocator();
  layOutArea(area, sizes);
  const areaBytes = area.end;
  const allocator = new Allocator(threads * areaBytes);
  const details = new Map<string, Detail>();
  const tables = new Map<string, TableMemory>();
  builders.forEach((builder, table) => {
    const rows = tally.counts[table] as number;
    if (builder.detail === 'count' || rows === 0) return;
    details.set(builder.canonicalName, builder.detail);
    tables.set(keys[table] as string, placeTable(allocator, table, builder, rows));
  });
  return {
    ...{ clock, facts, sources, details, bounds, slices, spans, tables, sizes, areaBytes, queue },
    counts: tally.counts.slice(0, builders.length),
    originTs: reading.firstTime,
    memory: sharedMemory(allocator.end),
    areas: makeTaskQueue(threads),
  };
}

/** What a thread has from slice to slice. */
type SliceReader = {
  readonly plan: SlicePlan;
  readonly source: ByteSource;
  readonly registry: EventRegistry;
  readonly dealer: SliceDealer;
  readonly lane: Lane;
  /** The slice at hand. */
  start: SliceStart;
  others: OtherRows;
};

/** Takes slices as long as there are any. */
export function runSlices(plan: SlicePlan, source: ByteSource): SliceResult[] {
  const reader = makeReader(plan, source);
  const results: SliceResult[] = [];
  for (;;) {
    const nth = takeTask(plan.queue);
    if (nth === undefined) return results;
    results.push(runSlice(reader, nth));
  }
}

function makeReader(plan: SlicePlan, source: ByteSource): SliceReader {
  const { facts, sources, details, tables, areas, areaBytes, memory, sizes } = plan;
  const area = takeTask(areas);
  if (area === undefined) throw new Error('more threads than areas');
  const { spans, originTs } = plan;
  const options = { memory, areaAt: area * areaBytes, sizes, sources, originTs, spans };
  const dealer = new SliceDealer(options);
  const onTable = (key: string, builder: EventBuilder): void => {
    const own = tables.get(key);
    dealer.addTable(builder, own, own === undefined ? 0 : (reader.start.counts[own.table] ?? 0));
  };
  const context = { dictionary: DICTIONARY, keep: (name: string) => details.get(name) ?? 'count' };
  const registry = new EventRegistry(facts, context, true, onTable);
  for (const event of sources) registry.add(event);
  const lane = makeLane(sizes.windowBytes, {
    littleEndian: true,
    clock: plan.clock,
    state: makeScanState(() => {}, dealer.loops.lastOfCpu),
    kindOf: registry.kindOf,
    known: registry.known,
    tally: undefined,
    loops: dealer.loops,
    index: dealer.index,
    take: () => dealer.take(reader.others),
    onRecord: () => true,
  });
  const [start] = plan.slices as [SliceStart];
  const reader = { plan, source, registry, dealer, lane, start, others: new OtherRows() };
  return reader;
}

function runSlice(reader: SliceReader, nth: number): SliceResult {
  const { plan, source, registry, dealer } = reader;
  const { tables: memory, bounds, slices } = plan;
  const start = slices[nth] as SliceStart;
  reader.start = start;
  reader.others = new OtherRows();
  dealer.seq = start.seq;
  registry.keys.forEach((key, table) => {
    const own = memory.get(key);
    if (own !== undefined) dealer.startAt(table, start.counts[own.table] ?? 0);
  });
  const last = slices[nth + 1]?.window ?? bounds.length - 1;
  readWindows(reader, bounds.slice(start.window, last + 1));
  const ends = slices[nth + 1]?.counts ?? plan.counts;
  const tables = new Map<string, Map<string, ColumnRest>>();
  registry.keys.forEach((key, table) => {
    const own = memory.get(key);
    const builder = registry.builders[table] as EventBuilder;
    if (own === undefined) return;
    if (dealer.rowsOf(table) !== (ends[own.table] ?? 0)) {
      throw new FormatError(`${source.name} was changed while it was read`);
    }
    tables.set(key, restOf(builder));
  });
  return { nth, tables, others: reader.others.finish() };
}

/** The same windows as in the overview: only then does the order come out as it foresaw. */
function readWindows({ source, lane }: SliceReader, bounds: readonly number[]): void {
  const sizes = bounds.slice(1).map((end, nth) => end - (bounds[nth] as number));
  sizes.forEach((size, nth) => {
    const bytes = lane.window.bytes.subarray(0, size);
    lane.filled = source.readInto(bytes, bounds[nth] as number);
    scanLane(lane, () => {});
    emptyLane(lane);
  });
}

function restOf({ readers }: EventBuilder): Map<string, ColumnRest> {
  const rest = new Map<string, ColumnRest>();
  for (const [name, { interner, exact }] of readers) {
    rest.set(name, {
      dictionary: interner && [...interner.dictionary],
      exact: exact && new Map(exact),
    });
    exact?.clear();
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
    const memory = plan.tables.get(key);
    if (memory === undefined) return;
    const { rows } = memory;
    useMemory(builder, plan.memory.buffer, memory, rows);
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
