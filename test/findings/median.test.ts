/** The value in the middle, against sorting. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { median } from '../../src/findings/median.ts';

test('the lower of the two in the middle, without what is no number', () => {
  fc.assert(
    fc.property(fc.array(fc.oneof(fc.integer({ min: -9, max: 9 }), fc.double())), (values) => {
      const known = values.filter((value) => !Number.isNaN(value)).sort((a, b) => a - b);
      const middle = known[Math.floor((known.length - 1) / 2)] ?? Number.NaN;
      // 0 and -0 are one value.
      expect(median(values) + 0).toBe(middle + 0);
    }),
  );
});
