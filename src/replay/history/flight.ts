/**
 * Pages that an event has announced while the kernel may not have counted them yet: events fire
 * with their counters still to move, and a sampling CPU cannot know how far another one has come.
 */
import { NS_PER_US } from '../../trace/time.ts';
import type { Inode } from './inodes.ts';

/** Positions of the counters in all arrays of this folder; `COUNTERS` of the model in order. */
export const NR_DIRTY = 0;
export const NR_WRITEBACK = 1;
export const NR_DIRTIED = 2;
export const NR_WRITTEN = 3;
export const COUNTER_COUNT = 4;

/**
 * Interrupts are off between an event and its counters, so that this is long for one folio; a bio
 * ends its folios one by one, some 50 ns each, after one event.
 */
const WINDOW_NS = 100 * NS_PER_US;

/**
 * Completions end folios one by one in an interrupt, or hand them to a worker that first converts
 * the extents (ext4, XFS). Measured on busy machines: 0.2 to 4.6 ms, the long ones for 10,000
 * pages.
 */
const WORKER_NS = 1000 * NS_PER_US;
const NS_PER_PAGE = 400;
/**
 * What is expected; the others are the limit. A worker or a softirq begins later than the event,
 * then each folio takes its time, whatever its size, and each of its blocks some (ext4_finish_bio).
 * Of 60 recordings, 16 folios of 64 pages were over after 30 µs on one machine and after 150 µs on
 * another one, and 13,000 pages after more than 1 ms.
 */
const BEGIN_SOON_NS = 20 * NS_PER_US;
const BEGIN_USUAL_NS = 30 * NS_PER_US;
const NS_PER_FOLIO_USUAL = 200;
const NS_PER_PAGE_USUAL = 80;

const NOTHING_ENDS = { at_most: 0, expected: 0 };

/** What a completion ends. */
export type Ended = {
  readonly pages: number;
  /** 0: they have ended, as far as anybody expects. */
  readonly folios: number;
  /** The task of the event ends them itself, one by one, and nobody else does. */
  readonly isDirect?: boolean | undefined;
  /** Whose they are, if they are of one. */
  readonly inode?: Inode | undefined;
  /** The same, if an event will come when the last of them has ended. */
  readonly last?: Inode | undefined;
};
type Ending = Ended & {
  readonly since_ns: number;
  readonly until_ns: number;
  /** `starts` of `last` when they came back: if it has grown, that event need not come. */
  readonly starts: number;
};

/** How much of it is expected to be under writeback still. */
function shareLeft(ending: Ending, ts_ns: number): number {
  const { pages, folios, last, starts, since_ns } = ending;
  if (folios === 0) return 0;
  const usual_ns = folios * NS_PER_FOLIO_USUAL + pages * NS_PER_PAGE_USUAL;
  const leftAfter = (begin_ns: number) =>
    Math.min(1, Math.max(0, 1 - (ts_ns - since_ns - begin_ns) / usual_ns));
  // It is not over: either it has not begun, or it is under way.
  const isNotOver = last !== undefined && last.starts === starts;
  if (isNotOver) return (1 + leftAfter(BEGIN_SOON_NS)) / 2;
  return leftAfter(ending.isDirect ? 0 : BEGIN_USUAL_NS);
}

export class Flight {
  /** [cpu][counter]; `latest` of any counter of the CPU. */
  #cpus = 0;
  #sum = new Float64Array(0);
  #since = new Float64Array(0);
  #last = new Float64Array(0);
  #latest = new Float64Array(0);
  readonly #flying = new Float64Array(COUNTER_COUNT);

  /** Completed bios whose folios may still be ending, in order of time. */
  #ending: Ending[] = [];

