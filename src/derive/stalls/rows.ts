/** The columns that all tables of events share, and a stall drafted from one row. */
import { type BigColumn, doubleAt, exactAt, type TextColumn, textAt } from '../../trace/column.ts';
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
      Pick<Draft, 'begun_before' | 'joins_within_ns'>
  > & {
    /** The row itself, unless more tells of it. */
    readonly evidence?: () => Evidence[];
  };

/**
 * A stall of one row. All have their fields in one order, because a million of them are read in
 * loops; what only lists show, the rows that tell of it, is made when it is asked for.
 */
class RowDraft implements Draft {
  place: Draft['place'];
  event: string;
  reason: string | undefined;
  pid: number;
  comm: string;
  cpu: number;
  cgroup: string | undefined;
  bdi: string | undefined;
  dev: string | undefined;
  ino: string | undefined;
  start_ns: number;
  duration_ns: number;
  own_ns: number;
  asked_ns: number | undefined;
  open: boolean;
  begun_before: boolean;
  end: Draft['end'];
  certainty: Draft['certainty'];
  across_loss = false;
  joins_within_ns: number;
  seq: number;
  #evidence: Evidence[] | undefined;
  readonly #rows: EventRows;
  readonly #row: number;
  readonly #collect: (() => Evidence[]) | undefined;

  constructor(rows: EventRows, row: number, given: Given) {
    const { table } = rows;
    this.place = given.place;
    this.event = given.event;
    this.reason = given.reason;
    this.pid = rows.pid[row] as number;
    this.comm = textAt(rows.comm, row);
    this.cpu = rows.cpu[row] as number;
    this.cgroup = given.cgroup;
    this.bdi = given.bdi ?? textOf(table, 'bdi', row);
    this.dev = given.dev ?? deviceOf(table, 'dev', row);
    this.ino = given.ino ?? inodeOf(table, row);
    this.start_ns = given.start_ns;
    this.duration_ns = given.duration_ns;
    // No small integer at first: V8 would move each stall when its first sum is stored, which took
    // 0.5 s for 0.34 M.
    this.own_ns = 0.5;
    this.own_ns = 0;
    this.asked_ns = given.asked_ns;
    this.open = given.end === 'capture-end';
    this.begun_before = given.begun_before ?? false;
    this.end = given.end;
    this.certainty = given.certainty ?? 'certain';
    this.joins_within_ns = given.joins_within_ns ?? 0;
    this.seq = rows.seq[row] as number;
    this.#rows = rows;
    this.#row = row;
    this.#collect = given.evidence;
  }

  get evidence(): Evidence[] {
    this.#evidence ??= this.#collect?.() ?? [evidenceOf(this.#rows, this.#row)];
    return this.#evidence;
  }
}

export const draftOf = (rows: EventRows, row: number, given: Given): Draft =>
  new RowDraft(rows, row, given);

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

/** Names that were made last: a million stalls are on few devices and inodes. */
const MOST_NAMES = 4096;
const deviceNames = new Map<number, string>();
const inodeNames = new Map<number, string>();

function nameOf(names: Map<number, string>, id: number, make: (id: number) => string): string {
  const known = names.get(id);
  if (known !== undefined) return known;
  if (names.size >= MOST_NAMES) names.clear();
  const name = make(id);
  names.set(id, name);
  return name;
}

/** `7:0` of the kernel's device number. */
export const deviceText = (dev: number): string => nameOf(deviceNames, dev, numbersOfDevice);

const numbersOfDevice = (dev: number) => `${dev >>> MINOR_BITS}:${dev & ((1 << MINOR_BITS) - 1)}`;

export function deviceOf(table: Table, name: string, row: number): string | undefined {
  const column = table.columns[name];
  if (!table.known || column?.kind !== 'number') return undefined;
  const dev = column.values[row] as number;
  return Number.isNaN(dev) ? undefined : deviceText(dev);
}

export function inodeOf(table: Table, row: number): string | undefined {
  const column = table.columns.ino;
  return table.known && column?.kind === 'bigint' ? identityText(column, row) : undefined;
}

/** Decimal digits; a number is enough where it is exact. */
function identityText(column: BigColumn, row: number): string {
  const number = doubleAt(column.words, row);
  const isExact = number < Number.MAX_SAFE_INTEGER && column.values instanceof BigUint64Array;
  return isExact ? nameOf(inodeNames, number, String) : String(exactAt(column, row));
}

/** The cgroup's inode number or path; undefined for what kernels print when there is none. */
export function cgroupOf(table: Table, row: number): string | undefined {
  const path = textOf(table, 'cgroup', row);
  if (path !== undefined) return path;
  const column = table.columns.cgroup_ino;
  return column?.kind === 'bigint' ? identityText(column, row) : undefined;
}
