/**
 * Counts the records of pages without remembering where each is: 5 ns for a record instead of 40.
 * Only for pages that need no more than that: in the usual byte order, without a gap before them.
 * The walk takes typed arrays and one object that lives as long as the thread: with objects made
 * for each stretch of pages it was compiled ten times in one run.
 */
import type { ByteWindow } from '../../decode/record-window.ts';
import { noteBelowZero, type Watches } from './below-zero.ts';
import type { PageLayout } from './header.ts';
import {
  absoluteTime,
  PADDING,
  type PageScanner,
  pageTime,
  reject,
  type ScanResult,
  TIME_EXTEND,
  TWO_27,
  timeSince,
} from './pages.ts';

/** What walks over pages have counted; one for each thread. */
export type PageTally = {
  readonly scanner: Omit<PageScanner, 'layout'>;
  readonly window: ByteWindow;
  readonly watches: Watches;
  /** Records by event id. */
  readonly counts: Int32Array;
  /** Of the lane at hand: times of the first record and of the last one, NaN before; steps back. */
  readonly lane: Float64Array;
  /** What else the slice's pages tell. */
  scan: ScanResult;
};

export const FIRST_TS = 0;
export const LAST_TS = 1;
const BACKWARDS = 2;

/** Bits of a page's length that say that events are missing before it. */
const MISSED_EVENTS = 0xc0000000;
const COMMIT_MASK = 0x0fffffff;

export function startLane({ lane }: PageTally): void {
  lane[FIRST_TS] = Number.NaN;
  lane[LAST_TS] = Number.NaN;
  lane[BACKWARDS] = 0;
}

export function endLane({ lane, scan }: PageTally): void {
  scan.backwards += lane[BACKWARDS] as number;
}

/** False, and nothing is counted, where the page needs scanPages(). */
export function countPage(
  tally: PageTally,
  layout: PageLayout,
  page: number,
  pageEnd: number,
): boolean {
  const { scanner, window, watches } = tally;
  if (!scanner.littleEndian || scanner.isPlain === true || !watches.areWords) return false;
  const { view } = window;
  const commitWord = view.getUint32(page + layout.commitAt, true);
  const begin = page + layout.dataAt;
  const end = begin + (commitWord & COMMIT_MASK);
  if ((commitWord & MISSED_EVENTS) !== 0 || end > pageEnd) return false;
  const ts = timeSince(pageTime(view, page, true), scanner.base);
  const { counts, lane } = tally;
  const { minSize } = scanner;
  const { isWatched } = watches;
  const isWhole = countWords(
    window.u32,
    begin >>> 2,
    end >>> 2,
    ts,
    minSize,
    counts,
    lane,
    isWatched,
    tally,
  );
  if (!isWhole) tally.scan.damaged.push(page);
  return true;
}

/** The hot loop: the walk of scanWords() in pages.ts, which says more. */
function countWords(
  words: Uint32Array,
  begin: number,
  end: number,
  pageTs: number,
  minSize: Int32Array,
  counts: Int32Array,
  lane: Float64Array,
  isWatched: Uint8Array,
  tally: PageTally,
): boolean {
  let ts = pageTs;
  let last = lane[LAST_TS] as number;
  let at = begin;
  let isWhole = true;
  while (at < end) {
    const word = words[at] as number;
    const typeLength = word & 31;
    let data = at + 1;
    let next = data + typeLength;
    if (typeLength === 0 || typeLength >= PADDING) {
      if (typeLength === PADDING && word >>> 5 === 0) break;
      if (data >= end) {
        isWhole = false;
        break;
      }
      const extra = words[data] as number;
      if (typeLength >= TIME_EXTEND) {
        if (typeLength === TIME_EXTEND) ts += extra * TWO_27 + (word >>> 5);
        else ts = absoluteTime(extra, word >>> 5, ts, tally.scanner.base);
        at = data + 1;
        continue;
      }
      next = extra < 4 || (extra & 3) !== 0 ? end + 1 : data + (extra >>> 2);
      data++;
    }
    if (next > end) {
      isWhole = false;
      break;
    }
    ts += word >>> 5;
    if (next > data && typeLength !== PADDING) {
      const id = (words[data] as number) & 0xffff;
      const least = minSize[id] as number;
      if (least >= 0 && (next - data) << 2 >= least) {
        // Before the first record there is no time, and nothing is less than that.
        if (!(ts >= last)) noteStep(lane, ts, last);
        last = ts;
        (counts[id] as number)++;
        if (isWatched[id] !== 0) watchWords(tally, words, data, id, ts);
      } else {
        reject(id, least, tally.scan);
      }
    }
    at = next;
  }
  lane[LAST_TS] = last;
  return isWhole;
}

function noteStep(lane: Float64Array, ts: number, last: number): void {
  if (Number.isNaN(last)) lane[FIRST_TS] = ts;
  else (lane[BACKWARDS] as number)++;
}

/** All signs of a record at once; hardly ever is one set. */
function watchWords(
  { watches }: PageTally,
  words: Uint32Array,
  data: number,
  id: number,
  ts: number,
): void {
  const { firstSign, endSign, signWords } = watches;
  const end = endSign[id] as number;
  let signs = 0;
  for (let at = firstSign[id] as number; at < end; at++) {
    signs |= words[data + (signWords[at] as number)] as number;
  }
  if (signs < 0) noteBelowZero(watches, words, data, id, ts);
}
