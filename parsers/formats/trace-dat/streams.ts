/**
 * The per-CPU page streams of a file, read through one window of bounded size. In each round every
 * CPU's region is filled and scanned; records up to the horizon (before which no CPU can have
 * unread ones) are handed out in order of time, the rest is carried into the next round. So memory
 * does not grow with the file, and most files fit in one round.
 */

import { FormatError } from '../../../src/trace/errors.ts';
import { type MergeInput, mergeRuns } from '../../../src/trace/merge.ts';
import type { ByteSource } from '../../bytes/source.ts';
import { type ByteWindow, byteWindow } from '../../decode/record-window.ts';
import type { CpuData, Instance } from './header.ts';
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

export type Gap = {
  /** The stream's place among all, and its CPU. */
  readonly lane: number;
  readonly cpu: number;
  readonly fromTs: number;
  ts: number;
  count: number | undefined;
};

type Stream = Lane & {
  readonly source: ByteSource;
  readonly scanner: PageScanner;
  readonly regionFrom: number;
  readonly regionTo: number;
  /** End of the valid bytes in the region. */
  filledTo: number;
  fileAt: number;
  readonly fileEnd: number;
  readonly index: RecordIndex;
  lastTs: number;
  /** Gaps after which no record has come yet. */
  readonly openGaps: Gap[];
};

/** Whose pages a stream has. */
export type Lane = { readonly cpu: number; readonly instance: string };

export type Batch = {
  readonly window: ByteWindow;
  /** Per stream: its records; `runs` says which of them, in order of time. */
  readonly indexes: readonly RecordIndex[];
  /** How many records of each stream belong to this batch, from its beginning. */
  readonly taken: readonly number[];
  readonly runs: (emit: (stream: number, from: number, to: number) => void) => void;
};

