/** Own time, episodes, percentiles, totals: what holds for any stalls. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { episodesOf } from '../../src/derive/stalls/episodes.ts';
import { shareTime } from '../../src/derive/stalls/own-time.ts';
import { quantile, spreadOf } from '../../src/derive/stalls/spread.ts';
import type { Draft } from '../../src/derive/stalls/stall.ts';
import { placeTotals, taskTotals } from '../../src/derive/stalls/totals.ts';
import { findStalls, isKernelThread, STALL_PLACES } from '../../src/derive/stalls.ts';
import { makeTrace } from '../helpers/trace-builder.ts';

const MS = 1e6;

function draft(fields: Partial<Draft>): Draft {
  return {
    ...{ place: 'sync', event: 'fsync', reason: undefined, pid: 1, comm: 'app', cgroup: undefined },
    ...{ bdi: undefined, dev: undefined, ino: undefined, start_ns: 0, duration_ns: 0, own_ns: 0 },
    ...{ asked_ns: undefined, open: false, begun_before: false, end: 'recorded', seq: 0, cpu: 0 },
    ...{ certainty: 'certain', across_loss: false, joins_within_ns: 0, evidence: [] },
    ...fields,
  };
}

const drafts = fc.array(
  fc
    .record({
      pid: fc.integer({ min: 1, max: 3 }),
      place: fc.constantFrom(...STALL_PLACES),
      start_ns: fc.integer({ min: -50, max: 1000 }),
      duration_ns: fc.integer({ min: 0, max: 400 }),
      joins_within_ns: fc.integer({ min: 0, max: 30 }),
    })
    .map(draft),
  { maxLength: 40 },
);

/** Length of the union, moment by moment. */
function covered(stalls: readonly Draft[]): number {
  const moments = new Set<number>();
  for (const { start_ns, duration_ns } of stalls) {
    for (let at = start_ns; at < start_ns + duration_ns; at++) moments.add(at);
  }
  return moments.size;
}

describe('own time', () => {
  test('of all stalls of a task is the time in which any of them was open', () => {
    fc.assert(
      fc.property(drafts, (stalls) => {
        shareTime(stalls);
        for (const pid of [1, 2, 3]) {
          const own = stalls.filter((stall) => stall.pid === pid);
          expect(own.reduce((sum, { own_ns }) => sum + own_ns, 0)).toBe(covered(own));
        }
        for (const { own_ns, duration_ns } of stalls) {
          expect(own_ns).toBeGreaterThanOrEqual(0);
          expect(own_ns).toBeLessThanOrEqual(duration_ns);
        }
      }),
    );
  });

  test('belongs to the innermost, which also names the device', () => {
    const outer = draft({ start_ns: 0, duration_ns: 1000 });
    const brief = draft({ start_ns: 10, duration_ns: 5, bdi: '8:0', place: 'folio-writeback' });
    const inner = draft({ start_ns: 100, duration_ns: 800, bdi: '7:0', place: 'folio-writeback' });
    shareTime([inner, outer, brief]);
    expect([outer, brief, inner].map(({ own_ns }) => own_ns)).toEqual([195, 5, 800]);
    expect(outer.bdi).toBe('7:0');
  });

  test('a hundredth of a wait names nothing', () => {
    const outer = draft({ start_ns: 0, duration_ns: 1000 });
    shareTime([outer, draft({ start_ns: 10, duration_ns: 5, bdi: '8:0' })]);
    expect(outer.bdi).toBeUndefined();
  });

  test('of a capture never exceeds the time of its tasks', () => {
    const row = fc.record({
      event: fc.constantFrom(
        ...['sys_enter_fsync', 'sys_exit_fsync', 'ext4_sync_file_enter', 'ext4_sync_file_exit'],
        ...['mm_vmscan_direct_reclaim_begin', 'mm_vmscan_direct_reclaim_end'],
        ...['folio_wait_writeback', 'balance_dirty_pages', 'jbd2_start_commit', 'jbd2_end_commit'],
      ),
      ts_ns: fc.integer({ min: 0, max: 1000 }).map((ms) => ms * MS),
      pid: fc.integer({ min: 1, max: 2 }),
      cpu: fc.integer({ min: 0, max: 1 }),
      ino: fc.bigInt({ min: 1n, max: 2n }),
      index: fc.integer({ min: 0, max: 2 }),
      bdi: fc.constant('7:0'),
      pause_ms: fc.integer({ min: -5, max: 200 }),
    });
    const loss = fc.record({
      cpu: fc.integer({ min: 0, max: 1 }),
      from_ns: fc.integer({ min: 0, max: 500 }).map((ms) => ms * MS),
      ts_ns: fc.integer({ min: 500, max: 1000 }).map((ms) => ms * MS),
      count: fc.constant(1),
    });
    fc.assert(
      fc.property(
        fc.array(row, { maxLength: 60 }),
        fc.array(loss, { maxLength: 2 }),
        (rows, losses) => {
          const { tables, meta } = makeTrace(rows);
          const end_ns = meta.duration_ns;
          const stalls = findStalls(tables, { hz: 250, end_ns, losses });
          for (const { lost_ns } of taskTotals(stalls, episodesOf(stalls))) {
            expect(lost_ns).toBeLessThanOrEqual(end_ns);
          }
          for (const { start_ns, duration_ns } of stalls) {
            expect(duration_ns).toBeGreaterThanOrEqual(0);
            expect(start_ns).toBeGreaterThanOrEqual(0);
            expect(start_ns + duration_ns).toBeLessThanOrEqual(end_ns);
          }
        },
      ),
    );
  });
});

