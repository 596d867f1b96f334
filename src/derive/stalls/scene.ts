/** What the places look at together: the tables, when tasks ran, where events were lost. */
import { type LossIndex, lossIndex } from '../../trace/loss-index.ts';
import { optionalNumbers, type Table, type Tables } from '../../trace/table.ts';
import { NS_PER_MS, NS_PER_S } from '../../trace/time.ts';
import type { Loss, Trace } from '../../trace/trace.ts';
import { type TaskTimes, taskTimes } from '../task-times.ts';
import {
  enterOf,
  exitOf,
  RECLAIM,
  SYNC_BEGINS,
  SYNC_CALLS,
  SYNC_PAIRS,
  SYNC_WORK,
} from './sources.ts';

export type StallOptions = {
  /** Ticks per second, where it is known. */
  readonly hz: number | undefined;
  /** Time of the capture's last event. */
  readonly end_ns: number;
  readonly losses?: readonly Loss[];
  /** Clock and absolute time of the capture's beginning, for events that carry absolute times. */
  readonly clock?: string | undefined;
  readonly origin_ns?: bigint;
  /** True when the capture is printed text. */
  readonly isText?: boolean;
};

/** What of a capture the stalls are found with. */
export function stallOptions(
  { meta, losses }: Pick<Trace, 'meta' | 'losses'>,
  hz: number | undefined,
): StallOptions {
  const { duration_ns, clock, origin_ns, format } = meta;
  const isText = format === 'ftrace-text' || format === 'perf-script';
  return { hz, end_ns: duration_ns, losses, clock, origin_ns, isText };
}

export type Scene = {
  readonly tables: Tables;
  readonly end_ns: number;
  /** Length of a tick; undefined when the capture does not tell it. */
  readonly tick_ns: number | undefined;
  /** A task that runs no longer than this between two waits has done nothing else in between. */
  readonly pause_between_ns: number;
  readonly times: TaskTimes;
  readonly losses: LossIndex;
  readonly clock: string | undefined;
  readonly origin_ns: bigint | undefined;
  readonly isText: boolean;
};

/** The longest tick of the kernels in use (HZ 100), where the capture's own is not known. */
const LONGEST_TICK_NS = 10 * NS_PER_MS;

export function makeScene(tables: Tables, options: StallOptions): Scene {
  const { hz, end_ns, losses = [], clock, origin_ns, isText = false } = options;
  const tick_ns = hz === undefined ? undefined : NS_PER_S / hz;
  return {
    tables,
    end_ns,
    tick_ns,
    pause_between_ns: tick_ns ?? LONGEST_TICK_NS,
    times: taskTimes(tables, waitingTasks(tables)),
    losses: lossIndex(losses),
    clock,
    origin_ns,
    isText,
  };
}

/**
 * How long a task may have run before this wait for both to be one episode: less than a tick, and
 * no longer than it waits now.
 */
export function gapWithin({ pause_between_ns }: Scene, duration_ns: number): number {
  return Math.min(pause_between_ns, duration_ns);
}

/** Events after which the task's next event tells how long it waited. */
const ASK_FOR_NEXT: readonly string[] = [
  'folio_wait_writeback',
  'fuse_request_send',
  SYNC_WORK,
  ...SYNC_BEGINS,
  'xfs_log_force',
];

/** Pairs of which one side may be missing: what the task did otherwise tells what then holds. */
const PAIRED: readonly string[] = [
  ...SYNC_CALLS.flatMap((call) => [enterOf(call), exitOf(call)]),
  ...SYNC_PAIRS.flat(),
  ...RECLAIM.flatMap((kind) => [`${kind}_begin`, `${kind}_end`]),
  ...['jbd2_start_commit', 'jbd2_end_commit'],
];

/** Tasks whose events bound a wait; those of others need not be looked at. */
function waitingTasks(tables: Tables): Set<number> {
  const pids = new Set<number>();
  for (const name of [...ASK_FOR_NEXT, ...PAIRED]) addPids(pids, tables.get(name));
  const throttled = tables.get('balance_dirty_pages');
  const pause = throttled && optionalNumbers(throttled, 'pause_ms');
  addPids(pids, throttled, (row) => ((pause?.values[row] as number) ?? 0) > 0);
  return pids;
}

function addPids(
  pids: Set<number>,
  table: Table | undefined,
  isWanted: (row: number) => boolean = () => true,
): void {
  if (table === undefined) return;
  const pid = optionalNumbers(table, 'pid')?.values ?? [];
  for (let row = 0; row < table.rows; row++) if (isWanted(row)) pids.add(pid[row] as number);
}
