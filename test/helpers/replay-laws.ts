/** Laws of thresholds, flusher and reclaim, by the names under which fidelity stores them. */
import type { ReplayResult } from '../../src/replay/replay.ts';

export const REPLAY_LAWS = [
  'thresh',
  'background',
  'dirty_limit_tracking',
  'to_write',
  'to_write_possible',
  'work_rounds',
  'pages_written',
  'periodic_spacing',
  'moved_inodes',
  'shrinker_delta',
  'shrinker_total_scan',
  'reclaim_wake',
] as const;

type Counts = { readonly n: number; readonly exact: number; readonly unchecked: number };

/** `exact of n, k unchecked` of each law. */
export function replayLaws(found: ReplayResult): Readonly<Record<string, string>> {
  const { thresholds, chunks, works: flusher, shrinkers, reclaim } = found;
  const { wake } = reclaim;
  const none: Counts = { n: 0, exact: 0, unchecked: 0 };
  const results: Record<(typeof REPLAY_LAWS)[number], Counts> = {
    thresh: thresholds.thresh,
    background: thresholds.background,
    dirty_limit_tracking: thresholds.limit.dirty_limit,
    to_write: chunks.to_write,
    // Slices that at least some bandwidth explains.
    to_write_possible: {
      n: chunks.bandwidth.rows + chunks.impossible,
      exact: chunks.bandwidth.rows,
      unchecked: 0,
    },
    work_rounds: flusher.round_pages,
    pages_written: flusher.pages_written,
    periodic_spacing: flusher.periodic_spacing,
    moved_inodes: flusher.expired?.moved ?? none,
    shrinker_delta: shrinkers.delta,
    shrinker_total_scan: shrinkers.total_scan,
    reclaim_wake: wake,
  };
  return Object.fromEntries(
    REPLAY_LAWS.map((law) => {
      const { n, exact, unchecked } = results[law];
      return [law, `${exact} of ${n}, ${unchecked} unchecked`];
    }),
  );
}
