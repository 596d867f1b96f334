/** Waits outside of dirty throttling: sync system calls, reclaim, FUSE requests. */
import { PLACE_WORDS, type StallPlace } from '../../derive/stalls.ts';
import { capital } from '../../trace/wording.ts';
import type { Context } from '../context.ts';
import type { DetailTable, Series, Timeline } from '../detail.ts';
import type { Outcome } from '../finding.ts';
import { count, duration } from '../format.ts';
import { lostIntervals } from '../intervals.ts';
import type { FindingDefinition } from '../run.ts';

export const otherWaits: FindingDefinition = {
  id: 'other-waits',
  title: 'Waits for sync, reclaim and FUSE',
  question: 'Which tasks waited in fsync and its kin, in memory reclaim, or for a FUSE server?',
  needs: [],
  evaluate,
};

const LISTED = 20;
const OTHER_PLACES: readonly StallPlace[] = [
  'folio-writeback',
  'inode-wait',
  'journal-commit',
  'btrfs-ticket',
  'congestion-wait',
  'shrinker',
];
const PLACES: readonly { place: StallPlace; label: string; events: readonly string[] }[] = [
  { place: 'sync', label: 'sync system calls', events: ['sys_enter_fsync', 'sys_enter_sync'] },
  {
    place: 'reclaim',
    label: 'reclaim',
    events: ['mm_vmscan_direct_reclaim_begin', 'mm_vmscan_memcg_reclaim_begin'],
  },
  {
    place: 'reclaim-throttling',
    label: 'throttled reclaim',
    events: ['mm_vmscan_throttled'],
  },
  { place: 'fuse-request', label: 'requests to a FUSE server', events: ['fuse_request_send'] },
  // Their events come with those above, or only on some file systems and kernels.
  ...OTHER_PLACES.map((place) => ({ place, label: PLACE_WORDS[place], events: [] })),
];

function evaluate(context: Context): Outcome {
  const waits = context.stalls.filter(({ place }) => place !== 'dirty-throttling');
  const asked = PLACES.filter(({ events }) => events.length > 0);
  const blind = asked.filter(({ events }) => !events.some((name) => isRecorded(context, name)));
  const weakenedBy = blind.map(
    ({ label, events }) => `${label} not recorded (${events.join(', ')}).`,
  );
  if (waits.length === 0) {
    const status = blind.length === asked.length ? 'unknown' : 'clear';
    const summary =
      status === 'unknown'
        ? 'This capture has no events of sync system calls, reclaim or FUSE.'
        : 'No task waited in sync system calls, in reclaim or for FUSE, as far as was recorded.';
    return { status, summary, details: [], weakenedBy };
  }
  const parts = PLACES.flatMap(({ place, label }) => {
    const own = waits.filter((wait) => wait.place === place);
    if (own.length === 0) return [];
    const total = own.reduce((sum, { duration_ns }) => sum + duration_ns, 0);
    const longest = own.reduce((most, { duration_ns }) => Math.max(most, duration_ns), 0);
    return [
      `${label}: ${count(own.length, 'wait')}, ${duration(total)} together, longest ${duration(longest)}`,
    ];
  });
  return {
    status: 'found',
    summary: capital(`${parts.join('; ')}.`),
    details: [chart(context), table(context)],
    weakenedBy,
  };
}

function isRecorded(context: Context, name: string): boolean {
  return context.trace.tables.has(name) || context.trace.meta.silent_events.includes(name);
}

function chart(context: Context): Timeline {
  const series = PLACES.flatMap(({ place, label }): Series[] => {
    const own = context.stalls.filter((stall) => stall.place === place);
    if (own.length === 0) return [];
    return [
      {
        id: place.replaceAll('-', '_'),
        label,
        role: 'recorded',
        shape: 'point',
        t_ns: Float64Array.from(own, ({ start_ns }) => Math.max(0, start_ns)),
        values: Float64Array.from(own, ({ duration_ns }) => duration_ns / 1e6),
      },
    ];
  });
  const longest = series.reduce(
    (most, { values }) => values.reduce((longer, value) => Math.max(longer, value), most),
    Number.NEGATIVE_INFINITY,
  );
  return {
    kind: 'timeline',
    id: 'waits',
    title: `The longest of these waits took ${duration(longest * 1e6)}`,
    subtitle: 'one mark per wait, at its beginning',
    unit: 'ms',
    window_ns: context.window_ns,
    series,
    bands: [],
    lost: lostIntervals(context),
  };
}

function table(context: Context): DetailTable {
  const groups = context.stallGroups.filter(({ event }) => event !== 'balance_dirty_pages');
  return {
    kind: 'table',
    id: 'waiting-tasks',
    title: 'Tasks that waited longest',
    columns: [
      { key: 'task', label: 'Task', unit: 'none' },
      { key: 'pid', label: 'PID', unit: 'none' },
      { key: 'where', label: 'Where', unit: 'none' },
      { key: 'waits', label: 'Waits', unit: 'count' },
      { key: 'lost_ms', label: 'Lost', unit: 'ms' },
      { key: 'median_ms', label: 'Median', unit: 'ms' },
      { key: 'max_ms', label: 'Longest', unit: 'ms' },
    ],
    rows: groups.slice(0, LISTED).map((group) => ({
      task: group.comm,
      pid: group.pid,
      where: group.reason === '' ? group.event : `${group.event}: ${group.reason}`,
      waits: group.count,
      lost_ms: group.total_ms,
      median_ms: group.median_ms,
      max_ms: group.max_ms,
    })),
    omitted: Math.max(0, groups.length - LISTED),
  };
}
