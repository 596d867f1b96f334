/** Who was paused in balance_dirty_pages, for how long, and on which bdi. */
import type { StallGroup } from '../../derive/stall-summary.ts';
import type { Stall } from '../../derive/stalls.ts';
import type { Context } from '../context.ts';
import type { Bucket, Detail, DetailTable, Distribution, Series, Timeline } from '../detail.ts';
import type { Outcome } from '../finding.ts';
import { count, duration, percent } from '../format.ts';
import { lostIntervals } from '../intervals.ts';
import type { FindingDefinition } from '../run.ts';

export const dirtyThrottling: FindingDefinition = {
  id: 'dirty-throttling',
  title: 'Pauses by dirty throttling',
  question: 'Which tasks were paused for dirtying memory, for how long, and on which bdi?',
  needs: ['balance_dirty_pages'],
  evaluate,
};

const TASKS_DRAWN = 6;
const TASKS_LISTED = 20;

function evaluate(context: Context): Outcome {
  const stalls = context.stalls.filter(({ place }) => place === 'dirty-throttling');
  const events = context.trace.tables.get('balance_dirty_pages')?.rows ?? 0;
  if (stalls.length === 0) {
    const summary = `${count(events, 'throttle check')} happened, none of them led to a pause.`;
    return { status: 'clear', summary, details: [], weakenedBy: [] };
  }
  const groups = context.stallGroups.filter(({ event }) => event === 'balance_dirty_pages');
  const lost_ns = sum(stalls.map(({ duration_ns }) => duration_ns));
  const asked_ns = sum(stalls.map(({ asked_ns }) => asked_ns ?? 0));
  const [worst] = groups;
  const summary =
    `${count(stalls.length, 'pause')} of ${count(groups.length, 'task')} took ` +
    `${duration(lost_ns)} (the kernel asked for ${duration(asked_ns)}; a sleep ends on the next ` +
    `timer tick). ${worst === undefined ? '' : mostLost(worst, span(context))}`;
  const details: Detail[] = [
    timeline(context, stalls, groups, worst),
    distribution(stalls),
    taskTable(context, groups),
  ];
  return { status: 'found', summary, details, weakenedBy: [] };
}

/** The part of the window that the capture holds. */
function span({ window_ns: [from_ns, to_ns], trace }: Context): number {
  return Math.min(to_ns, trace.meta.duration_ns) - Math.max(0, from_ns);
}

function mostLost(worst: StallGroup, window_ns: number): string {
  const lost_ns = worst.total_ms * 1e6;
  return (
    `Most was lost by ${worst.comm} (pid ${worst.pid}) on bdi ${worst.bdi}: ` +
    `${duration(lost_ns)}, ${percent(lost_ns / Math.max(1, window_ns))} of the capture.`
  );
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

function nameOf(group: StallGroup): string {
  return `${group.comm} ${group.pid} on ${group.bdi}`;
}

function timeline(
  context: Context,
  stalls: readonly Stall[],
  groups: readonly StallGroup[],
  worst: StallGroup | undefined,
): Timeline {
  const series = groups.slice(0, TASKS_DRAWN).map((group, index): Series => {
    const own = stalls.filter(
      ({ pid, comm, bdi }) => pid === group.pid && comm === group.comm && bdi === group.bdi,
    );
    return {
      id: `task_${index}`,
      label: nameOf(group),
      role: 'recorded',
      shape: 'point',
      t_ns: Float64Array.from(own, ({ start_ns }) => start_ns),
      values: Float64Array.from(own, ({ asked_ns }) => (asked_ns ?? 0) / 1e6),
    };
  });
  const hidden = groups.length - series.length;
  const others = hidden > 0 ? `; ${count(hidden, 'other task')} not drawn` : '';
  return {
    kind: 'timeline',
    id: 'pauses',
    title:
      worst === undefined
        ? 'Pauses over time'
        : `${worst.comm} was paused ${count(worst.count, 'time')}, ` +
          `up to ${duration(worst.max_ms * 1e6)} at a time`,
    subtitle: `pause that the kernel asked for, one mark per balance_dirty_pages event${others}`,
    unit: 'ms',
    window_ns: context.window_ns,
    series,
    bands: [],
    lost: lostIntervals(context),
  };
}

/** The bounds that mmtests uses, so that numbers can be compared. */
const BOUNDS_MS = [5, 10, 20, 50, 100, 200, 500, 1000, 5000];

function distribution(stalls: readonly Stall[]): Distribution {
  const pauses = stalls.map(({ asked_ns }) => (asked_ns ?? 0) / 1e6);
  const buckets: Bucket[] = [];
  const edges = [0, ...BOUNDS_MS, Number.POSITIVE_INFINITY];
  for (let index = 0; index + 1 < edges.length; index++) {
    const low = edges[index] as number;
    const high = edges[index + 1] as number;
    const label = high === Number.POSITIVE_INFINITY ? `≥ ${low} ms` : `${low}–${high} ms`;
    const bucket = { label, count: 0, total: 0 };
    for (const value of pauses) {
      if (!(value >= low && value < high)) continue;
      bucket.count++;
      bucket.total += value;
    }
    buckets.push(bucket);
  }
  while (buckets.length > 1 && buckets.at(-1)?.count === 0) buckets.pop();
  const longest = pauses.reduce((most, value) => Math.max(most, value), Number.NEGATIVE_INFINITY);
  return {
    kind: 'distribution',
    id: 'pause-distribution',
    title: `${count(pauses.length, 'pause')}, the longest ${duration(longest * 1e6)}`,
    subtitle: 'pauses asked for, by length',
    unit: 'ms',
    buckets,
  };
}

function taskTable(context: Context, groups: readonly StallGroup[]): DetailTable {
  const window_ms = span(context) / 1e6;
  return {
    kind: 'table',
    id: 'paused-tasks',
    title: 'Tasks that lost most time',
    columns: [
      { key: 'task', label: 'Task', unit: 'none' },
      { key: 'pid', label: 'PID', unit: 'none' },
      { key: 'bdi', label: 'bdi', unit: 'none' },
      { key: 'pauses', label: 'Pauses', unit: 'count' },
      { key: 'lost_ms', label: 'Lost', unit: 'ms' },
      { key: 'asked_ms', label: 'Asked', unit: 'ms' },
      { key: 'share', label: 'Of the capture', unit: 'percent' },
      { key: 'median_ms', label: 'Median', unit: 'ms' },
      { key: 'p99_ms', label: '99th percentile', unit: 'ms' },
      { key: 'max_ms', label: 'Longest', unit: 'ms' },
    ],
    rows: groups.slice(0, TASKS_LISTED).map((group) => ({
      task: group.comm,
      pid: group.pid,
      bdi: group.bdi,
      pauses: group.count,
      lost_ms: group.total_ms,
      asked_ms: group.asked_ms,
      share: window_ms > 0 ? (100 * group.total_ms) / window_ms : undefined,
      median_ms: group.median_ms,
      p99_ms: group.p99_ms,
      max_ms: group.max_ms,
    })),
    omitted: Math.max(0, groups.length - TASKS_LISTED),
  };
}
