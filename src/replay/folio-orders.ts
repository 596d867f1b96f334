/** Orders of the folios of one file by first index: a byte per page, in chunks of those touched. */

const CHUNK = 256;
const FEW = 16;

export class FolioOrders {
  readonly #chunks = new Map<number, Uint8Array>();
  // Files are written in order: mostly it is the chunk of the last call.
  #lastNumber = -1;
  #last: Uint8Array | undefined;
  /** No folio of the file was ever larger. */
  largest = 0;

  #find(index: number): Uint8Array | undefined {
    const number = Math.floor(index / CHUNK);
    if (number === this.#lastNumber) return this.#last;
    this.#lastNumber = number;
    this.#last = this.#chunks.get(number);
    return this.#last;
  }

  get(index: number): number | undefined {
    // Orders are stored plus one; 0 stands for none.
    const stored = this.#find(index)?.[this.#place(index)] ?? 0;
    return stored === 0 ? undefined : stored - 1;
  }

  set(index: number, order: number): void {
    // What wrapped below zero is no page.
    if (index < 0) return;
    let chunk = this.#find(index);
    if (chunk === undefined) {
      chunk = new Uint8Array(CHUNK);
      this.#chunks.set(this.#lastNumber, chunk);
      this.#last = chunk;
    }
    const place = this.#place(index);
    chunk[place] = order + 1;
    const kept = (chunk[place] as number) - 1;
    if (kept > this.largest) this.largest = kept;
  }

  /** No folio begins in [from, to) any more. */
  clear(from: number, to: number): void {
    // Beyond, one more is no other page: none was stored there, and the loop would not end.
    if (to > Number.MAX_SAFE_INTEGER) return;
    let at = from;
    while (at < to) {
      const chunk = this.#find(at);
      const behind = Math.min(to, (this.#lastNumber + 1) * CHUNK);
      if (chunk !== undefined) wipe(chunk, this.#place(at), behind - at);
      at = behind;
    }
  }

  /** In the chunk found last. The remainder of a double is a call to fmod(); this is none. */
  #place(index: number): number {
    return index - this.#lastNumber * CHUNK;
  }
}

/** Mostly of one page, for which fill() took longer than all the rest of what leaves the cache. */
function wipe(chunk: Uint8Array, from: number, count: number): void {
  if (count > FEW) chunk.fill(0, from, from + count);
  else for (let at = from; at < from + count; at++) chunk[at] = 0;
}
