/** The rate controller of each bdi as bdi_dirty_ratelimit shows it (the set that Wu plotted). */
import { textAt } from '../trace/column.ts';
import { numbers, optionalBigs, type Tables, tableWith, texts } from '../trace/table.ts';

export type BandwidthSeries = {
  /** The bdi, followed by the cgroup's inode where there are several. */
  readonly name: string;
  readonly ts_ns: Float64Array;
  readonly write_bw_kibps: Float64Array;
  readonly avg_write_bw_kibps: Float64Array;
  readonly dirty_rate_kibps: Float64Array;
  readonly dirty_ratelimit_kibps: Float64Array;
  readonly task_ratelimit_kibps: Float64Array;
  readonly balanced_dirty_ratelimit_kibps: Float64Array;
};

const RATES = [
  'write_bw_kibps',
  'avg_write_bw_kibps',
  'dirty_rate_kibps',
  'dirty_ratelimit_kibps',
  'task_ratelimit_kibps',
  'balanced_dirty_ratelimit_kibps',
] as const;

/** One series per bdi and cgroup, the one with most updates first. */
export function writeBandwidth(tables: Tables): readonly BandwidthSeries[] {
  const table = tableWith(tables, 'bdi_dirty_ratelimit', ['bdi', ...RATES]);
  if (table === undefined) return [];
  const bdi = texts(table, 'bdi');
  const cgroup = optionalBigs(table, 'cgroup_ino')?.values;
  const several = new Set(cgroup).size > 1;
  const rowsOf = new Map<string, number[]>();
  for (let row = 0; row < table.rows; row++) {
    const name = several ? `${textAt(bdi, row)} cgroup ${cgroup?.[row]}` : textAt(bdi, row);
    const rows = rowsOf.get(name);
    if (rows === undefined) rowsOf.set(name, [row]);
    else rows.push(row);
  }
  const pick = (column: string, rows: readonly number[]) => {
    const { values } = numbers(table, column);
    return Float64Array.from(rows, (row) => values[row] as number);
  };
  return [...rowsOf]
    .sort(([, left], [, right]) => right.length - left.length)
    .map(([name, rows]) => ({
      name,
      ts_ns: pick('ts_ns', rows),
      write_bw_kibps: pick('write_bw_kibps', rows),
      avg_write_bw_kibps: pick('avg_write_bw_kibps', rows),
      dirty_rate_kibps: pick('dirty_rate_kibps', rows),
      dirty_ratelimit_kibps: pick('dirty_ratelimit_kibps', rows),
      task_ratelimit_kibps: pick('task_ratelimit_kibps', rows),
      balanced_dirty_ratelimit_kibps: pick('balanced_dirty_ratelimit_kibps', rows),
    }));
}
