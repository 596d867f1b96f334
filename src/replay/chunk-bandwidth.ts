/**
 * Level (a): how much a flusher may write of one inode follows from the average write bandwidth,
 * the dirty limit and what the work has left (writeback_chunk_size). The bandwidth changes between
 * two records of it, so the same law, read backwards, is an observation of it: `bandwidth`.
 */
import { type FlusherWorks, flusherWorks } from '../derive/flusher-works.ts';
import { WbDomains } from '../derive/wb-domains.ts';
import { pagesPerSecond } from '../kernel/arithmetic.ts';
import {
  bandwidthOfChunk,
  type ChunkBounds,
  minWritebackPages,
  NO_LIMIT,
  writebackChunk,
} from '../model/flusher.ts';
import { textAt } from '../trace/column.ts';
import { numbers, texts } from '../trace/table.ts';
import type { Trace } from '../trace/trace.ts';
import { asKiBps, asPages, asPagesPerSecond } from '../trace/units.ts';
import { domainSeries, globalSeries, lastBefore, type Series } from './domain-series.ts';
import { lossIndex } from './losses.ts';
import { type IdentityResult, IdentityTally } from './residual.ts';
import { findTimebase } from './timebase.ts';

/** What single slices say about avg_write_bandwidth of their bdi and cgroup, in order of time. */
export type ObservedBandwidth = {
  readonly rows: number;
  readonly ts_ns: Float64Array;
  readonly seq: Uint32Array;
  readonly bdi: readonly string[];
  readonly cgroup: readonly string[];
  /** Pages per second, both inclusive; `high` is infinite where the limit or the work decided. */
  readonly low_pages_per_s: Float64Array;
  readonly high_pages_per_s: Float64Array;
};

export type ChunkCheck = {
  /**
   * `to_write` as predicted with the bandwidth carried forward, or with the last recorded one. A
   * miss that lies between what the bandwidths recorded last and next predict has the cause
   * `hidden-update`.
   */
  readonly to_write: IdentityResult;
  /** Slices that no bandwidth explains: the kernel does not follow the law here. */
  readonly impossible: number;
  readonly bandwidth: ObservedBandwidth;
};

export function checkChunks(trace: Trace, works = flusherWorks(trace.tables)): ChunkCheck {
  return observeChunks(trace, works).check();
}

/** What slices say of the bandwidth first, so that it can be carried forward before the check. */
export function observeChunks(trace: Trace, works: FlusherWorks | undefined): ChunkObserver {
  const observer = new ChunkObserver(trace);
  if (works !== undefined) observer.all(works);
  return observer;
}

type Question = { readonly slice: Slice; readonly bounds: ChunkBounds; readonly row: number };

class ChunkObserver {
  readonly #questions: Question[] = [];
  readonly #tally = new IdentityTally();
  readonly #found: { ts: number; seq: number; of: Slice; low: number; high: number }[] = [];
  readonly #limit: Series;
  readonly #bandwidth: (domain: number) => Series;
  readonly #domains = new WbDomains();
  readonly #shift: number;
  readonly #min: number;
  readonly #lost: (from_ns: number, to_ns: number) => boolean;
  #impossible = 0;

