/**
 * What reclaim did about dirty pages: its episodes, the waits inside it by reason, and which batch
 * of dirty pages made it wake the flushers.
 */
import { ColumnLists } from '../derive/column-lists.ts';
import { type FlusherWorks, flusherWorks } from '../derive/flusher-works.ts';
import { type ReclaimEpisodes, reclaimEpisodes } from '../derive/reclaim-episodes.ts';
import { textAt } from '../trace/column.ts';
import type { Diagnostic } from '../trace/diagnostics.ts';
import { firstNot } from '../trace/search.ts';
import { numbers, type Table, type Tables, tableWith, texts } from '../trace/table.ts';
import { NS_PER_US } from '../trace/time.ts';
import type { Trace } from '../trace/trace.ts';
import { lossIndex } from './losses.ts';
import { type IdentityResult, IdentityTally } from './residual.ts';

export type ReclaimThrottle = {
  /** WRITEBACK, ISOLATED, …; until 5.17 the name of the congestion wait. */
  readonly reason: string;
  readonly waits: number;
  readonly asked_us: number;
  readonly delayed_us: number;
  readonly longest_us: number;
  /** Waits that ended early, because enough was written or somebody woke the task. */
  readonly early: number;
  readonly tasks: number;
};

export type ReclaimActivity = {
  readonly found: ReclaimEpisodes | undefined;
  readonly throttles: readonly ReclaimThrottle[];
  /** Works of the flusher that reclaim asked for, each with the batch that explains it. */
  readonly wakes: Table;
  /** Such works with a batch of nothing but unqueued dirty pages before them. */
  readonly wake: IdentityResult;
  readonly diagnostics: readonly Diagnostic[];
};

/** vmscan since 4.10; what came before it. */
const REASONS: ReadonlySet<string> = new Set(['vmscan', 'try_to_free_pages', 'free_more_memory']);

export function reclaimActivity(
  trace: Trace,
  works: FlusherWorks | undefined = flusherWorks(trace.tables),
): ReclaimActivity {
  const found = reclaimEpisodes(trace.tables);
  let joined: ReturnType<typeof joinWakes> | undefined;
  const join = () => {
    joined ??= joinWakes(trace, works, found);
    return joined;
  };
  return {
    found,
    throttles: throttles(trace.tables),
    // Joined when somebody asks.
    get wakes() {
      return join().wakes;
    },
    get wake() {
      return join().wake;
    },
    diagnostics: found?.diagnostics ?? [],
  };
}

const WAITS = [
  ['mm_vmscan_throttled', undefined],
  ['writeback_congestion_wait', 'congestion_wait'],
  ['writeback_wait_iff_congested', 'wait_iff_congested'],
] as const;

function throttles(tables: Tables): ReclaimThrottle[] {
  const byReason = new Map<string, ReclaimThrottle & { pids: Set<number> }>();
  for (const [name, fixed] of WAITS) {
    const table = tableWith(tables, name, ['usec_timeout_us', 'usec_delayed_us']);
    if (table === undefined) continue;
    const asked = numbers(table, 'usec_timeout_us').values;
    const delayed = numbers(table, 'usec_delayed_us').values;
    const pid = numbers(table, 'pid').values;
    const reason = table.columns.reason;
    for (let row = 0; row < table.rows; row++) {
      const own = fixed ?? (reason?.kind === 'text' ? textAt(reason, row) : name);
      const us = delayed[row] as number;
      const timeout = asked[row] as number;
      const before = byReason.get(own) ?? { ...NO_WAITS, reason: own, pids: new Set<number>() };
      const pids = before.pids.add(pid[row] as number);
      byReason.set(own, {
        reason: own,
        waits: before.waits + 1,
        asked_us: before.asked_us + timeout,
        delayed_us: before.delayed_us + us,
        longest_us: Math.max(before.longest_us, us),
        early: before.early + (us < timeout ? 1 : 0),
        tasks: pids.size,
        pids,
      });
    }
  }
  return [...byReason.values()].map(({ pids: _, ...throttle }) => throttle);
}

const NO_WAITS = { waits: 0, asked_us: 0, delayed_us: 0, longest_us: 0, early: 0, tasks: 0 };

