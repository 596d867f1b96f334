/** What a run of a reclaim policy makes one want to know, in sentences. */
import { bytesText, thousands } from '../../../trace/wording.ts';
import type { ReclaimRun } from './reclaim.ts';

export function reclaimNotes(run: ReclaimRun): readonly string[] {
  const { counts } = run.state;
  const notes = [
    `private state takes at most ${bytesText(run.most_bytes)}, ` +
      `${thousands(counts.private_held)} objects at the end`,
  ];
  if (run.mode === 'releasepage') {
    notes.push(
      `${counts.private_released} objects released and ${counts.page_freed} pages freed by ` +
        `reclaim; ${counts.orphaned_clean} pages left without their state, ` +
        `${counts.rebuilt} objects built again, ${counts.release_refused} refused`,
    );
  }
  if (run.unfed > 0) {
    notes.push(
      `reclaim.era=${run.facts.switches['reclaim.era']} is not applicable: ${run.unfed} passes ` +
        'do not tell what its arithmetic needs (until 4.15 pages scanned, since 4.16 the priority)',
    );
  }
  if (run.mode === 'shrinker') {
    const each = run.scanned > 0 ? (counts.page_freed / run.scanned).toFixed(2) : '0';
    notes.push(
      `the shrinker scanned ${run.scanned} objects in ${run.scans} calls and freed ${run.freed} ` +
        `(${each} pages for each scanned); pages are never left without their state`,
    );
  }
  if (run.mode === 'inode-lifetime') {
    notes.push(`${counts.page_freed} pages freed by reclaim, none of their state with them`);
  }
  return notes;
}
