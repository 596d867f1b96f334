/**
 * wb_thresh, as far as it can be checked: how often a device completed writes is not recorded, but
 * its share has a floor and a cap, and must print as the recorded wb_setpoint at all.
 */
import { divide, mulDiv } from '../../kernel/arithmetic.ts';
import { RATIO_SCALE, wbThresholdFloor } from '../../model/wb-share.ts';
import type { IdentityTally, Unchecked } from '../residual.ts';
import type { Iteration } from './iteration.ts';

/** `problem`: why the situation is unknown, if it is; `isMemcg`: a cgroup's limits decided. */
export function checkWbThreshold(
  { situation, domain, ts, seq }: Iteration,
  problem: Unchecked | undefined,
  isMemcg: boolean,
  tally: IdentityTally,
): void {
  const { wb_thresh_low: low, wb_thresh_high: high } = situation;
  const isUnprintable = problem === 'out-of-range' && low > high;
  if ((problem !== undefined && !isUnprintable) || isMemcg) {
    tally.skip(problem ?? 'memcg-domain');
    return;
  }
  const { rules, isRoot, max_ratio } = domain;
  const { thresh, dirty } = situation.at;
  // A cgroup's max_ratio is a part of the bdi's, by bandwidths that no event prints.
  const cap = isRoot ? mulDiv(thresh, max_ratio, RATIO_SCALE) : thresh;
  const floor = rules.floored ? wbThresholdFloor(thresh, dirty, rules.strictlimit) : 0;
  const least = isRoot ? Math.min(floor, cap) : 0;
  const closest = Math.min(Math.max(low, least), cap);
  const recorded = isUnprintable ? divide(low + high, 2) : Math.min(Math.max(low, closest), high);
  tally.check(recorded, isUnprintable ? low : closest, ts, seq);
}
