/** The columns of the flusher's tables (flusher-works.ts). */
import { ColumnLists } from './column-lists.ts';

export const workLists = () =>
  new ColumnLists({
    ts_ns: 'ns',
    seq: 'seq',
    domain: 'none',
    bdi: 'text',
    cgroup: 'text',
    /** background, periodic, sync, vmscan, …; empty until 3.1. */
    reason: 'text',
    sync_mode: 'none',
    for_kupdate: 'none',
    for_background: 'none',
    range_cyclic: 'none',
    /** Not zero where only one file system is asked for. */
    sb_dev: 'id',
    /** writeback_queue, or the first writeback_wake_background not yet answered by a run. */
    requested_ns: 'ns',
    requester_pid: 'id',
    requester: 'text',
    exec_ns: 'ns',
    start_ns: 'ns',
    /** End of the last round; NaN when it was not recorded. */
    end_ns: 'ns',
    /** 2^63 stands for LONG_MAX, no limit. */
    asked_pages: 'pages',
    written_pages: 'pages',
    rounds: 'count',
    slices: 'count',
    moved_inodes: 'count',
    waits: 'count',
    pid: 'id',
    comm: 'text',
  });

export const roundLists = () =>
  new ColumnLists({
    ts_ns: 'ns',
    seq: 'seq',
    end_ns: 'ns',
    work: 'none',
    domain: 'none',
    before_pages: 'pages',
    /** What the round took from the work's pages, and the sum of its slices. */
    charged_pages: 'pages',
    wrote_pages: 'pages',
    moved_inodes: 'count',
  });

export const sliceLists = (reserved: number) =>
  new ColumnLists(
    {
      ts_ns: 'ns',
      seq: 'seq',
      pid: 'id',
      domain: 'none',
      bdi: 'text',
      cgroup: 'text',
      ino: 'id64',
      /** Row of the works, -1 outside of one. */
      work: 'none',
      reason: 'text',
      start_ns: 'ns',
      end_ns: 'ns',
      to_write_pages: 'pages',
      wrote_pages: 'pages',
      /** What the work could still write when the slice began. */
      remaining_pages: 'pages',
      dirtied_when_jiffies: 'jiffies',
      state: 'text',
      state_after: 'text',
    },
    reserved,
  );

export const batchLists = (reserved: number) =>
  new ColumnLists(
    {
      ts_ns: 'ns',
      seq: 'seq',
      /** The worker's batch before, NaN for its first one. */
      since_ns: 'ns',
      pid: 'id',
      written_pages: 'pages',
      charged_pages: 'pages',
      /** Works recorded in it: none where it had nothing to do, or another bdi was not recorded. */
      works: 'count',
      complete: 'none',
    },
    reserved,
  );
