/**
 * Scenes: events of one thing that happens (a writer is paused, a file is synced, a flusher writes)
 * in the units in which people think. Scenes are lists of rows, to be put together:
 * `sceneTrace([...throttled({ … }), ...fsync({ … })])`.
 */
import type { Trace } from '../../src/trace/trace.ts';
import { type EventRow, makeTrace, type TraceFacts } from './trace-builder.ts';

export const PAGES_PER_MIB = 256;
const S = 1e9;
const MS = 1e6;

export type SceneFacts = TraceFacts & {
  /** Recorded and never happened. */
  readonly silent?: readonly string[];
  /** The capture goes on until then, with an event that means nothing. */
  readonly end_s?: number;
};

export function sceneTrace(rows: readonly EventRow[], facts: SceneFacts = {}): Trace {
  const end_s = facts.end_s ?? 10;
  const trace = makeTrace(
    [...rows, { event: 'print', ts_ns: end_s * S, pid: 4_000_000, comm: 'end' }],
    facts,
  );
  return { ...trace, meta: { ...trace.meta, silent_events: facts.silent ?? [] } };
}

type Task = { readonly pid?: number; readonly comm?: string };
type When = { readonly from_s?: number; readonly until_s?: number };

const who = ({ pid = 100, comm = 'writer' }: Task) => ({ pid, comm });

/** Times from, from + step, … below until, nanoseconds. */
function times(from_s: number, until_s: number, step_ms: number): number[] {
  const count = Math.max(0, Math.ceil(((until_s - from_s) * S) / (step_ms * MS) - 1e-9));
  return Array.from({ length: count }, (_, nth) => from_s * S + nth * step_ms * MS);
}

/** Thresholds of the machine, MiB. */
export type Limits = { readonly thresh?: number; readonly background?: number };

const thresholds = ({ thresh = 256, background = 128 }: Limits) => {
  const pages = { thresh: thresh * PAGES_PER_MIB, background: background * PAGES_PER_MIB };
  const freerun = (pages.thresh + pages.background) / 2;
  return { ...pages, freerun, setpoint: (freerun + pages.thresh) / 2 };
};

export type Level = Limits & {
  /** Dirty and under writeback, of the machine, MiB. */
  readonly dirty?: number;
  readonly writeback?: number;
  /** Pages that were written since the beginning, MiB. */
  readonly written?: number;
};

/** One reading of the machine's counters. */
export function level(at_s: number, given: Level & Task = {}): EventRow {
  const { thresh, background } = thresholds(given);
  const { dirty = 10, writeback = 0, written = 0 } = given;
  return {
    event: 'global_dirty_state',
    ts_ns: at_s * S,
    ...who(given),
    nr_dirty_pages: dirty * PAGES_PER_MIB,
    nr_writeback_pages: writeback * PAGES_PER_MIB,
    background_thresh_pages: background,
    dirty_thresh_pages: thresh,
    dirty_limit_pages: thresh,
    nr_dirtied_pages: 0,
    nr_written_pages: Math.round(written * PAGES_PER_MIB),
  };
}

/** Readings of an otherwise idle task, with pages leaving at a steady rate. */
export function readings(given: Level & When & { readonly written_mibps?: number }): EventRow[] {
  const { from_s = 0, until_s = 10, written_mibps = 0 } = given;
  return times(from_s, until_s, 100).map((ns) =>
    level(ns / S, { ...given, pid: 9, comm: 'reader', written: (ns / S) * written_mibps }),
  );
}

export type Throttled = Task &
  When &
  Limits & {
    readonly bdi?: string;
    /** Dirty + writeback of the machine, MiB, and of the bdi. */
    readonly dirty?: number;
    readonly wb_dirty?: number;
    /** The bdi's part of the setpoint, MiB; all of it unless given. */
    readonly wb_setpoint?: number;
    /** What the domain that decided had, where that is not the machine, MiB. */
    readonly domain?: { readonly dirty: number; readonly limit: number };
    readonly writeback?: number;
    readonly pause_ms?: number;
    readonly every_ms?: number;
    readonly rate_kibps?: number;
    readonly written_mibps?: number;
    /** False: without the sample of the same iteration. */
    readonly sampled?: boolean;
  };

