/** Each place of a stall: mini-traces in, what is said about the wait out. */
import { describe, expect, test } from 'vitest';
import { findStalls, type Stall, stallOptions } from '../../src/derive/stalls.ts';
import type { Loss } from '../../src/trace/trace.ts';
import { type EventRow, makeTrace } from '../helpers/trace-builder.ts';

const MS = 1e6;
const HZ = 250;

type Facts = { losses?: readonly Loss[]; clock?: string; origin_ns?: bigint };

function stallsOf(rows: readonly EventRow[], facts: Facts = {}): readonly Stall[] {
  const { losses = [], ...meta } = facts;
  const trace = makeTrace(rows, { losses });
  return findStalls(trace.tables, stallOptions({ meta: { ...trace.meta, ...meta }, losses }, HZ));
}

/** What the tests look at, in milliseconds. */
function shortly(stalls: readonly Stall[]) {
  return stalls.map(({ place, event, start_ns, duration_ns, own_ns, end }) => ({
    place,
    event,
    at: start_ns / MS,
    ms: duration_ns / MS,
    own: own_ns / MS,
    end,
  }));
}

/** Some event of the task that means nothing here. */
const ran = (ms: number, pid = 1): EventRow => ({
  event: 'writeback_pages_written',
  ts_ns: ms * MS,
  pid,
  written_pages: 1,
});

describe('dirty throttling', () => {
  const pause = (ms: number, pause_ms: number, more: Partial<EventRow> = {}): EventRow =>
    ({
      event: 'balance_dirty_pages',
      ts_ns: ms * MS,
      bdi: '7:0',
      pause_ms,
      period_ms: pause_ms,
      ...more,
    }) as EventRow;

  test.each([
    ['seen within a tick', 103, 103, 'next-event'],
    ['seen long after', 900, 104, 'tick'],
    ['seen before the time was up: it did not sleep so long', 40, 40, 'next-event'],
  ] as const)('%s', (_, seen, ms, end) => {
    const [stall] = shortly(stallsOf([pause(0, 100), ran(seen), ran(1000, 2)]));
    expect(stall).toMatchObject({ ms, end });
  });

  test('never seen again: as long as asked, or until the capture ended', () => {
    const [first] = stallsOf([pause(0, 100), ran(1000, 2)]);
    expect(first).toMatchObject({ duration_ns: 100 * MS, end: 'asked', open: false });
    const [last] = stallsOf([pause(0, 100), ran(60, 2)]);
    expect(last).toMatchObject({ duration_ns: 60 * MS, asked_ns: 100 * MS, open: true });
  });

  test('no pause and wrapped pauses are no stalls; the cgroup is told', () => {
    const rows = [pause(0, 0), pause(10, -4294824915), pause(20, 8, { cgroup: '/user' }), ran(30)];
    const stalls = stallsOf(rows);
    expect(stalls.map(({ cgroup, bdi }) => [cgroup, bdi])).toEqual([['/user', '7:0']]);
    expect(stalls[0]?.evidence).toEqual([{ table: 'balance_dirty_pages', row: 2, seq: 2 }]);
  });
});

