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
  search.set(dirtyRatelimit, at, rules);
  if (search.rate(within.low) === task && search.rate(within.high) === task) return within;
  const exact = search.range(task, within, 'width');
  const other = search.range(task, within, 'width-and-one');
  if (exact === undefined) return other;
  if (other === undefined) return exact;
  return { low: Math.min(exact.low, other.low), high: Math.max(exact.high, other.high) };
}

/**
 * The rate of one point by the bandwidth, and where it has a value. One object does for all: with
 * functions made for each search, 35,000 searches took 1.5 times as long.
 */
class RateSearch {
  readonly #position = new Position();
  #dirtyRatelimit = 0;
  #divisor: Divisor = 'kernel';
  /** What is searched for: the first bandwidth with a rate of at least, or with -1 at most, so much. */
  #sign = 1;
  #least = 0;

  set(dirtyRatelimit: number, at: DomainPoint, rules: PositionRules): void {
    this.#position.set(at, rules);
    this.#dirtyRatelimit = dirtyRatelimit;
    this.#divisor = 'kernel';
  }

  rate(bandwidth: number): number {
    const ratio = this.#position.ratio(bandwidth, this.#divisor);
    return mulDiv(this.#dirtyRatelimit, ratio, RATIO_ONE);
  }

  /** Where the rate, which moves one way with such a divisor, has a value. */
  range(value: number, within: Range, divisor: Divisor): Range | undefined {
    this.#divisor = divisor;
    const rising = this.rate(within.high) >= this.rate(within.low);
    this.#sign = rising ? 1 : -1;
    this.#least = this.#sign * value;
    const low = this.#first(within.low, within.high);
    if (low > within.high || this.rate(low) !== value) return undefined;
    // Rates are whole numbers.
    this.#least++;
    return { low, high: this.#first(low, within.high) - 1 };
  }

  #holds(bandwidth: number): boolean {
    return this.#sign * this.rate(bandwidth) >= this.#least;
  }

  /** First value of the range that holds, one past its end if none does. */
  #first(low: number, high: number): number {
    let from = low;
    let to = high + 1;
    while (from < to) {
      const middle = Math.floor((from + to) / 2);
      if (this.#holds(middle)) to = middle;
      else from = middle + 1;
    }
    return from;
  }
}

const search = new RateSearch();
