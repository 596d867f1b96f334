/**
 * A walk over the pages of a slice, which lists their records, or only counts them where nothing is
 * to be decoded, and finds all that pages tell beside records. pages.ts reads those that have more
 * to them than records.
 */
import type { ByteWindow } from '../../decode/record-window.ts';
import { instantiate, type SharedMemory, type WasmFunctions } from '../../wasm/memory.ts';
import { noteBelowZero, type Watches, watchRecords } from './below-zero.ts';
import { type GapState, gapState, noteGaps } from './gaps.ts';
import { WALK } from './page-loops.ts';
import { PAGE_LOOPS } from './page-loops-bytes.ts';
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
import {
  type Area,
  bytesInSlice,
  indexIn,
  laneOf,
  memoryWindow,
  STEP_BYTES,
  walkOf,
  writeEvents,
  writeList,
  writeWalk,
} from './slice-memory.ts';
import { MAX_IDS, openLanes, type SlicePlan } from './slices.ts';
import { countUpTo, type Lane } from './streams.ts';

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

type Loop = 'walkPages' | 'countRecords' | 'deal';

/** One thread's walks over slice after slice; its watches add up over all of them. */
export type SliceWalker = {
  readonly plan: SlicePlan;
  readonly lanes: readonly Lane[];
  readonly memory: SharedMemory;
  readonly window: ByteWindow;
  readonly area: Area;
  readonly loops: WasmFunctions<Loop>;
  /** The records of all lanes in the slice, if they are listed; of each lane, and where they begin. */
  readonly lists: RecordIndex;
  readonly indexes: readonly (RecordIndex & { first: number })[];
  readonly isCounting: boolean;
  /** Records by event id. */
  readonly counts: Int32Array;
  readonly watches: Watches;
  readonly scanners: readonly PageScanner[];
  readonly times: readonly WalkTimes[];
  /** The records of a page that is read by itself. */
  readonly page: RecordIndex;
  /** What else the slice's pages tell. */
  scan: ScanResult;
  /** While the page before the slice is read, of which the slice before tells all. */
  isQuiet: boolean;
};

/** Times of the first and of the last record, and how often they step back. */
type WalkTimes = { readonly view: Float64Array; readonly backwards: Uint32Array };
const FIRST = 0;
const LAST = 1;

export type WalkerOptions = {
  readonly plan: SlicePlan;
  readonly memory: SharedMemory;
  readonly area: Area;
  readonly watches: Watches;
  readonly isCounting: boolean;
  /** What the loops of columns ask for. */
  readonly columnImports: Parameters<typeof instantiate>[2];
};

export function makeWalker(options: WalkerOptions): SliceWalker {
  const { plan, memory, area, watches, isCounting, columnImports } = options;
  const { lanes, scanner } = plan;
  const { base, minSize } = scanner;
  const { buffer } = memory;
  const window = memoryWindow(memory);
  writeEvents(window, area, plan);
  lanes.forEach(({ layout }, which) => {
    writeWalk(window, which, { layout, base, area });
  });
  const noteSign = (id: number, data: number, ts: number): void =>
    noteBelowZero(watches, window.bytes, data, id, ts);
  const walker: SliceWalker = {
    ...{ plan, memory, window, area, watches, isCounting },
    lanes: openLanes(lanes, plan.name),
    loops: instantiate<Loop>(PAGE_LOOPS, memory, {
      ...columnImports,
      absoluteTime: (extra: number, delta: number, now: number) =>
        absoluteTime(extra >>> 0, delta >>> 0, now, base),
      reject: (id: number) => reject(id, minSize[id] as number, walker.scan),
      damagedPage: (page: number) => void walker.scan.damaged.push(page),
      belowZero: (id: number, data: number, ts: number) =>
        walker.isQuiet ? undefined : noteSign(id, data, ts),
    }),
    lists: indexIn(memory, area.lists),
    indexes: lanes.map(() => ({ ...emptyIndex(0), first: 0 })),
    counts: new Int32Array(buffer, area.counts, MAX_IDS),
    scanners: lanes.map(({ layout }) => ({ ...scanner, layout })),
    times: lanes.map((_, which) => ({
      view: new Float64Array(buffer, walkOf(area, which) + WALK.firstTs, 2),
      backwards: new Uint32Array(buffer, walkOf(area, which) + WALK.backwards, 1),
    })),
    page: emptyIndex(1 << 12),
    scan: emptyScan(),
    isQuiet: false,
  };
  return walker;
}

