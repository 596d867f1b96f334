/**
 * File systems on iomap (XFS, gfs2, zonefs, FUSE since 6.18): every folio written has an event
 * between its claim and the start of its writeback, and where it goes to disk another one.
 */
import type { Tables } from '../../trace/table.ts';
import { tableWith } from '../../trace/table.ts';
import { claimFolio } from './claims.ts';
import { evidenceCode } from './evidence.ts';
import type { Follower } from './follower.ts';
import { inodeKeys } from './inode-key.ts';
import { isLength, isOffset } from './plausible.ts';
import { Cursor, type Scene } from './scene.ts';

const E_FOLIO = evidenceCode('claim', 'folio-event');
const SECTOR = 512;

export function followIomap(scene: Scene, tables: Tables): Follower[] {
  return [followFolio(scene, tables), followIoend(scene, tables)].filter(
    (follower) => follower !== undefined,
  );
}

function followFolio(scene: Scene, tables: Tables): Follower | undefined {
  const table = tableWith(tables, 'iomap_writeback_folio', ['dev', 'ino', 'offset_bytes']);
  if (table === undefined) return undefined;
  const at = new Cursor(scene, table);
  const dev = at.number('dev');
  const offset = at.number('offset_bytes');
  const length = at.number('length_bytes');
  const keyOf = inodeKeys(table);
  const { pageSize } = scene;
  return {
    table,
    visit(row) {
      at.moveTo(row);
      const task = scene.task(at.pid[row] as number);
      scene.startWriting(task);
      task.wbc = undefined;
      const inode = scene.inodeOfDevice(dev[row] as number, keyOf(row));
      const first = offset[row] as number;
      if (!isOffset(first) || !isLength(length[row] as number)) {
        scene.note('impossible_value');
        return;
      }
      const start = Math.floor(first / pageSize);
      const end = Math.ceil((first + (length[row] as number)) / pageSize);
      // Without addresses (FUSE, older kernels), the order has to do.
      const queued = scene.hasIoends(inode.dev) ? undefined : inode.dev;
      const options = { evidence: E_FOLIO, sync: task.sync, dev: queued, pending: task };
      const pages = claimFolio(scene, inode, start, end, options);
      task.claimed += task.inode === inode ? pages : 0;
    },
  };
}

/** iomap_add_to_ioend: a part of the folio goes to this address. */
function followIoend(scene: Scene, tables: Tables): Follower | undefined {
  const bytes = ['pos_bytes', 'dirty_len_bytes', 'addr_bytes', 'offset_bytes'];
  const table = tableWith(tables, 'iomap_add_to_ioend', ['dev', 'ino', 'bdev', ...bytes]);
  if (table === undefined) return undefined;
  const at = new Cursor(scene, table);
  const dev = at.number('dev');
  const bdev = at.number('bdev');
  const pos = at.number('pos_bytes');
  const dirtyLen = at.number('dirty_len_bytes');
  const addr = at.number('addr_bytes');
  const offset = at.number('offset_bytes');
  const keyOf = inodeKeys(table);
  const { pageSize } = scene;
  for (let row = 0; row < table.rows; row++) scene.noteIoends(dev[row] as number);
  return {
    table,
    visit(row) {
      at.moveTo(row);
      const task = scene.task(at.pid[row] as number);
      scene.startWriting(task);
      const inode = scene.inodeOfDevice(dev[row] as number, keyOf(row));
      const first = pos[row] as number;
      const address = (addr[row] as number) + first - (offset[row] as number);
      if (!isOffset(first) || !isOffset(address) || !isLength(dirtyLen[row] as number)) {
        scene.note('impossible_value');
        return;
      }
      const start = Math.floor(first / pageSize);
      const end = Math.ceil((first + (dirtyLen[row] as number)) / pageSize);
      const sector = Math.floor(address / SECTOR);
      const run = scene.runOf(inode, start, end, false);
      // The rest of the folio is under writeback as long as its last part.
      const folio = inode.folioAt(start);
      if (folio !== undefined) {
        run.start = folio.start;
        run.end = Math.max(end, folio.start + folio.pages);
      }
      if (!scene.hasTakers) return;
      const sectors = Math.ceil((dirtyLen[row] as number) / SECTOR);
      scene.queue(bdev[row] as number).place(run, sector, sectors);
    },
  };
}
