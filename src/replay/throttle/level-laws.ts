/** The laws of levels: `limit`, `setpoint` and `dirty` against the state of the same iteration. */
import {
  freerunCeiling,
  globalSetpoint,
  hardDirtyLimit,
  trackDirtyLimit,
} from '../../model/limits.ts';
import { upperBound } from '../../trace/search.ts';
import { asPages } from '../../trace/units.ts';
import type { IdentityTally } from '../residual.ts';
import { levelAt, type StateColumns, type ThrottleColumns, type UpdateColumns } from './columns.ts';
import { LOST } from './pairing.ts';

export type LevelTallies = {
  readonly limit: IdentityTally;
  readonly setpoint: IdentityTally;
  readonly dirty: IdentityTally;
};

/**
 * The two meanings of `limit` differ only while the threshold lies above the tracked limit; one
 * such event decides.
 */
export function limitEvidence(
  throttle: ThrottleColumns,
  state: StateColumns,
  pairs: Int32Array,
): boolean | undefined {
  for (let row = 0; row < throttle.rows; row++) {
    const pair = pairs[row] as number;
    if (pair < 0) continue;
    const thresh = state.thresh[pair] as number;
    const tracked = state.limit[pair] as number;
    if (!(thresh > tracked)) continue;
    if (throttle.limit[row] === thresh) return true;
    if (throttle.limit[row] === tracked) return false;
  }
  return undefined;
}

/**
 * Checks all rows. Returns a mark for each row whose limits were those of a memory cgroup: its
 * level is another than the global one, and so are its limits, which no event prints.
 */
export function checkLevels(
  throttle: ThrottleColumns,
  state: StateColumns | undefined,
  updates: UpdateColumns | undefined,
  pairs: Int32Array,
  isRoot: (row: number) => boolean,
  limitOfDomain: boolean,
  tallies: LevelTallies,
): Uint8Array {
  const memcg = new Uint8Array(throttle.rows);
  const all = [tallies.limit, tallies.setpoint, tallies.dirty];
  for (let row = 0; row < throttle.rows; row++) {
    const pair = pairs[row] as number;
    if (pair < 0 || state === undefined) {
      for (const tally of all) tally.skip(pair === LOST ? 'lost-events' : 'not-recorded');
      continue;
    }
    const thresh = asPages(state.thresh[pair] as number);
    const tracked = asPages(state.limit[pair] as number);
    const own = limitOfDomain ? hardDirtyLimit(thresh, tracked) : tracked;
    const limit = throttle.limit[row] as number;
    const freerun = freerunCeiling(thresh, asPages(state.background[pair] as number));
    const middle = globalSetpoint(asPages(limit), freerun);
    const setpoint = throttle.setpoint[row] as number;
    if (setpoint !== middle && !isRoot(row)) {
      memcg[row] = 1;
      for (const tally of all) tally.skip('memcg-domain');
      continue;
    }
    const ts = throttle.ts[row] as number;
    const seq = throttle.seq[row] as number;
    const moved = limit === own ? own : limitAfterUpdate(state, pair, updates, seq, !limitOfDomain);
    const expected = limitOfDomain ? hardDirtyLimit(thresh, asPages(moved)) : moved;
    tallies.limit.check(limit, limit === own ? own : expected, ts, seq);
    tallies.setpoint.check(setpoint, middle, ts, seq);
    tallies.dirty.check(throttle.dirty[row] as number, levelAt(state, pair), ts, seq, 'race');
  }
  return memcg;
}

/** How far back the state of a task that updates at the same time is looked for. */
const STATES_BACK = 64;

/**
 * The tracked limit moves with a bandwidth update; another task's may fall between the state and
 * the moment when this one reads the limit. Until 6.12 (`withOwn`) the event prints it after the
 * update of its own iteration, too. The limit of the state if there was none.
 */
function limitAfterUpdate(
  state: StateColumns,
  pair: number,
  updates: UpdateColumns | undefined,
  seq: number,
  withOwn: boolean,
): number {
  let limit = state.limit[pair] as number;
  const from = state.seq[pair] as number;
  const pid = state.pid[pair] as number;
  for (let row = firstAfter(updates, from); row < (updates?.rows ?? 0); row++) {
    if ((updates?.seq[row] as number) >= seq) break;
    const other = updates?.pid[row] as number;
    if (other === pid && !withOwn) continue;
    let its = Math.min(pair + STATES_BACK, state.rows - 1);
    while (its > pair - STATES_BACK && its > 0) {
      if (state.pid[its] === other && (state.seq[its] as number) < seq) break;
      its--;
    }
    if (state.pid[its] !== other) continue;
    const thresh = asPages(state.thresh[its] as number);
    limit = trackDirtyLimit(asPages(limit), thresh, asPages(levelAt(state, its)));
  }
  return limit;
}

function firstAfter(updates: UpdateColumns | undefined, seq: number): number {
  return updates === undefined ? 0 : upperBound(updates.seq, seq);
}
