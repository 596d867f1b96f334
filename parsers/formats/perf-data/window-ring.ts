/**
 * Windows of a file on their way from the thread that reads them and lists their samples to those
 * that deal the samples out to tables. All of it lies in one shared memory, in bytes.
 */
import { Allocator, type SharedMemory } from '../../wasm/memory.ts';
import { type ListPlaces, placeList, placeWindow, type WindowPlaces } from './loop-scanner.ts';

/** Room for one window. */
export type SlotPlaces = WindowPlaces & {
  readonly list: ListPlaces;
  /** ABOUT the window, and a ROWS for each table. */
  readonly about: number;
  readonly rows: number;
};

export type RingPlaces = {
  readonly control: number;
  /** i32: the slot of each window. */
  readonly queue: number;
  readonly windows: number;
  /** i32: what each table is made for, and how much of it is kept. */
  readonly tables: number;
  readonly slots: readonly SlotPlaces[];
  /** Samples that the list of a window has room for. */
  readonly capacity: number;
  readonly end: number;
};

/** What a thread must know to deal out the samples of a window. */
export const ABOUT = {
  bytes: 32,
  /** Doubles: the last time before it, the first behind it, and from when tables count. */
  until: 0,
  since: 8,
  origin: 16,
  /** Position of its first sample in the whole trace; tables so far. */
  seq: 24,
  tables: 28,
} as const;

/** The next row of a table, and where its columns lie: 0 if nothing is kept. */
export const ROWS = { bytes: 12, row: 0, columns: 4, capacity: 8 } as const;

const PUBLISHED = 0;
const TAKEN = 1;
const CLOSED = 2;
/** Where unused memory begins, in words of 8 bytes. */
const UNUSED = 3;
/** Counts what threads that wait are to look at. */
const NEWS = 4;
const BUSY = 5;

/** Threads sleep until so many windows wait: to wake one takes 0.1 ms where it has nothing to do. */
const WAKING_WINDOWS = 2;

/** A window is filled at least to this part, but for the end of the file. */
export const LEAST_FILLED = 0.75;

/** The smallest record is its header. */
const LEAST_SAMPLE_BYTES = 8;

export function placeRing(options: {
  readonly slots: number;
  readonly windowBytes: number;
  readonly windows: number;
  readonly sources: number;
}): RingPlaces {
  const { slots, windowBytes, windows, sources } = options;
  const memory = new Allocator();
  const capacity = Math.ceil(windowBytes / LEAST_SAMPLE_BYTES);
  return {
    control: memory.take(4 * (BUSY + slots)),
    queue: memory.take(4 * windows),
    tables: memory.take(4 * sources),
    ...{ windows, capacity },
    slots: Array.from({ length: slots }, () => ({
      ...placeWindow(memory, windowBytes),
      list: placeList(memory, capacity),
      about: memory.take(ABOUT.bytes),
      rows: memory.take(sources * ROWS.bytes),
    })),
    end: memory.end,
  };
}

export class WindowRing {
  readonly places: RingPlaces;
  readonly #bytes: number;
  readonly #control: Int32Array;
  readonly #queue: Int32Array;

  /** `isNew` for the thread that made the memory. */
  constructor({ buffer }: SharedMemory, places: RingPlaces, isNew = false) {
    this.places = places;
    this.#bytes = buffer.byteLength;
    this.#control = new Int32Array(buffer, places.control, BUSY + places.slots.length);
    this.#queue = new Int32Array(buffer, places.queue, places.windows);
    if (isNew) this.#control[UNUSED] = places.end / 8;
  }

  /** Hands out memory that no thread has used, zeros. Throws RangeError when there is no more. */
  take(bytes: number): number {
    const words = Math.ceil(bytes / 8);
    const at = 8 * Atomics.add(this.#control, UNUSED, words);
    if (at + bytes > this.#bytes) throw new RangeError('no memory is left for columns');
    return at;
  }

  /** A slot that no window is in; undefined while all are in use. */
  freeSlot(): number | undefined {
    const slots = this.places.slots.length;
    for (let slot = 0; slot < slots; slot++) {
      if (Atomics.compareExchange(this.#control, BUSY + slot, 0, 1) === 0) return slot;
    }
    return undefined;
  }

  release(slot: number): void {
    Atomics.store(this.#control, BUSY + slot, 0);
  }

  /** Says which slot a window is in, and that all up to `end` can be dealt out. */
  publish(window: number, slot: number, end: number): void {
    this.#queue[window] = slot;
    Atomics.store(this.#control, PUBLISHED, end);
    if (end - Atomics.load(this.#control, TAKEN) >= WAKING_WINDOWS) this.#tell();
  }

  slotOf(window: number): number {
    return this.#queue[window] as number;
  }

  /** No more windows come than those up to `end`. */
  close(end: number): void {
    Atomics.store(this.#control, PUBLISHED, end);
    Atomics.store(this.#control, CLOSED, 1);
    this.#tell();
  }

  #tell(): void {
    Atomics.add(this.#control, NEWS, 1);
    Atomics.notify(this.#control, NEWS);
  }

  /** The next window that nobody has taken; undefined where there is none yet. */
  takeWindow(): number | undefined {
    for (;;) {
      const next = Atomics.load(this.#control, TAKEN);
      if (next >= Atomics.load(this.#control, PUBLISHED)) return undefined;
      if (Atomics.compareExchange(this.#control, TAKEN, next, next + 1) === next) return next;
    }
  }

  /** The same, waiting for it; undefined when no more come. Not for the thread that publishes. */
  awaitWindow(): number | undefined {
    for (;;) {
      const news = Atomics.load(this.#control, NEWS);
      const isClosed = Atomics.load(this.#control, CLOSED) === 1;
      const window = this.takeWindow();
      if (window !== undefined || isClosed) return window;
      Atomics.wait(this.#control, NEWS, news);
    }
  }
}