type Walk = {
  readonly slice: number;
  readonly damagedAt: number[];
  inOrder: boolean;
};

/** Afterwards, `indexes` have the records of the slice, or `counts` more. */
export function walkSlice(walker: SliceWalker, slice: number): SliceSurvey {
  const { plan, area, window, indexes } = walker;
  const walk: Walk = { slice, damagedAt: [], inOrder: true };
  const scan = emptyScan();
  let at = area.pages;
  let first = 0;
  const parts = walker.lanes.map((_, which) => {
    if (!walker.isCounting) {
      placeList(walker, which, first);
      listPageBefore(walker, slice, which, at);
    }
    walker.scan = scan;
    const part = walkLane(walker, walk, which, at);
    at += bytesInSlice(plan, slice, which);
    const index = indexes[which] as RecordIndex;
    // Later slices read the last page again.
    index.count = countUpTo(index, plan.times[slice + 1] as number, false);
    writeList(window, area, which, first, index.count);
    first += index.count;
    return part;
  });
  const { short, unknown, backwards } = scan;
  const { inOrder, damagedAt } = walk;
  return { slice, inOrder, parts, damagedAt, scan: { short, unknown, backwards } };
}

/** The lists of lanes stand one behind the other. */
function placeList({ lists, indexes, window, area }: SliceWalker, which: number, first: number) {
  const index = indexes[which] as SliceWalker['indexes'][number];
  index.first = first;
  index.count = 0;
  for (const list of ['ts', 'id', 'start', 'end'] as const) {
    // The union of typed arrays hides that each list has one type.
    index[list] = lists[list].subarray(first) as Float64Array & Uint16Array & Uint32Array;
  }
  writeList(window, area, which, first, 0);
}

/** Its last records may belong to the slice. */
function listPageBefore(walker: SliceWalker, slice: number, which: number, at: number): void {
  const { plan, indexes } = walker;
  const index = indexes[which] as RecordIndex;
  const page = (plan.pages[which] as Uint32Array)[slice] as number;
  if (page === 0) return;
  walker.isQuiet = true;
  walker.scan = emptyScan();
  const got = readPages(walker, which, at, page - 1, page);
  forgetTimes(walker, which);
  if (walkPages(walker, which, at, at + got) === at) {
    walker.page.count = 0;
    const scanner = walker.scanners[which] as PageScanner;
    scanPages(scanner, walker.window, at, at + got, walker.page, walker.scan);
    appendPage(index, walker.page);
  }
  walker.isQuiet = false;
  dropFirst(index, countUpTo(index, plan.times[slice] as number, false));
}

function dropFirst(index: RecordIndex, rows: number): void {
  const { ts, id, start, end, count } = index;
  for (const list of [ts, id, start, end]) list.copyWithin(0, rows, count);
  index.count = count - rows;
}

function forgetTimes({ times }: SliceWalker, which: number): void {
  const { view, backwards } = times[which] as WalkTimes;
  view.fill(Number.NaN);
  backwards[0] = 0;
}

/** Reads pages [first, last) of a lane to `at`; returns the bytes that there were. */
function readPages(
  { lanes, window }: SliceWalker,
  which: number,
  at: number,
  first: number,
  last: number,
): number {
  const { layout, offset, size, source } = lanes[which] as Lane;
  const { pageBytes } = layout;
  const wanted = Math.min((last - first) * pageBytes, size - first * pageBytes);
  return source.readInto(window.bytes.subarray(at, at + wanted), offset + first * pageBytes);
}

/** Lists or counts; returns the first page that has more to it than records. */
function walkPages(walker: SliceWalker, which: number, from: number, to: number): number {
  const { loops, area, window, indexes, isCounting } = walker;
  const walk = walkOf(area, which);
  if (isCounting) return loops.walkPages(walk, from, to, 0, 0) >>> 0;
  const index = indexes[which] as RecordIndex;
  const page = loops.walkPages(walk, from, to, laneOf(area, which), index.count) >>> 0;
  index.count = window.u32[(walk + WALK.listed) >>> 2] as number;
  return page;
}

