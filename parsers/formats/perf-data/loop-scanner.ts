/** The program's side of sample-loops.ts: memory of a scan, and what the loops must be told. */
import { NO_CPU } from '../../decode/perf-event-name.ts';
import { type ByteWindow, byteWindow } from '../../decode/record-window.ts';
import { Allocator, instantiate, type SharedMemory, sharedMemory } from '../../wasm/memory.ts';
import type { EventSource } from './header.ts';
import { saysNothing } from './records.ts';
import { KIND, KIND_IDS, SCAN } from './sample-loops.ts';
import { COUNT_LOOPS } from './sample-loops-bytes.ts';
import { RECORD_SAMPLE, type SampleIndex, type SampleKind, type Scanner } from './samples.ts';
import type { BelowZeroLog } from './tally.ts';

/** Bytes behind a window that a record which claims too much may touch. */
const SLACK_BYTES = 1 << 17;
/** Kinds with more counters are read the plain way. */
const MOST_SIGNS = 31;
const SIGN_BYTES = 4 * (MOST_SIGNS + 1);

/** Where things lie, in bytes. */
export type ScanArea = {
  readonly scan: number;
  readonly window: number;
  readonly windowBytes: number;
  readonly kindsById: number;
  readonly kinds: number;
  readonly signs: number;
  readonly lastOfCpu: number;
};

export function layOutScan(allocator: Allocator, windowBytes: number, sources: number): ScanArea {
  const window = allocator.take(windowBytes);
  allocator.take(SLACK_BYTES);
  return {
    ...{ window, windowBytes },
    scan: allocator.take(SCAN.bytes),
    kindsById: allocator.take(4 * KIND_IDS),
    kinds: allocator.take(sources * KIND.bytes),
    signs: allocator.take(sources * SIGN_BYTES),
    lastOfCpu: allocator.take(8 * (NO_CPU + 1)),
  };
}

/** `countSamples` or `listSamples`. */
export type ScanLoop = (scan: number, from: number, to: number) => number;

/** Scans usual samples in place of scanUsualSamples(), which it equals. */
export class SampleLoops {
  /** Places in it count from its beginning. */
  readonly window: ByteWindow;
  readonly lastOfCpu: Float64Array;
  /** All memory. */
  readonly #whole: ByteWindow;
  readonly #area: ScanArea;
  readonly #firstId: number;
  readonly #loop: ScanLoop;
  /** Addresses of KINDs. */
  readonly #known = new Map<SampleKind, number>();

