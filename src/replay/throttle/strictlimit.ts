/**
 * Which devices have strictlimit, and whether wb_thresh carries its floor: told by the events, not
 * by the kernel's release, because both are settings or patches that nothing else records.
 */
import { pagesPerSecond } from '../../kernel/arithmetic.ts';
import { taskRatelimit } from '../../model/bandwidth-inversion.ts';
import { wbThresholdFloor } from '../../model/wb-share.ts';
import { asKiBps } from '../../trace/units.ts';
import type { StateColumns, ThrottleColumns } from './columns.ts';
import { emptySituation, isFull, someCandidate } from './domain-state.ts';
import { situate } from './situation.ts';

const STRICT = { strictlimit: true, floored: true };
/** Enough to tell; the walk over a long trace need not read all. */
const ROWS_TRIED = 20_000;

/**
 * Share of the informative events of each domain that the rule of strictlimit explains; it needs
 * no bandwidth, so that it either gives the recorded rate or does not.
 */
export function strictDomains(
  throttle: ThrottleColumns,
  state: StateColumns,
  pairs: Int32Array,
  domainOf: Int32Array,
  limitOfDomain: boolean,
  pageShift: number,
): ReadonlyMap<number, boolean> {
  const tried = new Map<number, { n: number; strict: number }>();
  const situation = emptySituation();
  for (let row = 0; row < Math.min(throttle.rows, ROWS_TRIED); row++) {
    const pair = pairs[row] as number;
    if (situate(situation, throttle, row, state, pair, limitOfDomain) !== undefined) continue;
    if (isFull(situation)) continue;
    const rate = pagesPerSecond(asKiBps(throttle.dirtyRatelimit[row] as number), pageShift);
    const task = pagesPerSecond(asKiBps(throttle.taskRatelimit[row] as number), pageShift);
    if (!(rate >= 0) || !(task >= 0)) continue;
    const domain = domainOf[row] as number;
    const tally = tried.get(domain) ?? { n: 0, strict: 0 };
    tried.set(domain, tally);
    tally.n++;
    if (someCandidate(situation, (at) => taskRatelimit(rate, at, 0, STRICT) === task)) {
      tally.strict++;
    }
  }
  return new Map([...tried].map(([domain, { n, strict }]) => [domain, 2 * strict > n]));
}

/**
 * Does wb_thresh keep an eighth of the domain's room? Undefined unless some event was held up by
 * it, or lies below it.
 */
export function floorEvidence(
  throttle: ThrottleColumns,
  state: StateColumns,
  pairs: Int32Array,
  domainOf: Int32Array,
  strict: ReadonlyMap<number, boolean>,
  limitOfDomain: boolean,
): boolean | undefined {
  const situation = emptySituation();
  let below = 0;
  let held = 0;
  for (let row = 0; row < Math.min(throttle.rows, ROWS_TRIED); row++) {
    const pair = pairs[row] as number;
    if (situate(situation, throttle, row, state, pair, limitOfDomain) !== undefined) continue;
    const { thresh, dirty } = situation.at;
    const isStrict = strict.get(domainOf[row] as number) ?? false;
    const floor = wbThresholdFloor(thresh, dirty, isStrict);
    // A cap of max_ratio may lie below the floor; that is rare enough not to decide.
    if (situation.wb_thresh_high < floor) below++;
    else if (floor > 0 && situation.wb_thresh_low <= floor) held++;
  }
  return below === held ? undefined : held > below;
}
