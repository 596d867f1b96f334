/**
 * Blocks that are packed on their own and say how large they become, as trace.dat version 7 keeps
 * its sections and stretches of its pages. Synchronous, because pages are read where they lie.
 */
import * as zlib from 'node:zlib';
import { ZstdDecoder } from './unpack-zstd-frames.ts';

/** Fills `target`, of the size that the file announces, or throws an Error. */
export type BlockUnpacker = (packed: Uint8Array, target: Uint8Array) => void;

const UNPACKERS: Readonly<Record<string, () => BlockUnpacker>> = {
  zlib: () => (packed, target) => {
    const bytes = zlib.inflateSync(packed, { maxOutputLength: target.length });
    expectSize(bytes.length, target.length);
    target.set(bytes);
  },
  zstd: zstdBlocks,
};

/** By the name that trace-cmd writes; undefined when no unpacker is known. */
export function blockUnpacker(compression: string): BlockUnpacker | undefined {
  return Object.hasOwn(UNPACKERS, compression) ? UNPACKERS[compression]?.() : undefined;
}

/** One decoder for all blocks: its memory is larger than most of them. */
function zstdBlocks(): BlockUnpacker {
  const decoder = new ZstdDecoder();
  return (packed, target) => {
    let filled = 0;
    decoder.reset();
    for (const bytes of decoder.push(packed)) {
      const end = filled + bytes.length;
      if (end > target.length) throw new Error(`more than ${target.length} bytes`);
      target.set(bytes, filled);
      filled = end;
    }
    if (!decoder.isBetweenFrames) throw new Error('unexpected end of file');
    expectSize(filled, target.length);
  };
}

function expectSize(found: number, size: number): void {
  if (found !== size) throw new Error(`${found} bytes instead of ${size}`);
}
