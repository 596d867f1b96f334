/**
 * How much every bdi has written, over time: what WB_WRITTEN of it has grown by. One entry for all
 * completions of a stretch that is short against the timer tick.
 */
import { upperBound } from '../../trace/search.ts';
import { NS_PER_MS } from '../../trace/time.ts';

const STRETCH_NS = 0.25 * NS_PER_MS;

/** Pages written of one bdi since the replay began, from `ts_ns` on. */
export type WrittenSeries = {
  readonly bdi: string;
  readonly ts_ns: readonly number[];
  readonly pages: readonly number[];
};

export class WrittenLog {
  readonly #times: number[][] = [];
  readonly #pages: number[][] = [];

  note(wb: number, pages: number, ts_ns: number): void {
    while (this.#times.length <= wb) {
      this.#times.push([]);
      this.#pages.push([]);
    }
    const times = this.#times[wb] as number[];
    const totals = this.#pages[wb] as number[];
    const last = times.length - 1;
    const total = (totals[last] ?? 0) + pages;
    if (last >= 0 && ts_ns - (times[last] as number) < STRETCH_NS) {
      totals[last] = total;
      return;
    }
    times.push(ts_ns);
    totals.push(total);
  }

  finish(names: readonly string[]): WrittenSeries[] {
    return this.#times.map((ts_ns, wb) => ({
      bdi: names[wb] ?? '',
      ts_ns,
      pages: this.#pages[wb] as number[],
    }));
  }
}

/** The pages of a series at a time. */
export function writtenBy({ ts_ns, pages }: WrittenSeries): (ts_ns: number) => number {
  return (time) => {
    const before = upperBound(ts_ns, time) - 1;
    return pages[before] ?? 0;
  };
}
