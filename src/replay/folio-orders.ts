/** Orders of the folios of one file by first index: a byte per page, in chunks of those touched. */

const CHUNK = 256;

export class FolioOrders {
  readonly #chunks = new Map<number, Uint8Array>();
  // Files are written in order: mostly it is the chunk of the last call.
  #lastNumber = -1;
  #last: Uint8Array | undefined;

  #find(index: number): Uint8Array | undefined {
    const number = Math.floor(index / CHUNK);
    if (number === this.#lastNumber) return this.#last;
    this.#lastNumber = number;
    this.#last = this.#chunks.get(number);
    return this.#last;
  }

  get(index: number): number | undefined {
    // Orders are stored plus one; 0 stands for none.
    const stored = this.#find(index)?.[index % CHUNK] ?? 0;
    return stored === 0 ? undefined : stored - 1;
  }

  set(index: number, order: number): void {
    let chunk = this.#find(index);
    if (chunk === undefined) {
      chunk = new Uint8Array(CHUNK);
      this.#chunks.set(this.#lastNumber, chunk);
      this.#last = chunk;
    }
    chunk[index % CHUNK] = order + 1;
  }

  /** False when there was none. */
  delete(index: number): boolean {
    const chunk = this.#find(index);
    if (chunk === undefined || chunk[index % CHUNK] === 0) return false;
    chunk[index % CHUNK] = 0;
    return true;
  }
}
