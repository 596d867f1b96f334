/**
 * Ring-buffer pages → where each record starts and when it was written. The kernel's layout
 * (include/linux/ring_buffer.h, `header_event` in the file): a 32-bit word of type_len:5 and
 * time_delta:27, then
 *
 *   type_len 1…28  data of type_len * 4 bytes        0   length in the next word, then the data
 *   29  padding: the page ends (time_delta 0), or a discarded record of the length that follows
 *   30  time extend: the next word holds the upper bits of the delta
 *   31  absolute time: the next word and time_delta are 59 bits of the time itself
 *
 * A page that breaks these rules ends there; the records before it are kept.
 */
import { TWO_32 } from '../../../src/trace/column.ts';
import type { ByteWindow } from '../../decode/record-window.ts';
import type { PageLayout } from './header.ts';

/** A 64-bit time in halves, so that no BigInt is made per page. */
export type SplitTime = { readonly high: number; readonly low: number };

/** Records of one CPU in the order of writing, growing; reused from window to window. */
export type RecordIndex = {
  count: number;
  ts: Float64Array;
  id: Uint16Array;
  start: Uint32Array;
  end: Uint32Array;
};

export type PageLoss = {
  /** Index of the first record after the gap. */
  readonly record: number;
  readonly count: number | undefined;
};

export type ScanResult = {
  readonly losses: PageLoss[];
  /** Byte positions (in the window) of pages that break the rules. */
  readonly damaged: number[];
  /** Records shorter than their format, and those without one, by event id. */
  readonly short: Map<number, number>;
  readonly unknown: Map<number, number>;
  backwards: number;
};

export type PageScanner = {
  readonly layout: PageLayout;
  readonly littleEndian: boolean;
  readonly base: SplitTime;
  /** Smallest record of each event id; -1 where the file has no format for it. */
  readonly minSize: Int32Array;
  /** Reads all pages as those of other byte orders are read; only tests ask for it. */
  readonly isPlain?: boolean;
};

export const PADDING = 29;
export const TIME_EXTEND = 30;
const TIME_STAMP = 31;
export const TWO_27 = 134217728;
const TWO_59 = 2 ** 59;
const MISSED_EVENTS = 0x80000000;
const MISSED_STORED = 0x40000000;
const COMMIT_MASK = 0x0fffffff;

export function emptyIndex(capacity: number): RecordIndex {
  return {
    count: 0,
    ts: new Float64Array(capacity),
    id: new Uint16Array(capacity),
    start: new Uint32Array(capacity),
    end: new Uint32Array(capacity),
  };
}

function grow(index: RecordIndex, room: number): void {
  const bigger = emptyIndex(Math.max(room, index.ts.length * 2));
  bigger.ts.set(index.ts);
  bigger.id.set(index.id);
  bigger.start.set(index.start);
  bigger.end.set(index.end);
  Object.assign(index, bigger, { count: index.count });
}

export function emptyScan(): ScanResult {
  return { losses: [], damaged: [], short: new Map(), unknown: new Map(), backwards: 0 };
}

/** Time stamp in a page's first eight bytes. */
export function pageTime(view: DataView, at: number, littleEndian: boolean): SplitTime {
  const first = view.getUint32(at, littleEndian);
  const second = view.getUint32(at + 4, littleEndian);
  return littleEndian ? { high: second, low: first } : { high: first, low: second };
}

export function timeSince(time: SplitTime, base: SplitTime): number {
  return (time.high - base.high) * TWO_32 + (time.low - base.low);
}

/** Appends the records of all pages in [from, to) of the window to `index`. */
export function scanPages(
  scanner: PageScanner,
  window: ByteWindow,
  from: number,
  to: number,
  index: RecordIndex,
  result: ScanResult,
): void {
  const { pageBytes, dataAt } = scanner.layout;
  for (let page = from; page + dataAt <= to; page += pageBytes) {
    scanPage(scanner, window, page, Math.min(to, page + pageBytes), index, result);
  }
}

/** The smallest record: a word for length and time, one for the data. */
const MIN_RECORD_BYTES = 8;

function scanPage(
  scanner: PageScanner,
  window: ByteWindow,
  page: number,
  pageEnd: number,
  index: RecordIndex,
  result: ScanResult,
): void {
  const { view } = window;
  const { littleEndian, layout, base } = scanner;
  const wideBigEndian = layout.commitBytes === 8 && !littleEndian;
  const commitWord = view.getUint32(page + layout.commitAt + (wideBigEndian ? 4 : 0), littleEndian);
  const dataEnd = page + layout.dataAt + (commitWord & COMMIT_MASK);
  if ((commitWord & MISSED_EVENTS) !== 0) {
    const isStored = (commitWord & MISSED_STORED) !== 0 && dataEnd + 4 <= pageEnd;
    const lowHalf = wideBigEndian && dataEnd + 8 <= pageEnd ? 4 : 0;
    const count = isStored ? view.getUint32(dataEnd + lowHalf, littleEndian) : undefined;
    result.losses.push({ record: index.count, count });
  }
  if (dataEnd > pageEnd) result.damaged.push(page);
  const room = index.count + Math.ceil((pageEnd - page) / MIN_RECORD_BYTES);
  if (room > index.ts.length) grow(index, room);
  const begin = page + layout.dataAt;
  const end = Math.min(dataEnd, pageEnd);
  const ts = timeSince(pageTime(view, page, littleEndian), base);
  const isWhole =
    littleEndian && scanner.isPlain !== true
      ? scanWords(scanner, window.u32, begin >>> 2, end >>> 2, ts, index, result)
      : scanRecords(scanner, view, begin, end, ts, index, result);
  if (!isWhole && dataEnd <= pageEnd) result.damaged.push(page);
}

