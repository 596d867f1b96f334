/**
 * Commits of journals, and waits for them.
 *
 * - jbd2, fs/jbd2/commit.c: jbd2_start_commit to jbd2_end_commit in the journal's thread, with the
 *   phase that took longest; without them, the times of jbd2_run_stats. jbd2_lock_buffer_stall says
 *   afterwards how long a task waited for a buffer that was being committed.
 * - xfs, fs/xfs/xfs_log.c: xfs_log_force until the task's next event.
 * - btrfs, fs/btrfs/transaction.c: the event comes at the end of a commit; where the task's own
 *   btrfs_sync_fs asked for it, the commit lasted since then.
 */
import { visitInOrder } from '../../trace/order.ts';
import { numbers, optionalNumbers, type Table, tableWith } from '../../trace/table.ts';
import { NS_PER_MS } from '../../trace/time.ts';
import { stallPairs } from './pairs.ts';
import { draftOf, type EventRows, eventRows, evidenceOf } from './rows.ts';
import type { Scene } from './scene.ts';
import type { Draft } from './stall.ts';
import { stallEnd_ns } from './stall.ts';

const PLACE = { place: 'journal-commit' } as const;

export function journalCommit(scene: Scene): Draft[] {
  const commits: Draft[] = [];
  const about = { ...PLACE, event: 'jbd2_commit' };
  stallPairs(scene, 'jbd2_start_commit', 'jbd2_end_commit', about, (draft) => commits.push(draft));
  if (commits.length === 0) for (const draft of runStats(scene)) commits.push(draft);
  else namePhases(scene, commits);
  return [...commits, ...bufferStalls(scene), ...logForces(scene), ...btrfsCommits(scene)];
}

const PHASES = ['locking', 'flushing', 'logging'] as const;

/**
 * `locking` waits for running operations, `flushing` writes the data that the transaction orders,
 * `logging` writes the journal and waits for that data.
 */
function namePhases(scene: Scene, commits: readonly Draft[]): void {
  const byPid = new Map<number, Draft[]>();
  for (const draft of commits) {
    const list = byPid.get(draft.pid);
    if (list === undefined) byPid.set(draft.pid, [draft]);
    else list.push(draft);
  }
  const named = PHASES.flatMap((phase) => {
    const table = scene.tables.get(`jbd2_commit_${phase}`);
    return table === undefined ? [] : [{ phase, rows: eventRows(table) }];
  });
  const at = new Map<
    number,
    { commit: number; phase: string; since_ns: number; longest: number }
  >();
  const close = (pid: number, until_ns: number): void => {
    const state = at.get(pid);
    const draft = state && byPid.get(pid)?.[state.commit];
    if (state === undefined || draft === undefined) return;
    const took = Math.min(until_ns, stallEnd_ns(draft)) - state.since_ns;
    if (took <= state.longest) return;
    state.longest = took;
    draft.reason = state.phase;
  };
  visitInOrder(
    named.map(({ rows }) => rows.table),
    (which, row) => {
      const { phase, rows } = named[which] as (typeof named)[number];
      const pid = rows.pid[row] as number;
      const ts_ns = rows.ts[row] as number;
      close(pid, ts_ns);
      const list = byPid.get(pid) ?? [];
      let commit = at.get(pid)?.commit ?? 0;
      const before = commit;
      while (commit < list.length && stallEnd_ns(list[commit] as Draft) < ts_ns) commit++;
      const longest = commit === before ? (at.get(pid)?.longest ?? 0) : 0;
      at.set(pid, { commit, phase, since_ns: ts_ns, longest });
    },
  );
  for (const pid of at.keys()) close(pid, Number.POSITIVE_INFINITY);
}

/**
 * Records count ticks. In text it is not known what is printed: the kernel makes milliseconds of
 * them, libtraceevent does not.
 */
function runStats({ tables, tick_ns, isText }: Scene): Draft[] {
  const columns = PHASES.map((phase) => `${phase === 'locking' ? 'locked' : phase}_jiffies`);
  const table = tableWith(tables, 'jbd2_run_stats', columns);
  if (table === undefined || tick_ns === undefined || isText) return [];
  const rows = eventRows(table);
  const parts = columns.map((name) => numbers(table, name).values);
  return Array.from({ length: table.rows }, (_, row): Draft => {
    const end_ns = rows.ts[row] as number;
    const took_ns = parts.reduce((sum, part) => sum + (part[row] as number), 0) * tick_ns;
    return measured(rows, row, end_ns, took_ns);
  });
}

function bufferStalls({ tables }: Scene): Draft[] {
  const table = tableWith(tables, 'jbd2_lock_buffer_stall', ['stall_ms']);
  if (table === undefined) return [];
  const rows = eventRows(table);
  const stall_ms = numbers(table, 'stall_ms').values;
  return Array.from({ length: table.rows }, (_, row): Draft => {
    const end_ns = rows.ts[row] as number;
    return measured(rows, row, end_ns, (stall_ms[row] as number) * NS_PER_MS);
  });
}

/** The event comes at the end and says how long it was, also if that began before the capture. */
function measured(rows: EventRows, row: number, end_ns: number, duration_ns: number): Draft {
  const start_ns = end_ns - duration_ns;
  const given = { ...PLACE, event: rows.table.name, start_ns, duration_ns } as const;
  return draftOf(rows, row, { ...given, end: 'recorded', begun_before: start_ns < 0 });
}

function logForces({ tables, times, end_ns }: Scene): Draft[] {
  const table = tables.get('xfs_log_force');
  if (table === undefined) return [];
  const rows = eventRows(table);
  return Array.from({ length: table.rows }, (_, row): Draft => {
    const start_ns = rows.ts[row] as number;
    const next_ns = times.nextAfter(rows.pid[row] as number, rows.seq[row] as number);
    const isOpen = Number.isNaN(next_ns);
    const duration_ns = Math.max(0, (isOpen ? end_ns : next_ns) - start_ns);
    const end = isOpen ? 'capture-end' : 'next-event';
    return draftOf(rows, row, { ...PLACE, event: table.name, start_ns, duration_ns, end });
  });
}

/** A commit that another task or the file system's own thread began has no begin in the capture. */
function btrfsCommits({ tables }: Scene): Draft[] {
  const commit = tables.get('btrfs_transaction_commit');
  const asked = tableWith(tables, 'btrfs_sync_fs', ['wait']);
  if (commit === undefined || asked === undefined) return [];
  const ends = eventRows(commit);
  const begins = eventRows(asked);
  const wait = optionalNumbers(asked, 'wait')?.values;
  const begun = new Map<number, number>();
  const drafts: Draft[] = [];
  visitInOrder([asked, commit] satisfies Table[], (which, row) => {
    if (which === 0) {
      if (wait?.[row] !== 0) begun.set(begins.pid[row] as number, row);
      return;
    }
    const pid = ends.pid[row] as number;
    const begin = begun.get(pid);
    if (begin === undefined) return;
    begun.delete(pid);
    const start_ns = begins.ts[begin] as number;
    const duration_ns = (ends.ts[row] as number) - start_ns;
    const evidence = () => [evidenceOf(begins, begin), evidenceOf(ends, row)];
    const given = { ...PLACE, event: commit.name, start_ns, duration_ns, evidence } as const;
    drafts.push(draftOf(begins, begin, { ...given, end: 'recorded' }));
  });
  return drafts;
}
