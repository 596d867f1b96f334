/** fsync, sync and the journal: who waited, when, and what the device was busy with meanwhile. */
import type { Stall } from '../../derive/stalls.ts';
import type { Context } from '../context.ts';
import type { Bar, DetailTable, Lanes, Series, Timeline } from '../detail.ts';
import { type SyncWait, syncWaits } from '../facts/sync-waits.ts';
import type { Outcome } from '../finding.ts';
import { bytes, count, duration } from '../format.ts';
import { lostIntervals } from '../intervals.ts';
import type { FindingDefinition } from '../run.ts';
import { largest, notRecorded } from './binned.ts';
import { deviceBusy } from './block-latency.ts';
import { workBar, worksIn } from './flusher.ts';

export const syncLatency: FindingDefinition = {
  id: 'sync-latency',
  title: 'Latency of fsync, sync and the journal',
  question: 'How long did syncs and commits take, and what was written at the same time?',
  needs: [],
  evaluate,
};

const TASKS = 6;
const JOURNALS = 2;
const FLUSHERS = 2;
const LISTED = 100;
const SYNC = 'sync call';
const COMMIT = 'journal commit';
const BUSY = 'device has requests';

const NAMES = ['sys_enter_fsync', 'sys_enter_sync', 'ext4_sync_file_enter', 'xfs_file_fsync'];

type Waits = { readonly syncs: readonly SyncWait[]; readonly commits: readonly Stall[] };

function evaluate(context: Context): Outcome {
  const [from_ns, to_ns] = context.window_ns;
  const syncs = context.facts
    .once(syncWaits)
    .filter((wait) => wait.start_ns <= to_ns && wait.end_ns >= from_ns);
  const commits = context.stalls.filter(({ place }) => place === 'journal-commit');
  if (syncs.length === 0 && commits.length === 0) {
    return notRecorded(context, NAMES, "-e 'syscalls:sys_*_*sync*' -e ext4 -e jbd2");
  }
  const waits = { syncs, commits };
  const details = [
    lanesChart(context, waits),
    ...(syncs.length + commits.length > 1 ? [latencyChart(context, waits)] : []),
    ...(syncs.length > 0 ? [table(context, syncs)] : []),
  ];
  return { status: 'shown', summary: summaryOf(waits), details, weakenedBy: [] };
}

function longest(lengths: readonly number[]): number {
  return lengths.reduce((most, value) => Math.max(most, value), 0);
}

function summaryOf({ syncs, commits }: Waits): string {
  const syncTimes = syncs.map(({ start_ns, end_ns }) => end_ns - start_ns);
  const parts = [
    syncs.length > 0
      ? `${count(syncs.length, 'sync')}, the longest ${duration(longest(syncTimes))}`
      : 'No sync call was seen',
    commits.length > 0
      ? `${count(commits.length, 'journal commit')}, the longest ` +
        duration(longest(commits.map(({ duration_ns }) => duration_ns)))
      : 'no journal commit was seen',
  ];
  return `${parts.join('; ')}.`;
}

/** Who waited above, what was written below: time is the same. */
function lanesChart(context: Context, { syncs, commits }: Waits): Lanes {
  const laneOf = (wait: SyncWait) => `${wait.comm} ${wait.pid}: ${wait.call}`;
  const tasks = mostTime(
    syncs.map((wait) => [laneOf(wait), wait.end_ns - wait.start_ns]),
    TASKS,
  );
  const journalOf = ({ dev, bdi, comm }: Stall) => `journal ${dev ?? bdi ?? comm}`;
  const journals = mostTime(
    commits.map((stall) => [journalOf(stall), stall.duration_ns]),
    JOURNALS,
  );
  const works = (worksIn(context) ?? []).filter(({ written_bytes }) => written_bytes > 0);
  const bdis = mostTime(
    works.map(({ bdi, written_bytes }) => [bdi, written_bytes]),
    FLUSHERS,
  );
  const reasons = [...new Set(works.map(({ reason }) => reason))];
  const kinds = [SYNC, COMMIT, ...reasons, BUSY];
  const below = tasks.length + journals.length;
  const busy = new Map(bdis.map((bdi) => [bdi, deviceBusy(context, bdi) ?? []]));
  const devices = bdis.filter((bdi) => busy.get(bdi)?.length);
  const bars: Bar[] = [
    ...syncs.flatMap((wait) => {
      const lane = tasks.indexOf(laneOf(wait));
      const { start_ns, end_ns } = wait;
      const text = `${wait.call} took ${duration(end_ns - start_ns)}`;
      return lane < 0 ? [] : [{ from_ns: start_ns, to_ns: end_ns, lane, kind: 0, text }];
    }),
    ...commits.flatMap((stall) => {
      const at = journals.indexOf(journalOf(stall));
      const { start_ns, duration_ns } = stall;
      const text = `commit took ${duration(duration_ns)}`;
      const span = { from_ns: start_ns, to_ns: start_ns + duration_ns };
      return at < 0 ? [] : [{ ...span, lane: tasks.length + at, kind: 1, text }];
    }),
    ...works.flatMap((work) =>
      workBar(work, bdis, kinds).map((bar) => ({ ...bar, lane: below + bar.lane })),
    ),
    ...devices.flatMap((device, at) => {
      const place = { lane: below + bdis.length + at, kind: kinds.length - 1 };
      return (busy.get(device) ?? []).map(({ from_ns, to_ns, count: requests }) => {
        const text = `${count(requests, 'request')} in ${duration(to_ns - from_ns)}`;
        return { from_ns, to_ns, ...place, text };
      });
    }),
  ];
  const worst = worstOf(context, syncs);
  return {
    kind: 'lanes',
    id: 'sync-lanes',
    title:
      worst === undefined
        ? `${count(commits.length, 'journal commit')}, no sync call`
        : `${worst.comm} waited up to ${duration(worst.end_ns - worst.start_ns)} in one ` +
          `${worst.call}${meanwhile(worst, context.pageSize)}`,
    subtitle: 'above: who waited; below: what flushers and devices did at the same time',
    window_ns: context.window_ns,
    lanes: [
      ...tasks,
      ...journals,
      ...bdis.map((bdi) => `flusher of ${bdi}`),
      ...devices.map((bdi) => `device ${bdi}`),
    ],
    kinds,
    bars,
    omitted: Math.max(0, new Set(syncs.map(laneOf)).size - tasks.length),
    lost: lostIntervals(context),
  };
}

