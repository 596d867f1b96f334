/**
 * Where the prediction starts. The first sample may be off by the drift of its reading: what CPUs
 * counted before the trace and kept to themselves. Every CPU adds that about once a second
 * (vm.stat_interval), so that later samples are closer. As long as hardly a page moves, each of
 * them starts the replay anew; where work begins at once, those after the first second tell by how
 * much the start was off. Samples that the start rests on are compared with nothing.
 */
import { NS_PER_MS, NS_PER_S } from '../../trace/time.ts';
import { COUNTER_COUNT, NR_DIRTIED, NR_DIRTY, NR_WRITEBACK } from './flight.ts';
import type { Scene } from './scene.ts';

/** Until when what CPUs kept has been added, and until when the start may be corrected. */
const ADDED_NS = 1.1 * NS_PER_S;
const SEED_NS = 1.6 * NS_PER_S;
/** How many pages may move while it is quiet. */
const QUIET_PAGES = 16;
/**
 * Samples taken while pages move are off themselves: on 80 recordings three quarters of what they
 * show errs least.
 */
const SHARE = 0.75;
/** Of samples in quick succession, one tells as much as all. */
const STEP_NS = 20 * NS_PER_MS;
/** So many of them may say that it was not off. */
const DISAGREE = 0.15;
/** Fewer samples tell nothing. */
const LEAST_ROWS = 4;

export class Seed {
  readonly #scene: Scene;
  readonly #bound_pages: number;
  #start = -1;
  #start_ns = Number.POSITIVE_INFINITY;
  #moved = 0;
  #quiet = false;
  #rows: number[] = [];
  #next_ns = Number.NEGATIVE_INFINITY;

  constructor(scene: Scene, bound_pages: number) {
    this.#scene = scene;
    this.#bound_pages = bound_pages;
  }

  /** The prediction starts at that row of global_dirty_state. */
  begin(row: number, ts_ns: number): void {
    this.#start = row;
    this.#start_ns = ts_ns;
    this.#moved = this.#scene.pages.moved;
    this.#quiet = true;
    this.#rows = [];
  }

  /** May the prediction start anew with this sample? */
  isQuiet(ts_ns: number): boolean {
    const isStill = this.#scene.pages.moved - this.#moved <= QUIET_PAGES;
    if (ts_ns > this.#start_ns + SEED_NS || !isStill) this.#quiet = false;
    return this.#quiet;
  }

  /** After the row was predicted. */
  sample(row: number, ts_ns: number): void {
    const age_ns = ts_ns - this.#start_ns;
    if (!(age_ns >= ADDED_NS)) {
      if (this.#quiet) this.#start = row;
      return;
    }
    if (age_ns <= SEED_NS) {
      if (!this.#quiet && ts_ns >= this.#next_ns) {
        this.#rows.push(row);
        this.#next_ns = ts_ns + STEP_NS;
      }
      return;
    }
    this.#start_ns = Number.POSITIVE_INFINITY;
    if (this.#rows.length >= LEAST_ROWS) this.#correct();
  }

  /** What is more than readings drift has another reason. */
  #drift(pages: number): number {
    return Math.abs(pages) <= this.#bound_pages ? pages : 0;
  }

  #correct(): void {
    const { pages, logs } = this.#scene;
    const rows = this.#rows;
    const off = Array.from({ length: COUNTER_COUNT }, (_, counter) =>
      counter === NR_WRITEBACK
        ? this.#drift(pages.unseenWriteback)
        : this.#drift(startOff(counter, offOf(logs.traced.residuals(counter, rows)))),
    );
    if (off.every((pages) => pages === 0)) return;
    const first_ns = logs.traced.ts_ns[this.#start] as number;
    const { ledger } = pages;
    const level = (counter: number, account: 'dirty' | 'writeback') =>
      ledger.total(account) - (off[counter] as number);
    pages.anchor(level(NR_DIRTY, 'dirty'), level(NR_WRITEBACK, 'writeback'));
    for (const log of [logs.traced, logs.sampled]) {
      if (log === undefined) continue;
      for (let counter = NR_DIRTIED; counter < COUNTER_COUNT; counter++) {
        log.base[counter] = (log.base[counter] as number) - (off[counter] as number);
      }
      off.forEach((pages, counter) => {
        log.lower(counter, first_ns, () => pages);
      });
    }
    for (const row of rows) logs.traced.exclude(row);
  }
}

/**
 * NR_DIRTIED only grows, so that readings only lack pages: the start may have been too low, and
 * what seems to be too high is what CPUs keep of the samples.
 */
function startOff(counter: number, off_pages: number): number {
  return counter === NR_DIRTIED ? Math.min(0, off_pages) : off_pages;
}

/** By how much the start was off, where the samples agree that it was. */
function offOf(sorted: Float64Array): number {
  const at = (part: number) => sorted[Math.floor(part * sorted.length)] ?? 0;
  const isOff = at(DISAGREE) > 0 || at(1 - DISAGREE) < 0;
  return isOff ? Math.round(SHARE * at(0.5)) : 0;
}
