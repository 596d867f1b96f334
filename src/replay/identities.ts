/**
 * Level (a): laws that the kernel's own numbers must obey, with no hidden state. Each throttle
 * event is paired with the last global_dirty_state of the same task, which belongs to the same
 * iteration of balance_dirty_pages (kernel-core C.9).
 */
import { pagesPerSecond } from '../kernel/arithmetic.ts';
import { type FeatureState, resolveFeature } from '../kernel/features.ts';
import { balancedDirtyRatelimit, maxPause, throttlePeriod } from '../model/control.ts';
import { freerunCeiling, globalSetpoint, hardDirtyLimit } from '../model/limits.ts';
import { textAt } from '../trace/column.ts';
import { visitInOrder } from '../trace/merge.ts';
import {
  numbers,
  optionalBigs,
  optionalNumbers,
  type Table,
  tableWith,
  texts,
} from '../trace/table.ts';
import type { Trace } from '../trace/trace.ts';
import { asKiBps, asPages } from '../trace/units.ts';
import { type LossIndex, lossIndex } from './losses.ts';
import { type IdentityResult, IdentityTally } from './residual.ts';
import { findTimebase, type Timebase } from './timebase.ts';

export const IDENTITIES = [
  'limit',
  'setpoint',
  'dirty',
  'period',
  'dirty_ratelimit',
  'balanced_dirty_ratelimit',
] as const;
export type IdentityName = (typeof IDENTITIES)[number];

export type Identities = {
  readonly results: Readonly<Record<IdentityName, IdentityResult>>;
  readonly timebase: Timebase;
  /** Which meaning of `limit` was used, and why. */
  readonly limit_of_domain: FeatureState;
};

const THROTTLE_COLUMNS = [
  'bdi',
  'limit_pages',
  'setpoint_pages',
  'dirty_pages',
  'period_ms',
  'pause_ms',
  'dirtied_pages',
  'task_ratelimit_kibps',
  'dirty_ratelimit_kibps',
];
const STATE_COLUMNS = [
  'nr_dirty_pages',
  'nr_writeback_pages',
  'dirty_thresh_pages',
  'background_thresh_pages',
  'dirty_limit_pages',
];
const UPDATE_COLUMNS = [
  'bdi',
  'task_ratelimit_kibps',
  'avg_write_bw_kibps',
  'dirty_rate_kibps',
  'dirty_ratelimit_kibps',
  'balanced_dirty_ratelimit_kibps',
];

type Tallies = Readonly<Record<IdentityName, IdentityTally>>;

export function checkIdentities(trace: Trace): Identities {
  const timebase = findTimebase(trace);
  const tallies: Tallies = {
    limit: new IdentityTally(),
    setpoint: new IdentityTally(),
    dirty: new IdentityTally(),
    period: new IdentityTally(),
    dirty_ratelimit: new IdentityTally(),
    balanced_dirty_ratelimit: new IdentityTally(),
  };
  const throttle = tableWith(trace.tables, 'balance_dirty_pages', THROTTLE_COLUMNS);
  const state = tableWith(trace.tables, 'global_dirty_state', STATE_COLUMNS);
  const updates = tableWith(trace.tables, 'bdi_dirty_ratelimit', UPDATE_COLUMNS);
  const losses = lossIndex(trace.losses);
  const pairs = throttle === undefined ? [] : pairWithState(throttle, state, losses);
  const limitOfDomain = resolveFeature(
    'limit_of_domain',
    trace.meta.kernel,
    throttle && state && limitEvidence(throttle, state, pairs),
  );
  if (throttle !== undefined) {
    checkThrottle(throttle, state, pairs, limitOfDomain.on, tallies);
    checkPeriods(throttle, timebase, tallies.period);
    checkRatelimits(throttle, updates, losses, tallies.dirty_ratelimit);
  }
  if (updates !== undefined) checkBalanced(updates, timebase, tallies.balanced_dirty_ratelimit);
  return {
    results: {
      limit: tallies.limit.result(),
      setpoint: tallies.setpoint.result(),
      dirty: tallies.dirty.result(),
      period: tallies.period.result(),
      dirty_ratelimit: tallies.dirty_ratelimit.result(),
      balanced_dirty_ratelimit: tallies.balanced_dirty_ratelimit.result(),
    },
    timebase,
    limit_of_domain: limitOfDomain,
  };
}

