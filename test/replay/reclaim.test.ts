/** Reclaim: episodes, waits, and the works that it woke, on mini-traces. */
import { describe, expect, test } from 'vitest';
import { reclaimActivity } from '../../src/replay/reclaim.ts';
import { type EventRow, makeTrace, rowsOf } from '../helpers/trace-builder.ts';

type Cells = Record<string, number | bigint | string>;

const vm = (name: string, ts_ns: number, cells: Cells = {}): EventRow =>
  ({ event: `mm_vmscan_${name}`, ts_ns, pid: 7, comm: 'writer', ...cells }) as EventRow;
const begin = (ts_ns: number, kind = 'direct', more: Cells = {}) =>
  vm(`${kind}_reclaim_begin`, ts_ns, { order: 0, gfp_flags: 'GFP_NOFS', ...more });
const end = (ts_ns: number, nr_reclaimed_pages: number, kind = 'direct', more: Cells = {}) =>
  vm(`${kind}_reclaim_end`, ts_ns, { nr_reclaimed_pages, ...more });
const isolate = (ts_ns: number, nr_taken_pages: number, more: Cells = {}) =>
  vm('lru_isolate', ts_ns, { nr_taken_pages, ...more });
const shrink = (ts_ns: number, more: Cells = {}) =>
  vm('lru_shrink_inactive', ts_ns, {
    nr_scanned_pages: 64,
    nr_reclaimed_pages: 10,
    nr_dirty_pages: 0,
    nr_writeback_pages: 0,
    nr_congested_pages: 0,
    nr_immediate_pages: 0,
    priority: 12,
    ...more,
  });
const throttled = (ts_ns: number, usec_delayed_us: number) =>
  vm('throttled', ts_ns, {
    usec_timeout_us: 100_000,
    usec_delayed_us,
    reason: 'VMSCAN_THROTTLE_WRITEBACK',
  });
const woken = (ts_ns: number, more: Cells = {}): EventRow => ({
  event: 'writeback_start',
  ts_ns,
  pid: 40,
  bdi: '7:0',
  sb_dev: 0,
  nr_pages: 500,
  sync_mode: 0,
  for_kupdate: 0,
  for_background: 0,
  range_cyclic: 1,
  reason: 'vmscan',
  ...more,
});
const activity = (rows: EventRow[]) => reclaimActivity(makeTrace(rows));

describe('episodes', () => {
  test('hold what their task found', () => {
    const { found } = activity([
      begin(10),
      isolate(11, 64),
      shrink(12, { nr_dirty_pages: 40, nr_writeback_pages: 30 }),
      shrink(13, { priority: 9, pid: 8 }),
      throttled(14, 8_000),
      shrink(15, { priority: 11 }),
      end(20, 21),
    ]);
    const columns = ['kind', 'end_ns', 'batches', 'scanned_pages', 'reclaimed_pages'];
    const more = ['dirty_pages', 'writeback_pages', 'lowest_priority', 'throttled_us'];
    expect(rowsOf(found?.episodes, [...columns, ...more, 'nr_reclaimed_pages'])).toEqual([
      {
        kind: 'direct',
        end_ns: 20,
        batches: 2,
        scanned_pages: 128,
        reclaimed_pages: 20,
        dirty_pages: 40,
        writeback_pages: 30,
        lowest_priority: 11,
        throttled_us: 8_000,
        nr_reclaimed_pages: 21,
      },
    ]);
    expect(found?.outside.batches).toBe(1);
  });

  test('of kswapd begin with a wake and end with its last event', () => {
    const { found } = activity([
      vm('kswapd_wake', 10, { nid: 0, order: 0 }),
      shrink(20),
      vm('kswapd_wake', 30, { nid: 0, order: 3 }),
      shrink(40),
      vm('kswapd_sleep', 90, { nid: 0 }),
      shrink(95),
    ]);
    expect(rowsOf(found?.episodes, ['ts_ns', 'end_ns', 'order'])).toEqual([
      { ts_ns: 10, end_ns: 20, order: 0 },
      { ts_ns: 30, end_ns: 40, order: 3 },
    ]);
    expect(rowsOf(found?.kswapd, ['ts_ns', 'end_ns', 'passes'])).toEqual([
      { ts_ns: 10, end_ns: 90, passes: 2 },
    ]);
  });

  test('nest, and what has no partner is counted', () => {
    const { found, diagnostics } = activity([
      begin(10),
      begin(11, 'memcg_softlimit'),
      shrink(12),
      end(13, 5, 'memcg_softlimit'),
      shrink(14),
      begin(15),
      end(16, 0, 'memcg'),
    ]);
    const batches = rowsOf(found?.episodes, ['kind', 'batches', 'end_ns']);
    expect(batches).toEqual([
      { kind: 'direct', batches: 1, end_ns: undefined },
      { kind: 'memcg_softlimit', batches: 1, end_ns: 13 },
      { kind: 'direct', batches: 0, end_ns: undefined },
    ]);
    expect(diagnostics).toMatchObject([
      { code: 'begin_without_end', count: 1, places: [{ ts_ns: 15, subject: 'reclaim' }] },
      { code: 'end_without_begin', count: 1, places: [{ ts_ns: 16 }] },
    ]);
  });
});

describe('flushers that reclaim woke', () => {
  const unqueued = [isolate(10, 32), shrink(30, { nr_dirty_pages: 32 })];

  test('are explained by a batch of nothing but unqueued dirty pages', () => {
    const { wakes, wake } = activity([...unqueued, woken(20)]);
    expect([wake.n, wake.exact]).toEqual([1, 1]);
    expect(rowsOf(wakes, ['bdi', 'comm', 'taken_pages', 'latency_us'])).toEqual([
      { bdi: '7:0', comm: 'writer', taken_pages: 32, latency_us: 0.01 },
    ]);
  });

  test('are a miss without one', () => {
    const partly = [isolate(10, 32), shrink(30, { nr_dirty_pages: 32, nr_writeback_pages: 1 })];
    const { wake, wakes } = activity([...partly, woken(20)]);
    expect([wake.n, wake.exact]).toEqual([1, 0]);
    expect(rowsOf(wakes, ['comm'])).toEqual([{ comm: '' }]);
    // One batch asks each bdi once.
    expect(activity([...unqueued, woken(20), woken(25)]).wake.exact).toBe(1);
  });

  test('cannot be checked where batches were not recorded, or by another rule', () => {
    expect(activity([woken(20)]).wake.unchecked_because).toEqual({ 'not-recorded': 1 });
    const older = activity([...unqueued, woken(20, { reason: 'try_to_free_pages' })]);
    expect(older.wake.unchecked_because).toEqual({ 'not-recorded': 1 });
  });
});

test('waits are summed by reason, those of old kernels by event', () => {
  const wait = (event: string): EventRow => ({
    event,
    ts_ns: 30,
    usec_timeout_us: 100_000,
    usec_delayed_us: 100_000,
  });
  const { throttles } = activity([
    throttled(10, 8_000),
    throttled(20, 100_000),
    wait('writeback_congestion_wait'),
  ]);
  expect(throttles).toEqual([
    {
      reason: 'VMSCAN_THROTTLE_WRITEBACK',
      waits: 2,
      asked_us: 200_000,
      delayed_us: 108_000,
      longest_us: 100_000,
      early: 1,
      tasks: 1,
    },
    {
      reason: 'congestion_wait',
      waits: 1,
      asked_us: 100_000,
      delayed_us: 100_000,
      longest_us: 100_000,
      early: 0,
      tasks: 1,
    },
  ]);
});
