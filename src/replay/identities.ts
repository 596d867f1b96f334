/**
 * Level (a): laws that the kernel's own numbers must obey. Each throttle event is paired with the
 * last global_dirty_state of the same task, which belongs to the same iteration of
 * balance_dirty_pages (kernel-core C.9); what no event prints is carried forward from those that
 * depend on it (throttle/walk.ts) and shown as inferred.
 */
import { flusherWorks } from '../derive/flusher-works.ts';
import type { FeatureState } from '../kernel/features.ts';
import type { Trace } from '../trace/trace.ts';
import { type ObservedBandwidth, observeChunks } from './chunk-bandwidth.ts';
import type { WrittenSeries } from './history/written-log.ts';
import { type IdentityResult, IdentityTally } from './residual.ts';
import { stateColumns, throttleColumns, updateColumns } from './throttle/columns.ts';
import { checkBalanced, checkPeriods } from './throttle/rate-laws.ts';
import { runThrottle, type ThrottleRun } from './throttle/run.ts';
import { findTimebase, type Timebase } from './timebase.ts';

export const IDENTITIES = [
  'limit',
  'setpoint',
  'dirty',
  'wb_thresh',
  'period',
  'dirty_ratelimit',
  'balanced_dirty_ratelimit',
  'dirty_ratelimit_step',
  'bdi_task_ratelimit',
  'task_ratelimit',
  'pause',
  'dirtied_pause',
  'paused',
  'think',
] as const;
export type IdentityName = (typeof IDENTITIES)[number];

/** Laws of bdi_dirty_ratelimit; the others speak of balance_dirty_pages. */
const OF_UPDATES: ReadonlySet<IdentityName> = new Set([
  'balanced_dirty_ratelimit',
  'dirty_ratelimit_step',
  'bdi_task_ratelimit',
]);

/** The features, tick, domains and inferred bandwidths of `ThrottleRun` are part of it. */
export type Identities = ThrottleRun & {
  readonly results: Readonly<Record<IdentityName, IdentityResult>>;
  readonly timebase: Timebase;
  /** Which meaning of `limit` was used, and why. */
  readonly limit_of_domain: FeatureState;
};

/**
 * `observed`: what the flusher's slices say of the write bandwidth, if it is already known;
 * `written`: what each bdi wrote, as the page history counts it.
 */
export function checkIdentities(
  trace: Trace,
  observed: ObservedBandwidth = observeChunks(trace, flusherWorks(trace.tables)).bandwidth,
  written: readonly WrittenSeries[] = [],
): Identities {
  const timebase = findTimebase(trace);
  const made = IDENTITIES.map((name) => [name, new IdentityTally()] as const);
  const tallies = Object.fromEntries(made) as Record<IdentityName, IdentityTally>;
  const throttle = throttleColumns(trace.tables);
  const updates = updateColumns(trace.tables);
  const events = { throttle, state: stateColumns(trace.tables), updates };
  const run = runThrottle(trace, events, observed, timebase, tallies, written);
  if (updates !== undefined) checkBalanced(updates, timebase, tallies.balanced_dirty_ratelimit);
  if (throttle !== undefined) checkPeriods(throttle, timebase, tallies.period);
  for (const name of IDENTITIES) {
    // An update whose throttle event is missing was met by no law.
    const events = OF_UPDATES.has(name) ? updates : throttle;
    tallies[name].complete(events?.rows ?? 0);
  }
  const results = IDENTITIES.map((name) => [name, tallies[name].result()]);
  return {
    ...run,
    limit_of_domain: run.features.limit_of_domain,
    results: Object.fromEntries(results) as Record<IdentityName, IdentityResult>,
    timebase,
  };
}
