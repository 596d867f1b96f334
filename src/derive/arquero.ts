/** Tables as arquero tables: typed arrays without a copy, text through its dictionary. */
import { table as makeArquero } from 'arquero';
import type { Column } from '../trace/column.ts';
import { textAt } from '../trace/column.ts';
import type { Table } from '../trace/table.ts';

/**
 * What is used most of an arquero table (its documentation has the rest). arquero's own types are
 * not named, because they do not compile where types of packages are checked (`skipLibCheck` off):
 * whoever has them says `toArquero(table) as unknown as ColumnTable`.
 */
export type ArqueroTable = {
  numRows(): number;
  numCols(): number;
  columnNames(): string[];
  /** A value of a column, by its row. */
  get(column: string, row?: number): unknown;
  /** A whole column as it is stored: of numbers, the typed array of the trace's own table. */
  column(column: string): ArrayLike<unknown> | undefined;
  /** A whole column, of the rows that are left, in their order. */
  array(column: string): ArrayLike<unknown>;
  object(row?: number): Readonly<Record<string, unknown>>;
  objects(options?: { readonly limit?: number; readonly offset?: number }): object[];
  toCSV(options?: object): string;
} & {
  readonly [Verb in ArqueroVerb]: (...values: readonly ArqueroValue[]) => ArqueroTable;
};

/** What verbs take: names, expressions of a row, objects of both, other tables. */
type ArqueroValue = Expression | Readonly<Record<string, Expression>> | readonly string[];
type Expression = string | number | boolean | object | ((row: Row) => unknown);
/** Whatever its columns hold. */
type Row = Readonly<Record<string, never>>;

/** Each makes another table. */
type ArqueroVerb =
  | 'assign'
  | 'dedupe'
  | 'derive'
  | 'except'
  | 'filter'
  | 'fold'
  | 'groupby'
  | 'join'
  | 'join_left'
  | 'orderby'
  | 'pivot'
  | 'reify'
  | 'rename'
  | 'rollup'
  | 'select'
  | 'semijoin'
  | 'slice'
  | 'ungroup'
  | 'union';

/** A view of the table: what arquero makes of it shares its columns. */
export function toArquero(table: Table): ArqueroTable {
  // Any verb takes any values here, where arquero's own types name them one by one.
  return makeArquero(
    Object.entries(table.columns).map(([name, column]): [string, ArqueroColumn] => [
      name,
      arqueroColumn(column),
    ]),
  ) as unknown as ArqueroTable;
}

/** arquero takes anything with a length, `at` and an iterator as a column. */
type ArqueroColumn = {
  readonly length: number;
  at(row: number): unknown;
  [Symbol.iterator](): Iterator<unknown>;
};

function arqueroColumn(column: Column): ArqueroColumn {
  if (column.kind !== 'text') return column.values;
  const { codes } = column;
  return {
    length: codes.length,
    at: (row) => textAt(column, row),
    *[Symbol.iterator]() {
      for (let row = 0; row < codes.length; row++) yield textAt(column, row);
    },
  };
}
