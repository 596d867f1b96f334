/** The program's side of sample-loops.ts: memory of a scan, and what the loops must be told. */
import { NO_CPU } from '../../decode/perf-event-name.ts';
import { type ByteWindow, byteWindow } from '../../decode/record-window.ts';
import { instantiate, type SharedMemory } from '../../wasm/memory.ts';
import type { EventSource } from './header.ts';
import { saysNothing } from './records.ts';
import { KIND, KIND_IDS, MOST_NOTES, SCAN } from './sample-loops.ts';
import { COUNT_LOOPS } from './sample-loops-bytes.ts';
import { RECORD_SAMPLE, type SampleIndex, type SampleKind, type Scanner } from './samples.ts';
import type { BelowZeroLog } from './tally.ts';
import type { TaskNotes } from './tasks.ts';

/** Bytes behind a window that a record which claims too much may touch. */
const SLACK_BYTES = 1 << 17;
/** Kinds with more counters are read the plain way. */
const MOST_SIGNS = 31;
const SIGN_BYTES = 4 * (MOST_SIGNS + 1);

/** Of a change of a task: time, tid and what changes. */
const NOTE_BYTES = 16;

/** What hands out memory. */
type Taker = { take(bytes: number): number };

/** A window and what the loops know of it, in bytes. */
export type WindowPlaces = {
  readonly scan: number;
  readonly window: number;
  readonly windowBytes: number;
  readonly notes: number;
};

export function placeWindow(memory: Taker, windowBytes: number): WindowPlaces {
  const window = memory.take(windowBytes);
  memory.take(SLACK_BYTES);
  const notes = memory.take(NOTE_BYTES * MOST_NOTES);
  return { window, windowBytes, notes, scan: memory.take(SCAN.bytes) };
}

/** Where the values of a list of samples lie. */
export type ListPlaces = Readonly<
  Record<'time' | 'table' | 'cpu' | 'tid' | 'start' | 'end', number>
>;

export function placeList(memory: Taker, capacity: number): ListPlaces {
  return {
    time: memory.take(8 * capacity),
    table: memory.take(2 * capacity),
    cpu: memory.take(2 * capacity),
    tid: memory.take(4 * capacity),
    start: memory.take(4 * capacity),
    end: memory.take(4 * capacity),
  };
}

/** Lists are those of the memory. */
export function listAt({ buffer }: SharedMemory, at: ListPlaces, capacity: number): SampleIndex {
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

/** What all windows of a scan have in common, in bytes. */
type ScanPlaces = Readonly<
  Record<'kindsById' | 'kinds' | 'signs' | 'lastOfCpu' | 'counts' | 'times', number>
>;

export function placeScan(memory: Taker, sources: number): ScanPlaces {
  return {
    kindsById: memory.take(4 * KIND_IDS),
    kinds: memory.take(sources * KIND.bytes),
    signs: memory.take(sources * SIGN_BYTES),
    lastOfCpu: memory.take(8 * (NO_CPU + 1)),
    counts: memory.take(8 * sources),
    times: memory.take(16),
  };
}

/** What is told of counters that ran below zero, in tables that are not kept. */
export type Watched = {
  readonly below: BelowZeroLog;
  readonly signsOf: (table: number) => readonly number[];
};

type Loops = Readonly<Record<'countSamples' | 'listSamples', ScanLoop>>;
type ScanLoop = (scan: number, from: number, to: number) => number;

function notesAt(buffer: ArrayBufferLike, at: number): TaskNotes {
  return {
    times: new Float64Array(buffer, at, MOST_NOTES),
    tids: new Int32Array(buffer, at + 8 * MOST_NOTES, MOST_NOTES),
    changes: new Int32Array(buffer, at + 12 * MOST_NOTES, MOST_NOTES),
  };
}

/** The kinds of samples that the loops know, and what they count. */
export class KnownSamples {
  /** All memory. */
  readonly whole: ByteWindow;
  readonly places: ScanPlaces;
  readonly lastOfCpu: Float64Array;
  /** By table, and the first and last time: what a Tally has. */
  readonly counts: Float64Array;
  readonly times: Float64Array;
  readonly firstId: number;
  readonly loops: Loops;
  /** Addresses of KINDs. */
  readonly #known = new Map<SampleKind, number>();

  constructor(
    memory: SharedMemory,
    places: ScanPlaces,
    sources: readonly EventSource[],
    { below, signsOf }: Watched,
  ) {
    const { buffer } = memory;
    const bytes = new Uint8Array(buffer);
    this.whole = byteWindow(bytes, true);
    this.places = places;
    this.lastOfCpu = new Float64Array(buffer, places.lastOfCpu, NO_CPU + 1).fill(Number.NaN);
    this.counts = new Float64Array(buffer, places.counts, sources.length);
    this.times = new Float64Array(buffer, places.times, 2);
    const ids = sources.flatMap((source) => source.ids);
    this.firstId = ids.reduce((least, id) => Math.min(least, id), Number.MAX_SAFE_INTEGER);
    this.loops = instantiate<'countSamples' | 'listSamples'>(COUNT_LOOPS, memory, {
      belowZero: (table: number, record: number, time: number) => {
        signsOf(table).forEach((sign, nth) => {
          if ((bytes[record + sign] as number) >= 0x80) below.add(table, nth, time);
        });
      },
    });
  }

  /** The address of its KIND. */
  addressOf(kind: SampleKind): number {
    return this.#known.get(kind) ?? this.#write(kind);
  }

  #write(kind: SampleKind): number {
    const { kinds, signs } = this.places;
    const nth = this.#known.size;
    const at = kinds + nth * KIND.bytes;
    this.#known.set(kind, at);
    const { u32 } = this.whole;
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
    if (kind.signs.length === 0) return at;
    const list = signs + nth * SIGN_BYTES;
    u32.set([kind.signs.length, ...kind.signs], list >>> 2);
    set(KIND.signs, list);
    return at;
  }
}