describe('sync', () => {
  const call = (name: string, ms: number, pid = 1): EventRow => ({
    event: name,
    ts_ns: ms * MS,
    pid,
  });

  test('a system call from enter to exit, named by what the file system tells inside', () => {
    const stalls = stallsOf([
      call('sys_enter_fsync', 0),
      { event: 'ext4_sync_file_enter', ts_ns: 1 * MS, dev: 7 << 20, ino: 12n },
      { event: 'ext4_sync_file_exit', ts_ns: 89 * MS, dev: 7 << 20, ino: 12n },
      call('sys_exit_fsync', 90),
    ]);
    expect(shortly(stalls)).toEqual([
      { place: 'sync', event: 'fsync', at: 0, ms: 90, own: 90, end: 'recorded' },
    ]);
    expect(stalls[0]).toMatchObject({ dev: '7:0', ino: '12' });
    expect(stalls[0]?.evidence).toHaveLength(4);
  });

  test('without system calls, the events of file systems stand in', () => {
    const stalls = stallsOf([
      { event: 'xfs_file_fsync', ts_ns: 0, dev: 7 << 20, ino: 12n },
      { event: 'folio_wait_writeback', ts_ns: 1 * MS, bdi: '7:0', ino: 12n, index: 0 },
      { event: 'wbc_writepage', ts_ns: 50 * MS, bdi: '7:0', ino: 12n },
      ran(90),
    ]);
    expect(shortly(stalls)).toEqual([
      { place: 'sync', event: 'xfs_file_fsync', at: 0, ms: 90, own: 41, end: 'next-event' },
      {
        place: 'folio-writeback',
        event: 'folio_wait_writeback',
        at: 1,
        ms: 49,
        own: 49,
        end: 'next-event',
      },
    ]);
  });

  test('sync works that nobody waits for are none', () => {
    const queue = { event: 'writeback_queue', bdi: '7:0', reason: 'sync' };
    const stalls = stallsOf([
      { ...queue, ts_ns: 0, sync_mode: 0 },
      { ...queue, ts_ns: 10 * MS, sync_mode: 1 },
      ran(30),
    ]);
    expect(shortly(stalls)).toEqual([
      { place: 'sync', event: 'writeback_queue', at: 10, ms: 20, own: 20, end: 'next-event' },
    ]);
  });

  test('what is not finished is open, and what began earlier says so', () => {
    const stalls = stallsOf([
      call('sys_exit_fsync', 40, 2),
      call('sys_enter_fsync', 50, 1),
      ran(0, 3),
      ran(100, 3),
    ]);
    expect(shortly(stalls)).toEqual([
      { place: 'sync', event: 'fsync', at: 0, ms: 40, own: 40, end: 'recorded' },
      { place: 'sync', event: 'fsync', at: 50, ms: 50, own: 50, end: 'capture-end' },
    ]);
    expect(stalls.map(({ open, begun_before }) => [open, begun_before])).toEqual([
      [false, true],
      [true, false],
    ]);
  });

  test('a lost end: it lasted at least until the loss', () => {
    const losses = [{ cpu: 0, from_ns: 30 * MS, ts_ns: 60 * MS, count: 5 }];
    const rows = [call('sys_enter_fsync', 10), ran(70), call('sys_enter_fsync', 80), ran(100)];
    const stalls = stallsOf(rows, { losses });
    expect(shortly(stalls)).toMatchObject([
      { at: 10, ms: 20, end: 'loss' },
      { at: 80, ms: 20, end: 'capture-end' },
    ]);
    expect(stalls.map(({ across_loss }) => across_loss)).toEqual([true, false]);
  });
});

describe('folio writeback', () => {
  const wait = (ms: number, index: number, ino = 12n): EventRow => ({
    event: 'folio_wait_writeback',
    ts_ns: ms * MS,
    bdi: '7:0',
    ino,
    index,
  });
  const clear = (ms: number, dev = 7 << 20): EventRow => ({
    event: 'sb_clear_inode_writeback',
    ts_ns: ms * MS,
    pid: 0,
    ino: 12n,
    dev,
  });

  test('ends at the next event, or when the inode left writeback', () => {
    const stalls = stallsOf([wait(0, 1), wait(20, 2), clear(50), ran(900)]);
    expect(shortly(stalls)).toMatchObject([
      { ms: 20, end: 'next-event' },
      { ms: 30, end: 'writeback-end' },
    ]);
  });

  test('an inode number of two file systems tells nothing', () => {
    const stalls = stallsOf([clear(1, 8 << 20), wait(20, 2), clear(50), ran(90)]);
    expect(shortly(stalls)).toMatchObject([{ ms: 70, end: 'next-event' }]);
  });

  test('two sleeps for one folio are one wait', () => {
    const stalls = stallsOf([wait(0, 1), wait(20, 1), ran(50)]);
    expect(shortly(stalls)).toMatchObject([{ at: 0, ms: 50 }]);
    expect(stalls[0]?.evidence.map(({ row }) => row)).toEqual([0, 1]);
  });
});

