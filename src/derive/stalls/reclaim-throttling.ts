/**
 * reclaim_throttle(), mm/vmscan.c, and the waits for congested devices that it replaced in 5.16,
 * mm/backing-dev.c: congestion_wait() of whoever ran into writeback (reclaim, throttle_vm_writeout,
 * file systems) and wait_iff_congested(). Their events are written after the sleep and say how long
 * it was.
 */
import { numbers, tableWith } from '../../trace/table.ts';
import { NS_PER_US } from '../../trace/time.ts';
import { draftOf, eventRows, textOf } from './rows.ts';
import { gapWithin, type Scene } from './scene.ts';
import { CONGESTION } from './sources.ts';
import type { Draft, StallPlace } from './stall.ts';

export function reclaimThrottling(scene: Scene): Draft[] {
  return measured(scene, 'mm_vmscan_throttled', 'reclaim-throttling');
}

export function congestionWait(scene: Scene): Draft[] {
  return CONGESTION.flatMap((event) => measured(scene, event, 'congestion-wait'));
}

function measured(scene: Scene, event: string, place: StallPlace): Draft[] {
  const table = tableWith(scene.tables, event, ['usec_delayed_us', 'usec_timeout_us']);
  if (table === undefined) return [];
  const rows = eventRows(table);
  const delayed = numbers(table, 'usec_delayed_us').values;
  const timeout = numbers(table, 'usec_timeout_us').values;
  const drafts: Draft[] = [];
  for (let row = 0; row < table.rows; row++) {
    const end_ns = rows.ts[row] as number;
    const duration_ns = (delayed[row] as number) * NS_PER_US;
    // wait_iff_congested() also tells that it did not wait.
    if (!(duration_ns > 0)) continue;
    drafts.push(
      draftOf(rows, row, {
        place,
        event,
        reason: textOf(table, 'reason', row),
        // Before the capture where the wait began there: how long it was is known all the same.
        start_ns: end_ns - duration_ns,
        duration_ns,
        begun_before: end_ns < duration_ns,
        end: 'recorded',
        asked_ns: (timeout[row] as number) * NS_PER_US,
        joins_within_ns: gapWithin(scene, duration_ns),
      }),
    );
  }
  return drafts;
}
