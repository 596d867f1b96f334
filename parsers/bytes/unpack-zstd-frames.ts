/**
 * zstd (RFC 8878, 3.1) in pieces of any size → its bytes, block by block. One window is held; what
 * a damaged or hostile frame can cost is bounded by the packed bytes that are there.
 */
import { BlockDecoder, INCORRECT } from './unpack-zstd-block.ts';
import { MAX_BLOCK_BYTES } from './unpack-zstd-places.ts';

const MAGIC = 0xfd2fb528;
const SKIPPABLE_MAGIC = 0x184d2a50;
/** What the zstd program accepts without being told otherwise: `--long=27`. */
const MAX_WINDOW_BYTES = 128 << 20;
/** The window is moved to the front of its buffer when so much, or half a window, was made. */
const MIN_SPARE_BYTES = 1 << 20;
const MOST_BYTES = MAX_WINDOW_BYTES + spareBytes(MAX_WINDOW_BYTES);
const FIRST_BYTES = 256 << 10;

type Part = 'magic' | 'header' | 'block' | 'content' | 'checksum' | 'skipped';

type Frame = {
  readonly window: number;
  /** Undefined where the frame does not say it. */
  readonly contentBytes: number | undefined;
  readonly hasChecksum: boolean;
  made: number;
};

type Block = { readonly kind: number; readonly size: number; readonly isLast: boolean };

const NO_FRAME: Frame = { window: 0, contentBytes: undefined, hasChecksum: false, made: 0 };

export class ZstdDecoder {
  readonly #blocks = new BlockDecoder(MOST_BYTES);
  #part: Part = 'magic';
  /** The bytes of a magic number, header or checksum so far. */
  #pending: number[] = [];
  /** Of the content of a block, or of what is skipped: bytes that are still to come. */
  #left = 0;
  #frame: Frame = NO_FRAME;
  #block: Block = { kind: 0, size: 0, isLast: true };
  /** So many of the last bytes of the frame are held; as many as its window at least. */
  #end = 0;

  /** False when the input ends within a frame. */
  get isBetweenFrames(): boolean {
    return this.#part === 'magic' && this.#pending.length === 0;
  }

  /** A frame is to begin, whatever came before. */
  reset(): void {
    this.#enter('magic');
  }

