/** From the recorded events of one iteration to what the model needs of it. */
import { hardDirtyLimit } from '../../model/limits.ts';
import { asPages } from '../../trace/units.ts';
import type { Unchecked } from '../residual.ts';
import type { StateColumns, ThrottleColumns } from './columns.ts';
import { type Situation, setCandidates } from './domain-state.ts';
import { LOST } from './pairing.ts';

/** No machine has as many pages; a larger value ran below zero. */
const MOST_PAGES = 2 ** 40;

export function isCount(value: number): boolean {
  return value >= 0 && value <= MOST_PAGES;
}

/** Fills `situation`; says why it could not. */
export function situate(
  situation: Situation,
  throttle: ThrottleColumns,
  row: number,
  state: StateColumns | undefined,
  pair: number,
  limitOfDomain: boolean,
): Unchecked | undefined {
  if (pair < 0 || state === undefined) return pair === LOST ? 'lost-events' : 'not-recorded';
  const { at } = situation;
  at.thresh = state.thresh[pair] as number;
  at.background = state.background[pair] as number;
  const limit = throttle.limit[row] as number;
  // Until 6.12 the event prints the tracked limit after an update, the position is from before.
  const tracked = asPages(state.limit[pair] as number);
  at.limit = limitOfDomain ? limit : hardDirtyLimit(asPages(at.thresh), tracked);
  at.dirty = throttle.dirty[row] as number;
  at.wb_dirty = throttle.wbDirty[row] as number;
  const setpoint = throttle.setpoint[row] as number;
  const wbSetpoint = throttle.wbSetpoint[row] as number;
  const sum =
    at.thresh + at.background + limit + at.limit + at.dirty + at.wb_dirty + setpoint + wbSetpoint;
  if (Number.isNaN(sum)) return 'not-recorded';
  const inRange =
    isCount(at.thresh) &&
    isCount(at.background) &&
    isCount(at.limit) &&
    isCount(limit) &&
    isCount(at.dirty) &&
    isCount(at.wb_dirty) &&
    isCount(setpoint) &&
    isCount(wbSetpoint) &&
    at.limit >= at.thresh;
  if (!inRange || !setCandidates(situation, wbSetpoint, setpoint)) return 'out-of-range';
  return undefined;
}
