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
  const read = throttleReader(table);
  const thresholds = state === undefined ? undefined : stateReader(state, facts);
  const { tables } = facts.trace;
  const { pairs } = pairWithState(throttleColumns(tables), stateColumns(tables), facts.losses);
  const seq = numbers(table, 'seq').values;
  const pauses: Pause[] = [];
  for (let row = 0; row < table.rows; row++) {
    const stall = stallOf.get(seq[row] as number);
    if (stall === undefined) continue;
    const paired = pairs[row] as number;
    const pair = paired < 0 ? undefined : thresholds?.(paired);
    pauses.push(read(row, stall, facts.stallNs(stall), pair ?? UNPAIRED));
  }
  return pauses;
}

/** setpoint = (freerun + limit) / 2, mm/page-writeback.c, dirty_setpoint(). */
function freerunOf(setpoint_pages: number, limit_pages: number): number {
  const freerun = 2 * setpoint_pages - limit_pages;
  return freerun > 0 ? freerun : Number.NaN;
}

/** There may be a million pauses: each is one object, made at once. */
function throttleReader(table: Table) {
  const value = (name: string) => {
    const values = optionalNumbers(table, name)?.values;
    return (row: number) => values?.[row] ?? Number.NaN;
  };
  const ts = value('ts_ns');
  const pid = value('pid');
  const bdi = texts(table, 'bdi');
  const comm = texts(table, 'comm');
  const limit = value('limit_pages');
  const setpoint = value('setpoint_pages');
  const dirty = value('dirty_pages');
  const wbSetpoint = value('wb_setpoint_pages');
  const wbDirty = value('wb_dirty_pages');
  const rate = value('task_ratelimit_kibps');
  return (row: number, stall: number, own_ns: number, paired: typeof UNPAIRED): Pause => ({
    row,
    stall,
    ts_ns: ts(row),
    own_ns,
    pid: pid(row),
    comm: textAt(comm, row),
    bdi: textAt(bdi, row),
    limit_pages: limit(row),
    setpoint_pages: setpoint(row),
    dirty_pages: dirty(row),
    wb_setpoint_pages: wbSetpoint(row),
    wb_dirty_pages: wbDirty(row),
    task_ratelimit_kibps: rate(row),
    freerun_pages: Number.isNaN(paired.freerun_pages)
      ? freerunOf(setpoint(row), limit(row))
      : paired.freerun_pages,
    thresh_pages: paired.thresh_pages,
    background_pages: paired.background_pages,
    nr_dirty_pages: paired.nr_dirty_pages,
    nr_writeback_pages: paired.nr_writeback_pages,
  });
}

const UNPAIRED = {
  thresh_pages: Number.NaN,
  background_pages: Number.NaN,
  freerun_pages: Number.NaN,
  nr_dirty_pages: Number.NaN,
  nr_writeback_pages: Number.NaN,
};

function stateReader(state: Table, facts: Facts) {
  const thresh = numbers(state, 'dirty_thresh_pages').values;
  const background = numbers(state, 'background_thresh_pages').values;
  const dirty = numbers(state, 'nr_dirty_pages').values;
  const writeback = numbers(state, 'nr_writeback_pages').values;
  const freerun = facts.dirty?.freerun_pages;
  return (row: number): typeof UNPAIRED => ({
    thresh_pages: thresh[row] as number,
    background_pages: background[row] as number,
    freerun_pages: freerun?.[row] ?? Number.NaN,
    nr_dirty_pages: dirty[row] as number,
    nr_writeback_pages: writeback[row] as number,
  });
}
