/**
 * The per-CPU page streams of a file, read through one window of bounded size. In each round every
 * CPU's region is filled and scanned; records up to the horizon (before which no CPU can have
 * unread ones) are handed out in order of time, the rest is carried into the next round. So memory
 * does not grow with the file, and small files fit in one round.
 */

import { FormatError } from '../../../src/trace/errors.ts';
import type { ByteSource } from '../../bytes/source.ts';
import { type ByteWindow, byteWindow } from '../../decode/record-window.ts';
import { type Watches, watchRecords } from './below-zero.ts';
import { type GapState, gapState, noteGaps } from './gaps.ts';
import type { CpuData, Instance, PageLayout } from './header.ts';
import { emptyRuns, mergeLanes, type RunList } from './merge-lanes.ts';
import {
  emptyIndex,
  emptyScan,
  type PageScanner,
  pageTime,
  type RecordIndex,
  type ScanResult,
  type SplitTime,
  scanPages,
  timeSince,
} from './pages.ts';

/**
 * All regions together. Small enough for the processor's cache, because every column of a batch is
 * a walk over it: 3.3 M events took 0.74 s with 1 MiB, 0.85 s with 4 MiB, 1.14 s with 64 MiB.
 */
const WINDOW_BYTES = 1 << 20;
/** One for each CPU of each buffer; each has memory of its own. */
const MAX_STREAMS = 1 << 14;

/** Whose pages a stream has, and where they lie. */
export type Lane = {
  readonly cpu: number;
  readonly instance: string;
  readonly layout: PageLayout;
  readonly source: ByteSource;
  readonly offset: number;
  readonly size: number;
  readonly packed?: CpuData['packed'];
};

type Stream = {
  readonly lane: Lane;
  readonly scanner: PageScanner;
  readonly regionFrom: number;
  readonly regionTo: number;
  /** End of the valid bytes in the region. */
  filledTo: number;
  fileAt: number;
  readonly fileEnd: number;
  readonly index: RecordIndex;
  readonly gaps: GapState;
};

export type Batch = {
  readonly window: ByteWindow;
  /** Per stream: its records. */
  readonly indexes: readonly RecordIndex[];
  /** How many records of each stream belong to this batch, from its beginning. */
  readonly taken: readonly number[];
  /** The same in order of time. */
  readonly runs: RunList;
};

export type PageStreams = {
  readonly streams: readonly Stream[];
  readonly window: ByteWindow;
  readonly scan: ScanResult;
  readonly watches: Watches | undefined;
  /** Byte offsets in the file of pages that break the format. */
  readonly damagedAt: number[];
  readonly totalBytes: number;
  readonly runs: RunList;
};

/** Absolute time of the earliest page, from which all others are counted. */
export function earliestPage(cpus: readonly CpuData[], littleEndian: boolean): SplitTime {
  let best: SplitTime | undefined;
  for (const { source, offset, size } of cpus) {
    const head = new Uint8Array(8);
    if (size < 8 || source.readInto(head, offset) < 8) continue;
    const time = pageTime(new DataView(head.buffer), 0, littleEndian);
    // Zeros stand where packed pages could not be unpacked.
    if (time.high === 0 && time.low === 0) continue;
    if (best === undefined || timeSince(time, best) < 0) best = time;
  }
  return best ?? { high: 0, low: 0 };
}

/** The CPUs with data, of all buffers. */
export function lanesOf(instances: readonly Instance[]): Lane[] {
  const lanes = instances.flatMap(({ name, layout, cpus }) =>
    cpus.filter(({ size }) => size > 0).map((data) => ({ ...data, instance: name, layout })),
  );
  if (lanes.length > MAX_STREAMS) throw new FormatError(`${lanes.length} buffers with data`);
  return lanes;
}

export type StreamOptions = {
  /** What all pages have in common, whatever buffer they are of. */
  readonly scanner: Omit<PageScanner, 'layout'>;
  readonly windowBytes?: number | undefined;
  readonly watches?: Watches;
};

export function openStreams(lanes: readonly Lane[], options: StreamOptions): PageStreams {
  const { scanner, windowBytes = WINDOW_BYTES } = options;
  const memory = makeMemory(lanes, windowBytes, scanner.littleEndian);
  const streams = lanes.map((lane, which): Stream => {
    const { layout, offset, size } = lane;
    const { from, to } = memory.regions[which] as Memory['regions'][number];
    const index = memory.indexes[which] as RecordIndex;
    index.count = 0;
    return {
      lane,
      scanner: { ...scanner, layout },
      regionFrom: from,
      regionTo: to,
      filledTo: from,
      fileAt: offset,
      fileEnd: offset + size,
      index,
      gaps: gapState(which, lane.cpu),
    };
  });
  return {
    streams,
    window: memory.window,
    scan: emptyScan(),
    watches: options.watches,
    damagedAt: [],
    totalBytes: lanes.reduce((sum, { size }) => sum + size, 0),
    runs: emptyRuns(),
  };
}

/** Of each lane: where its pages go, and the list of their records. */
type Memory = {
  readonly window: ByteWindow;
  readonly regions: readonly { readonly from: number; readonly to: number }[];
  readonly indexes: readonly RecordIndex[];
};

