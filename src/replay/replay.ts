/**
 * Everything that the replay says about a capture, made once:
 *
 * - level (a): the laws, each with how many recorded values obey it to the last unit
 * - level (b): counters predicted from events, against what the kernel recorded and against samples
 *   that the replay has not seen
 *
 * One pass each over the tables that it needs; operations of level (b) are followed, not stored.
 */
import { consistencyOf } from '../derive/consistency.ts';
import { type FlusherWorks, flusherWorks } from '../derive/flusher-works.ts';
import { type Diagnostic, DiagnosticCollector } from '../trace/diagnostics.ts';
import type { Trace } from '../trace/trace.ts';
import { type ChunkCheck, observeChunks } from './chunk-bandwidth.ts';
import { type HistoryReplay, replayHistory } from './history/replay-history.ts';
import { checkIdentities, IDENTITIES, type Identities } from './identities.ts';
import { type ReclaimActivity, reclaimActivity } from './reclaim.ts';
import type { IdentityResult } from './residual.ts';
import { checkShrinkers, type ShrinkerCheck } from './shrinkers.ts';
import { replayThresholds, type ThresholdReplay } from './thresholds.ts';
import { replayWorks, type WorkReplay } from './works.ts';

export type ReplayResult = {
  /** The throttle: limits, rates, pauses; what was inferred of the write bandwidth. */
  readonly identities: Identities;
  /** Pages by event; undefined when the capture lacks what a prediction needs. */
  readonly history: HistoryReplay | undefined;
  /** The settings over time, and the thresholds that follow from them. */
  readonly thresholds: ThresholdReplay;
  readonly flusher: FlusherWorks | undefined;
  readonly works: WorkReplay;
  readonly chunks: ChunkCheck;
  readonly shrinkers: ShrinkerCheck;
  readonly reclaim: ReclaimActivity;
  /** Where the trace contradicts itself or the model, each with its rows. */
  readonly diagnostics: readonly Diagnostic[];
};

export function replay(trace: Trace): ReplayResult {
  const flusher = flusherWorks(trace.tables);
  const observer = observeChunks(trace, flusher);
  const found = {
    history: replayHistory(trace),
    thresholds: replayThresholds(trace),
    flusher,
    shrinkers: checkShrinkers(trace),
    reclaim: reclaimActivity(trace, flusher),
  };
  const diagnostics = new DiagnosticCollector();
  for (const part of [consistencyOf(trace), ...Object.values(found)]) {
    if (part !== undefined) diagnostics.include(part.diagnostics);
  }
  const identities = checkIdentities(trace, observer.bandwidth, found.history?.written);
  return {
    ...found,
    identities,
    works: replayWorks(trace, flusher),
    chunks: observer.check(identities.predicted_pages_per_s),
    diagnostics: diagnostics.list(),
  };
}

export type Law = {
  readonly name: string;
  /** Which event's numbers it speaks of. */
  readonly of: string;
  readonly result: IdentityResult;
};

/** All laws of level (a) by name, in the order in which they are shown. */
export function lawsOf(result: ReplayResult): readonly Law[] {
  const { identities, thresholds, works, chunks, shrinkers } = result;
  const law = (name: string, of: string, value: IdentityResult): Law => ({
    name,
    of,
    result: value,
  });
  return [
    ...IDENTITIES.map((name) =>
      law(
        name,
        UPDATES.has(name) ? 'bdi_dirty_ratelimit' : 'balance_dirty_pages',
        identities.results[name],
      ),
    ),
    law('thresh', 'global_dirty_state', thresholds.thresh),
    law('background_thresh', 'global_dirty_state', thresholds.background),
    law('dirty_limit', 'global_dirty_state', thresholds.limit.dirty_limit),
    law('sampled_thresh', 'counter samples', thresholds.sampled),
    law('to_write', 'writeback_single_inode_start', chunks.to_write),
    law('round_pages', 'writeback_written', works.round_pages),
    law('pages_written', 'writeback_pages_written', works.pages_written),
    law('periodic_spacing', 'writeback_start', works.periodic_spacing),
    law('shrinker_delta', 'mm_shrink_slab_start', shrinkers.delta),
    law('shrinker_total_scan', 'mm_shrink_slab_start', shrinkers.total_scan),
    law('shrinker_deferred', 'mm_shrink_slab_end', shrinkers.deferred),
  ];
}

const UPDATES: ReadonlySet<string> = new Set([
  'balanced_dirty_ratelimit',
  'dirty_ratelimit_step',
  'bdi_task_ratelimit',
]);
