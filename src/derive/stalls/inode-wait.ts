/**
 * Long waits in system calls of files, without any event of a throttle, while the flusher worked on
 * an inode (I_SYNC) and released it as the wait ended. Nothing in the kernel says that the one
 * waited for the other, so these are conclusions: `likely` where the task touched that inode in the
 * same call, else `possible`. Where system calls were not recorded, sleeps in state D
 * (sched_switch) take their place.
 */
import { firstNot } from '../../trace/search.ts';
import { bigs, numbers, tableWith } from '../../trace/table.ts';
import { NS_PER_MS } from '../../trace/time.ts';
import { type Interval, pairs } from './pairs.ts';
import { draftOf, type EventRows, eventRows, evidenceOf, inodeOf, textOf } from './rows.ts';
import type { Scene } from './scene.ts';
import { enterOf, exitOf, INODE_CALLS } from './sources.ts';
import { type Draft, stallEnd_ns } from './stall.ts';

/** Shorter waits than two of the longest ticks are nothing to explain. */
const SHORTEST_NS = 20 * NS_PER_MS;

type Wait = {
  readonly rows: EventRows;
  readonly row: number;
  readonly event: string;
  readonly start_ns: number;
  readonly end_ns: number;
};

/** The flusher's work on one inode. */
type Work = { readonly row: number; readonly start_ns: number; readonly end_ns: number };

export function inodeWait(scene: Scene, known: readonly Draft[]): Draft[] {
  const waits = longWaits(scene);
  if (waits.length === 0) return [];
  const flushes = inodeWork(scene);
  if (flushes === undefined || flushes.work.length === 0) return [];
  const explained = explainedTimes(known, new Set(waits.map(pidOf)));
  const mentions = inodesTouched(scene, new Set(waits.map(pidOf)));
  return waits.flatMap((wait): Draft[] => {
    const length = wait.end_ns - wait.start_ns;
    if (length - explained(wait) < Math.max(SHORTEST_NS, length / 2)) return [];
    const touched = mentions(wait, scene.pause_between_ns);
    const found = releasedAt(flushes.work, wait, scene.pause_between_ns);
    const inodeOfWork = ({ row }: Work) => inodeOf(flushes.rows.table, row);
    const same = found.find((work) => touched.has(inodeOfWork(work) ?? ''));
    const work = same ?? found[0];
    if (work === undefined) return [];
    return [
      draftOf(wait.rows, wait.row, {
        place: 'inode-wait',
        event: wait.event,
        reason: 'I_SYNC',
        bdi: textOf(flushes.rows.table, 'bdi', work.row),
        ino: inodeOfWork(work),
        start_ns: wait.start_ns,
        duration_ns: length,
        end: 'recorded',
        certainty: same === undefined ? 'possible' : 'likely',
        evidence: () => [evidenceOf(wait.rows, wait.row), evidenceOf(flushes.rows, work.row)],
      }),
    ];
  });
}

const pidOf = ({ rows, row }: Wait): number => rows.pid[row] as number;

/** Conclusions are drawn only from what was seen to begin and to end. */
function isWhole({ end, begun_before }: Interval): boolean {
  return end === 'recorded' && !begun_before;
}

function longWaits(scene: Scene): Wait[] {
  const waits: Wait[] = [];
  for (const call of INODE_CALLS) {
    pairs(scene, enterOf(call), exitOf(call), (interval) => {
      const { rows, row, start_ns, duration_ns } = interval;
      if (!isWhole(interval) || duration_ns < SHORTEST_NS) return;
      waits.push({ rows, row, event: call, start_ns, end_ns: start_ns + duration_ns });
    });
  }
  return waits.length > 0 ? waits : blockedSleeps(scene);
}

/** From being switched out in state D until being switched in again. */
function blockedSleeps(scene: Scene): Wait[] {
  const table = tableWith(scene.tables, 'sched_switch', ['prev_pid', 'prev_state', 'next_pid']);
  if (table === undefined) return [];
  const rows = eventRows(table);
  const before = numbers(table, 'prev_pid').values;
  const after = numbers(table, 'next_pid').values;
  const out = new Map<number, number>();
  const waits: Wait[] = [];
  for (let row = 0; row < table.rows; row++) {
    const back = out.get(after[row] as number);
    if (back !== undefined) {
      out.delete(after[row] as number);
      const start_ns = rows.ts[back] as number;
      const end_ns = rows.ts[row] as number;
      if (end_ns - start_ns >= SHORTEST_NS) {
        waits.push({ rows, row: back, event: 'sched_switch', start_ns, end_ns });
      }
    }
    // Written by the task that goes to sleep.
    const isBlocked = /^D/.test(textOf(table, 'prev_state', row) ?? '');
    if (isBlocked && before[row] === rows.pid[row]) out.set(before[row] as number, row);
  }
  return waits;
}

