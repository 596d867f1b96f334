/**
 * The flusher and other writers as writeback:* sees them. These events are the only ones that every
 * file system leaves: how many pages an inode wrote, whether any are left, and when the last one
 * came back.
 */
import { exactAt } from '../../trace/column.ts';
import type { Table, Tables } from '../../trace/table.ts';
import { optionalNumbers, tableWith } from '../../trace/table.ts';
import { NS_PER_US } from '../../trace/time.ts';
import { claimNext, claimRange } from './claims.ts';
import { evidenceCode } from './evidence.ts';
import type { Follower } from './follower.ts';
import { inodeKeys } from './inode-key.ts';
import { CLAIMED_BIT, type Inode, WRITEBACK_BIT } from './inodes.ts';
import { isIndex, isPages } from './plausible.ts';
import { Cursor, type Scene, type Task } from './scene.ts';

const E_WROTE = evidenceCode('claim', 'inode-wrote');
const E_STATE = evidenceCode('claim', 'inode-state');
/** Between writeback_dirty_folio and the mark of its inode, which a preempted task may delay. */
const MARKING_NS = 200 * NS_PER_US;
const E_CLEAR = evidenceCode('end', 'inode-clear');

export function followFlusher(scene: Scene, tables: Tables): Follower[] {
  return [
    followStart(scene, tables),
    followWritten(scene, tables),
    followWbc(scene, tables),
    followClear(scene, tables),
    followMark(scene, tables),
  ].filter((follower) => follower !== undefined);
}

/**
 * The start or the end of writing an inode. What the task claimed before is settled first: the
 * folio of its last wbc_writepage, and pages that were not under writeback yet.
 */
function followSingleInode(
  scene: Scene,
  table: Table,
  take: (row: number, task: Task, inode: Inode) => void,
): Follower {
  const at = new Cursor(scene, table);
  const bdi = at.text('bdi');
  const keyOf = inodeKeys(table);
  return {
    table,
    visit(row) {
      at.moveTo(row);
      const task = scene.task(at.pid[row] as number);
      scene.startWriting(task);
      scene.settleWbc(task, undefined);
      const name = bdi.dictionary[bdi.codes[row] as number] as string;
      take(row, task, scene.inodeOfBdi(name, keyOf(row), undefined));
    },
  };
}

function followStart(scene: Scene, tables: Tables): Follower | undefined {
  const table = tableWith(tables, 'writeback_single_inode_start', ['bdi', 'ino']);
  if (table === undefined) return undefined;
  const index = optionalNumbers(table, 'writeback_index')?.values;
  return followSingleInode(scene, table, (row, task, inode) => {
    task.inode = inode;
    task.claimed = 0;
    task.folio = undefined;
    task.adjusted = 0;
    task.sampled = scene.logs.traced.length;
    task.began_ns = scene.pages.ts_ns;
    const cursor = index?.[row] ?? 0;
    task.cursor = isIndex(cursor) ? cursor : 0;
  });
}

/** writeback_single_inode: what was written, and whether dirty pages are left. */
function followWritten(scene: Scene, tables: Tables): Follower | undefined {
  const table = tableWith(tables, 'writeback_single_inode', ['bdi', 'ino']);
  if (table === undefined) return undefined;
  const isLeft = dirtyPagesLeft(table);
  return followSingleInode(scene, table, (row, task, inode) => {
    const options = { evidence: E_WROTE, sync: false, dev: scene.writeDevice(inode) };
    const known = task.inode === inode ? task.claimed + task.adjusted : 0;
    const missing = wroteOf(table, row) - known;
    if (missing > 0) {
      if (task.inode === inode) scene.tellSamples(task.sampled, task.began_ns, missing);
      claimNext(scene, inode, task.cursor, missing, options);
    }
    task.inode = undefined;
    if (isLeft === undefined || isLeft(row)) return;
    // Whoever dirties a folio marks its inode only after the folio's event.
    if (scene.pages.ts_ns - inode.dirtied_ns < MARKING_NS) return;
    if (inode.isTree) {
      scene.pages.freeDirty(inode);
      return;
    }
    const all = { ...options, evidence: E_STATE };
    claimRange(scene, inode, 0, Number.POSITIVE_INFINITY, all);
    claimNext(scene, inode, 0, inode.misplaced, all);
  });
}

