/**
 * What a trace.dat says about itself in its options. Both versions use the same kinds and differ in
 * where the options stand and in what describes a buffer (trace-cmd,
 * Documentation/trace-cmd/trace-cmd.dat.v6.5.txt and trace-cmd.dat.v7.5.txt).
 */
import {
  type ByteReader,
  makeReader,
  readCString,
  readSize,
  readText,
  readU16,
  readU32,
} from '../../bytes/reader.ts';
import { memorySource } from '../../bytes/source.ts';
import { sectionSize } from '../../decode/tracing-header.ts';

const KIND = {
  done: 0,
  cpuStatistics: 2,
  buffer: 3,
  traceClock: 4,
  uname: 5,
  offset: 7,
  cpuCount: 8,
  timeShift: 12,
  tscToNs: 14,
  bufferText: 22,
} as const;
/** Kinds whose data is the offset of a section: page headers, formats, symbols, names of tasks. */
const FIRST_SECTION = 16;
const LAST_SECTION = 21;

/** Texts of some hundred bytes: searching them must not take long, however large they claim to be. */
const MAX_SMALL_TEXT = 1 << 12;
const MAX_NAME = 4096;
const MAX_NUMBERS = 1 << 20;
const MAX_CPUS = 1 << 14;

/** A buffer of events: the top one has no name. */
export type BufferOption = {
  readonly offset: number;
  readonly name: string;
  readonly clock: string | undefined;
  /** Bytes of its pages; undefined where the option does not say. */
  readonly pageBytes: number | undefined;
  readonly cpus: readonly {
    readonly cpu: number;
    readonly offset: number;
    readonly size: number;
  }[];
  /** The buffer is a text, as latency tracers write it. */
  readonly isText: boolean;
};

/** The kernel's counters of one ring buffer, `per_cpu/cpu<n>/stats`, when recording ended. */
export type CpuStatistics = {
  /** Name of the buffer instance; empty for the top one. */
  readonly instance: string;
  readonly cpu: number;
  readonly overrun: number;
  readonly commitOverrun: number;
  readonly dropped: number;
};

export type TscToNs = { readonly mult: number; readonly shift: number };

export type Options = {
  clock: string | undefined;
  uname: string | undefined;
  cpuCount: number | undefined;
  /** Nanoseconds that trace-cmd adds to all times. */
  offset_ns: bigint;
  tscToNs: TscToNs | undefined;
  /** The times of a guest were to be shifted onto those of its host. */
  hasTimeShift: boolean;
  readonly buffers: BufferOption[];
  readonly statistics: CpuStatistics[];
  /** Offsets of sections by their kind. */
  readonly sections: Map<number, number>;
  /** Offset of the next options, 0 for none. */
  next: number;
  /** Name of the instance that the statistics read last belong to. */
  instance: string;
  readonly unreadable: string[];
  /** Buffer instances that cannot be read, with the reason. */
  readonly lostBuffers: string[];
  /** What to tell of options that the file ends before; undefined if all are there. */
  missing: string | undefined;
};

export function noOptions(): Options {
  return {
    clock: undefined,
    uname: undefined,
    cpuCount: undefined,
    offset_ns: 0n,
    tscToNs: undefined,
    hasTimeShift: false,
    buffers: [],
    statistics: [],
    sections: new Map(),
    next: 0,
    instance: '',
    unreadable: [],
    lostBuffers: [],
    missing: undefined,
  };
}

/** Reads (kind, size, data)… up to the end mark, which has data in version 7 only. */
export function readOptions(reader: ByteReader, options: Options, version: number): void {
  for (;;) {
    const kind = readU16(reader, 'kind of an option');
    if (kind === KIND.done) {
      if (version >= 7) {
        const size = sectionSize(reader, readU32(reader, 'size of an option'), 'options');
        options.next = size >= 8 ? readSize(reader, 'offset of the next options') : 0;
      }
      return;
    }
    const size = sectionSize(reader, readU32(reader, 'size of an option'), 'options');
    const data = readText(reader, size, 'options');
    try {
      applyOption(options, kind, data, reader.littleEndian, version);
    } catch (error) {
      if (kind === KIND.buffer) options.lostBuffers.push((error as Error).message);
      else options.unreadable.push(`option ${kind}`);
    }
  }
}

