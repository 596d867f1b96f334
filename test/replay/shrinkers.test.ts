/** Shrinkers on mini-traces of each era. */
import { describe, expect, test } from 'vitest';
import { type ShrinkCall, shrinkDelta, shrinkTotal } from '../../src/model/shrinker.ts';
import { checkShrinkers } from '../../src/replay/shrinkers.ts';
import { type EventRow, makeTrace } from '../helpers/trace-builder.ts';

type Cells = Record<string, number | bigint | string>;
type Era = Parameters<typeof shrinkTotal>[2];

const ROWS = [
  { freeable: 131_040, deferred: 0, priority: 12 },
  { freeable: 91_148, deferred: 5_000, priority: 10 },
  { freeable: 4_095, deferred: 80_000, priority: 12 },
  { freeable: 700_001, deferred: 123, priority: 3 },
  { freeable: 10, deferred: 1_000, priority: 0 },
];

/** Records as a kernel of that era with a shrinker of `seeks` writes them. */
function records(era: Era, seeks: number, more: Cells = {}): EventRow[] {
  return ROWS.map((row, nth) => {
    const pages = { scanned_pages: 32 * (nth + 1), eligible_pages: 14_710 };
    const call: ShrinkCall = { ...row, ...pages };
    const delta = shrinkDelta(call, seeks, era);
    const by: Cells =
      era === 'scanned-share'
        ? { pgs_scanned_pages: pages.scanned_pages, lru_pgs_pages: pages.eligible_pages }
        : { priority: row.priority };
    return {
      event: 'mm_shrink_slab_start',
      ts_ns: 1000 * nth,
      shrink: 'super_cache_scan',
      shrinker_id: 0xffff_8881_0444_9480n,
      nr_objects_to_shrink: row.deferred,
      cache_items: row.freeable,
      delta,
      total_scan: shrinkTotal(call, delta, era),
      ...by,
      ...more,
    };
  });
}
const end = (ts_ns: number, more: Cells): EventRow => ({
  event: 'mm_shrink_slab_end',
  ts_ns,
  shrink: 'super_cache_scan',
  shrinker_id: 0xffff_8881_0444_9480n,
  unused_scan: 0,
  retval: 0,
  ...more,
});

const check = (rows: EventRow[]) => checkShrinkers(makeTrace(rows));

describe.each(['scanned-share', 'priority', 'priority-deferred'] as const)('%s', (era) => {
  test.each([1, 2, 20])('with seeks %i', (seeks) => {
    const found = check(records(era, seeks));
    expect(found.era).toBe(era);
    expect([found.delta.n, found.delta.exact]).toEqual([5, 5]);
    expect([found.total_scan.n, found.total_scan.exact]).toEqual([5, 5]);
    expect(found.shrinkers).toMatchObject([
      { seeks, because: seeks === 2 ? 'default' : 'inferred', records: 5, exact: 5 },
    ]);
  });
});

test('shrinkers that need no I/O', () => {
  const { delta, shrinkers } = check(records('priority', 0));
  expect([delta.exact, shrinkers[0]?.seeks]).toEqual([5, 0]);
});

test('a record that the shrinker`s other records contradict is a miss', () => {
  const rows = records('priority', 2);
  const wrong = rows.map((row, nth) => (nth === 3 ? { ...row, delta: 4242 } : row) as EventRow);
  const { delta, shrinkers } = check(wrong);
  expect(delta).toMatchObject({ n: 5, exact: 4 });
  expect(delta.mismatches).toMatchObject([{ recorded: 4242 }]);
  expect(shrinkers).toMatchObject([{ seeks: 2, records: 5, exact: 4 }]);
});

test('shrinkers of the same function are told apart by their address', () => {
  const other = records('priority', 0, { shrinker_id: 0xffff_8881_0444_9481n });
  const { shrinkers, delta } = check([...records('priority', 2), ...other]);
  expect(shrinkers.map(({ seeks }) => seeks).sort()).toEqual([0, 2]);
  expect([delta.n, delta.exact]).toEqual([10, 10]);
});

test('without any telling record the seeks stay open', () => {
  const small = records('priority', 2).slice(2, 3);
  expect(check(small).shrinkers).toMatchObject([{ because: 'open', telling: 0 }]);
});

describe('what is left for later', () => {
  // 62 of 131040 objects asked for, none scanned.
  const [first] = records('priority-deferred', 2) as [EventRow];

  test('is what was not scanned', () => {
    const { deferred } = check([first, end(5, { total_scan: 62, new_scan: 62 })]);
    expect([deferred.n, deferred.exact]).toEqual([1, 1]);
    const scanned = check([first, end(5, { total_scan: 2, new_scan: 2 })]);
    expect([scanned.deferred.n, scanned.deferred.exact]).toEqual([1, 1]);
  });

  test('more is another CPU`s, less is a miss', () => {
    const more = check([first, end(5, { total_scan: 62, new_scan: 100 })]).deferred;
    expect(more).toMatchObject({ exact: 0, causes: { race: 1 } });
    const less = check([first, end(5, { total_scan: 62, new_scan: 10 })]).deferred;
    expect(less).toMatchObject({ exact: 0, causes: {} });
  });

  test('ends without begin are counted', () => {
    const { diagnostics, deferred } = check([
      first,
      end(5, { total_scan: 1, new_scan: 1, pid: 9 }),
    ]);
    expect(diagnostics).toMatchObject([{ code: 'end_without_begin', count: 1 }]);
    expect(deferred.unchecked).toBe(1);
  });
});

test('values that no kernel prints are left out and counted', () => {
  const rows = records('priority', 2);
  const odd = { ...rows[0], ts_ns: 9e9, priority: 77 } as EventRow;
  const negative = { ...rows[0], ts_ns: 9.1e9, cache_items: -4 } as EventRow;
  const { delta, diagnostics } = check([...rows, odd, negative]);
  expect(delta).toMatchObject({ n: 5, exact: 5, unchecked_because: { 'out-of-range': 2 } });
  expect(diagnostics).toMatchObject([{ code: 'impossible_value', count: 2 }]);
});

test('records with neither pages nor priority cannot be checked', () => {
  const rows = records('priority', 2).map(({ priority: _, ...row }) => row as unknown as EventRow);
  expect(check(rows).delta.unchecked_because).toEqual({ 'not-recorded': 5 });
});
