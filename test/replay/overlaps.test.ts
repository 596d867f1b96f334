/** Where most stretches of one length meet, against counting them at every end. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Meeting } from '../../src/replay/throttle/overlaps.ts';

/** Most stretches (end - length, end] that hold one point: some end is such a point. */
function most(ends: readonly number[], length: number): number {
  const holding = (point: number) =>
    ends.filter((end) => end - length < point && point <= end).length;
  return Math.max(0, ...ends.map(holding));
}

test('no point lies in more stretches', () => {
  // Some far from each other, and many beside each other: either sort is used.
  const end = fc.oneof(fc.integer({ max: 2 ** 40, min: 0 }), fc.integer({ max: 1000, min: 0 }));
  const meeting = new Meeting();
  fc.assert(
    fc.property(
      fc.array(end, { maxLength: 300 }),
      fc.integer({ min: 1, max: 500 }),
      (ends, length) => {
        const found = meeting.of(Float64Array.from(ends), length);
        expect(found?.votes ?? 0).toBe(most(ends, length));
        if (found === undefined) return;
        const held = ends.filter((each) => each - length < found.at && found.at <= each).length;
        expect(held).toBe(found.votes);
      },
    ),
  );
});

test('nothing meets where there is nothing, or only what is no number', () => {
  expect(new Meeting().of(new Float64Array(), 10)).toBeUndefined();
  expect(
    new Meeting().of(Float64Array.of(Number.NaN, Number.POSITIVE_INFINITY), 10),
  ).toBeUndefined();
});
