/**
 * Stalls: intervals in which one task waited in one place.
 *
 * - dirty throttling: balance_dirty_pages with a positive pause. The kernel sleeps at least `pause`
 *   and at most one tick longer (schedule_timeout); within that, the task's next event says when it
 *   ran again.
 * - reclaim: direct, memcg and node reclaim from begin to end; throttled reclaim as measured.
 * - sync: fsync, fdatasync, sync, syncfs, msync and sync_file_range system calls.
 * - FUSE: a request whose sender did nothing until the answer came, so it waited for the server.
 */
import { type Column, exactAt, textAt } from '../trace/column.ts';
import { visitInOrder } from '../trace/merge.ts';
import { numbers, type Table, type Tables, tableWith, texts } from '../trace/table.ts';
import { NS_PER_MS, NS_PER_S, NS_PER_US } from '../trace/time.ts';
import { taskTimes } from './task-times.ts';

export type StallPlace =
  | 'dirty-throttling'
  | 'reclaim'
  | 'reclaim-throttling'
  | 'sync'
  | 'fuse-request';

export type Stall = {
  readonly place: StallPlace;
  /** The event or system call that shows it. */
  readonly event: string;
  readonly pid: number;
  readonly comm: string;
  readonly bdi: string | undefined;
  readonly start_ns: number;
  readonly duration_ns: number;
  /** What the kernel asked for, where it says so. */
  readonly asked_ns: number | undefined;
  /** True when the end was not recorded: the trace ended first. */
  readonly open: boolean;
  readonly seq: number;
};

export type StallOptions = { readonly hz: number | undefined; readonly end_ns: number };

/** All stalls in order of their beginning. */
export function findStalls(tables: Tables, options: StallOptions): readonly Stall[] {
  const stalls = [
    ...dirtyThrottling(tables, options),
    ...reclaimThrottling(tables),
    ...RECLAIM.flatMap((kind) =>
      pairs(tables, `${kind}_begin`, `${kind}_end`, 'reclaim', kind, options.end_ns),
    ),
    ...SYNC_CALLS.flatMap((call) =>
      pairs(tables, `sys_enter_${call}`, `sys_exit_${call}`, 'sync', call, options.end_ns),
    ),
    ...fuseRequests(tables, options.end_ns),
  ];
  return stalls.sort((left, right) => left.start_ns - right.start_ns || left.seq - right.seq);
}

const RECLAIM = ['direct', 'memcg', 'memcg_softlimit', 'node'].map(
  (kind) => `mm_vmscan_${kind}_reclaim`,
);
const SYNC_CALLS = ['fsync', 'fdatasync', 'sync', 'syncfs', 'msync', 'sync_file_range'];

function dirtyThrottling(tables: Tables, { hz, end_ns }: StallOptions): Stall[] {
  const table = tableWith(tables, 'balance_dirty_pages', ['bdi', 'pause_ms']);
  if (table === undefined) return [];
  const pid = numbers(table, 'pid').values;
  const ts = numbers(table, 'ts_ns').values;
  const seq = numbers(table, 'seq').values;
  const pause = numbers(table, 'pause_ms').values;
  const bdi = texts(table, 'bdi');
  const comm = texts(table, 'comm');
  const paused = new Set<number>();
  for (let row = 0; row < table.rows; row++) {
    if ((pause[row] as number) > 0) paused.add(pid[row] as number);
  }
  const running = taskTimes(tables, paused);
  const tick_ns = hz === undefined ? 0 : NS_PER_S / hz;
  const stalls: Stall[] = [];
  for (let row = 0; row < table.rows; row++) {
    const asked_ns = (pause[row] as number) * NS_PER_MS;
    if (!(asked_ns > 0)) continue;
    const start_ns = ts[row] as number;
    const next = running.nextAfter(pid[row] as number, start_ns);
    const seen = next === undefined ? asked_ns : next - start_ns;
    const slept = Math.max(asked_ns, Math.min(seen, asked_ns + tick_ns));
    stalls.push({
      place: 'dirty-throttling',
      event: 'balance_dirty_pages',
      pid: pid[row] as number,
      comm: textAt(comm, row),
      bdi: textAt(bdi, row),
      start_ns,
      duration_ns: Math.min(slept, Math.max(0, end_ns - start_ns)),
      asked_ns,
      open: start_ns + slept > end_ns,
      seq: seq[row] as number,
    });
  }
  return stalls;
}

