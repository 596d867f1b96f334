/**
 * Syncs: fsync and its kin, from the system call where it was recorded, else from what file systems
 * and the flusher's queue tell. What lies inside of another sync of the task is the same wait: it
 * adds its inode and device to the outer one.
 */
import { exactAt } from '../../trace/column.ts';
import { optionalNumbers, type Table } from '../../trace/table.ts';
import { type TaskTimes, taskTimes } from '../task-times.ts';
import { stallPairs } from './pairs.ts';
import { deviceOf, draftOf, eventRows } from './rows.ts';
import type { Scene } from './scene.ts';
import { enterOf, exitOf, SYNC_BEGINS, SYNC_CALLS, SYNC_PAIRS, SYNC_WORK } from './sources.ts';
import { addEvidence, type Draft, type StallEnd, stallEnd_ns, TELLING } from './stall.ts';

/** System calls know best when the wait began and ended; begins without an end know least. */
const CALL = 3;
const PAIR = 2;
const BEGIN = 1;

type Candidate = { readonly draft: Draft; readonly rank: number };

export function sync(scene: Scene): Draft[] {
  const candidates: Candidate[] = [];
  const add = (begin: string, end: string, event: string, rank: number): void =>
    stallPairs(scene, begin, end, { place: 'sync', event }, (draft) => {
      candidates.push({ draft, rank });
    });
  for (const call of SYNC_CALLS) add(enterOf(call), exitOf(call), call, CALL);
  for (const [begin, end] of SYNC_PAIRS) add(begin, end, begin.replace(/_enter$/, ''), PAIR);
  const outside = timesOutside(scene);
  const begun = SYNC_BEGINS.flatMap((name) => beginOnly(scene, outside, name, isWaiting));
  const works = beginOnly(scene, scene.times, SYNC_WORK, isSyncWork);
  return withoutInner([...candidates, ...begun, ...works]);
}

// wbc_writepage  folio_wait_writeback  iomap_writeback_folio  block_rq_issue  jbd2_commit_locking
const INSIDE_SYNC =
  /^(?:wbc_writepage|folio_wait_writeback|iomap_(?:writep|writeb|add_to)\w*|(?:block|wbt|jbd2)_\w+|xfs_log_\w+|(?:__)?extent_writepage|btrfs_(?!sync_)\w+|ext4_(?:da_)?writepages?\w*|writeback_(?:single|write)_inode\w*|writeback_queue)$/;

/** When tasks did anything that is no part of a sync, for tasks in calls whose end has no event. */
function timesOutside(scene: Scene): TaskTimes {
  const pids = new Set<number>();
  for (const name of SYNC_BEGINS) {
    const table = scene.tables.get(name);
    const pid = table === undefined ? [] : eventRows(table).pid;
    for (let row = 0; row < pid.length; row++) pids.add(pid[row] as number);
  }
  if (pids.size === 0) return scene.times;
  return taskTimes(new Map([...scene.tables].filter(([name]) => !INSIDE_SYNC.test(name))), pids);
}

/** btrfs and ext4 first start the writing of all file systems, and wait in a second call. */
function isWaiting(table: Table, row: number): boolean {
  const wait = optionalNumbers(table, 'wait');
  return wait === undefined || wait.values[row] !== 0;
}

/** Work that its task waits for: sync of a file system queues it with WB_SYNC_ALL. */
function isSyncWork(table: Table, row: number): boolean {
  const { reason } = table.columns;
  const isSync = reason === undefined || exactAt(reason, row) === 'sync';
  return isSync && optionalNumbers(table, 'sync_mode')?.values[row] === 1;
}

/** The task sleeps from here on; it is back when it writes its next event. */
function beginOnly(
  scene: Scene,
  times: TaskTimes,
  name: string,
  isWanted: (table: Table, row: number) => boolean,
): Candidate[] {
  const table = scene.tables.get(name);
  if (table === undefined) return [];
  const rows = eventRows(table);
  const found: Candidate[] = [];
  for (let row = 0; row < table.rows; row++) {
    if (!isWanted(table, row)) continue;
    const start_ns = rows.ts[row] as number;
    const next_ns = times.nextAfter(rows.pid[row] as number, rows.seq[row] as number);
    const isOpen = Number.isNaN(next_ns);
    const end: StallEnd = isOpen ? 'capture-end' : 'next-event';
    const duration_ns = Math.max(0, (isOpen ? scene.end_ns : next_ns) - start_ns);
    const dev = deviceOf(table, 'dev', row) ?? deviceOf(table, 'sb_dev', row);
    const given = { place: 'sync', event: name, start_ns, duration_ns, end, dev } as const;
    found.push({ draft: draftOf(rows, row, given), rank: BEGIN });
  }
  return found;
}

function withoutInner(candidates: Candidate[]): Draft[] {
  const ordered = candidates.sort(
    (left, right) =>
      left.draft.start_ns - right.draft.start_ns ||
      right.rank - left.rank ||
      left.draft.seq - right.draft.seq,
  );
  const kept: Draft[] = [];
  /** Of each task the sync that was kept last, and the longest wait inside that named a device. */
  const last = new Map<number, { draft: Draft; rank: number; named_ns: number }>();
  for (const { draft, rank } of ordered) {
    const outer = last.get(draft.pid);
    if (outer === undefined || draft.start_ns >= stallEnd_ns(outer.draft)) {
      kept.push(draft);
      last.set(draft.pid, { draft, rank, named_ns: 0 });
    } else if (rank > outer.rank) {
      // A begin's guess of its end reaches into a call that is known better.
      outer.draft.duration_ns = draft.start_ns - outer.draft.start_ns;
      outer.draft.open = false;
      outer.draft.end = 'next-event';
      kept.push(draft);
      last.set(draft.pid, { draft, rank, named_ns: 0 });
    } else {
      absorb(outer, draft);
    }
  }
  return kept;
}

/** A sync of several file systems is named after the one that took longest. */
function absorb(outer: { draft: Draft; named_ns: number }, inner: Draft): void {
  const { draft } = outer;
  for (const evidence of inner.evidence) addEvidence(draft, evidence);
  const isNamed = inner.bdi !== undefined || inner.dev !== undefined;
  const isTelling = inner.duration_ns >= TELLING * draft.duration_ns;
  if (isNamed && isTelling && inner.duration_ns > outer.named_ns) {
    outer.named_ns = inner.duration_ns;
    draft.bdi = inner.bdi;
    draft.dev = inner.dev;
    draft.ino = inner.ino;
  }
}
