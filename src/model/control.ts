/** Rate control of throttled tasks (mm/page-writeback.c, balance_dirty_pages and below it). */
import { divide, msOfJiffies, mulDiv } from '../kernel/arithmetic.ts';
import {
  asJiffies,
  asPagesPerSecond,
  type Ms,
  type Pages,
  type PagesPerSecond,
} from '../trace/units.ts';

/**
 * How long dirtying `dirtied` pages may take at the task's rate, in ms as the kernel prints it:
 * ⌊HZ·dirtied/task_ratelimit⌋ jiffies. Not defined for a rate of zero, where the kernel sleeps for
 * max_pause.
 */
export function throttlePeriod(dirtied: Pages, taskRatelimit: PagesPerSecond, hz: number): Ms {
  return msOfJiffies(asJiffies(mulDiv(hz, dirtied, taskRatelimit)), hz);
}

/**
 * wb_update_dirty_ratelimit: the rate at which N dirtiers together match the device,
 * task_ratelimit · write_bw / dirty_rate, never above the bandwidth itself.
 */
export function balancedDirtyRatelimit(
  taskRatelimit: PagesPerSecond,
  avgWriteBandwidth: PagesPerSecond,
  dirtyRate: PagesPerSecond,
): PagesPerSecond {
  // `| 1` on a 64-bit value: only the lowest bit changes.
  const divisor = dirtyRate % 2 === 0 ? dirtyRate + 1 : dirtyRate;
  return asPagesPerSecond(
    Math.min(mulDiv(taskRatelimit, avgWriteBandwidth, divisor), avgWriteBandwidth),
  );
}

/** MAX_PAUSE = max(HZ/5, 1) jiffies: no single pause is longer. */
export function maxPause(hz: number): Ms {
  return msOfJiffies(asJiffies(Math.max(divide(hz, 5), 1)), hz);
}
