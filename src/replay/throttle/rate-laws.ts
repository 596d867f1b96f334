/** Laws inside one event: `period` and `balanced_dirty_ratelimit`. */
import { pagesPerSecond } from '../../kernel/arithmetic.ts';
import { balancedDirtyRatelimit, maxPause, throttlePeriod } from '../../model/control.ts';
import { asKiBps, asPages } from '../../trace/units.ts';
import type { IdentityTally } from '../residual.ts';
import type { Timebase } from '../timebase.ts';
import type { ThrottleColumns, UpdateColumns } from './columns.ts';
import { whyUnusable } from './iteration.ts';

/** period = ⌊HZ·dirtied/task_ratelimit⌋; at a rate of zero, period = pause = max_pause. */
export function checkPeriods(
  throttle: ThrottleColumns,
  { hz, page_size }: Timebase,
  tally: IdentityTally,
): void {
  if (hz === undefined) {
    tally.skip('hz-unknown', throttle.rows);
    return;
  }
  const shift = Math.log2(page_size);
  const { period, pause, dirtied, taskRatelimit, ts, seq } = throttle;
  for (let row = 0; row < throttle.rows; row++) {
    const pages = pagesPerSecond(asKiBps(taskRatelimit[row] as number), shift);
    const recorded = period[row] as number;
    const sum = pages + (dirtied[row] as number);
    if (!(pages >= 0 && (dirtied[row] as number) >= 0)) {
      tally.skip(whyUnusable(sum));
      continue;
    }
    const expected =
      pages > 0
        ? throttlePeriod(asPages(dirtied[row] as number), pages, hz)
        : Math.min(pause[row] as number, maxPause(hz));
    tally.check(recorded, expected, ts[row] as number, seq[row] as number);
  }
}

export function checkBalanced(
  updates: UpdateColumns,
  { page_size }: Timebase,
  tally: IdentityTally,
): void {
  const shift = Math.log2(page_size);
  const pages = (values: ArrayLike<number>, row: number) =>
    pagesPerSecond(asKiBps(values[row] as number), shift);
  for (let row = 0; row < updates.rows; row++) {
    const task = pages(updates.taskRatelimit, row);
    const bandwidth = pages(updates.avgWriteBw, row);
    const dirtyRate = pages(updates.dirtyRate, row);
    // A rate that ran below zero lost its upper bits when it was printed in KiB/s.
    if (!(task >= 0 && bandwidth >= 0 && dirtyRate >= 0)) {
      tally.skip(whyUnusable(task + bandwidth + dirtyRate));
      continue;
    }
    const expected = balancedDirtyRatelimit(task, bandwidth, dirtyRate);
    const recorded = pages(updates.balanced, row);
    tally.check(recorded, expected, updates.ts[row] as number, updates.seq[row] as number);
  }
}
