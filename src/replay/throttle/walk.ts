/**
 * One walk through the throttle's events in order of time: each is checked against the kernel's
 * formulas, and what the events leave open (the write bandwidth, what tasks remember) is carried
 * forward from the events before. What needs the timer tick is kept for ./tick-laws.ts.
 */
import { pagesPerSecond } from '../../kernel/arithmetic.ts';
import { asKiBps } from '../../trace/units.ts';
import type { IdentityTally } from '../residual.ts';
import { type DomainState, rateBefore, rememberUpdate, updatedSince } from './domain-state.ts';
import { type Iteration, newIteration, type WalkInput, whyUnusable } from './iteration.ts';
import { PauseLaws, type PauseTallies } from './pause-laws.ts';
import { PositionLaws, type PositionTallies } from './position-laws.ts';
import { isCount, situate } from './situation.ts';
import { leaveWithoutEvent, Tasks } from './tasks.ts';
import { TickQuestions } from './tick-laws.ts';
import { checkWbThreshold } from './wb-thresholds.ts';
import type { WritingKind } from './writing-events.ts';

export type WalkTallies = PositionTallies &
  PauseTallies & { readonly dirty_ratelimit: IdentityTally; readonly wb_thresh: IdentityTally };

export class ThrottleWalk {
  readonly questions: TickQuestions;
  /** avg_write_bandwidth as predicted before each observation of a slice was read; NaN: unknown. */
  readonly predicted: Float64Array;
  readonly #in: WalkInput;
  readonly #tallies: WalkTallies;
  readonly #tasks: Tasks;
  readonly #position: PositionLaws;
  readonly #pause: PauseLaws;
  #now: Iteration | undefined;
  readonly #start = { ts_ns: Number.NaN, nr_written: Number.NaN };

  constructor(input: WalkInput, tallies: WalkTallies, observations: number) {
    this.#in = input;
    this.#tasks = new Tasks(input.tasks.count);
    this.predicted = new Float64Array(observations).fill(Number.NaN);
    this.#tallies = tallies;
    this.questions = new TickQuestions(input.throttle.rows);
    this.#position = new PositionLaws(input, tallies);
    this.#pause = new PauseLaws(input, tallies, this.questions);
  }

