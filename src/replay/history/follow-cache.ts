/** Folios that are dirtied, and those that enter and leave the page cache. */

import { powerOfTwo } from '../../kernel/arithmetic.ts';
import { PageIntervals } from '../../model/page-intervals.ts';
import { doubleAt } from '../../trace/column.ts';
import { bigs, type Table, type Tables, tableWith } from '../../trace/table.ts';
import type { FolioSizes } from '../folio-sizes.ts';
import type { Follower } from './follower.ts';
import { giveBack, isWriterOf } from './give-back.ts';
import { inodeKeys } from './inode-key.ts';
import type { Inode } from './inodes.ts';
import { isIndex } from './plausible.ts';
import { Cursor, type Scene } from './scene.ts';
import { ASSUMED_SIZE } from './timeline.ts';
import type { Totals } from './totals.ts';

const MAX_ORDER = 16;
const KEEP_NOTHING = 255;
const CACHE_COLUMNS = ['dev', 'ino', 'index'];

/** writeback_dirty_folio: clean → dirty, or back to dirty when its writer gives it back. */
export function followDirty(scene: Scene, sizes: FolioSizes, totals: Totals): Follower {
  const at = new Cursor(scene, sizes.table);
  const bdi = at.text('bdi');
  const index = at.number('index');
  const keyOf = inodeKeys(sizes.table);
  const { owners } = scene;
  let lastInode: Inode | undefined;
  let lastCode = -1;
  return {
    table: sizes.table,
    visit(row) {
      const pages = sizes.pages[row] as number;
      // Mappings that do no writeback are in no counter.
      if (pages === 0) return;
      at.moveTo(row);
      const start = index[row] as number;
      if (!isIndex(start)) {
        scene.note('impossible_value');
        return;
      }
      const code = bdi.codes[row] as number;
      const key = keyOf(row);
      let inode = lastInode;
      if (inode === undefined || code !== lastCode || inode.key !== key) {
        inode = scene.inodeOfBdi(bdi.dictionary[code] as string, key, start);
        lastInode = inode;
        lastCode = code;
      }
      if (sizes.evidence[row] === ASSUMED_SIZE) scene.assumedSizes += pages;
      const place = owners.placeOf(row, inode.nodes?.valueAt(start) ?? 0);
      const task = scene.knownTask(at.pid[row] as number);
      if (task !== undefined && isWriterOf(task, inode)) {
        giveBack(scene, task, inode, { start, end: start + pages, place });
        return;
      }
      const again = scene.pages.dirty(inode, start, pages, place);
      if (again > 0) scene.note('dirty_while_dirty', again);
      totals.dirtied(at.pid[row] as number, inode, pages, row);
    },
  };
}

export function followPageCache(scene: Scene, tables: Tables): Follower[] {
  const added = tableWith(tables, 'mm_filemap_add_to_page_cache', CACHE_COLUMNS);
  const deleted = tableWith(tables, 'mm_filemap_delete_from_page_cache', CACHE_COLUMNS);
  const unused = new Float64Array(KEEP_NOTHING + 1);
  const followers: Follower[] = [];
  if (added !== undefined) {
    const read = folioReader(scene, added);
    const nodeOf = nodeReader(scene, added);
    followers.push({
      table: added,
      visit(row) {
        const folio = read(row);
        if (folio === undefined) return;
        const { inode, start, pages, order } = folio;
        inode.folios.change(start, start + pages, 0, KEEP_NOTHING, order + 1, unused);
        if (nodeOf === undefined) return;
        inode.nodes ??= new PageIntervals();
        inode.nodes.change(start, start + pages, 0, KEEP_NOTHING, nodeOf(row), unused);
      },
    });
  }
  if (deleted !== undefined) {
    const read = folioReader(scene, deleted);
    const at = new Cursor(scene, deleted);
    const comm = at.text('comm');
    const isReclaim = comm.dictionary.map((name) => name.startsWith('kswapd'));
    const isReclaimed = (row: number) =>
      isReclaim[comm.codes[row] as number] || scene.reclaimers.has(at.pid[row] as number);
    followers.push({
      table: deleted,
      visit(row) {
        const folio = read(row);
        if (folio === undefined) return;
        const { inode, start, pages, order } = folio;
        const known = inode.folios.intervalAt(start);
        // A folio that was split leaves in parts; what stays of it is of unknown size.
        const split = known !== undefined && known.value !== order + 1;
        const whole = split ? (inode.folioAt(start) ?? { start, pages }) : { start, pages };
        inode.folios.change(whole.start, whole.start + whole.pages, 0, KEEP_NOTHING, 0, unused);
        inode.nodes?.change(start, start + pages, 0, KEEP_NOTHING, 0, unused);
        const isOfBefore = known === undefined && !isReclaimed(row);
        if (inode.pages.isEmpty && !isOfBefore) return;
        at.moveTo(row);
        const unknown = scene.pages.remove(inode, start, start + pages);
        if (isOfBefore) scene.vanished.note(unknown);
      },
    });
  }
  return followers;
}

/** The node of a row's folio; undefined where there is nothing to tell apart. */
function nodeReader({ owners }: Scene, table: Table): ((row: number) => number) | undefined {
  const { nodes } = owners;
  if (nodes === undefined || nodes.numbers.length < 2 || !('pfn' in table.columns)) {
    return undefined;
  }
  const { words } = bigs(table, 'pfn');
  return (row) => nodes.codeOf(doubleAt(words, row));
}

/** What page-cache events say of a folio. The object is reused from call to call. */
function folioReader(scene: Scene, table: Parameters<typeof inodeKeys>[0]) {
  const at = new Cursor(scene, table);
  const dev = at.number('dev');
  const index = at.number('index');
  const orders = at.optional('order');
  const keyOf = inodeKeys(table);
  const folio = {
    inode: undefined as unknown as Inode,
    start: 0,
    pages: 1,
    order: 0,
  };
  return (row: number) => {
    const order = orders?.[row] ?? 0;
    if (!isIndex(index[row] as number) || !(order >= 0) || !isIndex(dev[row] as number)) {
      at.moveTo(row);
      scene.note('impossible_value');
      return undefined;
    }
    folio.order = Math.min(Math.floor(order), MAX_ORDER);
    folio.pages = powerOfTwo(folio.order);
    folio.start = index[row] as number;
    folio.inode = scene.inodes.of(dev[row] as number, keyOf(row));
    return folio;
  };
}