function walkLane(walker: SliceWalker, walk: Walk, which: number, from: number): LanePart {
  const { plan, lanes, isCounting } = walker;
  const { view, backwards } = walker.times[which] as WalkTimes;
  const { cpu, layout, offset } = lanes[which] as Lane;
  const { pageBytes } = layout;
  const pages = plan.pages[which] as Uint32Array;
  const gaps = gapState(which, cpu);
  forgetTimes(walker, which);
  const end = pages[walk.slice + 1] as number;
  const most = Math.max(1, Math.floor(STEP_BYTES / pageBytes));
  // Behind the page before the slice; what is only counted can be forgotten.
  let at = isCounting ? from : from + pageBytes;
  for (let page = pages[walk.slice] as number; page < end; page += most) {
    const step = Math.min(most, end - page);
    const got = readPages(walker, which, at, page, page + step);
    walkStep(walker, walk, gaps, { page, at, end: at + got });
    for (const damaged of walker.scan.damaged.splice(0)) {
      walk.damagedAt.push(offset + page * pageBytes + damaged - at);
    }
    if (!isCounting) at += step * pageBytes;
  }
  walker.scan.backwards += backwards[0] as number;
  return { ...gaps, firstTs: view[FIRST] as number };
}

type Step = { readonly page: number; readonly at: number; readonly end: number };

/** The pages of a lane that stand in [at, end), of which `page` is the first. */
function walkStep(walker: SliceWalker, walk: Walk, gaps: GapState, step: Step): void {
  const { plan, lanes } = walker;
  const { pageBytes, dataAt } = (lanes[gaps.lane] as Lane).layout;
  const { view } = walker.times[gaps.lane] as WalkTimes;
  const pages = plan.pages[gaps.lane] as Uint32Array;
  // Only the last page has records of later slices.
  const lastPage = step.at + ((pages[walk.slice + 1] as number) - 1 - step.page) * pageBytes;
  let { at } = step;
  while (at + dataAt <= step.end) {
    const start = at;
    const until = at < lastPage ? Math.min(step.end, lastPage) : step.end;
    // A gap needs the record that ends it.
    if (gaps.open === 0) at = walkPages(walker, gaps.lane, at, until);
    if (at > start) {
      gaps.lastTs = view[LAST] as number;
    } else {
      walkPage(walker, gaps, at, Math.min(step.end, at + pageBytes));
      at += pageBytes;
    }
    const isOutside =
      (view[FIRST] as number) < (plan.times[walk.slice] as number) ||
      (start < lastPage && gaps.lastTs >= (plan.times[walk.slice + 1] as number));
    if (isOutside) walk.inOrder = false;
  }
}

/** A page with more to it than records, by itself. */
function walkPage(walker: SliceWalker, gaps: GapState, at: number, pageEnd: number): void {
  const { window, page, watches, scanners, scan, isCounting } = walker;
  const { view } = walker.times[gaps.lane] as WalkTimes;
  page.count = 0;
  scanPages(scanners[gaps.lane] as PageScanner, window, at, pageEnd, page, scan);
  noteGaps(gaps, page, 0, scan);
  watchRecords(watches, page, 0, window.bytes);
  if (page.count === 0) return;
  if (Number.isNaN(view[LAST])) view[FIRST] = page.ts[0] as number;
  view[LAST] = gaps.lastTs;
  if (isCounting) countPage(walker.counts, page);
  else appendPage(walker.indexes[gaps.lane] as RecordIndex, page);
}

function countPage(counts: Int32Array, { id, count }: RecordIndex): void {
  for (let row = 0; row < count; row++) (counts[id[row] as number] as number)++;
}

function appendPage(index: RecordIndex, { ts, id, start, end, count }: RecordIndex): void {
  index.ts.set(ts.subarray(0, count), index.count);
  index.id.set(id.subarray(0, count), index.count);
  index.start.set(start.subarray(0, count), index.count);
  index.end.set(end.subarray(0, count), index.count);
  index.count += count;
}
