/**
 * Bytes → samples → columns, in windows of bounded size: the window is filled and scanned, the
 * columns of its samples are read, and only what belongs to an unfinished record is kept. There are
 * two lanes: the file's own records, and those that come out of compressed ones.
 */
import {
  addToBatch,
  BATCH_ROWS,
  type EventBuilder,
  makeRoom,
  readRecords,
} from '../../decode/event-tables.ts';
import { type ByteWindow, byteWindow } from '../../decode/record-window.ts';
import type { TimeSpan } from '../../decode/restore-order.ts';
import { orderByTime } from '../../decode/time-order.ts';
import {
  findRecords,
  makeIndex,
  RECORD_HEADER_BYTES,
  type SampleIndex,
  type Scanner,
  STOP_DAMAGED,
  STOP_END,
  STOP_FULL,
  STOP_UNALIGNED,
  scanRecords,
} from './records.ts';
import type { EventRegistry } from './registry.ts';

/** What the lanes add to. */
export type Collected = {
  readonly registry: EventRegistry;
  seq: number;
  /** The part of the input that was read so far. */
  shareRead: number;
  /** The same before the window at hand. */
  shareBefore: number;
  firstTime: number;
  lastTime: number;
  /** Times in which a window overlaps those before it. */
  readonly overlaps: TimeSpan[];
};

export type Lane = {
  readonly window: ByteWindow;
  readonly scanner: Scanner;
  /** Bytes in the window, and where the first unread record begins. */
  filled: number;
  at: number;
  /** Place of the window's first byte in the file; undefined for unpacked bytes. */
  origin: number | undefined;
};

export type LaneParts = Pick<Scanner, 'clock' | 'kindOf' | 'known' | 'state'> & {
  readonly littleEndian: boolean;
  readonly onRecord: (lane: Lane, type: number, at: number, end: number) => boolean;
};

/** The smallest sample has 32 bytes, but most have over 64: more of them are read in two goes. */
const BYTES_PER_SAMPLE = 64;
const MIN_SAMPLES = 64;
/** What a window must hold at least: a record has up to 65,535 bytes. */
const MIN_WINDOW_BYTES = 1 << 17;

export function makeLane(windowBytes: number, parts: LaneParts): Lane {
  const bytes = Math.ceil(Math.max(windowBytes, MIN_WINDOW_BYTES) / 8) * 8;
  const window = byteWindow(new Uint8Array(bytes), parts.littleEndian);
  const { littleEndian, clock, kindOf, known, state } = parts;
  const lane: Lane = {
    window,
    filled: 0,
    at: 0,
    origin: undefined,
    scanner: {
      view: window.view,
      u32: window.u32,
      littleEndian,
      index: makeIndex(Math.max(MIN_SAMPLES, Math.ceil(bytes / BYTES_PER_SAMPLE))),
      clock,
      kindOf,
      known,
      state,
      onRecord: (type, at, end) => parts.onRecord(lane, type, at, end),
    },
  };
  return lane;
}

/** Where in the file the unread bytes begin, for messages. */
export function placeOf(lane: Lane): { offset?: number } {
  return lane.origin === undefined ? {} : { offset: lane.origin + lane.at };
}

/**
 * Scans what is in the window up to a record that `onRecord` refuses (true) or to the end (false).
 * `onDamage` is told of each place where the bytes stop being records.
 */
export function scanLane(collected: Collected, lane: Lane, onDamage: () => void): boolean {
  for (;;) {
    const stop = scanRecords(lane.scanner, lane.at, lane.filled);
    lane.at = stop.at;
    switch (stop.why) {
      case STOP_END:
        return false;
      case STOP_FULL:
        readColumns(collected, lane);
        break;
      case STOP_UNALIGNED:
        align(collected, lane);
        break;
      case STOP_DAMAGED:
        onDamage();
        lane.at = findRecords(lane.scanner, lane.at + 4, lane.filled);
        break;
      default:
        return true;
    }
  }
}

