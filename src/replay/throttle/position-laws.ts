/**
 * The laws of rates that follow from the position: both of an update, and task_ratelimit, which is
 * also how the write bandwidth is observed between the updates that print it.
 */
import { divide, pagesPerSecond } from '../../kernel/arithmetic.ts';
import { bandwidthsGiving, taskRatelimit } from '../../model/bandwidth-inversion.ts';
import { positionRatio } from '../../model/position-ratio.ts';
import { nextDirtyRatelimit, updateTaskRatelimit } from '../../model/ratelimit.ts';
import type { Range } from '../../model/write-bandwidth.ts';
import { asKiBps } from '../../trace/units.ts';
import type { IdentityTally, Unchecked } from '../residual.ts';
import {
  bandwidthBefore,
  candidateStep,
  isFull,
  someCandidate,
  updatedSince,
  useCandidate,
} from './domain-state.ts';
import type { Iteration, WalkInput } from './iteration.ts';

export type PositionTallies = {
  readonly dirty_ratelimit_step: IdentityTally;
  readonly bdi_task_ratelimit: IdentityTally;
  readonly task_ratelimit: IdentityTally;
};

const ANY: Range = { low: 1, high: 2 ** 31 };

export class PositionLaws {
  readonly #in: WalkInput;
  readonly #tallies: PositionTallies;
  readonly #shift: number;
  /** KiB/s of a page per second, as rates are printed. */
  readonly #scale: number;

  constructor(input: WalkInput, tallies: PositionTallies) {
    this.#in = input;
    this.#tallies = tallies;
    this.#shift = input.constants.page_shift;
    this.#scale = 2 ** (this.#shift - 10);
  }

  skipUpdate(why: Unchecked): void {
    this.#tallies.bdi_task_ratelimit.skip(why);
    this.#tallies.dirty_ratelimit_step.skip(why);
  }

  #pages(rate: number | undefined): number {
    return pagesPerSecond(asKiBps(rate ?? Number.NaN), this.#shift);
  }

  /** The two laws of an update, with the levels of the throttle event of the same iteration. */
  checkUpdate(now: Iteration): void {
    const { updates } = this.#in;
    const { task, problem } = now;
    if (updates === undefined) return;
    if (problem !== undefined) {
      this.skipUpdate(problem);
      return;
    }
    const before = task.rate_before;
    const tallies = this.#tallies;
    if (Number.isNaN(before)) {
      this.skipUpdate(task.why_rates);
      return;
    }
    const ts = updates.ts[task.update] as number;
    const seq = updates.seq[task.update] as number;
    const recorded = updates.taskRatelimit[task.update] as number;
    const granted = this.#updateRate(now, before, this.#pages(recorded));
    tallies.bdi_task_ratelimit.check(recorded, granted * this.#scale, ts, seq);
    if (Number.isNaN(task.balanced_before)) {
      tallies.dirty_ratelimit_step.skip(task.why_rates);
      return;
    }
    const next = this.#nextRate(now, this.#pages(recorded)) * this.#scale;
    const set = updates.dirtyRatelimit[task.update] as number;
    tallies.dirty_ratelimit_step.check(set, next, ts, seq);
  }

  /** Of the values possible, the recorded one, else the last. */
  #updateRate({ situation, domain, task, state_ns }: Iteration, before: number, recorded: number) {
    const { rules } = domain;
    const own = this.#pages(this.#in.updates?.avgWriteBw[task.update]);
    let expected = Number.NaN;
    // Two tasks may update at once: the second one's position is from before the first one's.
    for (let back = updatedSince(domain, state_ns); back >= 0; back--) {
      const bandwidth = back === 0 ? own : bandwidthBefore(domain, back);
      const found = someCandidate(situation, (at) => {
        expected = updateTaskRatelimit(before, positionRatio(at, bandwidth, rules));
        return expected === recorded;
      });
      if (found) break;
    }
    return expected;
  }

