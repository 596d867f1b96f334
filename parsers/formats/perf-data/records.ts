/**
 * Records → an index of samples. A record is a header (type u32, misc u16, size u16) and its
 * content (include/uapi/linux/perf_event.h, enum perf_event_type; for the types from 64 on, which
 * perf itself writes, tools/lib/perf/include/perf/event.h).
 */
import { TWO_32 } from '../../../src/trace/column.ts';
import { NO_CPU } from '../../decode/perf-event-name.ts';
import type { SampleLayout } from './attrs.ts';

export const RECORD_LOST = 2;
export const RECORD_COMM = 3;
export const RECORD_FORK = 7;
const RECORD_SAMPLE = 9;
export const RECORD_LOST_SAMPLES = 13;
export const RECORD_ATTR = 64;
export const RECORD_TRACING_DATA = 66;
export const RECORD_AUXTRACE = 71;
export const RECORD_FEATURE = 80;
export const RECORD_COMPRESSED = 81;
export const RECORD_COMPRESSED2 = 83;

export const RECORD_HEADER_BYTES = 8;
/** Types that no perf writes: what has one is no record. */
const MAX_TYPE = 127;

/** What the samples of one attr have where. One object per attr, so that the loop stays monomorphic. */
export type SampleKind = {
  readonly layout: SampleLayout;
  readonly tid: number;
  readonly time: number;
  readonly cpu: number;
  /** End of the values with fixed places: the raw data's size stands there, or something longer. */
  readonly fixedEnd: number;
  readonly isVariable: boolean;
  /** A tracepoint with time, task and CPU and all values at fixed places, and these in words. */
  readonly isUsual: boolean;
  readonly timeWord: number;
  readonly cpuWord: number;
  readonly tidWord: number;
  /** Number of the tracepoint and smallest size of its records; -1: the sample itself is the record. */
  readonly tracepoint: number;
  readonly minSize: number;
  /** Number of the table. */
  readonly table: number;
};

/** Samples in file order; emptied whenever their columns were read. */
export type SampleIndex = {
  count: number;
  readonly capacity: number;
  readonly time: Float64Array;
  readonly table: Uint16Array;
  readonly cpu: Uint16Array;
  readonly tid: Int32Array;
  readonly start: Uint32Array;
  readonly end: Uint32Array;
};

export function makeIndex(capacity: number): SampleIndex {
  return {
    count: 0,
    capacity,
    time: new Float64Array(capacity),
    table: new Uint16Array(capacity),
    cpu: new Uint16Array(capacity),
    tid: new Int32Array(capacity),
    start: new Uint32Array(capacity),
    end: new Uint32Array(capacity),
  };
}

/** What is known while reading, and what was found to be wrong. */
export type Scanner = {
  readonly view: DataView;
  readonly u32: Uint32Array;
  readonly littleEndian: boolean;
  readonly index: SampleIndex;
  readonly clock: Clock;
  /** Kind of the sample in [at, end); undefined when it names no event that the file describes. */
  readonly kindOf: (view: DataView, at: number, end: number) => SampleKind | undefined;
  /** The same by sample id, as far as it was asked before. */
  readonly known: KnownKinds;
  /** Called for every other record that is whole. False stops the scan before it. */
  readonly onRecord: (type: number, at: number, end: number) => boolean;
  readonly state: ScanState;
};

/** Kinds by the id that stands `idAt` bytes from the start of each sample; -1: no id is needed. */
export type KnownKinds = { idAt: number; readonly byId: (SampleKind | undefined)[] };

/** Times as doubles: nanoseconds since the first time that was met. */
export type Clock = { isSet: boolean; high: number; low: number };

export type ScanState = {
  /** Samples shorter than what they should hold, by table; and those of another event than theirs. */
  readonly short: Map<number, number>;
  readonly foreign: Map<number, number>;
  unknown: number;
  readonly lastOfCpu: Float64Array;
  /** CPUs whose next sample ends a gap. */
  readonly waiting: Set<number>;
  readonly onWaited: (cpu: number, time: number) => void;
};

export const STOP_END = 0;
export const STOP_FULL = 1;
export const STOP_RECORD = 2;
export const STOP_DAMAGED = 3;
/** A sample at no multiple of 4, as the readers of its columns need: behind a compressed record. */
export const STOP_UNALIGNED = 4;
export type Stop = { at: number; why: 0 | 1 | 2 | 3 | 4 };

/** Reads records from `from`; says where and why it stopped. */
export function scanRecords(scanner: Scanner, from: number, to: number): Stop {
  const { view, littleEndian, index } = scanner;
  let at = from;
  for (;;) {
    at = scanUsualSamples(scanner, at, to);
    if (at + RECORD_HEADER_BYTES > to) break;
    const type = view.getUint32(at, littleEndian);
    const size = view.getUint16(at + 6, littleEndian);
    if (!isRecord(type, size)) return { at, why: STOP_DAMAGED };
    const end = at + size;
    if (end > to) break;
    if (type === RECORD_SAMPLE) {
      if (index.count === index.capacity) return { at, why: STOP_FULL };
      if ((at & 3) !== 0) return { at, why: STOP_UNALIGNED };
      addSample(scanner, view, at, end);
    } else if (!scanner.onRecord(type, at, end)) {
      return { at, why: STOP_RECORD };
    }
    at = end;
  }
  return { at, why: STOP_END };
}

