/**
 * Level (a): the sums of the flusher against each other, the spacing of periodic works, and what
 * background writeback did while there was more dirty than the background threshold allows.
 */
import { type FlusherWorks, flusherWorks } from '../derive/flusher-works.ts';
import { textAt } from '../trace/column.ts';
import { numbers, type Table, tableWith, texts } from '../trace/table.ts';
import { NS_PER_MS, NS_PER_S } from '../trace/time.ts';
import type { Trace } from '../trace/trace.ts';
import { type ExpiredInodes, expiredInodes } from './expired-inodes.ts';
import { type LossIndex, lossIndex } from './losses.ts';
import { overBackground } from './over-background.ts';
import { type IdentityResult, IdentityTally } from './residual.ts';
import { findTimebase } from './timebase.ts';

export type PeriodicWorks = {
  readonly bdi: string;
  readonly cgroup: string;
  readonly works: number;
  readonly written_pages: number;
  readonly moved_inodes: number;
  readonly shortest_ms: number;
  readonly longest_ms: number;
};

export type WorkReplay = {
  readonly flusher: FlusherWorks | undefined;
  /** What each round took from its work against the sum of its slices. */
  readonly round_pages: IdentityResult;
  /** What workers report against the sum of their works. */
  readonly pages_written: IdentityResult;
  /** Periodic works of a bdi are at least the interval apart (recorded: 1 where they are). */
  readonly periodic_spacing: IdentityResult;
  /** vm.dirty_writeback_centisecs in ms: from meta.json, undefined without. */
  readonly interval_ms: number | undefined;
  readonly periodic: readonly PeriodicWorks[];
  /** vm.dirty_expire_centisecs in ms as periodic works print it, with the time first seen. */
  readonly expire_ms: readonly { readonly ts_ns: number; readonly expire_ms: number }[];
  /** What each round took up, against what had expired (expired-inodes.ts). */
  readonly expired: ExpiredInodes | undefined;
  /** Stretches with more dirty pages than the background threshold (over-background.ts). */
  readonly over_background: Table;
};

export function replayWorks(trace: Trace, flusher = flusherWorks(trace.tables)): WorkReplay {
  const losses = lossIndex(trace.losses);
  const interval_ms = writebackInterval(trace);
  const { hz } = findTimebase(trace);
  const tick_ns = NS_PER_S / (hz ?? 100);
  let expired: { readonly found: ExpiredInodes | undefined } | undefined;
  let over_background: Table | undefined;
  return {
    flusher,
    round_pages: checkRounds(flusher, losses),
    pages_written: checkBatches(flusher, losses),
    periodic_spacing: checkSpacing(flusher, interval_ms, tick_ns),
    interval_ms,
    periodic: periodicWorks(flusher),
    expire_ms: expiry(trace),
    // Found when somebody asks: few do, and both took a thirtieth of a replay.
    get expired() {
      expired ??= { found: expiredInodes(trace) };
      return expired.found;
    },
    get over_background() {
      over_background ??= overBackground(trace, flusher);
      return over_background;
    },
  };
}

function writebackInterval({ host }: Trace): number | undefined {
  const name = 'dirty_writeback_centisecs';
  const text = host.sysctl?.[`vm.${name}`] ?? host.sysctl?.[name];
  const centisecs = text !== undefined && /^\d{1,9}$/.test(text) ? Number(text) : 0;
  return centisecs > 0 ? centisecs * 10 : undefined;
}

function checkRounds(flusher: FlusherWorks | undefined, losses: LossIndex): IdentityResult {
  const tally = new IdentityTally();
  if (flusher === undefined) return tally.result();
  const { rounds } = flusher;
  const column = (name: string) => numbers(rounds, name).values;
  const [ts, seq, end] = [column('ts_ns'), column('seq'), column('end_ns')];
  const [charged, wrote] = [column('charged_pages'), column('wrote_pages')];
  for (let row = 0; row < rounds.rows; row++) {
    const until = end[row] as number;
    if (Number.isNaN(until)) tally.skip('not-recorded');
    else if (losses.overlaps(ts[row] as number, until)) tally.skip('lost-events');
    else {
      const at = ts[row] as number;
      tally.check(charged[row] as number, wrote[row] as number, at, seq[row] as number);
    }
  }
  return tally.result();
}

