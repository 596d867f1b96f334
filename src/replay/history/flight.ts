/**
 * Pages that an event has announced while the kernel may not have counted them yet: events fire
 * with their counters still to move, and a sampling CPU cannot know how far another one has come.
 */
import { NS_PER_US } from '../../trace/time.ts';

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
/** What a page takes when nothing else is in the way: the expectation, the others are the limit. */
const NS_PER_PAGE_USUAL = 100;

export class Flight {
  readonly #sum: Float64Array[] = [];
  readonly #since: Float64Array[] = [];
  readonly #last: Float64Array[] = [];

  /** Completed bios whose folios may still be ending: since and until when, how many pages. */
  #since_ns: number[] = [];
  #until_ns: number[] = [];
  #ending: number[] = [];

  /** A completion ends `pages`, by and by and on any CPU; completions wait for each other. */
  noteEnding(pages: number, ts_ns: number): void {
    const begin = Math.max(ts_ns, (this.#until_ns.at(-1) ?? ts_ns) - WORKER_NS);
    this.#since_ns.push(ts_ns);
    this.#until_ns.push(begin + WORKER_NS + pages * NS_PER_PAGE);
    this.#ending.push(pages);
    // Without samples nobody asks; what is over is dropped now and then.
    if (this.#ending.length > 1024) this.#dropEnded(ts_ns);
  }

  #dropEnded(ts_ns: number): void {
    let done = 0;
    while (done < this.#until_ns.length && (this.#until_ns[done] as number) <= ts_ns) done++;
    if (done === 0) return;
    this.#since_ns = this.#since_ns.slice(done);
    this.#until_ns = this.#until_ns.slice(done);
    this.#ending = this.#ending.slice(done);
  }

  /** Pages of completed bios that may not have ended, and how many of them are expected not to. */
  ending(ts_ns: number): { readonly at_most: number; readonly expected: number } {
    this.#dropEnded(ts_ns);
    let at_most = 0;
    let expected = 0;
    for (let i = 0; i < this.#ending.length; i++) {
      const pages = this.#ending[i] as number;
      const done = (ts_ns - (this.#since_ns[i] as number)) / NS_PER_PAGE_USUAL;
      at_most += pages;
      expected += Math.min(pages, Math.max(0, pages - done));
    }
    return { at_most, expected: Math.round(expected) };
  }

  /** The CPU moves the counter by `pages` from now on. */
  note(cpu: number, counter: number, pages: number, ts_ns: number): void {
    while (this.#sum.length <= cpu) {
      this.#sum.push(new Float64Array(COUNTER_COUNT));
      this.#since.push(new Float64Array(COUNTER_COUNT).fill(Number.NEGATIVE_INFINITY));
      this.#last.push(new Float64Array(COUNTER_COUNT).fill(Number.NEGATIVE_INFINITY));
    }
    const sum = this.#sum[cpu] as Float64Array;
    const since = this.#since[cpu] as Float64Array;
    if (ts_ns - (since[counter] as number) > WINDOW_NS) {
      since[counter] = ts_ns;
      sum[counter] = pages;
    } else {
      sum[counter] = (sum[counter] as number) + pages;
    }
    (this.#last[cpu] as Float64Array)[counter] = ts_ns;
  }

  /** One folio replaces the one before it: a CPU dirties one at a time. */
  noteOne(cpu: number, counter: number, pages: number, ts_ns: number): void {
    this.note(cpu, counter, 0, ts_ns);
    (this.#sum[cpu] as Float64Array)[counter] = pages;
  }

  /** Pages under way on other CPUs: what `cpu` did itself is counted when it reads. */
  pages(cpu: number, counter: number, ts_ns: number): number {
    let sum = 0;
    for (let other = 0; other < this.#sum.length; other++) {
      if (other === cpu) continue;
      const age = ts_ns - ((this.#last[other] as Float64Array)[counter] as number);
      if (age < WINDOW_NS) sum += (this.#sum[other] as Float64Array)[counter] as number;
    }
    return sum;
  }
}