/**
 * The hot loop: addSample for the samples that nearly all are, one turn per sample of the trace.
 * They are little-endian tracepoints of a known id with all values at fixed places. It ends before
 * the first record that is anything else, or not sound. Measured: 3 times as fast as addSample.
 */
function scanUsualSamples(scanner: Scanner, from: number, to: number): number {
  const { u32, index, clock, state, known } = scanner;
  const isUsual = scanner.littleEndian && (from & 3) === 0 && known.idAt >= 0 && clock.isSet;
  if (!isUsual || state.waiting.size > 0) return from;
  const { time, table, cpu, tid, start, end, capacity } = index;
  const { high: baseHigh, low: baseLow } = clock;
  const { lastOfCpu } = state;
  const { byId } = known;
  const idWord = known.idAt >>> 2;
  let row = index.count;
  let at = from;
  while (at + RECORD_HEADER_BYTES <= to && row < capacity) {
    const word = at >>> 2;
    const size = (u32[word + 1] as number) >>> 16;
    const next = at + size;
    if (u32[word] !== RECORD_SAMPLE || next > to || (size & 3) !== 0) break;
    const kind = u32[word + idWord + 1] === 0 ? byId[u32[word + idWord] as number] : undefined;
    if (kind === undefined || !kind.isUsual) break;
    const raw = (at + kind.fixedEnd) >>> 2;
    const first = (raw << 2) + 4;
    const last = first + (u32[raw] as number);
    // What the raw data begins with is the tracepoint's number.
    if (first + kind.minSize > last || last > next) break;
    if (((u32[raw + 1] as number) & 0xffff) !== kind.tracepoint) break;
    const timeWord = word + kind.timeWord;
    const onCpu = u32[word + kind.cpuWord] as number;
    if (onCpu >= NO_CPU) break;
    const ts =
      ((u32[timeWord + 1] as number) - baseHigh) * TWO_32 + ((u32[timeWord] as number) - baseLow);
    time[row] = ts;
    table[row] = kind.table;
    cpu[row] = onCpu;
    tid[row] = u32[word + kind.tidWord] as number;
    start[row] = first;
    end[row] = last;
    lastOfCpu[onCpu] = ts;
    row++;
    at = next;
  }
  index.count = row;
  return at;
}

/** The kernel's sizes are multiples of 8, perf's feature records of 4, compressed ones of any size. */
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

/** The sample in [at, end), of whatever kind it is. */
function addSample(scanner: Scanner, view: DataView, at: number, end: number): void {
  const { littleEndian, index, clock, state } = scanner;
  const kind = scanner.kindOf(view, at, end);
  if (kind === undefined) {
    state.unknown++;
    return;
  }
  let start = at;
  let stop = end;
  if (kind.tracepoint >= 0) {
    const raw = kind.isVariable
      ? skipVariable(view, littleEndian, kind.layout, at, end)
      : at + kind.fixedEnd;
    start = raw + 4;
    stop = start > end ? start : start + view.getUint32(raw, littleEndian);
    if (start > end || stop > end || stop - start < kind.minSize) {
      tally(state.short, kind.table);
      return;
    }
    if (view.getUint16(start, littleEndian) !== kind.tracepoint) {
      tally(state.foreign, kind.table);
      return;
    }
  } else if (at + kind.fixedEnd > end) {
    tally(state.short, kind.table);
    return;
  }
  const time = kind.time < 0 ? 0 : timeAt(view, littleEndian, at + kind.time, clock);
  const cpu = kind.cpu < 0 ? NO_CPU : Math.min(view.getUint32(at + kind.cpu, littleEndian), NO_CPU);
  const row = index.count++;
  index.time[row] = time;
  index.table[row] = kind.table;
  index.cpu[row] = cpu;
  index.tid[row] = kind.tid < 0 ? -1 : view.getInt32(at + kind.tid + 4, littleEndian);
  index.start[row] = start;
  index.end[row] = stop;
  state.lastOfCpu[cpu] = time;
  if (state.waiting.size > 0 && state.waiting.delete(cpu)) state.onWaited(cpu, time);
}

function tally(counts: Map<number, number>, table: number): void {
  counts.set(table, (counts.get(table) ?? 0) + 1);
}

/** The end of a group read and of a callchain; beyond `end` when they do not fit. */
function skipVariable(
  view: DataView,
  littleEndian: boolean,
  layout: SampleLayout,
  at: number,
  end: number,
): number {
  let next = at + layout.fixedEnd;
  if (layout.groupMember > 0) {
    if (next + 8 > end) return end;
    next += layout.groupHead + layout.groupMember * readCount(view, littleEndian, next);
  }
  if (layout.hasCallchain) {
    if (next + 8 > end) return end;
    next += 8 + 8 * readCount(view, littleEndian, next);
  }
  return next;
}

function readCount(view: DataView, littleEndian: boolean, at: number): number {
  const high = view.getUint32(littleEndian ? at + 4 : at, littleEndian);
  return high * TWO_32 + view.getUint32(littleEndian ? at : at + 4, littleEndian);
}

export function timeAt(view: DataView, littleEndian: boolean, at: number, clock: Clock): number {
  const high = view.getUint32(littleEndian ? at + 4 : at, littleEndian);
  const low = view.getUint32(littleEndian ? at : at + 4, littleEndian);
  if (!clock.isSet) {
    clock.isSet = true;
    clock.high = high;
    clock.low = low;
  }
  return (high - clock.high) * TWO_32 + (low - clock.low);
}
