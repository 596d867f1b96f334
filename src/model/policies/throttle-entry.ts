/**
 * When each task comes to balance_dirty_pages (balance_dirty_pages_ratelimited): it has dirtied as
 * much as it was allowed, or its CPU has. What it may dirty until the next look follows from the
 * distance to the threshold below freerun; above, the recorded allowance of the task is kept.
 * Not modelled: leaks of tasks that exit, dirty_exceeded of one bdi.
 */
import { divide } from '../../kernel/arithmetic.ts';
import type { Charge, Level } from './policy.ts';

/** DIRTY_POLL_THRESH: what a new task may dirty before it looks. */
const POLL_BYTES = 128 * 1024;
/** ratelimit_pages before any threshold is known. */
const CPU_PAGES = 32;
const FEWEST_CPU_PAGES = 16;

type Task = { dirtied: number; allowance: number; told: number | undefined };

export type TaskEntries = {
  readonly pid: number;
  /** What it was charged in all: pages, or whatever the system charges for a node. */
  charged: number;
  /** How often the task came to look, and how often it would have been paused. */
  entries: number;
  throttled: number;
  first_throttled_ns: number | undefined;
};

/** What is compared now: of the machine, and for those who dirty a bdi. */
export type Levels = {
  level(): Level | undefined;
  levelFor(wb: number): Level | undefined;
};

export class ThrottleEntry {
  readonly #tasks = new Map<number, Task>();
  readonly #cpus = new Map<number, number>();
  readonly #entries = new Map<number, TaskEntries>();
  readonly #poll: number;
  readonly #cpuCount: number;

  constructor(page_size: number, cpus: number) {
    this.#poll = Math.max(1, divide(POLL_BYTES, page_size));
    this.#cpuCount = Math.max(1, cpus);
  }

  /** What balance_dirty_pages was recorded to allow the task. */
  allow(pid: number, pages: number): void {
    this.#task(pid).told = pages;
  }

  /** Pages that the CPU may dirty between two looks (ratelimit_pages). */
  cpuLimit(thresh: number | undefined): number {
    if (thresh === undefined) return CPU_PAGES;
    return Math.max(FEWEST_CPU_PAGES, divide(thresh, 32 * this.#cpuCount));
  }

  /** Charges a task; a bdi's own limit is looked at only when the task comes to look. */
  charge({ pid, cpu, wb, pages, ts_ns, balances }: Charge, levels: Levels): void {
    const task = this.#task(pid);
    task.dirtied += pages;
    this.#of(pid).charged += pages;
    const onCpu = (this.#cpus.get(cpu) ?? 0) + pages;
    this.#cpus.set(cpu, onCpu);
    if (!balances) return;
    const { thresh } = levels.level() ?? {};
    const isCpuOver = task.dirtied < task.allowance && onCpu >= this.cpuLimit(thresh);
    const looks = task.dirtied >= task.allowance || isCpuOver;
    if (looks) this.#enter(pid, task, ts_ns, levels.levelFor(wb));
    if (isCpuOver) this.#cpus.set(cpu, 0);
  }

  #enter(pid: number, task: Task, ts_ns: number, level: Level | undefined): void {
    const entries = this.#of(pid);
    entries.entries++;
    task.dirtied = 0;
    if (level === undefined) return;
    if (level.dirty <= level.freerun) {
      task.allowance = pollInterval(level);
      return;
    }
    entries.throttled++;
    entries.first_throttled_ns ??= ts_ns;
    task.allowance = task.told ?? this.#poll;
  }

  #task(pid: number): Task {
    let task = this.#tasks.get(pid);
    if (task === undefined) {
      task = { dirtied: 0, allowance: this.#poll, told: undefined };
      this.#tasks.set(pid, task);
    }
    return task;
  }

  #of(pid: number): TaskEntries {
    let entries = this.#entries.get(pid);
    if (entries === undefined) {
      entries = { pid, charged: 0, entries: 0, throttled: 0, first_throttled_ns: undefined };
      this.#entries.set(pid, entries);
    }
    return entries;
  }

  list(): readonly TaskEntries[] {
    return [...this.#entries.values()];
  }
}

/** dirty_poll_interval: 2^(ilog2(thresh - dirty) / 2) pages. */
function pollInterval({ dirty, thresh }: Pick<Level, 'dirty' | 'thresh'>): number {
  return thresh > dirty ? 2 ** (Math.floor(Math.log2(thresh - dirty)) >> 1) : 1;
}