/** Moves the unread bytes to a multiple of 4. */
function align(collected: Collected, lane: Lane): void {
  readColumns(collected, lane);
  const by = lane.at & 3;
  lane.window.bytes.copyWithin(lane.at - by, lane.at, lane.filled);
  lane.at -= by;
  lane.filled -= by;
  if (lane.origin !== undefined) lane.origin += by;
}

/** Bytes of the record that begins at `lane.at`. */
export function recordBytes({ window, at }: Lane): number {
  return window.view.getUint16(at + RECORD_HEADER_BYTES - 2, window.littleEndian);
}

/** Reads the columns of what was scanned and moves the unread rest to the window's beginning. */
export function emptyLane(collected: Collected, lane: Lane): void {
  readColumns(collected, lane);
  lane.window.bytes.copyWithin(0, lane.at, lane.filled);
  if (lane.origin !== undefined) lane.origin += lane.at;
  lane.filled -= lane.at;
  lane.at = 0;
}

/**
 * Reads the columns of the samples in order of time, some thousand at a time: each column is a walk
 * over their records, which are then still in the processor's cache.
 */
function readColumns(collected: Collected, { scanner, window }: Lane): void {
  const { index } = scanner;
  const { count, time } = index;
  if (count === 0) return;
  const order = orderByTime(index);
  const first = time[order === undefined ? 0 : (order[0] as number)] as number;
  const last = time[order === undefined ? count - 1 : (order[count - 1] as number)] as number;
  // Equal times also need sorting: the CPU settles them.
  if (first <= collected.lastTime) collected.overlaps.push([first, collected.lastTime]);
  collected.firstTime = Math.min(collected.firstTime, first);
  collected.lastTime = Math.max(collected.lastTime, last);
  for (let from = 0; from < count; from += BATCH_ROWS) {
    const to = Math.min(count, from + BATCH_ROWS);
    readBatch(collected, window, index, order, from, to);
  }
  index.count = 0;
}

function readBatch(
  collected: Collected,
  window: ByteWindow,
  index: SampleIndex,
  order: Uint32Array | undefined,
  from: number,
  to: number,
): void {
  const { registry, shareBefore, shareRead } = collected;
  const { builders } = registry;
  const share = shareBefore + ((shareRead - shareBefore) * to) / index.count;
  for (let place = from; place < to; place++) {
    const row = order === undefined ? place : (order[place] as number);
    addToBatch(builders[index.table[row] as number] as EventBuilder, row, place);
  }
  const firstSeq = collected.seq - from;
  collected.seq += to - from;
  for (const builder of builders) {
    if (builder.count === 0) continue;
    makeRoom(builder, share);
    copyBase(builder, index, firstSeq);
    readRecords(builder, window, share);
  }
}

/** The values that every table has, one loop for each. */
function copyBase(builder: EventBuilder, index: SampleIndex, firstSeq: number): void {
  const { rows, places, start, end, firstRow: to, count } = builder;
  pick(builder.ts.array, to, index.time, rows, count);
  pickCpus(builder.cpu.array, to, index.cpu, rows, count);
  pickTids(builder.pid.array, to, index.tid, rows, count);
  pickPlaces(start, index.start, rows, count);
  pickPlaces(end, index.end, rows, count);
  const seq = builder.seq.array;
  for (let i = 0; i < count; i++) seq[to + i] = firstSeq + (places[i] as number);
}

type Rows = Uint32Array;

// out[to + i] = values[rows[i]]: four times, so that each has one type of array.

function pick(out: Float64Array, to: number, values: Float64Array, rows: Rows, count: number) {
  for (let i = 0; i < count; i++) out[to + i] = values[rows[i] as number] as number;
}

function pickCpus(out: Uint16Array, to: number, values: Uint16Array, rows: Rows, count: number) {
  for (let i = 0; i < count; i++) out[to + i] = values[rows[i] as number] as number;
}

function pickTids(out: Int32Array, to: number, values: Int32Array, rows: Rows, count: number) {
  for (let i = 0; i < count; i++) out[to + i] = values[rows[i] as number] as number;
}

function pickPlaces(out: Uint32Array, values: Uint32Array, rows: Rows, count: number) {
  for (let i = 0; i < count; i++) out[i] = values[rows[i] as number] as number;
}
