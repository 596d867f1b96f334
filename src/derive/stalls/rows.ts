/** The columns that all tables of events share, and a stall drafted from one row. */
import { exactAt, type TextColumn, textAt } from '../../trace/column.ts';
import { numbers, type Table, texts } from '../../trace/table.ts';
import type { Draft, Evidence } from './stall.ts';

export type EventRows = {
  readonly table: Table;
  readonly count: number;
  readonly ts: ArrayLike<number>;
  readonly cpu: ArrayLike<number>;
  readonly pid: ArrayLike<number>;
  readonly seq: ArrayLike<number>;
  readonly comm: TextColumn;
};

export function eventRows(table: Table): EventRows {
  return {
    table,
    count: table.rows,
    ts: numbers(table, 'ts_ns').values,
    cpu: numbers(table, 'cpu').values,
    pid: numbers(table, 'pid').values,
    seq: numbers(table, 'seq').values,
    comm: texts(table, 'comm'),
  };
}

type Given = Pick<Draft, 'place' | 'event' | 'start_ns' | 'duration_ns' | 'end'> &
  Partial<
    Pick<Draft, 'reason' | 'cgroup' | 'bdi' | 'dev' | 'ino' | 'asked_ns' | 'certainty'> &
      Pick<Draft, 'begun_before' | 'joins_within_ns' | 'evidence'>
  >;

/** All stalls have their fields in one order: a million of them are read in loops. */
export function draftOf(rows: EventRows, row: number, given: Given): Draft {
  const { table } = rows;
  return {
    place: given.place,
    event: given.event,
    reason: given.reason,
    pid: rows.pid[row] as number,
    comm: textAt(rows.comm, row),
    cpu: rows.cpu[row] as number,
    cgroup: given.cgroup,
    bdi: given.bdi ?? textOf(table, 'bdi', row),
    dev: given.dev ?? deviceOf(table, 'dev', row),
    ino: given.ino ?? inodeOf(table, row),
    start_ns: given.start_ns,
    duration_ns: given.duration_ns,
    own_ns: 0,
    asked_ns: given.asked_ns,
    open: given.end === 'capture-end',
    begun_before: given.begun_before ?? false,
    end: given.end,
    certainty: given.certainty ?? 'certain',
    across_loss: false,
    joins_within_ns: given.joins_within_ns ?? 0,
    evidence: given.evidence ?? [evidenceOf(rows, row)],
    seq: rows.seq[row] as number,
  };
}

export function evidenceOf({ table, seq }: EventRows, row: number): Evidence {
  return { table: table.name, row, seq: seq[row] as number };
}

/** A text of the row; undefined where it is not recorded or empty. */
export function textOf(table: Table, name: string, row: number): string | undefined {
  const column = table.columns[name];
  if (column?.kind !== 'text') return undefined;
  const text = textAt(column, row);
  return text === '' ? undefined : text;
}

const MINOR_BITS = 20;

/** `7:0` of the kernel's device number. */
export function deviceText(dev: number): string {
  return `${dev >>> MINOR_BITS}:${dev & ((1 << MINOR_BITS) - 1)}`;
}

export function deviceOf(table: Table, name: string, row: number): string | undefined {
  const column = table.columns[name];
  if (!table.known || column?.kind !== 'number') return undefined;
  const dev = column.values[row] as number;
  return Number.isNaN(dev) ? undefined : deviceText(dev);
}

export function inodeOf(table: Table, row: number): string | undefined {
  const column = table.columns.ino;
  return table.known && column?.kind === 'bigint' ? String(exactAt(column, row)) : undefined;
}

/** The cgroup's inode number or path; undefined for what kernels print when there is none. */
export function cgroupOf(table: Table, row: number): string | undefined {
  const path = textOf(table, 'cgroup', row);
  if (path !== undefined) return path;
  const column = table.columns.cgroup_ino;
  return column?.kind === 'bigint' ? String(exactAt(column, row)) : undefined;
}
