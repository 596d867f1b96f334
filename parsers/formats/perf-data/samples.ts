/**
 * Samples → an index of where they keep what, or just how many there are (include/uapi/linux/
 * perf_event.h, comment of PERF_RECORD_SAMPLE). One loop reads nearly all of them.
 */
import { TWO_32 } from '../../../src/trace/column.ts';
import type { EventFormat } from '../../decode/event-format.ts';
import { NO_CPU } from '../../decode/perf-event-name.ts';
import type { SampleLayout } from './attrs.ts';
import type { SampleLoops } from './loop-scanner.ts';
import type { TaskRecords } from './side-records.ts';
import { countSample, type Tally } from './tally.ts';

export const RECORD_SAMPLE = 9;
export const RECORD_HEADER_BYTES = 8;

/** What the samples of one attr have where. */
export type SampleKind = {
  readonly layout: SampleLayout;
  readonly tid: number;
  readonly time: number;
  readonly cpu: number;
  /** End of the values with fixed places: the raw data's size stands there, or something longer. */
  readonly fixedEnd: number;
  readonly isVariable: boolean;
  /** What stands there is a callchain and nothing else. */
  readonly hasOnlyCallchain: boolean;
  /** A tracepoint with time, task, CPU and no group read, and their places in words. */
  readonly isUsual: boolean;
  readonly timeWord: number;
  readonly cpuWord: number;
  readonly tidWord: number;
  /** Number of the tracepoint (-1: the sample itself is the record), least bytes of its records. */
  readonly tracepoint: number;
  readonly minSize: number;
  /** Number of the table. */
  readonly table: number;
  /** Bytes from the record's start: top bits say that counters, not kept, ran below zero. */
  readonly signs: readonly number[];
};

/**
 * `format`: that of the tracepoint; undefined where the sample itself is the record. Kinds are made
 * here alone and without a spread: objects of one shape make the hot loop 5 times as fast.
 */
export function sampleKind(
  layout: SampleLayout,
  format: EventFormat | undefined,
  table: number,
  signs: readonly number[] = [],
): SampleKind {
  const { tid, time, cpu, fixedEnd, groupMember, hasCallchain } = layout;
  const hasGroup = groupMember > 0;
  return {
    layout,
    tid,
    time,
    cpu,
    fixedEnd,
    isVariable: hasGroup || hasCallchain,
    hasOnlyCallchain: hasCallchain && !hasGroup,
    isUsual: format !== undefined && !hasGroup && time >= 0 && cpu >= 0 && tid >= 0,
    timeWord: time >> 2,
    cpuWord: cpu >> 2,
    tidWord: (tid >> 2) + 1,
    tracepoint: format === undefined ? -1 : format.id,
    minSize: format === undefined ? 0 : Math.max(2, format.minSize),
    table,
    signs,
  };
}

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
  readonly bytes: Uint8Array;
  readonly u32: Uint32Array;
  readonly littleEndian: boolean;
  readonly index: SampleIndex;
  /** Are samples put into the index, and are they counted? */
  readonly isListed: boolean;
  readonly tally: Tally | undefined;
  readonly clock: Clock;
  /** Kind of the sample in [at, end); undefined when it names no event that the file describes. */
  readonly kindOf: (view: DataView, at: number, end: number) => SampleKind | undefined;
  /** The same by sample id, as far as it was asked before. */
  readonly known: KnownKinds;
  /** Called for every other record that is whole. False stops the scan before it. */
  readonly onRecord: (type: number, at: number, end: number) => boolean;
  readonly state: ScanState;
  /** Takes the FORKs and COMMs that loops noted. */
  readonly tasks: TaskRecords;
  /** Reads usual samples in place of scanUsualSamples(). */
  readonly loops?: SampleLoops | undefined;
};

/** Kinds by the id `idAt` bytes from the start of each sample, or the one that all have. */
export type KnownKinds = {
  idAt: number;
  readonly byId: (SampleKind | undefined)[];
  only: SampleKind | undefined;
};

/** Times as doubles: nanoseconds since the first time that was met. */
export type Clock = { isSet: boolean; high: number; low: number };

export type ScanState = {
  /** By table: samples shorter than what they should hold, and those of another event. */
  readonly short: Map<number, number>;
  readonly foreign: Map<number, number>;
  unknown: number;
  /** In call chains of samples, which nothing is made of. */
  callers: number;
  readonly lastOfCpu: Float64Array;
  /** CPUs whose next sample ends a gap. */
  readonly waiting: Set<number>;
  readonly onWaited: (cpu: number, time: number) => void;
};

/** No record has room for more. */
export const MOST_ADDRESSES = 8192;

/**
 * The hot loop: readSample for the samples that nearly all are, one turn per sample of the trace.
 * They are little-endian tracepoints of a known id with all values at fixed places. It ends before
 * the first record that is anything else, or not sound. Measured: 3 times as fast as readSample.
 */
