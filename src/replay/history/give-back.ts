/**
 * A writer that claims a folio and cannot write it gives it back (folio_redirty_for_writepage):
 * writeback_dirty_folio comes again, from the task that writes the inode, and NR_DIRTIED stays as
 * it was. ext4 does so while a journal commit writes a file of which blocks are not mapped or not
 * initialised (ext4_bio_write_folio): what of the folio can be written is under writeback as well,
 * and where that is nothing, writeback begins and ends at once, and NR_WRITTEN counts it.
 */
import { evidenceCode } from './evidence.ts';
import type { Inode } from './inodes.ts';
import type { Scene, Task } from './scene.ts';
import type { Run } from './write-queue.ts';

const E_GIVEN = evidenceCode('claim', 'given-back');
const E_NOTHING = evidenceCode('end', 'nothing-written');

/** Is the task writing that inode? */
export const isWriterOf = ({ call, inode: writing }: Task, inode: Inode): boolean =>
  call?.inode === inode || writing === inode;

type Folio = { readonly start: number; readonly end: number; readonly place: number };

export function giveBack(scene: Scene, task: Task, inode: Inode, folio: Folio): void {
  const { start, end, place } = folio;
  const { pages } = scene;
  // What an event had claimed already is counted.
  const claimed = pages.claim(inode, start, end, E_GIVEN);
  pages.claimUnseen(inode, start, end, E_GIVEN);
  pages.dirty(inode, start, end - start, place);
  task.wbc = undefined;
  const { call } = task;
  if (call?.inode !== inode) {
    task.claimed += claimed;
    return;
  }
  call.claimed += end - start;
  call.total += end - start;
  pages.writeGiven(inode, start, end);
  call.given.push(scene.runOf(inode, start, end, call.sync));
}

/** The call is over, and no bio came: of what was given back nothing was written. */
export function endGiven(scene: Scene, given: Run[]): void {
  scene.endRuns(given, E_NOTHING);
  given.length = 0;
}
