/**
 * The write bandwidths under which a task_ratelimit is what the kernel recorded. The average is
 * printed only at updates, so every throttle event is also an observation of it.
 */
import { mulDiv } from '../kernel/arithmetic.ts';
import {
  type Divisor,
  type DomainPoint,
  Position,
  type PositionRules,
  positionRatio,
  RATIO_ONE,
} from './position-ratio.ts';
import type { Range } from './write-bandwidth.ts';

/** What balance_dirty_pages grants one task: dirty_ratelimit scaled by the position. */
export function taskRatelimit(
  dirtyRatelimit: number,
  at: DomainPoint,
  avgWriteBandwidth: number,
  rules: PositionRules,
  divisor: Divisor = 'kernel',
): number {
  return mulDiv(dirtyRatelimit, positionRatio(at, avgWriteBandwidth, rules, divisor), RATIO_ONE);
}

/** Where the bandwidth of a point is searched for. */
const searched = new Position();

/**
 * Bandwidths in `within` that give `task`, as a range that holds them all; undefined if there are
 * none. The rate moves one way with the bandwidth except for the lowest bit of a divisor, so both
 * values of that bit are inverted.
 */
export function bandwidthsGiving(
  task: number,
  dirtyRatelimit: number,
  at: DomainPoint,
  rules: PositionRules,
  within: Range,
): Range | undefined {
  searched.set(at, rules);
  const rateAt = (bandwidth: number, divisor?: Divisor) =>
    mulDiv(dirtyRatelimit, searched.ratio(bandwidth, divisor), RATIO_ONE);
  if (rateAt(within.low) === task && rateAt(within.high) === task) return within;
  let low = Number.POSITIVE_INFINITY;
  let high = Number.NEGATIVE_INFINITY;
  for (const divisor of ['width', 'width-and-one'] as const) {
    const found = monotoneRange(task, within, (bandwidth) => rateAt(bandwidth, divisor));
    if (found === undefined) continue;
    low = Math.min(low, found.low);
    high = Math.max(high, found.high);
  }
  return low <= high ? { low, high } : undefined;
}

/** Where a function that moves one way has a value. */
function monotoneRange(
  value: number,
  within: Range,
  at: (bandwidth: number) => number,
): Range | undefined {
  const rising = at(within.high) >= at(within.low);
  const low = firstWhere(within, (bandwidth) =>
    rising ? at(bandwidth) >= value : at(bandwidth) <= value,
  );
  if (low > within.high || at(low) !== value) return undefined;
  const rest = { low, high: within.high };
  const passed = firstWhere(rest, (bandwidth) =>
    rising ? at(bandwidth) > value : at(bandwidth) < value,
  );
  return { low, high: passed - 1 };
}

/** First value of the range for which the test holds; one past its end if it never does. */
function firstWhere({ low, high }: Range, holds: (value: number) => boolean): number {
  let from = low;
  let to = high + 1;
  while (from < to) {
    const middle = Math.floor((from + to) / 2);
    if (holds(middle)) to = middle;
    else from = middle + 1;
  }
  return from;
}