/** The longest sync of those whom the verdict is about, or of all. */
function worstOf({ diagnosis }: Context, syncs: readonly SyncWait[]): SyncWait | undefined {
  const { root_cause, most_likely } = diagnosis.verdict;
  const named = diagnosis.judgements.find(
    ({ definition }) => definition.id === (most_likely ?? root_cause),
  );
  const pids = new Set(named?.victims.map(({ pid }) => pid));
  const victims = syncs.filter(({ pid }) => pids.has(pid));
  return [...(victims.length > 0 ? victims : syncs)].sort(
    (left, right) => right.end_ns - right.start_ns - (left.end_ns - left.start_ns),
  )[0];
}

function meanwhile({ written_pages }: SyncWait, pageSize: number): string {
  if (written_pages === undefined) return '';
  return ` while the machine wrote ${bytes(written_pages * pageSize)}`;
}

function mostTime(times: readonly (readonly [string, number])[], most: number): string[] {
  const sums = new Map<string, number>();
  for (const [key, value] of times) sums.set(key, (sums.get(key) ?? 0) + value);
  return largest(sums, most);
}

function latencyChart(context: Context, { syncs, commits }: Waits): Timeline {
  const marks = (id: string, label: string, times: readonly (readonly [number, number])[]) => ({
    id,
    label,
    role: 'recorded' as const,
    shape: 'point' as const,
    t_ns: Float64Array.from(times, ([start_ns]) => Math.max(0, start_ns)),
    values: Float64Array.from(times, ([, length_ns]) => length_ns),
  });
  const calls = [...new Set(syncs.map(({ call }) => call))];
  const series: Series[] = calls.map((call, index) => {
    const own = syncs.filter((wait) => wait.call === call);
    return marks(
      `call_${index}`,
      call,
      own.map(({ start_ns, end_ns }) => [start_ns, end_ns - start_ns]),
    );
  });
  if (commits.length > 0) {
    const times = commits.map(({ start_ns, duration_ns }) => [start_ns, duration_ns] as const);
    series.push(marks('commit', COMMIT, times));
  }
  const what = [
    ...(syncs.length > 0 ? [count(syncs.length, 'sync call')] : []),
    ...(commits.length > 0 ? [count(commits.length, 'journal commit')] : []),
  ];
  return {
    kind: 'timeline',
    id: 'sync-latency',
    title: `${what.join(' and ')} by length`,
    subtitle: 'one mark a call, at its beginning',
    unit: 'ns',
    window_ns: context.window_ns,
    series,
    bands: [],
    lost: lostIntervals(context),
  };
}

function table(context: Context, syncs: readonly SyncWait[]): DetailTable {
  const listed = [...syncs]
    .sort((left, right) => right.end_ns - right.start_ns - (left.end_ns - left.start_ns))
    .slice(0, LISTED);
  const toBytes = (pages: number | undefined) =>
    pages === undefined ? undefined : pages * context.pageSize;
  return {
    kind: 'table',
    id: 'sync-list',
    title: 'Sync calls, the longest first',
    columns: [
      { key: 'at', label: 'At', unit: 's' },
      { key: 'task', label: 'Task', unit: 'none' },
      { key: 'pid', label: 'PID', unit: 'none' },
      { key: 'call', label: 'Call', unit: 'none' },
      { key: 'bdi', label: 'bdi', unit: 'none' },
      { key: 'ino', label: 'Inode', unit: 'none' },
      { key: 'took', label: 'Took', unit: 'ns' },
      { key: 'own', label: 'Own dirty data', unit: 'bytes' },
      { key: 'written', label: 'Machine wrote', unit: 'bytes' },
      { key: 'journal', label: 'Journal', unit: 'ns' },
    ],
    rows: listed.map((wait) => ({
      at: wait.start_ns / 1e9,
      task: wait.comm,
      pid: wait.pid,
      call: wait.call,
      bdi: wait.bdi,
      ino: wait.ino,
      took: wait.end_ns - wait.start_ns,
      own: toBytes(wait.own_pages),
      written: toBytes(wait.written_pages),
      journal: wait.commit_ns,
    })),
    omitted: syncs.length - listed.length,
    windows_ns: listed.map(({ start_ns, end_ns }) => [start_ns, end_ns] as const),
  };
}
