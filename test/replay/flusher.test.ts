/** Works, slices and their laws on mini-traces: held, broken, unpaired, lost. */
import { describe, expect, test } from 'vitest';
import { flusherWorks } from '../../src/derive/flusher-works.ts';
import { observeChunks } from '../../src/replay/chunk-bandwidth.ts';
import { replayWorks } from '../../src/replay/works.ts';
import type { Trace } from '../../src/trace/trace.ts';
import { type EventRow, makeTrace, rowsOf, type TraceFacts } from '../helpers/trace-builder.ts';

/** Slices of the trace against the law of their chunks. */
const checkChunks = (trace: Trace) => observeChunks(trace, flusherWorks(trace.tables)).check();

type Cells = Record<string, number | bigint | string>;
const LONG_MAX = 2n ** 63n - 1n;
const WORKER = 10;

const event = (name: string, ts_ns: number, cells: Cells = {}): EventRow =>
  ({ event: name, ts_ns, pid: WORKER, bdi: '7:0', cgroup_ino: 1n, ...cells }) as EventRow;
const work = (step: string, ts_ns: number, nr_pages: number | bigint, more: Cells = {}): EventRow =>
  event(`writeback_${step}`, ts_ns, {
    sb_dev: 0,
    nr_pages: typeof nr_pages === 'bigint' ? Number(nr_pages) : nr_pages,
    sync_mode: 0,
    for_kupdate: 0,
    range_cyclic: 1,
    for_background: 0,
    reason: 'vmscan',
    ...more,
  });
const slice = (ts_ns: number, to_write: number, wrote: number, more: Cells = {}): EventRow[] => {
  const cells = { ino: 77n, nr_to_write_pages: to_write, state: 'I_SYNC|I_DIRTY_PAGES', ...more };
  return [
    event('writeback_single_inode_start', ts_ns, { ...cells, wrote_pages: 0 }),
    event('writeback_single_inode', ts_ns + 5, { ...cells, wrote_pages: wrote, state: 'I_SYNC' }),
  ];
};
const batch = (ts_ns: number, written_pages: number): EventRow =>
  event('writeback_pages_written', ts_ns, { written_pages });
const state = (ts_ns: number, more: Cells = {}): EventRow =>
  event('global_dirty_state', ts_ns, {
    nr_dirty_pages: 100,
    nr_writeback_pages: 0,
    dirty_thresh_pages: 65_536,
    background_thresh_pages: 32_768,
    dirty_limit_pages: 65_536,
    pid: 1,
    ...more,
  });
const bandwidth = (ts_ns: number, kibps: number): EventRow =>
  event('bdi_dirty_ratelimit', ts_ns, { avg_write_bw_kibps: kibps, pid: 1 });

/** Two rounds: 5000 pages asked for, 2048 and 1024 written. */
const twoRounds = (): EventRow[] => [
  state(10),
  bandwidth(11, 4 * 2100),
  batch(20, 0),
  work('start', 100, 5000),
  event('writeback_queue_io', 101, { older_jiffies: 5, age_ms: 0, moved: 2, reason: 'vmscan' }),
  ...slice(110, 2048, 2048),
  work('written', 120, 2952),
  work('start', 130, 2952),
  ...slice(140, 2048, 1024, { ino: 78n }),
  work('written', 150, 1928),
  batch(160, 3072),
];

const worksOf = (rows: EventRow[], facts?: TraceFacts) =>
  flusherWorks(makeTrace(rows, facts).tables);
const tally = ({ n, exact, unchecked }: { n: number; exact: number; unchecked: number }) =>
  [n, exact, unchecked] as const;

