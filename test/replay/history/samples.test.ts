/** Where predictions start, which samples they are compared with, and how far these may be off. */
import { describe, expect, test } from 'vitest';
import { replayHistory } from '../../../src/replay/history/replay-history.ts';
import { NS_PER_US } from '../../../src/trace/time.ts';
import { type EventRow, makeTrace, type TraceFacts } from '../../helpers/trace-builder.ts';

const MS = 1_000_000;
const sample = (ts_ns: number, dirtied: number, more: Record<string, number> = {}): EventRow => ({
  event: 'global_dirty_state',
  ts_ns,
  nr_dirty_pages: dirtied,
  nr_writeback_pages: 0,
  nr_dirtied_pages: dirtied,
  nr_written_pages: 0,
  ...more,
});
const dirty = (ts_ns: number, index: number, more: Partial<EventRow> = {}): EventRow =>
  ({ event: 'writeback_dirty_folio', ts_ns, bdi: '7:0', ino: 9n, index, ...more }) as EventRow;
const add = (index: number, order: number): EventRow => ({
  event: 'mm_filemap_add_to_page_cache',
  ts_ns: 0,
  dev: 7 * 2 ** 20,
  ino: 9n,
  index,
  order,
});
/** A folio that moves enough pages for the comparison to begin. */
const LARGE = 6;
const replay = (rows: EventRow[], facts: TraceFacts = {}) => {
  const found = replayHistory(makeTrace([add(1024, LARGE), ...rows], { cpus: 1, ...facts }));
  if (found === undefined) throw new Error('nothing to replay');
  return found;
};
const predicted = (found: ReturnType<typeof replay>) => [...found.traced.predicted.nr_dirtied];

describe('the prediction', () => {
  test('starts at the first sample and adds the pages of folios dirtied since', () => {
    const found = replay([
      dirty(1, 0),
      sample(2, 100),
      dirty(3, 1024),
      dirty(4, 2),
      sample(5, 165),
      dirty(6, 3),
      sample(7, 166),
    ]);
    expect(predicted(found)).toEqual([100, 165, 166]);
    expect(found.starts).toBe(1);
    expect(found.fits.nr_dirtied).toMatchObject({
      n: 2,
      within_drift: 2,
      max_abs_pages: 0,
      wape: 0,
      skipped: 0,
    });
    expect(found.sizes.counts).toMatchObject({ added: 1, assumed: 3 });
  });

  test.each([
    [0, 1],
    [1, 0],
  ])('an error of %i pages more than the drift: %i of 1 is within', (more, within) => {
    const bound = replay([sample(0, 0), dirty(1, 0)]).drift.bound_pages;
    const error = bound + more;
    const rows = [sample(0, 0), dirty(1, 1024), sample(10 * MS, 64 + error)];
    expect(replay(rows).fits.nr_dirtied).toMatchObject({
      n: 1,
      within_drift: within,
      max_abs_pages: error,
      wape: error / (64 + error),
      drift_bound_pages: bound,
    });
  });
});

describe('lost events', () => {
  const losses = [{ cpu: 0, from_ns: 20, ts_ns: 30, count: 7 }];
  const rows = [
    sample(10, 0),
    dirty(12, 1024),
    sample(15, 64),
    sample(25, 500),
    sample(35, 900),
    add(2048, LARGE),
    dirty(36, 2048),
    sample(40, 964),
  ];

  test('start the prediction again after the gap; samples in it are left out', () => {
    const found = replay(rows, { losses });
    expect(predicted(found)).toEqual([0, 64, Number.NaN, 900, 964]);
    expect(found.starts).toBe(2);
    const fit = { n: 2, within_drift: 2, max_abs_pages: 0, skipped: 1 };
    expect(found.fits.nr_dirtied).toMatchObject(fit);
  });

  test('between two samples are noticed, too', () => {
    const between = [{ cpu: 0, from_ns: 16, ts_ns: 24, count: 7 }];
    expect(replay(rows, { losses: between }).starts).toBe(2);
  });
});

describe('folios in flight', () => {
  const other = { cpu: 1 };
  const rows = (gap_ns: number, on: { cpu: number }) => [
    sample(1, 0),
    dirty(2, 1024),
    add(2048, 8),
    dirty(10 * MS, 2048, on),
    sample(10 * MS + gap_ns, 64),
  ];
  test.each([
    ['another CPU`s last folio may not be counted yet', 10 * NS_PER_US, other, 1],
    ['but not for long', 1 * MS, other, 0],
    ['the sampling CPU`s own has been counted', 10 * NS_PER_US, { cpu: 0 }, 0],
  ])('%s', (_, gap_ns, on, within) => {
    const { fits } = replay(rows(gap_ns, on));
    expect(fits.nr_dirtied).toMatchObject({ n: 1, max_abs_pages: 256, within_drift: within });
  });
});

describe('what cannot be replayed', () => {
  test.each<[string, EventRow[]]>([
    ['no samples', [dirty(1, 0)]],
    ['no dirty events', [sample(1, 0)]],
    [
      'samples without the counter',
      [dirty(1, 0), { event: 'global_dirty_state', ts_ns: 2, nr_dirty_pages: 1 }],
    ],
  ])('%s', (_, rows) => {
    expect(replayHistory(makeTrace(rows))).toBeUndefined();
  });

  test('one sample is a start, not a comparison', () => {
    const found = replay([sample(1, 5), dirty(2, 1024)]);
    expect(found.starts).toBe(1);
    expect(found.fits.nr_dirtied).toMatchObject({ n: 0, skipped: 0, wape: undefined });
  });

  test('a sample whose text lacks a counter is skipped, not spread', () => {
    const { nr_dirtied_pages: _, ...broken } = sample(1, 0) as EventRow & {
      nr_dirtied_pages: number;
    };
    const found = replay([
      broken as EventRow,
      sample(2, 5),
      dirty(3, 1024),
      { ...broken, ts_ns: 4 } as EventRow,
      sample(5, 69),
    ]);
    expect(found.fits.nr_dirtied).toMatchObject({ n: 1, max_abs_pages: 0, skipped: 2 });
    expect(found.diagnostics).toEqual([]);
  });
});
