/** Parts of an answer that every cause of waiting builds the same way. */
import { exactAt } from '../../trace/column.ts';
import { firstInOrder } from '../../trace/search.ts';
import type { Table } from '../../trace/table.ts';
import type { Evidence } from '../cause.ts';
import { claimedWindow, StallClaims } from '../claims.ts';
import type { Pause } from '../facts/throttle.ts';
import type { Facts } from '../facts.ts';

/** Claims the pauses in full, each as far as the task lost the time there. */
export function claimPauses(pauses: readonly Pause[]): StallClaims {
  const claims = new StallClaims();
  for (const { stall, own_ns } of pauses) claims.add(stall, own_ns);
  return claims;
}

export function windowOf(facts: Facts, claims: StallClaims): readonly [number, number] {
  return claimedWindow(facts.stalls, claims);
}

const SHOWN = 5;

/** The rows of the longest pauses, in order of time. */
export function pauseEvidence(facts: Facts, pauses: readonly Pause[]): Evidence[] {
  const table = facts.trace.tables.get('balance_dirty_pages');
  if (table === undefined) return [];
  return firstInOrder(pauses, SHOWN, (left, right) => right.own_ns - left.own_ns)
    .sort((left, right) => left.ts_ns - right.ts_ns)
    .map(({ row, ts_ns }) => ({ table: table.name, row, ts_ns, text: rowText(table, row) }));
}

/** Rows of any table as evidence; a table that is not there gives none. */
export function rowEvidence(facts: Facts, name: string, rows: readonly number[]): Evidence[] {
  const table = facts.trace.tables.get(name);
  const ts = table?.columns.ts_ns;
  if (table === undefined || ts === undefined) return [];
  return rows
    .filter((row) => row >= 0 && row < table.rows)
    .map((row) => ({
      table: name,
      row,
      ts_ns: Number(exactAt(ts, row)),
      text: rowText(table, row),
    }));
}

/** Fields that say most come first: a terminal shows no more of a row. */
const FIRST: Readonly<Record<string, readonly string[]>> = {
  balance_dirty_pages: [
    'bdi',
    'pause_ms',
    'dirty_pages',
    'limit_pages',
    'wb_dirty_pages',
    'wb_setpoint_pages',
  ],
  global_dirty_state: ['dirty_thresh_pages', 'nr_dirty_pages', 'nr_writeback_pages'],
  mm_vmscan_lru_shrink_inactive: ['nr_scanned_pages', 'nr_dirty_pages', 'nr_reclaimed_pages'],
};

const BASE = new Set(['ts_ns', 'cpu', 'seq', 'pid', 'comm', 'instance']);

/** `fio-812 balance_dirty_pages: bdi=7:0 limit_pages=65536 …`, by canonical names. */
export function rowText(table: Table, row: number): string {
  const cell = (name: string) => {
    const column = table.columns[name];
    return column === undefined ? '' : String(exactAt(column, row));
  };
  const first = (FIRST[table.name] ?? []).filter((name) => name in table.columns);
  const names = [...first, ...Object.keys(table.columns).filter((name) => !first.includes(name))];
  const fields = names.filter((name) => !BASE.has(name)).map((name) => `${name}=${cell(name)}`);
  return `${cell('comm')}-${cell('pid')} ${table.name}: ${fields.join(' ')}`;
}

/** Time of all pauses, in seconds. */
export function seconds(pauses: readonly Pause[]): number {
  return pauses.reduce((sum, { own_ns }) => sum + own_ns, 0) / 1e9;
}

/** The bdi on which most of the time was lost. */
export function mainBdi(pauses: readonly Pause[]): string {
  const by = new Map<string, number>();
  for (const { bdi, own_ns } of pauses) by.set(bdi, (by.get(bdi) ?? 0) + own_ns);
  return [...by].sort(([, left], [, right]) => right - left)[0]?.[0] ?? '';
}

/** `fio (pid 812)`, `fio and 3 others`: who waited, in a sentence. */
export function whoPaused(
  pauses: readonly { comm: string; pid: number; own_ns: number }[],
): string {
  const by = new Map<string, { ns: number }>();
  let last: { comm: string; pid: number; sum: { ns: number } } | undefined;
  for (const { comm, pid, own_ns } of pauses) {
    // Pauses of one task come in runs, so that its name is made once a run.
    if (last?.pid !== pid || last.comm !== comm) {
      const name = `${comm} (pid ${pid})`;
      const sum = by.get(name) ?? { ns: 0 };
      by.set(name, sum);
      last = { comm, pid, sum };
    }
    last.sum.ns += own_ns;
  }
  const names = [...by].sort(([, left], [, right]) => right.ns - left.ns).map(([name]) => name);
  const [first = 'nobody', ...others] = names;
  return others.length === 0 ? first : `${first} and ${others.length} more`;
}
