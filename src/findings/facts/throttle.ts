/**
 * Every pause of balance_dirty_pages with the numbers that the kernel decided by: its own event,
 * and the global_dirty_state of the same task and iteration, which carries the thresholds.
 */
import { stateColumns, throttleColumns } from '../../replay/throttle/columns.ts';
import { pairWithState } from '../../replay/throttle/pairing.ts';
import { textAt } from '../../trace/column.ts';
import { numbers, optionalNumbers, type Table, tableWith, texts } from '../../trace/table.ts';
import type { Facts } from '../facts.ts';

export type Pause = {
  /** Row of balance_dirty_pages. */
  readonly row: number;
  /** Number of the stall in facts.stalls. */
  readonly stall: number;
  readonly ts_ns: number;
  readonly own_ns: number;
  readonly pid: number;
  readonly comm: string;
  readonly bdi: string;
  readonly limit_pages: number;
  readonly setpoint_pages: number;
  readonly dirty_pages: number;
  readonly wb_setpoint_pages: number;
  readonly wb_dirty_pages: number;
  readonly task_ratelimit_kibps: number;
  /** From the paired sample, else from the setpoint of the event; NaN when neither tells. */
  readonly freerun_pages: number;
  /** From the paired sample; NaN when there is none. */
  readonly thresh_pages: number;
  readonly background_pages: number;
  readonly nr_dirty_pages: number;
  readonly nr_writeback_pages: number;
};

export type ThrottleFacts = {
  readonly pauses: readonly Pause[];
  /** Sum of the pauses, nanoseconds. */
  readonly paused_ns: number;
};

const COLUMNS = ['bdi', 'pause_ms', 'limit_pages', 'setpoint_pages', 'dirty_pages'];
const STATE_COLUMNS = [
  'nr_dirty_pages',
  'nr_writeback_pages',
  'dirty_thresh_pages',
  'background_thresh_pages',
];

/** Pauses in order of time; none when the event or its numbers were not recorded. */
export function throttleFacts(facts: Facts): ThrottleFacts {
  const table = tableWith(facts.trace.tables, 'balance_dirty_pages', COLUMNS);
  if (table === undefined) return { pauses: [], paused_ns: 0 };
  const stallOf = stallsBySeq(facts);
  const state = tableWith(facts.trace.tables, 'global_dirty_state', STATE_COLUMNS);
  const pauses = collect(table, state, facts, stallOf);
  return { pauses, paused_ns: pauses.reduce((sum, { own_ns }) => sum + own_ns, 0) };
}

function stallsBySeq(facts: Facts): ReadonlyMap<number, number> {
  const numberOf = new Map<number, number>();
  facts.stalls.forEach(({ place, seq }, index) => {
    if (place === 'dirty-throttling') numberOf.set(seq, index);
  });
  return numberOf;
}

function collect(
  table: Table,
  state: Table | undefined,
  facts: Facts,
  stallOf: ReadonlyMap<number, number>,
): Pause[] {
  const columns = pauseColumns(table, state, facts);
  const { tables } = facts.trace;
  const { pairs } = pairWithState(throttleColumns(tables), stateColumns(tables), facts.losses);
  const seq = numbers(table, 'seq').values;
  const pauses: Pause[] = [];
  for (let row = 0; row < table.rows; row++) {
    const stall = stallOf.get(seq[row] as number);
    if (stall === undefined) continue;
    const paired = state === undefined ? -1 : (pairs[row] as number);
    pauses.push(new PauseOfRow(columns, row, stall, paired));
  }
  return pauses;
}

/** setpoint = (freerun + limit) / 2, mm/page-writeback.c, dirty_setpoint(). */
function freerunOf(setpoint_pages: number, limit_pages: number): number {
  const freerun = 2 * setpoint_pages - limit_pages;
  return freerun > 0 ? freerun : Number.NaN;
}

type Read = (row: number) => number;

/** What is read of a pause; of the state as well, by the row that it is paired with. */
function pauseColumns(table: Table, state: Table | undefined, facts: Facts) {
  const of = (from: Table | undefined, name: string): Read => {
    const values = from && optionalNumbers(from, name)?.values;
    if (values === undefined) return () => Number.NaN;
    return (row) => (row >= 0 ? (values[row] as number) : Number.NaN);
  };
  const freerun = state && facts.dirty?.freerun_pages;
  return {
    stalls: facts.stalls,
    ts: of(table, 'ts_ns'),
    pid: of(table, 'pid'),
    bdi: texts(table, 'bdi'),
    comm: texts(table, 'comm'),
    limit: of(table, 'limit_pages'),
    setpoint: of(table, 'setpoint_pages'),
    dirty: of(table, 'dirty_pages'),
    wbSetpoint: of(table, 'wb_setpoint_pages'),
    wbDirty: of(table, 'wb_dirty_pages'),
    rate: of(table, 'task_ratelimit_kibps'),
    freerun: (row: number) => (row >= 0 ? (freerun?.[row] ?? Number.NaN) : Number.NaN),
    thresh: of(state, 'dirty_thresh_pages'),
    background: of(state, 'background_thresh_pages'),
    nrDirty: of(state, 'nr_dirty_pages'),
    nrWriteback: of(state, 'nr_writeback_pages'),
  };
}

/**
 * There may be a million pauses: each reads the columns when it is asked. With its numbers inside,
 * and with the rows that show its stall, 0.34 M took 160 MiB more.
 */
class PauseOfRow implements Pause {
  readonly #columns: ReturnType<typeof pauseColumns>;
  readonly row: number;
  readonly stall: number;
  /** Row of global_dirty_state, negative when there is none: its numbers are NaN then. */
  readonly #paired: number;

  constructor(
    columns: ReturnType<typeof pauseColumns>,
    row: number,
    stall: number,
    paired: number,
  ) {
    this.#columns = columns;
    this.row = row;
    this.stall = stall;
    this.#paired = paired;
  }

  get ts_ns(): number {
    return this.#columns.ts(this.row);
  }

  get own_ns(): number {
    return this.#columns.stalls[this.stall]?.own_ns ?? 0;
  }

  get pid(): number {
    return this.#columns.pid(this.row);
  }

  get comm(): string {
    return textAt(this.#columns.comm, this.row);
  }

  get bdi(): string {
    return textAt(this.#columns.bdi, this.row);
  }

  get limit_pages(): number {
    return this.#columns.limit(this.row);
  }

  get setpoint_pages(): number {
    return this.#columns.setpoint(this.row);
  }

  get dirty_pages(): number {
    return this.#columns.dirty(this.row);
  }

  get wb_setpoint_pages(): number {
    return this.#columns.wbSetpoint(this.row);
  }

  get wb_dirty_pages(): number {
    return this.#columns.wbDirty(this.row);
  }

  get task_ratelimit_kibps(): number {
    return this.#columns.rate(this.row);
  }

  get freerun_pages(): number {
    const paired = this.#columns.freerun(this.#paired);
    return Number.isNaN(paired) ? freerunOf(this.setpoint_pages, this.limit_pages) : paired;
  }

  get thresh_pages(): number {
    return this.#columns.thresh(this.#paired);
  }

  get background_pages(): number {
    return this.#columns.background(this.#paired);
  }

  get nr_dirty_pages(): number {
    return this.#columns.nrDirty(this.#paired);
  }

  get nr_writeback_pages(): number {
    return this.#columns.nrWriteback(this.#paired);
  }
}
