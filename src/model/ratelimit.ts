/** The rate that a bdi allows each dirtier: one step of wb_update_dirty_ratelimit. */
import { divide, mulDiv } from '../kernel/arithmetic.ts';

export type Ratelimits = {
  readonly dirty_ratelimit: number;
  readonly balanced_dirty_ratelimit: number;
};

/** Where the level stands; wb values for a device with strictlimit. */
export type Level = { readonly dirty: number; readonly setpoint: number };

/** task_ratelimit inside an update: one more than the task itself gets, so that it is never zero. */
export function updateTaskRatelimit(dirtyRatelimit: number, positionRatio: number): number {
  return mulDiv(dirtyRatelimit, positionRatio, 1024) + 1;
}

/** Pages per second that tasks dirtied since the last update. */
export function dirtyRate(dirtied: number, elapsed: number, hz: number): number {
  return mulDiv(dirtied, hz, elapsed);
}

/**
 * The new dirty_ratelimit: follows the balanced rate, but only as far as the balanced rates of now
 * and before and the task's own agree that the level needs it, and the slower the smaller the need.
 */
export function nextDirtyRatelimit(
  before: Ratelimits,
  balanced: number,
  task: number,
  { dirty, setpoint }: Level,
): number {
  const { dirty_ratelimit: rate, balanced_dirty_ratelimit: balancedBefore } = before;
  const need =
    dirty < setpoint
      ? Math.max(0, Math.min(balancedBefore, balanced, task) - rate)
      : Math.max(0, rate - Math.max(balancedBefore, balanced, task));
  const shift = divide(rate, 2 * need + 1);
  const step = shift < 64 ? Math.ceil(Math.floor(need / 2 ** shift) / 8) : 0;
  return Math.max(1, rate < balanced ? rate + step : rate - step);
}