/** Row of global_dirty_state for every throttle event; -1 where there is none to trust. */
function pairWithState(throttle: Table, state: Table | undefined, losses: LossIndex): number[] {
  const pairs = new Array<number>(throttle.rows).fill(-1);
  if (state === undefined) return pairs;
  const statePid = numbers(state, 'pid').values;
  const stateTs = numbers(state, 'ts_ns').values;
  const pid = numbers(throttle, 'pid').values;
  const ts = numbers(throttle, 'ts_ns').values;
  const lastOf = new Map<number, number>();
  visitInOrder([state, throttle], (which, row) => {
    if (which === 0) {
      lastOf.set(statePid[row] as number, row);
      return;
    }
    const last = lastOf.get(pid[row] as number);
    if (last === undefined) return;
    if (!losses.overlaps(stateTs[last] as number, ts[row] as number)) pairs[row] = last;
  });
  return pairs;
}

/**
 * The two meanings of `limit` differ only while the threshold lies above the tracked limit; one
 * such event decides.
 */
function limitEvidence(
  throttle: Table,
  state: Table,
  pairs: readonly number[],
): boolean | undefined {
  const limit = numbers(throttle, 'limit_pages').values;
  const thresh = numbers(state, 'dirty_thresh_pages').values;
  const tracked = numbers(state, 'dirty_limit_pages').values;
  for (let row = 0; row < throttle.rows; row++) {
    const pair = pairs[row] as number;
    if (pair < 0 || (thresh[pair] as number) <= (tracked[pair] as number)) continue;
    if (limit[row] === thresh[pair]) return true;
    if (limit[row] === tracked[pair]) return false;
  }
  return undefined;
}

function checkThrottle(
  throttle: Table,
  state: Table | undefined,
  pairs: readonly number[],
  limitOfDomain: boolean,
  tallies: Tallies,
): void {
  const ts = numbers(throttle, 'ts_ns').values;
  const seq = numbers(throttle, 'seq').values;
  const limit = numbers(throttle, 'limit_pages').values;
  const setpoint = numbers(throttle, 'setpoint_pages').values;
  const dirty = numbers(throttle, 'dirty_pages').values;
  const seen = state && observedState(state);
  for (let row = 0; row < throttle.rows; row++) {
    const pair = pairs[row] as number;
    if (pair < 0 || seen === undefined) {
      for (const name of ['limit', 'setpoint', 'dirty'] as const) tallies[name].skip();
      continue;
    }
    const thresh = asPages(seen.thresh[pair] as number);
    const tracked = asPages(seen.limit[pair] as number);
    const at = [ts[row] as number, seq[row] as number] as const;
    const expected = limitOfDomain ? hardDirtyLimit(thresh, tracked) : tracked;
    tallies.limit.check(limit[row] as number, expected, ...at);
    const freerun = freerunCeiling(thresh, asPages(seen.background[pair] as number));
    const middle = globalSetpoint(asPages(limit[row] as number), freerun);
    tallies.setpoint.check(setpoint[row] as number, middle, ...at);
    tallies.dirty.check(dirty[row] as number, seen.dirtyAt(pair), ...at);
  }
}

/** The columns of global_dirty_state that the laws use. */
function observedState(state: Table) {
  const dirty = numbers(state, 'nr_dirty_pages').values;
  const writeback = numbers(state, 'nr_writeback_pages').values;
  const unstable = optionalNumbers(state, 'nr_unstable_pages')?.values;
  return {
    thresh: numbers(state, 'dirty_thresh_pages').values,
    background: numbers(state, 'background_thresh_pages').values,
    limit: numbers(state, 'dirty_limit_pages').values,
    /** NFS pages that wait for a commit counted as dirty while the kernel printed them (to 5.6). */
    dirtyAt: (row: number) =>
      (dirty[row] as number) + (writeback[row] as number) + (unstable?.[row] ?? 0),
  };
}

