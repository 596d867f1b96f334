/**
 * Stalls: intervals in which one task waited in one place. Each place is a file of stalls/ that
 * says which events show the wait, when it begins and how its end is known.
 */
import { lossIndex } from '../trace/loss-index.ts';
import type { Tables } from '../trace/table.ts';
import { btrfsTicket } from './stalls/btrfs-ticket.ts';
import { dirtyThrottling } from './stalls/dirty-throttling.ts';
import { folioWriteback } from './stalls/folio-writeback.ts';
import { fuseRequest } from './stalls/fuse-request.ts';
import { inodeWait } from './stalls/inode-wait.ts';
import { journalCommit } from './stalls/journal-commit.ts';
import { shareTime } from './stalls/own-time.ts';
import { reclaim } from './stalls/reclaim.ts';
import { congestionWait, reclaimThrottling } from './stalls/reclaim-throttling.ts';
import { makeScene, type Scene, type StallOptions } from './stalls/scene.ts';
import { shrinker } from './stalls/shrinker.ts';
import { type Draft, type Stall, stallEnd_ns } from './stalls/stall.ts';
import { sync } from './stalls/sync.ts';

export { type StallOptions, stallOptions } from './stalls/scene.ts';
export { STALL_EVENTS } from './stalls/sources.ts';
export {
  BOUND_OF_END,
  type Certainty,
  type Evidence,
  isKernelThread,
  PLACE_WORDS,
  STALL_ENDS,
  STALL_PLACES,
  type Stall,
  type StallEnd,
  type StallPlace,
} from './stalls/stall.ts';

const PLACES: readonly ((scene: Scene) => Draft[])[] = [
  dirtyThrottling,
  sync,
  folioWriteback,
  journalCommit,
  btrfsTicket,
  reclaim,
  reclaimThrottling,
  congestionWait,
  shrinker,
  fuseRequest,
];

/** All stalls in order of their beginning. */
export function findStalls(tables: Tables, options: StallOptions): readonly Stall[] {
  const scene = makeScene(tables, options);
  const drafts = PLACES.flatMap((find) => find(scene));
  // What is concluded from the silence of a task needs to know all its other waits.
  for (const draft of inodeWait(scene, drafts)) drafts.push(draft);
  markLosses(drafts, options);
  shareTime(drafts);
  return drafts.sort((left, right) => left.start_ns - right.start_ns || left.seq - right.seq);
}

/** A gap of another CPU matters where the end is not the task's own word for it. */
function markLosses(drafts: readonly Draft[], { losses = [] }: StallOptions): void {
  if (losses.length === 0) return;
  const ofAny = lossIndex(losses);
  const ofCpu = new Map(
    [...new Set(losses.map(({ cpu }) => cpu))].map((cpu) => [
      cpu,
      lossIndex(losses.filter((loss) => loss.cpu === cpu)),
    ]),
  );
  for (const draft of drafts) {
    const index = draft.end === 'recorded' && draft.cpu >= 0 ? ofCpu.get(draft.cpu) : ofAny;
    draft.across_loss = index?.overlaps(draft.start_ns, stallEnd_ns(draft)) ?? false;
  }
}
