/** Readings lack what CPUs keep to themselves: from the events' own CPUs, until these are idle. */
import { describe, expect, test } from 'vitest';
import { cpuEvent, KeptPages, keptPages } from '../../../src/replay/history/kept.ts';
import { replayHistory } from '../../../src/replay/history/replay-history.ts';
import { asPages } from '../../../src/trace/units.ts';
import { type EventRow, makeTrace } from '../../helpers/trace-builder.ts';

const US = 1000;
const MS = 1000 * US;
const ZONEINFO = 'Node 0, zone   Normal\n  vm stats threshold: 36\n';

const TASK = 7;
const IDLE = 0;
const USUAL = cpuEvent('writeback_single_inode');
const IN_CALL = cpuEvent('block_bio_queue');
const SENT = cpuEvent('fuse_request_send');
const ANSWERED = cpuEvent('fuse_request_end');

describe('pages kept', () => {
  const afterEvent = () => {
    const kept = new KeptPages(36, 2);
    kept.begin(0);
    for (const cpu of [0, 1]) {
      kept.seen(cpu, 10 * US, TASK, USUAL);
      kept.add(cpu, 0, 8, 1);
      kept.add(cpu, 1, 8, 1);
    }
    return kept;
  };

  test('are added when their CPU is silent, all of them by what is dirtied', () => {
    const kept = afterEvent();
    expect(kept.of(0, 20 * US)).toBe(16);
    // Workers end writeback somewhere: three quarters are expected.
    expect(kept.of(1, 20 * US)).toBe(12);
    expect(kept.of(0, 1 * MS)).toBe(0);
  });

  test('of one CPU are not added by the other', () => {
    const kept = afterEvent();
    kept.seen(0, 450 * US, TASK, IN_CALL);
    expect(kept.of(0, 600 * US)).toBe(8);
  });

  test('are added when the CPU is found idle, however soon', () => {
    const kept = afterEvent();
    kept.seen(1, 20 * US, IDLE, IN_CALL);
    expect(kept.of(0, 20 * US)).toBe(8);
    // What an interrupt adds stays, until a task may have run.
    kept.add(1, 0, 4, 1);
    kept.seen(1, 900 * US, IDLE, IN_CALL);
    kept.seen(0, 900 * US, TASK, IN_CALL);
    expect(kept.of(0, 900 * US)).toBe(4);
    kept.seen(1, 5 * MS, TASK, IN_CALL);
    expect(kept.of(0, 5 * MS)).toBe(0);
  });

  test('stay longer inside of a call, and shorter after the last one', () => {
    expect(IN_CALL.idle_ns).toBeGreaterThan(USUAL.idle_ns);
    expect(cpuEvent('writeback_pages_written').idle_ns).toBeLessThan(USUAL.idle_ns);
  });

  test.each([
    ['a task waited for an answer', SENT, TASK, USUAL, 0],
    ['a server waited for a request', ANSWERED, TASK, ANSWERED, 0],
    ['but not while it serves one', ANSWERED, TASK, USUAL, 8],
    ['nor when another task goes on', SENT, TASK + 1, USUAL, 8],
  ])('are added when %s', (_, before, pid, after, left) => {
    const kept = new KeptPages(36, 1);
    kept.begin(0);
    kept.seen(0, 10 * US, TASK, before);
    kept.add(0, 0, 8, 1);
    kept.seen(0, 60 * US, pid, after);
    expect(kept.of(0, 60 * US)).toBe(left);
  });

  test('are told only with a known threshold and one node', () => {
    const drift = { threshold_pages: asPages(36), cpus: 2 };
    const one = asPages(72);
    expect(keptPages({ ...drift, bound_pages: one, because: 'zoneinfo' })).toBeDefined();
    expect(keptPages({ ...drift, bound_pages: one, because: 'memory-size' })).toBeUndefined();
    expect(keptPages({ ...drift, bound_pages: asPages(144), because: 'zoneinfo' })).toBeUndefined();
  });
});

describe('a reading is predicted without what was dirtied just before it', () => {
  const sample = (ts_ns: number, nr_dirty_pages: number): EventRow => ({
    event: 'global_dirty_state',
    ts_ns,
    pid: TASK,
    nr_dirty_pages,
    nr_writeback_pages: 0,
    nr_dirtied_pages: nr_dirty_pages,
    nr_written_pages: 0,
  });
  const dirty = (index: number): EventRow => ({
    event: 'writeback_dirty_folio',
    ts_ns: 10 * MS + index * US,
    pid: TASK,
    bdi: '7:0',
    ino: 9n,
    index,
  });
  const rows = [
    sample(0, 100),
    ...Array.from({ length: 50 }, (_, index) => dirty(index)),
    sample(10 * MS + 60 * US, 137),
  ];
  const replay = (all: readonly EventRow[]) =>
    replayHistory(makeTrace(all, { cpus: 1, host: { cpus: 1, zoneinfo: ZONEINFO } }));

  test('until the CPU is silent', () => {
    // 37 pages went to the shared sum at once, 13 when the CPU was idle.
    const found = replay([...rows, sample(20 * MS, 150), sample(30 * MS, 150)]);
    expect([...(found?.traced.predicted.nr_dirtied ?? [])]).toEqual([100, 137, 150, 150]);
    // Readings off by the bound and nothing else would be off by so much of the growth.
    const wape_floor = (3 * 36) / (37 + 50 + 50);
    expect(found?.fits.nr_dirtied).toMatchObject({ n: 3, wape: 0, wape_floor });
  });

  const change = (ts_ns: number, prev_pid: number, next_pid: number): EventRow => ({
    event: 'sched_switch',
    ts_ns,
    pid: prev_pid,
    prev_pid,
    next_pid,
    prev_state: 'S',
  });

  test('until it goes idle, where switches are recorded', () => {
    // That the idle CPU runs a task again is not always recorded.
    const idle = [change(31 * MS, TASK, IDLE), change(31.5 * MS, TASK, IDLE)];
    const last = [sample(30 * MS, 137), ...idle, sample(32 * MS, 150)];
    const found = replay([change(-MS, IDLE, TASK), ...rows, ...last]);
    expect([...(found?.traced.predicted.nr_dirtied ?? [])]).toEqual([100, 137, 137, 150]);
  });

  test('but not where some switches are missing', () => {
    const filtered = [change(12 * MS, 3, 4), change(13 * MS, TASK, IDLE), sample(30 * MS, 150)];
    const found = replay([change(-MS, IDLE, TASK), ...rows, ...filtered]);
    expect([...(found?.traced.predicted.nr_dirtied ?? [])]).toEqual([100, 137, 150]);
  });
});
