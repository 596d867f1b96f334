/**
 * ext4 writing an inode. One call claims pages that need no mapping first, then goes round: map an
 * extent, claim its folios. Each event prints what is left of nr_to_write, so that the number of
 * pages claimed between two events is exact; extents say which ones.
 */
import { exactAt } from '../../trace/column.ts';
import type { Table, Tables } from '../../trace/table.ts';
import { tableWith } from '../../trace/table.ts';
import { type ClaimOptions, claimNext, claimRange } from './claims.ts';
import { evidenceCode } from './evidence.ts';
import { endAll } from './follow-flusher.ts';
import type { Follower } from './follower.ts';
import { endGiven } from './give-back.ts';
import { inodeKeys } from './inode-key.ts';
import type { Inode } from './inodes.ts';
import { close, type IoEnd, openIoEnd } from './io-ends.ts';
import { isIndex, isOffset, isPages } from './plausible.ts';
import { Cursor, type Scene } from './scene.ts';
import type { Run } from './write-queue.ts';

const E_EXTENT = evidenceCode('claim', 'extent');
const E_COUNT = evidenceCode('claim', 'write-count');
const E_END_BIO = evidenceCode('end', 'bio');

/** A writepages call that a task is inside of. */
export type WriteCall = {
  readonly inode: Inode;
  readonly sync: boolean;
  /** nr_to_write as last printed. */
  nr_to_write: bigint;
  /** Pages claimed since then, and in all. */
  claimed: number;
  total: number;
  /** Given back since the last bio: what of it can be written is under writeback. */
  readonly given: Run[];
  /** First page that was not looked at. */
  cursor: number;
  /** Where the extent that is being mapped ends, in pages; undefined outside of one. */
  extentEnd: number | undefined;
  /** Its number, 0 before the first one. */
  extent: number;
  /** What is claimed of mapped extents comes back with the others of the round. */
  ioEnd: IoEnd | undefined;
  /** Sample at the last event, and when that was. */
  sampled: number;
  sampled_ns: number;
};

/** Pages claimed since the call's last event, which earlier samples could not know. */
export function tellSamples(scene: Scene, call: WriteCall, pages: number): void {
  scene.tellSamples(call.sampled, call.sampled_ns, pages);
  call.sampled = scene.logs.traced.length;
  call.sampled_ns = scene.pages.ts_ns;
}

export function claimOptions(call: WriteCall, evidence: number): ClaimOptions {
  const extent = evidence === E_EXTENT ? call.extent : 0;
  const isMapped = evidence === E_EXTENT || call.extentEnd !== undefined;
  const ioEnd = isMapped ? call.ioEnd : undefined;
  return { evidence, sync: call.sync, dev: call.inode.dev, extent, ioEnd };
}

/** Claims what is missing to the number of pages that the file system printed. */
function settle(scene: Scene, call: WriteCall, done: number): void {
  const missing = done - call.claimed;
  if (!isPages(Math.abs(missing))) {
    scene.note('impossible_value');
    return;
  }
  tellSamples(scene, call, Math.max(0, missing));
  call.claimed = 0;
  const isExtent = call.extentEnd !== undefined;
  call.extentEnd = undefined;
  if (missing < 0) scene.note('claims_disagree', -missing);
  if (missing <= 0) return;
  const options = claimOptions(call, isExtent ? E_EXTENT : E_COUNT);
  call.cursor = claimNext(scene, call.inode, call.cursor, missing, options);
  call.total += missing;
}

function closeRound(scene: Scene, call: WriteCall): void {
  if (call.ioEnd !== undefined) scene.endTogether(close(call.ioEnd), E_END_BIO);
  call.ioEnd = undefined;
}

export function followExt4(scene: Scene, tables: Tables): Follower[] {
  const blocks = new BlockSizes(scene.pageSize);
  return [
    followBegin(scene, tables),
    followRounds(scene, tables, 'ext4_da_write_folios_start', blocks),
    followExtents(scene, tables, blocks),
    followRounds(scene, tables, 'ext4_da_write_folios_end', blocks),
    followResult(scene, tables),
  ].filter((follower) => follower !== undefined);
}

function nrOf(table: Table, row: number): bigint {
  const column = table.columns.nr_to_write_pages;
  const value = column === undefined ? undefined : exactAt(column, row);
  return typeof value === 'bigint' || Number.isSafeInteger(value) ? BigInt(value ?? 0) : 0n;
}

function followBegin(scene: Scene, tables: Tables): Follower | undefined {
  const table = tableWith(tables, 'ext4_writepages', ['dev', 'ino', 'nr_to_write_pages']);
  if (table === undefined) return undefined;
  const at = new Cursor(scene, table);
  const dev = at.number('dev');
  const keyOf = inodeKeys(table);
  const rangeStart = at.optional('range_start_bytes');
  const cyclic = at.optional('range_cyclic');
  const writebackIndex = at.optional('writeback_index');
  const sync = at.optional('sync_mode');
  return {
    table,
    visit(row) {
      at.moveTo(row);
      const task = scene.task(at.pid[row] as number);
      scene.startWriting(task);
      const given = cyclic?.[row]
        ? (writebackIndex?.[row] ?? 0)
        : Math.floor((rangeStart?.[row] ?? 0) / scene.pageSize);
      const from = isIndex(given) ? given : 0;
      const inode = scene.inodeOfDevice(dev[row] as number, keyOf(row));
      task.call = {
        inode,
        sync: sync?.[row] === 1,
        nr_to_write: nrOf(table, row),
        claimed: 0,
        total: 0,
        given: [],
        // The folio is written in which the range begins.
        cursor: inode.folioAt(from)?.start ?? from,
        extentEnd: undefined,
        extent: 0,
        ioEnd: undefined,
        sampled: scene.logs.traced.length,
        sampled_ns: at.ts[row] as number,
      };
    },
  };
}

