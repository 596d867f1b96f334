/**
 * What is known of one writeback structure's avg_write_bandwidth. The kernel prints it only at
 * updates of balance_dirty_pages and changes it also where no event tells, so it is carried forward
 * as a range: narrowed by every event that depends on it, and given up for a new range when an
 * event contradicts it, which shows a hidden update.
 */
import type { ThrottleConstants } from '../../kernel/constants.ts';
import {
  type Range,
  reachableBandwidth,
  updateWriteBandwidth,
  type WriteBandwidth,
} from '../../model/write-bandwidth.ts';
import { NS_PER_S } from '../../trace/time.ts';
import { BandwidthGuess, isIn, likely } from './bandwidth-guess.ts';
import type { BandwidthSteps, Evidence } from './bandwidth-steps.ts';
import type { Since } from './update-clock.ts';

/** Larger than the bandwidth of any device, pages/s. */
const MOST = 2 ** 31;
const UNKNOWN: Range = { low: 1, high: MOST };

/** nr_written at a time. */
export type WrittenSample = { ts_ns: number; nr_written: number };

export class BandwidthBelief {
  readonly #constants: ThrottleConstants;
  readonly #steps: BandwidthSteps;
  readonly #domain: number;
  /** Pages by which nr_written may be behind the truth. */
  readonly #slack: number;
  /** Whether delayed work updates, too (feature flusher_bandwidth_updates). */
  readonly #delayed: boolean;
  #range: Range | undefined;
  #point = Number.NaN;
  #seen_ns = 0;
  /** The last recorded update: its time, nr_written, and write_bandwidth after it. */
  #update_ns = Number.NaN;
  #updateWritten = Number.NaN;
  #writeBw: Range = { low: 0, high: MOST };
  #writeBwPoint = Number.NaN;
  /** Both points before the last hidden update, which may not have happened yet. */
  #before: WriteBandwidth | undefined;
  /** False while the points are a guess: what the first update took in is not known. */
  #isExact = false;
  /** Used until then; undefined where hidden updates cannot be told. */
  readonly #guess: BandwidthGuess | undefined;

  constructor(
    constants: ThrottleConstants,
    steps: BandwidthSteps,
    domain: number,
    slack: number,
    delayed: boolean,
    timed = false,
  ) {
    this.#constants = constants;
    this.#steps = steps;
    this.#domain = domain;
    this.#slack = slack;
    this.#delayed = delayed;
    this.#guess = timed ? new BandwidthGuess(constants) : undefined;
  }

  /** False until something has told the bandwidth. */
  get known(): boolean {
    return this.#range !== undefined;
  }

