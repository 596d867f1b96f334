/**
 * One piece of memory for the threads that decode: an area of each thread, with a window on the
 * file and the lists of its records, and behind them the columns of the whole file.
 */
import type { ColumnReader } from '../../decode/binary-fields.ts';
import { type ByteWindow, byteWindow } from '../../decode/record-window.ts';
import { COLUMN } from '../../wasm/column-loops.ts';
import { EVENT } from '../../wasm/event-rows.ts';
import { FieldReaders } from '../../wasm/field-readers.ts';
import type { Allocator, SharedMemory } from '../../wasm/memory.ts';
import { LANE, WALK } from './page-loops.ts';
import type { RecordIndex, SplitTime } from './pages.ts';
import { MAX_IDS } from './slices.ts';
import type { Lane } from './streams.ts';

/**
 * Of the file, all lanes together. Small enough for the processor's cache, because every column of
 * a batch is a walk over it.
 */
const WINDOW_BYTES = 1 << 20;
/** Of each lane at least. */
const MIN_PAGES = 16;
/** The smallest record: a word for length and time, one for the data. */
const MIN_RECORD_BYTES = 8;

type SizedLane = Pick<Lane, 'layout' | 'size'>;

/** Where things lie, in bytes. */
export type Area = {
  readonly walks: number;
  readonly lanes: number;
  readonly heap: number;
  readonly events: number;
  readonly least: number;
  readonly eventsById: number;
  readonly columns: number;
  /** Of the columns that remember texts or values, in order. */
  readonly slots: readonly number[];
  readonly regions: readonly Region[];
  /** Where the records of a batch lie, those of each event together. */
  readonly starts: number;
  readonly ends: number;
};

/** The pages of one lane that are in memory, and the list of their records. */
export type Region = {
  readonly from: number;
  readonly to: number;
  readonly ts: number;
  readonly id: number;
  readonly start: number;
  readonly end: number;
  /** Records that the list has room for: more cannot be in the pages. */
  readonly records: number;
};

/** The same in every thread, but for where the area begins. */
export function layOutArea(
  allocator: Allocator,
  lanes: readonly SizedLane[],
  events: number,
  readers: readonly ColumnReader[],
): Area {
  const fields = { walks: allocator.take(lanes.length * WALK.bytes) };
  const regions: Region[] = [];
  const area = {
    ...fields,
    lanes: allocator.take(lanes.length * LANE.bytes),
    heap: allocator.take(lanes.length * 4),
    events: allocator.take(events * EVENT.bytes),
    least: allocator.take(MAX_IDS * 4),
    eventsById: allocator.take(MAX_IDS * 4),
    columns: allocator.take(readers.length * COLUMN.bytes),
    slots: readers.map(({ fast }) => allocator.take(fast ? FieldReaders.slotBytes(fast) : 0)),
    regions,
  };
  for (const lane of lanes) regions.push(layOutRegion(allocator, regionBytes(lane, lanes.length)));
  const records = regions.reduce((sum, region) => sum + region.records, 0);
  return { ...area, starts: allocator.take(records * 4), ends: allocator.take(records * 4) };
}

function regionBytes({ layout, size }: SizedLane, lanes: number): number {
  const pages = Math.max(MIN_PAGES, Math.floor(WINDOW_BYTES / lanes / layout.pageBytes));
  return Math.min(pages, Math.ceil(size / layout.pageBytes)) * layout.pageBytes;
}

function layOutRegion(allocator: Allocator, bytes: number): Region {
  const from = allocator.take(bytes);
  const records = Math.floor(bytes / MIN_RECORD_BYTES);
  return {
    ...{ from, to: from + bytes, records },
    ts: allocator.take(8 * records),
    id: allocator.take(2 * records),
    start: allocator.take(4 * records),
    end: allocator.take(4 * records),
  };
}

/** The memory as the program sees it; records are told by where they are in all of it. */
export function memoryWindow({ buffer }: SharedMemory): ByteWindow {
  return byteWindow(new Uint8Array(buffer), true);
}

export function indexIn({ buffer }: SharedMemory, { ts, id, start, end, records }: Region) {
  const index: RecordIndex = {
    count: 0,
    ts: new Float64Array(buffer, ts, records),
    id: new Uint16Array(buffer, id, records),
    start: new Uint32Array(buffer, start, records),
    end: new Uint32Array(buffer, end, records),
  };
  return index;
}

export type WalkFacts = Pick<Lane, 'layout'> & {
  readonly base: SplitTime;
  readonly least: number;
  /** One of them is there: what is listed is dealt out, what is counted is not. */
  readonly events?: number;
  readonly counts?: number;
  readonly signs?: number;
};

/** Tells the loops of a lane's pages. */
export function writeWalk({ u32 }: ByteWindow, at: number, facts: WalkFacts): void {
  const { layout, base, least, events = 0, counts = 0, signs = 0 } = facts;
  const set = (field: number, value: number) => {
    u32[(at + field) >>> 2] = value;
  };
  set(WALK.baseLow, base.low);
  set(WALK.baseHigh, base.high);
  set(WALK.pageBytes, layout.pageBytes);
  set(WALK.dataAt, layout.dataAt);
  set(WALK.commitAt, layout.commitAt);
  set(WALK.least, least);
  set(WALK.events, events);
  set(WALK.counts, counts);
  set(WALK.signs, signs);
}

/** Tells the loops which events have a format: `minSize` is -1 for those that have none. */
export function writeLeast(
  { u32 }: ByteWindow,
  at: number,
  ids: Iterable<number>,
  minSize: Int32Array,
): void {
  for (const id of ids) u32[(at >>> 2) + id] = (minSize[id] as number) + 1;
}