describe('episodes', () => {
  test('have all stalls once, none overlapping in a task, the longest first', () => {
    fc.assert(
      fc.property(drafts, (stalls) => {
        shareTime(stalls);
        const episodes = episodesOf(stalls);
        expect(episodes.reduce((sum, one) => sum + one.stalls, 0)).toBe(stalls.length);
        const waited = episodes.reduce((sum, { waited_ns }) => sum + waited_ns, 0);
        expect(waited).toBe(stalls.reduce((sum, { own_ns }) => sum + own_ns, 0));
        for (const pid of [1, 2, 3]) {
          const own = episodes
            .filter((one) => one.pid === pid)
            .sort((left, right) => left.start_ns - right.start_ns);
          own.slice(1).forEach((one, at) => {
            const before = own[at];
            const end_ns = (before?.start_ns ?? 0) + (before?.duration_ns ?? 0);
            expect(one.start_ns).toBeGreaterThanOrEqual(end_ns);
          });
        }
      }),
    );
  });

  test('pauses join while the task only dirties its allowance', () => {
    const pause = (ms: number, pause_ms: number, period_ms: number) => ({
      event: 'balance_dirty_pages',
      ts_ns: ms * MS,
      bdi: '7:0',
      pause_ms,
      period_ms,
    });
    // 20 ms of work within a period of 40 ms; then 100 ms, longer than period and tick together.
    const rows = [pause(0, 20, 40), pause(40, 20, 40), pause(160, 20, 40), pause(200, 0, 40)];
    const { tables, meta } = makeTrace(rows);
    const stalls = findStalls(tables, { hz: 250, end_ns: meta.duration_ns });
    expect(episodesOf(stalls)).toMatchObject([
      { start_ns: 0, duration_ns: 64 * MS, waited_ns: 48 * MS, stalls: 2, joined: 1 },
      { start_ns: 160 * MS, duration_ns: 24 * MS, stalls: 1, joined: 0, joined_by: undefined },
    ]);
    expect(episodesOf(stalls)[0]?.joined_by).toBe('allowance');
  });
});

describe('spread', () => {
  test('percentiles lie between the nearest ranks, buckets hold everything once', () => {
    const spread = spreadOf(Float64Array.of(4, 60, 1, 3, 2).map((ms) => ms * MS));
    expect(spread).toMatchObject({ count: 5, min_ns: MS, max_ns: 60 * MS, mean_ns: 14 * MS });
    expect(spread.percentiles_ns[4]).toBe(3 * MS);
    expect(spread.buckets).toEqual([4, 0, 0, 0, 1, 0, 0, 0, 0]);
    expect(quantile(Float64Array.of(0, 10), 0.25)).toBe(2.5);
    expect(spreadOf(new Float64Array()).percentiles_ns).toEqual(new Array(9).fill(0));
  });

  test('a bucket begins at its bound', () => {
    const bounds = Float64Array.of(0, 5, 10, 20, 50, 100, 500, 1000, 5000).map((ms) => ms * MS);
    expect(spreadOf(bounds).buckets).toEqual(new Array(9).fill(1));
  });
});

describe('totals', () => {
  test('threads of the kernel are told from tasks', () => {
    const names = ['kworker/u8:2', 'kswapd0', 'jbd2/sda1-8', 'flush-8:0', 'loop0', '<idle>'];
    expect(names.filter((name) => !isKernelThread(name))).toEqual([]);
    const tasks = ['fio', 'kworkers', 'loops', 'ksh', 'journald', 'btrfs', '<...>'];
    expect(tasks.filter(isKernelThread)).toEqual([]);
  });

  test('places list tasks first, by own time', () => {
    const stalls = [
      draft({ comm: 'kworker/0:1', pid: 9, duration_ns: 900, place: 'reclaim' }),
      draft({ duration_ns: 100 }),
      draft({ start_ns: 10, duration_ns: 80, place: 'folio-writeback' }),
    ];
    shareTime(stalls);
    expect(placeTotals(stalls).map(({ place, by, own_ns }) => [place, by, own_ns])).toEqual([
      ['folio-writeback', 'tasks', 80],
      ['sync', 'tasks', 20],
      ['reclaim', 'kernel-threads', 900],
    ]);
    expect(taskTotals(stalls, episodesOf(stalls))[0]).toMatchObject({
      ...{ pid: 1, lost_ns: 100, place: 'sync', mostly: 'folio-writeback', longest_ns: 100 },
    });
  });
});
