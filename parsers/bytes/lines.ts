/**
 * A byte source as blocks of whole lines, read through one buffer: no input is ever held whole, and
 * no string is made. A block is a range of bytes, valid only while the callback runs.
 */
import type { ByteSource } from './source.ts';

/** Gets whole lines from `start` to `end`, each with its LF; `offset` is where `bytes` begin. */
export type OnBlock = (bytes: Uint8Array, start: number, end: number, offset: number) => void;

export type BlockOptions = {
  /**
   * Bytes to read at once. A block is walked twice, so it should stay in the processor's second
   * cache. Measured: 128 KiB to 1 MiB are equally fast. Small ones are for tests.
   */
  readonly chunkBytes?: number | undefined;
  /** Where blocks are read to, for readers that want them in a place of their own. */
  readonly buffer?: Uint8Array | undefined;
  /** Told of each line longer than MAX_LINE_BYTES that is in no block, in its place. */
  readonly onLongLine?: ((offset: number) => void) | undefined;
  /** Told what share of the source the next block ends with. */
  readonly progress?: ((share: number) => void) | undefined;
};

const CHUNK_BYTES = 512 << 10;
/** Nothing that prints events writes longer lines; readers of blocks skip them. */
export const MAX_LINE_BYTES = 64 << 10;
const LF = 0x0a;
const CR = 0x0d;

/** Room for a chunk, the beginning of a line from the chunk before, and a last newline. */
export function blockBytes(chunkBytes = CHUNK_BYTES): number {
  return MAX_LINE_BYTES + chunkBytes + 1;
}

/** Calls `onBlock` for all lines in order, also for a last one without a newline. */
export function readLineBlocks(
  source: ByteSource,
  onBlock: OnBlock,
  options: BlockOptions = {},
): void {
  const { onLongLine } = options;
  const chunkBytes = options.chunkBytes ?? Math.max(1, Math.min(CHUNK_BYTES, source.size));
  const bytes = options.buffer ?? new Uint8Array(blockBytes(chunkBytes));
  // Only for its native search: a Buffer's slice() would be a view of bytes that are overwritten.
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let carried = 0;
  let offset = 0;
  let skipping = false;
  for (;;) {
    const got = source.readInto(bytes.subarray(carried, carried + chunkBytes), offset);
    const isLast = got === 0;
    if (isLast && carried === 0) return;
    let filled = carried + got;
    // A last line without a newline gets one, so that no reader runs into stale bytes.
    if (isLast) bytes[filled++] = LF;
    offset += got;
    options.progress?.(source.size === 0 ? 1 : offset / source.size);
    const data = buffer.subarray(0, filled);
    const start = skipping ? data.indexOf(LF) + 1 : 0;
    if (start > 0) skipping = false;
    const end = data.lastIndexOf(LF) + 1;
    if (!skipping && end > start) onBlock(bytes, start, end, offset - got - carried);
    if (isLast) return;
    carried = skipping ? 0 : filled - end;
    if (carried > MAX_LINE_BYTES) {
      onLongLine?.(offset - carried);
      skipping = true;
      carried = 0;
    }
    bytes.copyWithin(0, end, end + carried);
  }
}

/** Where the line that a newline ends, ends: before its LF or CR LF. */
export function lineEnd(bytes: Uint8Array, start: number, newline: number): number {
  return newline > start && bytes[newline - 1] === CR ? newline - 1 : newline;
}
