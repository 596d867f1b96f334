/** do_shrink_slab in its three eras, against plain BigInt and the numbers worked out by hand. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  type ShrinkCall,
  seeksOfDelta,
  shrinkDeferred,
  shrinkDelta,
  shrinkTotal,
} from '../../src/model/shrinker.ts';

const call = (more: Partial<ShrinkCall>): ShrinkCall => ({
  freeable: 10_000_000,
  deferred: 0,
  priority: 12,
  scanned_pages: Number.NaN,
  eligible_pages: Number.NaN,
  ...more,
});

describe('delta', () => {
  test.each([
    [10_000_000, 12, 2, 4_882],
    [10_000_000, 10, 2, 19_530],
    [10_000_000, 8, 2, 78_124],
    [10_000_000, 4, 2, 1_250_000],
    [10_000_000, 0, 2, 20_000_000],
    [4_096, 12, 2, 2],
    [4_095, 12, 2, 0],
    [533, 12, 0, 266],
    [1_000_000, 6, 20, 3_125],
  ])('%i objects at priority %i, seeks %i: %i', (freeable, priority, seeks, delta) => {
    for (const era of ['priority', 'priority-deferred'] as const) {
      expect(shrinkDelta(call({ freeable, priority }), seeks, era)).toBe(delta);
    }
  });

  test.each([
    [3, 14_710, 4_078],
    [2, 11_715, 3_414],
  ])('until 4.15: %i of %i pages scanned', (scanned_pages, eligible_pages, delta) => {
    expect(shrinkDelta(call({ scanned_pages, eligible_pages }), 2, 'scanned-share')).toBe(delta);
  });
});

test('only the old formula ever scans a cache of 100000 at the gentlest priority', () => {
  const run = (era: 'priority' | 'priority-deferred') => {
    let deferred = 0;
    for (let calls = 1; calls <= 5000; calls++) {
      const own = call({ freeable: 100_000, deferred });
      const delta = shrinkDelta(own, 2, era);
      const total = shrinkTotal(own, delta, era);
      const scanned = Math.floor(total / 1024) * 1024;
      deferred = shrinkDeferred(own, delta, scanned, era);
      if (scanned > 0) return { calls, deferred };
    }
    return undefined;
  };
  expect(run('priority')).toEqual({ calls: 22, deferred: 32 });
  expect(run('priority-deferred')).toBeUndefined();
});

test('the inferred seeks contain the true ones, and all of them give the delta', () => {
  const args = [
    fc.nat({ max: 2 ** 31 }),
    fc.nat({ max: 12 }),
    fc.integer({ min: 1, max: 40 }),
  ] as const;
  fc.assert(
    fc.property(...args, (freeable, priority, seeks) => {
      const own = call({ freeable, priority });
      const delta = shrinkDelta(own, seeks, 'priority');
      const found = seeksOfDelta(own, delta, 'priority');
      expect(seeks).toBeGreaterThanOrEqual(found?.low ?? Number.NaN);
      expect(seeks).toBeLessThanOrEqual(found?.high ?? Number.NaN);
      for (const end of [found?.low ?? 0, Math.min(found?.high ?? 0, 1000)]) {
        expect(shrinkDelta(own, end, 'priority')).toBe(delta);
      }
    }),
  );
});

test('totals are the plain expressions with their caps', () => {
  const args = [fc.nat({ max: 2 ** 40 }), fc.nat({ max: 2 ** 40 }), fc.nat({ max: 12 })] as const;
  fc.assert(
    fc.property(...args, fc.nat({ max: 2 ** 40 }), (freeable, deferred, priority, delta) => {
      const own = call({ freeable, deferred, priority });
      const least = (a: bigint, b: bigint) => (a < b ? a : b);
      const [f, nr, d] = [BigInt(freeable), BigInt(deferred), BigInt(delta)];
      const newer = least((nr >> BigInt(priority)) + d, 2n * f);
      expect(BigInt(shrinkTotal(own, delta, 'priority-deferred'))).toBe(newer);
      const capped = d < f / 4n ? least(nr + d, f / 2n) : nr + d;
      expect(BigInt(shrinkTotal(own, delta, 'priority'))).toBe(least(capped, 2n * f));
    }),
  );
});

test('a negative count of deferred objects (old kernels) scans the whole cache', () => {
  const own = call({ freeable: 1000, deferred: -5000 });
  expect(shrinkTotal(own, 600, 'scanned-share')).toBe(1000);
});
