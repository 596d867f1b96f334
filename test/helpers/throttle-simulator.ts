/**
 * balance_dirty_pages run forward: writers that dirty pages, a device that cleans them, and the
 * events that a kernel would print of it. It makes the captures that nobody recorded: other HZ,
 * page sizes and meanings of `limit`. Time is in ns, everything else as in the model.
 */
import { printedMs } from '../../src/kernel/arithmetic.ts';
import { type ThrottleConstants, throttleConstants } from '../../src/kernel/constants.ts';
import { taskRatelimit } from '../../src/model/bandwidth-inversion.ts';
import { balancedDirtyRatelimit } from '../../src/model/control.ts';
import {
  freerunCeiling,
  globalSetpoint,
  hardDirtyLimit,
  trackDirtyLimit,
} from '../../src/model/limits.ts';
import {
  afterSkip,
  afterSleep,
  decidePause,
  planPause,
  pollInterval,
  type TaskThrottle,
} from '../../src/model/pause.ts';
import { type DomainPoint, domainSetpoint, positionRatio } from '../../src/model/position-ratio.ts';
import { dirtyRate, nextDirtyRatelimit, updateTaskRatelimit } from '../../src/model/ratelimit.ts';
import {
  printedWbSetpoint,
  RATIO_SCALE,
  wbBackground,
  wbThreshold,
} from '../../src/model/wb-share.ts';
import { updateWriteBandwidth } from '../../src/model/write-bandwidth.ts';
import { asPages, asPagesPerSecond } from '../../src/trace/units.ts';
import type { EventRow } from './trace-builder.ts';

export type Scenario = {
  readonly hz: number;
  readonly page_size: number;
  readonly strictlimit: boolean;
  /** Meaning of `limit` and place of the floor: since 6.17, or until 6.12. */
  readonly modern: boolean;
  readonly writers: number;
  readonly device_mib_per_s: number;
  readonly thresh_mib: number;
  /** The tracked limit at the start, of which thresh is the lasting value. */
  readonly limit_mib: number;
  /** Of the completions, in percent; the device holds so much of the threshold. */
  readonly share_percent: number;
  readonly seconds: number;
  /** Bandwidth updates of the flusher, which print nothing. */
  readonly hidden: boolean;
  /** Whether the events are there after which the flusher may do that. */
  readonly seen?: boolean;
};

const MIB = 1024 * 1024;
const FIRST_JIFFIES = 4_294_937_296;
const PHASE_NS = 1_234_567;

type Writer = TaskThrottle & { pid: number; at_ns: number; calls: number };

export class ThrottleSimulator {
  readonly rows: EventRow[] = [];
  readonly written = { bdi: '8:0', ts_ns: [] as number[], pages: [] as number[] };
  readonly #is: Scenario;
  readonly #c: ThrottleConstants;
  readonly #tick_ns: number;
  readonly #thresh: number;
  readonly #background: number;
  #limit: number;
  #dirty = 0;
  #dirtied = 0;
  #written = 0;
  #rest = 0;
  #clock_ns = 0;
  #bandwidth: { write_bw: number; avg_write_bw: number };
  #rates: { dirty_ratelimit: number; balanced_dirty_ratelimit: number };
  #stamp = { jiffies: 0, dirtied: 0, written: 0 };

  constructor(scenario: Scenario) {
    this.#is = scenario;
    this.#c = throttleConstants(scenario.hz, scenario.page_size);
    this.#tick_ns = 1e9 / scenario.hz;
    this.#thresh = (scenario.thresh_mib * MIB) / scenario.page_size;
    this.#background = this.#thresh / 2;
    this.#limit = (scenario.limit_mib * MIB) / scenario.page_size;
    const { initial_bandwidth: rate } = this.#c;
    this.#bandwidth = { write_bw: rate, avg_write_bw: rate };
    this.#rates = { dirty_ratelimit: rate, balanced_dirty_ratelimit: rate };
    this.#stamp.jiffies = this.#jiffies(0);
  }

