import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  divide,
  jiffiesOfMs,
  msOfJiffies,
  mulDiv,
  pagesPerSecond,
} from '../../src/kernel/arithmetic.ts';
import { counterDrift } from '../../src/kernel/counter-drift.ts';
import { resolveFeature } from '../../src/kernel/features.ts';
import { isAtLeast, parseRelease } from '../../src/kernel/release.ts';
import { asJiffies, asKiBps, asMs } from '../../src/trace/units.ts';

const safe = fc.oneof(fc.maxSafeNat(), fc.nat(1000), fc.integer({ min: 2 ** 25, max: 2 ** 31 }));

describe('integer arithmetic', () => {
  test('mulDiv is the truncated product over the divisor, also beyond 2^53', () => {
    let large = 0;
    fc.assert(
      fc.property(
        safe,
        safe,
        fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }),
        (a, b, divisor) => {
          const product = BigInt(a) * BigInt(b);
          if (product > BigInt(Number.MAX_SAFE_INTEGER)) large++;
          expect(mulDiv(a, b, divisor)).toBe(Number(product / BigInt(divisor)));
        },
      ),
      { numRuns: 2000, seed: 7 },
    );
    expect(large).toBeGreaterThan(200);
  });

  test('quotients next to an integer do not round up', () => {
    for (const divisor of [2, 3, 7, 1000, 4096]) {
      const product = Number.MAX_SAFE_INTEGER - (Number.MAX_SAFE_INTEGER % divisor) - 1;
      expect(mulDiv(product, 1, divisor)).toBe(Number(BigInt(product) / BigInt(divisor)));
    }
    expect([mulDiv(2 ** 53, 1, 3), mulDiv(2 ** 26, 2 ** 27, 2 ** 53)]).toEqual([
      3002399751580330, 1,
    ]);
  });

  test('divide truncates; zero divisors are our bug; a missing value stays one', () => {
    expect([divide(7, 2), divide(0, 5), mulDiv(Number.NaN, 2, 3)]).toEqual([3, 0, Number.NaN]);
    expect(() => divide(1, 0)).toThrow(/division by zero/);
    expect(() => mulDiv(1, 1, 0)).toThrow(/division by zero/);
  });

  test.each([
    [8, 12, 2],
    [12, 12, 3],
    [102400, 12, 25600],
    [640, 16, 10],
    [64, 16, 1],
    [63, 16, 0],
    [0, 12, 0],
  ])('%i KiB/s with pages of 2^%i are %i pages/s', (rate, shift, expected) => {
    expect(pagesPerSecond(asKiBps(rate), shift)).toBe(expected);
  });
});

describe.each([100, 250, 300, 1000])('HZ %i', (hz) => {
  test('jiffies print as ms and come back, each from its own', () => {
    const seen = new Set<number>();
    for (let jiffies = 0; jiffies <= 5000; jiffies++) {
      const ms = msOfJiffies(asJiffies(jiffies), hz);
      expect(jiffiesOfMs(ms, hz)).toBe(jiffies);
      seen.add(ms);
    }
    expect(seen.size).toBe(5001);
  });

  test('other milliseconds come from no jiffies', () => {
    const possible = new Set(
      Array.from({ length: 2000 }, (_, jiffies) => Math.floor((jiffies * 1000) / hz)),
    );
    for (let ms = 0; ms < 1000; ms++) {
      expect(jiffiesOfMs(asMs(ms), hz) !== undefined).toBe(possible.has(ms));
    }
  });
});