export type PageStreams = {
  readonly streams: readonly Stream[];
  readonly window: ByteWindow;
  readonly scan: ScanResult;
  readonly gaps: Gap[];
  /** Byte offsets in the file of pages that break the format. */
  readonly damagedAt: number[];
  readonly totalBytes: number;
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

/** `scanner`: all that its pages have in common, whatever buffer they are of. */
export function openStreams(
  instances: readonly Instance[],
  scanner: Omit<PageScanner, 'layout'>,
  windowBytes = WINDOW_BYTES,
): PageStreams {
  const filled = instances.flatMap(({ name, layout, cpus }) =>
    cpus.filter(({ size }) => size > 0).map((data) => ({ ...data, instance: name, layout })),
  );
  if (filled.length > MAX_STREAMS) throw new FormatError(`${filled.length} buffers with data`);
  const share = windowBytes / Math.max(1, filled.length);
  let at = 0;
  const streams = filled.map(({ cpu, instance, source, offset, size, layout }): Stream => {
    const regionFrom = at;
    const limit = Math.max(16, Math.floor(share / layout.pageBytes)) * layout.pageBytes;
    // Regions begin at whole words, as the aliases of the window do.
    at += Math.min(limit, Math.ceil(size / 8) * 8);
    const index = emptyIndex(Math.max(64, Math.floor((at - regionFrom) / 48)));
    return {
      cpu,
      instance,
      source,
      scanner: { ...scanner, layout },
      regionFrom,
      regionTo: at,
      filledTo: regionFrom,
      fileAt: offset,
      fileEnd: offset + size,
      index,
      lastTs: 0,
      openGaps: [],
    };
  });
  return {
    streams,
    window: byteWindow(new Uint8Array(at), scanner.littleEndian),
    scan: emptyScan(),
    gaps: [],
    damagedAt: [],
    totalBytes: filled.reduce((sum, { size }) => sum + size, 0),
  };
}

/** The next records in order of time; undefined at the end. Valid until the next call. */
export function nextBatch(all: PageStreams): Batch | undefined {
  for (let lane = 0; lane < all.streams.length; lane++) fill(all, lane);
  const taken = takeUpToHorizon(all.streams);
  if (taken.every((count) => count === 0)) return undefined;
  return {
    window: all.window,
    indexes: all.streams.map((stream) => stream.index),
    taken,
    runs(emit) {
      const inputs: MergeInput[] = all.streams.map((stream, which) => ({
        keys: stream.index.ts,
        from: 0,
        to: taken[which] ?? 0,
      }));
      mergeRuns(inputs, emit);
    },
  };
}

/** Forgets the records of a batch and moves what is left to the front of the regions. */
export function consume(all: PageStreams, batch: Batch): void {
  all.streams.forEach((stream, which) => {
    carry(all, stream, batch.taken[which] ?? 0);
  });
}

function fill(all: PageStreams, lane: number): void {
  const stream = all.streams[lane] as Stream;
  const { index, source } = stream;
  while (stream.fileAt < stream.fileEnd && stream.filledTo < stream.regionTo) {
    const from = stream.filledTo;
    const wanted = Math.min(stream.regionTo - from, stream.fileEnd - stream.fileAt);
    const got = source.readInto(all.window.bytes.subarray(from, from + wanted), stream.fileAt);
    if (got === 0) {
      stream.fileAt = stream.fileEnd;
      return;
    }
    const fileAt = stream.fileAt;
    stream.fileAt += got;
    stream.filledTo = from + got;
    scan(all, lane, from, fileAt);
    // Nothing but empty pages: make room and go on, or this CPU would hold up all others.
    if (index.count === 0) stream.filledTo = stream.regionFrom;
  }
}

function scan(all: PageStreams, lane: number, from: number, fileAt: number): void {
  const stream = all.streams[lane] as Stream;
  const { index } = stream;
  const before = index.count;
  const lastTs = before > 0 ? (index.ts[before - 1] as number) : stream.lastTs;
  scanPages(stream.scanner, all.window.view, from, stream.filledTo, index, all.scan);
  if (index.count > before) {
    for (const gap of stream.openGaps.splice(0)) gap.ts = index.ts[before] as number;
  }
  for (const loss of all.scan.losses.splice(0)) {
    const next = loss.record < index.count ? index.ts[loss.record] : undefined;
    const fromTs = loss.record > before ? (index.ts[loss.record - 1] as number) : lastTs;
    const gap = { lane, cpu: stream.cpu, fromTs, ts: next ?? fromTs, count: loss.count };
    all.gaps.push(gap);
    if (next === undefined) stream.openGaps.push(gap);
  }
  for (const at of all.scan.damaged.splice(0)) all.damagedAt.push(fileAt + at - from);
  if (index.count > 0) stream.lastTs = index.ts[index.count - 1] as number;
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

function countUpTo(index: RecordIndex, horizon: number, inclusive: boolean): number {
  let low = 0;
  let high = index.count;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const ts = index.ts[middle] as number;
    if (ts < horizon || (inclusive && ts === horizon)) low = middle + 1;
    else high = middle;
  }
  return low;
}

function carry(all: PageStreams, stream: Stream, taken: number): void {
  const { index, regionFrom } = stream;
  const left = index.count - taken;
  if (left === 0) {
    index.count = 0;
    stream.filledTo = regionFrom;
    return;
  }
  const { pageBytes } = stream.scanner.layout;
  const first = (index.start[taken] as number) - regionFrom;
  const shift = Math.floor(first / pageBytes) * pageBytes;
  all.window.bytes.copyWithin(regionFrom, regionFrom + shift, stream.filledTo);
  stream.filledTo -= shift;
  index.ts.copyWithin(0, taken, index.count);
  index.id.copyWithin(0, taken, index.count);
  for (let row = 0; row < left; row++) {
    index.start[row] = (index.start[row + taken] as number) - shift;
    index.end[row] = (index.end[row + taken] as number) - shift;
  }
  index.count = left;
}
