/** What is known of one bdi (and cgroup) while the trace is walked. */
import type { WbDomain } from '../../derive/wb-domains.ts';
import type { DomainPoint, PositionRules } from '../../model/position-ratio.ts';
import { highestWbThreshold, lowestWbThreshold, wbBackground } from '../../model/wb-share.ts';
import type { BandwidthBelief } from './belief.ts';
import type { UpdateClock } from './update-clock.ts';

export type DomainState = {
  readonly domain: WbDomain;
  /** False where the limits of a memory cgroup may apply. */
  readonly isRoot: boolean;
  readonly rules: PositionRules;
  readonly belief: BandwidthBelief;
  /** Of the updates that leave no event; undefined where they cannot be timed. */
  readonly clock: UpdateClock | undefined;
  /** Most of the threshold that the bdi may have, of RATIO_SCALE. */
  readonly max_ratio: number;
  /** Pages/s; NaN until seen. */
  dirty_ratelimit: number;
  balanced_dirty_ratelimit: number;
  /** Time of the event that told them. */
  seen_ns: number;
  balanced_ns: number;
  /** The last updates, newest first: time, and what each found. */
  readonly recent: RecentUpdate[];
};

type RecentUpdate = { ts_ns: number; avg_write_bw: number; dirty_ratelimit: number };

/** More tasks than this do not update one bdi at once. */
const RECENT = 8;

/** To be called before the domain's rates are set anew. */
export function rememberUpdate(domain: DomainState, ts_ns: number, avgWriteBw: number): void {
  const { recent, dirty_ratelimit } = domain;
  recent.unshift({ ts_ns, avg_write_bw: avgWriteBw, dirty_ratelimit });
  if (recent.length > RECENT) recent.pop();
}

/** How many of the last updates came at or after a time; none if the time is unknown. */
export function updatedSince({ recent }: DomainState, ts_ns: number): number {
  let count = 0;
  for (const update of recent) {
    if (!(update.ts_ns >= ts_ns)) break;
    count++;
  }
  return count;
}

/** The bandwidth that the n-th last update found, counted from one. */
export function bandwidthBefore({ recent }: DomainState, back: number): number {
  return recent[back - 1]?.avg_write_bw ?? Number.NaN;
}

/**
 * One iteration of balance_dirty_pages as it was recorded. wb_thresh is not printed, but
 * wb_setpoint is, which leaves one or two values for it.
 */
export type Situation = {
  readonly at: DomainPoint;
  wb_thresh_low: number;
  wb_thresh_high: number;
};

export function emptySituation(): Situation {
  const at = {
    thresh: 0,
    background: 0,
    limit: 0,
    dirty: 0,
    wb_thresh: 0,
    wb_background: 0,
    wb_dirty: 0,
  };
  return { at, wb_thresh_low: 0, wb_thresh_high: 0 };
}

/** Sets the candidates from what was printed; false if no wb_thresh prints as this setpoint. */
export function setCandidates(situation: Situation, wbSetpoint: number, setpoint: number): boolean {
  const { thresh } = situation.at;
  if (setpoint <= 0) return false;
  situation.wb_thresh_low = lowestWbThreshold(wbSetpoint, setpoint, thresh);
  situation.wb_thresh_high = highestWbThreshold(wbSetpoint, setpoint, thresh);
  return situation.wb_thresh_low <= situation.wb_thresh_high;
}

/** The point with one of the candidates in place. */
export function useCandidate({ at }: Situation, wbThresh: number): DomainPoint {
  at.wb_thresh = wbThresh;
  at.wb_background = wbBackground(wbThresh, at.thresh, at.background);
  return at;
}

/** More candidates than this mean a setpoint of nearly nothing; a few of them will do. */
const MANY = 4;

/** From wb_thresh_low to wb_thresh_high in such steps: loops, because calls made objects for each. */
export function candidateStep({ wb_thresh_low: low, wb_thresh_high: high }: Situation): number {
  return Math.max(1, Math.floor((high - low) / MANY));
}

/** Calls with each possible wb_thresh in place until one gives true. */
export function someCandidate(situation: Situation, holds: (at: DomainPoint) => boolean): boolean {
  const { wb_thresh_low: low, wb_thresh_high: high } = situation;
  const step = candidateStep(situation);
  for (let wbThresh = low; wbThresh <= high; wbThresh += step) {
    if (holds(useCandidate(situation, wbThresh))) return true;
  }
  return false;
}

/** Does a rate of nothing say nothing about the device, because the domain itself is full? */
export function isFull({ at }: Situation): boolean {
  return at.dirty >= at.limit;
}

/** The rate that the n-th last update found, counted from one. */
export function rateBefore({ recent }: DomainState, back: number): number {
  return recent[back - 1]?.dirty_ratelimit ?? Number.NaN;
}
