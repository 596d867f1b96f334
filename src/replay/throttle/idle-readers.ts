/**
 * Tasks that read /proc/vmstat, which prints the same state as balance_dirty_pages: told by what
 * they dirtied. Who comes to balance_dirty_pages again has dirtied pages since it left; a state
 * with nothing dirtied and no throttle event since the one before was read by something else.
 */
import { numbers, type Table } from '../../trace/table.ts';
import type { LossIndex } from '../losses.ts';
import type { StateColumns, ThrottleColumns } from './columns.ts';

/** Fewer such states may be accidents (of pages dirtied anew nothing tells), and so may few of many. */
const LEAST = 3;
const LEAST_SHARE = 0.1;

type Seen = {
  /** Position and time of its last state. */
  seq: number;
  ts_ns: number;
  /** States that no throttle event followed, and those before which nothing was dirtied. */
  alone: number;
  idle: number;
};

export function idleReaders(
  throttle: ThrottleColumns | undefined,
  state: StateColumns | undefined,
  dirtied: Table | undefined,
  losses: LossIndex,
): ReadonlySet<number> {
  if (throttle === undefined || state === undefined || dirtied === undefined) return new Set();
  // Of other tasks nothing is asked.
  const tasks = new Map<number, Seen | undefined>();
  for (const pid of throttle.pid) tasks.set(pid, undefined);
  const dirtiedAt = cursor(dirtied, tasks);
  const decidedAt = cursor(throttle.table, tasks);
  const seqs = numbers(state.table, 'seq').values;
  for (let row = 0; row < state.table.rows; row++) {
    const pid = state.pid[row] as number;
    if (!tasks.has(pid)) continue;
    const seq = seqs[row] as number;
    const ts_ns = state.ts[row] as number;
    const last = tasks.get(pid);
    if (last === undefined) {
      tasks.set(pid, { seq, ts_ns, alone: 0, idle: 0 });
      continue;
    }
    const isOpen = decidedAt(pid, seq) < last.seq && !losses.overlaps(last.ts_ns, ts_ns);
    if (isOpen) last.alone++;
    if (isOpen && dirtiedAt(pid, seq) < last.seq) last.idle++;
    last.seq = seq;
    last.ts_ns = ts_ns;
  }
  const readers = [...tasks].filter(
    ([, seen]) => seen !== undefined && seen.idle >= Math.max(LEAST, LEAST_SHARE * seen.alone),
  );
  return new Set(readers.map(([pid]) => pid));
}

/** Position of the last row of a task before a position; asked with growing positions. */
function cursor(
  table: Table,
  tasks: ReadonlyMap<number, unknown>,
): (pid: number, seq: number) => number {
  const pids = numbers(table, 'pid').values;
  const seqs = numbers(table, 'seq').values;
  const last = new Map<number, number>();
  let row = 0;
  return (pid, seq) => {
    for (; row < table.rows && (seqs[row] as number) < seq; row++) {
      if (tasks.has(pids[row] as number)) last.set(pids[row] as number, seqs[row] as number);
    }
    return last.get(pid) ?? -1;
  };
}
