import { describe, expect, test } from 'vitest';
import {
  bigColumn,
  columnLength,
  exactAt,
  numberColumn,
  textAt,
  textColumn,
} from '../../src/trace/column.ts';
import {
  bigs,
  makeTable,
  numbers,
  optionalBigs,
  optionalNumbers,
  tableWith,
  texts,
} from '../../src/trace/table.ts';

const dirty = numberColumn(Float64Array.of(1, -37665, Number.NaN, 2 ** 63), 'pages', {
  unsigned: true,
  exact: new Map([[3, (1n << 63n) - 1n]]),
});
const ino = bigColumn(BigUint64Array.of(1n, (5n << 32n) + 7n, 0n, (1n << 64n) - 1n), 'id');
const bdi = textColumn(Uint32Array.of(0, 1, 0, 1), ['7:0', 'btrfs-1']);

describe('columns', () => {
  test('print what the kernel had, missing values as undefined', () => {
    expect([0, 1, 2, 3].map((row) => exactAt(dirty, row))).toEqual([
      1,
      (1n << 64n) - 37665n,
      undefined,
      (1n << 63n) - 1n,
    ]);
    expect(exactAt(numberColumn(Int32Array.of(-5), 'none'), 0)).toBe(-5);
    expect([exactAt(ino, 3), exactAt(bdi, 1), textAt(bdi, 2)]).toEqual([
      (1n << 64n) - 1n,
      'btrfs-1',
      '7:0',
    ]);
    expect([dirty, ino, bdi].map(columnLength)).toEqual([4, 4, 4]);
  });

  test('an empty list of exact values is not kept', () => {
    expect(numberColumn(Float64Array.of(1), 'pages', { exact: new Map() })).not.toHaveProperty(
      'exact',
    );
  });

  test('words alias the identities as low and high halves, also in the middle of a buffer', () => {
    expect([...ino.words]).toEqual([1, 0, 7, 5, 0, 0, 0xffffffff, 0xffffffff]);
    const part = new BigUint64Array(ino.values.buffer as ArrayBuffer, 8, 1);
    expect([...bigColumn(part, 'id').words]).toEqual([7, 5]);
  });
});

describe('tables', () => {
  const table = makeTable('t', { dirty, ino, bdi });
  test('columns are equally long, and stay', () => {
    expect(table).toMatchObject({ name: 't', rows: 4, system: '', known: true });
    expect(() =>
      makeTable('t', { dirty, short: numberColumn(Float64Array.of(1), 'none') }),
    ).toThrow(/column t.short has 1 rows instead of 4/);
    expect(Object.isFrozen(table) && Object.isFrozen(table.columns)).toBe(true);
    expect(makeTable('empty', {}).rows).toBe(0);
  });

  test('are asked by kind; a missing or other column is a bug, unless it is optional', () => {
    expect([numbers(table, 'dirty'), bigs(table, 'ino'), texts(table, 'bdi')]).toEqual([
      dirty,
      ino,
      bdi,
    ]);
    expect(() => numbers(table, 'ino')).toThrow('internal error: column t.ino is numeric');
    expect(() => bigs(table, 'dirty')).toThrow(
      'internal error: column t.dirty is a 64-bit identity',
    );
    expect(() => texts(table, 'none')).toThrow('internal error: column t.none is missing');
    expect([
      optionalNumbers(table, 'none'),
      optionalNumbers(table, 'bdi'),
      optionalBigs(table, 'dirty'),
    ]).toEqual([undefined, undefined, undefined]);
    expect([optionalNumbers(table, 'dirty'), optionalBigs(table, 'ino')]).toEqual([dirty, ino]);
  });

  test('tableWith wants a known event with all the columns', () => {
    const raw = makeTable('r', { dirty }, { known: false });
    const tables = new Map([
      ['t', table],
      ['r', raw],
    ]);
    expect(tableWith(tables, 't', ['dirty', 'ino'])).toBe(table);
    expect(tableWith(tables, 't', ['dirty', 'limit'])).toBeUndefined();
    expect(tableWith(tables, 'r', ['dirty'])).toBeUndefined();
    expect(tableWith(tables, 'none', [])).toBeUndefined();
  });
});