  /**
   * Unpacks what is complete with `packed`. What is yielded is only valid until the next step, and
   * lies in shared memory. Throws an Error at what cannot be right, after which only `reset` helps.
   */
  *push(packed: Uint8Array): Generator<Uint8Array> {
    let at = 0;
    while (at < packed.length) {
      if (this.#part === 'content' || this.#part === 'skipped') {
        const step = Math.min(this.#left, packed.length - at);
        if (this.#part === 'content') {
          const filled = this.#packedBytes() - this.#left;
          this.#blocks.input.set(packed.subarray(at, at + step), filled);
        }
        this.#left -= step;
        at += step;
      } else {
        this.#pending.push(packed[at++] as number);
        this.#readSmall();
      }
      if (this.#part === 'skipped' && this.#left === 0) this.#enter('magic');
      if (this.#part === 'content' && this.#left === 0) {
        const bytes = this.#endBlock();
        if (bytes.length > 0) yield bytes;
      }
    }
  }

  #enter(part: Part): void {
    this.#part = part;
    this.#pending.length = 0;
  }

  #readSmall(): void {
    const bytes = this.#pending;
    const { length } = bytes;
    if (this.#part === 'magic' && length >= 4) this.#readMagic();
    else if (this.#part === 'header') this.#readHeader();
    else if (this.#part === 'block' && length === 3) this.#readBlockHeader();
    else if (this.#part === 'checksum' && length === 4) {
      if (this.#blocks.hash() !== littleEndian(bytes)) {
        throw new Error(`${INCORRECT} (its checksum differs)`);
      }
      this.#enter('magic');
    }
  }

  #readMagic(): void {
    const magic = littleEndian(this.#pending.slice(0, 4));
    if (magic === MAGIC) {
      this.#enter('header');
      return;
    }
    if ((magic & 0xfffffff0) >>> 0 !== SKIPPABLE_MAGIC) {
      throw new Error(`${INCORRECT} (no frame begins where one should)`);
    }
    if (this.#pending.length < 8) return;
    this.#left = littleEndian(this.#pending.slice(4, 8));
    this.#enter('skipped');
  }

  #readHeader(): void {
    const bytes = this.#pending;
    const descriptor = bytes[0] as number;
    const isSingle = (descriptor & 32) !== 0;
    const dictionary = [0, 1, 2, 4][descriptor & 3] as number;
    const sizeFlag = descriptor >> 6;
    const sizeBytes = sizeFlag === 0 ? Number(isSingle) : 1 << sizeFlag;
    const total = 1 + Number(!isSingle) + dictionary + sizeBytes;
    if (bytes.length < total) return;
    if ((descriptor & 8) !== 0) throw new Error(`${INCORRECT} (a reserved bit is set)`);
    const sizeAt = total - sizeBytes;
    if (bytes.slice(sizeAt - dictionary, sizeAt).some((byte) => byte !== 0)) {
      throw new Error('it was packed with a dictionary');
    }
    // With two bytes, sizes count from 256.
    const size = littleEndian(bytes.slice(sizeAt)) + (sizeBytes === 2 ? 256 : 0);
    const window = isSingle ? size : windowBytes(bytes[1] as number);
    if (window > MAX_WINDOW_BYTES) throw new Error(`a window of ${window} bytes is too large`);
    const contentBytes = sizeBytes === 0 ? undefined : size;
    const hasChecksum = (descriptor & 4) !== 0;
    this.#frame = { window, contentBytes, hasChecksum, made: 0 };
    this.#end = 0;
    this.#blocks.startFrame();
    this.#enter('block');
  }

  #readBlockHeader(): void {
    const word = littleEndian(this.#pending);
    this.#block = { kind: (word >> 1) & 3, size: word >> 3, isLast: (word & 1) === 1 };
    if (this.#block.kind === 3 || this.#block.size > this.#maxBlockBytes()) {
      throw new Error(`${INCORRECT} (a block is too large)`);
    }
    this.#left = this.#packedBytes();
    this.#enter('content');
  }

  #maxBlockBytes(): number {
    return Math.min(this.#frame.window, MAX_BLOCK_BYTES);
  }

  #packedBytes(): number {
    return this.#block.kind === 1 ? 1 : this.#block.size;
  }

  /** The bytes of the block, of which all is there. */
  #endBlock(): Uint8Array {
    const { kind, size, isLast } = this.#block;
    const frame = this.#frame;
    const blocks = this.#blocks;
    const start = this.#makeRoom();
    if (kind === 2) {
      this.#end = blocks.decode(size, start, this.#maxBlockBytes());
    } else {
      this.#end += size;
      if (kind === 1) blocks.made.fill(blocks.input[0] as number, start, this.#end);
      else blocks.made.set(blocks.input.subarray(0, size), start);
    }
    const bytes = blocks.made.subarray(start, this.#end);
    if (frame.hasChecksum) blocks.addToHash(start, this.#end);
    frame.made += bytes.length;
    const { contentBytes = frame.made } = frame;
    if (frame.made > contentBytes || (isLast && frame.made !== contentBytes)) {
      throw new Error(`${INCORRECT} (${frame.made} bytes instead of ${contentBytes})`);
    }
    this.#enter(isLast ? (frame.hasChecksum ? 'checksum' : 'magic') : 'block');
    return bytes;
  }

  /** Room for one block behind the window. Memory grows with what was made, not with claims. */
  #makeRoom(): number {
    const { window } = this.#frame;
    const { made } = this.#blocks;
    const needed = this.#end + this.#maxBlockBytes();
    if (needed <= made.length) return this.#end;
    const most = window + spareBytes(window);
    if (made.length < most) {
      this.#blocks.reserve(Math.max(FIRST_BYTES, needed, Math.min(most, 2 * made.length)));
      return this.#end;
    }
    const kept = Math.min(this.#end, window);
    made.copyWithin(0, this.#end - kept, this.#end);
    this.#end = kept;
    return kept;
  }
}

function spareBytes(window: number): number {
  return Math.max(MIN_SPARE_BYTES, window >> 1);
}

/** Exact below 2^53; more is too large for every use. */
function littleEndian(bytes: readonly number[]): number {
  return bytes.reduceRight((sum, byte) => sum * 256 + byte, 0);
}

function windowBytes(descriptor: number): number {
  const base = 2 ** (10 + (descriptor >> 3));
  return base + (base / 8) * (descriptor & 7);
}
