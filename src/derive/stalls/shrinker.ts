/**
 * Shrinkers that took long, mm/shrinker.c: those of file systems wait for journals and inodes.
 * Reclaim calls them by the thousand; only calls of at least a millisecond are stalls.
 */
import { visitInOrder } from '../../trace/order.ts';
import { tableWith } from '../../trace/table.ts';
import { NS_PER_MS } from '../../trace/time.ts';
import { draftOf, type EventRows, eventRows, evidenceOf, textOf } from './rows.ts';
import { gapWithin, type Scene } from './scene.ts';
import type { Draft } from './stall.ts';

const SHORTEST_NS = NS_PER_MS;

export function shrinker(scene: Scene): Draft[] {
  const start = tableWith(scene.tables, 'mm_shrink_slab_start', ['shrink']);
  const end = tableWith(scene.tables, 'mm_shrink_slab_end', ['shrink']);
  if (start === undefined || end === undefined) return [];
  const starts = eventRows(start);
  const ends = eventRows(end);
  const open = new Map<number, number>();
  const drafts: Draft[] = [];
  visitInOrder([start, end], (which, row) => {
    if (which === 0) {
      open.set(starts.pid[row] as number, row);
      return;
    }
    const pid = ends.pid[row] as number;
    const begun = open.get(pid);
    if (begun === undefined) return;
    open.delete(pid);
    const start_ns = starts.ts[begun] as number;
    const duration_ns = (ends.ts[row] as number) - start_ns;
    if (duration_ns < SHORTEST_NS || shrinkerOf(starts, begun) !== shrinkerOf(ends, row)) return;
    drafts.push(
      draftOf(starts, begun, {
        place: 'shrinker',
        event: 'mm_shrink_slab',
        reason: textOf(start, 'shrink', begun),
        start_ns,
        duration_ns,
        end: 'recorded',
        joins_within_ns: gapWithin(scene, duration_ns),
        evidence: () => [evidenceOf(starts, begun), evidenceOf(ends, row)],
      }),
    );
  });
  return drafts;
}

/** After a loss, an end may belong to a start that is gone. */
function shrinkerOf({ table }: EventRows, row: number): string | undefined {
  return textOf(table, 'shrink', row);
}
