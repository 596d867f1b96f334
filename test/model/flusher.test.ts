/** Slices of the flusher forwards and backwards. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  bandwidthOfChunk,
  minWritebackPages,
  NO_LIMIT,
  writebackChunk,
} from '../../src/model/flusher.ts';
import { asPages, asPagesPerSecond } from '../../src/trace/units.ts';

const bounds = (dirty_limit: number, remaining: number, min_pages = 1024) => ({
  dirty_limit: asPages(dirty_limit),
  remaining: asPages(remaining),
  min_pages,
});

describe('writeback_chunk_size', () => {
  test.each([
    // bandwidth, dirty limit, remaining, slice
    [25_600, 65_536, NO_LIMIT, 9 * 1024],
    [9_014, 65_536, NO_LIMIT, 5 * 1024],
    [100_000, 2_048, NO_LIMIT, 1024],
    [100_000, 1_000_000, 500, 1024],
    [0, 1_000_000, NO_LIMIT, 1024],
    // A work that wrote more than it was asked for.
    [100_000, 1_000_000, -20, 1024],
  ])('bandwidth %i, limit %i, left %d: %i pages', (bandwidth, limit, left, slice) => {
    expect(writebackChunk(asPagesPerSecond(bandwidth), bounds(limit, left))).toBe(slice);
  });

  test('slices are multiples of 4 MiB for every page size', () => {
    expect([4096, 16_384, 65_536].map(minWritebackPages)).toEqual([1024, 256, 64]);
  });

  test('the inverse holds the bandwidth, and its ends give the same slice', () => {
    const nat = (max: number) => fc.nat({ max });
    const args = [
      nat(2 ** 26),
      nat(2 ** 26),
      fc.oneof(nat(2 ** 24), fc.constant(NO_LIMIT)),
    ] as const;
    fc.assert(
      fc.property(...args, fc.constantFrom(64, 256, 1024), (bandwidth, limit, left, min) => {
        const own = bounds(limit, left, min);
        const slice = writebackChunk(asPagesPerSecond(bandwidth), own);
        const interval = bandwidthOfChunk(slice, own);
        expect(interval).toBeDefined();
        expect(bandwidth).toBeGreaterThanOrEqual(interval?.low ?? Number.NaN);
        expect(bandwidth).toBeLessThanOrEqual(interval?.high ?? Number.NaN);
        for (const end of [interval?.low ?? 0, Math.min(interval?.high ?? 0, 2 ** 27)]) {
          expect(writebackChunk(asPagesPerSecond(end), own)).toBe(slice);
        }
      }),
    );
  });

  test('what no bandwidth gives has no inverse', () => {
    expect(bandwidthOfChunk(1000, bounds(65_536, NO_LIMIT))).toBeUndefined();
    expect(bandwidthOfChunk(0, bounds(65_536, NO_LIMIT))).toBeUndefined();
    expect(bandwidthOfChunk(20 * 1024, bounds(65_536, NO_LIMIT))).toBeUndefined();
    expect(bandwidthOfChunk(NO_LIMIT, bounds(65_536, NO_LIMIT))).toBeUndefined();
  });
});
