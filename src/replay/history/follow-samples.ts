/**
 * Recorded counters: where predictions start and what they are compared with. The recorded values
 * enter the replay only where it starts, at the first sample and at the first one after lost
 * events.
 */
import type { NumberColumn } from '../../trace/column.ts';
import { numbers, optionalNumbers, type Table } from '../../trace/table.ts';
import { NS_PER_S } from '../../trace/time.ts';
import type { LossIndex } from '../losses.ts';
import { COUNTER_COUNT, NR_DIRTIED, NR_DIRTY, NR_WRITEBACK, NR_WRITTEN } from './flight.ts';
import type { Follower } from './follower.ts';
import { isCounter } from './plausible.ts';
import { SampleLog } from './sample-log.ts';
import { readTimes } from './sampler.ts';
import { Cursor, type Scene } from './scene.ts';

/** How long the replay may be seeded, and how many pages may move meanwhile. */
const SEED_NS = 1.5 * NS_PER_S;
const QUIET_PAGES = 16;

const TRACED = ['nr_dirty_pages', 'nr_writeback_pages', 'nr_dirtied_pages', 'nr_written_pages'];
const SAMPLED = ['nr_dirty', 'nr_writeback', 'nr_dirtied', 'nr_written'];

function recordedOf(table: Table, names: readonly string[]): Float64Array[] {
  return names.map((name) => {
    const column: NumberColumn | undefined = optionalNumbers(table, name);
    return column === undefined
      ? new Float64Array(table.rows).fill(Number.NaN)
      : Float64Array.from(column.values);
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

/** global_dirty_state: compares, and starts the prediction where there is none. */
export function followSamples(
  scene: Scene,
  table: Table,
  losses: LossIndex,
  bound_pages: number,
): { readonly follower: Follower; readonly anchors: Anchors } {
  const at = new Cursor(scene, table);
  const log = scene.logs.traced;
  const anchors: Anchors = { starts: 0 };
  const warmUp = new WarmUp(scene);
  let anchor = -1;
  let last_ns = Number.NEGATIVE_INFINITY;
  let lastRow = -1;
  const isWhole = (row: number) => log.recorded.every((values) => isCounter(values[row] as number));
  const start = (row: number, ts_ns: number) => {
    // Before the first start as well: pages of which the loss hides that they were cleaned.
    if (anchor >= 0 || losses.overlaps(0, ts_ns)) scene.forget();
    anchor = row;
    anchors.starts++;
    startAt(scene, row);
    warmUp.begin(ts_ns);
  };
  const visit = (row: number) => {
    const ts_ns = at.ts[row] as number;
    at.moveTo(row);
    log.length = row + 1;
    if (losses.overlaps(ts_ns, ts_ns) || !isWhole(row)) return;
    if (ts_ns < last_ns) scene.note('clock-jump', last_ns - ts_ns);
    const task = scene.knownTask(at.pid[row] as number);
    if (task !== undefined) scene.startWriting(task);
    if (anchor < 0 || losses.overlaps(last_ns, ts_ns)) start(row, ts_ns);
    else if (stepsBack(scene, lastRow, row, bound_pages)) start(row, ts_ns);
    last_ns = ts_ns;
    lastRow = row;
    if (anchor < 0 || !warmUp.isOver(ts_ns)) {
      anchor = row;
      startAt(scene, row);
    }
    log.predict(row, anchor, scene.pages.ledger, scene.pages.flight, at.cpu[row] as number, ts_ns);
  };
  return { follower: { table, visit }, anchors };
}

/**
 * The first sample may be off by the drift of its reading. Every CPU adds what it kept to itself
 * once a second (vm.stat_interval), so that as long as hardly a page moves, later samples are
 * closer: they seed the replay anew and are compared with nothing.
 */
class WarmUp {
  readonly #scene: Scene;
  #until_ns = Number.NEGATIVE_INFINITY;
  #moved = 0;

  constructor(scene: Scene) {
    this.#scene = scene;
  }

  begin(ts_ns: number): void {
    this.#until_ns = ts_ns + SEED_NS;
    this.#moved = this.#scene.pages.moved;
  }

  isOver(ts_ns: number): boolean {
    const isQuiet = this.#scene.pages.moved - this.#moved <= QUIET_PAGES;
    if (ts_ns > this.#until_ns || !isQuiet) this.#until_ns = Number.NEGATIVE_INFINITY;
    return this.#until_ns === Number.NEGATIVE_INFINITY;
  }
}

/** The ledger takes over what the counters show. */
function startAt(scene: Scene, row: number): void {
  const { traced, sampled } = scene.logs;
  const value = (counter: number) => (traced.recorded[counter] as Float64Array)[row] as number;
  const { pages } = scene;
  pages.anchor(value(NR_DIRTY), value(NR_WRITEBACK));
  for (const log of [traced, sampled]) {
    if (log === undefined) continue;
    log.base[NR_DIRTIED] = value(NR_DIRTIED) - pages.ledger.total('dirtied');
    log.base[NR_WRITTEN] = value(NR_WRITTEN) - pages.ledger.total('written');
  }
  scene.isAnchored = true;
}

/** Counters that only grow went back by more than reading them explains. */
function stepsBack(scene: Scene, before: number, row: number, bound_pages: number): boolean {
  for (let counter = 0; counter < COUNTER_COUNT; counter++) {
    const values = scene.logs.traced.recorded[counter] as Float64Array;
    const now = values[row] as number;
    if (now < 0) scene.note('level-below-zero', now);
    if (counter !== NR_DIRTIED && counter !== NR_WRITTEN) continue;
    const step = now - (values[before] as number);
    // Giving back a claimed folio takes it from NR_DIRTIED again.
    if (step < -2 * bound_pages) {
      scene.note('counter-backwards', -step);
      return true;
    }
  }
  return false;
}
