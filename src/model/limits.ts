/** Dirty thresholds of a domain (mm/page-writeback.c). All quantities are pages. */
import { divide, mulDiv, shiftRight } from '../kernel/arithmetic.ts';
import { asPages, type Pages } from '../trace/units.ts';
import { type Boost, boosted } from './thresholds.ts';

/** dirty_freerun_ceiling: below it nobody is paused. */
export function freerunCeiling(thresh: Pages, backgroundThresh: Pages): Pages {
  return asPages(divide(thresh + backgroundThresh, 2));
}

/** hard_dirty_limit: the tracked limit follows a lowered threshold only slowly. */
export function hardDirtyLimit(thresh: Pages, dirtyLimit: Pages): Pages {
  return asPages(Math.max(thresh, dirtyLimit));
}

/** The level that the controller steers to: halfway between freerun and limit. */
export function globalSetpoint(limit: Pages, freerun: Pages): Pages {
  return asPages(divide(limit + freerun, 2));
}

/** Settings of /proc/sys/vm and the memory they are shares of. */
export type LimitSettings = {
  /** Percent, used where the bytes are 0. */
  readonly dirty_ratio: number;
  readonly background_ratio: number;
  readonly dirty_bytes: number;
  readonly background_bytes: number;
};

/** How kernels differ in domain_dirty_limits. */
export type LimitRules = {
  readonly page_size: number;
  /** What a real-time dirtier may exceed the limits by: a quarter, and a 32nd of the limit. */
  readonly boost: Boost | 'none';
};

export type Thresholds = { readonly thresh: Pages; readonly background: Pages };

/**
 * domain_dirty_limits of the global domain: `available` is global_dirtyable_memory, `dirtyLimit`
 * the tracked limit of that moment (only used with a boost).
 */
export function domainDirtyLimits(
  settings: LimitSettings,
  available: Pages,
  dirtyLimit: Pages,
  { page_size, boost }: LimitRules,
): Thresholds {
  const share = (percent: number) => divide(percent * page_size, 100);
  const pages = (bytes: number, percent: number) =>
    bytes > 0 ? Math.ceil(bytes / page_size) : mulDiv(share(percent), available, page_size);
  let thresh = pages(settings.dirty_bytes, settings.dirty_ratio);
  let background = pages(settings.background_bytes, settings.background_ratio);
  if (boost !== 'none') {
    background = boosted(background, dirtyLimit, boost);
    thresh = boosted(thresh, dirtyLimit, boost);
  }
  thresh = Math.min(thresh, UINT32_MAX);
  if (background >= thresh) background = divide(thresh, 2);
  return { thresh: asPages(thresh), background: asPages(background) };
}

const UINT32_MAX = 0xffff_ffff;

/** global_dirtyable_memory without highmem: pages that could be dirtied. */
export function dirtyableMemory(
  free: Pages,
  reserve: Pages,
  inactiveFile: Pages,
  activeFile: Pages,
): Pages {
  return asPages(free - Math.min(free, reserve) + inactiveFile + activeFile + 1);
}

/**
 * update_dirty_limit: a raised threshold counts at once, a lowered one is approached by a 32nd of
 * the distance at every bandwidth update.
 */
export function trackDirtyLimit(limit: Pages, thresh: Pages, dirty: Pages): Pages {
  if (limit < thresh) return thresh;
  const floor = Math.max(thresh, dirty);
  return asPages(limit > floor ? limit - shiftRight(limit - floor, 5) : limit);
}