/** A writer that is paused over and over, with the reading of each iteration. */
export function throttled(given: Throttled): EventRow[] {
  const { from_s = 1, until_s = 9, every_ms = 200, pause_ms = 180, bdi = '7:0' } = given;
  const { dirty = 220, writeback = dirty / 2, written_mibps = 40, rate_kibps = 4000 } = given;
  const { wb_dirty = dirty, domain, sampled = true } = given;
  const limits = thresholds(given);
  const setpoint = limits.setpoint / PAGES_PER_MIB;
  return times(from_s, until_s, every_ms).flatMap((ns): EventRow[] => [
    ...(sampled
      ? [
          level(ns / S - 1e-5, {
            ...given,
            dirty: dirty - writeback,
            writeback,
            written: (ns / S) * written_mibps,
          }),
        ]
      : []),
    {
      event: 'balance_dirty_pages',
      ts_ns: ns,
      ...who(given),
      bdi,
      limit_pages: domain === undefined ? limits.thresh : domain.limit * PAGES_PER_MIB,
      setpoint_pages: domain === undefined ? limits.setpoint : 0.875 * domain.limit * PAGES_PER_MIB,
      dirty_pages: (domain?.dirty ?? dirty) * PAGES_PER_MIB,
      wb_setpoint_pages: Math.round((given.wb_setpoint ?? setpoint) * PAGES_PER_MIB),
      wb_dirty_pages: wb_dirty * PAGES_PER_MIB,
      task_ratelimit_kibps: rate_kibps,
      pause_ms,
    },
  ]);
}

export type Dirtying = Task &
  When & {
    readonly bdi?: string;
    readonly ino?: number;
    readonly mib: number;
    /** Single pages instead of folios of 1 MiB; as many pages. */
    readonly single?: boolean;
  };

/**
 * Pages that become dirty, evenly over the time; by a thread of its own, for a task that writes an
 * event while it is paused is not asleep.
 */
export function dirtying(given: Dirtying): EventRow[] {
  const { from_s = 0, until_s = 1, bdi = '7:0', ino = 12, mib, single = false } = given;
  const size = single ? 1 : PAGES_PER_MIB;
  const folios = (mib * PAGES_PER_MIB) / size;
  const [major = 0, minor = 0] = bdi.split(':').map(Number);
  return Array.from({ length: folios }, (_, nth): EventRow[] => {
    const ts_ns = (from_s + ((until_s - from_s) * nth) / folios) * S;
    const folio = { ts_ns, ...who({ pid: 110, ...given }), ino: BigInt(ino), index: nth * size };
    const dev = Number.isNaN(major + minor) ? 40 : major * 2 ** 20 + minor;
    const order = Math.log2(size);
    return [
      { event: 'mm_filemap_add_to_page_cache', ...folio, dev, order },
      { event: 'writeback_dirty_folio', ...folio, bdi },
    ];
  }).flat();
}

export type Waiting = Task & { readonly from_s: number; readonly for_s: number };

/** fsync of one file of ext4. */
export function fsync(
  given: Waiting & { readonly ino?: number; readonly bdi?: string },
): EventRow[] {
  const { from_s, for_s, ino = 50, bdi = '7:0' } = given;
  const task = who({ pid: 200, comm: 'db', ...given });
  const [major = 0, minor = 0] = bdi.split(':').map(Number);
  const file = { ...task, dev: major * 2 ** 20 + minor, ino: BigInt(ino) };
  const end_ns = (from_s + for_s) * S;
  return [
    { event: 'sys_enter_fsync', ts_ns: from_s * S, ...task, fd: 3 },
    { event: 'ext4_sync_file_enter', ts_ns: from_s * S + 1000, ...file },
    { event: 'ext4_sync_file_exit', ts_ns: end_ns - 1000, ...file },
    { event: 'sys_exit_fsync', ts_ns: end_ns, ...task, ret: 0 },
  ];
}

/** sync(2). */
export function sync(given: Waiting): EventRow[] {
  const task = who({ pid: 300, comm: 'sync', ...given });
  return [
    { event: 'sys_enter_sync', ts_ns: given.from_s * S, ...task, nr: 162 },
    { event: 'sys_exit_sync', ts_ns: (given.from_s + given.for_s) * S, ...task, ret: 0 },
  ];
}

export type Flushing = {
  readonly from_s: number;
  readonly for_s: number;
  readonly reason: string;
  readonly mib: number;
  readonly ino?: number;
  readonly bdi?: string;
  readonly pid?: number;
  /** When somebody asked for it, if that was recorded. */
  readonly asked_s?: number;
  readonly asker?: Task;
  readonly state_after?: string;
};