describe('works', () => {
  test('rounds of one work are one row', () => {
    const found = worksOf(twoRounds());
    const columns = ['reason', 'asked_pages', 'written_pages', 'rounds', 'slices', 'moved_inodes'];
    expect(rowsOf(found?.works, columns)).toEqual([
      {
        reason: 'vmscan',
        asked_pages: 5000,
        written_pages: 3072,
        rounds: 2,
        slices: 2,
        moved_inodes: 2,
      },
    ]);
    expect(rowsOf(found?.slices, ['remaining_pages']).map((row) => row.remaining_pages)).toEqual([
      5000, 2952,
    ]);
    expect(found?.diagnostics).toEqual([]);
  });

  test('a queued work knows who asked for it, and when it was taken up', () => {
    const more = { reason: 'sync', sb_dev: 9, pid: 5, comm: 'sync' };
    const found = worksOf([
      work('queue', 50, 300, more),
      work('exec', 90, 300, { ...more, pid: WORKER }),
      work('start', 95, 300, { ...more, pid: WORKER }),
    ]);
    const columns = ['requested_ns', 'requester_pid', 'exec_ns', 'start_ns', 'end_ns'];
    expect(rowsOf(found?.works, columns)).toEqual([
      { requested_ns: 50, requester_pid: 5, exec_ns: 90, start_ns: 95, end_ns: undefined },
    ]);
  });

  test('a background work answers the oldest wake that no empty run answered', () => {
    const background = { for_background: 1, reason: 'background' };
    const wake = (ts_ns: number) => event('writeback_wake_background', ts_ns, { pid: 3 });
    const found = worksOf([
      wake(10),
      batch(20, 0),
      wake(30),
      wake(40),
      work('start', 50, 1000, background),
    ]);
    expect(rowsOf(found?.works, ['requested_ns'])).toEqual([{ requested_ns: 30 }]);
  });

  test('the next work of the same reason is another one after the sum was reported', () => {
    const again = twoRounds().map((row) => ({ ...row, ts_ns: row.ts_ns + 1000 }) as EventRow);
    expect(worksOf([...twoRounds(), ...again])?.works.rows).toBe(2);
  });

  test('halves without their other halves are counted', () => {
    const found = worksOf([
      work('written', 10, 100),
      work('exec', 20, 100),
      ...slice(30, 1024, 5).slice(1),
      ...slice(40, 1024, 5).slice(0, 1),
      ...slice(50, 1024, 5).slice(0, 1),
      work('start', 60, 100),
      work('start', 70, 90),
    ]);
    const places = found?.diagnostics.flatMap((diagnostic) =>
      diagnostic.places.map(({ table, subject }) => [diagnostic.code, table, subject]),
    );
    expect(places).toEqual([
      ['end_without_begin', 'writeback_written', 'a round of a work'],
      ['end_without_begin', 'writeback_exec', 'a work'],
      ['end_without_begin', 'writeback_single_inode', 'the writing of an inode'],
      ['begin_without_end', 'writeback_single_inode_start', 'the writing of an inode'],
      ['begin_without_end', 'writeback_start', 'a round of a work'],
    ]);
  });
});

describe('sums', () => {
  test('rounds and batches add up', () => {
    const { round_pages, pages_written } = replayWorks(makeTrace(twoRounds()));
    expect(tally(round_pages)).toEqual([2, 2, 0]);
    expect(tally(pages_written)).toEqual([1, 1, 0]);
  });

  test('a wrong sum is a miss, a loss is none', () => {
    const rows = [...twoRounds().slice(0, -1), batch(160, 3000)];
    const { pages_written } = replayWorks(makeTrace(rows));
    expect(pages_written.mismatches).toMatchObject([{ recorded: 3000, expected: 3072 }]);
    const losses = [{ cpu: 0, from_ns: 105, ts_ns: 115, count: 3 }];
    const lossy = replayWorks(makeTrace(rows, { losses }));
    expect(tally(lossy.pages_written)).toEqual([0, 0, 1]);
    expect(tally(lossy.round_pages)).toEqual([1, 1, 1]);
  });

  test('a report on works that were not recorded is not checked', () => {
    const first = replayWorks(makeTrace(twoRounds().filter(({ ts_ns }) => ts_ns !== 20)));
    expect(tally(first.pages_written)).toEqual([0, 0, 1]);
    // Recorded with a filter for another device.
    const other = replayWorks(makeTrace([...twoRounds(), batch(200, 18), batch(210, 0)]));
    expect(tally(other.pages_written)).toEqual([1, 1, 1]);
  });

  test('periodic works keep their interval', () => {
    const periodic = (ts_ns: number) =>
      work('start', ts_ns, 10, { for_kupdate: 1, reason: 'periodic' });
    const host = { hz: 250, sysctl: { 'vm.dirty_writeback_centisecs': '500' } };
    const rows = [0, 5e9, 9e9].flatMap((ts) => [periodic(ts), batch(ts + 5, 0)]);
    const { periodic_spacing, periodic: all } = replayWorks(makeTrace(rows, { host }));
    expect(tally(periodic_spacing)).toEqual([2, 1, 0]);
    expect(all).toMatchObject([{ bdi: '7:0', works: 3, shortest_ms: 4000, longest_ms: 5000 }]);
  });
});