/** mm_vmscan_throttled is written after the sleep and says how long it was. */
function reclaimThrottling(tables: Tables): Stall[] {
  const table = tableWith(tables, 'mm_vmscan_throttled', ['usec_delayed_us', 'usec_timeout_us']);
  if (table === undefined) return [];
  const delayed = numbers(table, 'usec_delayed_us').values;
  const timeout = numbers(table, 'usec_timeout_us').values;
  return rowsOf(table).map(({ row, ts_ns, ...who }) => {
    const duration_ns = (delayed[row] as number) * NS_PER_US;
    const reason = table.columns.reason;
    return {
      ...who,
      place: 'reclaim-throttling' as const,
      event: reason === undefined ? 'mm_vmscan_throttled' : String(exactAt(reason, row)),
      bdi: undefined,
      start_ns: Math.max(0, ts_ns - duration_ns),
      duration_ns,
      asked_ns: (timeout[row] as number) * NS_PER_US,
      open: false,
    };
  });
}

function rowsOf(table: Table) {
  const pid = numbers(table, 'pid').values;
  const ts = numbers(table, 'ts_ns').values;
  const seq = numbers(table, 'seq').values;
  const comm = texts(table, 'comm');
  return Array.from({ length: table.rows }, (_, row) => ({
    row,
    pid: pid[row] as number,
    comm: textAt(comm, row),
    ts_ns: ts[row] as number,
    seq: seq[row] as number,
  }));
}

/** Begin and end of one task; what is still open at the end of the trace is kept and marked. */
function pairs(
  tables: Tables,
  beginName: string,
  endName: string,
  place: StallPlace,
  event: string,
  end_ns: number,
): Stall[] {
  const begin = tables.get(beginName);
  if (begin === undefined) return [];
  const end = tables.get(endName);
  const begins = rowsOf(begin);
  const ends = end === undefined ? [] : rowsOf(end);
  const stalls: Stall[] = [];
  const open = new Map<number, (typeof begins)[number]>();
  const close = (start: (typeof begins)[number], until: number, isOpen: boolean): void => {
    const { pid, comm, seq, ts_ns } = start;
    const duration_ns = until - ts_ns;
    const base = { place, event, pid, comm, seq, bdi: undefined, asked_ns: undefined };
    stalls.push({ ...base, start_ns: ts_ns, duration_ns, open: isOpen });
  };
  visitInOrder(end === undefined ? [begin] : [begin, end], (which, row) => {
    const found = (which === 0 ? begins : ends)[row];
    if (found === undefined) return;
    const started = open.get(found.pid);
    if (which === 0) {
      open.set(found.pid, found);
    } else if (started !== undefined) {
      open.delete(found.pid);
      close(started, found.ts_ns, false);
    }
  });
  for (const started of open.values()) close(started, end_ns, true);
  return stalls;
}

/** Requests and answers meet by connection and number; asynchronous ones are no wait of anybody. */
function fuseRequests(tables: Tables, end_ns: number): Stall[] {
  const send = tables.get('fuse_request_send');
  if (send === undefined) return [];
  const end = tables.get('fuse_request_end');
  const sent = rowsOf(send);
  const running = taskTimes(tables, new Set(sent.map(({ pid }) => pid)));
  const answered = new Map<string, number>();
  if (end !== undefined) {
    for (const { row, ts_ns } of rowsOf(end)) answered.set(requestKey(end, row), ts_ns);
  }
  return sent.flatMap(({ row, pid, comm, ts_ns, seq }): Stall[] => {
    const answer = answered.get(requestKey(send, row));
    const until = answer === undefined || answer < ts_ns ? end_ns : answer;
    const next = running.nextAfter(pid, ts_ns);
    if (next !== undefined && next < until) return [];
    const base = { place: 'fuse-request' as const, event: 'fuse_request_send', pid, comm, seq };
    const open = until !== answer;
    const duration_ns = until - ts_ns;
    return [{ ...base, bdi: undefined, start_ns: ts_ns, duration_ns, asked_ns: undefined, open }];
  });
}

function requestKey(table: Table, row: number): string {
  const value = (column: Column | undefined) => (column ? String(exactAt(column, row)) : '');
  return `${value(table.columns.connection)} ${value(table.columns.unique)}`;
}
