/**
 * What CPUs have counted and keep to themselves, so that a reading of the counters lacks it
 * (src/kernel/per-cpu-counter.ts). Each posting is made by the CPU of its event. Whenever a CPU
 * goes idle, it adds what it kept to the shared sums: of five recordings with all switches, that
 * explained 60 to 95 of 100 readings of nr_dirty to the page. Without switches, the other events of
 * a CPU tell when it may have been idle.
 */
import type { DriftBound } from '../../kernel/counter-drift.ts';
import { PerCpuCounter } from '../../kernel/per-cpu-counter.ts';
import { NS_PER_MS, NS_PER_US } from '../../trace/time.ts';
import { COUNTER_COUNT } from './flight.ts';

/** The pid that events of interrupts have while no task runs. */
export const IDLE_TASK = 0;
const NOBODY = -1;

/**
 * How long after an event the CPU has no other one before it is taken to have been idle: tasks that
 * dirty or write have an event each few 10 µs. Measured against recorded switches.
 */
const IDLE_NS = 500 * NS_PER_US;
/** From idle on, an interrupt does not make it idle again, but a task without events may. */
const WAS_IDLE_NS = 2 * NS_PER_MS;
/** Tasks that are inside of a call seldom wait: of gaps up to 300 µs none was idle. */
const IN_CALL_NS = NS_PER_MS;
/** Tasks that have done their work and wait for more: 9 of 10 gaps of 60 µs were idle. */
const DONE_NS = 60 * NS_PER_US;

/** The least time that an answer or a request is waited for, and not just fetched. */
const WAIT_NS = 30 * NS_PER_US;

const IN_CALL = [
  'mm_filemap_add_to_page_cache',
  'writeback_dirty_folio',
  'writeback_dirty_inode_enqueue',
  'track_foreign_dirty',
  'sb_mark_inode_writeback',
  'ext4_da_write_folios_start',
  'ext4_da_write_pages_extent',
  'ext4_da_write_folios_end',
  'iomap_writeback_folio',
  'block_bio_queue',
];
const DONE = ['writeback_pages_written'];

/** What an event says of its CPU. */
export type CpuEvent = {
  /** After how long without an event the CPU is taken to have been idle. */
  readonly idle_ns: number;
  /**
   * What its task waits for: an answer before it has any other event, or, when the next one is of
   * the same kind, the request that it answered.
   */
  readonly waits: 'answer' | 'request' | undefined;
};

export function cpuEvent(name: string): CpuEvent {
  if (name === 'fuse_request_send') return { idle_ns: IDLE_NS, waits: 'answer' };
  if (name === 'fuse_request_end') return { idle_ns: IDLE_NS, waits: 'request' };
  const idle_ns = IN_CALL.includes(name) ? IN_CALL_NS : DONE.includes(name) ? DONE_NS : IDLE_NS;
  return { idle_ns, waits: undefined };
}

/**
 * Tasks dirty pages on the CPU of the event, but workers end the writeback of what came back, and
 * no event tells on which CPU: of those counters, this much is expected.
 */
const SHARES = [1, 0.75, 1, 0.75];

export class KeptPages {
  readonly #counters: readonly PerCpuCounter[];
  /** By CPU: until when it is taken to be busy, and when what task had the last event. */
  readonly #busy_ns: Float64Array;
  readonly #seen_ns: Float64Array;
  readonly #pid: Int32Array;
  readonly #event: (CpuEvent | undefined)[] = [];
  #knowsSwitches = false;

  constructor(threshold_pages: number, cpus: number) {
    const made = () => new PerCpuCounter(threshold_pages);
    this.#counters = Array.from({ length: COUNTER_COUNT }, made);
    this.#busy_ns = new Float64Array(cpus).fill(Number.NEGATIVE_INFINITY);
    this.#seen_ns = new Float64Array(cpus);
    this.#pid = new Int32Array(cpus).fill(NOBODY);
  }

  /** A reading is taken over as the truth, although CPUs may keep something already. */
  begin(ts_ns: number): void {
    for (const counter of this.#counters) counter.foldAll();
    this.#busy_ns.fill(this.#knowsSwitches ? Number.POSITIVE_INFINITY : ts_ns + IDLE_NS);
  }

  /** `idle` will be called for each switch to the idle task, so that nothing has to be guessed. */
  knowSwitches(): void {
    this.#knowsSwitches = true;
  }

  /** The CPU goes idle. */
  idle(cpu: number): void {
    if (cpu < this.#busy_ns.length) this.#fold(cpu);
  }

  /** An event of that CPU: it may have been idle since the one before. */
  seen(cpu: number, ts_ns: number, pid: number, event: CpuEvent): void {
    // A CPU that the machine does not have keeps nothing.
    if (!(cpu < this.#busy_ns.length)) return;
    const wentIdle = pid === IDLE_TASK && this.#pid[cpu] !== IDLE_TASK;
    const isSilent = ts_ns >= (this.#busy_ns[cpu] as number);
    if (wentIdle || isSilent || this.#hasWaited(cpu, ts_ns, pid, event)) this.#fold(cpu);
    this.#seen_ns[cpu] = ts_ns;
    this.#pid[cpu] = pid;
    this.#event[cpu] = event;
    this.#busy_ns[cpu] = ts_ns + (pid === IDLE_TASK ? WAS_IDLE_NS : event.idle_ns);
  }

  #hasWaited(cpu: number, ts_ns: number, pid: number, event: CpuEvent): boolean {
    const waits = this.#event[cpu]?.waits;
    if (waits === undefined || this.#pid[cpu] !== pid) return false;
    if (waits === 'request' && event.waits !== 'request') return false;
    return ts_ns - (this.#seen_ns[cpu] as number) >= WAIT_NS;
  }

  add(cpu: number, counter: number, pages: number, folio_pages: number): void {
    if (!(cpu < this.#busy_ns.length)) return;
    this.#counters[counter]?.add(cpu, pages, folio_pages);
  }

  /** What a reader at that time is expected not to see of a counter. */
  of(counter: number, ts_ns: number): number {
    this.foldIdle(ts_ns);
    return this.now(counter);
  }

  /** The same once idle CPUs are known not to keep anything. */
  now(counter: number): number {
    return Math.round((SHARES[counter] as number) * (this.#counters[counter]?.kept ?? 0));
  }

  foldIdle(ts_ns: number): void {
    for (let cpu = 0; cpu < this.#busy_ns.length; cpu++) {
      if (ts_ns >= (this.#busy_ns[cpu] as number)) this.#fold(cpu);
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
