/** Thresholds read backwards. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { divide } from '../../src/kernel/arithmetic.ts';
import { domainDirtyLimits } from '../../src/model/limits.ts';
import {
  availableOf,
  boosted,
  intersect,
  memcgAvailable,
  memcgRatio,
  nodeDirtyLimit,
  percentsOf,
  ratioOfPercent,
  totalReserve,
  unboosted,
} from '../../src/model/thresholds.ts';
import { asPages } from '../../src/trace/units.ts';

const percent = fc.integer({ min: 1, max: 100 });
const pages = fc.integer({ min: 0, max: 2 ** 36 });
const pageSize = fc.constantFrom(4096, 16_384, 65_536);

test('the memory that a ratio threshold came from lies in its inverse', () => {
  fc.assert(
    fc.property(pages, percent, percent, pageSize, (memory, ratio, other, page_size) => {
      const settings = { dirty_ratio: ratio, background_ratio: other };
      const bytes = { dirty_bytes: 0, background_bytes: 0 };
      const rules = { page_size, boost: 'none' } as const;
      const own = domainDirtyLimits({ ...settings, ...bytes }, asPages(memory), asPages(0), rules);
      if (own.thresh === 0xffff_ffff) return;
      const inverse = availableOf(own.thresh, ratio, page_size);
      expect(memory).toBeGreaterThanOrEqual(inverse?.low ?? Number.NaN);
      expect(memory).toBeLessThanOrEqual(inverse?.high ?? Number.NaN);
      expect(percentsOf(own.thresh, inverse ?? { low: 1, high: 0 }, page_size)).toContain(ratio);
      // A background threshold that reaches the other is cut to half of it.
      if (divide(ratioOfPercent(other, page_size) * memory, page_size) >= own.thresh) return;
      const second = availableOf(own.background, other, page_size);
      if (inverse && second) expect(intersect(inverse, second)).toBeDefined();
    }),
  );
});

test('a boost can be taken off again, and what is none cannot', () => {
  fc.assert(
    fc.property(
      pages,
      pages,
      fc.constantFrom('quarter', 'quarter-and-limit'),
      (own, limit, rule) => {
        expect(unboosted(boosted(own, limit, rule), limit, rule)).toBe(own);
      },
    ),
  );
  // p + ⌊p/4⌋ is never 4 more than a multiple of 5.
  expect(unboosted(9, 0, 'quarter')).toBeUndefined();
  expect(unboosted(10, 3200, 'quarter-and-limit')).toBeUndefined();
  // Recorded: 64 MiB seen by a real-time task.
  expect(boosted(16_384, 16_384, 'quarter-and-limit')).toBe(20_992);
});

test('the reserve of a zone is never more than the zone', () => {
  const zones = [
    { protection_pages: 24_090, high_pages: 16, managed_pages: 3_840 },
    { protection_pages: 21_071, high_pages: 3_660, managed_pages: 772_918 },
    { protection_pages: 0, high_pages: 25_557, managed_pages: 5_394_266 },
    { protection_pages: 0, high_pages: 32, managed_pages: 0 },
  ];
  expect(totalReserve(zones)).toBe(54_128);
});

describe('other domains', () => {
  test('a cgroup may dirty its file pages and what it could still get', () => {
    const memory = { file: 1000, dirty: 300, global_available: 50_000, global_dirty: 10_000 };
    expect(memcgAvailable({ ...memory, headroom: 200 })).toBe(1200);
    // Of the 40000 clean pages of the machine, 700 are its own already.
    expect(memcgAvailable({ ...memory, headroom: 10 ** 9 })).toBe(1000 + 39_300);
    const full = { ...memory, global_available: 600, global_dirty: 900, headroom: 500 };
    expect(memcgAvailable(full)).toBe(1000);
  });

  test('bytes become a ratio of a cgroup', () => {
    expect(memcgRatio(64 * 2 ** 20, 100_000, 4096)).toBe(672);
    expect(memcgRatio(2 ** 40, 10, 4096)).toBe(4096);
  });

  test('a node has its share of the limit', () => {
    const byRatio = { dirty_bytes: 0, dirty_ratio: 20 };
    expect(nodeDirtyLimit(byRatio, 1000, 4000, 4096)).toBe(200);
    const byBytes = { dirty_bytes: 4_000 * 4096, dirty_ratio: 0 };
    expect(nodeDirtyLimit(byBytes, 1000, 4000, 4096)).toBe(1000);
  });
});