function followRounds(
  scene: Scene,
  tables: Tables,
  name: string,
  blocks: BlockSizes,
): Follower | undefined {
  const table = tableWith(tables, name, ['nr_to_write_pages']);
  if (table === undefined) return undefined;
  const at = new Cursor(scene, table);
  const isStart = name.endsWith('start');
  const startPos = at.optional('start_pos_bytes');
  const nextPos = at.optional('next_pos_bytes');
  return {
    table,
    visit(row) {
      at.moveTo(row);
      const { call } = scene.task(at.pid[row] as number);
      if (call === undefined) return;
      const left = nrOf(table, row);
      settle(scene, call, Number(call.nr_to_write - left));
      call.nr_to_write = left;
      closeRound(scene, call);
      if (isStart) call.ioEnd = openIoEnd();
      const start = startPos?.[row];
      if (start === undefined || !isOffset(start)) return;
      call.cursor = Math.floor(start / scene.pageSize);
      blocks.expect(call.inode.dev, start, nextPos?.[row] ?? start);
    },
  };
}

function followExtents(scene: Scene, tables: Tables, blocks: BlockSizes): Follower | undefined {
  const table = tableWith(tables, 'ext4_da_write_pages_extent', ['dev', 'ino', 'lblk', 'len']);
  if (table === undefined) return undefined;
  const at = new Cursor(scene, table);
  const dev = at.number('dev');
  const lblk = at.number('lblk');
  const len = at.number('len');
  const keyOf = inodeKeys(table);
  return {
    table,
    visit(row) {
      at.moveTo(row);
      const inode = scene.inodeOfDevice(dev[row] as number, keyOf(row));
      const first = lblk[row] as number;
      if (!isIndex(first) || !isPages(len[row] as number)) {
        scene.note('impossible_value');
        return;
      }
      const size = blocks.sizeOf(inode.dev, first);
      const { call } = scene.task(at.pid[row] as number);
      const start = Math.floor((first * size) / scene.pageSize);
      const end = Math.ceil(((first + (len[row] as number)) * size) / scene.pageSize);
      if (call === undefined || call.inode !== inode) return;
      // The mapping may be shorter than what is asked for here; then the rest is asked for again.
      if (call.extentEnd !== undefined && start > call.cursor) claimExtent(scene, call, start);
      // A folio is claimed whole, also where only some of its blocks are mapped.
      call.cursor = inode.folioAt(start)?.start ?? start;
      call.extentEnd = end;
      call.extent = row + 1;
      // Claims of the extent come after this.
      tellSamples(scene, call, 0);
    },
  };
}

/** The part of the extent up to `end` was mapped and claimed. */
function claimExtent(scene: Scene, call: WriteCall, end: number): void {
  const to = Math.min(end, call.extentEnd ?? end);
  const pages = claimRange(scene, call.inode, call.cursor, to, claimOptions(call, E_EXTENT));
  tellSamples(scene, call, pages);
  call.claimed += pages;
  call.total += pages;
}

function followResult(scene: Scene, tables: Tables): Follower | undefined {
  const table = tableWith(tables, 'ext4_writepages_result', ['pages_written_pages']);
  if (table === undefined) return undefined;
  const at = new Cursor(scene, table);
  const written = at.number('pages_written_pages');
  return {
    table,
    visit(row) {
      at.moveTo(row);
      const task = scene.task(at.pid[row] as number);
      const { call } = task;
      if (call === undefined) return;
      // What pages_written says and the rounds did not.
      settle(scene, call, (written[row] as number) - call.total + call.claimed);
      closeRound(scene, call);
      endGiven(scene, call.given);
      // What the journal writes (data=journal) goes under writeback and ends at once.
      if (call.inode.isCleared && scene.pages.isWriting(call.inode)) endAll(scene, call.inode);
      scene.closeCall(task);
    },
  };
}

/** Bytes of a block by device: extents count in blocks, everything else in bytes and pages. */
class BlockSizes {
  readonly #sizes = new Map<number, number>();
  readonly #pageSize: number;
  #dev = -1;
  #start = 0;
  #next = 0;

  constructor(pageSize: number) {
    this.#pageSize = pageSize;
  }

  /** The next extent of the device begins in the folio at these bytes. */
  expect(dev: number, start_bytes: number, next_bytes: number): void {
    this.#dev = dev;
    this.#start = start_bytes;
    this.#next = Math.max(next_bytes, start_bytes + this.#pageSize);
  }

  sizeOf(dev: number, lblk: number): number {
    const known = this.#sizes.get(dev) ?? this.#pageSize;
    if (this.#dev !== dev || lblk === 0) return known;
    this.#dev = -1;
    const fits = (size: number) => this.#start <= lblk * size && lblk * size < this.#next;
    if (fits(known)) return known;
    for (let size = 1024; size <= this.#pageSize; size *= 2) {
      if (!fits(size)) continue;
      this.#sizes.set(dev, size);
      return size;
    }
    return known;
  }
}
