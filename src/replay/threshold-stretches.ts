/**
 * Stretches of readings under the same settings. Memory moves the thresholds of ratio settings a
 * little from one reading to the next, and both in proportion; byte settings stand still. What does
 * neither is a setting that was written.
 */
import type { ThresholdRows } from './threshold-rows.ts';

export const SIDES = ['thresh', 'background'] as const;
export type Side = (typeof SIDES)[number];

export type Stretch = {
  /** Rows of global_dirty_state; those of real-time tasks in between belong to it as well. */
  readonly first: number;
  last: number;
  /** Which settings are new; empty for the first stretch. */
  readonly changed: readonly Side[];
  readonly min: Record<Side, number>;
  readonly max: Record<Side, number>;
};

/** What is known beforehand about the first stretch: ratios drift, bytes do not. */
export type Drifts = Readonly<Record<Side, boolean | undefined>>;

export type Memory = {
  /** Quotient of the dirtyable memory at two times, undefined where it was not sampled. */
  growth(from_ns: number, to_ns: number): number | undefined;
};

/** A smaller step than this is never a written setting. */
const SMALL = 1 / 256;
/** How far memory moves within a second without a sample of it. */
const DRIFT_PER_S = 1 / 32;
const LARGEST_DRIFT = 1 / 2;
/** Sampled memory says how far a threshold moved to within this part. */
const SAMPLED = 1 / 50;
const WINDOW = 32;
const DISTINCT = 4;

export function findStretches(
  ts_ns: ArrayLike<number>,
  rows: ThresholdRows,
  drifts: Drifts,
  memory: Memory,
): Stretch[] {
  const stretches: Stretch[] = [];
  const finder = new Finder(ts_ns, rows, memory);
  let current: Stretch | undefined;
  for (let row = 0; row < rows.thresh.length; row++) {
    if (current === undefined) {
      current = begin(rows, row, []);
      stretches.push(current);
      continue;
    }
    // Readings with a boost restate the settings only roughly: the rest decides.
    if (rows.boosted[row] === 1) continue;
    // Nearly always: 1.2 M readings took 0.25 s through the rules, and take 0.02 s.
    if (isSame(rows, current.last, row)) {
      current.last = row;
      continue;
    }
    const changed = finder.changed(current, row, stretches.length === 1 ? drifts : UNKNOWN);
    if (changed.length > 0 && stretches.length < MOST_STRETCHES) {
      current = begin(rows, row, changed);
      stretches.push(current);
    }
    extend(current, rows, row);
  }
  return stretches;
}

/** Nobody writes settings this often: what looks so is something else. */
export const MOST_STRETCHES = 1000;
const UNKNOWN: Drifts = { thresh: undefined, background: undefined };

/** Nothing was written, and the last reading's values are in the stretch already. */
function isSame({ thresh, background }: ThresholdRows, last: number, row: number): boolean {
  return thresh[row] === thresh[last] && background[row] === background[last];
}

function begin(rows: ThresholdRows, row: number, changed: readonly Side[]): Stretch {
  const values = { thresh: rows.thresh[row] as number, background: rows.background[row] as number };
  return { first: row, last: row, changed, min: { ...values }, max: { ...values } };
}

function extend(stretch: Stretch, rows: ThresholdRows, row: number): void {
  stretch.last = row;
  for (const side of SIDES) {
    const value = rows[side][row] as number;
    stretch.min[side] = Math.min(stretch.min[side], value);
    stretch.max[side] = Math.max(stretch.max[side], value);
  }
}

class Finder {
  readonly #ts: ArrayLike<number>;
  readonly #rows: ThresholdRows;
  readonly #memory: Memory;

  constructor(ts: ArrayLike<number>, rows: ThresholdRows, memory: Memory) {
    this.#ts = ts;
    this.#rows = rows;
    this.#memory = memory;
  }

  /** The sides that a written setting changed between the stretch's last reading and this one. */
  changed(stretch: Stretch, row: number, drifts: Drifts): Side[] {
    const { last } = stretch;
    const sides = SIDES.filter((side) => !this.#goesOn(side, last, row, drifts[side]));
    if (sides.length === 2 && this.#isHalf(last) && this.#isHalf(row)) return ['thresh'];
    if (sides.length === 2 && this.#memoryJumped(stretch, row)) return [];
    if (sides.length > 0) return sides;
    return this.#inProportion(last, row) ? [] : [this.#furtherMoved(last, row)];
  }

  #goesOn(side: Side, last: number, row: number, drifts: boolean | undefined): boolean {
    const before = this.#value(side, last);
    const now = this.#value(side, row);
    if (before === now) return true;
    if (drifts === false) return false;
    const moved = Math.abs(now - before) / Math.max(1, before);
    const growth = this.#memory.growth(this.#time(last), this.#time(row));
    if (growth !== undefined) return Math.abs(now / before / growth - 1) <= SAMPLED;
    if (moved <= SMALL) return true;
    if (drifts !== true && !this.#varies(side, row)) return false;
    const seconds = (this.#time(row) - this.#time(last)) / 1e9;
    return moved <= Math.min(LARGEST_DRIFT, DRIFT_PER_S * Math.max(1, seconds));
  }

  /** bg = ⌊thresh/2⌋ where it would not be below thresh: then it moves with it unwritten. */
  #isHalf(row: number): boolean {
    return this.#value('background', row) === Math.floor(this.#value('thresh', row) / 2);
  }

  /** Both are ratios, and two of them written between two readings would not keep the quotient. */
  #memoryJumped({ last, min, max }: Stretch, row: number): boolean {
    const before = this.#value('thresh', last);
    const now = this.#value('thresh', row);
    const far = Math.abs(now - before) > LARGEST_DRIFT * before;
    const drifted = SIDES.every((side) => min[side] < max[side] || this.#varies(side, row));
    return !far && drifted && this.#inProportion(last, row);
  }

  /** Both are shares of one memory, so that their quotient stays but for rounding. */
  #inProportion(last: number, row: number): boolean {
    const t0 = this.#value('thresh', last);
    const t = this.#value('thresh', row);
    const b0 = this.#value('background', last);
    const b = this.#value('background', row);
    if (t === t0 || b === b0) return true;
    return Math.abs(b * t0 - b0 * t) <= 2 * (t + t0);
  }

  #furtherMoved(last: number, row: number): Side {
    const growth = this.#memory.growth(this.#time(last), this.#time(row)) ?? 1;
    const off = (side: Side) =>
      Math.abs(this.#value(side, row) / Math.max(1, this.#value(side, last)) - growth);
    return off('thresh') >= off('background') ? 'thresh' : 'background';
  }

  /** Several values among the neighbours: memory moves it. */
  #varies(side: Side, row: number): boolean {
    const values = new Set<number>();
    const end = Math.min(this.#rows.thresh.length, row + WINDOW);
    for (let at = Math.max(0, row - WINDOW); at < end; at++) {
      if (this.#rows.boosted[at] !== 1) values.add(this.#value(side, at));
    }
    return values.size >= DISTINCT;
  }

  #value(side: Side, row: number): number {
    return this.#rows[side][row] as number;
  }

  #time(row: number): number {
    return this.#ts[row] as number;
  }
}
