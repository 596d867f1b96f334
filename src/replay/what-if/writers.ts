/**
 * How long writers would have been paused under other dirty limits (level c): given are what each
 * task wanted to dirty and how fast the device writes; everything else follows from the throttle's
 * own formula. Under the recorded limits the same must come out as was recorded: that is the fit,
 * and without it nothing is predicted.
 */
import { freerunCeiling, globalSetpoint } from '../../model/limits.ts';
import { positionPolynomial, RATIO_ONE } from '../../model/position-ratio.ts';
import { asPages } from '../../trace/units.ts';

/** What a task would have dirtied had nobody paused it. */
export type Demand = {
  /** When it began, nanoseconds since the trace's start. */
  readonly start_ns: number;
  /**
   * Times in its own time (that in which it was not paused, from its start) and pages until then;
   * both rise.
   */
  readonly own_ns: readonly number[];
  readonly pages: readonly number[];
  /**
   * Pages per second at which it writes by itself, catching up when it is behind; undefined for one
   * that goes on as soon as it may.
   */
  readonly pace_pages_per_s: number | undefined;
};

export type Writers = {
  readonly demands: readonly Demand[];
  /** Pages that the device writes per second. */
  readonly drain_pages_per_s: number;
  /** dirty + writeback when it began. */
  readonly level_pages: number;
  readonly duration_ns: number;
};

export type Limits = {
  readonly thresh: number;
  readonly background: number;
  /** max(thresh, tracked limit): a lowered threshold is followed slowly. */
  readonly limit: number;
};

export type Outcome = {
  /** Summed over tasks. */
  readonly paused_ns: number;
  readonly peak_pages: number;
  /** When the last of them had dirtied all that it wanted. */
  readonly done_ns: number;
};

/** About a tick: pauses are longer. */
const STEP_NS = 5e6;
const MOST_STEPS = 20_000;
/** Lengths of the capture after which a run is given up: its work would take so much longer. */
const LONGEST = 4;

/**
 * `limits` at a moment; constant where a setting is tried out. The run ends early when more than
 * `most_ns` was paused.
 */
export function runWriters(
  writers: Writers,
  limits: (t_ns: number) => Limits,
  most_ns = Number.POSITIVE_INFINITY,
): Outcome {
  const { drain_pages_per_s, duration_ns } = writers;
  const tasks = writers.demands.map((demand) => new Task(demand));
  let level = writers.level_pages;
  let [paused_ns, peak, done_ns] = [0, level, 0];
  const step_ns = Math.max(STEP_NS, duration_ns / MOST_STEPS);
  for (let t = 0; t < LONGEST * duration_ns && paused_ns <= most_ns; t += step_ns) {
    const active = tasks.filter((task) => task.isActive(t));
    if (active.length === 0 && t >= duration_ns) break;
    if (active.length > 0) done_ns = t;
    const now = limits(t);
    const taken = share(active, t, step_ns, allowed(level, now, drain_pages_per_s, step_ns));
    paused_ns += taken.paused_ns;
    level += taken.pages;
    const { background } = now;
    if (level > background)
      level = Math.max(background, level - (drain_pages_per_s * step_ns) / 1e9);
    peak = Math.max(peak, level);
  }
  return { paused_ns, peak_pages: peak, done_ns };
}

/** Pages that all tasks together may dirty in a step; no bound in free run. */
function allowed(
  level: number,
  limits: Limits,
  drain_pages_per_s: number,
  step_ns: number,
): number {
  const freerun = freerunCeiling(asPages(limits.thresh), asPages(limits.background));
  if (level <= freerun) return Number.POSITIVE_INFINITY;
  const limit = asPages(limits.limit);
  const setpoint = globalSetpoint(limit, freerun);
  // Tasks share what the device writes, scaled by how far the level is from the setpoint.
  const ratio = positionPolynomial(setpoint, Math.round(level), limit) / RATIO_ONE;
  return (ratio * drain_pages_per_s * step_ns) / 1e9;
}

/** Even shares; what one does not want is left to the others. */
function share(
  active: readonly Task[],
  t: number,
  step_ns: number,
  budget: number,
): { readonly pages: number; readonly paused_ns: number } {
  const wishes = active.map((task) => ({ task, wish: task.wish(t, step_ns) }));
  wishes.sort((a, b) => a.wish - b.wish);
  let left = budget;
  let [pages, paused_ns] = [0, 0];
  for (const [at, { task, wish }] of wishes.entries()) {
    const part = Math.min(wish, left / (wishes.length - at));
    left -= part;
    pages += part;
    paused_ns += task.take(part, wish, step_ns);
  }
  return { pages, paused_ns };
}

class Task {
  readonly #demand: Demand;
  #own = 0;
  #done = 0;
  #at = 0;

  constructor(demand: Demand) {
    this.#demand = demand;
  }

  isActive(t: number): boolean {
    return t >= this.#demand.start_ns && this.#done < this.#total - 0.5;
  }

  get #total(): number {
    return this.#demand.pages.at(-1) ?? 0;
  }

  /** Pages that it dirties in this step if nobody stops it. */
  wish(t: number, step_ns: number): number {
    const { pace_pages_per_s: pace, start_ns } = this.#demand;
    const next = this.#pagesAt(this.#own + step_ns);
    if (pace === undefined) return Math.max(0, next - this.#done);
    const due = (pace * (t + step_ns - start_ns)) / 1e9;
    return Math.max(0, Math.min(due, this.#total) - this.#done);
  }

  /** Dirties `part` of what it wished; returns for how long it was paused in this step. */
  take(part: number, wish: number, step_ns: number): number {
    this.#done += part;
    const share = wish <= 0 ? 1 : part / wish;
    this.#own += share * step_ns;
    return (1 - share) * step_ns;
  }

  #pagesAt(own: number): number {
    const { own_ns, pages } = this.#demand;
    while (this.#at + 1 < own_ns.length && (own_ns[this.#at + 1] as number) <= own) this.#at++;
    const [t0 = 0, t1 = t0] = [own_ns[this.#at], own_ns[this.#at + 1]];
    const [p0 = 0, p1 = p0] = [pages[this.#at], pages[this.#at + 1]];
    if (t1 <= t0 || own >= t1) return p1;
    return p0 + ((p1 - p0) * Math.max(0, own - t0)) / (t1 - t0);
  }
}
