import fc from 'fast-check';
import { expect, test } from 'vitest';
import { numberColumn } from '../../src/trace/column.ts';
import { mergeRuns } from '../../src/trace/merge.ts';
import { visitInOrder } from '../../src/trace/order.ts';
import { makeTable } from '../../src/trace/table.ts';

const sequences = fc.array(fc.array(fc.integer({ min: 0, max: 20 }), { maxLength: 30 }), {
  maxLength: 6,
});

/** So many that they are merged in a heap first, and in a row when few are left. */
const manySequences = fc.array(fc.array(fc.integer({ min: 0, max: 50 }), { maxLength: 9 }), {
  minLength: 100,
  maxLength: 150,
});

test.each([
  ['few', sequences, 300],
  ['many', manySequences, 60],
] as const)(
  '%s: runs come in order of key, input, position, and cover all once',
  (_, arbitrary, n) => {
    fc.assert(
      fc.property(arbitrary, (lists) => {
        const sorted = lists.map((list) => Float64Array.from([...list].sort((a, b) => a - b)));
        const seen: [number, number, number][] = [];
        let runs = 0;
        mergeRuns(
          sorted.map((keys) => ({ keys, from: 0, to: keys.length })),
          (input, from, to) => {
            expect(to).toBeGreaterThan(from);
            runs++;
            for (let at = from; at < to; at++) seen.push([sorted[input]?.[at] ?? -1, input, at]);
          },
        );
        const oracle = sorted.flatMap((keys, input) =>
          [...keys].map((key, at): [number, number, number] => [key, input, at]),
        );
        oracle.sort((a, b) => a[0] - b[0] || a[1] - b[1] || a[2] - b[2]);
        expect(seen).toEqual(oracle);
        // As long as possible: two neighbouring runs are never of one input.
        expect(runs).toBe(oracle.filter(([, input], at) => input !== oracle[at - 1]?.[1]).length);
      }),
      { numRuns: n, seed: 1 },
    );
  },
);

test('only the part from `from` to `to` is handed out', () => {
  const seen: number[][] = [];
  mergeRuns(
    [
      { keys: Float64Array.of(1, 2, 3, 4), from: 1, to: 3 },
      { keys: Float64Array.of(2, 9), from: 0, to: 1 },
    ],
    (...run) => seen.push(run),
  );
  expect(seen).toEqual([
    [0, 1, 2],
    [1, 0, 1],
    [0, 2, 3],
  ]);
});

test('keys that decrease within one input lose nothing', () => {
  const seen: number[] = [];
  const keys = [Float64Array.of(5, 1, 7), Float64Array.of(4, 6)];
  mergeRuns(
    keys.map((list) => ({ keys: list, from: 0, to: list.length })),
    (input, from, to) => {
      for (let at = from; at < to; at++) seen.push(keys[input]?.[at] ?? -1);
    },
  );
  expect([...seen].sort()).toEqual([1, 4, 5, 6, 7]);
});

test('tables are visited by seq', () => {
  const table = (...seq: number[]) =>
    makeTable('t', { seq: numberColumn(Uint32Array.from(seq), 'count') });
  const seen: number[][] = [];
  visitInOrder([table(1, 4), table(0, 2, 3), table()], (which, row) => seen.push([which, row]));
  expect(seen).toEqual([
    [1, 0],
    [0, 0],
    [1, 1],
    [1, 2],
    [0, 1],
  ]);
});

test('rows of one position are visited in order of their tables', () => {
  const table = (...seq: number[]) =>
    makeTable('t', { seq: numberColumn(Uint32Array.from(seq), 'count') });
  const arbitrary = fc.array(fc.array(fc.integer({ min: 0, max: 12 }), { maxLength: 8 }), {
    maxLength: 4,
  });
  fc.assert(
    fc.property(arbitrary, (lists) => {
      const sorted = lists.map((list) => [...list].sort((a, b) => a - b));
      const seen: number[][] = [];
      visitInOrder(
        sorted.map((list) => table(...list)),
        (which, row) => seen.push([sorted[which]?.[row] ?? -1, which, row]),
      );
      const oracle = sorted.flatMap((list, which) => list.map((seq, row) => [seq, which, row]));
      oracle.sort((a, b) => (a[0] ?? 0) - (b[0] ?? 0) || (a[1] ?? 0) - (b[1] ?? 0));
      expect(seen).toEqual(oracle);
    }),
  );
});