function makeMemory(lanes: readonly Lane[], windowBytes: number, littleEndian: boolean): Memory {
  const share = windowBytes / Math.max(1, lanes.length);
  let at = 0;
  const regions = lanes.map(({ layout, size }) => {
    const from = at;
    const limit = Math.max(16, Math.floor(share / layout.pageBytes)) * layout.pageBytes;
    // Regions begin at whole words, as the aliases of the window do.
    at += Math.min(limit, Math.ceil(size / 8) * 8);
    return { from, to: at };
  });
  const indexes = regions.map(({ from, to }) =>
    emptyIndex(Math.max(64, Math.floor((to - from) / 48))),
  );
  return { window: byteWindow(new Uint8Array(at), littleEndian), regions, indexes };
}

/** The next records in order of time; undefined at the end. Valid until the next call. */
export function nextBatch(all: PageStreams): Batch | undefined {
  for (const stream of all.streams) fill(all, stream);
  const taken = takeUpToHorizon(all.streams);
  if (taken.every((count) => count === 0)) return undefined;
  const { window, runs } = all;
  const indexes = all.streams.map((stream) => stream.index);
  mergeLanes(indexes, taken, runs);
  return { window, indexes, taken, runs };
}

/** Forgets the records of a batch and moves what is left to the front of the regions. */
export function consume(all: PageStreams, batch: Batch): void {
  all.streams.forEach((stream, which) => {
    carry(all, stream, batch.taken[which] ?? 0);
  });
}

function fill(all: PageStreams, stream: Stream): void {
  const { index, lane } = stream;
  while (stream.fileAt < stream.fileEnd && stream.filledTo < stream.regionTo) {
    const from = stream.filledTo;
    const wanted = Math.min(stream.regionTo - from, stream.fileEnd - stream.fileAt);
    const part = all.window.bytes.subarray(from, from + wanted);
    const got = lane.source.readInto(part, stream.fileAt);
    if (got === 0) {
      stream.fileAt = stream.fileEnd;
      return;
    }
    const { fileAt } = stream;
    stream.fileAt += got;
    stream.filledTo = from + got;
    scan(all, stream, from, fileAt);
    // Nothing but empty pages: make room and go on, or this CPU would hold up all others.
    if (index.count === 0) stream.filledTo = stream.regionFrom;
  }
}

function scan(all: PageStreams, stream: Stream, from: number, fileAt: number): void {
  const { index, scanner, gaps } = stream;
  const before = index.count;
  scanPages(scanner, all.window, from, stream.filledTo, index, all.scan);
  noteGaps(gaps, index, before, all.scan);
  for (const at of all.scan.damaged.splice(0)) all.damagedAt.push(fileAt + at - from);
  if (all.watches !== undefined) watchRecords(all.watches, index, before, all.window.bytes);
}

/**
 * How many records of each stream come before anything that is still unread. The stream whose last
 * record is earliest sets the horizon; ties are settled by the order of streams.
 */
function takeUpToHorizon(streams: readonly Stream[]): number[] {
  let horizon = Number.POSITIVE_INFINITY;
  let setter = streams.length;
  streams.forEach((stream, which) => {
    if (stream.fileAt >= stream.fileEnd || stream.index.count === 0) return;
    const last = stream.index.ts[stream.index.count - 1] as number;
    if (last < horizon) {
      horizon = last;
      setter = which;
    }
  });
  return streams.map(({ index }, which) => {
    if (which === setter || horizon === Number.POSITIVE_INFINITY) return index.count;
    return countUpTo(index, horizon, which < setter);
  });
}

/** Records before a time, or up to and with it. */
export function countUpTo(index: RecordIndex, time: number, inclusive: boolean): number {
  let low = 0;
  let high = index.count;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const ts = index.ts[middle] as number;
    if (ts < time || (inclusive && ts === time)) low = middle + 1;
    else high = middle;
  }
  return low;
}

function carry(all: PageStreams, stream: Stream, taken: number): void {
  const { index, regionFrom } = stream;
  // Nothing to move: a CPU that was idle for a while waits with a full region.
  if (taken === 0) return;
  if (taken === index.count) {
    index.count = 0;
    stream.filledTo = regionFrom;
    return;
  }
  const { pageBytes } = stream.scanner.layout;
  const first = (index.start[taken] as number) - regionFrom;
  const shift = Math.floor(first / pageBytes) * pageBytes;
  all.window.bytes.copyWithin(regionFrom, regionFrom + shift, stream.filledTo);
  dropRows(index, taken, shift);
  stream.filledTo -= shift;
}

/** Forgets the first records; the bytes of the others were moved down by `shift`. */
function dropRows(index: RecordIndex, rows: number, shift: number): void {
  const { ts, id, start, end, count } = index;
  ts.copyWithin(0, rows, count);
  id.copyWithin(0, rows, count);
  moveDown(start, rows, count, shift);
  moveDown(end, rows, count, shift);
  index.count = count - rows;
}

/** Apart, because a loop over an object's arrays was compiled for the object and thrown away. */
function moveDown(places: Uint32Array, from: number, to: number, shift: number): void {
  for (let row = from; row < to; row++) places[row - from] = (places[row] as number) - shift;
}
