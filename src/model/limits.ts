/** Dirty thresholds of a domain (mm/page-writeback.c). All quantities are pages. */
import { divide } from '../kernel/arithmetic.ts';
import { asPages, type Pages } from '../trace/units.ts';

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