  constructor(trace: Trace) {
    const { page_size } = findTimebase(trace);
    const { tables } = trace;
    const losses = lossIndex(trace.losses);
    this.#shift = Math.log2(page_size);
    this.#min = minWritebackPages(page_size);
    this.#limit = globalSeries(tables, 'global_dirty_state', 'dirty_limit_pages');
    this.#bandwidth = domainSeries(
      tables,
      'bdi_dirty_ratelimit',
      'avg_write_bw_kibps',
      this.#domains,
    );
    this.#lost = (from, to) => losses.overlaps(from, to);
  }

  all(flusher: FlusherWorks): void {
    const { slices, works } = flusher;
    const column = (name: string) => numbers(slices, name).values;
    const [ts, seq, toWrite, work] = ['ts_ns', 'seq', 'to_write_pages', 'work'].map(column);
    const remaining = column('remaining_pages');
    const syncMode = numbers(works, 'sync_mode').values;
    const device = numbers(works, 'sb_dev').values;
    const [bdi, cgroup] = [texts(slices, 'bdi'), texts(slices, 'cgroup')];
    for (let row = 0; row < slices.rows; row++) {
      const own = work?.[row] as number;
      if (own < 0) {
        this.#tally.skip('outside-work');
        continue;
      }
      this.#slice({
        ts: ts?.[row] as number,
        seq: seq?.[row] as number,
        bdi: textAt(bdi, row),
        cgroup: textAt(cgroup, row),
        to_write: toWrite?.[row] as number,
        remaining: remaining[row] as number,
        // A work for one file system tags its pages first and then writes them all.
        unlimited: syncMode[own] === 1 || (device[own] as number) > 0,
      });
    }
  }

  #slice(slice: Slice): void {
    const { ts, seq, to_write, unlimited } = slice;
    if (unlimited) {
      this.#tally.check(to_write, NO_LIMIT, ts, seq);
      return;
    }
    const at = lastBefore(this.#limit, seq);
    if (at < 0) {
      this.#tally.skip('not-recorded');
      return;
    }
    if (this.#lost(this.#limit.ts_ns[at] as number, ts)) {
      this.#tally.skip('lost-events');
      return;
    }
    const bounds: ChunkBounds = {
      dirty_limit: asPages(this.#limit.values[at] as number),
      remaining: asPages(slice.remaining),
      min_pages: this.#min,
    };
    const interval = bandwidthOfChunk(to_write, bounds);
    const row = interval === undefined ? -1 : this.#found.length;
    this.#questions.push({ slice, bounds, row });
    if (interval === undefined) this.#impossible++;
    else this.#found.push({ ts, seq, of: slice, ...interval });
  }

  /** `predicted`: the bandwidth of each row of `bandwidth` as it was carried forward. */
  check(predicted?: ArrayLike<number>): ChunkCheck {
    for (const question of this.#questions) {
      this.#predict(question, predicted?.[question.row] ?? Number.NaN);
    }
    this.#questions.length = 0;
    return {
      to_write: this.#tally.result(),
      impossible: this.#impossible,
      bandwidth: this.bandwidth,
    };
  }

  #predict({ slice, bounds }: Question, carried: number): void {
    const { ts, seq, bdi, cgroup, to_write } = slice;
    const series = this.#bandwidth(this.#domains.code(bdi, cgroup));
    const last = lastBefore(series, seq);
    const pages = (kibps: number) => pagesPerSecond(asKiBps(kibps), this.#shift);
    const alone = writebackChunk(asPagesPerSecond(NO_LIMIT), bounds);
    // Where the other bounds leave the smallest slice, the bandwidth does not matter.
    if (last < 0 && alone > this.#min) {
      this.#tally.skip('no-bandwidth');
      return;
    }
    if (last >= 0 && this.#lost(series.ts_ns[last] as number, ts)) {
      this.#tally.skip('lost-events');
      return;
    }
    const before = last < 0 ? alone : writebackChunk(pages(series.values[last] as number), bounds);
    const next = series.values[last + 1];
    const after = next === undefined ? before : writebackChunk(pages(next), bounds);
    const moved = to_write >= Math.min(before, after) && to_write <= Math.max(before, after);
    const expected = Number.isNaN(carried)
      ? before
      : writebackChunk(asPagesPerSecond(carried), bounds);
    this.#tally.check(to_write, expected, ts, seq, moved ? 'hidden-update' : undefined);
  }

  get bandwidth(): ObservedBandwidth {
    const found = this.#found;
    return {
      rows: found.length,
      ts_ns: Float64Array.from(found, ({ ts }) => ts),
      seq: Uint32Array.from(found, ({ seq }) => seq),
      bdi: found.map(({ of }) => of.bdi),
      cgroup: found.map(({ of }) => of.cgroup),
      low_pages_per_s: Float64Array.from(found, ({ low }) => low),
      high_pages_per_s: Float64Array.from(found, ({ high }) => high),
    };
  }
}

type Slice = {
  readonly ts: number;
  readonly seq: number;
  readonly bdi: string;
  readonly cgroup: string;
  readonly to_write: number;
  readonly remaining: number;
  readonly unlimited: boolean;
};
