/**
 * Blocks that are packed on their own and say how large they become, as trace.dat version 7 keeps
 * its sections and stretches of its pages. Synchronous, because pages are read where they lie.
 */
import * as zlib from 'node:zlib';
import { ZstdDecoder } from './unpack-zstd-frames.ts';

/** `size` is what the file announces; throws an Error when the block is not of that size. */
export type BlockUnpacker = (packed: Uint8Array, size: number) => Uint8Array;

const UNPACKERS: Readonly<Record<string, () => BlockUnpacker>> = {
  zlib: () => (packed, size) => ofSize(zlib.inflateSync(packed, { maxOutputLength: size }), size),
  zstd: zstdBlocks,
};

/** By the name that trace-cmd writes; undefined when no unpacker is known. */
export function blockUnpacker(compression: string): BlockUnpacker | undefined {
  return Object.hasOwn(UNPACKERS, compression) ? UNPACKERS[compression]?.() : undefined;
}

/** One decoder for all blocks: its tables are larger than most of them. */
function zstdBlocks(): BlockUnpacker {
  let decoder = new ZstdDecoder();
  return (packed, size) => {
    const target = new Uint8Array(size);
    let filled = 0;
    let isWhole = false;
    try {
      for (const bytes of decoder.push(packed)) {
        if (filled + bytes.length > size) throw new Error(`more than ${size} bytes`);
        target.set(bytes, filled);
        filled += bytes.length;
      }
      if (!decoder.isBetweenFrames) throw new Error('unexpected end of file');
      isWhole = true;
    } finally {
      if (!isWhole) decoder = new ZstdDecoder();
    }
    return ofSize(target.subarray(0, filled), size);
  };
}

function ofSize(bytes: Uint8Array, size: number): Uint8Array {
  if (bytes.length === size) return bytes;
  throw new Error(`${bytes.length} bytes instead of ${size}`);
}
