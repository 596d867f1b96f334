/** Cells of a table by name and row, for code that reads many columns of few rows. */
import { exactAt, textAt } from '../trace/column.ts';
import type { Table } from '../trace/table.ts';

export class RowReader {
  readonly name: string;
  readonly #columns: Table['columns'];

  constructor(table: Table) {
    this.name = table.name;
    this.#columns = table.columns;
  }

  /** NaN where the capture lacks the column. */
  number(name: string, row: number): number {
    const column = this.#columns[name];
    return column?.kind === 'number' ? (column.values[row] as number) : Number.NaN;
  }

  /** Empty where the capture lacks the column. */
  text(name: string, row: number): string {
    const column = this.#columns[name];
    return column?.kind === 'text' ? textAt(column, row) : '';
  }

  /** An identity, or a quantity with all its digits; zero where the capture lacks it. */
  big(name: string, row: number): bigint {
    const column = this.#columns[name];
    if (column === undefined || column.kind === 'text') return 0n;
    const value = exactAt(column, row);
    return typeof value === 'string' ? 0n : BigInt(value ?? 0);
  }
}