  /** A completion ends pages, by and by and on any CPU; completions wait for each other. */
  noteEnding(ended: Ended, ts_ns: number): void {
    const wait_ns = ended.isDirect ? 0 : WORKER_NS;
    const begin = Math.max(ts_ns, (this.#ending.at(-1)?.until_ns ?? ts_ns) - WORKER_NS);
    const until_ns = begin + wait_ns + ended.pages * NS_PER_PAGE;
    const { pages, folios, isDirect, inode, last } = ended;
    const starts = last?.starts ?? 0;
    this.#ending.push({ pages, folios, isDirect, inode, last, since_ns: ts_ns, until_ns, starts });
    // Without samples nobody asks; what is over is dropped now and then.
    if (this.#ending.length > 1024) this.#dropEnded(ts_ns);
  }

  /** An event said that nothing of the inode is under writeback any more. */
  noteCleared(inode: Inode): void {
    if (this.#ending.some((each) => each.inode === inode)) {
      this.#ending = this.#ending.filter((each) => each.inode !== inode);
    }
  }

  #dropEnded(ts_ns: number): void {
    let done = 0;
    while (done < this.#ending.length && (this.#ending[done] as Ending).until_ns <= ts_ns) done++;
    if (done > 0) this.#ending = this.#ending.slice(done);
  }

  /** Pages of completed bios that may not have ended, and how many of them are expected not to. */
  ending(ts_ns: number): { readonly at_most: number; readonly expected: number } {
    this.#dropEnded(ts_ns);
    if (this.#ending.length === 0) return NOTHING_ENDS;
    let at_most = 0;
    let expected = 0;
    for (const each of this.#ending) {
      if (each.until_ns <= ts_ns) continue;
      at_most += each.pages;
      expected += each.pages * shareLeft(each, ts_ns);
    }
    return { at_most, expected: Math.round(expected) };
  }

  /** The CPU moves the counter by `pages` from now on. */
  note(cpu: number, counter: number, pages: number, ts_ns: number): void {
    if (cpu >= this.#cpus) this.#grow(cpu);
    const at = cpu * COUNTER_COUNT + counter;
    if (ts_ns - (this.#since[at] as number) > WINDOW_NS) {
      this.#since[at] = ts_ns;
      this.#sum[at] = pages;
    } else {
      this.#sum[at] = (this.#sum[at] as number) + pages;
    }
    this.#last[at] = ts_ns;
    this.#latest[cpu] = Math.max(this.#latest[cpu] as number, ts_ns);
  }

  /** One folio replaces the one before it: a CPU dirties one at a time. */
  noteOne(cpu: number, counter: number, pages: number, ts_ns: number): void {
    this.note(cpu, counter, 0, ts_ns);
    this.#sum[cpu * COUNTER_COUNT + counter] = pages;
  }

  #grow(cpu: number): void {
    const cpus = Math.max(cpu + 1, 2 * this.#cpus);
    const never = Number.NEGATIVE_INFINITY;
    const larger = (values: Float64Array, length: number, unset: number) => {
      const all = new Float64Array(length).fill(unset);
      all.set(values);
      return all;
    };
    this.#sum = larger(this.#sum, cpus * COUNTER_COUNT, 0);
    this.#since = larger(this.#since, cpus * COUNTER_COUNT, never);
    this.#last = larger(this.#last, cpus * COUNTER_COUNT, never);
    this.#latest = larger(this.#latest, cpus, never);
    this.#cpus = cpus;
  }

  /**
   * Pages of each counter under way on other CPUs: what `cpu` did itself is counted when it reads.
   * The array is used again.
   */
  flying(cpu: number, ts_ns: number): Float64Array {
    const flying = this.#flying;
    // fill() is a call out of compiled code, which took as long as all the rest.
    for (let counter = 0; counter < COUNTER_COUNT; counter++) flying[counter] = 0;
    for (let other = 0; other < this.#cpus; other++) {
      // Asked at every sample, and most CPUs did nothing just now.
      if (other === cpu || ts_ns - (this.#latest[other] as number) >= WINDOW_NS) continue;
      for (let counter = 0; counter < COUNTER_COUNT; counter++) {
        const at = other * COUNTER_COUNT + counter;
        if (ts_ns - (this.#last[at] as number) >= WINDOW_NS) continue;
        flying[counter] = (flying[counter] as number) + (this.#sum[at] as number);
      }
    }
    return flying;
  }
}
