/** What weakens the numbers of `tidemark stalls`: each a sentence that says what to do. */
import type { Stall } from '../../derive/stalls.ts';
import { count } from '../../findings/format.ts';
import { lostEvents, type Trace } from '../../trace/trace.ts';

/** What a wait is seen by; one event of each list is enough. */
const SEEN_BY: readonly (readonly [what: string, events: readonly string[]])[] = [
  ['dirty throttling', ['balance_dirty_pages']],
  ['syncs', ['sys_enter_fsync', 'sys_enter_sync', 'ext4_sync_file_enter', 'xfs_file_fsync']],
  ['folios', ['folio_wait_writeback']],
  ['reclaim', ['mm_vmscan_direct_reclaim_begin', 'mm_vmscan_memcg_reclaim_begin']],
  ['throttled reclaim', ['mm_vmscan_throttled', 'writeback_congestion_wait']],
];

export function stallNotes(
  trace: Trace,
  stalls: readonly Stall[],
  hz: number | undefined,
): string[] {
  const { meta, tables } = trace;
  const recorded = (name: string) => tables.has(name) || meta.silent_events.includes(name);
  const notes: string[] = [];
  if (trace.losses.length > 0) {
    const across = stalls.filter(({ across_loss }) => across_loss).length;
    const ends = `; ${count(across, 'stall')} listed here may have ended otherwise`;
    const lost = count(lostEvents(trace), 'event');
    notes.push(`${lost} were lost, and waits with them${across > 0 ? ends : ''}.`);
  }
  const blind = SEEN_BY.filter(([, events]) => !events.some(recorded));
  if (blind.length > 0) {
    const names = blind.map(([what, [event = '']]) => `${what} (${event})`).join(', ');
    notes.push(`Not recorded, so not seen: ${names}.`);
  }
  const open = stalls.filter((stall) => stall.open).length;
  if (open > 0) notes.push(`${count(open, 'stall')} had not ended when the capture did.`);
  const concluded = stalls.filter(({ certainty }) => certainty !== 'certain').length;
  if (concluded > 0) {
    const verb = concluded === 1 ? 'is' : 'are';
    notes.push(`${count(concluded, 'wait')} for inodes ${verb} concluded from what coincided.`);
  }
  if (hz === undefined && tables.has('balance_dirty_pages')) {
    notes.push('The tick (HZ) is not known: pauses count as asked for; give --meta to set it.');
  }
  if (tables.has('btrfs_reserve_ticket') && meta.clock !== 'mono') {
    notes.push('Waits for btrfs tickets need the trace clock mono; record with -C mono.');
  }
  return notes;
}
