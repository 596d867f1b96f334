/**
 * Which global_dirty_state belongs to a throttle event: the last one of the same task, written in
 * the same iteration of balance_dirty_pages.
 */
import { freerunCeiling } from '../../model/limits.ts';
import { visitInOrder } from '../../trace/order.ts';
import { asPages } from '../../trace/units.ts';
import type { LossIndex } from '../losses.ts';
import { levelAt, type StateColumns, type ThrottleColumns } from './columns.ts';

/** There is none, or events were lost in between. */
const UNPAIRED = -1;
export const LOST = -2;

export type Pairing = {
  /** Row of the state for every throttle event, or why there is none. */
  readonly pairs: Int32Array;
  /**
   * Tasks that print states above freerun without a throttle event: they read /proc/vmstat. One
   * that reads such a state in passing, at the edge of freerun, is none.
   */
  readonly readers: ReadonlySet<number>;
};

type Seen = { last: number; open: boolean; alone: number; above: number };

/** Fewer states than this may be accidents, and so may be a smaller part of all. */
const MIN_ABOVE = 3;
const MIN_SHARE = 0.1;

export function pairWithState(
  throttle: ThrottleColumns | undefined,
  state: StateColumns | undefined,
  losses: LossIndex,
): Pairing {
  const pairs = new Int32Array(throttle?.rows ?? 0).fill(UNPAIRED);
  if (state === undefined || throttle === undefined) return { pairs, readers: new Set() };
  const tasks = new Map<number, Seen>();
  visitInOrder([state.table, throttle.table], (which, row) => {
    if (which === 0) {
      const task = tasks.get(state.pid[row] as number);
      if (task === undefined) {
        tasks.set(state.pid[row] as number, { last: row, open: true, alone: 0, above: 0 });
        return;
      }
      if (task.open) {
        task.alone++;
        if (isAboveFreerun(state, task.last)) task.above++;
      }
      task.last = row;
      task.open = true;
      return;
    }
    const task = tasks.get(throttle.pid[row] as number);
    if (task === undefined) return;
    task.open = false;
    const lost = losses.overlaps(state.ts[task.last] as number, throttle.ts[row] as number);
    pairs[row] = lost ? LOST : task.last;
  });
  const readers = [...tasks].filter(
    ([, { alone, above }]) => above >= MIN_ABOVE && above >= MIN_SHARE * alone,
  );
  return { pairs, readers: new Set(readers.map(([pid]) => pid)) };
}

function isAboveFreerun(state: StateColumns, row: number): boolean {
  const thresh = asPages(state.thresh[row] as number);
  const background = asPages(state.background[row] as number);
  return levelAt(state, row) > freerunCeiling(thresh, background);
}
