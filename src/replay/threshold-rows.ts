/**
 * Which readings of the thresholds a real-time task made: those are a quarter and a 32nd of the
 * dirty limit higher, and say nothing about the settings (domain_dirty_limits).
 */
import { type Boost, unboosted } from '../model/thresholds.ts';
import { numbers, type Table } from '../trace/table.ts';

export type ThresholdRows = {
  /** Rows of global_dirty_state with thresholds that are a quarter higher. */
  readonly boosted: Uint8Array;
  /** Thresholds without the boost; equal to the recorded ones in all other rows. */
  readonly thresh: Float64Array;
  readonly background: Float64Array;
  readonly boosted_rows: number;
  /** Tasks that made them. */
  readonly boosted_pids: readonly number[];
  readonly rule: Boost | undefined;
};

const RULES: readonly Boost[] = ['quarter-and-limit', 'quarter'];
/** Memory moves the thresholds of one reading to the next by less than this part. */
const NEAR = 1 / 64;
const PIDS_KEPT = 100;

const known = new WeakMap<Table, ThresholdRows>();

/** Made once for a table: thresholds and works both ask. */
export function thresholdRows(state: Table): ThresholdRows {
  let rows = known.get(state);
  if (rows === undefined) {
    rows = classify(state);
    known.set(state, rows);
  }
  return rows;
}

function classify(state: Table): ThresholdRows {
  const recorded = {
    thresh: numbers(state, 'dirty_thresh_pages').values,
    background: numbers(state, 'background_thresh_pages').values,
    limit: numbers(state, 'dirty_limit_pages').values,
  };
  const rows = new Classifier(recorded, state.rows);
  for (let row = 0; row < state.rows; row++) rows.row(row);
  const pid = numbers(state, 'pid').values;
  const pids = new Set<number>();
  let count = 0;
  for (let row = 0; row < state.rows; row++) {
    if (rows.boosted[row] !== 1) continue;
    count++;
    if (pids.size < PIDS_KEPT) pids.add(pid[row] as number);
  }
  const { boosted, thresh, background, rule } = rows;
  return { boosted, thresh, background, boosted_rows: count, boosted_pids: [...pids], rule };
}

type Recorded = Readonly<Record<'thresh' | 'background' | 'limit', ArrayLike<number>>>;
type Pair = { readonly thresh: number; readonly background: number };

class Classifier {
  readonly boosted: Uint8Array;
  readonly thresh: Float64Array;
  readonly background: Float64Array;
  rule: Boost | undefined;
  readonly #recorded: Recorded;
  #base: Pair | undefined;
  /** Rows before this one might all be boosted: nothing lower was seen yet. */
  #settledFrom = 0;
  #settled = false;

  constructor(recorded: Recorded, rows: number) {
    this.#recorded = recorded;
    this.boosted = new Uint8Array(rows);
    this.thresh = new Float64Array(recorded.thresh);
    this.background = new Float64Array(recorded.background);
  }

  row(row: number): void {
    const base = this.#base;
    if (base !== undefined && this.#isSame(row, base)) return;
    const seen = this.#pair(row);
    if (base === undefined || near(seen, base)) {
      this.#base = seen;
      return;
    }
    const own = this.#unboost(row, base);
    if (own !== undefined) {
      this.#mark(row, own);
      this.#settled = true;
      return;
    }
    if (!this.#settled && this.#wereBoosted(row, seen)) return;
    // Settings changed; what was before stays as it is.
    this.#settled = false;
    this.#settledFrom = row;
    this.#base = seen;
  }

  /** Nearly always: without an object for the reading. */
  #isSame(row: number, { thresh, background }: Pair): boolean {
    const recorded = this.#recorded;
    const isSame = recorded.thresh[row] === thresh && recorded.background[row] === background;
    return isSame && thresh >= 0 && background >= 0;
  }

  /** All readings since the last change were a real-time task's, the first other one shows it. */
  #wereBoosted(row: number, seen: Pair): boolean {
    const first = this.#settledFrom;
    if (this.#unboost(row - 1, seen) === undefined) return false;
    for (let before = first; before < row; before++) {
      const own = this.#unboost(before, seen);
      if (own !== undefined) this.#mark(before, own);
    }
    this.#base = seen;
    this.#settled = true;
    return true;
  }

  #pair(row: number): Pair {
    const { thresh, background } = this.#recorded;
    return { thresh: thresh[row] as number, background: background[row] as number };
  }

  /** The reading without a boost, if it then is like `base`. */
  #unboost(row: number, base: Pair): (Pair & { rule: Boost }) | undefined {
    const seen = this.#pair(row);
    const limit = this.#recorded.limit[row] as number;
    for (const rule of this.rule === undefined ? RULES : [this.rule]) {
      const thresh = unboosted(seen.thresh, limit, rule);
      if (thresh === undefined) continue;
      const background = unboosted(seen.background, limit, rule);
      const own = background === undefined ? undefined : { thresh, background, rule };
      if (own !== undefined && near(own, base)) return own;
      // Not below the threshold, the background becomes half of it, boosted or not.
      const half = { thresh, background: base.background, rule };
      if (isHalf(seen) && isHalf(base) && near(half, base)) return half;
    }
    return undefined;
  }

  #mark(row: number, own: Pair & { rule: Boost }): void {
    this.rule = own.rule;
    this.boosted[row] = 1;
    this.thresh[row] = own.thresh;
    this.background[row] = own.background;
  }
}

function isHalf({ thresh, background }: Pair): boolean {
  return background === Math.floor(thresh / 2);
}

function near(a: Pair, b: Pair): boolean {
  return close(a.thresh, b.thresh) && close(a.background, b.background);
}

function close(a: number, b: number): boolean {
  return Math.abs(a - b) <= NEAR * b;
}
