/** Tables as arquero tables: typed arrays without a copy, text through its dictionary. */
import { table as makeArquero } from 'arquero';
import type { Column } from '../trace/column.ts';
import { textAt } from '../trace/column.ts';
import type { Table } from '../trace/table.ts';

export function toArquero(table: Table): ReturnType<typeof makeArquero> {
  return makeArquero(
    Object.entries(table.columns).map(([name, column]): [string, ArqueroColumn] => [
      name,
      arqueroColumn(column),
    ]),
  );
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
