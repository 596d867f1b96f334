/**
 * btrfs writing file data: every folio has an event when it is claimed, and ordered extents say
 * which ranges came back. Events name the inode without its device, which the page at the index
 * decides.
 */
import type { Table, Tables } from '../../trace/table.ts';
import { tableWith } from '../../trace/table.ts';
import { claimFolio, claimRange } from './claims.ts';
import { evidenceCode } from './evidence.ts';
import type { Follower } from './follower.ts';
import { deviceOfText, type InodeKey, inodeKeys } from './inode-key.ts';
import { CLAIMED_BIT, DIRTY_BIT, type Inode, WRITEBACK_BIT } from './inodes.ts';
import { isIndex, isLength, isOffset, isPages } from './plausible.ts';
import { Cursor, type Scene, type Task } from './scene.ts';

const E_FOLIO = evidenceCode('claim', 'folio-event');
const E_COMPLETION = evidenceCode('claim', 'completion');
const E_ORDERED = evidenceCode('end', 'ordered-extent');

export function followBtrfs(scene: Scene, tables: Tables): Follower[] {
  const finished = tableWith(tables, 'btrfs_finish_ordered_extent', ['ino', 'start_bytes']);
  const ended = tableWith(tables, 'btrfs_writepage_end_io_hook', ['ino', 'start_bytes']);
  return [
    followFolio(scene, tables),
    // Newer kernels have both for the same range.
    finished !== undefined ? followRange(scene, finished, 'len_bytes') : undefined,
    finished === undefined && ended !== undefined
      ? followRange(scene, ended, 'end_bytes')
      : undefined,
  ].filter((follower) => follower !== undefined);
}

function followFolio(scene: Scene, tables: Tables): Follower | undefined {
  const table = tableWith(tables, 'extent_writepage', ['ino', 'index']);
  if (table === undefined) return undefined;
  const at = new Cursor(scene, table);
  const index = at.number('index');
  const nr = at.optional('nr_to_write_pages');
  const find = inodeFinder(scene, table);
  return {
    table,
    visit(row) {
      at.moveTo(row);
      const task = scene.task(at.pid[row] as number);
      scene.startWriting(task);
      const start = index[row] as number;
      if (!isIndex(start)) {
        scene.note('impossible_value');
        return;
      }
      const inode = find(row, start, DIRTY_BIT);
      if (inode === undefined) return;
      const end = start + (inode.folioPagesAt(start) ?? 1);
      if (task.inode === inode) noteFolio(scene, task, start, end, nr?.[row]);
      const options = { evidence: E_FOLIO, sync: false, dev: undefined, pending: task };
      // Compressed ranges are claimed as a whole with their first folio.
      if ((inode.pages.valueAt(start) & (CLAIMED_BIT | WRITEBACK_BIT)) !== 0) return;
      const pages = claimFolio(scene, inode, start, end, options);
      if (task.inode === inode) task.claimed += pages;
    },
  };
}

/**
 * btrfs sets nr_to_write anew when it falls short of what is to be allocated (writepage_delalloc),
 * so that the pages that the flusher says were written are off by as much. Ranges that it
 * compresses count as well, without an event for each folio: they are skipped by the next one.
 */
function noteFolio(
  scene: Scene,
  task: Task,
  start: number,
  end: number,
  nr_to_write: number | undefined,
): void {
  const before = task.folio;
  const inode = task.inode;
  if (nr_to_write === undefined || !isPages(nr_to_write) || inode === undefined) return;
  task.folio = { end, nr_to_write: nr_to_write - (end - start) };
  if (before === undefined) return;
  const taken = before.nr_to_write - nr_to_write;
  if (taken <= 0 || taken > start - before.end) {
    task.adjusted += taken;
  } else if (dirtyIn(inode, before.end, start) === taken) {
    const options = { evidence: E_FOLIO, sync: false, dev: undefined };
    task.claimed += claimRange(scene, inode, before.end, start, options);
  }
}

function dirtyIn(inode: Inode, from: number, to: number): number {
  let pages = 0;
  inode.pages.visit(from, to, (start, end, value) => {
    if ((value & DIRTY_BIT) !== 0) pages += end - start;
    return true;
  });
  return pages;
}

/** A range came back; pages of it that no event claimed were written all the same. */
function followRange(scene: Scene, table: Table, lengthColumn: string): Follower {
  const at = new Cursor(scene, table);
  const start = at.number('start_bytes');
  const length = at.number(lengthColumn);
  const isEnd = lengthColumn === 'end_bytes';
  const find = inodeFinder(scene, table);
  const { pageSize } = scene;
  return {
    table,
    visit(row) {
      at.moveTo(row);
      const first = start[row] as number;
      const last = isEnd ? (length[row] as number) + 1 : first + (length[row] as number);
      if (!isOffset(first) || !isLength(last - first)) {
        scene.note('impossible_value');
        return;
      }
      const from = Math.floor(first / pageSize);
      const to = Math.ceil(last / pageSize);
      const inode = find(row, from, CLAIMED_BIT | WRITEBACK_BIT);
      if (inode === undefined) return;
      scene.pages.start(inode, from, to);
      if (!hasState(inode, from, to, WRITEBACK_BIT)) {
        const options = { evidence: E_COMPLETION, sync: false, dev: undefined };
        claimRange(scene, inode, from, to, options);
      }
      const pages = scene.pages.end(inode, from, to, E_ORDERED);
      // The event comes for each folio, just before its writeback ends (end_bbio_data_write).
      if (pages > 0) scene.pages.flight.noteEnding({ pages, folios: 0, inode }, scene.pages.ts_ns);
    },
  };
}

function hasState(inode: Inode, from: number, to: number, bits: number): boolean {
  let found = false;
  inode.pages.visit(from, to, (_start, _end, value) => {
    found = (value & bits) !== 0;
    return !found;
  });
  return found;
}

/** Inodes of file systems whose bdi has a name: the one whose page is in such a state, else any. */
function inodeFinder(
  scene: Scene,
  table: Table,
): (row: number, index: number, bits: number) => Inode | undefined {
  const keyOf = inodeKeys(table);
  const known = new Map<InodeKey, Inode[]>();
  let seen = 0;
  return (row, index, bits) => {
    for (; seen < scene.inodes.all.length; seen++) {
      const inode = scene.inodes.all[seen] as Inode;
      const same = known.get(inode.key);
      if (same === undefined) known.set(inode.key, [inode]);
      else same.push(inode);
    }
    const named = (known.get(keyOf(row)) ?? []).filter((inode) => {
      const name = scene.wbNames[inode.wb] ?? '';
      return inode.wb !== 0 && deviceOfText(name) === undefined;
    });
    if (named.length < 2) return named[0];
    return named.find((inode) => (inode.pages.valueAt(index) & bits) !== 0) ?? named[0];
  };
}