/** Scans usual samples in a window in place of scanUsualSamples(), which it equals. */
export class SampleLoops {
  /** Places in it count from its beginning. */
  readonly window: ByteWindow;
  readonly #known: KnownSamples;
  readonly #places: WindowPlaces;
  readonly #loop: ScanLoop;
  readonly #notes: TaskNotes;

  /** `list`: where samples are listed, undefined where they are only counted. */
  constructor(
    known: KnownSamples,
    places: WindowPlaces,
    list?: { readonly places: ListPlaces; readonly capacity: number },
  ) {
    const { whole, loops, firstId } = known;
    const { kindsById, lastOfCpu, counts, times } = known.places;
    this.#known = known;
    this.#places = places;
    this.#loop = list === undefined ? loops.countSamples : loops.listSamples;
    const { window, windowBytes } = places;
    this.window = byteWindow(whole.bytes.subarray(window, window + windowBytes), true);
    this.#set(SCAN.window, window);
    this.#set(SCAN.kinds, kindsById);
    this.#set(SCAN.firstId, firstId < 2 ** 32 ? firstId : 0);
    this.#set(SCAN.lastOfCpu, lastOfCpu);
    this.#set(SCAN.counts, counts);
    this.#set(SCAN.times, times);
    if (list !== undefined) {
      this.#set(SCAN.capacity, list.capacity);
      for (const [name, at] of Object.entries(list.places)) {
        this.#set(SCAN[name as keyof ListPlaces], at);
      }
    }
    this.#notes = notesAt(whole.bytes.buffer, places.notes);
    this.#set(SCAN.noteTimes, this.#notes.times.byteOffset);
    this.#set(SCAN.noteTids, this.#notes.tids.byteOffset);
    this.#set(SCAN.noteChanges, this.#notes.changes.byteOffset);
    for (let type = 1; type < 64; type++) {
      const half = SCAN.passed + 4 * (type >>> 5);
      if (saysNothing(type)) this.#set(half, this.#get(half) | (1 << (type & 31)));
    }
  }

  /** Tells the loops something of SCAN. */
  #set(member: number, value: number): void {
    this.#known.whole.u32[(this.#places.scan + member) >>> 2] = value;
  }

  #get(member: number): number {
    return this.#known.whole.u32[(this.#places.scan + member) >>> 2] as number;
  }

  /** Returns the place of the first record that is anything else. */
  scan(scanner: Scanner, from: number, to: number): number {
    const { clock, state, known, index, tasks } = scanner;
    if ((from & 3) !== 0 || !clock.isSet || state.waiting.size > 0) return from;
    this.#set(SCAN.baseLow, clock.low);
    this.#set(SCAN.baseHigh, clock.high);
    this.#set(SCAN.idAt, Math.max(0, known.idAt));
    this.#set(SCAN.count, index.count);
    this.#set(SCAN.leastFork, tasks.leastFork);
    this.#set(SCAN.leastComm, tasks.leastComm);
    this.#set(SCAN.recordTime, tasks.time);
    const { scan, window } = this.#places;
    let at = from;
    do at = (this.#loop(scan, window + at, window + to) >>> 0) - window;
    while (this.#learn(known, at, to));
    index.count = this.#get(SCAN.count);
    state.callers += this.#get(SCAN.callers);
    this.#set(SCAN.callers, 0);
    const noted = this.#get(SCAN.noteCount);
    if (noted > 0) tasks.take(this.window, this.#notes, noted);
    this.#set(SCAN.noteCount, 0);
    return at;
  }

  /** Was it a kind that the loops did not know yet, which stopped them? */
  #learn({ only, byId, idAt }: Scanner['known'], at: number, to: number): boolean {
    const { u32 } = this.window;
    if (at + 16 + Math.max(0, idAt) > to || u32[at >>> 2] !== RECORD_SAMPLE) return false;
    const idWord = (at + Math.max(0, idAt)) >>> 2;
    const id = u32[idWord] as number;
    const kind = only ?? (u32[idWord + 1] === 0 ? byId[id] : undefined);
    if (kind === undefined || !kind.isUsual || kind.signs.length > MOST_SIGNS) return false;
    const nth = id - this.#known.firstId;
    if (only === undefined && (nth < 0 || nth >= KIND_IDS)) return false;
    const { whole, places } = this.#known;
    const place = (places.kindsById >>> 2) + nth;
    const isKnown = only === undefined ? whole.u32[place] !== 0 : this.#get(SCAN.only) !== 0;
    if (isKnown) return false;
    const address = this.#known.addressOf(kind);
    if (only === undefined) whole.u32[place] = address;
    else this.#set(SCAN.only, address);
    return true;
  }
}