const wakeLists = () =>
  new ColumnLists({
    ts_ns: 'ns',
    seq: 'seq',
    /** Row of the flusher's works. */
    work: 'none',
    bdi: 'text',
    reason: 'text',
    written_pages: 'pages',
    /** The batch: NaN and empty where none explains the work. */
    batch: 'none',
    pid: 'id',
    comm: 'text',
    taken_pages: 'pages',
    /** From taking the pages off the list to the work's beginning. */
    latency_us: 'us',
  });

/** A request is one bit per bdi: the batches since the bdi's last such work all ask for the next. */
function joinWakes(
  trace: Trace,
  flusher: FlusherWorks | undefined,
  found: ReclaimEpisodes | undefined,
): { wakes: Table; wake: IdentityResult } {
  const lists = wakeLists();
  const tally = new IdentityTally();
  const losses = lossIndex(trace.losses);
  const lastOf = new Map<number, number>();
  const works = flusher?.works;
  const rows = works === undefined ? 0 : works.rows;
  const batches = found?.unqueued;
  const recorded = canSeeBatches(trace.tables);
  const next = new BatchCursor(batches);
  for (let row = 0; works !== undefined && row < rows; row++) {
    const reason = textAt(texts(works, 'reason'), row);
    if (!REASONS.has(reason)) continue;
    const ts = numbers(works, 'start_ns').values[row] as number;
    const seq = numbers(works, 'seq').values[row] as number;
    const domain = numbers(works, 'domain').values[row] as number;
    const since = lastOf.get(domain) ?? Number.NEGATIVE_INFINITY;
    lastOf.set(domain, ts);
    const batch = next.firstIn(since, ts);
    const isKnown = batch >= 0 && batches !== undefined;
    lists.push({
      ts_ns: ts,
      seq,
      work: row,
      bdi: textAt(texts(works, 'bdi'), row),
      reason,
      written_pages: numbers(works, 'written_pages').values[row] as number,
      batch: isKnown ? batch : Number.NaN,
      pid: isKnown ? (numbers(batches, 'pid').values[batch] as number) : Number.NaN,
      comm: isKnown ? textAt(texts(batches, 'comm'), batch) : '',
      taken_pages: isKnown ? (numbers(batches, 'taken_pages').values[batch] as number) : Number.NaN,
      latency_us: isKnown
        ? (ts - (numbers(batches, 'isolated_ns').values[batch] as number)) / NS_PER_US
        : Number.NaN,
    });
    if (!recorded || reason !== 'vmscan') tally.skip('not-recorded');
    else if (batch < 0 && losses.overlaps(Math.max(0, since), ts)) tally.skip('lost-events');
    else tally.check(isKnown ? 1 : 0, 1, ts, seq);
  }
  return { wakes: lists.finish('reclaim_wakes'), wake: tally.result() };
}

function canSeeBatches(tables: Tables): boolean {
  const isolate = tableWith(tables, 'mm_vmscan_lru_isolate', ['nr_taken_pages']);
  const shrink = tableWith(tables, 'mm_vmscan_lru_shrink_inactive', ['nr_dirty_pages']);
  return isolate !== undefined && shrink !== undefined;
}

/** Batches in order of the time at which their pages were taken, which is when they may ask. */
class BatchCursor {
  readonly #order: Uint32Array;
  readonly #isolated: ArrayLike<number>;

  constructor(batches: Table | undefined) {
    const isolated = batches === undefined ? [] : numbers(batches, 'isolated_ns').values;
    this.#isolated = isolated;
    this.#order = Uint32Array.from({ length: isolated.length }, (_, row) => row).sort(
      (a, b) => (isolated[a] as number) - (isolated[b] as number),
    );
  }

  /** The first batch taken after `from_ns` and not after `to_ns`, -1 for none. */
  firstIn(from_ns: number, to_ns: number): number {
    const isolatedAt = (at: number) => this.#isolated[this.#order[at] as number] as number;
    const row = this.#order[firstNot(this.#order.length, (at) => isolatedAt(at) <= from_ns)];
    return row !== undefined && (this.#isolated[row] as number) <= to_ns ? row : -1;
  }
}
