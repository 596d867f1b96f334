/** Direct, memcg and node reclaim by a task that allocates memory, mm/vmscan.c: begin to end. */
import { stallPairs } from './pairs.ts';
import { gapWithin, type Scene } from './scene.ts';
import { RECLAIM } from './sources.ts';
import type { Draft } from './stall.ts';

export function reclaim(scene: Scene): Draft[] {
  const drafts: Draft[] = [];
  for (const kind of RECLAIM) {
    const about = { place: 'reclaim', event: kind } as const;
    stallPairs(scene, `${kind}_begin`, `${kind}_end`, about, (draft) => {
      draft.joins_within_ns = gapWithin(scene, draft.duration_ns);
      drafts.push(draft);
    });
  }
  return drafts;
}
