/** Small traces of tree nodes of btrfs, and of writes through a FUSE server. */
import type { Trace } from '../../src/trace/trace.ts';
import { type EventRow, makeTrace, type TraceFacts } from './trace-builder.ts';

const MS = 1e6;
const PAGE = 4096;
/** Tree nodes, and pages of each. */
export const NODES = 20;
export const PAGES = 4;
/** Number of the FUSE connection: minor of its device. */
export const FUSE = 39;

export const treeLevel = (
  ts_ns: number,
  nr_dirty: number,
  nr_writeback: number,
  more = {},
): EventRow => ({
  event: 'global_dirty_state',
  ts_ns,
  pid: 50,
  nr_dirty_pages: nr_dirty,
  nr_writeback_pages: nr_writeback,
  nr_dirtied_pages: 1000 + nr_dirty,
  nr_written_pages: 500,
  dirty_thresh_pages: 100,
  background_thresh_pages: 40,
  dirty_limit_pages: 100,
  ...more,
});

export const onTrees = { bdi: 'btrfs-1', ino: 1n };
export const treeWork = {
  pid: 20,
  comm: 'kworker/u8:1',
  sync_mode: 0,
  for_kupdate: 0,
  for_background: 1,
};

/** 20 nodes of 4 pages, dirtied one after the other, then written by one background call. */
export function treeTrace(facts: TraceFacts = {}, wrote = NODES * PAGES): Trace {
  const rows: EventRow[] = [treeLevel(0, 0, 0)];
  for (let node = 0; node < NODES; node++) {
    const begin = MS * (node + 1);
    for (let page = 0; page < PAGES; page++) {
      const index = 1000 + (node * 3 + page) + node * 5;
      const ts_ns = begin + 1000 * page;
      const cached = { dev: 40, ino: 1n, index, order: 0 };
      rows.push({ event: 'mm_filemap_add_to_page_cache', ts_ns: ts_ns - 100, pid: 10, ...cached });
      rows.push({ event: 'writeback_dirty_folio', ts_ns, pid: 10, ...onTrees, index });
    }
    rows.push(treeLevel(begin + 5000, (node + 1) * PAGES, 0));
  }
  const at = 30 * MS;
  const call = { ...treeWork, ...onTrees, nr_to_write_pages: 1024, state: 'I_DIRTY_PAGES' };
  rows.push({
    event: 'writeback_start',
    ts_ns: at,
    ...treeWork,
    bdi: 'btrfs-1',
    sb_dev: 0,
    nr_pages: 1,
  });
  rows.push({ event: 'writeback_single_inode_start', ts_ns: at + 1000, ...call, wrote_pages: 0 });
  for (let node = 0; node < wrote / PAGES; node++) {
    const bio = { pid: 20, comm: 'kworker/u8:1', dev: 7 * 2 ** 20, rwbs: 'WM', nr_sectors: 32 };
    const sector = (1000 + node * 8) * 8;
    rows.push({ event: 'block_bio_queue', ts_ns: at + 2000 + node * 100, ...bio, sector });
    const back = { ...bio, pid: 0, comm: 'swapper', error: 0 };
    rows.push({ event: 'block_rq_complete', ts_ns: at + 5 * MS + node * 100, ...back, sector });
  }
  rows.push({ event: 'writeback_single_inode', ts_ns: at + 9000, ...call, wrote_pages: wrote });
  const left = NODES * PAGES - wrote;
  const done = { nr_dirtied_pages: 1000 + NODES * PAGES, nr_written_pages: 500 + wrote };
  rows.push(treeLevel(60 * MS, left, 0, done));
  rows.push(treeLevel(80 * MS, left, 0, done));
  return makeTrace(rows, facts);
}

export const fuseLevel = (ts_ns: number, nr_dirty: number): EventRow => ({
  event: 'global_dirty_state',
  ts_ns,
  pid: 50,
  nr_dirty_pages: nr_dirty,
  nr_writeback_pages: 0,
  nr_dirtied_pages: 1000,
  nr_written_pages: 500,
  dirty_thresh_pages: 1000,
  background_thresh_pages: 400,
  dirty_limit_pages: 1000,
});

export const send = (
  ts_ns: number,
  unique: number,
  opcode: string,
  len_bytes: number,
): EventRow => ({
  event: 'fuse_request_send',
  ts_ns,
  pid: 20,
  connection: BigInt(FUSE),
  unique: BigInt(unique),
  opcode,
  len_bytes,
});
export const answer = (ts_ns: number, unique: number): EventRow => ({
  event: 'fuse_request_end',
  ts_ns,
  pid: 30,
  connection: BigInt(FUSE),
  unique: BigInt(unique),
});

/** Four pages dirtied, written as one request, answered after `service_ms`. */
export function fuseRows(service_ms: number): EventRow[] {
  const rows: EventRow[] = [fuseLevel(0, 0)];
  const inode = { dev: FUSE, ino: 14n };
  for (let index = 0; index < 4; index++) {
    const ts_ns = MS * (index + 1);
    const pid = 10;
    rows.push(
      { event: 'mm_filemap_add_to_page_cache', ts_ns: ts_ns - 1, pid, ...inode, index, order: 0 },
      { event: 'writeback_dirty_folio', ts_ns, pid, bdi: '0:39', ino: 14n, index },
    );
  }
  rows.push(fuseLevel(6 * MS, 4));
  for (let index = 0; index < 4; index++) {
    rows.push({
      event: 'iomap_writeback_folio',
      ts_ns: 10 * MS + index,
      pid: 20,
      ...inode,
      size_bytes: 4 * PAGE,
      offset_bytes: index * PAGE,
      length_bytes: PAGE,
    });
  }
  rows.push(send(11 * MS, 2, 'FUSE_WRITE', 4 * PAGE + 80));
  rows.push(answer((11 + service_ms) * MS, 2), fuseLevel((12 + service_ms) * MS, 0));
  return rows;
}
