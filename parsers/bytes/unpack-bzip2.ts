/**
 * bzip2, also of several streams. Own code, because no package for it is kept up: unbzip2-stream
 * (2020) holds a block as an array with an element per byte, 0.6 GB for 46 MB of zeros, at half the
 * speed; seek-bzip wants all of the input at once, takes the end of a cut file for zeros, and calls
 * `new Buffer`; the WASM builds of libbzip2 give nothing of a cut file. A block is at most 900 kB,
 * decoded when all of it is there. Format as in libbzip2's decompress.c: bits from the most
 * significant one, Huffman codes of a move-to-front list of the Burrows-Wheeler transform of
 * run-length encoded bytes.
 */
import { decodeBlock } from './unpack-bzip2-block.ts';

const BLOCK_MAGIC = [0x314159, 0x265359];
const END_MAGIC = [0x177245, 0x385090];
/** Few blocks are longer; one that is will be tried again with more bytes. */
const READ_AHEAD = 1 << 20;

/** The reader ran out of bytes: more of them may help. */
export class NeedMore extends Error {
  override readonly message = 'unexpected end of file';
}

export class BitInput {
  bytes: Uint8Array = new Uint8Array(0);
  /** Next byte to take, and bits of the one before that are still to be used. */
  at = 0;
  #bits = 0;
  #count = 0;

  /** Up to 24 bits. */
  read(width: number): number {
    while (this.#count < width) {
      if (this.at >= this.bytes.length) throw new NeedMore();
      this.#bits = (this.#bits << 8) | (this.bytes[this.at++] as number);
      this.#count += 8;
    }
    this.#count -= width;
    return (this.#bits >>> this.#count) & (2 ** width - 1);
  }

  read32(): number {
    return this.read(16) * 65536 + this.read(16);
  }

  alignToByte(): void {
    this.#count = 0;
  }

  /** Position in bits, to come back to with `seek`. */
  tell(): number {
    return this.at * 8 - this.#count;
  }

  seek(position: number): void {
    this.at = position >> 3;
    this.#count = 0;
    if ((position & 7) !== 0) this.read(position & 7);
  }

  /** Drops what was read and appends `more`. */
  refill(more: Uint8Array): void {
    const position = this.tell();
    const from = position >> 3;
    const joined = new Uint8Array(this.bytes.length - from + more.length);
    joined.set(this.bytes.subarray(from));
    joined.set(more, this.bytes.length - from);
    this.bytes = joined;
    this.seek(position & 7);
  }
}

/** What the next part of the input is; undefined is the end of it all. */
type Step =
  | { readonly kind: 'block'; readonly chunks: readonly Uint8Array[] }
  | { readonly kind: 'other' };

class Stream {
  readonly input = new BitInput();
  /** Units of 100 kB; 0 between streams. */
  #level = 0;
  #crc = 0;
  #isFirst = true;

  /** Reads a header, a block or a trailer. */
  next(): Step | undefined {
    return this.#level === 0 ? this.#header() : this.#blockOrEnd();
  }

  #header(): Step | undefined {
    const { input } = this;
    if (!this.#isFirst && input.at === input.bytes.length) return undefined;
    const isMagic = input.read(8) === 0x42 && input.read(8) === 0x5a && input.read(8) === 0x68;
    const level = isMagic ? input.read(8) - 0x30 : 0;
    if (level < 1 || level > 9) {
      // What follows a complete stream is padding, as the bzip2 program sees it.
      if (!this.#isFirst) return undefined;
      throw new Error('not in bzip2 format');
    }
    this.#level = level;
    this.#crc = 0;
    this.#isFirst = false;
    return { kind: 'other' };
  }

  #blockOrEnd(): Step {
    const { input } = this;
    const [high, low] = [input.read(24), input.read(24)];
    if (high === END_MAGIC[0] && low === END_MAGIC[1]) {
      if (input.read32() !== this.#crc) throw new Error('incorrect data check');
      input.alignToByte();
      this.#level = 0;
      return { kind: 'other' };
    }
    if (high !== BLOCK_MAGIC[0] || low !== BLOCK_MAGIC[1]) throw new Error('incorrect data');
    const expected = input.read32();
    const { chunks, crc } = decodeBlock(input, this.#level * 100_000);
    if (crc !== expected) throw new Error('incorrect data check');
    this.#crc = (((this.#crc << 1) | (this.#crc >>> 31)) ^ crc) >>> 0;
    return { kind: 'block', chunks };
  }
}

export async function* unpackBzip2(packed: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const source = packed[Symbol.asyncIterator]();
  const stream = new Stream();
  const { input } = stream;
  let isEnd = false;
  const fill = async (): Promise<void> => {
    const more: Uint8Array[] = [];
    // What waits already counts double, so that trying again never takes more than twice the time.
    let wanted = Math.max(READ_AHEAD, input.bytes.length - input.at);
    while (wanted > 0 && !isEnd) {
      const { done, value } = await source.next();
      if (done === true) {
        isEnd = true;
        break;
      }
      more.push(value);
      wanted -= value.length;
    }
    input.refill(Buffer.concat(more));
  };
  for (;;) {
    if (!isEnd && input.bytes.length - input.at < READ_AHEAD) await fill();
    const before = input.tell();
    let step: Step | undefined;
    try {
      step = stream.next();
    } catch (error) {
      if (!(error instanceof NeedMore) || isEnd) throw error;
      input.seek(before);
      await fill();
      continue;
    }
    if (step === undefined) return;
    if (step.kind === 'block') yield* step.chunks;
  }
}
