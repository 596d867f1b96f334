/**
 * Bytes → records, in windows of bounded size: the window is filled and scanned, what was found in
 * it is taken, and only what belongs to an unfinished record is kept.
 */
import { type ByteWindow, byteWindow } from '../../decode/record-window.ts';
import type { SampleLoops } from './loop-scanner.ts';
import {
  findRecords,
  STOP_DAMAGED,
  STOP_END,
  STOP_FULL,
  STOP_UNALIGNED,
  scanRecords,
} from './records.ts';
import { makeIndex, RECORD_HEADER_BYTES, type SampleIndex, type Scanner } from './samples.ts';

export type Lane = {
  readonly window: ByteWindow;
  readonly scanner: Scanner;
  /** Takes what was found since it was called last. */
  readonly take: (lane: Lane) => void;
  /** Bytes in the window, and where the first unread record begins. */
  filled: number;
  at: number;
  /** Place of the window's first byte in the file; undefined for unpacked bytes. */
  origin: number | undefined;
};

export type LaneParts = Pick<
  Scanner,
  'clock' | 'kindOf' | 'known' | 'state' | 'tally' | 'tasks'
> & {
  readonly littleEndian: boolean;
  /** What reads usual samples, in a window of its own. */
  readonly loops?: SampleLoops | undefined;
  /** The list of samples that they fill; without loops, one is made unless they are counted. */
  readonly index?: SampleIndex | undefined;
  readonly take: (lane: Lane) => void;
  readonly onRecord: (lane: Lane, type: number, at: number, end: number) => boolean;
};

/** The smallest sample of a tracepoint has 48 bytes: if more fit, they are read in two goes. */
const BYTES_PER_SAMPLE = 48;
const MIN_SAMPLES = 64;
/** What a window must hold at least: a record has up to 65,535 bytes. */
const MIN_WINDOW_BYTES = 1 << 17;

export function makeLane(windowBytes: number, parts: LaneParts): Lane {
  const { littleEndian, clock, kindOf, known, state, tally, tasks, take, loops } = parts;
  const bytes = laneBytes(windowBytes);
  const window = loops?.window ?? byteWindow(new Uint8Array(bytes), littleEndian);
  const isListed = tally === undefined || parts.index !== undefined;
  const samples = isListed ? Math.ceil(bytes / BYTES_PER_SAMPLE) : 0;
  const lane: Lane = {
    window,
    take,
    filled: 0,
    at: 0,
    origin: undefined,
    scanner: {
      view: window.view,
      bytes: window.bytes,
      u32: window.u32,
      littleEndian,
      index: parts.index ?? makeIndex(Math.max(MIN_SAMPLES, samples)),
      isListed,
      tally,
      loops,
      clock,
      kindOf,
      known,
      tasks,
      state,
      onRecord: (type, at, end) => parts.onRecord(lane, type, at, end),
    },
  };
  return lane;
}

/** A window that holds whole records. */
export function laneBytes(windowBytes: number): number {
  return Math.ceil(Math.max(windowBytes, MIN_WINDOW_BYTES) / 8) * 8;
}

/** Where in the file the unread bytes begin, for messages. */
export function placeOf(lane: Lane): { offset?: number } {
  return lane.origin === undefined ? {} : { offset: lane.origin + lane.at };
}

/**
 * Scans what is in the window up to a record that `onRecord` refuses (true) or to the end (false).
 * `onDamage` is told of each place where the bytes stop being records.
 */
export function scanLane(lane: Lane, onDamage: () => void): boolean {
  for (;;) {
    const stop = scanRecords(lane.scanner, lane.at, lane.filled);
    lane.at = stop.at;
    switch (stop.why) {
      case STOP_END:
        return false;
      case STOP_FULL:
        lane.take(lane);
        break;
      case STOP_UNALIGNED:
        align(lane);
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
function align(lane: Lane): void {
  lane.take(lane);
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

/** Takes what was found and moves the unread rest to the window's beginning. */
export function emptyLane(lane: Lane): void {
  lane.take(lane);
  moveRest(lane, lane);
}

/** Moves the unread rest to the window of the same or another lane, where it ends at `end`. */
export function moveRest(from: Lane, to: Lane, end = from.filled - from.at): void {
  const at = end - (from.filled - from.at);
  to.window.bytes.set(from.window.bytes.subarray(from.at, from.filled), at);
  to.origin = from.origin === undefined ? undefined : from.origin + from.at - at;
  to.filled = end;
  to.at = at;
}
