import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { formatSecondsNs, parseSecondsNs } from '../../src/trace/time.ts';
import { asPages, bytesOfPages } from '../../src/trace/units.ts';

describe('seconds as the kernel prints them', () => {
  test.each([
    ['6550.438727', 6550_438_727_000n],
    ['6550.438727123', 6550_438_727_123n],
    ['0.1', 100_000_000n],
    ['7', 7_000_000_000n],
    ['999999999999.999999999', 999_999_999_999_999_999_999n],
  ])('%s', (text, ns) => expect(parseSecondsNs(text)).toBe(ns));

  test.each(['', '.5', '5.', '-1', '1e3', '1.1234567890', '1234567890123', ' 1', '0x10', '1.5s'])(
    '%j is none',
    (text) => {
      expect(parseSecondsNs(text)).toBeUndefined();
    },
  );

  test('printing is the inverse', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: 10n ** 20n }), (ns) => {
        expect(parseSecondsNs(formatSecondsNs(ns))).toBe(ns);
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
