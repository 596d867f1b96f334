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
  const whole: number[] = [];
  for (let row = 0; row < rows; row++) {
    if (counters.every(({ values }) => Number.isFinite(values[row]))) whole.push(row);
  }
  const found: CounterStep[] = [];
  const wrong = new Set<number>();
  const anew = new Set<number>();
  const fall = (from: number, to: number) => fallOf(counters, from, to, tolerance);
  let last: number | undefined;
  let before: number | undefined;
  for (let at = 0; at < whole.length; at++) {
    const row = whole[at] as number;
    const step = last === undefined ? undefined : fall(last, row);
    if (last !== undefined && step !== undefined) {
      const goesOn = whole
        .slice(at + 1, at + 1 + WRONG_IN_A_ROW)
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
