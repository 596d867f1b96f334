/**
 * Follows zstd frames and blocks by their headers (RFC 8878, 3.1.1): where a frame ends, what may
 * be skipped, and how much memory and copying a decoder would need for it.
 */

const MAGIC = 0xfd2fb528;
const SKIPPABLE_MAGIC = 0x184d2a50;
/** What the zstd program accepts without being told otherwise: `--long=27`. */
const MAX_WINDOW_BYTES = 128 << 20;
/** What fzstd may copy: it moves its whole window for every block, hours for many small ones. */
const MAX_MOVED_BYTES = 64 * 1024 ** 3;
const MOVED_PER_PACKED_BYTE = 64 * 1024;
const MAX_BLOCK_BYTES = 128 << 10;

export type FrameEvent =
  | { readonly kind: 'data'; readonly bytes: Uint8Array }
  | { readonly kind: 'end' };

export class ZstdFrames {
  /** Frames begun. */
  count = 0;
  #state: 'magic' | 'header' | 'block' | 'content' | 'checksum' | 'skipped' = 'magic';
  /** Bytes of the present part that are still to come, for the last three states. */
  #left = 0;
  #pending: number[] = [];
  #window = 0;
  #moved = 0;
  #packed = 0;
  #hasChecksum = false;
  #isLastBlock = false;
  readonly #byBlock: boolean;

  /** `byBlock`: for fzstd, which unpacks all it is given at once. */
  constructor(byBlock: boolean) {
    this.#byBlock = byBlock;
  }

  get isBetweenFrames(): boolean {
    return this.#state === 'magic' && this.#pending.length === 0;
  }

  /** The parts of `chunk` that belong to frames with data, and the ends of those frames. */
  *split(chunk: Uint8Array): Generator<FrameEvent> {
    this.#packed += chunk.length;
    let from = 0;
    let at = 0;
    while (at < chunk.length) {
      const before = this.#state;
      at = this.#step(chunk, at);
      // A magic number that chunks divide: its bytes are given out with the rest of the header.
      if (before === 'magic' && this.#state === 'header') {
        yield { kind: 'data', bytes: Uint8Array.of(...MAGIC_BYTES) };
        from = at;
      } else if (before === 'magic' || before === 'skipped') {
        from = at;
      } else if (this.#state === 'magic') {
        yield { kind: 'data', bytes: chunk.subarray(from, at) };
        yield { kind: 'end' };
        from = at;
      } else if (this.#byBlock && before === 'content' && this.#state !== before) {
        yield { kind: 'data', bytes: chunk.subarray(from, at) };
        from = at;
      }
    }
    const inData = this.#state !== 'magic' && this.#state !== 'skipped';
    if (inData && at > from) yield { kind: 'data', bytes: chunk.subarray(from, at) };
  }

  #step(chunk: Uint8Array, at: number): number {
    switch (this.#state) {
      case 'magic':
        this.#pending.push(chunk[at] as number);
        this.#magic();
        return at + 1;
      case 'header':
        this.#pending.push(chunk[at] as number);
        this.#header();
        return at + 1;
      case 'block':
        this.#pending.push(chunk[at] as number);
        this.#block();
        return at + 1;
      case 'content':
      case 'checksum':
      case 'skipped': {
        const step = Math.min(this.#left, chunk.length - at);
        this.#left -= step;
        if (this.#left === 0) this.#partEnds();
        return at + step;
      }
    }
  }

  #magic(): void {
    const bytes = this.#pending;
    if (bytes.length < 4) return;
    const magic = littleEndian(bytes.slice(0, 4));
    if (magic === MAGIC) {
      this.#enter('header', 0);
      this.count++;
      return;
    }
    if ((magic & 0xfffffff0) >>> 0 !== SKIPPABLE_MAGIC) {
      throw new Error('incorrect data (no frame begins where one should)');
    }
    if (bytes.length < 8) return;
    this.count++;
    this.#enter('skipped', littleEndian(bytes.slice(4, 8)));
  }

  #header(): void {
    const bytes = this.#pending;
    const descriptor = bytes[0] as number;
    const isSingle = (descriptor & 32) !== 0;
    const dictionary = [0, 1, 2, 4][descriptor & 3] as number;
    const sizeFlag = descriptor >> 6;
    const contentSize = sizeFlag === 0 ? Number(isSingle) : 1 << sizeFlag;
    const total = 1 + Number(!isSingle) + dictionary + contentSize;
    if (bytes.length < total) return;
    // With two bytes, sizes count from 256.
    const bias = contentSize === 2 ? 256 : 0;
    this.#window = isSingle
      ? littleEndian(bytes.slice(total - contentSize, total)) + bias
      : windowBytes(bytes[1] as number);
    if (this.#window > MAX_WINDOW_BYTES) {
      throw new Error(`a window of ${this.#window} bytes is too large`);
    }
    this.#hasChecksum = (descriptor & 4) !== 0;
    this.#enter('block', 0);
  }

  #block(): void {
    const bytes = this.#pending;
    if (bytes.length < 3) return;
    const word = littleEndian(bytes);
    const isRle = ((word >> 1) & 3) === 1;
    const size = word >> 3;
    if (size > MAX_BLOCK_BYTES) throw new Error('incorrect data (a block is too large)');
    this.#isLastBlock = (word & 1) === 1;
    this.#moved += this.#window;
    if (this.#byBlock && this.#moved > MAX_MOVED_BYTES + this.#packed * MOVED_PER_PACKED_BYTE) {
      throw new Error('too many small blocks for so large a window');
    }
    this.#enter('content', isRle ? 1 : size);
  }

  #partEnds(): void {
    const isContent = this.#state === 'content';
    if (isContent && !this.#isLastBlock) this.#enter('block', 0);
    else if (isContent && this.#hasChecksum) this.#enter('checksum', 4);
    else this.#enter('magic', 0);
  }

  #enter(
    state: 'magic' | 'header' | 'block' | 'content' | 'checksum' | 'skipped',
    left: number,
  ): void {
    this.#pending = [];
    this.#state = state;
    this.#left = left;
    const isCounted = state === 'content' || state === 'checksum' || state === 'skipped';
    if (isCounted && left === 0) this.#partEnds();
  }
}

const MAGIC_BYTES = [0x28, 0xb5, 0x2f, 0xfd];

/** Exact below 2^53; more is too large for every use. */
function littleEndian(bytes: readonly number[]): number {
  return bytes.reduceRight((sum, byte) => sum * 256 + byte, 0);
}

function windowBytes(descriptor: number): number {
  const base = 2 ** (10 + (descriptor >> 3));
  return base + (base / 8) * (descriptor & 7);
}