/**
 * The hot loop: one turn per record of the trace. It is scanRecords() for little-endian pages,
 * whose records all begin at whole words, with places counted in words.
 */
function scanWords(
  scanner: PageScanner,
  words: Uint32Array,
  begin: number,
  end: number,
  pageTs: number,
  index: RecordIndex,
  result: ScanResult,
): boolean {
  const { minSize } = scanner;
  let { count } = index;
  const { ts: times, id: ids, start: starts, end: ends } = index;
  let last = count > 0 ? (times[count - 1] as number) : Number.NEGATIVE_INFINITY;
  let ts = pageTs;
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
        else ts = absoluteTime(extra, word >>> 5, ts, scanner.base);
        at = data + 1;
        continue;
      }
      // Lengths that are no whole words end the page, as one beyond its end does.
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
        if (ts < last) result.backwards++;
        last = ts;
        times[count] = ts;
        ids[count] = id;
        starts[count] = data << 2;
        ends[count] = next << 2;
        count++;
      } else {
        reject(id, least, result);
      }
    }
    at = next;
  }
  index.count = count;
  return isWhole;
}

/** The same for pages of either byte order. False when the records do not add up. */
function scanRecords(
  scanner: PageScanner,
  view: DataView,
  begin: number,
  end: number,
  pageTs: number,
  index: RecordIndex,
  result: ScanResult,
): boolean {
  const { littleEndian, minSize, base } = scanner;
  let ts = pageTs;
  let at = begin;
  while (at + 4 <= end) {
    const word = view.getUint32(at, littleEndian);
    const typeLength = littleEndian ? word & 31 : word >>> 27;
    const delta = littleEndian ? word >>> 5 : word & 0x7ffffff;
    let data = at + 4;
    let next: number;
    if (typeLength > 0 && typeLength < PADDING) {
      next = data + typeLength * 4;
    } else {
      // A null event ends the page: nothing else has padding without a time delta.
      if (typeLength === PADDING && delta === 0) return true;
      if (data + 4 > end) return false;
      const extra = view.getUint32(data, littleEndian);
      if (typeLength === TIME_EXTEND) {
        ts += extra * TWO_27 + delta;
        at = data + 4;
        continue;
      }
      if (typeLength === TIME_STAMP) {
        ts = absoluteTime(extra, delta, ts, base);
        at = data + 4;
        continue;
      }
      // A length counts itself and whole words; anything else would put later records askew.
      if (extra < 4 || (extra & 3) !== 0) return false;
      next = data + extra;
      data += 4;
    }
    if (next > end) return false;
    ts += delta;
    if (typeLength !== PADDING && next - data >= 2) {
      addRecord(minSize, view.getUint16(data, littleEndian), ts, data, next, index, result);
    }
    at = next;
  }
  return true;
}

function addRecord(
  minSize: Int32Array,
  id: number,
  ts: number,
  start: number,
  end: number,
  index: RecordIndex,
  result: ScanResult,
): void {
  const least = minSize[id] as number;
  if (end - start < least || least < 0) {
    reject(id, least, result);
    return;
  }
  const row = index.count;
  if (row > 0 && ts < (index.ts[row - 1] as number)) result.backwards++;
  index.ts[row] = ts;
  index.id[row] = id;
  index.start[row] = start;
  index.end[row] = end;
  index.count = row + 1;
}

export function reject(id: number, least: number, result: ScanResult): void {
  const tally = least < 0 ? result.unknown : result.short;
  tally.set(id, (tally.get(id) ?? 0) + 1);
}

/** 59 bits of absolute time; the upper five are those of the time so far (ring_buffer.c). */
export function absoluteTime(extra: number, delta: number, now: number, base: SplitTime): number {
  const low = (((extra & 31) << 27) | delta) >>> 0;
  const high = (extra >>> 5) - (base.high & 0x7ffffff);
  const ts = high * TWO_32 + (low - base.low);
  // Rolled over since the base was taken: the upper half has grown by 27 bits.
  return ts < now - TWO_59 / 2 ? (high + TWO_27) * TWO_32 + (low - base.low) : ts;
}