/** period = ⌊HZ·dirtied/task_ratelimit⌋; at a rate of zero, period = pause = max_pause. */
function checkPeriods(throttle: Table, timebase: Timebase, tally: IdentityTally): void {
  const ts = numbers(throttle, 'ts_ns').values;
  const seq = numbers(throttle, 'seq').values;
  const period = numbers(throttle, 'period_ms').values;
  const pause = numbers(throttle, 'pause_ms').values;
  const dirtied = numbers(throttle, 'dirtied_pages').values;
  const rate = numbers(throttle, 'task_ratelimit_kibps').values;
  const shift = Math.log2(timebase.page_size);
  const { hz } = timebase;
  for (let row = 0; row < throttle.rows; row++) {
    if (hz === undefined) {
      tally.skip();
      continue;
    }
    const at = [ts[row] as number, seq[row] as number] as const;
    const pages = pagesPerSecond(asKiBps(rate[row] as number), shift);
    const recorded = period[row] as number;
    const expected =
      pages > 0
        ? throttlePeriod(asPages(dirtied[row] as number), pages, hz)
        : Math.min(pause[row] as number, maxPause(hz));
    tally.check(recorded, expected, ...at);
  }
}

/** A key for "this writeback domain": bdi and, where recorded, the cgroup. */
function domainKeys(table: Table): (row: number) => string {
  const bdi = texts(table, 'bdi');
  const cgroup = optionalBigs(table, 'cgroup_ino')?.words;
  return (row) =>
    cgroup === undefined
      ? textAt(bdi, row)
      : `${textAt(bdi, row)} ${cgroup[2 * row + 1]}:${cgroup[2 * row]}`;
}

/** dirty_ratelimit is what the last update of that bdi (and cgroup) set. */
function checkRatelimits(
  throttle: Table,
  updates: Table | undefined,
  losses: LossIndex,
  tally: IdentityTally,
): void {
  if (updates === undefined) {
    for (let row = 0; row < throttle.rows; row++) tally.skip();
    return;
  }
  const ts = numbers(throttle, 'ts_ns').values;
  const seq = numbers(throttle, 'seq').values;
  const rate = numbers(throttle, 'dirty_ratelimit_kibps').values;
  const newRate = numbers(updates, 'dirty_ratelimit_kibps').values;
  const updateTs = numbers(updates, 'ts_ns').values;
  const throttleKey = domainKeys(throttle);
  const updateKey = domainKeys(updates);
  const last = new Map<string, { rate: number; ts: number }>();
  visitInOrder([updates, throttle], (which, row) => {
    if (which === 0) {
      last.set(updateKey(row), { rate: newRate[row] as number, ts: updateTs[row] as number });
      return;
    }
    const time = ts[row] as number;
    const update = last.get(throttleKey(row));
    if (update === undefined || losses.overlaps(update.ts, time)) tally.skip();
    else tally.check(rate[row] as number, update.rate, time, seq[row] as number);
  });
}

function checkBalanced(updates: Table, timebase: Timebase, tally: IdentityTally): void {
  const ts = numbers(updates, 'ts_ns').values;
  const seq = numbers(updates, 'seq').values;
  const shift = Math.log2(timebase.page_size);
  const rates = (name: string) => {
    const { values } = numbers(updates, name);
    return (row: number) => pagesPerSecond(asKiBps(values[row] as number), shift);
  };
  const task = rates('task_ratelimit_kibps');
  const bandwidth = rates('avg_write_bw_kibps');
  const dirtyRate = rates('dirty_rate_kibps');
  const balanced = rates('balanced_dirty_ratelimit_kibps');
  for (let row = 0; row < updates.rows; row++) {
    const inputs = [task(row), bandwidth(row), dirtyRate(row)] as const;
    // A rate that ran below zero lost its upper bits when it was printed in KiB/s.
    if (!inputs.every((rate) => rate >= 0)) tally.skip();
    else {
      const expected = balancedDirtyRatelimit(...inputs);
      tally.check(balanced(row), expected, ts[row] as number, seq[row] as number);
    }
  }
}