describe('counter drift (kernel-core A.3)', () => {
  // The capture host: 2 CPUs, 24 GiB in zone Normal: 2·2·(1+7) = 32.
  test('from zoneinfo: the largest zone of each node', () => {
    const zoneinfo =
      'Node 0, zone      DMA\n  vm stats threshold: 4\nNode 0, zone    DMA32\n  vm stats threshold: 20\nNode 0, zone   Normal\n  vm stats threshold: 32\n';
    expect(counterDrift({ cpus: 2, zoneinfo })).toEqual({
      bound_pages: 64,
      threshold_pages: 32,
      cpus: 2,
      because: 'zoneinfo',
    });
  });

  test('the nodes of a larger machine add up', () => {
    const zoneinfo =
      'Node 0, zone   Normal\n  vm stats threshold: 125\nNode 1, zone   Normal\n  vm stats threshold: 100\n';
    expect(counterDrift({ cpus: 64, zoneinfo })).toMatchObject({
      bound_pages: 64 * 225,
      threshold_pages: 125,
    });
  });

  test.each([
    [2, 24_684_096, 36],
    [2, 22 * 1024 * 1024, 36],
    [1, 1_000_000, 8],
    [4, 127 * 1024, 6],
    [4, 128 * 1024, 12],
    [64, 256 * 1024 * 1024, 125],
  ])(
    '%i CPUs and %i kB: 2·fls(cpus)·(1+fls(128 MiB units)) up to 125',
    (cpus, kilobytes, threshold) => {
      const units = Math.floor(kilobytes / 131072);
      const fls = (value: number) => value.toString(2).length * Number(value > 0);
      expect(Math.min(125, 2 * fls(cpus) * (1 + fls(units)))).toBe(threshold);
      const drift = counterDrift({
        cpus,
        meminfo: `MemTotal:       ${kilobytes} kB\nMemFree: 1 kB\n`,
      });
      expect(drift).toEqual({
        bound_pages: cpus * threshold,
        threshold_pages: threshold,
        cpus,
        because: 'memory-size',
      });
    },
  );

  test.each([undefined, '', 'Node 0, zone Normal\n'])(
    'without facts (%j) the largest that can be',
    (zoneinfo) => {
      expect(counterDrift({ cpus: 3, zoneinfo })).toEqual({
        bound_pages: 375,
        threshold_pages: 125,
        cpus: 3,
        because: 'largest-possible',
      });
    },
  );
});

describe('releases and features', () => {
  test.each([
    ['6.6.8-100.fc38.x86_64', { major: 6, minor: 6 }],
    ['6.18.44-fc-v595', { major: 6, minor: 18 }],
    ['2.6.37', { major: 2, minor: 6 }],
    ['5.10', { major: 5, minor: 10 }],
    ['next', undefined],
    ['', undefined],
    [undefined, undefined],
  ])('%s', (text, release) => expect(parseRelease(text)).toEqual(release));

  test('are compared as numbers', () => {
    expect(
      [
        [6, 9],
        [6, 14],
        [7, 0],
        [5, 20],
      ].map(([major = 0, minor = 0]) => isAtLeast({ major, minor }, 6, 14)),
    ).toEqual([false, true, true, false]);
  });

  test.each<[string | undefined, boolean | undefined, boolean, string]>([
    ['6.12.0', undefined, false, 'release'],
    ['6.14.0', undefined, true, 'release'],
    ['7.0.0', undefined, true, 'release'],
    // A distribution carried the change back, or took it out.
    ['6.12.0', true, true, 'evidence'],
    ['6.18.0', false, false, 'evidence'],
    [undefined, false, false, 'evidence'],
    [undefined, undefined, true, 'assumed'],
    ['mainline', undefined, true, 'assumed'],
  ])('release %s with evidence %s: %s by %s', (release, evidence, on, because) => {
    expect(resolveFeature('limit_of_domain', release, evidence)).toMatchObject({ on, because });
  });

  // Read in the one release and not in the other; in between nobody looked.
  test.each<[Parameters<typeof resolveFeature>[0], string, boolean, string]>([
    ['limit_of_domain', '6.13.4', true, 'assumed'],
    ['wb_thresh_floor', '6.12.117', false, 'release'],
    ['wb_thresh_floor', '6.14.0', true, 'assumed'],
    ['wb_thresh_floor', '6.17.0', true, 'release'],
    ['rt_boost_of_limit', '4.4.0', false, 'release'],
    ['rt_boost_of_limit', '5.4.0', true, 'release'],
    ['deadline_boost', '6.11.0', false, 'release'],
    ['unstable_nfs', '5.6.19', true, 'release'],
    ['unstable_nfs', '5.8.0', false, 'release'],
    ['flusher_bandwidth_updates', '5.10.200', false, 'release'],
    ['flusher_bandwidth_updates', '5.15.1', true, 'release'],
  ])('%s on %s: %s by %s', (feature, release, on, because) => {
    expect(resolveFeature(feature, release, undefined)).toMatchObject({ on, because });
  });
});
