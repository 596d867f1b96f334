import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { formatSecondsNs } from '../../src/trace/time.ts';
import { asPages, bytesOfPages } from '../../src/trace/units.ts';

describe('seconds as the kernel prints them', () => {
  test('no digit of a long time is lost', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: 10n ** 20n }), (ns) => {
        const [seconds = '', fraction = ''] = formatSecondsNs(ns).split('.');
        expect(BigInt(seconds) * 10n ** 9n + BigInt(fraction)).toBe(ns);
      }),
    );
  });

  test.each([
    [1_500_000_000n, 3, '1.500'],
    [-1_500_000_000n, 1, '-1.5'],
    [1_999_999_999n, 0, '1'],
    [5n, 9, '0.000000005'],
    [-5n, 9, '-0.000000005'],
  ] as const)('%s with %s digits', (ns, digits, text) => {
    expect(formatSecondsNs(ns, digits)).toBe(text);
  });
});

test('bytes need a page size', () => {
  expect(bytesOfPages(asPages(3), 65536)).toBe(196608);
});
