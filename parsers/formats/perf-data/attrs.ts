/**
 * What an event was recorded with (struct perf_event_attr), and so where its samples keep what.
 * Layouts: include/uapi/linux/perf_event.h, comments of PERF_RECORD_SAMPLE and struct sample_id.
 */
import { TWO_32 } from '../../../src/trace/column.ts';

export const TYPE_TRACEPOINT = 2;

/** Bits of `sample_type`, in the order in which a sample keeps the values up to its raw data. */
const SAMPLE_IDENTIFIER = 1 << 16;
const SAMPLE_IP = 1 << 0;
const SAMPLE_TID = 1 << 1;
const SAMPLE_TIME = 1 << 2;
const SAMPLE_ADDR = 1 << 3;
const SAMPLE_ID = 1 << 6;
const SAMPLE_STREAM_ID = 1 << 9;
const SAMPLE_CPU = 1 << 7;
const SAMPLE_PERIOD = 1 << 8;
const SAMPLE_READ = 1 << 4;
const SAMPLE_CALLCHAIN = 1 << 5;
const SAMPLE_RAW = 1 << 10;

/** Bits of `read_format`: the value itself is always there. */
const READ_ENABLED = 1 << 0;
const READ_RUNNING = 1 << 1;
const READ_ID = 1 << 2;
const READ_GROUP = 1 << 3;
const READ_LOST = 1 << 4;

/** Bits of the flags that follow `read_format`. */
const FLAG_SAMPLE_ID_ALL = 18;
const FLAG_USE_CLOCKID = 25;

/** PERF_ATTR_SIZE_VER0; later versions only append. */
export const MIN_ATTR_BYTES = 64;
const CLOCKID_AT = 92;

export type PerfAttr = {
  readonly type: number;
  readonly config: number;
  readonly sampleType: number;
  readonly readFormat: number;
  /** Records other than samples end in the same identification as samples begin with. */
  readonly sampleIdAll: boolean;
  /** The clock of the time stamps; undefined for perf's own. */
  readonly clockId: number | undefined;
};

/** Byte offsets from the start of a record, its header included; -1 where it has no such value. */
export type SampleLayout = {
  readonly id: number;
  readonly ip: number;
  readonly tid: number;
  readonly time: number;
  readonly cpu: number;
  readonly period: number;
  /** End of the values with fixed places. */
  readonly fixedEnd: number;
  /** Bytes per member of a group read that follows (0: none does), and bytes before its members. */
  readonly groupMember: number;
  readonly groupHead: number;
  readonly hasCallchain: boolean;
  readonly hasRaw: boolean;
};

/** Distances from the end of a record that is no sample; 0 where it has no such value. */
export type TrailerLayout = {
  readonly bytes: number;
  readonly time: number;
  readonly cpu: number;
};

/** `view` holds the attr's bytes and no more; at least MIN_ATTR_BYTES. */
export function parseAttr(view: DataView, littleEndian: boolean): PerfAttr {
  const low = (at: number) => view.getUint32(littleEndian ? at : at + 4, littleEndian);
  const high = (at: number) => view.getUint32(littleEndian ? at + 4 : at, littleEndian);
  // The flags are a C bit field: it fills from the lowest bit, or from the highest on big-endian.
  const flag = (bit: number): boolean => {
    const byte = view.getUint8(40 + (bit >> 3));
    return ((byte >> (littleEndian ? bit & 7 : 7 - (bit & 7))) & 1) === 1;
  };
  const hasClock = flag(FLAG_USE_CLOCKID) && view.byteLength >= CLOCKID_AT + 4;
  return {
    type: view.getUint32(0, littleEndian),
    config: high(8) * TWO_32 + low(8),
    sampleType: low(24),
    readFormat: low(32),
    sampleIdAll: flag(FLAG_SAMPLE_ID_ALL),
    clockId: hasClock ? view.getInt32(CLOCKID_AT, littleEndian) : undefined,
  };
}

const RECORD_HEADER = 8;

export function sampleLayout({ sampleType, readFormat }: PerfAttr): SampleLayout {
  let next = RECORD_HEADER;
  const place = (bit: number): number => {
    if ((sampleType & bit) === 0) return -1;
    next += 8;
    return next - 8;
  };
  const identifier = place(SAMPLE_IDENTIFIER);
  const ip = place(SAMPLE_IP);
  const tid = place(SAMPLE_TID);
  const time = place(SAMPLE_TIME);
  place(SAMPLE_ADDR);
  const ownId = place(SAMPLE_ID);
  place(SAMPLE_STREAM_ID);
  const cpu = place(SAMPLE_CPU);
  const period = place(SAMPLE_PERIOD);
  const times = has(readFormat, READ_ENABLED) + has(readFormat, READ_RUNNING);
  const member = 8 * (1 + has(readFormat, READ_ID) + has(readFormat, READ_LOST));
  const isRead = (sampleType & SAMPLE_READ) !== 0;
  const isGroup = isRead && (readFormat & READ_GROUP) !== 0;
  if (isRead && !isGroup) next += member + 8 * times;
  return {
    id: identifier >= 0 ? identifier : ownId,
    ip,
    tid,
    time,
    cpu,
    period,
    fixedEnd: next,
    groupMember: isGroup ? member : 0,
    groupHead: 8 + 8 * times,
    hasCallchain: (sampleType & SAMPLE_CALLCHAIN) !== 0,
    hasRaw: (sampleType & SAMPLE_RAW) !== 0,
  };
}

export function trailerLayout({ sampleType, sampleIdAll }: PerfAttr): TrailerLayout {
  if (!sampleIdAll) return { bytes: 0, time: 0, cpu: 0 };
  // TID, TIME, ID, STREAM_ID, CPU, IDENTIFIER: counted from the end.
  let bytes = 0;
  const place = (bit: number): number => {
    if ((sampleType & bit) === 0) return 0;
    bytes += 8;
    return bytes;
  };
  place(SAMPLE_IDENTIFIER);
  const cpu = place(SAMPLE_CPU);
  place(SAMPLE_STREAM_ID);
  place(SAMPLE_ID);
  const time = place(SAMPLE_TIME);
  place(SAMPLE_TID);
  return { bytes, time, cpu };
}

function has(bits: number, bit: number): 0 | 1 {
  return (bits & bit) === 0 ? 0 : 1;
}

/** Names as in trace_clock, by clockid_t (include/uapi/linux/time.h). */
const CLOCKS: ReadonlyMap<number, string> = new Map([
  [0, 'realtime'],
  [1, 'mono'],
  [4, 'mono_raw'],
  [7, 'boot'],
  [11, 'tai'],
]);

export function clockName(clockId: number | undefined): string {
  return clockId === undefined ? 'perf' : (CLOCKS.get(clockId) ?? `clock ${clockId}`);
}