  run(): EventRow[] {
    const writers = Array.from({ length: this.#is.writers }, (_, index): Writer => {
      const start = { paused_when: 0, nr_dirtied_pause: this.#c.poll_pages };
      return { ...start, pid: 100 + index, at_ns: 1e6 * (index + 1), calls: 0 };
    });
    const end_ns = this.#is.seconds * 1e9;
    let queued_ns = 0;
    // Often enough for the tick to be found in what it prints.
    const round_ns = this.#is.seen ? 3.3e6 : 1e8;
    for (;;) {
      const writer = writers.reduce((first, one) => (one.at_ns < first.at_ns ? one : first));
      if (writer.at_ns >= end_ns) return this.rows;
      this.#advance(writer.at_ns);
      if (this.#clock_ns - queued_ns > round_ns) {
        queued_ns = this.#clock_ns;
        this.#queueIo();
      }
      this.#balance(writer);
    }
  }

  #jiffies(ts_ns: number): number {
    return FIRST_JIFFIES + Math.floor((ts_ns - PHASE_NS) / this.#tick_ns);
  }

  /** Later than all that was, and not so near to a tick that the tick could fall in between. */
  #advance(to_ns: number): void {
    let next = Math.max(to_ns, this.#clock_ns + 10_000);
    const left = this.#tick_ns - ((next - PHASE_NS + this.#tick_ns) % this.#tick_ns);
    if (left < 60_000) next += left + 60_000;
    const cleaned = (this.#is.device_mib_per_s * MIB * (next - this.#clock_ns)) / 1e9;
    this.#rest += cleaned / this.#is.page_size;
    const pages = Math.min(Math.floor(this.#rest), this.#dirty);
    this.#rest -= Math.floor(this.#rest);
    this.#dirty -= pages;
    this.#written += pages;
    this.#clock_ns = Math.round(next);
    if (pages === 0) return;
    this.written.ts_ns.push(this.#clock_ns);
    this.written.pages.push(this.#written);
  }

  #queueIo(): void {
    this.rows.push({
      event: 'writeback_queue_io',
      ts_ns: this.#clock_ns,
      pid: 7,
      bdi: '8:0',
      older_jiffies: this.#jiffies(this.#clock_ns) - this.#is.hz,
      age_ms: 1000,
      cgroup_ino: 1n,
    });
    if (!this.#is.hidden) return;
    if (this.#is.seen) this.#endWriting();
    if (this.#isDue()) this.#updateBandwidth();
  }

  /** What the flusher leaves behind at the end of do_writepages, whether it updates or not. */
  #endWriting(): void {
    this.rows.push({
      event: 'writeback_single_inode',
      ts_ns: this.#clock_ns,
      pid: 7,
      bdi: '8:0',
      ino: 9n,
      nr_to_write_pages: 1024,
      wrote_pages: 0,
      cgroup_ino: 1n,
    });
  }

  #isDue(): boolean {
    const { jiffies } = this.#stamp;
    return this.#jiffies(this.#clock_ns) > jiffies + this.#c.bandwidth_interval;
  }

  #balance(writer: Writer): void {
    // Some writes are larger than what was left to the task.
    const pages_dirtied = writer.nr_dirtied_pause + (writer.calls++ % 5);
    this.#dirty += pages_dirtied;
    this.#dirtied += pages_dirtied;
    const entry = this.#jiffies(this.#clock_ns);
    while (this.#iterate(writer, pages_dirtied, entry)) {
      const wake = this.#jiffies(this.#clock_ns) + this.#slept;
      this.#advance((wake - FIRST_JIFFIES) * this.#tick_ns + PHASE_NS + 90_000);
    }
    const work_ns = 30_000 + 400 * pages_dirtied + 37 * (this.#dirtied % 1009);
    writer.at_ns = this.#clock_ns + work_ns;
    if (this.#slept === 0) return;
    const wake = this.#jiffies(this.#clock_ns) + this.#slept;
    writer.at_ns = (wake - FIRST_JIFFIES) * this.#tick_ns + PHASE_NS + 90_000 + work_ns;
  }

  #slept = 0;

  /** One round; true if there is another in the same call. */
  #iterate(writer: Writer, pages_dirtied: number, entry: number): boolean {
    const { hz } = this.#c;
    const now = this.#jiffies(this.#clock_ns);
    this.#slept = 0;
    this.#printState(writer);
    const at = this.#point();
    if (this.#isFree(at)) {
      writer.paused_when = now;
      const [dirty, thresh] = this.#is.strictlimit
        ? [at.wb_dirty, at.wb_thresh]
        : [at.dirty, at.thresh];
      writer.nr_dirtied_pause = pollInterval(dirty, thresh);
      return false;
    }
    const rules = { strictlimit: this.#is.strictlimit, floored: this.#is.modern };
    const ratio = positionRatio(at, this.#bandwidth.avg_write_bw, rules);
    const bandwidth = this.#bandwidth.avg_write_bw;
    if (this.#isDue()) this.#update(writer, at, ratio);
    const rate = this.#rates.dirty_ratelimit;
    const task_ratelimit = taskRatelimit(rate, at, bandwidth, rules);
    const rates = {
      avg_write_bw: this.#bandwidth.avg_write_bw,
      dirty_ratelimit: rate,
      task_ratelimit,
    };
    const none = { max_pause: 0, min_pause: 0, next_dirtied_pause: 0 };
    const plan = planPause(at.wb_dirty, rates, this.#c, none);
    const think = writer.paused_when === 0 ? 0 : now - writer.paused_when;
    const empty = { sleeps: false, printed_pause: 0, period: 0, now_advance: 0, raw_pause: 0 };
    const decision = decidePause(pages_dirtied, task_ratelimit, think, plan, hz, empty);
    this.#printThrottle(writer, at, {
      dirty_ratelimit_kibps: this.#printed(rate),
      task_ratelimit_kibps: this.#printed(task_ratelimit),
      dirtied_pages: pages_dirtied,
      dirtied_pause_pages: writer.nr_dirtied_pause,
      paused_ms: printedMs(now - entry, hz),
      pause_ms: printedMs(decision.printed_pause, hz),
      period_ms: printedMs(decision.period, hz),
      think_ms: printedMs(think, hz),
    });
    if (!decision.sleeps) {
      afterSkip(writer, decision, now, pages_dirtied, hz);
      return false;
    }
    afterSleep(writer, decision, now, plan);
    this.#slept = decision.printed_pause;
    return task_ratelimit === 0;
  }

  #isFree(at: DomainPoint): boolean {
    if (!this.#is.strictlimit) {
      return at.dirty <= freerunCeiling(asPages(at.thresh), asPages(at.background));
    }
    return at.wb_dirty <= Math.floor((at.wb_thresh + at.wb_background) / 2);
  }

  #point(): DomainPoint {
    const { strictlimit, modern, share_percent } = this.#is;
    const ratios = { min_ratio: 0, max_ratio: RATIO_SCALE, all_min_ratio: 0, strictlimit };
    const fraction = { numerator: share_percent, denominator: 100 };
    const floor = modern ? this.#dirty : undefined;
    const wb_thresh = wbThreshold(this.#thresh, floor, fraction, ratios);
    return {
      thresh: this.#thresh,
      background: this.#background,
      limit: hardDirtyLimit(asPages(this.#thresh), asPages(this.#limit)),
      dirty: this.#dirty,
      wb_thresh,
      wb_background: wbBackground(wb_thresh, this.#thresh, this.#background),
      wb_dirty: this.#dirty,
    };
  }

  #update(writer: Writer, at: DomainPoint, ratio: number): void {
    const { strictlimit, modern } = this.#is;
    const jiffies = this.#jiffies(this.#clock_ns);
    const elapsed = Math.max(jiffies - this.#stamp.jiffies, 1);
    const rate = dirtyRate(this.#dirtied - this.#stamp.dirtied, elapsed, this.#c.hz);
    const before = this.#rates;
    const task = updateTaskRatelimit(before.dirty_ratelimit, ratio);
    const bandwidth = asPagesPerSecond(this.#bandwidth.avg_write_bw);
    const balanced = balancedDirtyRatelimit(
      asPagesPerSecond(task),
      bandwidth,
      asPagesPerSecond(rate),
    );
    const isIdle = !modern && at.wb_dirty < 8;
    const own = isIdle ? at.wb_dirty + 1 : Math.floor((at.wb_thresh + at.wb_background) / 2);
    const level = strictlimit
      ? { dirty: at.wb_dirty, setpoint: own }
      : { dirty: at.dirty, setpoint: domainSetpoint(at) };
    const dirty_ratelimit = nextDirtyRatelimit(before, balanced, task, level);
    this.#rates = { dirty_ratelimit, balanced_dirty_ratelimit: balanced };
    this.#limit = trackDirtyLimit(asPages(this.#limit), asPages(at.thresh), asPages(at.dirty));
    this.rows.push({
      event: 'bdi_dirty_ratelimit',
      ts_ns: this.#clock_ns + 2000,
      pid: writer.pid,
      bdi: '8:0',
      write_bw_kibps: this.#printed(this.#bandwidth.write_bw),
      avg_write_bw_kibps: this.#printed(this.#bandwidth.avg_write_bw),
      dirty_rate_kibps: this.#printed(rate),
      dirty_ratelimit_kibps: this.#printed(dirty_ratelimit),
      task_ratelimit_kibps: this.#printed(task),
      balanced_dirty_ratelimit_kibps: this.#printed(balanced),
      cgroup_ino: 1n,
    });
    this.#updateBandwidth();
  }

  #updateBandwidth(): void {
    const jiffies = this.#jiffies(this.#clock_ns);
    const elapsed = Math.max(jiffies - this.#stamp.jiffies, 1);
    const written = this.#written - this.#stamp.written;
    this.#bandwidth = updateWriteBandwidth(this.#bandwidth, written, elapsed, this.#c);
    this.#stamp = { jiffies, dirtied: this.#dirtied, written: this.#written };
  }

  #printed(pages: number): number {
    return pages * (this.#is.page_size / 1024);
  }

  #printState(writer: Writer): void {
    this.rows.push({
      event: 'global_dirty_state',
      ts_ns: this.#clock_ns,
      pid: writer.pid,
      nr_dirty_pages: this.#dirty,
      nr_writeback_pages: 0,
      background_thresh_pages: this.#background,
      dirty_thresh_pages: this.#thresh,
      dirty_limit_pages: this.#limit,
      nr_dirtied_pages: this.#dirtied,
      nr_written_pages: this.#written,
    });
  }

  #printThrottle(writer: Writer, at: DomainPoint, more: Record<string, number>): void {
    // Until 6.12 the tracked limit is printed as it is at this moment.
    const limit = this.#is.modern ? at.limit : this.#limit;
    const freerun = freerunCeiling(asPages(at.thresh), asPages(at.background));
    const setpoint = globalSetpoint(asPages(limit), freerun);
    this.rows.push({
      event: 'balance_dirty_pages',
      ts_ns: this.#clock_ns + 4000,
      pid: writer.pid,
      bdi: '8:0',
      limit_pages: limit,
      setpoint_pages: setpoint,
      dirty_pages: at.dirty,
      wb_setpoint_pages: printedWbSetpoint(setpoint, at.wb_thresh, at.thresh),
      wb_dirty_pages: at.wb_dirty,
      cgroup_ino: 1n,
      ...more,
    });
  }
}
