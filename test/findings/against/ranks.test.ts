import fc from 'fast-check';
import { expect, test } from 'vitest';
import { rankRange } from '../../../src/findings/against/ranks.ts';

test('the percentile lies inside of its range, and both are values that were seen', () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 0, max: 1e9 }), { minLength: 1, maxLength: 300 }),
      fc.constantFrom(0.5, 0.9, 0.99),
      (values, share) => {
        const { value, low, high } = rankRange(values, share);
        expect(low).toBeLessThanOrEqual(value);
        expect(high).toBeGreaterThanOrEqual(value);
        for (const one of [value, low, high]) expect(values).toContain(one);
      },
    ),
  );
});

test('more values make the range narrower', () => {
  const even = (n: number) => Array.from({ length: n }, (_, at) => at / n);
  const width = (n: number) => {
    const { low, high } = rankRange(even(n), 0.5);
    return high - low;
  };
  expect(width(10_000)).toBeLessThan(width(100) / 5);
});
