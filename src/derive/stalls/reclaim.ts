/** Direct, memcg and node reclaim by a task that allocates memory, mm/vmscan.c: begin to end. */
import { pairs } from './pairs.ts';
import { draftOf } from './rows.ts';
import { gapWithin, type Scene } from './scene.ts';
import { RECLAIM } from './sources.ts';
import type { Draft } from './stall.ts';

export function reclaim(scene: Scene): Draft[] {
  const drafts: Draft[] = [];
  for (const kind of RECLAIM) {
    pairs(scene, `${kind}_begin`, `${kind}_end`, ({ rows, row, ...interval }) => {
      const given = { ...interval, place: 'reclaim', event: kind } as const;
      drafts.push(
        draftOf(rows, row, { ...given, joins_within_ns: gapWithin(scene, interval.duration_ns) }),
      );
    });
  }
  return drafts;
}