/** Throws when the data is shorter than its kind needs. */
function applyOption(
  options: Options,
  kind: number,
  data: string,
  littleEndian: boolean,
  version: number,
): void {
  const text = () => data.slice(0, MAX_SMALL_TEXT).replace(/\0.*$/s, '').trim();
  const numbers = () => {
    const bytes = bytesOf(data.slice(0, MAX_NUMBERS));
    return makeReader(memorySource('option', bytes), 0, littleEndian);
  };
  switch (kind) {
    // local global counter uptime perf [mono] mono_raw boot tai x86-tsc
    case KIND.traceClock:
      options.clock = /\[([^\]]+)\]/.exec(text())?.[1];
      return;
    case KIND.uname:
      options.uname = text();
      return;
    case KIND.cpuCount:
      options.cpuCount = Math.min(MAX_CPUS, readU32(numbers(), 'number of CPUs'));
      return;
    case KIND.offset:
      options.offset_ns += offsetOf(text());
      return;
    case KIND.timeShift:
      options.hasTimeShift = true;
      return;
    case KIND.tscToNs:
      options.tscToNs = tscOf(numbers());
      return;
    case KIND.cpuStatistics:
      addStatistics(options, text());
      return;
    case KIND.buffer:
    case KIND.bufferText:
      options.buffers.push(bufferOf(numbers(), kind === KIND.bufferText, version, data.length));
      return;
    default:
      if (kind < FIRST_SECTION || kind > LAST_SECTION) return;
      options.sections.set(kind, readSize(numbers(), 'offset of a section'));
  }
}

function bytesOf(latin1: string): Uint8Array {
  return Uint8Array.from(latin1, (char) => char.charCodeAt(0));
}

// 1666000000000000000, -25 or 0x1f
function offsetOf(text: string): bigint {
  const match = /^([+-]?)(\d{1,20}|0x[0-9a-fA-F]{1,16})$/.exec(text);
  if (match === null) throw new Error('no number');
  return match[1] === '-' ? -BigInt(match[2] ?? 0) : BigInt(match[2] ?? 0);
}

/** The third number, an offset, is not used by trace-cmd either. */
function tscOf(reader: ByteReader): TscToNs | undefined {
  const mult = readU32(reader, 'multiplier of the TSC');
  const shift = readU32(reader, 'shift of the TSC');
  if (shift > 63) throw new Error(`a shift of ${shift} bits`);
  return mult === 0 ? undefined : { mult, shift };
}

/**
 *   CPU: 0
 *   entries: 160
 *   overrun: 875
 *   commit overrun: 0
 *   …
 *   dropped events: 0
 *
 * or `Buffer: name` before those of an instance.
 */
function addStatistics(options: Options, text: string): void {
  const buffer = /^Buffer: (.+)$/m.exec(text)?.[1];
  if (buffer !== undefined) options.instance = buffer;
  const number = (key: string) => Number(new RegExp(`^${key}: (\\d{1,15})$`, 'm').exec(text)?.[1]);
  const cpu = number('CPU');
  if (Number.isNaN(cpu) || options.statistics.length >= MAX_CPUS) return;
  options.statistics.push({
    instance: options.instance,
    cpu,
    overrun: number('overrun') || 0,
    commitOverrun: number('commit overrun') || 0,
    dropped: number('dropped events') || 0,
  });
}

function bufferOf(
  reader: ByteReader,
  isText: boolean,
  version: number,
  length: number,
): BufferOption {
  const offset = readSize(reader, 'offset of a buffer');
  const name = readCString(reader, MAX_NAME, 'name of a buffer');
  const none = { offset, name, clock: undefined, pageBytes: undefined, cpus: [], isText };
  if (version < 7) return none;
  const clock = readCString(reader, MAX_NAME, 'clock of a buffer');
  if (isText) return { ...none, clock };
  // First there was no page size before the CPUs, whose entries have 20 bytes.
  const hasPageBytes = (length - reader.offset) % 20 === 8;
  const pageBytes = hasPageBytes ? readU32(reader, 'page size of a buffer') : undefined;
  const count = readU32(reader, 'number of CPUs of a buffer');
  if (count > MAX_CPUS) throw new Error(`${count} CPUs`);
  const cpus = Array.from({ length: count }, () => {
    const cpu = readU32(reader, 'CPU of a buffer');
    if (cpu >= MAX_CPUS) throw new Error(`CPU ${cpu}`);
    const at = readSize(reader, 'offset of the data of a CPU');
    return { cpu, offset: at, size: readSize(reader, 'size of the data of a CPU') };
  });
  return { offset, name, clock, pageBytes, cpus, isText };
}
