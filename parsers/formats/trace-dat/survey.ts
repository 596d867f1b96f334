/**
 * The first of two walks over a slice: how many records of each event it has, so that memory of
 * exactly the right size can be made for the columns, and all that pages tell beside records.
 */
import { type ByteWindow, byteWindow } from '../../decode/record-window.ts';
import { Allocator, instantiate, sharedMemory, type WasmFunctions } from '../../wasm/memory.ts';
import { noteBelowZero, type Watches, watchRecords } from './below-zero.ts';
import { type GapState, gapState, noteGaps } from './gaps.ts';
import { WALK } from './page-loops.ts';
import { COUNT_LOOPS } from './page-loops-bytes.ts';
import {
  absoluteTime,
  emptyIndex,
  emptyScan,
  type PageScanner,
  type RecordIndex,
  reject,
  type ScanResult,
  scanPages,
} from './pages.ts';
import { writeLeast, writeWalk } from './slice-memory.ts';
import { MAX_IDS, openLane, type SlicePlan } from './slices.ts';
import { countUpTo, type Lane } from './streams.ts';

const CHUNK_BYTES = 1 << 18;

/** A lane's own pages of the slice. */
export type LanePart = GapState & { readonly firstTs: number };

export type SliceSurvey = {
  readonly slice: number;
  /** False if the lanes' times are not such that slices stand one behind the other. */
  readonly inOrder: boolean;
  readonly parts: readonly LanePart[];
  readonly damagedAt: readonly number[];
  readonly scan: Pick<ScanResult, 'short' | 'unknown' | 'backwards'>;
};

/** One thread's survey of slice after slice; its watches add up over all of them. */
export type Surveyor = {
  readonly plan: SlicePlan;
  readonly lanes: readonly Lane[];
  readonly loops: WasmFunctions<'countPages'>;
  /** All memory of the loops; pages are read to its beginning. */
  readonly window: ByteWindow;
  readonly chunk: Uint8Array;
  readonly index: RecordIndex;
  readonly scanners: readonly PageScanner[];
  /** Records by event id. */
  readonly counts: Int32Array;
  readonly watches: Watches;
  /** The WALK of each lane, and its times: those of the first and of the last record, steps back. */
  readonly walks: readonly number[];
  readonly times: readonly WalkTimes[];
  /** What else the slice's pages tell. */
  scan: ScanResult;
};

type WalkTimes = { readonly view: Float64Array; readonly backwards: Uint32Array };
const FIRST = 0;
const LAST = 1;

export function makeSurveyor(plan: SlicePlan, watches: Watches): Surveyor {
  const { lanes, scanner } = plan;
  const { base, minSize } = scanner;
  const largest = lanes.reduce((most, { layout }) => Math.max(most, layout.pageBytes), CHUNK_BYTES);
  const allocator = new Allocator();
  const chunkAt = allocator.take(largest);
  const [least, countsAt, signs] = [0, 0, 0].map(() => allocator.take(4 * MAX_IDS)) as Triple;
  const walks = lanes.map(() => allocator.take(WALK.bytes));
  const lists = [...watches.byId].map(([id, list]) => {
    return { id, list, at: allocator.take(4 * (list.length + 1)) };
  });
  const memory = sharedMemory(allocator.end);
  const { buffer } = memory;
  const window = byteWindow(new Uint8Array(buffer), true);
  writeLeast(window, least, plan.ids, minSize);
  for (const { id, list, at } of lists) {
    window.u32[(signs >>> 2) + id] = at;
    window.u32.set([list.length, ...list.map(({ signAt }) => signAt)], at >>> 2);
  }
  lanes.forEach(({ layout }, which) => {
    const facts = { layout, base, least, counts: countsAt, signs };
    writeWalk(window, walks[which] as number, facts);
  });
  const surveyor: Surveyor = {
    ...{ plan, walks, window, watches },
    lanes: lanes.map((lane) => openLane(lane, plan.name)),
    loops: instantiate(COUNT_LOOPS, memory, {
      absoluteTime: (extra: number, delta: number, now: number) =>
        absoluteTime(extra >>> 0, delta >>> 0, now, base),
      reject: (id: number) => reject(id, minSize[id] as number, surveyor.scan),
      damagedPage: (page: number) => void surveyor.scan.damaged.push(page),
      belowZero: (id: number, data: number, ts: number) =>
        noteBelowZero(watches, window.bytes, data, id, ts),
    }),
    chunk: new Uint8Array(buffer, chunkAt, largest),
    index: emptyIndex(1 << 12),
    scanners: lanes.map(({ layout }) => ({ ...scanner, layout })),
    counts: new Int32Array(buffer, countsAt, MAX_IDS),
    times: walks.map((walk) => ({
      view: new Float64Array(buffer, walk + WALK.firstTs, 2),
      backwards: new Uint32Array(buffer, walk + WALK.backwards, 1),
    })),
    scan: emptyScan(),
  };
  return surveyor;
}

type Triple = [number, number, number];

type Walk = {
  readonly slice: number;
  readonly scan: ScanResult;
  damagedAt: number[];
  inOrder: boolean;
};

