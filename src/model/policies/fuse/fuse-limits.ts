/**
 * What keeps a FUSE server from holding the machine's memory: its share of the limit, and rules of
 * older kernels. Quantities are pages.
 *
 * Sources: fs/fuse/inode.c fuse_bdi_init (max_ratio 1, BDI_CAP_STRICTLIMIT); mm/page-writeback.c
 * throttle_vm_writeout of 4.4 (removed by bf48438354a7 in 4.9); mails of 4 October and 15 November
 * 2007 (Szeredi, Zijlstra).
 */
import { divide } from '../../../kernel/arithmetic.ts';
import { type Fraction, RATIO_SCALE, wbBackground, wbThreshold } from '../../wb-share.ts';

/** FUSE sets max_ratio to one percent. */
export const FUSE_MAX_RATIO = 1;
/** FUSE_WRITEBACK_THRESHOLD of the first design: writes in flight on one connection. */
export const NUMWRITE_LIMIT = 32;

export type FuseLimits = {
  readonly thresh: number;
  readonly background: number;
  /** Where a strictlimit bdi is first paused, and what it is steered to: both are this. */
  readonly setpoint: number;
};

/** All of the share is granted unless `fraction`, the device's part of completions, says less. */
export type ShareState = {
  readonly fraction?: Fraction;
  /** What the domain holds; undefined in kernels without a floor (until 6.12). */
  readonly dirty?: number;
  readonly strictlimit?: boolean;
};

const WHOLE: Fraction = { numerator: 1, denominator: 1 };

export function fuseLimits(
  thresh: number,
  background: number,
  maxRatioPercent: number = FUSE_MAX_RATIO,
  { fraction = WHOLE, dirty, strictlimit = true }: ShareState = {},
): FuseLimits {
  const ratios = {
    min_ratio: 0,
    max_ratio: divide(maxRatioPercent * RATIO_SCALE, 100),
    all_min_ratio: 0,
    strictlimit,
  };
  const own = wbThreshold(thresh, dirty, fraction, ratios);
  const ownBackground = wbBackground(own, thresh, background);
  return { thresh: own, background: ownBackground, setpoint: divide(own + ownBackground, 2) };
}

/** Of the 2007 design: a bdi may not take more than the machine has left. */
export function clippedLimit2007(
  limit: number,
  thresh: number,
  held: {
    readonly dirty: number;
    readonly writeback: number;
    readonly unstable: number;
    readonly temp: number;
    /** What of that is the bdi's own. */
    readonly own: number;
  },
): number {
  const { dirty, writeback, unstable, temp, own } = held;
  return Math.min(limit, Math.max(0, thresh - (dirty + writeback + unstable + temp)) + own);
}

/**
 * throttle_vm_writeout: an allocating task sleeps 100 ms at a time while NR_UNSTABLE_NFS +
 * NR_WRITEBACK is more than a tenth over the limit.
 */
export function vmWriteoutLimit(thresh: number, dirtyLimit: number): number {
  const limit = Math.max(thresh, dirtyLimit);
  return limit + divide(limit, 10);
}

/** Zijlstra's alternative: wait while three quarters of the zone's pages are under writeback. */
export function zoneWriteoutLimit(zone_lru: number): number {
  return Math.ceil((3 * zone_lru) / 4);
}
