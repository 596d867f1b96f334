/**
 * Counters that only grow, as they were read: where they go backwards, and what that means for
 * those who compare with them. A reading that is off alone is wrong, and those before and after it
 * go on together; where they do not, counting began anew (another boot, another machine).
 */

export type CounterStep = {
  readonly counter: string;
  readonly row: number;
  /** By how many it is less than it must be. */
  readonly by: number;
};

export type CounterSteps = {
  readonly found: readonly CounterStep[];
  /** Rows whose values are not to be used. */
  readonly wrong: ReadonlySet<number>;
  /** Rows from which on counters count from somewhere else. */
  readonly anew: ReadonlySet<number>;
};

export const NO_STEPS: CounterSteps = { found: [], wrong: new Set(), anew: new Set() };

type Counter = { readonly name: string; readonly values: ArrayLike<number> };

/** Readings in a row that may be wrong together; more are a counter that counts from elsewhere. */
const WRONG_IN_A_ROW = 8;

export function stepsBack(
  counters: readonly Counter[],
  rows: number,
  tolerance: number,
): CounterSteps {
  // Nearly always, and then in a tenth of the time.
  if (counters.every(({ values }) => isSteady(values, rows, tolerance))) return NO_STEPS;
  const whole = wholeRows(counters, rows);
  const found: CounterStep[] = [];
  const wrong = new Set<number>();
  const anew = new Set<number>();
  const fall = (from: number, to: number) => fallOf(counters, from, to, tolerance);
  let last: number | undefined;
  let before: number | undefined;
  for (let at = 0; at < whole.length; at++) {
    const row = whole[at] as number;
    const falls = last !== undefined && hasFallen(counters, last, row, tolerance);
    const step = falls ? fall(last as number, row) : undefined;
    if (last !== undefined && step !== undefined) {
      const goesOn = whole
        .subarray(at + 1, at + 1 + WRONG_IN_A_ROW)
        .findIndex((next) => fall(last as number, next) === undefined);
      if (before !== undefined && fall(before, row) === undefined) {
        // The one before was too large.
        found.push({ ...step, row: last });
        wrong.add(last);
        last = before;
      } else if (goesOn >= 0) {
        found.push({ ...step, row });
        for (let odd = 0; odd <= goesOn; odd++) wrong.add(whole[at + odd] as number);
        at += goesOn;
        continue;
      } else {
        found.push({ ...step, row });
        anew.add(row);
      }
    }
    before = last;
    last = row;
  }
  return { found, wrong, anew };
}

/** Every reading is there, and none is below the one before by more than readings may be. */
function isSteady(values: ArrayLike<number>, rows: number, tolerance: number): boolean {
  const most = Math.max(tolerance, 0);
  let last = Number.NEGATIVE_INFINITY;
  for (let row = 0; row < rows; row++) {
    const value = values[row] as number;
    if (!Number.isFinite(value) || last - value > most) return false;
    last = value;
  }
  return true;
}

/** Rows in which every counter was read. */
function wholeRows(counters: readonly Counter[], rows: number): Int32Array {
  const whole = new Int32Array(rows);
  let n = 0;
  for (let row = 0; row < rows; row++) {
    let isWhole = true;
    for (let i = 0; i < counters.length; i++) {
      isWhole &&= Number.isFinite((counters[i] as Counter).values[row]);
    }
    if (isWhole) whole[n++] = row;
  }
  return whole.subarray(0, n);
}

/** Does fallOf find any? Asked of every reading, so without an object. */
function hasFallen(counters: readonly Counter[], from: number, to: number, tolerance: number) {
  const most = Math.max(tolerance, 0);
  for (let i = 0; i < counters.length; i++) {
    const { values } = counters[i] as Counter;
    if ((values[from] as number) - (values[to] as number) > most) return true;
  }
  return false;
}

/** The counter that falls most between two rows, if one falls by more than readings may. */
function fallOf(
  counters: readonly Counter[],
  from: number,
  to: number,
  tolerance: number,
): { counter: string; by: number } | undefined {
  let most: { counter: string; by: number } | undefined;
  for (const { name, values } of counters) {
    const by = (values[from] as number) - (values[to] as number);
    if (by > Math.max(tolerance, most?.by ?? 0)) most = { counter: name, by };
  }
  return most;
}
