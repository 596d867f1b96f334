/**
 * One piece of memory for the threads that read slices: an area of each thread, with the pages of a
 * slice and the lists of their records, and behind them the columns of the whole file.
 */
import { type ByteWindow, byteWindow } from '../../decode/record-window.ts';
import { EVENT } from '../../wasm/event-rows.ts';
import type { Allocator, SharedMemory } from '../../wasm/memory.ts';
import { LANE, WALK } from './page-loops.ts';
import type { RecordIndex, SplitTime } from './pages.ts';
import { MAX_IDS, type SlicePlan } from './slices.ts';
import type { Lane } from './streams.ts';

/** Pages are read in steps, whose records are listed while they are in the nearest cache. */
export const STEP_BYTES = 1 << 18;
/** The smallest record: a word for length and time, one for the data. */
const MIN_RECORD_BYTES = 8;
/** The kernel copies 15 % faster to where a line of the cache begins. */
const LINE_BYTES = 64;

/** Where things lie, in bytes. */
export type Area = {
  readonly walks: number;
  readonly lanes: number;
  readonly heap: number;
  readonly events: number;
  /** By event id. */
  readonly least: number;
  readonly eventsById: number;
  readonly counts: number;
  readonly signs: number;
  /** Of each watched event, by id: the places of its signs. */
  readonly signsById: ReadonlyMap<number, number>;
  /** Pages of the slice, those of each lane together, and the lists of their records. */
  readonly pages: number;
  readonly lists: RecordLists;
  /** Where the records of a batch lie, those of each event together. */
  readonly starts: number;
  readonly ends: number;
};

export type RecordLists = {
  readonly ts: number;
  readonly id: number;
  readonly start: number;
  readonly end: number;
  /** Records that they have room for: more cannot be in the pages. */
  readonly room: number;
};

/** The same in every thread, but for where the area begins. */
export function layOutArea(allocator: Allocator, plan: SlicePlan): Area {
  const { lanes, ids, watches } = plan;
  const bytes = largestSlice(plan);
  const room = Math.floor(bytes / MIN_RECORD_BYTES);
  return {
    walks: allocator.take(lanes.length * WALK.bytes),
    lanes: allocator.take(lanes.length * LANE.bytes),
    heap: allocator.take(lanes.length * 4),
    events: allocator.take(ids.length * EVENT.bytes),
    least: allocator.take(MAX_IDS * 4),
    eventsById: allocator.take(MAX_IDS * 4),
    counts: allocator.take(MAX_IDS * 4),
    signs: allocator.take(MAX_IDS * 4),
    signsById: new Map(
      [...watches.byId].map(([id, list]) => [id, allocator.take(4 * (list.length + 1))]),
    ),
    pages: wholeLines(allocator.take(bytes + LINE_BYTES)),
    lists: {
      ts: allocator.take(8 * room),
      id: allocator.take(2 * room),
      start: allocator.take(4 * room),
      end: allocator.take(4 * room),
      room,
    },
    starts: allocator.take(4 * room),
    ends: allocator.take(4 * room),
  };
}

/** Bytes of a lane's pages in a slice, and of the page before them, in memory. */
export function bytesInSlice({ lanes, pages }: SlicePlan, slice: number, which: number): number {
  const { layout } = lanes[which] as SlicePlan['lanes'][number];
  const own = pages[which] as Uint32Array;
  const count = (own[slice + 1] as number) - (own[slice] as number);
  return wholeLines((count + 1) * layout.pageBytes);
}

function wholeLines(bytes: number): number {
  return Math.ceil(bytes / LINE_BYTES) * LINE_BYTES;
}

/** In memory. */
export function largestSlice(plan: SlicePlan): number {
  let most = 0;
  for (let slice = 0; slice < plan.count; slice++) {
    const bytes = plan.lanes.reduce((sum, _, which) => sum + bytesInSlice(plan, slice, which), 0);
    most = Math.max(most, bytes);
  }
  return most;
}

/** The memory as the program sees it; records are told by where they are in all of it. */
export function memoryWindow({ buffer }: SharedMemory): ByteWindow {
  return byteWindow(new Uint8Array(buffer), true);
}

/** The lists of all lanes, one behind the other. */
export function indexIn({ buffer }: SharedMemory, { ts, id, start, end, room }: RecordLists) {
  const index: RecordIndex = {
    count: 0,
    ts: new Float64Array(buffer, ts, room),
    id: new Uint16Array(buffer, id, room),
    start: new Uint32Array(buffer, start, room),
    end: new Uint32Array(buffer, end, room),
  };
  return index;
}

export type WalkFacts = Pick<Lane, 'layout'> & { readonly base: SplitTime; readonly area: Area };

/** Tells the loops of a lane's pages. */
export function writeWalk({ u32 }: ByteWindow, which: number, facts: WalkFacts): void {
  const { layout, base, area } = facts;
  const { least, counts, signs, eventsById: events } = area;
  const walk = {
    ...{ baseLow: base.low, baseHigh: base.high, least, events, counts, signs },
    ...{ pageBytes: layout.pageBytes, dataAt: layout.dataAt, commitAt: layout.commitAt },
  };
  for (const [field, value] of Object.entries(walk)) {
    u32[(walkOf(area, which) + WALK[field as keyof typeof walk]) >>> 2] = value;
  }
  u32[(laneOf(area, which) + LANE.lane) >>> 2] = which;
}

/** Tells the loops where `taken` records of a lane stand in the lists, counted from `first`. */
export function writeList(
  { u32 }: ByteWindow,
  area: Area,
  which: number,
  first: number,
  taken: number,
): void {
  const { ts, id, start, end } = area.lists;
  const at = laneOf(area, which);
  u32[(at + LANE.ts) >>> 2] = ts + 8 * first;
  u32[(at + LANE.id) >>> 2] = id + 2 * first;
  u32[(at + LANE.start) >>> 2] = start + 4 * first;
  u32[(at + LANE.end) >>> 2] = end + 4 * first;
  u32[(at + LANE.taken) >>> 2] = taken;
}

export function walkOf({ walks }: Area, which: number): number {
  return walks + which * WALK.bytes;
}

export function laneOf({ lanes }: Area, which: number): number {
  return lanes + which * LANE.bytes;
}

/** Tells the loops which events have a format, and where a sign of them is to be watched. */
export function writeEvents({ u32 }: ByteWindow, area: Area, plan: SlicePlan): void {
  const { minSize } = plan.scanner;
  for (const id of plan.ids) u32[(area.least >>> 2) + id] = (minSize[id] as number) + 1;
  for (const [id, at] of area.signsById) {
    const list = plan.watches.byId.get(id) ?? [];
    u32[(area.signs >>> 2) + id] = at;
    u32.set([list.length, ...list.map(({ signAt }) => signAt)], at >>> 2);
  }
}
