/**
 * The program's side of the loops that decode blocks of zstd (unpack-zstd-loops.ts): their memory,
 * which holds the block, what was made of its frame so far, and the hash of that.
 */
import {
  type GrowingMemory,
  growingMemory,
  growTo,
  instantiate,
  type WasmFunctions,
} from '../wasm/memory.ts';
import { ZSTD_LOOPS_BYTES } from './unpack-zstd-loops-bytes.ts';
import {
  MAX_LITERAL_SYMBOL,
  MAX_MATCH_SYMBOL,
  MAX_OFFSET_SYMBOL,
  PLACE,
  SLACK_BYTES,
} from './unpack-zstd-places.ts';

export const INCORRECT = 'incorrect data';

// Symbols of lengths: how many more bits are added to what they stand for (3.1.1.3.2.1.1).
const EXTRA_LITERALS = [1, 1, 1, 1, 2, 2, 3, 3, 4, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16];
const EXTRA_MATCH = [1, 1, 1, 1, 2, 2, 3, 3, 4, 4, 5, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16];

type LengthCode = { readonly bases: Uint32Array; readonly bits: Uint8Array };

function lengthCode(symbols: number, first: number, extra: readonly number[]): LengthCode {
  const plain = symbols - extra.length;
  const bits = Uint8Array.from({ length: symbols }, (_, symbol) => extra[symbol - plain] ?? 0);
  let base = first;
  const bases = Uint32Array.from(bits, (width) => {
    base += 2 ** width;
    return base - 2 ** width;
  });
  return { bases, bits };
}

function offsetCode(): LengthCode {
  const bits = Uint8Array.from({ length: MAX_OFFSET_SYMBOL + 1 }, (_, symbol) => symbol);
  return { bases: Uint32Array.from(bits, (symbol) => 2 ** symbol), bits };
}

// 3.1.1.3.2.2: the chances of symbols where a block describes no code of its own; -1: less than 1.
const CODES = [
  {
    ...lengthCode(MAX_LITERAL_SYMBOL + 1, 0, EXTRA_LITERALS),
    places: [PLACE.LITERAL_BASES, PLACE.LITERAL_BITS, PLACE.PLAIN_LITERAL_TABLE],
    log: 6,
    chances: [
      4, 3, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 1, 1, 1, 2, 2, 2, 2, 2, 2, 2, 2, 2, 3, 2, 1, 1, 1, 1,
      1, -1, -1, -1, -1,
    ],
  },
  {
    ...offsetCode(),
    places: [PLACE.OFFSET_BASES, PLACE.OFFSET_BITS, PLACE.PLAIN_OFFSET_TABLE],
    log: 5,
    chances: [
      1, 1, 1, 1, 1, 1, 2, 2, 2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, -1, -1, -1, -1, -1,
    ],
  },
  {
    ...lengthCode(MAX_MATCH_SYMBOL + 1, 3, EXTRA_MATCH),
    places: [PLACE.MATCH_BASES, PLACE.MATCH_BITS, PLACE.PLAIN_MATCH_TABLE],
    log: 6,
    chances: [
      1, 4, 3, 2, 2, 2, 2, 2, 2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
      1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, -1, -1, -1, -1, -1, -1, -1,
    ],
  },
] as const;

type Loop = 'makeTable' | 'startFrame' | 'decodeBlock' | 'startHash' | 'addToHash' | 'hashOf';

/** Decodes the blocks of one frame after the other. Places are counted from its first byte. */
export class BlockDecoder {
  readonly #memory: GrowingMemory;
  readonly #loops: WasmFunctions<Loop>;
  /** The packed block is to be written here. */
  readonly input: Uint8Array;
  /** What was made of the frame, and room for more. */
  made: Uint8Array = new Uint8Array(0);

  /** `mostBytes`: what may ever have to be held of a frame. */
  constructor(mostBytes: number) {
    const most = PLACE.HISTORY + mostBytes + SLACK_BYTES;
    this.#memory = growingMemory(PLACE.HISTORY + SLACK_BYTES, most);
    this.#loops = instantiate<Loop>(ZSTD_LOOPS_BYTES, this.#memory, {});
    const { buffer } = this.#memory;
    this.input = new Uint8Array(buffer, PLACE.INPUT, PLACE.HISTORY - PLACE.INPUT - SLACK_BYTES);
    for (const { bases, bits, places, log, chances } of CODES) {
      const [basesAt, bitsAt, table] = places;
      new Uint32Array(buffer, basesAt, bases.length).set(bases);
      new Uint8Array(buffer, bitsAt, bits.length).set(bits);
      new Uint16Array(buffer, PLACE.CHANCES, chances.length).set(chances);
      this.#loops.makeTable(table, log, chances.length, basesAt, bitsAt);
    }
  }

  startFrame(): void {
    this.#loops.startFrame();
    this.#loops.startHash();
  }

  /** Makes room for so many bytes of the frame. */
  reserve(bytes: number): void {
    if (bytes <= this.made.length) return;
    growTo(this.#memory, PLACE.HISTORY + bytes + SLACK_BYTES);
    this.made = new Uint8Array(this.#memory.buffer, PLACE.HISTORY, bytes);
  }

  /**
   * Appends the block of `size` bytes to the `at` bytes that are there of the frame, at most
   * `maxBytes`, for which there must be room. Returns the new end; throws an Error of two words.
   */
  decode(size: number, at: number, maxBytes: number): number {
    const start = PLACE.HISTORY;
    const end = this.#loops.decodeBlock(size, start, start + at, maxBytes);
    if (end < 0) throw new Error(INCORRECT);
    return end - start;
  }

  /** Adds these bytes of the frame to its hash. */
  addToHash(from: number, end: number): void {
    this.#loops.addToHash(PLACE.HISTORY + from, PLACE.HISTORY + end);
  }

  /** Bits 0 to 31 of the hash of all bytes that were added, unsigned. */
  hash(): number {
    return this.#loops.hashOf() >>> 0;
  }
}
