/**
 * Decisions of the flusher (fs/fs-writeback.c). Quantities are pages, bandwidths pages per second.
 * LONG_MAX, the kernel's "no limit", is the double 2^63 as everywhere in Tidemark.
 */
import { divide } from '../kernel/arithmetic.ts';
import type { Pages, PagesPerSecond } from '../trace/units.ts';

export const NO_LIMIT = 2 ** 63;

/** DIRTY_SCOPE: one inode's slice is at most this part of the dirty limit. */
const DIRTY_SCOPE = 8;
const MIN_WRITEBACK_BYTES = 4 * 1024 * 1024;

/** MIN_WRITEBACK_PAGES: slices are multiples of 4 MiB. */
export function minWritebackPages(pageSize: number): number {
  return divide(MIN_WRITEBACK_BYTES, pageSize);
}

export type ChunkBounds = {
  /** global_wb_domain.dirty_limit. */
  readonly dirty_limit: Pages;
  /** What the work may still write, NO_LIMIT for background and sync. */
  readonly remaining: Pages;
  /** Unit of the slices, minWritebackPages unless a file system asks for more. */
  readonly min_pages: number;
};

/** writeback_chunk_size of a work that is neither WB_SYNC_ALL nor tagged: what one inode may write. */
export function writebackChunk(bandwidth: PagesPerSecond, bounds: ChunkBounds): number {
  const { dirty_limit, remaining, min_pages } = bounds;
  const half = divide(bandwidth, 2);
  const pages = Math.min(half, divide(dirty_limit, DIRTY_SCOPE), Math.max(0, remaining));
  return divide(pages + min_pages, min_pages) * min_pages;
}

export type BandwidthInterval = {
  readonly low: number;
  /** Inclusive; infinite where another bound decided. */
  readonly high: number;
};

/**
 * The inverse: the average write bandwidths for which the slice is `toWrite`; undefined when none
 * gives it.
 */
export function bandwidthOfChunk(
  toWrite: number,
  bounds: ChunkBounds,
): BandwidthInterval | undefined {
  const { dirty_limit, remaining, min_pages } = bounds;
  if (!(toWrite >= min_pages) || toWrite % min_pages !== 0) return undefined;
  const others = Math.min(divide(dirty_limit, DIRTY_SCOPE), Math.max(0, remaining));
  const low = toWrite - min_pages;
  if (others < low) return undefined;
  // Halves h with low <= h < toWrite; beyond the other bounds h no longer shows.
  return { low: 2 * low, high: others < toWrite ? Number.POSITIVE_INFINITY : 2 * toWrite - 1 };
}

/** wb_over_bg_thresh, first test: more dirty file pages than the background threshold allows. */
export function overBackground(dirty: Pages, background: Pages): boolean {
  return dirty > background;
}