  onState(row: number): void {
    const { state, tasks, latest, readers } = this.#in;
    if (state === undefined) return;
    const code = tasks.state[row] as number;
    const task = this.#tasks.of(code);
    if (task.state >= 0) leaveWithoutEvent(task, state, readers[code] === 1);
    task.state = row;
    task.update = -1;
    latest.nr_written = state.nrWritten[row] as number;
    if (Number.isNaN(this.#start.ts_ns)) {
      this.#start.ts_ns = state.ts[row] as number;
      this.#start.nr_written = latest.nr_written;
    }
  }

  onUpdate(row: number, domain: DomainState): void {
    const { updates, losses, tasks } = this.#in;
    if (updates === undefined) return;
    const ts = updates.ts[row] as number;
    this.#catchUp(domain, ts);
    const task = this.#tasks.of(tasks.updates[row] as number);
    const isSecond = task.update >= 0;
    // One update prints twice where a memory cgroup has its own domain.
    if (isSecond) this.#position.skipUpdate('memcg-domain');
    task.update = row;
    const rateLost = losses.overlaps(domain.seen_ns, ts);
    task.rate_before = rateLost ? Number.NaN : domain.dirty_ratelimit;
    const balancedLost = losses.overlaps(domain.balanced_ns, ts);
    task.balanced_before = balancedLost ? Number.NaN : domain.balanced_dirty_ratelimit;
    task.why_rates = rateLost || balancedLost ? 'lost-events' : 'first-of-bdi';
    const writeBw = this.#pages(updates.writeBw[row]);
    const avgWriteBw = this.#pages(updates.avgWriteBw[row]);
    rememberUpdate(domain, ts, avgWriteBw);
    domain.dirty_ratelimit = this.#pages(updates.dirtyRatelimit[row]);
    domain.balanced_dirty_ratelimit = this.#pages(updates.balanced[row]);
    domain.seen_ns = ts;
    domain.balanced_ns = ts;
    if (!isSecond && isCount(writeBw) && isCount(avgWriteBw)) {
      const found = { write_bw: writeBw, avg_write_bw: avgWriteBw };
      const exact = domain.clock?.updateOfTask(ts);
      domain.belief.recordUpdate(ts, found, this.#in.latest.nr_written, this.#start, exact);
    }
  }

  /** A slice of the flusher tells the bandwidth of its bdi. */
  onObserved(row: number, domain: DomainState, ts: number, low: number, high: number): void {
    this.#catchUp(domain, ts);
    const { belief } = domain;
    if (belief.recorded) this.predicted[row] = belief.point;
    belief.observe({ low, high }, ts, 'to_write', this.#in.latest.nr_written);
  }

  /** Writing begins or ends, after which the bandwidth may be updated without an event. */
  onWriting(kind: WritingKind, domain: DomainState, ts: number): void {
    this.#catchUp(domain, ts);
    const { clock, belief } = domain;
    if (clock === undefined) return;
    if (kind === 'begin') clock.beginWriting(ts);
    else if (kind === 'mark') clock.markInode();
    else if (kind === 'clear') clock.clearInode(ts);
    else if (clock.isOver(ts)) belief.hiddenUpdate(ts, clock.hidden(ts, false));
  }

  /** What delayed work has done until then. */
  #catchUp({ clock, belief }: DomainState, ts: number): void {
    if (clock === undefined) return;
    if (this.#in.losses.overlaps(clock.seen_ns, ts)) clock.forget();
    clock.seen_ns = ts;
    while (clock.due_ns <= ts) belief.hiddenUpdate(clock.due_ns, clock.runDelayed());
  }

  onThrottle(row: number, domain: DomainState): void {
    this.#catchUp(domain, this.#in.throttle.ts[row] as number);
    const now = this.#begin(row, domain);
    this.#checkRate(now);
    if (now.task.update >= 0) this.#position.checkUpdate(now);
    this.#position.checkTaskRate(now);
    this.#pause.check(now);
    now.task.previous = row;
    now.task.state = -1;
    now.task.update = -1;
    now.task.left_ns = Number.NaN;
  }

  #begin(row: number, domain: DomainState): Iteration {
    const { throttle, pairs, state, limitOfDomain, memcg, tasks } = this.#in;
    const task = this.#tasks.of(tasks.throttle[row] as number);
    const now = this.#now ?? newIteration(task, domain);
    this.#now = now;
    now.row = row;
    now.ts = throttle.ts[row] as number;
    now.seq = throttle.seq[row] as number;
    now.pair = pairs[row] as number;
    now.state_ns = now.pair >= 0 ? (state?.ts[now.pair] as number) : Number.NaN;
    now.task = task;
    now.domain = domain;
    now.rate = this.#pages(throttle.dirtyRatelimit[row]);
    now.granted = this.#pages(throttle.taskRatelimit[row]);
    now.cause = undefined;
    now.nr_written = this.#in.latest.nr_written;
    now.problem = situate(now.situation, throttle, row, state, now.pair, limitOfDomain);
    const isMemcg = memcg[row] === 1;
    checkWbThreshold(now, now.problem, isMemcg, this.#tallies.wb_thresh);
    if (now.problem === undefined && isMemcg) now.problem = 'memcg-domain';
    const usable = isCount(now.rate) && now.rate > 0 && isCount(now.granted);
    if (now.problem === undefined && !usable) now.problem = whyUnusable(now.rate + now.granted);
    return now;
  }

  #pages(rate: number | undefined): number {
    return pagesPerSecond(asKiBps(rate ?? Number.NaN), this.#in.constants.page_shift);
  }

  /** dirty_ratelimit is what the last update of that bdi (and cgroup) set. */
  #checkRate({ row, domain, task, ts, seq, state_ns, rate }: Iteration): void {
    const { throttle, updates, losses, constants } = this.#in;
    const tally = this.#tallies.dirty_ratelimit;
    if (Number.isNaN(domain.dirty_ratelimit)) tally.skip('first-of-bdi');
    else if (losses.overlaps(domain.seen_ns, ts)) tally.skip('lost-events');
    else {
      // Another task's update in this iteration may come just after the rate was read.
      const own = task.update >= 0 ? (updates?.ts[task.update] as number) : Number.NaN;
      const raced = Number.isNaN(own)
        ? updatedSince(domain, state_ns)
        : updatedSince(domain, own) - 1;
      let known = domain.dirty_ratelimit;
      for (let back = 1; back <= raced && known !== rate; back++) {
        if (rateBefore(domain, back) === rate) known = rate;
      }
      const expected = known * 2 ** (constants.page_shift - 10);
      const cause = raced > 0 ? 'race' : undefined;
      tally.check(throttle.dirtyRatelimit[row] as number, expected, ts, seq, cause);
      // It is not the newest rate then.
      if (raced > 0) return;
    }
    if (Number.isNaN(rate)) return;
    domain.dirty_ratelimit = rate;
    domain.seen_ns = ts;
  }
}
