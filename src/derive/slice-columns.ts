/** What writeback_single_inode(_start) print, looked up once: there may be a slice an inode. */
import { exactAt, TWO_32, textAt } from '../trace/column.ts';
import { numbers, optionalNumbers, type Table } from '../trace/table.ts';

export type SliceColumns = {
  readonly name: string;
  readonly ts: ArrayLike<number>;
  readonly seq: ArrayLike<number>;
  readonly pid: ArrayLike<number>;
  /** Pairs of words (low, high). */
  readonly ino: Uint32Array;
  /** NaN, and empty, where the capture lacks the column. */
  readonly toWrite: (row: number) => number;
  readonly wrote: (row: number) => number;
  readonly dirtiedWhen: (row: number) => number;
  readonly state: (row: number) => string;
  readonly domain: (row: number) => number;
};

export function sliceColumns(table: Table, domain: (row: number) => number): SliceColumns {
  const number = (name: string) => {
    const values = optionalNumbers(table, name)?.values;
    return values === undefined ? () => Number.NaN : (row: number) => values[row] as number;
  };
  const { state } = table.columns;
  return {
    name: table.name,
    ts: numbers(table, 'ts_ns').values,
    seq: numbers(table, 'seq').values,
    pid: numbers(table, 'pid').values,
    ino: identityWords(table, 'ino'),
    toWrite: number('nr_to_write_pages'),
    wrote: number('wrote_pages'),
    dirtiedWhen: number('dirtied_when_jiffies'),
    state: state?.kind === 'text' ? (row) => textAt(state, row) : () => '',
    domain,
  };
}

/** Identities as words, also where a text or an old kernel has them as plain numbers. */
function identityWords(table: Table, name: string): Uint32Array {
  const column = table.columns[name];
  if (column?.kind === 'bigint') return column.words;
  const words = new Uint32Array(2 * table.rows);
  if (column?.kind !== 'number') return words;
  for (let row = 0; row < table.rows; row++) {
    const value = exactAt(column, row) ?? 0;
    const bits = BigInt.asUintN(64, BigInt(value));
    words[2 * row] = Number(bits % BigInt(TWO_32));
    words[2 * row + 1] = Number(bits / BigInt(TWO_32));
  }
  return words;
}