describe('reclaim', () => {
  test('throttled inside of reclaim: each moment counts once, the reason is told', () => {
    const stalls = stallsOf([
      { event: 'mm_vmscan_direct_reclaim_begin', ts_ns: 0, order: 0 },
      {
        event: 'mm_vmscan_throttled',
        ts_ns: 120 * MS,
        usec_timeout_us: 100000,
        usec_delayed_us: 100000,
        reason: 'VMSCAN_THROTTLE_WRITEBACK',
      },
      { event: 'mm_vmscan_direct_reclaim_end', ts_ns: 150 * MS, nr_reclaimed_pages: 1 },
    ]);
    expect(shortly(stalls)).toMatchObject([
      { place: 'reclaim', at: 0, ms: 150, own: 50 },
      { place: 'reclaim-throttling', at: 20, ms: 100, own: 100 },
    ]);
    expect(stalls[1]?.reason).toBe('VMSCAN_THROTTLE_WRITEBACK');
  });

  test('a wait for a congested device that began before the capture keeps its length', () => {
    const delayed = { usec_timeout_us: 100000, usec_delayed_us: 108000 };
    const stalls = stallsOf([
      { event: 'writeback_congestion_wait', ts_ns: 0, ...delayed },
      { event: 'writeback_wait_iff_congested', ts_ns: 5, usec_timeout_us: 1, usec_delayed_us: 0 },
    ]);
    expect(shortly(stalls)).toMatchObject([{ place: 'congestion-wait', at: -108, ms: 108 }]);
    expect(stalls[0]?.begun_before).toBe(true);
  });

  test('shrinkers count when they take long', () => {
    const shrink = (event: string, ms: number): EventRow => ({
      event,
      ts_ns: ms * MS,
      shrink: 'super_cache_scan',
    });
    const stalls = stallsOf([
      shrink('mm_shrink_slab_start', 0),
      shrink('mm_shrink_slab_end', 0.5),
      shrink('mm_shrink_slab_start', 1),
      shrink('mm_shrink_slab_end', 36001),
    ]);
    expect(shortly(stalls)).toMatchObject([{ place: 'shrinker', ms: 36000 }]);
    expect(stalls[0]?.reason).toBe('super_cache_scan');
  });
});

describe('FUSE, journals, tickets', () => {
  const send = (ms: number, unique: bigint): EventRow => ({
    event: 'fuse_request_send',
    ts_ns: ms * MS,
    connection: 39n,
    unique,
    opcode: '16 (FUSE_WRITE)',
  });

  test('a request is a wait if its sender was silent until the answer', () => {
    const stalls = stallsOf([
      send(0, 2n),
      { event: 'fuse_request_end', ts_ns: 50 * MS, pid: 9, connection: 39n, unique: 2n },
      send(60, 4n),
      ran(61),
      { event: 'fuse_request_end', ts_ns: 90 * MS, pid: 9, connection: 39n, unique: 4n },
      send(100, 6n),
      ran(130, 9),
    ]);
    expect(shortly(stalls)).toMatchObject([
      { place: 'fuse-request', at: 0, ms: 50, end: 'recorded' },
      { place: 'fuse-request', at: 100, ms: 30, end: 'capture-end' },
    ]);
    expect(stalls[0]).toMatchObject({ reason: 'FUSE_WRITE', dev: '0:39' });
  });

  test('a commit is named after its longest phase', () => {
    const step = (name: string, ms: number): EventRow => ({
      event: `jbd2_${name}`,
      ts_ns: ms * MS,
      dev: 7 << 20,
    });
    const stalls = stallsOf([
      ...[step('start_commit', 0), step('commit_locking', 1), step('commit_flushing', 2)],
      ...[step('commit_logging', 60), step('end_commit', 70)],
      ...[step('start_commit', 100), step('commit_locking', 101), step('commit_flushing', 150)],
      ...[step('commit_logging', 151), step('end_commit', 152)],
    ]);
    expect(stalls.map(({ reason, dev, duration_ns }) => [reason, dev, duration_ns / MS])).toEqual([
      ['flushing', '7:0', 70],
      ['locking', '7:0', 52],
    ]);
  });

  test('without its begin and end, a commit has the times of its statistics', () => {
    const ticks = { locked_jiffies: 1, flushing_jiffies: 4, logging_jiffies: 20 };
    const rows = [ran(0), { event: 'jbd2_run_stats', ts_ns: 150 * MS, dev: 7 << 20, ...ticks }];
    expect(shortly(stallsOf(rows))).toMatchObject([{ place: 'journal-commit', at: 50, ms: 100 }]);
  });

  test('a ticket lasted since it was taken, on the monotonic clock only', () => {
    const rows = [
      ran(0),
      { event: 'btrfs_reserve_ticket', ts_ns: 80 * MS, start_ns: 1_020 * MS, flush: 'ALL' },
    ];
    const origin_ns = 1_000_000_000n;
    expect(shortly(stallsOf(rows, { clock: 'mono', origin_ns }))).toMatchObject([
      { place: 'btrfs-ticket', at: 20, ms: 60 },
    ]);
    expect(stallsOf(rows, { clock: 'local', origin_ns })).toEqual([]);
  });
});

