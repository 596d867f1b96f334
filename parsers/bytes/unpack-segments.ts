/**
 * Bytes of unknown number as a row of equally large pieces: they grow without ever being copied
 * into one array, which would take the memory twice. Threads share their memory.
 */
const SEGMENT_BYTES = 4 << 20;
const FIRST_BYTES = 64 << 10;

/** All of SEGMENT_BYTES, but for the last one. */
export type SharedPieces = readonly Uint8Array[];

/** Bytes that need not be held: they are read once and in order, and can be unpacked again. */
export type Hole = { readonly from: number; readonly to: number };

/** By the first bytes of what was unpacked; undefined where all of it is to be held. */
export type FindHole = (head: Uint8Array) => Hole | undefined;

/** Fills `target` from `offset`; returns how many bytes there were. */
export function readPieces(pieces: SharedPieces, target: Uint8Array, offset: number): number {
  let done = 0;
  while (done < target.length) {
    const at = offset + done;
    const within = at % SEGMENT_BYTES;
    const piece = pieces[(at - within) / SEGMENT_BYTES];
    if (piece === undefined || within >= piece.length) break;
    const part = piece.subarray(within, within + target.length - done);
    target.set(part, done);
    done += part.length;
  }
  return done;
}

export class Segments {
  #pieces: Uint8Array[] = [];
  #last = sharedBytes(0);
  #filled = 0;
  #size = 0;
  readonly #findHole: FindHole;
  #wanted: Hole | undefined;
  #hole: Hole | undefined;

  constructor(findHole: FindHole = () => undefined) {
    this.#findHole = findHole;
  }

  /** What is not held: whole pieces, of which there is nothing. */
  get hole(): Hole | undefined {
    return this.#hole;
  }

  get size(): number {
    return this.#size;
  }

  /** What there is, once it is finished. */
  get pieces(): SharedPieces {
    return this.#pieces;
  }

  push(chunk: Uint8Array): void {
    let from = 0;
    while (from < chunk.length) {
      if (this.#filled === this.#last.length) this.#grow();
      const step = Math.min(chunk.length - from, this.#last.length - this.#filled);
      this.#last.set(chunk.subarray(from, from + step), this.#filled);
      this.#filled += step;
      from += step;
    }
    this.#size += chunk.length;
  }

  /** A small input does not take a whole piece. */
  #grow(): void {
    if (this.#last.length === SEGMENT_BYTES) {
      if (this.#isInHole()) {
        this.#pieces.push(NOTHING);
        this.#filled = 0;
        return;
      }
      this.#pieces.push(this.#last);
      this.#last = sharedBytes(SEGMENT_BYTES);
      this.#filled = 0;
      return;
    }
    const larger = sharedBytes(
      Math.min(SEGMENT_BYTES, Math.max(FIRST_BYTES, this.#last.length * 4)),
    );
    larger.set(this.#last);
    this.#last = larger;
  }

  /** Is the piece that is full not to be held? The first one always is. */
  #isInHole(): boolean {
    const from = this.#pieces.length * SEGMENT_BYTES;
    const to = from + SEGMENT_BYTES;
    if (from === 0) this.#wanted = this.#findHole(this.#last);
    const wanted = this.#wanted;
    if (wanted === undefined || from === 0 || from < wanted.from || to > wanted.to) return false;
    this.#hole = { from: this.#hole?.from ?? from, to };
    return true;
  }

  /** Call it after the last push, before any reading. */
  finish(): void {
    const last = sharedBytes(this.#filled);
    last.set(this.#last.subarray(0, this.#filled));
    this.#pieces.push(last);
    this.#last = sharedBytes(0);
    this.#filled = 0;
  }

  head(length: number): Uint8Array {
    const target = new Uint8Array(Math.min(length, this.#size));
    this.readInto(target, 0);
    return target;
  }

  readInto(target: Uint8Array, offset: number): number {
    return readPieces(this.#pieces, target, offset);
  }

  /** Hands the pieces over and forgets them, so that a reader need not hold them twice. */
  async *drain(): AsyncGenerator<Uint8Array> {
    for (let piece = this.#pieces.shift(); piece !== undefined; piece = this.#pieces.shift()) {
      this.#size -= piece.length;
      // Unpackers may not take shared memory.
      yield piece.slice();
    }
  }
}

const NOTHING = sharedBytes(0);

function sharedBytes(length: number): Uint8Array<SharedArrayBuffer> {
  return new Uint8Array(new SharedArrayBuffer(length));
}