export function scanUsualSamples(scanner: Scanner, from: number, to: number): number {
  const { u32, bytes, index, tally, clock, state, known } = scanner;
  const isUsual = scanner.littleEndian && (from & 3) === 0 && clock.isSet;
  if (!isUsual || state.waiting.size > 0) return from;
  const { time, table, cpu, tid, start, end, capacity } = index;
  const { high: baseHigh, low: baseLow } = clock;
  const { lastOfCpu } = state;
  const { byId, only } = known;
  const idWord = Math.max(0, known.idAt) >>> 2;
  let row = index.count;
  let at = from;
  while (at + RECORD_HEADER_BYTES <= to && row < capacity) {
    const word = at >>> 2;
    const size = (u32[word + 1] as number) >>> 16;
    const next = at + size;
    if (u32[word] !== RECORD_SAMPLE || next > to || (size & 3) !== 0) break;
    const hasId = u32[word + idWord + 1] === 0;
    const kind = only ?? (hasId ? byId[u32[word + idWord] as number] : undefined);
    if (kind === undefined || !kind.isUsual) break;
    let raw = (at + kind.fixedEnd) >>> 2;
    if (kind.hasOnlyCallchain) {
      const addresses = u32[raw] as number;
      if (!(addresses <= MOST_ADDRESSES) || u32[raw + 1] !== 0) break;
      raw += 2 + (addresses << 1);
    }
    const first = (raw << 2) + 4;
    const last = first + (u32[raw] as number);
    // Also where there is nothing; and what the raw data begins with is the tracepoint's number.
    if (!(first + kind.minSize <= last && last <= next)) break;
    if (((u32[raw + 1] as number) & 0xffff) !== kind.tracepoint) break;
    const timeWord = word + kind.timeWord;
    const onCpu = u32[word + kind.cpuWord] as number;
    if (onCpu >= NO_CPU) break;
    const ts =
      ((u32[timeWord + 1] as number) - baseHigh) * TWO_32 + ((u32[timeWord] as number) - baseLow);
    lastOfCpu[onCpu] = ts;
    if (kind.hasOnlyCallchain) {
      state.callers += countCallers(scanner.view, true, at + kind.fixedEnd, next);
    }
    at = next;
    if (tally !== undefined) {
      countSample(tally, kind, bytes, first, ts);
      continue;
    }
    time[row] = ts;
    table[row] = kind.table;
    cpu[row] = onCpu;
    tid[row] = u32[word + kind.tidWord] as number;
    start[row] = first;
    end[row] = last;
    row++;
  }
  index.count = row;
  return at;
}

/** The sample in [at, end), of whatever kind it is. */
export function readSample(scanner: Scanner, view: DataView, at: number, end: number): void {
  const { littleEndian, index, clock, state } = scanner;
  const kind = scanner.kindOf(view, at, end);
  if (kind === undefined) {
    state.unknown++;
    return;
  }
  const { layout } = kind;
  const chain = layout.hasCallchain ? callchainAt(view, littleEndian, layout, at, end) : end;
  let start = at;
  let stop = end;
  if (kind.tracepoint >= 0) {
    const raw = kind.isVariable
      ? skipVariable(view, littleEndian, layout, at, end)
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
  if (scanner.tally !== undefined) {
    countSample(scanner.tally, kind, scanner.bytes, start, time);
  }
  if (scanner.isListed) {
    const row = index.count++;
    index.time[row] = time;
    index.table[row] = kind.table;
    index.cpu[row] = cpu;
    index.tid[row] = kind.tid < 0 ? -1 : view.getInt32(at + kind.tid + 4, littleEndian);
    index.start[row] = start;
    index.end[row] = stop;
  }
  state.callers += countCallers(view, littleEndian, chain, end);
  state.lastOfCpu[cpu] = time;
  if (state.waiting.size > 0 && state.waiting.delete(cpu)) state.onWaited(cpu, time);
}

function tally(counts: Map<number, number>, table: number): void {
  counts.set(table, (counts.get(table) ?? 0) + 1);
}

/** The end of a group read, where a callchain begins; beyond `end` when it does not fit. */
function callchainAt(
  view: DataView,
  littleEndian: boolean,
  { fixedEnd, groupHead, groupMember }: SampleLayout,
  at: number,
  end: number,
): number {
  const group = at + fixedEnd;
  if (groupMember === 0) return group;
  if (group + 8 > end) return end;
  return group + groupHead + groupMember * readCount(view, littleEndian, group);
}

/** From here on, what stands in a callchain says in which context the next ones are. */
export const PERF_CONTEXT_MAX = -4095n;
const CONTEXT_LOW = Number(PERF_CONTEXT_MAX);

/** How many callers the callchain at `at` has; 0 where it does not end before `end`. */
function countCallers(view: DataView, littleEndian: boolean, at: number, end: number): number {
  if (at + 8 > end) return 0;
  const from = at + 8;
  const to = from + 8 * readCount(view, littleEndian, at);
  if (to > end) return 0;
  let callers = 0;
  for (let address = from; address < to; address += 8) {
    const high = view.getInt32(littleEndian ? address + 4 : address, littleEndian);
    const low = view.getInt32(littleEndian ? address : address + 4, littleEndian);
    if (high !== -1 || low < CONTEXT_LOW || low >= 0) callers++;
  }
  return callers;
}

/** The end of a group read and of a callchain; beyond `end` when they do not fit. */
function skipVariable(
  view: DataView,
  littleEndian: boolean,
  layout: SampleLayout,
  at: number,
  end: number,
): number {
  let next = callchainAt(view, littleEndian, layout, at, end);
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