function wroteOf(table: Table, row: number): number {
  const column = table.columns.wrote_pages;
  const value = column === undefined ? undefined : exactAt(column, row);
  return typeof value === 'number' && isPages(value) ? value : 0;
}

/** Does the inode's state name dirty pages? Undefined where the state is a number only. */
function dirtyPagesLeft(table: Table): ((row: number) => boolean) | undefined {
  const column = table.columns.state;
  if (column?.kind !== 'text') return undefined;
  const says = column.dictionary.map((state) => /\bI_DIRTY_PAGES\b|\bI_DIRTY\b/.test(state));
  // States as bare numbers say nothing here.
  const isNumber = column.dictionary.some((state) => /^0x|^\d/.test(state));
  return isNumber ? undefined : (row) => says[column.codes[row] as number] as boolean;
}

/** wbc_writepage: a folio of the inode was claimed; its neighbours tell which one. */
function followWbc(scene: Scene, tables: Tables): Follower | undefined {
  const table = tableWith(tables, 'wbc_writepage', ['bdi', 'nr_to_write_pages']);
  if (table === undefined) return undefined;
  const at = new Cursor(scene, table);
  const bdi = at.text('bdi');
  const nr = at.number('nr_to_write_pages');
  const sync = at.optional('sync_mode');
  return {
    table,
    visit(row) {
      at.moveTo(row);
      const task = scene.task(at.pid[row] as number);
      scene.startWriting(task);
      const nr_to_write = nr[row] as number;
      task.sync = sync?.[row] === 1;
      if (task.wbc !== undefined) {
        const step = task.wbc.nr_to_write - nr_to_write;
        scene.settleWbc(task, undefined, step > 0 && isPages(step) ? step : 1);
      }
      task.wbc = { bdi: bdi.dictionary[bdi.codes[row] as number] as string, nr_to_write, row };
    },
  };
}

/** sb_clear_inode_writeback: the last page of the inode under writeback came back. */
function followClear(scene: Scene, tables: Tables): Follower | undefined {
  const table = tableWith(tables, 'sb_clear_inode_writeback', ['dev', 'ino']);
  if (table === undefined) return undefined;
  const at = new Cursor(scene, table);
  const dev = at.number('dev');
  const keyOf = inodeKeys(table);
  scene.tellsClear = true;
  const tellsMark = tableWith(tables, 'sb_mark_inode_writeback', ['dev', 'ino']) !== undefined;
  return {
    table,
    visit(row) {
      const inode = scene.inodes.find(dev[row] as number, keyOf(row));
      if (inode === undefined) return;
      at.moveTo(row);
      endAll(scene, inode);
      scene.pages.flight.noteCleared(inode);
      inode.isCleared = tellsMark;
    },
  };
}

/** sb_mark_inode_writeback: the first page of the inode goes under writeback. */
function followMark(scene: Scene, tables: Tables): Follower | undefined {
  const table = tableWith(tables, 'sb_mark_inode_writeback', ['dev', 'ino']);
  if (table === undefined) return undefined;
  const dev = new Cursor(scene, table).number('dev');
  const keyOf = inodeKeys(table);
  return {
    table,
    visit(row) {
      const inode = scene.inodes.find(dev[row] as number, keyOf(row));
      if (inode !== undefined) inode.isCleared = false;
    },
  };
}

/** Nothing of the inode is under writeback any more. */
export function endAll(scene: Scene, inode: Inode): void {
  const stretches: number[] = [];
  inode.pages.visit(0, Number.POSITIVE_INFINITY, (start, end, value) => {
    if ((value & (WRITEBACK_BIT | CLAIMED_BIT)) !== 0) stretches.push(start, end);
    return true;
  });
  for (let i = 0; i < stretches.length; i += 2) {
    const [start, end] = [stretches[i] as number, stretches[i + 1] as number];
    scene.pages.start(inode, start, end);
    scene.pages.end(inode, start, end, E_CLEAR);
  }
  scene.forgetRuns(inode, E_CLEAR);
}
