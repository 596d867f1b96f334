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
  /** i32: the slot that each chunk of the file was read to, behind room for `restBytes`. */
  readonly chunkSlots: number;
  readonly chunks: number;
  readonly restBytes: number;
  readonly chunkBytes: number;
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
/** The next chunk to be read, and a count of chunks read and slots that became free. */
const NEXT_CHUNK = 5;
const MOVES = 6;
const BUSY = 7;

/** In place of a slot + 1. */
const NOT_READ = 0;
const FAILED = -1;
/** A thread that reads one longer than this has died. */
const MOST_WAIT_MS = 20_000;

/** Threads sleep until so many windows wait: to wake one takes 0.1 ms where it has nothing to do. */
const WAKING_WINDOWS = 2;

/** A window is filled at least to this part, but for the end of the file. */
export const LEAST_FILLED = 0.75;

/** Room for what a window leaves to the next one: a record that is cut. */
const LEAST_REST = 1 << 16;

/** The smallest record is its header. */
const LEAST_SAMPLE_BYTES = 8;

export function placeRing(options: {
  readonly slots: number;
  readonly windowBytes: number;
  readonly windows: number;
  readonly sources: number;
  /** Of the file that is read in chunks; 0 where records come in another way. */
  readonly bytes: number;
}): RingPlaces {
  const { slots, windowBytes, windows, sources, bytes } = options;
  const restBytes = Math.max(LEAST_REST, Math.floor(((1 - LEAST_FILLED) * windowBytes) / 8) * 8);
  const chunkBytes = windowBytes - restBytes;
  const chunks = Math.ceil(bytes / chunkBytes);
  const memory = new Allocator();
  const capacity = Math.ceil(windowBytes / LEAST_SAMPLE_BYTES);
  return {
    control: memory.take(4 * (BUSY + slots)),
    queue: memory.take(4 * windows),
    tables: memory.take(4 * sources),
    chunkSlots: memory.take(4 * chunks),
    ...{ windows, capacity, chunks, restBytes, chunkBytes },
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
  readonly #chunkSlots: Int32Array;

  /** `isNew` for the thread that made the memory. */
  constructor({ buffer }: SharedMemory, places: RingPlaces, isNew = false) {
    this.places = places;
    this.#bytes = buffer.byteLength;
    this.#control = new Int32Array(buffer, places.control, BUSY + places.slots.length);
    this.#queue = new Int32Array(buffer, places.queue, places.windows);
    this.#chunkSlots = new Int32Array(buffer, places.chunkSlots, places.chunks);
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
    this.#move();
  }

  #move(): void {
    Atomics.add(this.#control, MOVES, 1);
    Atomics.notify(this.#control, MOVES);
  }

  /** A chunk that is to be read, and the slot for it; undefined where either is missing. */
  takeChunk(): { readonly chunk: number; readonly slot: number } | undefined {
    if (Atomics.load(this.#control, NEXT_CHUNK) >= this.places.chunks) return undefined;
    const slot = this.freeSlot();
    if (slot === undefined) return undefined;
    const chunk = Atomics.add(this.#control, NEXT_CHUNK, 1);
    if (chunk < this.places.chunks) return { chunk, slot };
    this.release(slot);
    return undefined;
  }

  /** Says that a chunk that was taken is in its slot, or could not be read. */
  endChunk(chunk: number, slot: number, isRead: boolean): void {
    Atomics.store(this.#chunkSlots, chunk, isRead ? slot + 1 : FAILED);
    this.#move();
  }

  /**
   * The slot that a chunk is in, -1 where it could not be read. Until it is there, `work` does what
   * else is to do and says whether there was anything.
   */
  awaitChunk(chunk: number, work: () => boolean): number {
    for (;;) {
      const moves = Atomics.load(this.#control, MOVES);
      const slot = Atomics.load(this.#chunkSlots, chunk);
      if (slot !== NOT_READ) return Math.max(-1, slot - 1);
      if (work()) continue;
      if (Atomics.wait(this.#control, MOVES, moves, MOST_WAIT_MS) === 'timed-out') return -1;
    }
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

  /**
   * The same, waiting for it, or doing other `work` meanwhile; undefined when no more come. Not for
   * the thread that publishes.
   */
  awaitWindow(work: () => boolean): number | undefined {
    for (;;) {
      const news = Atomics.load(this.#control, NEWS);
      const isClosed = Atomics.load(this.#control, CLOSED) === 1;
      const window = this.takeWindow();
      if (window !== undefined || isClosed) return window;
      if (!work()) Atomics.wait(this.#control, NEWS, news);
    }
  }
}
