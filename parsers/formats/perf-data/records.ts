/**
 * Records one after the other. A record is a header (type u32, misc u16, size u16) and its
 * content (include/uapi/linux/perf_event.h, enum perf_event_type; for the types from 64 on, which
 * perf itself writes, tools/lib/perf/include/perf/event.h).
 */
import type { ByteWindow } from '../../decode/record-window.ts';
import {
  RECORD_HEADER_BYTES,
  RECORD_SAMPLE,
  readSample,
  type Scanner,
  scanUsualSamples,
} from './samples.ts';

export const RECORD_LOST = 2;
export const RECORD_COMM = 3;
export const RECORD_FORK = 7;
export const RECORD_LOST_SAMPLES = 13;
export const RECORD_ATTR = 64;
export const RECORD_TRACING_DATA = 66;
export const RECORD_FINISHED_ROUND = 68;
export const RECORD_AUXTRACE = 71;
export const RECORD_FEATURE = 80;
export const RECORD_COMPRESSED = 81;
export const RECORD_COMPRESSED2 = 83;

/** Types that the kernel writes and nothing is read from: mappings, ends of tasks and the like. */
export function saysNothing(type: number): boolean {
  const read = [RECORD_LOST, RECORD_COMM, RECORD_FORK, RECORD_SAMPLE, RECORD_LOST_SAMPLES];
  return type < RECORD_ATTR && !read.includes(type);
}

/** What is packed in the record [at, end) of one of both types; undefined if it is too short. */
export function packedPart(
  { bytes, view, littleEndian }: ByteWindow,
  type: number,
  at: number,
  end: number,
): Uint8Array | undefined {
  const from = at + RECORD_HEADER_BYTES;
  if (type === RECORD_COMPRESSED) return bytes.subarray(from, end);
  // data_size u64, data, padding
  const size = from + 8 <= end ? Number(view.getBigUint64(from, littleEndian)) : Number.NaN;
  return from + 8 + size <= end ? bytes.subarray(from + 8, from + 8 + size) : undefined;
}

/** Types that no perf writes: what has one is no record. */
const MAX_TYPE = 127;

export const STOP_END = 0;
export const STOP_FULL = 1;
const STOP_RECORD = 2;
export const STOP_DAMAGED = 3;
/** A sample at no multiple of 4, as the readers of its columns need: behind a compressed record. */
export const STOP_UNALIGNED = 4;
export type Stop = { at: number; why: 0 | 1 | 2 | 3 | 4 };

/** Reads records from `from`; says where and why it stopped. */
export function scanRecords(scanner: Scanner, from: number, to: number): Stop {
  const { view, littleEndian, index, isListed, loops } = scanner;
  let at = from;
  for (;;) {
    at = loops === undefined ? scanUsualSamples(scanner, at, to) : loops.scan(scanner, at, to);
    if (at + RECORD_HEADER_BYTES > to) break;
    const type = view.getUint32(at, littleEndian);
    const size = view.getUint16(at + 6, littleEndian);
    if (!isRecord(type, size)) return { at, why: STOP_DAMAGED };
    const end = at + size;
    if (end > to) break;
    if (type === RECORD_SAMPLE) {
      if (isListed && index.count === index.capacity) return { at, why: STOP_FULL };
      if ((at & 3) !== 0) return { at, why: STOP_UNALIGNED };
      readSample(scanner, view, at, end);
    } else if (!scanner.onRecord(type, at, end)) {
      return { at, why: STOP_RECORD };
    }
    at = end;
  }
  return { at, why: STOP_END };
}

/** The kernel's sizes are multiples of 8, perf's features of 4, compressed ones of any size. */
function isRecord(type: number, size: number): boolean {
  const isAligned = (size & 3) === 0 || type === RECORD_COMPRESSED;
  return size >= RECORD_HEADER_BYTES && isAligned && type > 0 && type <= MAX_TYPE;
}

/** The first place from which some records in a row make sense; `to` when there is none. */
export function findRecords(scanner: Scanner, from: number, to: number): number {
  for (let at = from; at + RECORD_HEADER_BYTES <= to; at += 4) {
    if (looksLikeRecords(scanner, at, to)) return at;
  }
  return to;
}

const RECORDS_IN_A_ROW = 3;

function looksLikeRecords({ view, littleEndian, kindOf }: Scanner, from: number, to: number) {
  let at = from;
  for (let record = 0; record < RECORDS_IN_A_ROW; record++) {
    if (at + RECORD_HEADER_BYTES > to) return false;
    const type = view.getUint32(at, littleEndian);
    const size = view.getUint16(at + 6, littleEndian);
    if (!isRecord(type, size) || at + size > to) return false;
    if (type === RECORD_SAMPLE && kindOf(view, at, at + size) === undefined) return false;
    at += size;
  }
  return true;
}