describe('slices', () => {
  test('to_write follows from bandwidth, limit and what is left', () => {
    const { to_write, impossible, bandwidth: seen } = checkChunks(makeTrace(twoRounds()));
    expect(tally(to_write)).toEqual([2, 2, 0]);
    expect(impossible).toBe(0);
    expect([...seen.low_pages_per_s]).toEqual([2048, 2048]);
    expect([...seen.high_pages_per_s]).toEqual([4095, 4095]);
    const own = { bdi: '7:0', cgroup: '1' };
    expect(Array.from(seen.domain, (domain) => seen.domains[domain])).toEqual([own, own]);
  });

  test('a bandwidth updated in between is said to be the cause', () => {
    const rows = [...twoRounds(), bandwidth(170, 4 * 9000)];
    const wide = rows.map((row) =>
      row.ts_ns === 140 ? ({ ...row, nr_to_write_pages: 3072 } as EventRow) : row,
    );
    const { to_write } = checkChunks(makeTrace(wide));
    expect([to_write.exact, to_write.causes]).toEqual([1, { 'hidden-update': 1 }]);
  });

  test('a bandwidth carried forward over such an update explains the slice', () => {
    const wide = twoRounds().map((row) =>
      row.ts_ns === 140 ? ({ ...row, nr_to_write_pages: 3072 } as EventRow) : row,
    );
    const trace = makeTrace(wide);
    const checked = (carried: number[]) =>
      tally(observeChunks(trace, flusherWorks(trace.tables)).check(carried).to_write);
    expect(checked([Number.NaN, Number.NaN])).toEqual([2, 1, 0]);
    expect(checked([3000, 5000])).toEqual([2, 2, 0]);
    expect(checked([5000, 3000])).toEqual([2, 0, 0]);
  });

  test('no bandwidth gives a slice that is no multiple', () => {
    const odd = twoRounds().map((row) =>
      row.ts_ns === 110 ? ({ ...row, nr_to_write_pages: 2000 } as EventRow) : row,
    );
    expect(checkChunks(makeTrace(odd)).impossible).toBe(1);
  });

  test('works for one file system, and those that wait, are not limited', () => {
    const rows = twoRounds().map((row) =>
      'sb_dev' in row ? ({ ...row, sb_dev: 9 } as EventRow) : row,
    );
    const all = rows.map((row) =>
      'nr_to_write_pages' in row
        ? ({ ...row, nr_to_write_pages: Number(LONG_MAX) } as EventRow)
        : row,
    );
    expect(tally(checkChunks(makeTrace(all)).to_write)).toEqual([2, 2, 0]);
  });

  test('without a work, a limit or a bandwidth nothing is checked', () => {
    const without = (name: string) => twoRounds().filter((row) => row.event !== name);
    const because = (rows: EventRow[]) => checkChunks(makeTrace(rows)).to_write.unchecked_because;
    expect(because(without('writeback_start'))).toEqual({ 'outside-work': 2 });
    expect(because(without('global_dirty_state'))).toEqual({ 'not-recorded': 2 });
    expect(because(without('bdi_dirty_ratelimit'))).toEqual({ 'no-bandwidth': 2 });
  });
});

describe('inodes that expired', () => {
  const dirtied = (ts_ns: number, ino: bigint, when: number): EventRow[] => [
    event('writeback_mark_inode_dirty', ts_ns, { ino, state: '', flags: 'I_DIRTY_PAGES', pid: 4 }),
    {
      event: 'writeback_dirty_inode_enqueue',
      ts_ns: ts_ns + 1,
      pid: 4,
      ino,
      dirtied_when_jiffies: when,
      state: 'I_DIRTY_PAGES',
    } as EventRow,
  ];
  const queueIo = (ts_ns: number, older_jiffies: number, moved: number) =>
    event('writeback_queue_io', ts_ns, {
      older_jiffies,
      age_ms: 30_000,
      moved,
      reason: 'periodic',
    });
  const rows = (first: number, second: number) => [
    ...dirtied(10, 1n, 100),
    ...dirtied(20, 2n, 200),
    ...dirtied(30, 3n, 900),
    queueIo(40, 250, first),
    ...slice(50, 1024, 1, { ino: 1n }),
    ...dirtied(60, 1n, 950),
    queueIo(70, 1000, second),
  ];

  test('those dirtied early enough are moved, once', () => {
    const { expired, expire_ms } = replayWorks(makeTrace(rows(2, 2)));
    expect(tally(expired?.periodic ?? { n: 0, exact: 0, unchecked: 0 })).toEqual([2, 2, 0]);
    expect(expire_ms).toEqual([{ ts_ns: 40, expire_ms: 30_000 }]);
  });

  test('fewer are a miss, more may be from before the trace', () => {
    const { expired } = replayWorks(makeTrace(rows(1, 3)));
    expect(expired?.periodic).toMatchObject({ n: 1, exact: 0, unchecked: 1 });
  });
});

test('a stretch above the background threshold says what the flusher did', () => {
  const dirty = (ts_ns: number, pages: number) => state(ts_ns, { nr_dirty_pages: pages });
  const background = { for_background: 1, reason: 'background' };
  const trace = makeTrace([
    event('writeback_dirty_folio', 5, { ino: 1n, index: 0, pid: 4 }),
    dirty(10, 40_000),
    event('writeback_wake_background', 12, { pid: 4 }),
    dirty(20, 41_000),
    work('start', 30, 2 ** 63, background),
    work('written', 60, 2 ** 63, background),
    dirty(70, 100),
  ]);
  const { over_background } = replayWorks(trace);
  const columns = ['ts_ns', 'end_ns', 'bdi', 'largest_excess_pages', 'background_ns', 'idle_ns'];
  expect(rowsOf(over_background, [...columns, 'woken_ns', 'started_ns', 'open'])).toEqual([
    {
      ts_ns: 10,
      end_ns: 70,
      bdi: '7:0',
      largest_excess_pages: 8_232,
      background_ns: 30,
      idle_ns: 30,
      woken_ns: 12,
      started_ns: 30,
      open: 0,
    },
  ]);
});
