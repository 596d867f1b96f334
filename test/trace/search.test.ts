/** Places in what is in order, against the plain walk from the front. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { firstInOrder, firstNot, lowerBound, upperBound } from '../../src/trace/search.ts';

const sorted = fc.array(fc.integer({ min: -5, max: 5 })).map((list) => list.sort((a, b) => a - b));
const value = fc.integer({ min: -6, max: 6 });

test('each search finds the place that a walk finds', () => {
  fc.assert(
    fc.property(sorted, value, (list, wanted) => {
      const below = list.filter((entry) => entry < wanted).length;
      const notAbove = list.filter((entry) => entry <= wanted).length;
      expect(lowerBound(list, wanted)).toBe(below);
      expect(upperBound(list, wanted)).toBe(notAbove);
      expect(firstNot(list.length, (at) => (list[at] as number) < wanted)).toBe(below);
    }),
  );
});

test('the first in order are those that sorting finds, equal ones in their order', () => {
  const items = fc.array(fc.record({ key: fc.integer({ min: 0, max: 4 }), at: fc.nat() }));
  fc.assert(
    fc.property(items, fc.nat({ max: 6 }), (list, most) => {
      const compare = (left: { key: number }, right: { key: number }) => left.key - right.key;
      expect(firstInOrder(list, most, compare)).toEqual([...list].sort(compare).slice(0, most));
    }),
  );
});