function inodeWork(scene: Scene): { rows: EventRows; work: Work[] } | undefined {
  const columns = ['bdi', 'ino'];
  const begin = tableWith(scene.tables, 'writeback_single_inode_start', columns);
  if (begin === undefined) return undefined;
  const work: Work[] = [];
  pairs(scene, begin.name, 'writeback_single_inode', (interval) => {
    const { row, start_ns, duration_ns } = interval;
    if (isWhole(interval)) work.push({ row, start_ns, end_ns: start_ns + duration_ns });
  });
  work.sort((left, right) => left.end_ns - right.end_ns);
  return { rows: eventRows(begin), work };
}

/** Work that was going on during the wait and ended at most `slack_ns` before it; the last first. */
function releasedAt(work: readonly Work[], wait: Wait, slack_ns: number): Work[] {
  const from_ns = wait.end_ns - slack_ns;
  const first = firstNot(work.length, (at) => (work[at] as Work).end_ns < from_ns);
  const found: Work[] = [];
  for (let at = first; at < work.length; at++) {
    const one = work[at] as Work;
    if (one.end_ns > wait.end_ns) break;
    const shared = one.end_ns - Math.max(one.start_ns, wait.start_ns);
    if (shared >= SHORTEST_NS / 2) found.push(one);
  }
  return found.reverse();
}

/** How much of a wait other stalls of its task already explain. */
function explainedTimes(
  known: readonly Draft[],
  pids: ReadonlySet<number>,
): (wait: Wait) => number {
  const byPid = new Map<number, { start_ns: number; end_ns: number }[]>();
  for (const draft of known) {
    if (!pids.has(draft.pid)) continue;
    const list = byPid.get(draft.pid) ?? [];
    list.push({ start_ns: draft.start_ns, end_ns: stallEnd_ns(draft) });
    byPid.set(draft.pid, list);
  }
  for (const [pid, list] of byPid) byPid.set(pid, union(list));
  return (wait) => {
    const list = byPid.get(pidOf(wait)) ?? [];
    let sum = 0;
    for (let at = firstEnding(list, wait.start_ns); at < list.length; at++) {
      const { start_ns, end_ns } = list[at] as (typeof list)[number];
      if (start_ns >= wait.end_ns) break;
      sum += Math.min(end_ns, wait.end_ns) - Math.max(start_ns, wait.start_ns);
    }
    return sum;
  };
}

type Span = { start_ns: number; end_ns: number };

function union(spans: Span[]): Span[] {
  const joined: Span[] = [];
  for (const span of spans.sort((left, right) => left.start_ns - right.start_ns)) {
    const last = joined.at(-1);
    if (last !== undefined && span.start_ns <= last.end_ns) {
      last.end_ns = Math.max(last.end_ns, span.end_ns);
    } else {
      joined.push(span);
    }
  }
  return joined;
}

function firstEnding(spans: readonly Span[], after_ns: number): number {
  return firstNot(spans.length, (at) => (spans[at] as Span).end_ns <= after_ns);
}

const NAMING_INODES = ['writeback_mark_inode_dirty', 'writeback_dirty_inode_start'];

/** Inodes that the task dirtied in the course of a wait, or directly after it. */
function inodesTouched(
  scene: Scene,
  pids: ReadonlySet<number>,
): (wait: Wait, slack_ns: number) => ReadonlySet<string> {
  const byPid = new Map<number, { ts_ns: number; ino: string }[]>();
  for (const name of NAMING_INODES) {
    const table = tableWith(scene.tables, name, ['ino']);
    if (table === undefined) continue;
    const { pid, ts } = eventRows(table);
    const { values } = bigs(table, 'ino');
    for (let row = 0; row < table.rows; row++) {
      if (!pids.has(pid[row] as number)) continue;
      const list = byPid.get(pid[row] as number) ?? [];
      list.push({ ts_ns: ts[row] as number, ino: String(values[row]) });
      byPid.set(pid[row] as number, list);
    }
  }
  for (const list of byPid.values()) list.sort((left, right) => left.ts_ns - right.ts_ns);
  return (wait, slack_ns) => {
    const list = byPid.get(pidOf(wait)) ?? [];
    const first = firstNot(list.length, (at) => (list[at]?.ts_ns ?? 0) < wait.start_ns);
    const touched = new Set<string>();
    for (let at = first; at < list.length; at++) {
      const one = list[at];
      if (one === undefined || one.ts_ns > wait.end_ns + slack_ns) break;
      touched.add(one.ino);
    }
    return touched;
  };
}
