/** The interval map against an array with one value per page. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { PageIntervals } from '../../src/model/page-intervals.ts';

type Change = readonly [from: number, pages: number, need: number, clear: number, set: number];

const bits = fc.integer({ min: 0, max: 7 });
const changes = (space: number, most: number) =>
  fc.array(
    fc.tuple(
      fc.nat(space),
      fc.integer({ min: 1, max: most }),
      bits,
      bits,
      bits,
    ) as fc.Arbitrary<Change>,
    { maxLength: 120 },
  );

function follow(list: readonly Change[], space: number, counting = 255) {
  const map = new PageIntervals(counting);
  const plain = new Uint8Array(space);
  for (const [from, pages, need, clear, set] of list) {
    const tally = new Float64Array(8);
    const expected = new Float64Array(8);
    map.change(from, from + pages, need, clear, set, tally);
    for (let page = from; page < from + pages; page++) {
      const old = plain[page] as number;
      if ((old & need) !== need) continue;
      expected[old] = (expected[old] as number) + 1;
      const next = (old & ~clear) | set;
      plain[page] = (next & counting) === 0 ? 0 : next;
    }
    expect([...tally]).toEqual([...expected]);
  }
  return { map, plain };
}

/** Stretches of equal values other than 0. */
function stretches(plain: Uint8Array): [number, number, number][] {
  const found: [number, number, number][] = [];
  plain.forEach((value, page) => {
    const last = found.at(-1);
    if (last !== undefined && last[1] === page && last[2] === value) last[1] = page + 1;
    else if (value !== 0) found.push([page, page + 1, value]);
  });
  return found;
}

describe('an interval map', () => {
  test('equals an array with a value per page, and neighbours are merged', () => {
    fc.assert(
      fc.property(changes(60, 20), (list) => {
        const { map, plain } = follow(list, 100);
        expect(map.list()).toEqual(stretches(plain));
        for (let page = 0; page < plain.length; page++) {
          expect(map.valueAt(page)).toBe(plain[page]);
        }
      }),
    );
  });

  test('finds the first interval of a range that has a bit', () => {
    const ranges = fc.tuple(fc.integer({ min: 1, max: 7 }), fc.nat(80), fc.nat(80));
    fc.assert(
      fc.property(changes(60, 20), ranges, (list, [wanted, from, to]) => {
        const { map, plain } = follow(list, 100);
        const first = stretches(plain).find(
          ([start, end, value]) => end > from && start < to && (value & wanted) !== 0,
        );
        const cut = first && { start: Math.max(first[0], from), end: Math.min(first[1], to) };
        expect(map.firstWith(wanted, from, to)).toEqual(cut);
      }),
    );
  });

  test('drops values that only hold bits which do not count', () => {
    const counting = 3;
    // A value that is set counts by itself.
    const setting = changes(60, 20).map((list) =>
      list.map(([from, pages, need, clear, set]): Change => {
        return [from, pages, need, clear, (set & counting) === 0 ? 0 : set];
      }),
    );
    fc.assert(
      fc.property(setting, (list) => {
        const { map, plain } = follow(list, 100, counting);
        expect(map.list()).toEqual(stretches(plain));
      }),
    );
  });

  test('of many scattered pages keeps its order through splits of its blocks', () => {
    const scattered = fc.array(
      fc.tuple(fc.nat(5000), fc.integer({ min: 1, max: 3 }), fc.constant(0), bits, bits),
      { minLength: 1500, maxLength: 3000 },
    ) as fc.Arbitrary<Change[]>;
    fc.assert(
      fc.property(scattered, changes(5000, 4000), (many, wide) => {
        const { map, plain } = follow([...many, ...wide], 9100);
        expect(map.list()).toEqual(stretches(plain));
      }),
      { numRuns: 20 },
    );
  });

  test('visits what overlaps, cut to the range, until told to stop', () => {
    const map = new PageIntervals();
    const tally = new Float64Array(8);
    for (const start of [0, 10, 20]) map.change(start, start + 5, 0, 0, 1, tally);
    const seen: number[][] = [];
    map.visit(3, 22, (start, end) => {
      seen.push([start, end]);
      return seen.length < 2;
    });
    expect(seen).toEqual([
      [3, 5],
      [10, 15],
    ]);
    expect(map.intervalAt(12)).toEqual({ start: 10, end: 15, value: 1 });
    expect(map.intervalAt(7)).toBeUndefined();
  });
});