function checkBatches(flusher: FlusherWorks | undefined, losses: LossIndex): IdentityResult {
  const tally = new IdentityTally();
  if (flusher === undefined) return tally.result();
  const { batches } = flusher;
  const column = (name: string) => numbers(batches, name).values;
  const [ts, seq, since] = [column('ts_ns'), column('seq'), column('since_ns')];
  const [written, charged] = [column('written_pages'), column('charged_pages')];
  const [complete, works] = [column('complete'), column('works')];
  for (let row = 0; row < batches.rows; row++) {
    const at = ts[row] as number;
    // A run with nothing to do adds nothing up.
    if (works[row] === 0 && written[row] === 0) continue;
    if (complete[row] !== 1 || works[row] === 0) tally.skip('outside-work');
    else if (losses.overlaps(since[row] as number, at)) tally.skip('lost-events');
    else tally.check(written[row] as number, charged[row] as number, at, seq[row] as number);
  }
  return tally.result();
}

/** Rows of periodic works by domain, in order of time. */
function periodicRows(works: Table): Map<number, number[]> {
  const kupdate = numbers(works, 'for_kupdate').values;
  const domain = numbers(works, 'domain').values;
  const rows = new Map<number, number[]>();
  for (let row = 0; row < works.rows; row++) {
    if (kupdate[row] !== 1) continue;
    const own = domain[row] as number;
    const list = rows.get(own);
    if (list === undefined) rows.set(own, [row]);
    else list.push(row);
  }
  return rows;
}

function checkSpacing(
  flusher: FlusherWorks | undefined,
  interval_ms: number | undefined,
  tick_ns: number,
): IdentityResult {
  const tally = new IdentityTally();
  if (flusher === undefined) return tally.result();
  const start = numbers(flusher.works, 'start_ns').values;
  const seq = numbers(flusher.works, 'seq').values;
  for (const rows of periodicRows(flusher.works).values()) {
    for (let nth = 1; nth < rows.length; nth++) {
      const row = rows[nth] as number;
      const spacing = (start[row] as number) - (start[rows[nth - 1] as number] as number);
      if (interval_ms === undefined) tally.skip('not-recorded');
      else {
        // The kernel compares jiffies, and the work begins some instructions after it did.
        const enough = spacing >= interval_ms * NS_PER_MS - 2 * tick_ns;
        tally.check(enough ? 1 : 0, 1, start[row] as number, seq[row] as number);
      }
    }
  }
  return tally.result();
}

function periodicWorks(flusher: FlusherWorks | undefined): PeriodicWorks[] {
  if (flusher === undefined) return [];
  const { works, domains } = flusher;
  const start = numbers(works, 'start_ns').values;
  const written = numbers(works, 'written_pages').values;
  const moved = numbers(works, 'moved_inodes').values;
  const sum = (rows: readonly number[], values: ArrayLike<number>) =>
    rows.reduce((total, row) => total + (values[row] as number), 0);
  return [...periodicRows(works)].map(([domain, rows]) => {
    const gaps = rows
      .slice(1)
      .map(
        (row, nth) => ((start[row] as number) - (start[rows[nth] as number] as number)) / NS_PER_MS,
      );
    return {
      bdi: domains[domain]?.bdi ?? '',
      cgroup: domains[domain]?.cgroup ?? '',
      works: rows.length,
      written_pages: sum(rows, written),
      moved_inodes: sum(rows, moved),
      shortest_ms: gaps.reduce((least, gap) => Math.min(least, gap), Number.POSITIVE_INFINITY),
      longest_ms: gaps.reduce((most, gap) => Math.max(most, gap), 0),
    };
  });
}

/** A periodic work asks for what is older than dirty_expire: `age` is the setting itself. */
function expiry(trace: Trace): { ts_ns: number; expire_ms: number }[] {
  const table = tableWith(trace.tables, 'writeback_queue_io', ['age_ms', 'reason']);
  if (table === undefined) return [];
  const age = numbers(table, 'age_ms').values;
  const ts = numbers(table, 'ts_ns').values;
  const reason = texts(table, 'reason');
  const seen: { ts_ns: number; expire_ms: number }[] = [];
  for (let row = 0; row < table.rows; row++) {
    if (textAt(reason, row) !== 'periodic') continue;
    const expire_ms = age[row] as number;
    if (expire_ms === seen.at(-1)?.expire_ms || seen.length >= MOST_SETTINGS) continue;
    seen.push({ ts_ns: ts[row] as number, expire_ms });
  }
  return seen;
}

const MOST_SETTINGS = 100;
