import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { balancedDirtyRatelimit, maxPause, throttlePeriod } from '../../src/model/control.ts';
import { freerunCeiling, globalSetpoint, hardDirtyLimit } from '../../src/model/limits.ts';
import { asPages, asPagesPerSecond } from '../../src/trace/units.ts';

const pages = fc.integer({ min: 0, max: 2 ** 40 }).map(asPages);
const rate = fc.oneof(fc.nat(100_000), fc.integer({ min: 0, max: 2 ** 40 })).map(asPagesPerSecond);
const big = BigInt;

describe('limits', () => {
  test('freerun, hard limit and setpoint are the kernel`s expressions', () => {
    fc.assert(
      fc.property(pages, pages, pages, (thresh, background, tracked) => {
        const freerun = freerunCeiling(thresh, background);
        const limit = hardDirtyLimit(thresh, tracked);
        expect(big(freerun)).toBe((big(thresh) + big(background)) / 2n);
        expect(big(limit)).toBe(thresh > tracked ? big(thresh) : big(tracked));
        expect(big(globalSetpoint(limit, freerun))).toBe((big(limit) + big(freerun)) / 2n);
      }),
      { seed: 3 },
    );
  });

  // dirty_bytes 64 MiB, background 32 MiB, as in fixtures/…/slow-writer.
  test('of 64 and 32 MiB', () => {
    const freerun = freerunCeiling(asPages(16384), asPages(8192));
    expect([
      freerun,
      globalSetpoint(asPages(16384), freerun),
      hardDirtyLimit(asPages(16384), asPages(20000)),
    ]).toEqual([12288, 14336, 20000]);
  });
});

describe('control', () => {
  test('period = HZ·dirtied/rate jiffies, printed as ms', () => {
    fc.assert(
      fc.property(
        pages,
        fc.integer({ min: 1, max: 2 ** 30 }),
        fc.constantFrom(100, 250, 300, 1000),
        (dirtied, taskRate, hz) => {
          const jiffies = (big(hz) * big(dirtied)) / big(taskRate);
          expect(big(throttlePeriod(dirtied, asPagesPerSecond(taskRate), hz))).toBe(
            (jiffies * 1000n) / big(hz),
          );
        },
      ),
      { seed: 4 },
    );
    expect(throttlePeriod(asPages(32), asPagesPerSecond(1500), 250)).toBe(20);
  });

  test('balanced rate = min(task·bandwidth/(dirty|1), bandwidth)', () => {
    fc.assert(
      fc.property(rate, rate, rate, (task, bandwidth, dirty) => {
        const quotient = (big(task) * big(bandwidth)) / (big(dirty) | 1n);
        const expected = quotient < big(bandwidth) ? quotient : big(bandwidth);
        expect(big(balancedDirtyRatelimit(task, bandwidth, dirty))).toBe(expected);
      }),
      { seed: 5, numRuns: 500 },
    );
  });

  test('a dirty rate of nothing divides by one', () => {
    expect(
      balancedDirtyRatelimit(asPagesPerSecond(10), asPagesPerSecond(50), asPagesPerSecond(0)),
    ).toBe(50);
  });

  test.each([
    [100, 200],
    [250, 200],
    [300, 200],
    [1000, 200],
    [4, 250],
  ])('HZ %i: no pause is longer than %i ms', (hz, ms) => {
    expect(maxPause(hz)).toBe(ms);
  });
});
