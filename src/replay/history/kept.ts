/**
 * What CPUs have counted and keep to themselves, so that a reading of the counters lacks it
 * (src/kernel/per-cpu-counter.ts). Each posting is made by the CPU of its event. A CPU without
 * events for a while is taken to be idle: going idle, it adds what it kept to the shared sums.
 */
import type { DriftBound } from '../../kernel/counter-drift.ts';
import { PerCpuCounter } from '../../kernel/per-cpu-counter.ts';
import { NS_PER_US } from '../../trace/time.ts';
import { COUNTER_COUNT } from './flight.ts';

/**
 * Tasks that dirty or write have an event each few 10 µs. On 30 recordings the residuals are
 * smallest, and nearly the same, for anything from 200 to 500 µs.
 */
const IDLE_NS = 300 * NS_PER_US;

/**
 * What is kept is an expectation: a CPU may have been idle between events that are closer, and
 * may have kept something before the first one. On 45 recordings of a quiet machine all of it errs
 * least (nr_dirty by 0.11 % in the mean, 0.13 % with three quarters, 0.16 % with half of it); on
 * 106 beside other work three quarters do, and all of it leaves more samples outside of the bound.
 */
const KEPT_SHARE = 0.75;

export class KeptPages {
  readonly #counters: readonly PerCpuCounter[];
  /** By CPU, its last event; before that, when the prediction began. */
  readonly #seen_ns: Float64Array;

  constructor(threshold_pages: number, cpus: number) {
    const made = () => new PerCpuCounter(threshold_pages);
    this.#counters = Array.from({ length: COUNTER_COUNT }, made);
    this.#seen_ns = new Float64Array(cpus).fill(Number.NEGATIVE_INFINITY);
  }

  /** A reading is taken over as the truth, although CPUs may keep something already. */
  begin(ts_ns: number): void {
    for (const counter of this.#counters) counter.foldAll();
    this.#seen_ns.fill(ts_ns);
  }

  /** An event of that CPU: it may have been idle since the one before. */
  seen(cpu: number, ts_ns: number): void {
    if (ts_ns - (this.#seen_ns[cpu] ?? ts_ns) > IDLE_NS) this.#fold(cpu);
    this.#seen_ns[cpu] = ts_ns;
  }

  add(cpu: number, counter: number, pages: number, folio_pages: number): void {
    // A CPU that the machine does not have keeps nothing.
    if (!(cpu < this.#seen_ns.length)) return;
    this.#counters[counter]?.add(cpu, pages, folio_pages);
  }

  /** What a reader at that time is expected not to see of a counter. */
  of(counter: number, ts_ns: number): number {
    this.foldIdle(ts_ns);
    return this.now(counter);
  }

  /** The same once idle CPUs are known not to keep anything. */
  now(counter: number): number {
    return Math.round(KEPT_SHARE * (this.#counters[counter]?.kept ?? 0));
  }

  foldIdle(ts_ns: number): void {
    for (let cpu = 0; cpu < this.#seen_ns.length; cpu++) {
      if (ts_ns - (this.#seen_ns[cpu] as number) > IDLE_NS) this.#fold(cpu);
    }
  }

  #fold(cpu: number): void {
    for (const counter of this.#counters) counter.fold(cpu);
  }
}

/** NR_CPUS is never larger. */
const MOST_CPUS = 8192;

/**
 * Undefined where the threshold is only a bound, and with several nodes: each has its own counters,
 * and no event tells the node of a folio.
 */
export function keptPages({
  because,
  bound_pages,
  threshold_pages,
  cpus,
}: DriftBound): KeptPages | undefined {
  const isOneNode = bound_pages === cpus * threshold_pages;
  const isMachine = Number.isInteger(cpus) && cpus <= MOST_CPUS;
  if (because !== 'zoneinfo' || !isOneNode || !isMachine) return undefined;
  return new KeptPages(threshold_pages, cpus);
}
