/**
 * Calls of one shrinker after each other (do_shrink_slab, mm/shrinker.c; mm/vmscan.c until 6.6):
 * what a call may not scan waits for the next. And how a superblock's share is split
 * (super_cache_scan, fs/super.c). Objects are counted.
 * Not modelled: other CPUs and nodes, which have deferred work of their own.
 */
import { mulDiv } from '../kernel/arithmetic.ts';
import {
  DEFAULT_SEEKS,
  type ShrinkCall,
  type ShrinkerEra,
  shrinkDeferred,
  shrinkDelta,
  shrinkTotal,
} from './shrinker.ts';

/** SHRINK_BATCH, and what superblocks ask for. */
export const DEFAULT_BATCH = 128;
export const SUPERBLOCK_BATCH = 1024;

export type ShrinkStep = {
  readonly delta: number;
  readonly total: number;
  readonly scanned: number;
  readonly deferred: number;
};

export class ShrinkerCalls {
  readonly #era: ShrinkerEra;
  readonly #seeks: number;
  readonly #batch: number;
  #deferred = 0;

  constructor(era: ShrinkerEra, seeks: number = DEFAULT_SEEKS, batch: number = DEFAULT_BATCH) {
    this.#era = era;
    this.#seeks = seeks;
    this.#batch = batch;
  }

  get deferred(): number {
    return this.#deferred;
  }

  /** `mayScan`: false where the cache refuses (superblocks, when the allocation lacks __GFP_FS). */
  call(own: Omit<ShrinkCall, 'deferred'>, mayScan = true): ShrinkStep {
    const call = { ...own, deferred: this.#deferred };
    if (call.freeable <= 0) return { delta: 0, total: 0, scanned: 0, deferred: this.#deferred };
    const delta = shrinkDelta(call, this.#seeks, this.#era);
    const total = shrinkTotal(call, delta, this.#era);
    const scanned = mayScan ? scannedOf(total, call.freeable, this.#batch) : 0;
    this.#deferred = shrinkDeferred(call, delta, scanned, this.#era);
    return { delta, total, scanned, deferred: this.#deferred };
  }
}

/** Whole batches, and the rest too once it is no less than the cache. */
export function scannedOf(total: number, freeable: number, batch: number): number {
  const rest = total % batch;
  return rest > 0 && rest >= freeable ? total : total - rest;
}

export type SuperblockObjects = {
  readonly dentries: number;
  readonly inodes: number;
  /** nr_cached_objects of the file system. */
  readonly fs_objects: number;
};

/**
 * super_cache_scan: `scan` in proportion, and one more of each so that nothing is left for ever.
 * `guard` is what the kernel adds to the sum so that it is never 0; shares are exact without it.
 */
export function superblockSplit(
  scan: number,
  { dentries, inodes, fs_objects }: SuperblockObjects,
  guard = 1,
): SuperblockObjects {
  const all = dentries + inodes + fs_objects + guard;
  const share = (objects: number) => (all > 0 ? mulDiv(scan, objects, all) : 0);
  const own = share(fs_objects);
  return {
    dentries: share(dentries) + 1,
    inodes: share(inodes) + 1,
    fs_objects: own > 0 ? own + 1 : 0,
  };
}

/** vfs_pressure_ratio: what vfs_cache_pressure makes of a count. */
export function vfsPressure(objects: number, pressure: number): number {
  return mulDiv(objects, pressure, 100);
}