export function surveySlice(surveyor: Surveyor, slice: number): SliceSurvey {
  const { plan, lanes, counts } = surveyor;
  const walk: Walk = { slice, scan: emptyScan(), damagedAt: [], inOrder: true };
  surveyor.scan = walk.scan;
  const parts = lanes.map((lane, which) => surveyLane(surveyor, walk, lane, which));
  const from = slice * MAX_IDS;
  for (const id of plan.ids) {
    if (counts[id] === 0) continue;
    Atomics.add(plan.counts, from + id, counts[id] as number);
    counts[id] = 0;
  }
  const { short, unknown, backwards } = walk.scan;
  const { inOrder, damagedAt } = walk;
  return { slice, inOrder, parts, damagedAt, scan: { short, unknown, backwards } };
}

function surveyLane(surveyor: Surveyor, walk: Walk, lane: Lane, which: number): LanePart {
  const { plan, chunk } = surveyor;
  const { view, backwards } = surveyor.times[which] as WalkTimes;
  const { pageBytes } = lane.layout;
  const pages = plan.pages[which] as Uint32Array;
  const step = Math.max(1, Math.floor(chunk.length / pageBytes));
  const gaps = gapState(which, lane.cpu);
  view.fill(Number.NaN);
  backwards[0] = 0;
  const end = pages[walk.slice + 1] as number;
  for (let page = pages[walk.slice] as number; page < end; page += step) {
    const offset = lane.offset + page * pageBytes;
    const wanted = Math.min(
      Math.min(step, end - page) * pageBytes,
      lane.offset + lane.size - offset,
    );
    const got = lane.source.readInto(chunk.subarray(0, wanted), offset);
    surveyPages(surveyor, walk, gaps, page, got);
    for (const at of walk.scan.damaged.splice(0)) walk.damagedAt.push(offset + at);
  }
  walk.scan.backwards += backwards[0] as number;
  return { ...gaps, firstTs: view[FIRST] as number };
}

/** The pages in the chunk, whose first one is `firstPage` of the lane. */
function surveyPages(
  surveyor: Surveyor,
  walk: Walk,
  gaps: GapState,
  firstPage: number,
  bytes: number,
): void {
  const { plan, lanes, loops, walks } = surveyor;
  const { layout } = lanes[gaps.lane] as Lane;
  const { pageBytes, dataAt } = layout;
  const { view } = surveyor.times[gaps.lane] as WalkTimes;
  const pages = plan.pages[gaps.lane] as Uint32Array;
  const from = plan.times[walk.slice] as number;
  const until = plan.times[walk.slice + 1] as number;
  // Only the last page has records of later slices; a gap needs the record that ends it.
  const lastOwn = ((pages[walk.slice + 1] as number) - 1 - firstPage) * pageBytes;
  const plainEnd = Math.min(bytes, lastOwn);
  let at = 0;
  while (at + dataAt <= bytes) {
    const start = at;
    if (gaps.open === 0 && at < plainEnd) {
      at = loops.countPages(walks[gaps.lane] as number, at, plainEnd);
    }
    if (at > start) {
      gaps.lastTs = view[LAST] as number;
      const isOutside = gaps.lastTs >= until || (view[FIRST] as number) < from;
      if (isOutside) walk.inOrder = false;
    } else {
      surveyPage(surveyor, walk, gaps, at, Math.min(bytes, at + pageBytes), firstPage);
      at += pageBytes;
    }
  }
}

/** A page with more to it than counts. */
function surveyPage(
  surveyor: Surveyor,
  walk: Walk,
  gaps: GapState,
  at: number,
  pageEnd: number,
  firstPage: number,
): void {
  const { window, index, watches, scanners } = surveyor;
  const scanner = scanners[gaps.lane] as PageScanner;
  const { view } = surveyor.times[gaps.lane] as WalkTimes;
  index.count = 0;
  scanPages(scanner, window, at, pageEnd, index, walk.scan);
  noteGaps(gaps, index, 0, walk.scan);
  watchRecords(watches, index, 0, window.bytes);
  if (index.count === 0) return;
  if (Number.isNaN(view[LAST])) view[FIRST] = index.ts[0] as number;
  view[LAST] = gaps.lastTs;
  countRecords(surveyor, walk, gaps.lane, firstPage + at / scanner.layout.pageBytes);
}

/** Counts the records of a page for the slices that they belong to. */
function countRecords(
  { plan, index, counts }: Surveyor,
  walk: Walk,
  which: number,
  page: number,
): void {
  const { times, pages, count: slices } = plan;
  const { slice } = walk;
  const { ts, id, count } = index;
  const mine = countUpTo(index, times[slice + 1] as number, false);
  for (let row = 0; row < mine; row++) (counts[id[row] as number] as number)++;
  if ((ts[0] as number) < (times[slice] as number)) walk.inOrder = false;
  let later = slice + 1;
  for (let row = mine; row < count; row++) {
    while (later < slices && (ts[row] as number) >= (times[later + 1] as number)) later++;
    // A later slice reads one page before its own.
    if (((pages[which] as Uint32Array)[later] as number) > page + 1) walk.inOrder = false;
    Atomics.add(plan.counts, later * MAX_IDS + (id[row] as number), 1);
  }
}