  #nextRate({ row, task, domain, situation }: Iteration, granted: number): number {
    const { updates, throttle } = this.#in;
    const before = {
      dirty_ratelimit: task.rate_before,
      balanced_dirty_ratelimit: task.balanced_before,
    };
    const balanced = this.#pages(updates?.balanced[task.update]);
    const recorded = this.#pages(updates?.dirtyRatelimit[task.update]);
    if (!domain.rules.strictlimit) {
      const dirty = throttle.dirty[row] as number;
      const setpoint = throttle.setpoint[row] as number;
      return nextDirtyRatelimit(before, balanced, granted, { dirty, setpoint });
    }
    let next = Number.NaN;
    someCandidate(situation, (at) => {
      const dirty = at.wb_dirty;
      const middle = divide(at.wb_thresh + at.wb_background, 2);
      // Until 6.12 nearly nothing dirty counted as below any setpoint.
      const setpoint = !domain.rules.floored && dirty < 8 ? dirty + 1 : middle;
      next = nextDirtyRatelimit(before, balanced, granted, { dirty, setpoint });
      return next === recorded;
    });
    return next;
  }

  checkTaskRate(now: Iteration): void {
    const { domain, task, situation, granted, ts, seq } = now;
    const tally = this.#tallies.task_ratelimit;
    if (now.problem !== undefined) {
      tally.skip(now.problem);
      return;
    }
    const { belief, rules } = domain;
    const isUpdate = task.update >= 0;
    const needsBandwidth = !rules.strictlimit && !isFull(situation);
    if (needsBandwidth && !isUpdate && !belief.known) {
      tally.skip('no-bandwidth');
      this.#observe(now);
      return;
    }
    const point = needsBandwidth ? belief.point : 1;
    const own = isUpdate ? this.#pages(this.#in.updates?.avgWriteBw[task.update]) : point;
    let expected = this.#rateAt(now, own);
    // The bandwidth that was read may be the one before another task's update.
    for (let back = updatedSince(domain, now.state_ns); back > 0; back--) {
      if (expected === granted) break;
      const raced = this.#rateAt(now, bandwidthBefore(domain, back));
      if (raced === granted) expected = raced;
    }
    let inside = expected === granted;
    const isRaced = inside && updatedSince(domain, now.state_ns) > (isUpdate ? 1 : 0);
    if (needsBandwidth && !isUpdate && !isRaced) {
      inside ||= this.#isWithin(now, belief.reachable(ts, now.nr_written));
      if (this.#observe(now)) now.cause = 'hidden-update';
    }
    const printed = this.#in.throttle.taskRatelimit[now.row] as number;
    tally.check(printed, expected * this.#scale, ts, seq, now.cause);
    tally.noteInside(inside);
  }

  /** The rate at one bandwidth: of the values possible, the recorded one, else the last. */
  #rateAt({ situation, domain, rate, granted }: Iteration, bandwidth: number): number {
    let expected = Number.NaN;
    const { wb_thresh_low: low, wb_thresh_high: high } = situation;
    const step = candidateStep(situation);
    for (let wbThresh = low; wbThresh <= high; wbThresh += step) {
      const at = useCandidate(situation, wbThresh);
      expected = taskRatelimit(rate, at, bandwidth, domain.rules);
      if (expected === granted) break;
    }
    return expected;
  }

  /** Does the recorded rate lie between those of the ends of the stated bandwidths? */
  #isWithin({ situation, domain, rate, granted }: Iteration, reach: Range): boolean {
    let low = Number.POSITIVE_INFINITY;
    let high = Number.NEGATIVE_INFINITY;
    someCandidate(situation, (at) => {
      for (const divisor of ['width', 'width-and-one'] as const) {
        const first = taskRatelimit(rate, at, reach.low, domain.rules, divisor);
        const last = taskRatelimit(rate, at, reach.high, domain.rules, divisor);
        low = Math.min(low, first, last);
        high = Math.max(high, first, last);
      }
      return false;
    });
    return granted >= low && granted <= high;
  }

  /** The bandwidths that make the recorded rate true; true if they show a hidden update. */
  #observe(now: Iteration): boolean {
    const { ts, nr_written } = now;
    const { belief } = now.domain;
    const seen =
      this.#bandwidths(now, belief.range) ??
      this.#bandwidths(now, belief.reachable(ts, nr_written)) ??
      this.#bandwidths(now, ANY);
    return seen !== undefined && belief.observe(seen, ts, 'task_ratelimit', nr_written);
  }

  /** Those in a range, for any of the values possible of wb_thresh. */
  #bandwidths({ situation, domain, rate, granted }: Iteration, within: Range): Range | undefined {
    let all: Range | undefined;
    const { wb_thresh_low: low, wb_thresh_high: high } = situation;
    const step = candidateStep(situation);
    for (let wbThresh = low; wbThresh <= high; wbThresh += step) {
      const at = useCandidate(situation, wbThresh);
      const seen = bandwidthsGiving(granted, rate, at, domain.rules, within);
      if (seen === undefined) continue;
      all = all === undefined ? seen : spanOf(all, seen);
    }
    return all;
  }
}

const spanOf = (left: Range, right: Range): Range => ({
  low: Math.min(left.low, right.low),
  high: Math.max(left.high, right.high),
});