  /** False while it is known only from what depends on it: nothing has printed it yet. */
  get recorded(): boolean {
    return !Number.isNaN(this.#update_ns);
  }

  /** The single value to predict with. */
  get point(): number {
    return this.#point;
  }

  get range(): Range {
    return this.#range ?? UNKNOWN;
  }

  /** Where the bandwidth can be at `ts_ns`, hidden updates included; nothing later is used. */
  reachable(ts_ns: number, nrWritten: number): Range {
    const { hz, bandwidth_interval } = this.#constants;
    const range = this.#range;
    if (range === undefined || Number.isNaN(this.#update_ns)) return UNKNOWN;
    const jiffies = (from_ns: number) =>
      Math.max(0, Math.ceil(((ts_ns - from_ns) / NS_PER_S) * hz));
    const since = jiffies(this.#seen_ns) + 1;
    const written = Math.max(0, nrWritten - this.#updateWritten) + this.#slack;
    if (Number.isNaN(written)) return UNKNOWN;
    // Throttled tasks and the flusher wait an interval after any update, the delayed work one
    // after itself.
    const each = 1 + Math.floor(since / bandwidth_interval);
    const updates = this.#delayed ? 2 * each : each;
    const { avg } = reachableBandwidth(
      range,
      this.#writeBw,
      written,
      jiffies(this.#update_ns) + 1,
      updates,
      this.#constants,
    );
    return { low: Math.max(1, avg.low), high: Math.min(MOST, avg.high) };
  }

  /**
   * The bandwidth was in `observed` at that time, when so many pages were written. Returns true if
   * this contradicts what was carried forward: there was a hidden update.
   */
  observe(observed: Range, ts_ns: number, evidence: Evidence, nrWritten = Number.NaN): boolean {
    const before = this.#range;
    const seen = intersection(observed, UNKNOWN);
    if (seen === undefined) return false;
    if (!this.#isExact) this.#guess?.observe(seen);
    // Most observations say less than is known.
    if (before !== undefined && isInside(before, seen)) {
      this.#seen_ns = ts_ns;
      if (!isIn(this.#point, before)) this.#correct(before);
      return false;
    }
    const common = before && intersection(before, seen);
    const isNew = common === undefined;
    const range = common ?? intersection(this.reachable(ts_ns, nrWritten), seen) ?? seen;
    if (isNew) this.#steps.start(this.#domain, ts_ns, range, evidence);
    else if (range.low !== before?.low || range.high !== before.high) {
      this.#steps.narrow(this.#domain, range, evidence);
    }
    this.#range = range;
    this.#seen_ns = ts_ns;
    if (!isIn(this.#point, range)) this.#correct(range);
    return isNew && before !== undefined;
  }

  /**
   * bdi_dirty_ratelimit printed both bandwidths and changed them right afterwards. `start` is the
   * first that is known of nr_written, for an update with none before it; `exact` what the update
   * took in, if the one before it is known, hidden ones included.
   */
  recordUpdate(
    ts_ns: number,
    { write_bw: writeBw, avg_write_bw: avgWriteBw }: WriteBandwidth,
    nrWritten: number,
    start: WrittenSample,
    exact: Since | undefined,
  ): void {
    this.observe({ low: avgWriteBw, high: avgWriteBw }, ts_ns, 'recorded');
    const known = !Number.isNaN(this.#update_ns);
    const since = known ? { ts_ns: this.#update_ns, nr_written: this.#updateWritten } : start;
    const { hz } = this.#constants;
    const elapsed = Math.max(1, Math.round(((ts_ns - since.ts_ns) / NS_PER_S) * hz));
    const written = Math.max(0, nrWritten - since.nr_written);
    const before = { write_bw: writeBw, avg_write_bw: avgWriteBw };
    const after =
      exact !== undefined && isKnown(exact)
        ? updateWriteBandwidth(before, exact.written, exact.elapsed, this.#constants)
        : this.#likelyAfter(before, written, elapsed);
    const guessed = Number.isNaN(after.write_bw) ? before : after;
    this.#isExact = exact !== undefined && isKnown(exact);
    if (!this.#isExact) this.#guess?.restart(before);
    this.#before = undefined;
    this.#point = guessed.avg_write_bw;
    this.#writeBwPoint = guessed.write_bw;
    this.#writeBw = known
      ? { low: 0, high: writeBw + this.#most(written + this.#slack) }
      : { low: 0, high: MOST };
    this.#range = known ? this.#afterUpdate(writeBw, avgWriteBw, elapsed, written) : UNKNOWN;
    if (!isIn(this.#point, this.#range)) {
      this.#point = avgWriteBw;
    }
    this.#steps.start(this.#domain, ts_ns, this.#range, 'update-rule');
    this.#update_ns = ts_ns;
    this.#seen_ns = ts_ns;
    this.#updateWritten = nrWritten;
  }

  /**
   * An update that no event shows. The interval is what its rule gives for all that may have been
   * written; the value before stays possible, because the moment of the update is a prediction.
   */
  hiddenUpdate(ts_ns: number, since: Since): void {
    const before = this.#range;
    if (before === undefined || !isKnown(since)) return;
    if (!this.#isExact) {
      this.#guess?.update(since);
      this.#follow(before);
      return;
    }
    const from = { write_bw: this.#writeBwPoint, avg_write_bw: this.#point };
    this.#before = from;
    const after = (written: number) =>
      updateWriteBandwidth(from, Math.max(0, written), since.elapsed, this.#constants);
    const { write_bw, avg_write_bw } = after(since.written);
    const ends = [-this.#slack, 0, this.#slack].map(
      (error) => after(since.written + error).avg_write_bw,
    );
    const inferred = { low: Math.min(...ends), high: Math.max(...ends) };
    this.#point = avg_write_bw;
    this.#writeBwPoint = write_bw;
    this.#steps.start(this.#domain, ts_ns, inferred, 'hidden-update');
    this.#range = {
      low: Math.min(before.low, inferred.low),
      high: Math.max(before.high, inferred.high),
    };
  }

  /** The guess has changed; what held before stays possible, as the update may come later. */
  #follow(before: Range): void {
    const average = this.#guess?.average;
    if (average === undefined) return;
    this.#point = average.middle;
    this.#range = {
      low: Math.min(before.low, average.low),
      high: Math.max(before.high, average.high),
    };
  }

  /** Who writes for longer than a whole period was updated in between, unseen. */
  #likelyAfter(before: WriteBandwidth, written: number, elapsed: number): WriteBandwidth {
    const { bandwidth_period, bandwidth_interval } = this.#constants;
    if (elapsed <= bandwidth_period || written <= this.#slack) {
      return updateWriteBandwidth(before, written, elapsed, this.#constants);
    }
    const last = bandwidth_interval + 1;
    const part = Math.floor((written * last) / elapsed);
    return updateWriteBandwidth(before, part, last, this.#constants);
  }

  #most(written: number): number {
    const { hz, bandwidth_period } = this.#constants;
    return Math.ceil((written * hz) / bandwidth_period) + 1;
  }

  /** The average stays or goes an eighth of the way to the old estimate, whatever was written. */
  #afterUpdate(writeBw: number, avg: number, elapsed: number, written: number): Range {
    const eighth = Math.floor(Math.abs(avg - writeBw) / 8);
    const moved = Math.max(1, avg > writeBw ? avg - eighth : avg + eighth);
    const low = Math.min(avg, moved);
    const high = Math.max(avg, moved);
    if (elapsed <= this.#constants.bandwidth_period) return { low, high };
    // After a whole period without an update, the average is what was written in it.
    return { low: 1, high: Math.max(high, this.#most(written + this.#slack)) };
  }

  /** The point is not in what was observed. */
  #correct(range: Range): void {
    const guessed = this.#isExact ? undefined : this.#guess?.average?.middle;
    if (guessed !== undefined && isIn(guessed, range)) {
      this.#point = guessed;
      return;
    }
    const before = this.#before;
    this.#before = undefined;
    if (before !== undefined && isIn(before.avg_write_bw, range)) {
      this.#point = before.avg_write_bw;
      this.#writeBwPoint = before.write_bw;
    } else {
      this.#point = this.#pick(range);
    }
  }

  /** After a hidden update: the value that its rule gives, if that is possible, else the middle. */
  #pick({ low, high }: Range): number {
    const from = this.#point;
    const eighth = Math.floor(Math.abs(from - this.#writeBwPoint) / 8);
    const ruled = from > this.#writeBwPoint ? from - eighth : from + eighth;
    if (isIn(ruled, { low, high })) return ruled;
    const most = high < MOST ? high : likely({ low, high }, this.#constants).high;
    return Math.floor((low + most) / 2);
  }
}

const isInside = ({ low, high }: Range, outer: Range) => low >= outer.low && high <= outer.high;

const isKnown = ({ elapsed, written }: Since) => !Number.isNaN(elapsed + written);

function intersection(left: Range, right: Range): Range | undefined {
  const low = Math.max(left.low, right.low);
  const high = Math.min(left.high, right.high);
  return low <= high ? { low, high } : undefined;
}
