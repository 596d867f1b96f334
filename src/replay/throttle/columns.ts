/** The columns that the throttle's laws read, of whichever events a capture has. */
import type { NumberArray } from '../../trace/column.ts';
import { numbers, optionalNumbers, type Table, type Tables } from '../../trace/table.ts';

const BASE = { ts: 'ts_ns', seq: 'seq', pid: 'pid' } as const;

const THROTTLE = {
  limit: 'limit_pages',
  setpoint: 'setpoint_pages',
  dirty: 'dirty_pages',
  wbSetpoint: 'wb_setpoint_pages',
  wbDirty: 'wb_dirty_pages',
  dirtyRatelimit: 'dirty_ratelimit_kibps',
  taskRatelimit: 'task_ratelimit_kibps',
  dirtied: 'dirtied_pages',
  dirtiedPause: 'dirtied_pause_pages',
  paused: 'paused_ms',
  pause: 'pause_ms',
  period: 'period_ms',
  think: 'think_ms',
} as const;

const STATE = {
  nrDirty: 'nr_dirty_pages',
  nrWriteback: 'nr_writeback_pages',
  thresh: 'dirty_thresh_pages',
  background: 'background_thresh_pages',
  limit: 'dirty_limit_pages',
  nrWritten: 'nr_written_pages',
} as const;

const UPDATE = {
  writeBw: 'write_bw_kibps',
  avgWriteBw: 'avg_write_bw_kibps',
  dirtyRate: 'dirty_rate_kibps',
  dirtyRatelimit: 'dirty_ratelimit_kibps',
  taskRatelimit: 'task_ratelimit_kibps',
  balanced: 'balanced_dirty_ratelimit_kibps',
} as const;

type Columns<Names> = { readonly [Key in keyof Names]: NumberArray } & {
  readonly [Key in keyof typeof BASE]: NumberArray;
} & { readonly table: Table; readonly rows: number };

export type ThrottleColumns = Columns<typeof THROTTLE>;
/** `unstable`: NFS pages that wait for a commit, while the kernel printed them (to 5.6). */
export type StateColumns = Columns<typeof STATE> & { readonly unstable: NumberArray | undefined };
export type UpdateColumns = Columns<typeof UPDATE>;

/** A column that the capture lacks reads as NaN in every row. */
function columnsOf<Names extends Record<string, string>>(
  tables: Tables,
  name: string,
  names: Names,
): Columns<Names> | undefined {
  const table = tables.get(name);
  if (table === undefined || !table.known) return undefined;
  let absent: Float64Array | undefined;
  const read = (id: string): NumberArray => {
    const column = optionalNumbers(table, id);
    if (column !== undefined) return column.values;
    absent ??= new Float64Array(table.rows).fill(Number.NaN);
    return absent;
  };
  const own = Object.entries(names).map(([key, id]) => [key, read(id)]);
  const base = Object.entries(BASE).map(([key, id]) => [key, numbers(table, id).values]);
  return { table, rows: table.rows, ...Object.fromEntries([...base, ...own]) };
}

export const throttleColumns = (tables: Tables): ThrottleColumns | undefined =>
  columnsOf(tables, 'balance_dirty_pages', THROTTLE);

export function stateColumns(tables: Tables): StateColumns | undefined {
  const columns = columnsOf(tables, 'global_dirty_state', STATE);
  if (columns === undefined) return undefined;
  return { ...columns, unstable: optionalNumbers(columns.table, 'nr_unstable_pages')?.values };
}

export const updateColumns = (tables: Tables): UpdateColumns | undefined =>
  columnsOf(tables, 'bdi_dirty_ratelimit', UPDATE);

/** dirty + writeback (+ unstable NFS pages), what the throttle compares. */
export function levelAt(state: StateColumns, row: number): number {
  const { nrDirty, nrWriteback, unstable } = state;
  return (nrDirty[row] as number) + (nrWriteback[row] as number) + (unstable?.[row] ?? 0);
}
