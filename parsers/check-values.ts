/** Looks for values that no healthy kernel prints, after everything was read. */
import type { Column, NumberColumn } from '../src/trace/column.ts';
import type { DiagnosticCollector } from '../src/trace/diagnostics.ts';
import { numbers, type Table, type Tables } from '../src/trace/table.ts';
import type { Unit } from '../src/trace/units.ts';

/**
 * Quantities that are counted up and down. Times wrap and have sentinels without any harm; so have
 * places on a disk, where a request to flush is at sector -1.
 */
const COUNTED: readonly Unit[] = ['pages', 'bytes', 'kibps', 'count'];

export function isCounter(unsigned: boolean, unit: Unit): boolean {
  return unsigned && COUNTED.includes(unit);
}

/** Values of one unsigned counter that ran below zero: how many, and when the first one. */
export type BelowZero = {
  readonly table: string;
  readonly column: string;
  readonly count: number;
  readonly ts_ns: number;
};

/**
 * Unsigned quantities that ran below zero, each as one diagnostic: where, since when, how often.
 * `others` are those of tables that were not kept; columns in `never` are known to have none.
 */
export function checkValues(
  tables: Tables,
  diagnostics: DiagnosticCollector,
  others: readonly BelowZero[] = [],
  never: ReadonlySet<Column> = new Set(),
): void {
  const found = [...others];
  for (const table of tables.values()) found.push(...belowZero(table, never));
  // The same order whatever was kept; columns of one table stay in theirs.
  found.sort((left, right) => Number(left.table > right.table) - Number(left.table < right.table));
  for (const { table, column, count, ts_ns } of found) {
    diagnostics.add('counter_below_zero', count, { ts_ns, subject: `${table}.${column}` });
  }
}

function belowZero(table: Table, never: ReadonlySet<Column>): BelowZero[] {
  if (!table.known) return [];
  return Object.entries(table.columns).flatMap(([name, column]) =>
    column.kind === 'number' && isCounter(column.unsigned, column.unit) && !never.has(column)
      ? belowZeroOf(table, name, column)
      : [],
  );
}

function belowZeroOf(table: Table, name: string, { values }: NumberColumn): BelowZero[] {
  // Narrower integers hold what the kernel printed: they cannot be negative.
  if (!(values instanceof Float64Array)) return [];
  const [count, first] = countNegative(values);
  if (count === 0) return [];
  const ts_ns = numbers(table, 'ts_ns').values[first] as number;
  return [{ table: table.name, column: name, count, ts_ns }];
}

/** How many there are, and the row of the first. */
function countNegative(values: Float64Array): [count: number, first: number] {
  let count = 0;
  let first = -1;
  for (let row = 0; row < values.length; row++) {
    // Neither is what has no value, which is NaN.
    if (!((values[row] as number) < 0)) continue;
    if (count === 0) first = row;
    count++;
  }
  return [count, first];
}
