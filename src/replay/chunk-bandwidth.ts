/**
 * Level (a): how much a flusher may write of one inode follows from the average write bandwidth,
 * the dirty limit and what the work has left (writeback_chunk_size). The bandwidth changes between
 * two records of it, so the same law, read backwards, is an observation of it: `bandwidth`.
 */
import { ColumnLists } from '../derive/column-lists.ts';
import type { FlusherWorks } from '../derive/flusher-works.ts';
import { type WbDomain, WbDomains } from '../derive/wb-domains.ts';
import { pagesPerSecond } from '../kernel/arithmetic.ts';
import {
  bandwidthOfChunk,
  type ChunkBounds,
  minWritebackPages,
  NO_LIMIT,
  writebackChunk,
} from '../model/flusher.ts';
import { numbers } from '../trace/table.ts';
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
  /** Place in `domains`. */
  readonly domain: Int32Array;
  readonly domains: readonly WbDomain[];
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

/** What slices say of the bandwidth first, so that it can be carried forward before the check. */
export function observeChunks(trace: Trace, works: FlusherWorks | undefined): ChunkObserver {
  const observer = new ChunkObserver(trace, works?.slices.rows);
  if (works !== undefined) observer.all(works);
  return observer;
}

/**
 * A row of its columns is a slice whose chunk the bandwidth may decide. As columns, because there
 * may be a slice an inode: 0.36 M took 0.8 s as objects, and take 0.2 s.
 */
const QUESTIONS = {
  ts_ns: 'ns',
  seq: 'seq',
  domain: 'none',
  to_write_pages: 'pages',
  remaining_pages: 'pages',
  dirty_limit_pages: 'pages',
  /** Row of the observations, -1 for none. */
  observed: 'none',
} as const;

const OBSERVATIONS = {
  ts_ns: 'ns',
  seq: 'seq',
  domain: 'none',
  low_pages_per_s: 'pages_per_s',
  high_pages_per_s: 'pages_per_s',
} as const;

class ChunkObserver {
  readonly #asked: ColumnLists<typeof QUESTIONS>;
  readonly #found: ColumnLists<typeof OBSERVATIONS>;
  readonly #tally = new IdentityTally();
  readonly #limit: Series;
  readonly #bandwidth: (domain: number) => Series;
  readonly #domains = new WbDomains();
  readonly #shift: number;
  readonly #min: number;
  readonly #lost: (from_ns: number, to_ns: number) => boolean;
  #impossible = 0;
  #observed: ObservedBandwidth | undefined;

  constructor(trace: Trace, slices: number | undefined) {
    this.#asked = new ColumnLists(QUESTIONS, slices);
    this.#found = new ColumnLists(OBSERVATIONS, slices);
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
    const [ts, seq, work] = [column('ts_ns'), column('seq'), column('work')];
    const [toWrite, remaining] = [column('to_write_pages'), column('remaining_pages')];
    const domain = column('domain');
    const codes = flusher.domains.map(({ bdi, cgroup }) => this.#domains.code(bdi, cgroup));
    const syncMode = numbers(works, 'sync_mode').values;
    const device = numbers(works, 'sb_dev').values;
    for (let row = 0; row < slices.rows; row++) {
      const own = work[row] as number;
      const asked = toWrite[row] as number;
      const ts_ns = ts[row] as number;
      if (own < 0) this.#tally.skip('outside-work');
      // A work for one file system tags its pages first and then writes them all.
      else if (syncMode[own] === 1 || (device[own] as number) > 0) {
        this.#tally.check(asked, NO_LIMIT, ts_ns, seq[row] as number);
      } else {
        const code = codes[domain[row] as number] ?? -1;
        this.#ask(ts_ns, seq[row] as number, code, asked, remaining[row] as number);
      }
    }
  }

  #ask(ts: number, seq: number, domain: number, toWrite: number, remaining: number): void {
    const at = lastBefore(this.#limit, seq);
    if (at < 0) {
      this.#tally.skip('not-recorded');
      return;
    }
    if (this.#lost(this.#limit.ts_ns[at] as number, ts)) {
      this.#tally.skip('lost-events');
      return;
    }
    const limit = this.#limit.values[at] as number;
    const range = bandwidthOfChunk(toWrite, this.#bounds(limit, remaining));
    const { lists } = this.#asked;
    const row = this.#asked.grow();
    lists.ts_ns.set(row, ts);
    lists.seq.set(row, seq);
    lists.domain.set(row, domain);
    lists.to_write_pages.set(row, toWrite);
    lists.remaining_pages.set(row, remaining);
    lists.dirty_limit_pages.set(row, limit);
    lists.observed.set(row, range === undefined ? -1 : this.#found.rows);
    if (range === undefined) this.#impossible++;
    else this.#observe(ts, seq, domain, range);
  }

  #observe(ts: number, seq: number, domain: number, { low, high }: Range): void {
    const { lists } = this.#found;
    const row = this.#found.grow();
    lists.ts_ns.set(row, ts);
    lists.seq.set(row, seq);
    lists.domain.set(row, domain);
    lists.low_pages_per_s.set(row, low);
    lists.high_pages_per_s.set(row, high);
  }

  #bounds(limit: number, remaining: number): ChunkBounds {
    return {
      dirty_limit: asPages(limit),
      remaining: asPages(remaining),
      min_pages: this.#min,
    };
  }

  /**
   * To be called once. `predicted`: the bandwidth of each row of `bandwidth` as it was carried
   * forward.
   */
  check(predicted?: ArrayLike<number>): ChunkCheck {
    const { lists, rows } = this.#asked;
    for (let row = 0; row < rows; row++) {
      this.#predict(row, predicted?.[lists.observed.at(row)] ?? Number.NaN);
    }
    return {
      to_write: this.#tally.result(),
      impossible: this.#impossible,
      bandwidth: this.bandwidth,
    };
  }

  #predict(row: number, carried: number): void {
    const { lists } = this.#asked;
    const ts = lists.ts_ns.at(row);
    const seq = lists.seq.at(row);
    const toWrite = lists.to_write_pages.at(row);
    const bounds = this.#bounds(lists.dirty_limit_pages.at(row), lists.remaining_pages.at(row));
    const series = this.#bandwidth(lists.domain.at(row));
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
    const moved = toWrite >= Math.min(before, after) && toWrite <= Math.max(before, after);
    const expected = Number.isNaN(carried)
      ? before
      : writebackChunk(asPagesPerSecond(carried), bounds);
    this.#tally.check(toWrite, expected, ts, seq, moved ? 'hidden-update' : undefined);
  }

  get bandwidth(): ObservedBandwidth {
    this.#observed ??= this.#collect();
    return this.#observed;
  }

  #collect(): ObservedBandwidth {
    const found = this.#found.finish('observed_bandwidth');
    const column = (name: string) => numbers(found, name).values as Float64Array;
    return {
      rows: found.rows,
      ts_ns: column('ts_ns'),
      seq: numbers(found, 'seq').values as Uint32Array,
      domain: Int32Array.from(column('domain')),
      domains: this.#domains.list,
      low_pages_per_s: column('low_pages_per_s'),
      high_pages_per_s: column('high_pages_per_s'),
    };
  }
}

type Range = { readonly low: number; readonly high: number };
