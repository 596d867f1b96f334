/**
 * How long a task sleeps and how much it may dirty before it is asked again (mm/page-writeback.c,
 * wb_max_pause, wb_min_pause and the end of balance_dirty_pages). Times are jiffies.
 */
import { divide, ilog2, mulDiv, powerOfTwo } from '../kernel/arithmetic.ts';
import type { ThrottleConstants } from '../kernel/constants.ts';
import type { Range } from './write-bandwidth.ts';

/** Rates in pages/s: of the device, of the bdi per dirtier, of this task. */
export type PauseRates = {
  avg_write_bw: number;
  dirty_ratelimit: number;
  task_ratelimit: number;
};

/** wb_max_pause: a device with few dirty pages must not run dry while its dirtier sleeps. */
export function longestPause(wbDirty: number, avgWriteBw: number, hz: ThrottleConstants): number {
  const perJiffy = 1 + divide(avgWriteBw, hz.pause_divisor);
  return Math.min(divide(wbDirty, perJiffy) + 1, hz.max_pause);
}

/** Bandwidths under which the longest pause is `pause` jiffies; undefined if none are. */
export function bandwidthsPausing(
  wbDirty: number,
  pause: number,
  constants: ThrottleConstants,
): Range | undefined {
  const { max_pause, pause_divisor } = constants;
  if (pause < 1 || pause > max_pause) return undefined;
  // ⌊wb_dirty / perJiffy⌋ = pause - 1, or at least that for the longest pause of all.
  const least = pause === max_pause ? 1 : divide(wbDirty, pause) + 1;
  const most = pause === 1 ? Number.POSITIVE_INFINITY : divide(wbDirty, pause - 1);
  if (least > most) return undefined;
  return { low: Math.max(1, (least - 1) * pause_divisor), high: most * pause_divisor - 1 };
}

/** Result of wb_min_pause; callers may reuse one object. */
export type PausePlan = {
  max_pause: number;
  /** Below this the task is let go and the time is charged later. */
  min_pause: number;
  /** nr_dirtied_pause after the sleep. */
  next_dirtied_pause: number;
};

export function planPause(
  wbDirty: number,
  rates: PauseRates,
  constants: ThrottleConstants,
  plan: PausePlan,
): PausePlan {
  const { hz, second, poll_pages } = constants;
  const { dirty_ratelimit: rate, task_ratelimit: task } = rates;
  const max = longestPause(wbDirty, rates.avg_write_bw, constants);
  const high = ilog2(Math.max(rates.avg_write_bw, 1));
  const low = ilog2(Math.max(rate, 1));
  let pause = constants.min_pause_base;
  // Many dirtiers: fewer and longer sleeps, 10 ms more for each doubling of their number.
  if (high > low) pause += divide((high - low) * 10 * hz, 1024);
  pause = Math.min(pause, 1 + divide(max, 2));
  let pages = mulDiv(rate, pause, second);
  if (pages < poll_pages) {
    pause = max;
    pages = mulDiv(rate, pause, second);
    if (pages > poll_pages) {
      pages = poll_pages;
      pause = divide(hz * poll_pages, rate);
    }
  }
  if (divide(hz * pages, task + 1) > max) {
    pause = max;
    pages = mulDiv(task, pause, second);
  }
  plan.max_pause = max;
  plan.next_dirtied_pause = pages;
  plan.min_pause = pages >= poll_pages ? 1 + divide(pause, 2) : pause;
  return plan;
}

/** What balance_dirty_pages does at the end of one iteration; callers may reuse one object. */
export type PauseDecision = {
  sleeps: boolean;
  /** The field `pause`: the sleep, or min(pause, 0) without one. */
  printed_pause: number;
  /** The field `period`. */
  period: number;
  /** Added to `now` before paused_when is set, when the sleep was cut to max_pause. */
  now_advance: number;
  /** The pause before it was cut or forgotten. */
  raw_pause: number;
};

/** `since` is now - paused_when, 0 while paused_when is 0. */
export function decidePause(
  dirtied: number,
  task: number,
  since: number,
  plan: PausePlan,
  hz: number,
  decision: PauseDecision,
): PauseDecision {
  decision.now_advance = 0;
  if (task === 0) {
    decision.sleeps = true;
    decision.period = plan.max_pause;
    decision.raw_pause = plan.max_pause;
    decision.printed_pause = plan.max_pause;
    return decision;
  }
  const period = mulDiv(hz, dirtied, task);
  const pause = period - since;
  decision.period = period;
  decision.raw_pause = pause;
  decision.sleeps = pause >= plan.min_pause;
  decision.printed_pause = decision.sleeps ? pause : Math.min(pause, 0);
  if (decision.sleeps && pause > plan.max_pause) {
    decision.now_advance = Math.min(pause - plan.max_pause, plan.max_pause);
    decision.printed_pause = plan.max_pause;
  }
  return decision;
}

/** Per task: what balance_dirty_pages remembers between two calls. */
export type TaskThrottle = {
  /** jiffies; 0 means never paused. */
  paused_when: number;
  nr_dirtied_pause: number;
};

/** What a task is left with after a decision not to sleep. */
export function afterSkip(
  task: TaskThrottle,
  { raw_pause, period }: PauseDecision,
  now: number,
  dirtied: number,
  hz: number,
): void {
  if (raw_pause < -hz) task.paused_when = now;
  else if (period !== 0) task.paused_when += period;
  else if (task.nr_dirtied_pause <= dirtied) task.nr_dirtied_pause += dirtied;
}

/** What a task is left with after a sleep of `pause` jiffies. */
export function afterSleep(
  task: TaskThrottle,
  { printed_pause, now_advance }: PauseDecision,
  now: number,
  plan: PausePlan,
): void {
  task.paused_when = now + now_advance + printed_pause;
  task.nr_dirtied_pause = plan.next_dirtied_pause;
}

/** dirty_poll_interval: how much may be dirtied before looking again while below freerun. */
export function pollInterval(dirty: number, thresh: number): number {
  return thresh > dirty ? powerOfTwo(Math.floor(ilog2(thresh - dirty) / 2)) : 1;
}
