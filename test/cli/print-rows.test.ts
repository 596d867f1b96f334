/** Cells as they were printed one by one: whatever a column may hold. */
import { expect, test } from 'vitest';
import { printRows } from '../../src/cli/tables/print-rows.ts';
import {
  bigColumn,
  type Column,
  exactAt,
  numberColumn,
  textColumn,
} from '../../src/trace/column.ts';
import type { Table } from '../../src/trace/table.ts';

const WHOLE = [
  ...[0, -0, 1, 9, 10, 99, 100, 99_999, 100_000, 999_999_999, 1e9, 1e9 + 1, 123_456_789_012],
  ...[-1, -4096, -1e12, 2 ** 53 - 1, 2 ** 53, 2 ** 63, -(2 ** 53), Number.NaN],
];
const NUMBERS = [...WHOLE, 0.5, -0.25, 1e-9];
const IDS = [0n, 1n, 2n ** 32n - 1n, 2n ** 32n, 2n ** 53n - 1n, 2n ** 53n, 2n ** 64n - 1n];

/** So many rows that they come in several batches and pieces. */
const ROWS = 30_000;
const each = <T>(values: readonly T[]): T[] =>
  Array.from({ length: ROWS }, (_, row) => values[row % values.length] as T);

const COLUMNS: Record<string, Column> = {
  signed: numberColumn(Float64Array.from(each(NUMBERS)), 'none'),
  unsigned: numberColumn(Float64Array.from(each(WHOLE)), 'none', {
    unsigned: true,
    exact: () => new Map([[WHOLE.indexOf(2 ** 53), 2n ** 53n + 1n]]),
  }),
  small: numberColumn(Int16Array.from(each([0, -1, 32_767, -32_768])), 'none'),
  id: bigColumn(BigUint64Array.from(each(IDS)), 'none'),
  delta: bigColumn(BigInt64Array.from(each([...IDS.slice(0, 6), -1n, -(2n ** 40n)])), 'none'),
  text: textColumn(Uint32Array.from(each([0, 1, 2, 3])), [
    '',
    'dd',
    'ä€😀',
    'a long name of a task',
  ]),
};

test('cells are those that printing values one by one gives', () => {
  const print = (value: unknown) => `<${value}>`;
  const pieces: string[] = [];
  const table = { rows: ROWS, columns: COLUMNS } as unknown as Table;
  const around = (name: string, nth: number) => [`${nth === 0 ? '' : ' '}${name}=`, ';'] as const;
  printRows(table, { first: '[', between: ',', around, end: '\n', print }, (text) => {
    pieces.push(text);
    return true;
  });
  expect(pieces.length).toBeGreaterThan(10);
  // Whole numbers and identities are printed as they are, all else by `print`.
  const bare = pieces.join('').replaceAll(/[<>]/g, '').split('\n');
  expect(bare.length).toBe(ROWS + 1);
  for (const row of [...Array.from({ length: 400 }, (_, nth) => nth), ROWS - 1]) {
    const cells = Object.entries(COLUMNS).map(([name, column]) => {
      return `${name}=${exactAt(column, row)};`;
    });
    expect(bare[row]).toBe(`${row === 0 ? '[' : ','}${cells.join(' ')}`);
  }
});

test('printing ends when nobody reads', () => {
  let pieces = 0;
  const table = { rows: ROWS, columns: COLUMNS } as unknown as Table;
  const around = () => ['', ''] as const;
  printRows(table, { first: '', between: '', around, end: '\n', print: String }, () => {
    pieces++;
    return false;
  });
  expect(pieces).toBe(1);
});