describe('inode wait', () => {
  const flush = (name: string, ms: number): EventRow => ({
    event: name,
    ts_ns: ms * MS,
    pid: 50,
    comm: 'kworker/u8:1',
    bdi: '8:0',
    ino: 77n,
  });
  const calls = (from: number, to: number): EventRow[] => [
    { event: 'sys_enter_openat', ts_ns: from * MS },
    { event: 'sys_exit_openat', ts_ns: to * MS },
  ];
  const work = [flush('writeback_single_inode_start', 10), flush('writeback_single_inode', 498)];

  test('a long call that ends as the flusher releases an inode is possible', () => {
    const stalls = stallsOf([...work, ...calls(100, 500)]);
    expect(shortly(stalls)).toMatchObject([{ place: 'inode-wait', event: 'openat', ms: 400 }]);
    expect(stalls[0]).toMatchObject({ certainty: 'possible', bdi: '8:0', ino: '77' });
  });

  test('likely, if the task dirties that inode then', () => {
    const touch = { event: 'writeback_dirty_inode_start', ts_ns: 499 * MS, ino: 77n };
    const [stall] = stallsOf([...work, ...calls(100, 500), touch]);
    expect(stall?.certainty).toBe('likely');
  });

  test('not without the flusher, nor where another wait explains the call', () => {
    expect(stallsOf([...work, ...calls(600, 900)])).toEqual([]);
    const pause = { event: 'balance_dirty_pages', bdi: '8:0', pause_ms: 380, period_ms: 380 };
    const stalls = stallsOf([...work, ...calls(100, 500), { ...pause, ts_ns: 110 * MS }]);
    expect(stalls.map(({ place }) => place)).toEqual(['dirty-throttling']);
  });

  test('nothing is concluded from calls or work whose begin was not seen', () => {
    const late = [flush('writeback_single_inode', 300), { ...ran(0, 2) }];
    const exit = { event: 'sys_exit_openat', ts_ns: 500 * MS };
    const later = [
      flush('writeback_single_inode_start', 600),
      flush('writeback_single_inode', 610),
    ];
    expect(stallsOf([...late, ...later, ...calls(100, 302)])).toEqual([]);
    expect(stallsOf([...work, exit, ...calls(510, 520)])).toEqual([]);
  });

  test('sleeps in state D stand in for system calls', () => {
    const switched = (ms: number, prev_pid: number, next_pid: number): EventRow => ({
      event: 'sched_switch',
      ts_ns: ms * MS,
      pid: prev_pid,
      prev_pid,
      prev_state: 'D',
      next_pid,
    });
    const stalls = stallsOf([...work, switched(100, 1, 0), switched(500, 0, 1)]);
    expect(shortly(stalls)).toMatchObject([{ place: 'inode-wait', at: 100, ms: 400 }]);
  });
});
