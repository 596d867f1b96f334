/** How much of what a completion ends is still under writeback when somebody reads the counters. */
import { describe, expect, test } from 'vitest';
import { Flight } from '../../../src/replay/history/flight.ts';
import { Inode } from '../../../src/replay/history/inodes.ts';
import { replayHistory } from '../../../src/replay/history/replay-history.ts';
import { type EventRow, makeTrace } from '../../helpers/trace-builder.ts';

const US = 1000;
const LOOP = 7 * 2 ** 20;

describe('pages of a completion', () => {
  test('end folio by folio some time after the event', () => {
    const flight = new Flight();
    flight.noteEnding({ pages: 1000, folios: 200 }, 0);
    expect(flight.ending(30 * US)).toEqual({ at_most: 1000, expected: 1000 });
    // 200 × 0.2 µs + 1000 × 0.08 µs
    expect(flight.ending(90 * US)).toEqual({ at_most: 1000, expected: 500 });
    expect(flight.ending(200 * US)).toEqual({ at_most: 1000, expected: 0 });
    expect(flight.ending(2000 * US)).toEqual({ at_most: 0, expected: 0 });
  });

  test('end sooner in large folios', () => {
    const flight = new Flight();
    flight.noteEnding({ pages: 1000, folios: 1000 }, 0);
    const single = flight.ending(80 * US).expected;
    const large = new Flight();
    large.noteEnding({ pages: 1000, folios: 10 }, 0);
    expect(large.ending(80 * US).expected).toBeLessThan(single);
  });

  test('are not over before the event that says so, which is the end of them', () => {
    const flight = new Flight();
    const inode = new Inode(0, LOOP, 9);
    flight.noteEnding({ pages: 1000, folios: 10, inode, last: inode }, 0);
    expect(flight.ending(900 * US).expected).toBe(500);
    flight.noteCleared(new Inode(1, LOOP, 10));
    expect(flight.ending(901 * US).at_most).toBe(1000);
    flight.noteCleared(inode);
    expect(flight.ending(902 * US)).toEqual({ at_most: 0, expected: 0 });
  });

  test('need no such event once more of the inode is under writeback', () => {
    const flight = new Flight();
    const inode = new Inode(0, LOOP, 9);
    flight.noteEnding({ pages: 1000, folios: 10, inode, last: inode }, 0);
    inode.starts++;
    expect(flight.ending(900 * US)).toEqual({ at_most: 1000, expected: 0 });
  });

  test('that the task itself ends are not waited for', () => {
    const flight = new Flight();
    flight.noteEnding({ pages: 100, folios: 100, isDirect: true }, 0);
    expect(flight.ending(14 * US)).toEqual({ at_most: 100, expected: 50 });
    expect(flight.ending(50 * US)).toEqual({ at_most: 0, expected: 0 });
  });
});

test('an inode is free of writeback when its event comes, and not before', () => {
  const own = { dev: LOOP, ino: 9n };
  const state = (dirty: number, writeback: number, written: number) => ({
    event: 'global_dirty_state',
    pid: 1,
    nr_dirty_pages: dirty,
    nr_writeback_pages: writeback,
    nr_dirtied_pages: 64,
    nr_written_pages: written,
  });
  const bio = { dev: LOOP, sector: 800, nr_sectors: 512, rwbs: 'W', pid: 3, comm: 'kworker/u8:1' };
  const rows = [
    { event: 'mm_filemap_add_to_page_cache', pid: 1, ...own, index: 0, order: 6 },
    { event: 'writeback_dirty_folio', pid: 1, bdi: '7:0', ino: 9n, index: 0 },
    state(64, 0, 0),
    { event: 'ext4_writepages', pid: 3, ...own, nr_to_write_pages: 100 },
    { event: 'block_bio_queue', ...bio },
    { event: 'ext4_writepages_result', pid: 3, ...own, pages_written_pages: 64 },
    { event: 'block_rq_complete', ...bio, comm: 'swapper' },
    state(0, 64, 0),
    { event: 'sb_clear_inode_writeback', pid: 4, ...own },
    state(0, 0, 64),
  ];
  // 100 µs apart: by then a folio has long ended, usually.
  const timed = rows.map((row, at): EventRow => ({ ...row, ts_ns: (at + 1) * 100 * US }));
  const host = { zoneinfo: 'Node 0, zone Normal\n  vm stats threshold: 0\n' };
  const found = replayHistory(makeTrace(timed, { cpus: 1, host }));
  expect([...(found?.traced.predicted.nr_writeback ?? [])]).toEqual([0, 32, 0]);
  expect([...(found?.traced.predicted.nr_written ?? [])]).toEqual([0, 32, 64]);
});
