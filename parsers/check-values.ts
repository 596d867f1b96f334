/** Looks for values that no healthy kernel prints, after everything was read. */
import type { NumberColumn } from '../src/trace/column.ts';
import type { DiagnosticCollector } from '../src/trace/diagnostics.ts';
import { numbers, type Table, type Tables } from '../src/trace/table.ts';
import type { Unit } from '../src/trace/units.ts';

/** Quantities that are counted up and down. Times wrap and have sentinels without any harm. */
const COUNTED: readonly Unit[] = ['pages', 'bytes', 'kibps', 'sectors', 'count'];

/** Unsigned quantities that ran below zero, each as one diagnostic: where, since when, how often. */
export function checkValues(tables: Tables, diagnostics: DiagnosticCollector): void {
  for (const table of tables.values()) {
    if (!table.known) continue;
    for (const [name, column] of Object.entries(table.columns)) {
      const isCounter =
        column.kind === 'number' && column.unsigned && COUNTED.includes(column.unit);
      if (isCounter) checkColumn(table, name, column, diagnostics);
    }
  }
}

function checkColumn(
  table: Table,
  name: string,
  { values }: NumberColumn,
  diagnostics: DiagnosticCollector,
): void {
  // Narrower integers hold what the kernel printed: they cannot be negative.
  if (!(values instanceof Float64Array)) return;
  const [count, first] = countNegative(values);
  if (count === 0) return;
  const ts_ns = numbers(table, 'ts_ns').values[first] as number;
  diagnostics.add('counter_below_zero', count, { ts_ns, subject: `${table.name}.${name}` });
}

/** How many there are, and the row of the first. */
function countNegative(values: Float64Array): [count: number, first: number] {
  let count = 0;
  let first = -1;
  for (let row = 0; row < values.length; row++) {
    if ((values[row] as number) >= 0 || Number.isNaN(values[row])) continue;
    if (count === 0) first = row;
    count++;
  }
  return [count, first];
}
