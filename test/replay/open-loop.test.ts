/** Pages dirtied, predicted from events and compared with the counter. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { replayDirtied } from '../../src/replay/open-loop.ts';
import { type EventRow, makeTrace, type TraceFacts } from '../helpers/trace-builder.ts';

const MS = 1_000_000;
const sample = (ts_ns: number, dirtied: number, more: Record<string, number> = {}): EventRow => ({
  event: 'global_dirty_state',
  ts_ns,
  nr_dirty_pages: 0,
  nr_writeback_pages: 0,
  nr_dirtied_pages: dirtied,
  nr_written_pages: 0,
  ...more,
});
const dirty = (
  ts_ns: number,
  index: number,
  more: Record<string, number | string | bigint> = {},
): EventRow => ({ event: 'writeback_dirty_folio', ts_ns, bdi: '7:0', ino: 9n, index, ...more });
/** One CPU whose counter drifts by at most 4 pages. */
const EXACT: TraceFacts = {
  cpus: 1,
  host: { zoneinfo: 'Node 0, zone Normal\n  vm stats threshold: 4\n' },
};
const replay = (rows: EventRow[], facts: TraceFacts = {}) => {
  const result = replayDirtied(makeTrace(rows, { ...EXACT, ...facts }));
  if (result === undefined) throw new Error('nothing to replay');
  return result;
};

describe('the prediction', () => {
  test('starts at the first sample and adds what was dirtied since', () => {
    const result = replay([
      dirty(1, 0),
      sample(2, 100),
      dirty(3, 1),
      dirty(4, 2),
      sample(5, 102),
      dirty(6, 3),
      sample(7, 103),
    ]);
    expect([...result.predicted_dirtied_pages]).toEqual([100, 102, 103]);
    expect(result).toMatchObject({
      starts: 1,
      nr_dirtied: {
        n: 2,
        within_drift: 2,
        max_abs_pages: 0,
        wape: 0,
        skipped: 0,
        drift_bound_pages: 4,
      },
    });
  });

  test('counts pages of folios, not events', () => {
    const add = {
      event: 'mm_filemap_add_to_page_cache',
      ts_ns: 0,
      dev: 7 * 2 ** 20,
      ino: 9n,
      index: 64,
      order: 6,
    };
    const result = replay([add, sample(1, 0), dirty(2, 64), sample(3, 64)]);
    expect(result.nr_dirtied).toMatchObject({ n: 1, max_abs_pages: 0 });
    expect(result.sizes.counts.added).toBe(1);
  });

  test.each([
    [4, 1],
    [5, 0],
  ])('an error of %i pages is within a drift of 4: %i of 1', (error, within) => {
    const rows = [sample(0, 0), dirty(1, 0), sample(MS, 1 + error)];
    expect(replay(rows).nr_dirtied).toMatchObject({
      n: 1,
      within_drift: within,
      max_abs_pages: error,
      wape: error / (1 + error),
    });
  });

  test('the level falls by what was written, and holds unstable pages', () => {
    const rows = [
      sample(0, 0, { nr_dirty_pages: 5, nr_writeback_pages: 1, nr_unstable_pages: 2 }),
      dirty(1, 0),
      sample(2, 1, {
        nr_dirty_pages: 4,
        nr_writeback_pages: 1,
        nr_unstable_pages: 1,
        nr_written_pages: 3,
      }),
    ];
    const result = replay(rows);
    expect([...result.predicted_dirty_plus_writeback_pages]).toEqual([8, 6]);
    expect([...result.recorded_dirty_plus_writeback_pages]).toEqual([8, 6]);
    expect(result.dirty_plus_writeback).toMatchObject({
      n: 1,
      max_abs_pages: 0,
      drift_bound_pages: 12,
    });
  });
});

describe('lost events', () => {
  const losses = [{ cpu: 0, from_ns: 20, ts_ns: 30, count: 7 }];
  const rows = [
    sample(10, 0),
    dirty(12, 0),
    sample(15, 1),
    sample(25, 50),
    sample(35, 90),
    dirty(36, 1),
    sample(40, 91),
  ];

  test('start the prediction again after the gap; samples in it are left out', () => {
    const result = replay(rows, { losses });
    expect([...result.predicted_dirtied_pages]).toEqual([0, 1, Number.NaN, 90, 91]);
    expect(result).toMatchObject({
      starts: 2,
      nr_dirtied: { n: 2, within_drift: 2, max_abs_pages: 0, skipped: 1 },
    });
  });

  test('between two samples are noticed, too', () => {
    const between = [{ cpu: 0, from_ns: 16, ts_ns: 24, count: 7 }];
    expect(replay(rows, { losses: between }).starts).toBe(2);
  });
});

