/** The laws of one task's sleeps: `pause`, `dirtied_pause`, and what is asked of the tick. */
import { divide, jiffiesOfPrinted, printedMs } from '../../kernel/arithmetic.ts';
import {
  bandwidthsPausing,
  decidePause,
  type PauseDecision,
  type PausePlan,
  planPause,
  pollInterval,
} from '../../model/pause.ts';
import { NS_PER_S } from '../../trace/time.ts';
import type { IdentityTally, Unchecked } from '../residual.ts';
import { type Iteration, type WalkInput, whyUnusable } from './iteration.ts';
import { isCount } from './situation.ts';
import { ABSOLUTE, forget, type Task } from './tasks.ts';
import type { TickQuestions } from './tick-laws.ts';

export type PauseTallies = {
  readonly pause: IdentityTally;
  readonly dirtied_pause: IdentityTally;
};

/** Rates step by powers of two in the plan of a pause. */
const TRY_FACTOR = 1.5;

export class PauseLaws {
  readonly #in: WalkInput;
  readonly #tallies: PauseTallies;
  readonly #questions: TickQuestions;
  readonly #plan: PausePlan = { max_pause: 0, min_pause: 0, next_dirtied_pause: 0 };
  readonly #decision: PauseDecision = {
    sleeps: false,
    printed_pause: 0,
    period: 0,
    now_advance: 0,
    raw_pause: 0,
  };
  readonly #rates = { avg_write_bw: 0, dirty_ratelimit: 0, task_ratelimit: 0 };

  constructor(input: WalkInput, tallies: PauseTallies, questions: TickQuestions) {
    this.#in = input;
    this.#tallies = tallies;
    this.#questions = questions;
  }

  check(now: Iteration): void {
    const { row, task, pair, state_ns, ts } = now;
    if (!this.#in.hz_known) {
      this.#tallies.pause.skip('hz-unknown');
      this.#tallies.dirtied_pause.skip('hz-unknown');
      return;
    }
    this.#forgetLost(task, ts);
    const isNew = this.#isNewTask(row, task, ts);
    if (isNew) forget(task, 'first-of-task');
    this.#checkDirtiedPause(now);
    this.#questions.askThink(row, task.ref_ns, task.offset, task.why);
    if (isNew) {
      task.ref_ns = ABSOLUTE;
      task.offset = 0;
    }
    if (!this.#continues(row, task)) task.entry_ns = state_ns;
    this.#questions.askPaused(row, task.entry_ns, pair);
    this.#checkPause(now);
  }

  /** What a task remembers is unknown once events were lost since it was last seen. */
  #forgetLost(task: Task, ts: number): void {
    const { throttle, losses } = this.#in;
    const seen = task.previous < 0 ? Number.NaN : (throttle.ts[task.previous] as number);
    // NaN, nothing seen yet, gives way to the other time.
    const since = seen >= task.ref_ns || Number.isNaN(task.ref_ns) ? seen : task.ref_ns;
    if (!Number.isNaN(since) && losses.overlaps(Math.min(since, ts), ts)) {
      forget(task, 'lost-events');
    }
  }

  /**
   * As fork leaves it: never paused, and asked for the first time after poll_pages. Its states so
   * far were no throttle decisions then (it read statistics), unless the last was in this tick.
   */
  #isNewTask(row: number, task: Task, ts: number): boolean {
    const { throttle, constants } = this.#in;
    const looksNew =
      task.previous < 0 &&
      throttle.think[row] === 0 &&
      throttle.dirtiedPause[row] === constants.poll_pages;
    return looksNew && !(ts - task.ref_ns < NS_PER_S / constants.hz);
  }

  /** What the last decision left the task with. */
  #checkDirtiedPause({ row, task, domain, situation, ts, seq }: Iteration): void {
    const { throttle } = this.#in;
    const tally = this.#tallies.dirtied_pause;
    const recorded = throttle.dirtiedPause[row] as number;
    const { at } = situation;
    const hasLeft = !Number.isNaN(task.left_ns);
    if (hasLeft && domain.rules.strictlimit) {
      // It left below the limits of the device, whose level then is known only as a range.
      const freerun = divide(at.wb_thresh + at.wb_background, 2);
      const least = pollInterval(freerun, at.wb_thresh);
      const most = pollInterval(0, at.wb_thresh);
      task.ref_ns = task.left_ns;
      task.offset = 0;
      task.dirtied_pause = Math.min(Math.max(recorded, least), most);
    } else if (hasLeft && !domain.isRoot && recorded < task.dirtied_pause) {
      // The smaller of two intervals, and the other is a memory cgroup's.
      task.dirtied_pause = Number.NaN;
      task.why_dirtied_pause = 'memcg-domain';
    }
    if (Number.isNaN(task.dirtied_pause)) tally.skip(task.why_dirtied_pause);
    else tally.check(recorded, task.dirtied_pause, ts, seq);
  }

  /** Another round of the same call: a rate of nothing, and `paused` grown by the last pause. */
  #continues(row: number, task: Task): boolean {
    const { throttle } = this.#in;
    const before = task.previous;
    if (before < 0 || throttle.taskRatelimit[before] !== 0) return false;
    const slept = (throttle.paused[before] as number) + (throttle.pause[before] as number);
    return (
      throttle.dirtied[before] === throttle.dirtied[row] &&
      (throttle.paused[row] as number) >= slept &&
      (throttle.pause[before] as number) > 0
    );
  }

  #checkPause(now: Iteration): void {
    const { throttle, constants } = this.#in;
    const { row, task, rate, granted, ts, seq } = now;
    const tally = this.#tallies.pause;
    const pause = throttle.pause[row] as number;
    const dirtied = throttle.dirtied[row] as number;
    const wbDirty = throttle.wbDirty[row] as number;
    const since = jiffiesOfPrinted(throttle.think[row] as number, constants.hz);
    const sum = rate + granted + pause + dirtied + wbDirty + since;
    const inRange =
      isCount(rate) && rate > 0 && isCount(granted) && isCount(dirtied) && isCount(wbDirty);
    if (!inRange || Number.isNaN(sum)) {
      tally.skip(whyUnusable(sum));
      forget(task, whyUnusable(sum));
      return;
    }
    const expected = this.#expectedPause(now, wbDirty, dirtied, since);
    const raw = granted === 0 ? Number.POSITIVE_INFINITY : this.#decision.raw_pause;
    const tells = granted === 0 || (expected !== undefined && expected !== pause);
    if (tells && this.#observePause(now, wbDirty, pause, raw)) now.cause = 'hidden-update';
    if (expected === undefined) tally.skip('no-bandwidth');
    else if (expected === pause || granted === 0) tally.check(pause, expected, ts, seq, now.cause);
    else {
      // A tick may fall between the iteration's beginning and its event.
      const later = this.#printedAt(dirtied, granted, since - 1);
      this.#questions.askPause(row, expected, later, now.cause);
    }
    // With what the pause itself has told.
    if (tells) this.#expectedPause(now, wbDirty, dirtied, since);
    this.#remember(now, since);
  }

  /**
   * Undefined if no record has told the bandwidth and it matters: the pause is neither rising nor
   * falling in it, so that some values between the ends are tried. Leaves the plan behind.
   */
  #expectedPause(now: Iteration, wbDirty: number, dirtied: number, since: number) {
    const { belief } = now.domain;
    const { low, high } = belief.range;
    if (belief.recorded) return this.#pauseAt(now, belief.point, wbDirty, dirtied, since);
    const expected = this.#pauseAt(now, high, wbDirty, dirtied, since);
    const next = this.#plan.next_dirtied_pause;
    let isSame = true;
    let isNextSame = true;
    for (let bandwidth = low; bandwidth < high; bandwidth = Math.ceil(bandwidth * TRY_FACTOR)) {
      isSame &&= this.#pauseAt(now, bandwidth, wbDirty, dirtied, since) === expected;
      isNextSame &&= this.#plan.next_dirtied_pause === next;
    }
    this.#plan.next_dirtied_pause = isNextSame ? next : Number.NaN;
    return isSame ? expected : undefined;
  }

  #pauseAt(
    { rate, granted }: Iteration,
    bandwidth: number,
    wbDirty: number,
    dirtied: number,
    since: number,
  ): number {
    this.#rates.avg_write_bw = bandwidth;
    this.#rates.dirty_ratelimit = rate;
    this.#rates.task_ratelimit = granted;
    planPause(wbDirty, this.#rates, this.#in.constants, this.#plan);
    return this.#printedAt(dirtied, granted, since);
  }

  #printedAt(dirtied: number, granted: number, since: number): number {
    const { hz } = this.#in.constants;
    decidePause(dirtied, granted, since, this.#plan, hz, this.#decision);
    return printedMs(this.#decision.printed_pause, hz);
  }

  /** A sleep that is shorter than asked for was max_pause, which depends on the bandwidth. */
  #observePause(now: Iteration, wbDirty: number, pause: number, raw: number): boolean {
    const { constants } = this.#in;
    const jiffies = jiffiesOfPrinted(pause, constants.hz);
    if (Number.isNaN(jiffies)) return false;
    const seen = bandwidthsPausing(wbDirty, jiffies, constants);
    if (seen === undefined) return false;
    const range = jiffies < raw ? seen : { low: 1, high: seen.high };
    return now.domain.belief.observe(range, now.ts, 'pause', now.nr_written);
  }

  /** What the recorded decision leaves the task with, for its next event. */
  #remember({ row, task, pair, state_ns, ts, granted }: Iteration, since: number): void {
    const { throttle, constants } = this.#in;
    const { hz } = constants;
    const pause = jiffiesOfPrinted(throttle.pause[row] as number, hz);
    const period = jiffiesOfPrinted(throttle.period[row] as number, hz);
    const held = throttle.dirtiedPause[row] as number;
    const dirtied = throttle.dirtied[row] as number;
    const why: Unchecked = pair >= 0 ? 'not-recorded' : 'lost-events';
    task.why = why;
    task.why_dirtied_pause = why;
    const raw = period - since;
    if (pause > 0) {
      // paused_when + period, unless the cut of a long pause was itself cut, or it was 0 before.
      const isWhole = granted > 0 && since !== 0 && raw <= 2 * pause;
      const advance = granted > 0 && raw > pause ? Math.min(raw - pause, pause) : 0;
      task.ref_ns = isWhole ? ts : state_ns;
      task.offset = isWhole ? raw : pause + advance;
      task.dirtied_pause = this.#plan.next_dirtied_pause;
      task.why_dirtied_pause = 'no-bandwidth';
      return;
    }
    const isReset = raw < -hz;
    if (!isReset && task.ref_ns === ABSOLUTE && task.offset === 0) task.offset = period;
    else {
      task.ref_ns = isReset ? state_ns : ts;
      task.offset = isReset ? 0 : raw;
    }
    task.dirtied_pause = period === 0 && held <= dirtied ? held + dirtied : held;
  }
}
