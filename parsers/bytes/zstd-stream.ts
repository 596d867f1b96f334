/** A zstd stream that arrives in pieces, as perf.data has it: unpacked as it comes, at once. */
import { FormatError } from '../../src/trace/errors.ts';
import { brokenLimit, DEFAULT_LIMITS, type UnpackLimits } from './unpack.ts';
import { ZstdDecoder } from './unpack-zstd-frames.ts';

export class ZstdStream {
  readonly #decoder = new ZstdDecoder();
  readonly #onBytes: (bytes: Uint8Array) => void;
  readonly #limits: UnpackLimits;
  #packed = 0;
  #unpacked = 0;

  /** The bytes that `onBytes` gets are only valid until it returns. */
  constructor(onBytes: (bytes: Uint8Array) => void, limits: Partial<UnpackLimits> = {}) {
    this.#onBytes = onBytes;
    this.#limits = { ...DEFAULT_LIMITS, ...limits };
  }

  /** Throws FormatError when the data is damaged or unpacks to more than is allowed. */
  push(packed: Uint8Array): void {
    this.#packed += packed.length;
    try {
      for (const bytes of this.#decoder.push(packed)) this.#take(bytes);
    } catch (error) {
      if (error instanceof FormatError) throw error;
      throw new FormatError(`damaged zstd data: ${error instanceof Error ? error.message : error}`);
    }
  }

  #take(bytes: Uint8Array): void {
    this.#unpacked += bytes.length;
    const broken = brokenLimit(this.#unpacked, this.#packed, this.#limits);
    if (broken !== undefined) throw new FormatError(`its zstd data ${broken}`);
    this.#onBytes(bytes);
  }
}
