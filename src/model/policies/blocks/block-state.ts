/**
 * What file systems keep for each cached folio and block, and what that makes of dirty statistics
 * and of writes. Bytes unless named otherwise.
 *
 * Sources: mail of 15 May 2018 (Hellwig, Chinner); include/linux/buffer_head.h; fs/iomap/
 * buffered-io.c of 4.18 (struct iomap_page), 5.4, 5.10 and 6.6 (struct iomap_folio_state, bits for
 * dirty blocks); RFC of August 2025 (Koong) for statistics by block, which no kernel has.
 * Not modelled: splits of folios by truncation and reclaim; state that 6.6 allocates lazily is
 * counted from when the folio is there.
 */
import { divide } from '../../../kernel/arithmetic.ts';
import { assert } from '../../../trace/assert.ts';

const STATE_SCHEMES = [
  'buffer-heads',
  'iomap-page-4.18',
  'iomap-page-5.4',
  'iomap-page-5.10',
  'iomap-folio-state',
  'none',
] as const;
export type StateScheme = (typeof STATE_SCHEMES)[number];

/** sizeof(struct buffer_head) on 64-bit machines. */
const BUFFER_HEAD_BYTES = 104;
const SECTOR = 512;

const wordBytes = (bits: number) => 8 * Math.ceil(bits / 64);

/** Memory of the state of one folio of `folio` bytes with blocks of `block` bytes. */
export function stateBytes(
  scheme: StateScheme,
  folio: number,
  block: number,
  page_size: number,
): number {
  const blocks = divide(folio, block);
  if (scheme === 'none') return 0;
  if (scheme === 'buffer-heads') return BUFFER_HEAD_BYTES * Math.max(1, blocks);
  // A block that is a folio needs no state of its own.
  if (blocks <= 1) return 0;
  // Bits for all sectors of a page, whatever the block size.
  if (scheme === 'iomap-page-4.18') return 8 + wordBytes(page_size / SECTOR);
  if (scheme === 'iomap-page-5.4') return 16 + wordBytes(page_size / SECTOR);
  return 16 + wordBytes(scheme === 'iomap-page-5.10' ? blocks : 2 * blocks);
}

/** How much of a folio counts as dirty, and how much of it is written. */
const GRANULARITIES = ['folio', 'block'] as const;
export type Granularity = (typeof GRANULARITIES)[number];

/** Blocks of one folio: which are dirty. */
export class DirtyBlocks {
  readonly #bits: Uint8Array;
  count = 0;

  constructor(blocks: number) {
    assert(blocks >= 1, 'a folio has at least one block');
    this.#bits = new Uint8Array(blocks);
  }

  /** Bytes [from, to) of the folio were written; returns how many blocks became dirty. */
  write(from: number, to: number, block: number): number {
    let fresh = 0;
    const last = Math.min(this.#bits.length, Math.ceil(to / block));
    for (let at = Math.max(0, Math.floor(from / block)); at < last; at++) {
      if (this.#bits[at] === 1) continue;
      this.#bits[at] = 1;
      fresh++;
    }
    this.count += fresh;
    return fresh;
  }

  clear(): void {
    this.#bits.fill(0);
    this.count = 0;
  }
}
