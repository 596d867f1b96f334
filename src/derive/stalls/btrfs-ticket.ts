/**
 * Reservation tickets, fs/btrfs/space-info.c: a task waits until flushing has made room for its
 * metadata or data. The event comes when the ticket is done and carries the time at which it was
 * taken, on the kernel's monotonic clock; a capture on another clock does not tell how long it was.
 */
import { numbers, tableWith } from '../../trace/table.ts';
import { draftOf, eventRows, textOf } from './rows.ts';
import { gapWithin, type Scene } from './scene.ts';
import type { Draft } from './stall.ts';

export function btrfsTicket(scene: Scene): Draft[] {
  const table = tableWith(scene.tables, 'btrfs_reserve_ticket', ['start_ns']);
  if (table === undefined || scene.clock !== 'mono' || scene.origin_ns === undefined) return [];
  const rows = eventRows(table);
  const taken = numbers(table, 'start_ns').values;
  const origin_ns = Number(scene.origin_ns);
  const drafts: Draft[] = [];
  for (let row = 0; row < table.rows; row++) {
    const end_ns = rows.ts[row] as number;
    // Zero where the kernel took no time because nobody was tracing then.
    const taken_ns = taken[row] as number;
    const began_ns = taken_ns - origin_ns;
    if (!(taken_ns > 0) || began_ns > end_ns) continue;
    drafts.push(
      draftOf(rows, row, {
        place: 'btrfs-ticket',
        event: 'btrfs_reserve_ticket',
        reason: textOf(table, 'flush', row),
        start_ns: began_ns,
        duration_ns: end_ns - began_ns,
        begun_before: began_ns < 0,
        end: 'recorded',
        joins_within_ns: gapWithin(scene, end_ns - began_ns),
      }),
    );
  }
  return drafts;
}
