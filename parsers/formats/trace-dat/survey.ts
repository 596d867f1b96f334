/**
 * The first of two walks over a slice: how many records of each event it has, so that memory of
 * exactly the right size can be made for the columns, and all that pages tell beside records.
 */
import { type ByteWindow, byteWindow } from '../../decode/record-window.ts';
import { type Watches, watchRecords } from './below-zero.ts';
import { countPage, endLane, FIRST_TS, LAST_TS, type PageTally, startLane } from './count-pages.ts';
import { type GapState, gapState, noteGaps } from './gaps.ts';
import {
  emptyIndex,
  emptyScan,
  type PageScanner,
  type RecordIndex,
  type ScanResult,
  scanPages,
} from './pages.ts';
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
  readonly window: ByteWindow;
  readonly index: RecordIndex;
  readonly scanners: readonly PageScanner[];
  readonly counts: Int32Array;
  readonly watches: Watches;
  readonly tally: PageTally;
};

export function makeSurveyor(plan: SlicePlan, watches: Watches): Surveyor {
  const { lanes, scanner } = plan;
  const largest = lanes.reduce((most, { layout }) => Math.max(most, layout.pageBytes), CHUNK_BYTES);
  const window = byteWindow(new Uint8Array(Math.ceil(largest / 8) * 8), scanner.littleEndian);
  const counts = new Int32Array(MAX_IDS);
  return {
    plan,
    lanes: lanes.map((lane) => openLane(lane, plan.name)),
    window,
    index: emptyIndex(1 << 12),
    scanners: lanes.map(({ layout }) => ({ ...scanner, layout })),
    counts,
    watches,
    tally: { scanner, window, watches, counts, lane: new Float64Array(3), scan: emptyScan() },
  };
}

type Walk = {
  readonly slice: number;
  readonly scan: ScanResult;
  damagedAt: number[];
  inOrder: boolean;
};

export function surveySlice(surveyor: Surveyor, slice: number): SliceSurvey {
  const { plan, lanes, counts } = surveyor;
  const walk: Walk = { slice, scan: emptyScan(), damagedAt: [], inOrder: true };
  counts.fill(0);
  surveyor.tally.scan = walk.scan;
  const parts = lanes.map((lane, which) => surveyLane(surveyor, walk, lane, which));
  const from = slice * MAX_IDS;
  for (const id of plan.ids) {
    if (counts[id] !== 0) Atomics.add(plan.counts, from + id, counts[id] as number);
  }
  const { short, unknown, backwards } = walk.scan;
  const { inOrder, damagedAt } = walk;
  return { slice, inOrder, parts, damagedAt, scan: { short, unknown, backwards } };
}

function surveyLane(surveyor: Surveyor, walk: Walk, lane: Lane, which: number): LanePart {
  const { plan, window, tally } = surveyor;
  const { pageBytes } = lane.layout;
  const pages = plan.pages[which] as Uint32Array;
  const step = Math.max(1, Math.floor(window.bytes.length / pageBytes));
  const gaps = gapState(which, lane.cpu);
  startLane(tally);
  const end = pages[walk.slice + 1] as number;
  for (let page = pages[walk.slice] as number; page < end; page += step) {
    const offset = lane.offset + page * pageBytes;
    const wanted = Math.min(
      Math.min(step, end - page) * pageBytes,
      lane.offset + lane.size - offset,
    );
    const got = lane.source.readInto(window.bytes.subarray(0, wanted), offset);
    surveyPages(surveyor, walk, gaps, page, got);
    for (const at of walk.scan.damaged.splice(0)) walk.damagedAt.push(offset + at);
  }
  endLane(tally);
  return { ...gaps, firstTs: tally.lane[FIRST_TS] as number };
}

/** The pages in the window, whose first one is `firstPage` of the lane. */
function surveyPages(
  surveyor: Surveyor,
  walk: Walk,
  gaps: GapState,
  firstPage: number,
  bytes: number,
): void {
  const { plan, tally, lanes } = surveyor;
  const { layout } = lanes[gaps.lane] as Lane;
  const { pageBytes, dataAt } = layout;
  const pages = plan.pages[gaps.lane] as Uint32Array;
  const from = plan.times[walk.slice] as number;
  const until = plan.times[walk.slice + 1] as number;
  const lastOwn = (pages[walk.slice + 1] as number) - 1;
  for (let at = 0, page = firstPage; at + dataAt <= bytes; at += pageBytes, page++) {
    const pageEnd = Math.min(bytes, at + pageBytes);
    // Only the last page has records of later slices; a gap needs the record that ends it.
    const isPlain = page < lastOwn && gaps.open === 0;
    if (isPlain && countPage(tally, layout, at, pageEnd)) {
      gaps.lastTs = tally.lane[LAST_TS] as number;
      const isOutside = gaps.lastTs >= until || (tally.lane[FIRST_TS] as number) < from;
      if (isOutside) walk.inOrder = false;
    } else {
      surveyPage(surveyor, walk, gaps, at, pageEnd, page);
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
  page: number,
): void {
  const { window, index, watches, tally, scanners } = surveyor;
  index.count = 0;
  scanPages(scanners[gaps.lane] as PageScanner, window, at, pageEnd, index, walk.scan);
  noteGaps(gaps, index, 0, walk.scan);
  watchRecords(watches, index, 0, window.bytes);
  if (index.count === 0) return;
  if (Number.isNaN(tally.lane[LAST_TS])) tally.lane[FIRST_TS] = index.ts[0] as number;
  tally.lane[LAST_TS] = gaps.lastTs;
  countRecords(surveyor, walk, gaps.lane, page);
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
