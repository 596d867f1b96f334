/**
 * Blocks that are packed on their own and say how large they become, as trace.dat version 7 keeps
 * its sections and stretches of its pages. Synchronous, because pages are read where they lie.
 */
import * as zlib from 'node:zlib';
import { decompress } from 'fzstd';

/** `size` is what the file announces; throws an Error when the block is not of that size. */
export type BlockUnpacker = (packed: Uint8Array, size: number) => Uint8Array;

// The types of Node 20 do not have it: zlib learnt zstd in 22.15.
type ZstdSync = (packed: Uint8Array, options: { maxOutputLength: number }) => Uint8Array;
type MaybeZstd = { readonly zstdDecompressSync?: ZstdSync };
const nativeZstd = (zlib as unknown as MaybeZstd).zstdDecompressSync;

const UNPACKERS: Readonly<Record<string, BlockUnpacker>> = {
  zlib: (packed, size) => ofSize(zlib.inflateSync(packed, { maxOutputLength: size }), size),
  zstd: (packed, size) => unpackZstdBlock(packed, size),
};

/** By the name that trace-cmd writes; undefined when no unpacker is known. */
export function blockUnpacker(compression: string): BlockUnpacker | undefined {
  return Object.hasOwn(UNPACKERS, compression) ? UNPACKERS[compression] : undefined;
}

/** `native` is there for the tests of the other way. */
export function unpackZstdBlock(
  packed: Uint8Array,
  size: number,
  native: ZstdSync | undefined = nativeZstd,
): Uint8Array {
  if (native !== undefined) return ofSize(native(packed, { maxOutputLength: size }), size);
  // Given the target, fzstd makes room for nothing, whatever window the frame claims.
  return ofSize(decompress(packed, new Uint8Array(size)), size);
}

function ofSize(bytes: Uint8Array, size: number): Uint8Array {
  if (bytes.length === size) return bytes;
  throw new Error(`${bytes.length} bytes instead of ${size}`);
}
