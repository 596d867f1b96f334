/**
 * Recorded counters: where predictions start and what they are compared with. The recorded values
 * enter the replay only where it starts, at the first sample and at the first one after lost
 * events.
 */
import type { ClockJump } from '../../derive/clock-jumps.ts';
import type { Consistency } from '../../derive/consistency.ts';
import { COUNTERS, nodeCounter } from '../../model/view.ts';
import type { NumberColumn } from '../../trace/column.ts';
import { numbers, optionalNumbers, type Table } from '../../trace/table.ts';
import type { LossIndex } from '../losses.ts';
import { NR_DIRTIED, NR_DIRTY, NR_WRITEBACK, NR_WRITTEN } from './flight.ts';
import type { Follower } from './follower.ts';
import { isCounter } from './plausible.ts';
import { SampleLog } from './sample-log.ts';
import { readTimes } from './sampler.ts';
import { Cursor, type Scene } from './scene.ts';
import { Seed } from './seed.ts';

const TRACED = ['nr_dirty_pages', 'nr_writeback_pages', 'nr_dirtied_pages', 'nr_written_pages'];
const SAMPLED = ['nr_dirty', 'nr_writeback', 'nr_dirtied', 'nr_written'];

function recordedOf(table: Table, names: readonly string[]): Float64Array[] {
  return names.map((name) => {
    const column: NumberColumn | undefined = optionalNumbers(table, name);
    if (column === undefined) return new Float64Array(table.rows).fill(Number.NaN);
    // As it is, where it can be: copies of all columns took 20 ms for a million rows.
    return column.values instanceof Float64Array ? column.values : new Float64Array(column.values);
  });
}

export const tracedLog = (table: Table | undefined): SampleLog =>
  table === undefined
    ? new SampleLog(
        [],
        TRACED.map(() => new Float64Array()),
      )
    : new SampleLog(numbers(table, 'ts_ns').values, recordedOf(table, TRACED));

/** Sampled counters, if the table has all four. */
export function sampledLog(table: Table | undefined, traced: Table): SampleLog | undefined {
  if (table === undefined || SAMPLED.some((name) => optionalNumbers(table, name) === undefined)) {
    return undefined;
  }
  return new SampleLog(readTimes(table, traced), recordedOf(table, SAMPLED));
}

export type Anchors = {
  /** How often the prediction had to start. */
  starts: number;
};

/** What tells which samples may be trusted. */
export type SampleTrust = {
  readonly losses: LossIndex;
  readonly consistency: Consistency;
  /** How far a reading may be off. */
  readonly bound_pages: number;
};

/** global_dirty_state: compares, and starts the prediction where there is none. */
export function followSamples(
  scene: Scene,
  table: Table,
  { losses, consistency, bound_pages }: SampleTrust,
): { readonly follower: Follower; readonly anchors: Anchors } {
  const at = new Cursor(scene, table);
  const seq = at.number('seq');
  const log = scene.logs.traced;
  const { wrong, anew } = consistency.traced;
  // Both are asked at every sample, and empty where nothing is wrong.
  const hasWrong = wrong.size > 0;
  const hasAnew = anew.size > 0;
  const jumps = new JumpCursor(consistency.jumps);
  const anchors: Anchors = { starts: 0 };
  const seed = new Seed(scene, bound_pages);
  let anchor = -1;
  // As a row: a time beside the function would be an object for each sample.
  let last = -1;
  const start = (row: number, ts_ns: number) => {
    // Before the first start as well: pages of which the loss hides that they were cleaned.
    if (anchor >= 0 || losses.overlaps(0, ts_ns)) scene.forget();
    anchor = row;
    anchors.starts++;
    scene.pages.kept?.begin(ts_ns);
    startAt(scene, row);
    seed.begin(row, ts_ns);
  };
  const visit = (row: number) => {
    const ts_ns = at.ts[row] as number;
    at.moveTo(row);
    log.length = row + 1;
    if (losses.overlaps(ts_ns, ts_ns) || (hasWrong && wrong.has(row))) return;
    if (!isWhole(scene, row)) return;
    const jump = jumps.passedBy(seq[row] as number);
    const task = scene.knownTask(at.pid[row] as number);
    if (task !== undefined) scene.startWriting(task);
    const last_ns = last < 0 ? Number.NEGATIVE_INFINITY : (at.ts[last] as number);
    const isCut = anchor < 0 || losses.overlaps(last_ns, ts_ns) || (hasAnew && anew.has(row));
    if (isCut || jump === 'back') start(row, ts_ns);
    // Recording may have been paused, or nothing happened.
    else if (jump === 'forward' && isOff(scene, row, bound_pages)) start(row, ts_ns);
    last = row;
    if (anchor < 0 || seed.isQuiet(ts_ns)) {
      anchor = row;
      startAt(scene, row);
      scene.vanished.begin();
    }
    log.predict(row, anchor, scene.pages, at.cpu[row] as number, ts_ns);
    seed.sample(row, ts_ns);
    scene.vanished.sample(row, bound_pages);
  };
  return { follower: { table, visit }, anchors };
}

/** Every counter is there and can be one. */
function isWhole(scene: Scene, row: number): boolean {
  let isThere = true;
  const { recorded } = scene.logs.traced;
  for (let counter = 0; counter < recorded.length; counter++) {
    const value = (recorded[counter] as Float64Array)[row] as number;
    if (isCounter(value)) continue;
    isThere = false;
    // What a line lacks is no number; anything else is one that cannot be.
    if (!Number.isNaN(value)) scene.note('impossible_value');
  }
  return isThere;
}

/** Is a counter off by more than two readings may be? */
function isOff(scene: Scene, row: number, bound_pages: number): boolean {
  const { recorded, base } = scene.logs.traced;
  return COUNTERS.some((name, counter) => {
    const predicted = (base[counter] as number) + nodeCounter(scene.pages.ledger, name);
    return Math.abs(predicted - (recorded[counter]?.[row] as number)) > 2 * bound_pages;
  });
}

/** Which jumps of the clock lie between one sample and the next. */
class JumpCursor {
  readonly #jumps: readonly ClockJump[];
  #next = 0;

  constructor(jumps: readonly ClockJump[]) {
    this.#jumps = jumps;
  }

  passedBy(seq: number): 'back' | 'forward' | undefined {
    let passed: 'back' | 'forward' | undefined;
    for (; this.#next < this.#jumps.length; this.#next++) {
      const jump = this.#jumps[this.#next] as ClockJump;
      if (jump.seq > seq) break;
      if (jump.by_ns < 0) passed = 'back';
      else passed ??= 'forward';
    }
    return passed;
  }
}

/** The ledger takes over what the counters show. */
function startAt(scene: Scene, row: number): void {
  const { traced, sampled } = scene.logs;
  const { pages } = scene;
  const ts_ns = traced.ts_ns[row] as number;
  const value = (counter: number) =>
    ((traced.recorded[counter] as Float64Array)[row] as number) +
    (pages.kept?.of(counter, ts_ns) ?? 0);
  pages.anchor(value(NR_DIRTY), value(NR_WRITEBACK));
  for (const log of [traced, sampled]) {
    if (log === undefined) continue;
    log.base[NR_DIRTIED] = value(NR_DIRTIED) - pages.ledger.total('dirtied');
    log.base[NR_WRITTEN] = value(NR_WRITTEN) - pages.ledger.total('written');
  }
  scene.isAnchored = true;
}