describe('folios in flight', () => {
  const other = { cpu: 1 };
  const rows = (gap: number, on: { cpu: number }) => [
    {
      event: 'mm_filemap_add_to_page_cache',
      ts_ns: 0,
      dev: 7 * 2 ** 20,
      ino: 9n,
      index: 0,
      order: 6,
    },
    sample(1, 0),
    dirty(10, 0, on),
    sample(10 + gap, 0),
  ];
  test.each([
    ['another CPU`s last folio may not be counted yet', 50_000, other, 1],
    ['but not for long', 150_000, other, 0],
    ['the sampling CPU`s own has been counted', 50_000, { cpu: 0 }, 0],
  ])('%s', (_, gap, on, within) => {
    expect(replay(rows(gap, on)).nr_dirtied).toMatchObject({
      n: 1,
      max_abs_pages: 64,
      within_drift: within,
    });
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
    expect(replayDirtied(makeTrace(rows))).toBeUndefined();
  });

  test('one sample is a start, not a comparison', () => {
    expect(replay([sample(1, 5), dirty(2, 0)])).toMatchObject({
      starts: 1,
      nr_dirtied: { n: 0, skipped: 0, wape: undefined },
    });
  });

  test('a sample whose text lacks a counter is skipped, not spread', () => {
    const { nr_dirtied_pages: _, ...broken } = sample(1, 0) as EventRow & {
      nr_dirtied_pages: number;
    };
    const result = replay([
      broken as EventRow,
      sample(2, 5),
      dirty(3, 0),
      { ...broken, ts_ns: 4 } as EventRow,
      sample(5, 6),
    ]);
    expect(result.nr_dirtied).toMatchObject({ n: 1, max_abs_pages: 0, skipped: 2 });
  });
});

describe('a history in which nothing gets lost', () => {
  const step = fc.oneof(
    fc.record({
      kind: fc.constant('dirty' as const),
      cpu: fc.nat(3),
      order: fc.nat(5),
      slot: fc.nat(15),
    }),
    fc.record({ kind: fc.constant('write' as const), share: fc.integer({ min: 1, max: 100 }) }),
    fc.record({ kind: fc.constant('sample' as const) }),
  );

  test('is predicted to the page at every sample', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 80 }), fc.nat(1_000_000), (steps, before) => {
        const rows: EventRow[] = [];
        let level = 100;
        let dirtied = before;
        let written = 0;
        let ts = 0;
        const state = () =>
          sample(++ts, dirtied, {
            nr_dirty_pages: level >> 1,
            nr_writeback_pages: level - (level >> 1),
            nr_written_pages: written,
          });
        rows.push(state());
        for (const now of steps) {
          if (now.kind === 'sample') rows.push(state());
          else if (now.kind === 'write') {
            const pages = Math.floor((level * now.share) / 100);
            level -= pages;
            written += pages;
          } else {
            const { cpu, order } = now;
            const place = {
              dev: 7 * 2 ** 20,
              ino: BigInt(1 + now.slot),
              index: now.slot * 4096,
              cpu,
            };
            rows.push({ event: 'mm_filemap_add_to_page_cache', ts_ns: ++ts, order, ...place });
            rows.push(dirty(++ts, place.index, { ino: place.ino, cpu }));
            rows.push({ event: 'mm_filemap_delete_from_page_cache', ts_ns: ++ts, order, ...place });
            level += 2 ** order;
            dirtied += 2 ** order;
          }
        }
        rows.push(dirty(++ts, 0), {
          ...state(),
          nr_dirtied_pages: dirtied + 1,
          nr_dirty_pages: (level >> 1) + 1,
        } as EventRow);
        const result = replay(rows);
        const samples = rows.filter(({ event }) => event === 'global_dirty_state').length;
        expect(result.nr_dirtied).toMatchObject({
          n: samples - 1,
          within_drift: samples - 1,
          max_abs_pages: 0,
          skipped: 0,
        });
        expect(result.dirty_plus_writeback).toMatchObject({ max_abs_pages: 0 });
      }),
      { numRuns: 150, seed: 11 },
    );
  });
});
