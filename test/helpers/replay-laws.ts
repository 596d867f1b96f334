/** Laws of thresholds, flusher and reclaim, by the names under which fidelity stores them. */
import { flusherWorks } from '../../src/derive/flusher-works.ts';
import { checkChunks } from '../../src/replay/chunk-bandwidth.ts';
import { reclaimActivity } from '../../src/replay/reclaim.ts';
import { checkShrinkers } from '../../src/replay/shrinkers.ts';
import { replayThresholds } from '../../src/replay/thresholds.ts';
import { replayWorks } from '../../src/replay/works.ts';
import type { Trace } from '../../src/trace/trace.ts';

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
export function replayLaws(trace: Trace): Readonly<Record<string, string>> {
  const works = flusherWorks(trace.tables);
  const thresholds = replayThresholds(trace);
  const chunks = checkChunks(trace, works);
  const flusher = replayWorks(trace, works);
  const shrinkers = checkShrinkers(trace);
  const { wake } = reclaimActivity(trace, works);
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
