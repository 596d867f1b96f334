/**
 * A zstd stream that arrives in pieces, unpacked as it comes. `node:zlib` has no synchronous stream
 * of it. zstddec (wasm) starts with a promise, and does not end when a block is damaged: 55 of 200
 * files with one changed bit left it in an endless loop. fzstd holds one window and throws, but for
 * rare damage (ARCHITECTURE.md, Decisions) that it does not see.
 */
import { Decompress } from 'fzstd';
import { FormatError } from '../../src/trace/errors.ts';
import { ZstdFrames } from './unpack-zstd-frames.ts';

/** Unpacked bytes per packed byte, beyond the first ones that any stream may have. */
export const MAX_RATIO = 250;
const ALWAYS_ALLOWED = 64 << 20;

export class ZstdStream {
  readonly #frames = new ZstdFrames(true);
  readonly #onBytes: (bytes: Uint8Array) => void;
  #decoder: Decompress | undefined;
  #packed = 0;
  #unpacked = 0;

  constructor(onBytes: (bytes: Uint8Array) => void) {
    this.#onBytes = onBytes;
  }

  /** Throws FormatError when the data is damaged or unpacks to more than is allowed. */
  push(packed: Uint8Array): void {
    this.#packed += packed.length;
    try {
      for (const event of this.#frames.split(packed)) {
        if (event.kind === 'end') {
          this.#decoder = undefined;
          continue;
        }
        this.#decoder ??= new Decompress((bytes) => this.#take(bytes));
        // The decoder keeps what it cannot use yet, so it gets bytes of its own.
        this.#decoder.push(event.bytes.slice());
      }
    } catch (error) {
      if (error instanceof FormatError) throw error;
      throw new FormatError(`damaged zstd data: ${error instanceof Error ? error.message : error}`);
    }
  }

  #take(bytes: Uint8Array): void {
    this.#unpacked += bytes.length;
    if (this.#unpacked > ALWAYS_ALLOWED + this.#packed * MAX_RATIO) {
      throw new FormatError(`zstd data unpacks to more than ${MAX_RATIO} times its size`);
    }
    this.#onBytes(bytes);
  }
}
