/**
 * wb_thresh, as far as it can be checked: how often a device completed writes is not recorded, but
 * its share has a floor and a cap, and must print as the recorded wb_setpoint at all.
 */
import { divide, mulDiv } from '../../kernel/arithmetic.ts';
import { RATIO_SCALE, wbThresholdFloor } from '../../model/wb-share.ts';
import type { IdentityTally } from '../residual.ts';
import type { StateColumns, ThrottleColumns } from './columns.ts';
import { type DomainState, emptySituation } from './domain-state.ts';
import { situate } from './situation.ts';

export function checkWbThresholds(
  throttle: ThrottleColumns,
  state: StateColumns | undefined,
  pairs: Int32Array,
  memcg: Uint8Array,
  domainOf: (row: number) => DomainState,
  limitOfDomain: boolean,
  tally: IdentityTally,
): void {
  const situation = emptySituation();
  for (let row = 0; row < throttle.rows; row++) {
    const pair = pairs[row] as number;
    const problem = situate(situation, throttle, row, state, pair, limitOfDomain);
    const { wb_thresh_low: low, wb_thresh_high: high } = situation;
    const isUnprintable = problem === 'out-of-range' && low > high;
    if ((problem !== undefined && !isUnprintable) || memcg[row] === 1) {
      tally.skip(problem ?? 'memcg-domain');
      continue;
    }
    const { rules, isRoot, max_ratio } = domainOf(row);
    const { thresh, dirty } = situation.at;
    // A cgroup's max_ratio is a part of the bdi's, by bandwidths that no event prints.
    const cap = isRoot ? mulDiv(thresh, max_ratio, RATIO_SCALE) : thresh;
    const floor = rules.floored ? wbThresholdFloor(thresh, dirty, rules.strictlimit) : 0;
    const least = isRoot ? Math.min(floor, cap) : 0;
    const closest = Math.min(Math.max(low, least), cap);
    const recorded = isUnprintable ? divide(low + high, 2) : Math.min(Math.max(low, closest), high);
    const expected = isUnprintable ? low : closest;
    tally.check(recorded, expected, throttle.ts[row] as number, throttle.seq[row] as number);
  }
}
