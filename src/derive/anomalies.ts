/** What a trace holds that cannot be right or has no partner: counted by kind, never repaired. */
import { optionalNumbers, type Table } from '../trace/table.ts';

export type Anomaly = {
  readonly kind: string;
  readonly table: string;
  readonly count: number;
  /** The first rows of the table, to be looked up. */
  readonly rows: readonly number[];
};

const ROWS_KEPT = 5;

export class AnomalyTally {
  readonly #found = new Map<
    string,
    { kind: string; table: string; count: number; rows: number[] }
  >();

  add(kind: string, table: string, row: number): void {
    const key = `${kind} ${table}`;
    let entry = this.#found.get(key);
    if (entry === undefined) {
      entry = { kind, table, count: 0, rows: [] };
      this.#found.set(key, entry);
    }
    entry.count++;
    if (entry.rows.length < ROWS_KEPT) entry.rows.push(row);
  }

  list(): readonly Anomaly[] {
    return [...this.#found.values()];
  }
}

/** Unsigned counters that ran below zero in the kernel: kept as negative values, and counted here. */
export function countWrapped(
  table: Table,
  columns: readonly string[],
  anomalies: AnomalyTally,
): void {
  for (const name of columns) {
    const column = optionalNumbers(table, name);
    if (column?.unsigned !== true) continue;
    const { values } = column;
    for (let row = 0; row < table.rows; row++) {
      if ((values[row] as number) < 0) anomalies.add(`${name} below zero`, table.name, row);
    }
  }
}