/** One work of a flusher that writes one inode. */
export function flushing(given: Flushing): EventRow[] {
  const { from_s, for_s, reason, mib, ino = 12, bdi = '7:0', pid = 90, asked_s } = given;
  const pages = mib * PAGES_PER_MIB;
  const worker = { pid, comm: 'kworker/u4:1', bdi };
  const work = {
    sb_dev: 0,
    nr_pages: 1 << 20,
    sync_mode: reason === 'sync' ? 1 : 0,
    for_kupdate: reason === 'periodic' ? 1 : 0,
    for_background: reason === 'background' ? 1 : 0,
    range_cyclic: 1,
    reason,
  };
  const slice = { ino: BigInt(ino), dirtied_when_jiffies: 0, nr_to_write_pages: pages };
  const [start, end] = [from_s * S, (from_s + for_s) * S];
  const asked = asked_s === undefined ? [] : [asked_s * S];
  return [
    ...asked.map(
      (ts_ns): EventRow => ({
        event: 'writeback_queue',
        ts_ns,
        ...who({ pid: 77, comm: 'asker', ...given.asker }),
        bdi,
        ...work,
      }),
    ),
    ...asked.map((): EventRow => ({ event: 'writeback_exec', ts_ns: start, ...worker, ...work })),
    { event: 'writeback_start', ts_ns: start, ...worker, ...work },
    {
      event: 'writeback_single_inode_start',
      ts_ns: start + 1000,
      ...worker,
      ...slice,
      state: 'I_SYNC|I_DIRTY_PAGES',
      wrote_pages: 0,
    },
    {
      event: 'writeback_single_inode',
      ts_ns: end - 1000,
      ...worker,
      ...slice,
      state: given.state_after ?? 'I_SYNC',
      wrote_pages: pages,
    },
    {
      event: 'writeback_written',
      ts_ns: end,
      ...worker,
      ...work,
      nr_pages: work.nr_pages - pages,
    },
  ];
}

/** A commit of jbd2; for `data_s` of it its thread waits for the data that it orders. */
export function commit(given: {
  readonly from_s: number;
  readonly for_s: number;
  readonly data_s?: number;
}): EventRow[] {
  const { from_s, for_s, data_s = 0 } = given;
  const thread = { pid: 80, comm: 'jbd2/loop0-8' };
  const transaction = { dev: 7 * 2 ** 20, transaction: 5 };
  const wait = { bdi: '7:0', ino: 12n, index: 0 };
  return [
    { event: 'jbd2_start_commit', ts_ns: from_s * S, ...thread, ...transaction },
    ...(data_s > 0
      ? [
          { event: 'folio_wait_writeback', ts_ns: from_s * S + 1000, ...thread, ...wait },
          {
            event: 'jbd2_commit_logging',
            ts_ns: (from_s + data_s) * S,
            ...thread,
            ...transaction,
          },
        ]
      : []),
    { event: 'jbd2_end_commit', ts_ns: (from_s + for_s) * S, ...thread, ...transaction },
  ];
}

export type Reclaiming = Waiting & {
  readonly kind?: 'direct' | 'memcg';
  /** Pages in MiB. */
  readonly scanned?: number;
  /** Undefined: a kernel that does not print it. */
  readonly dirty?: number | undefined;
  readonly reclaimed?: number;
};

/** One reclaim of a task and what it met; by kswapd nobody waits. */
export function reclaiming(given: Reclaiming): EventRow[] {
  const { from_s, for_s, kind = 'direct', scanned = 64, reclaimed = 8 } = given;
  const task = who({ pid: 400, comm: 'eater', ...given });
  const name = `mm_vmscan_${kind}_reclaim`;
  const met: Record<string, number> =
    given.dirty === undefined
      ? {}
      : { nr_dirty_pages: given.dirty * PAGES_PER_MIB, nr_writeback_pages: 0 };
  return [
    { event: `${name}_begin`, ts_ns: from_s * S, ...task, order: 0 },
    {
      event: 'mm_vmscan_lru_shrink_inactive',
      ts_ns: (from_s + for_s / 2) * S,
      ...task,
      nr_scanned_pages: scanned * PAGES_PER_MIB,
      nr_reclaimed_pages: reclaimed * PAGES_PER_MIB,
      ...met,
    },
    { event: `${name}_end`, ts_ns: (from_s + for_s) * S, ...task, nr_reclaimed_pages: 32 },
  ];
}

/** One request to a FUSE server; without `for_s` there is no answer. */
export function fuseRequest(
  given: Task & {
    readonly at_s: number;
    readonly for_s?: number;
    readonly unique: number;
    readonly connection?: number;
    readonly opcode?: string;
  },
): EventRow[] {
  const { at_s, for_s, unique, connection = 39, opcode = 'FUSE_READ' } = given;
  const request = { connection: BigInt(connection), unique: BigInt(unique) };
  const client = who({ pid: 500, comm: 'reader', ...given });
  const sent = { event: 'fuse_request_send', ts_ns: at_s * S, ...client, ...request, opcode };
  if (for_s === undefined) return [sent];
  const server = { pid: 600, comm: 'server', ...request, error: 0 };
  return [sent, { event: 'fuse_request_end', ts_ns: (at_s + for_s) * S, ...server }];
}
