/** Readings lack what CPUs keep to themselves: from the events' own CPUs, until these are idle. */
import { describe, expect, test } from 'vitest';
import { KeptPages, keptPages } from '../../../src/replay/history/kept.ts';
import { replayHistory } from '../../../src/replay/history/replay-history.ts';
import { asPages } from '../../../src/trace/units.ts';
import { type EventRow, makeTrace } from '../../helpers/trace-builder.ts';

const US = 1000;
const MS = 1000 * US;
const ZONEINFO = 'Node 0, zone   Normal\n  vm stats threshold: 36\n';

describe('pages kept', () => {
  test('are folded when their CPU is silent', () => {
    const kept = new KeptPages(36, 2);
    kept.begin(0);
    kept.seen(0, 10 * US);
    kept.add(0, 0, 20, 1);
    // Three quarters of it are expected.
    expect(kept.of(0, 20 * US)).toBe(15);
    expect(kept.of(0, 1 * MS)).toBe(0);
  });

  test('of one CPU are not folded by the other', () => {
    const kept = new KeptPages(36, 2);
    kept.begin(0);
    for (const cpu of [0, 1]) {
      kept.seen(cpu, 10 * US);
      kept.add(cpu, 0, 8, 1);
    }
    kept.seen(0, 250 * US);
    expect(kept.of(0, 400 * US)).toBe(6);
  });

  test('are told only with a known threshold and one node', () => {
    const drift = { threshold_pages: asPages(36), cpus: 2 };
    const one = asPages(72);
    expect(keptPages({ ...drift, bound_pages: one, because: 'zoneinfo' })).toBeDefined();
    expect(keptPages({ ...drift, bound_pages: one, because: 'memory-size' })).toBeUndefined();
    expect(keptPages({ ...drift, bound_pages: asPages(144), because: 'zoneinfo' })).toBeUndefined();
  });
});

test('a reading is predicted without what was dirtied just before it', () => {
  const sample = (ts_ns: number, nr_dirty_pages: number): EventRow => ({
    event: 'global_dirty_state',
    ts_ns,
    nr_dirty_pages,
    nr_writeback_pages: 0,
    nr_dirtied_pages: nr_dirty_pages,
    nr_written_pages: 0,
  });
  const dirty = (index: number): EventRow => ({
    event: 'writeback_dirty_folio',
    ts_ns: 10 * MS + index * US,
    bdi: '7:0',
    ino: 9n,
    index,
  });
  const rows = [sample(0, 100), ...Array.from({ length: 50 }, (_, index) => dirty(index))];
  rows.push(sample(10 * MS + 60 * US, 140), sample(20 * MS, 150), sample(30 * MS, 150));
  const trace = makeTrace(rows, { cpus: 1, host: { cpus: 1, zoneinfo: ZONEINFO } });
  // 37 pages went to the shared sum at once; of 13 kept until the CPU is idle, 10 are expected.
  const found = replayHistory(trace);
  expect([...(found?.traced.predicted.nr_dirtied ?? [])]).toEqual([100, 140, 150, 150]);
  // Readings off by the bound and nothing else would be off by so much of the growth.
  const wape_floor = (3 * 36) / (40 + 50 + 50);
  expect(found?.fits.nr_dirtied).toMatchObject({ n: 3, wape: 0, wape_floor });
});
