/** What page reclaim met on its way: dirty pages, pages under writeback, and whom it woke. */
import { textAt } from '../../trace/column.ts';
import { numbers, optionalNumbers, type Table, tableWith, texts } from '../../trace/table.ts';
import type { Facts } from '../facts.ts';

export type ReclaimFound = {
  readonly scanned_pages: number;
  readonly reclaimed_pages: number;
  readonly dirty_pages: number;
  readonly writeback_pages: number;
  readonly immediate_pages: number;
  readonly batches: number;
  /** Kernels before 4.10 do not print what reclaim met. */
  readonly counts_dirty: boolean;
  /** Batches with dirty pages: rows of mm_vmscan_lru_shrink_inactive, the dirtiest first. */
  readonly dirtiest_rows: readonly number[];
  /** Of all batches where none met dirty pages. */
  readonly first_dirty_ns: number;
  readonly last_dirty_ns: number;
};

export type ReclaimFacts = {
  /** By tasks that were inside of a cgroup's reclaim at that moment. */
  readonly memcg: ReclaimFound;
  /** By kswapd and direct reclaim. */
  readonly global: ReclaimFound;
  /** Writeback that reclaim asked for (reason vmscan), by bdi: number of starts. */
  readonly vmscan_works: ReadonlyMap<string, number>;
  readonly kswapd_wakes: number;
  /** mm_vmscan_throttled by reason: how often and how long, nanoseconds. */
  readonly throttled: ReadonlyMap<string, { readonly count: number; readonly ns: number }>;
};

const NAMED_ROWS = 3;

export function reclaimFacts(facts: Facts): ReclaimFacts {
  const { tables } = facts.trace;
  const shrink = tableWith(tables, 'mm_vmscan_lru_shrink_inactive', ['nr_scanned_pages']);
  const inMemcg = memcgIntervals(facts);
  const split = shrink === undefined ? undefined : splitRows(shrink, inMemcg);
  return {
    memcg: summarise(shrink, split?.memcg ?? []),
    global: summarise(shrink, split?.global ?? []),
    vmscan_works: vmscanWorks(facts),
    kswapd_wakes: tables.get('mm_vmscan_kswapd_wake')?.rows ?? 0,
    throttled: throttledByReason(facts),
  };
}

/** Stretches of every task inside of memcg reclaim, in order of time. */
function memcgIntervals(facts: Facts): Map<number, { from: number; to: number }[]> {
  const byPid = new Map<number, { from: number; to: number }[]>();
  for (const { place, event, pid, start_ns, duration_ns } of facts.stalls) {
    if (place !== 'reclaim' || !event.startsWith('mm_vmscan_memcg')) continue;
    const list = byPid.get(pid);
    const interval = { from: start_ns, to: start_ns + duration_ns };
    if (list === undefined) byPid.set(pid, [interval]);
    else list.push(interval);
  }
  return byPid;
}

function splitRows(
  shrink: Table,
  inMemcg: ReadonlyMap<number, readonly { from: number; to: number }[]>,
): { memcg: number[]; global: number[] } {
  const pid = numbers(shrink, 'pid').values;
  const ts = numbers(shrink, 'ts_ns').values;
  const next = new Map<number, number>();
  const memcg: number[] = [];
  const global: number[] = [];
  for (let row = 0; row < shrink.rows; row++) {
    const task = pid[row] as number;
    const intervals = inMemcg.get(task) ?? [];
    const time = ts[row] as number;
    let at = next.get(task) ?? 0;
    while (at < intervals.length && (intervals[at]?.to ?? 0) < time) at++;
    next.set(task, at);
    const interval = intervals[at];
    if (interval !== undefined && interval.from <= time) memcg.push(row);
    else global.push(row);
  }
  return { memcg, global };
}

function summarise(shrink: Table | undefined, rows: readonly number[]): ReclaimFound {
  const column = (name: string) => shrink && optionalNumbers(shrink, name)?.values;
  const sum = (name: string) => {
    const values = column(name);
    // A field that one row lacks says nothing about the others.
    return values === undefined ? 0 : rows.reduce((all, row) => all + (values[row] || 0), 0);
  };
  const dirty = column('nr_dirty_pages');
  const ts = column('ts_ns');
  const withDirty = rows.filter((row) => (dirty?.[row] ?? 0) > 0);
  const dirtiest = [...withDirty]
    .sort((left, right) => (dirty?.[right] ?? 0) - (dirty?.[left] ?? 0) || left - right)
    .slice(0, NAMED_ROWS);
  return {
    scanned_pages: sum('nr_scanned_pages'),
    reclaimed_pages: sum('nr_reclaimed_pages'),
    dirty_pages: sum('nr_dirty_pages'),
    writeback_pages: sum('nr_writeback_pages'),
    immediate_pages: sum('nr_immediate_pages'),
    batches: rows.length,
    counts_dirty: dirty !== undefined,
    dirtiest_rows: dirtiest,
    first_dirty_ns: ts?.[withDirty[0] ?? rows[0] ?? -1] ?? 0,
    last_dirty_ns: ts?.[withDirty.at(-1) ?? rows.at(-1) ?? -1] ?? 0,
  };
}

/** `vmscan` since 4.15, `try_to_free_pages` before. */
const RECLAIM_REASONS = new Set(['vmscan', 'try_to_free_pages']);

function vmscanWorks({ trace }: Facts): ReadonlyMap<string, number> {
  const by = new Map<string, number>();
  const table = tableWith(trace.tables, 'writeback_start', ['bdi', 'reason']);
  if (table === undefined) return by;
  const bdi = texts(table, 'bdi');
  const { reason } = table.columns;
  if (reason?.kind !== 'text') return by;
  for (let row = 0; row < table.rows; row++) {
    if (!RECLAIM_REASONS.has(textAt(reason, row))) continue;
    by.set(textAt(bdi, row), (by.get(textAt(bdi, row)) ?? 0) + 1);
  }
  return by;
}

function throttledByReason(facts: Facts): Map<string, { count: number; ns: number }> {
  const by = new Map<string, { count: number; ns: number }>();
  facts.stalls.forEach(({ place, event }, index) => {
    if (place !== 'reclaim-throttling') return;
    const entry = by.get(event) ?? { count: 0, ns: 0 };
    entry.count++;
    entry.ns += facts.stallNs(index);
    by.set(event, entry);
  });
  return by;
}