  constructor(
    memory: SharedMemory,
    area: ScanArea,
    sources: readonly EventSource[],
    loop: ScanLoop,
    isPassed: (type: number) => boolean,
  ) {
    const { buffer } = memory;
    this.#whole = byteWindow(new Uint8Array(buffer), true);
    this.window = byteWindow(new Uint8Array(buffer, area.window, area.windowBytes), true);
    this.lastOfCpu = new Float64Array(buffer, area.lastOfCpu, NO_CPU + 1).fill(Number.NaN);
    this.#area = area;
    this.#loop = loop;
    const ids = sources.flatMap((source) => source.ids);
    this.#firstId = ids.reduce((least, id) => Math.min(least, id), Number.MAX_SAFE_INTEGER);
    this.set(SCAN.window, area.window);
    this.set(SCAN.kinds, area.kindsById);
    this.set(SCAN.firstId, this.#firstId < 2 ** 32 ? this.#firstId : 0);
    this.set(SCAN.lastOfCpu, area.lastOfCpu);
    const types = Array.from({ length: 64 }, (_, type) => type).filter((type) => type > 0);
    for (const type of types.filter(isPassed)) {
      const word = (area.scan + SCAN.passed + 4 * (type >>> 5)) >>> 2;
      this.#whole.u32[word] = (this.#whole.u32[word] as number) | (1 << (type & 31));
    }
  }

  /** Tells the loops something of SCAN. */
  set(member: number, value: number): void {
    this.#whole.u32[(this.#area.scan + member) >>> 2] = value;
  }

  /** Returns the place of the first record that is anything else. */
  scan({ clock, state, known, index, tally }: Scanner, from: number, to: number): number {
    if ((from & 3) !== 0 || !clock.isSet || state.waiting.size > 0) return from;
    this.set(SCAN.baseLow, clock.low);
    this.set(SCAN.baseHigh, clock.high);
    this.set(SCAN.idAt, Math.max(0, known.idAt));
    this.set(SCAN.count, index.count);
    const { scan, window } = this.#area;
    let at = from;
    do at = (this.#loop(scan, window + at, window + to) >>> 0) - window;
    while (this.#learn(known, at, to, tally !== undefined));
    index.count = this.#whole.u32[(scan + SCAN.count) >>> 2] as number;
    return at;
  }

  /** Was it a kind that the loops did not know yet, which stopped them? */
  #learn(
    { only, byId, idAt }: Scanner['known'],
    at: number,
    to: number,
    isCount: boolean,
  ): boolean {
    const { u32 } = this.window;
    if (at + 16 + Math.max(0, idAt) > to || u32[at >>> 2] !== RECORD_SAMPLE) return false;
    const idWord = (at + Math.max(0, idAt)) >>> 2;
    const id = u32[idWord] as number;
    const kind = only ?? (u32[idWord + 1] === 0 ? byId[id] : undefined);
    if (kind === undefined || !kind.isUsual || kind.signs.length > MOST_SIGNS) return false;
    const nth = id - this.#firstId;
    const isFar = only === undefined && (nth < 0 || nth >= KIND_IDS);
    const place = (this.#area.kindsById >>> 2) + nth;
    if (isFar) return false;
    const isKnown = only === undefined ? this.#whole.u32[place] !== 0 : this.#known.has(kind);
    if (isKnown) return false;
    const address = this.#known.get(kind) ?? this.#write(kind, isCount);
    if (only === undefined) this.#whole.u32[place] = address;
    else this.set(SCAN.only, address);
    return true;
  }

  #write(kind: SampleKind, isCount: boolean): number {
    const { kinds, signs } = this.#area;
    const nth = this.#known.size;
    const at = kinds + nth * KIND.bytes;
    this.#known.set(kind, at);
    const { u32 } = this.#whole;
    const set = (member: number, value: number) => {
      u32[(at + member) >>> 2] = value;
    };
    set(KIND.time, kind.time);
    set(KIND.cpu, kind.cpu);
    set(KIND.tid, kind.tid + 4);
    set(KIND.fixedEnd, kind.fixedEnd);
    set(KIND.hasCallchain, Number(kind.hasOnlyCallchain));
    set(KIND.tracepoint, kind.tracepoint);
    set(KIND.minSize, kind.minSize);
    set(KIND.table, kind.table);
    if (!isCount || kind.signs.length === 0) return at;
    const list = signs + nth * SIGN_BYTES;
    u32.set([kind.signs.length, ...kind.signs], list >>> 2);
    set(KIND.signs, list);
    return at;
  }
}

/** Loops that count samples, and the memory of what they count. */
export type Counting = {
  readonly loops: SampleLoops;
  /** By table, and the first and last time: what a Tally has. */
  readonly counts: Float64Array;
  readonly times: Float64Array;
};

/** `signsOf` a table, `below`: what is told of counters below zero. */
export function makeCounting(
  windowBytes: number,
  sources: readonly EventSource[],
  below: BelowZeroLog,
  signsOf: (table: number) => readonly number[],
): Counting {
  const allocator = new Allocator();
  const area = layOutScan(allocator, windowBytes, sources.length);
  const countsAt = allocator.take(8 * sources.length);
  const timesAt = allocator.take(16);
  const memory = sharedMemory(allocator.end);
  const bytes = new Uint8Array(memory.buffer);
  const { countSamples } = instantiate<'countSamples'>(COUNT_LOOPS, memory, {
    belowZero: (table: number, record: number, time: number) => {
      signsOf(table).forEach((sign, nth) => {
        if ((bytes[record + sign] as number) >= 0x80) below.add(table, nth, time);
      });
    },
  });
  const loops = new SampleLoops(memory, area, sources, countSamples, saysNothing);
  loops.set(SCAN.counts, countsAt);
  loops.set(SCAN.times, timesAt);
  const counts = new Float64Array(memory.buffer, countsAt, sources.length);
  return { loops, counts, times: new Float64Array(memory.buffer, timesAt, 2) };
}

/** Where the values of a list of samples lie. */
export function listPlaces(allocator: Allocator, capacity: number) {
  return {
    time: allocator.take(8 * capacity),
    table: allocator.take(2 * capacity),
    cpu: allocator.take(2 * capacity),
    tid: allocator.take(4 * capacity),
    start: allocator.take(4 * capacity),
    end: allocator.take(4 * capacity),
  };
}

/** The list of samples that `listSamples` fills. */
export function listIn(
  { buffer }: SharedMemory,
  loops: SampleLoops,
  at: ReturnType<typeof listPlaces>,
  capacity: number,
): SampleIndex {
  loops.set(SCAN.time, at.time);
  loops.set(SCAN.table, at.table);
  loops.set(SCAN.cpu, at.cpu);
  loops.set(SCAN.tid, at.tid);
  loops.set(SCAN.start, at.start);
  loops.set(SCAN.end, at.end);
  loops.set(SCAN.capacity, capacity);
  return {
    ...{ count: 0, capacity },
    time: new Float64Array(buffer, at.time, capacity),
    table: new Uint16Array(buffer, at.table, capacity),
    cpu: new Uint16Array(buffer, at.cpu, capacity),
    tid: new Int32Array(buffer, at.tid, capacity),
    start: new Uint32Array(buffer, at.start, capacity),
    end: new Uint32Array(buffer, at.end, capacity),
  };
}
