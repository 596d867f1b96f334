/**
 * What a trace tells of a file system's tree nodes (btrfs): dirty events of inode 1, the flusher's
 * calls for them and the bios of those calls. Nothing prints the size of a node; bios have it, and
 * the stretches that one task dirties at once. Events of inode 1 on other bdis are of other things.
 */
import type { FeatureState } from '../../kernel/features.ts';
import { resolveFeature } from '../../kernel/features.ts';
import { TREE_THRESHOLD } from '../../model/policies/btree-rules.ts';
import { textAt } from '../../trace/column.ts';
import { lowerBound } from '../../trace/search.ts';
import {
  numbers,
  optionalNumbers,
  type Table,
  type Tables,
  tableWith,
  texts,
} from '../../trace/table.ts';
import { NS_PER_US } from '../../trace/time.ts';
import type { Trace } from '../../trace/trace.ts';
import { inodeKeys } from '../history/inode-key.ts';

/** The inode of btrfs's trees (BTRFS_BTREE_INODE_OBJECTID). */
const TREE_INODE = 1;
const BDI = /^btrfs-/;
/** Pages of a node are dirtied within this of each other: measured 1 to 3 µs. */
const TOGETHER_NS = 20 * NS_PER_US;
const LARGEST_NODE = 65536;
const NODE_ASSUMED = 16384;
const SMALLEST_NODE = 1024;
const FEWEST_BIOS = 8;
/** Of the stretches, so many must be whole nodes: neighbours may be dirtied in one go. */
const MOST_STRETCHES = 0.9;
/** INIT_BW: what a new bdi is taken to write. */
const BANDWIDTH_ASSUMED = 100 * 1024 * 1024;

export type TreeFacts = {
  readonly node_size: number;
  readonly node_size_because: string;
  readonly copies: number;
  readonly copies_because: string;
  readonly write_bandwidth: number;
  readonly write_bandwidth_because: string;
  readonly gate: FeatureState;
  readonly wraps: FeatureState;
};

/** Rows of a table with bdi and inode that are about tree nodes. */
export function treeRows(table: Table): (row: number) => boolean {
  const bdi = texts(table, 'bdi');
  const isTree = bdi.dictionary.map((name) => BDI.test(name));
  const keyOf = inodeKeys(table);
  return (row) => isTree[bdi.codes[row] as number] === true && keyOf(row) === TREE_INODE;
}

export const isTreeBdi = (name: string): boolean => BDI.test(name);
export const isTreeKey = (key: number | string): boolean => key === TREE_INODE;

export function hasTreeNodes(tables: Tables): boolean {
  const table = tableWith(tables, 'writeback_dirty_folio', ['bdi', 'ino', 'index']);
  if (table === undefined) return false;
  const isTree = treeRows(table);
  for (let row = 0; row < table.rows; row++) if (isTree(row)) return true;
  return false;
}

export function treeFacts(trace: Trace, pageSize: number): TreeFacts {
  const { tables, meta } = trace;
  const calls = treeCalls(tables);
  const bios = biosOfCalls(tables, calls);
  return {
    ...nodeSize(trace, bios, pageSize),
    ...nodeCopies(calls, bios, pageSize),
    ...writeBandwidth(tables),
    gate: resolveFeature('tree_write_gate', meta.kernel, gateEvidence(tables, calls, pageSize)),
    wraps: resolveFeature('tree_counter_wraps', meta.kernel, undefined),
  };
}

/** Lengths of stretches of consecutive pages that one task dirtied at once, in pages. */
function stretches(tables: Tables): number[] {
  const table = tableWith(tables, 'writeback_dirty_folio', ['bdi', 'ino', 'index']);
  if (table === undefined) return [];
  const isTree = treeRows(table);
  const ts = numbers(table, 'ts_ns').values;
  const pid = numbers(table, 'pid').values;
  const index = numbers(table, 'index').values;
  const lengths: number[] = [];
  let last = -1;
  for (let row = 0; row < table.rows; row++) {
    if (!isTree(row)) continue;
    const goesOn =
      last >= 0 &&
      pid[row] === pid[last] &&
      (index[row] as number) === (index[last] as number) + 1 &&
      (ts[row] as number) - (ts[last] as number) <= TOGETHER_NS;
    if (goesOn) lengths[lengths.length - 1] = (lengths.at(-1) ?? 0) + 1;
    else lengths.push(1);
    last = row;
  }
  return lengths;
}

/** The largest power of two that most stretches are multiples of. */
export function nodeSizeOf(lengths: readonly number[], pageSize: number): number | undefined {
  if (lengths.length === 0) return undefined;
  for (let pages = LARGEST_NODE / pageSize; pages > 1; pages /= 2) {
    const whole = lengths.filter((length) => length % pages === 0).length;
    if (whole >= MOST_STRETCHES * lengths.length) return pages * pageSize;
  }
  return pageSize;
}

function nodeSize(trace: Trace, bios: readonly number[], pageSize: number) {
  const known = trace.host.node_size;
  if (known !== undefined) return { node_size: known, node_size_because: 'from meta.json' };
  // A page has one event whatever nodes it holds; only their writes show that they are smaller.
  const written = usualSize(bios);
  if (written !== undefined) {
    return { node_size: written, node_size_because: 'inferred: the size of most writes of nodes' };
  }
  const dirtied = nodeSizeOf(stretches(trace.tables), pageSize);
  if (dirtied !== undefined) {
    const because = 'inferred: stretches of pages that are dirtied at once';
    return { node_size: dirtied, node_size_because: because };
  }
  return { node_size: NODE_ASSUMED, node_size_because: 'assumed: the default of mkfs' };
}

/** What most are as large as, if it can be a node; undefined without enough of them. */
export function usualSize(sizes: readonly number[]): number | undefined {
  const counts = new Map<number, number>();
  for (const size of sizes) counts.set(size, (counts.get(size) ?? 0) + 1);
  const [size, count] = [...counts].sort(([, left], [, right]) => right - left)[0] ?? [0, 0];
  const canBe = size >= SMALLEST_NODE && size <= LARGEST_NODE && Math.log2(size) % 1 === 0;
  return canBe && count >= FEWEST_BIOS && 2 * count > sizes.length ? size : undefined;
}

/** One call of the flusher for tree nodes. */
export type TreeCall = {
  readonly pid: number;
  readonly from_seq: number;
  readonly to_seq: number;
  readonly ts_ns: number;
  readonly wrote_pages: number;
  readonly sync: boolean;
  readonly kupdate: boolean;
};

/** Calls whose beginning and end were recorded, in order. */
export function treeCalls(tables: Tables): readonly TreeCall[] {
  const starts = tableWith(tables, 'writeback_single_inode_start', ['bdi', 'ino']);
  const ends = tableWith(tables, 'writeback_single_inode', ['bdi', 'ino', 'wrote_pages']);
  if (starts === undefined || ends === undefined) return [];
  const works = workOfPid(tables);
  const open = new Map<number, { seq: number; ts_ns: number }>();
  const calls: TreeCall[] = [];
  const read = (table: Table) => ({
    isTree: treeRows(table),
    seq: numbers(table, 'seq').values,
    pid: numbers(table, 'pid').values,
    ts: numbers(table, 'ts_ns').values,
  });
  const [start, end] = [read(starts), read(ends)];
  const wrote = numbers(ends, 'wrote_pages').values;
  let at = 0;
  for (let row = 0; row < ends.rows; row++) {
    const to_seq = end.seq[row] as number;
    for (; at < starts.rows && (start.seq[at] as number) < to_seq; at++) {
      const place = { seq: start.seq[at] as number, ts_ns: start.ts[at] as number };
      if (start.isTree(at)) open.set(start.pid[at] as number, place);
    }
    const pid = end.pid[row] as number;
    const began = end.isTree(row) ? open.get(pid) : undefined;
    if (began === undefined) continue;
    open.delete(pid);
    const { sync, kupdate } = works(pid, began.seq);
    const place = { pid, from_seq: began.seq, to_seq, ts_ns: began.ts_ns };
    calls.push({ ...place, wrote_pages: wrote[row] as number, sync, kupdate });
  }
  return calls;
}

export type WorkFlags = {
  readonly sync: boolean;
  readonly kupdate: boolean;
  readonly background: boolean;
};

const NO_WORK: WorkFlags = { sync: false, kupdate: false, background: false };

/** What the flusher thread was working for at a position of the trace. */
export function workOfPid(tables: Tables): (pid: number, seq: number) => WorkFlags {
  const table = tableWith(tables, 'writeback_start', ['bdi', 'sync_mode', 'for_kupdate']);
  if (table === undefined) return () => NO_WORK;
  const column = (name: string) => numbers(table, name).values;
  const [seq, pids, sync] = [column('seq'), column('pid'), column('sync_mode')];
  const [kupdate, background] = [column('for_kupdate'), column('for_background')];
  const rows = new Map<number, number[]>();
  for (let row = 0; row < table.rows; row++) {
    const list = rows.get(pids[row] as number);
    if (list === undefined) rows.set(pids[row] as number, [row]);
    else list.push(row);
  }
  return (pid, at) => {
    const row = (rows.get(pid) ?? []).findLast((one) => (seq[one] as number) < at);
    if (row === undefined) return NO_WORK;
    return {
      sync: sync[row] === 1,
      kupdate: kupdate[row] === 1,
      background: background[row] === 1,
    };
  };
}

/** Bytes of bios that the flusher queued in its calls, over what it says it wrote. */
function nodeCopies(calls: readonly TreeCall[], bios: readonly number[], pageSize: number) {
  const wrote = calls.reduce((sum, call) => sum + call.wrote_pages, 0) * pageSize;
  if (bios.length === 0 || wrote === 0) {
    return { copies: 1, copies_because: 'assumed: no bio of a call for tree nodes was recorded' };
  }
  const bytes = bios.reduce((sum, size) => sum + size, 0);
  const copies = Math.max(1, Math.round(bytes / wrote));
  return { copies, copies_because: 'bios of the flusher’s calls over the pages they wrote' };
}

/** Sizes of the bios that the flusher queued itself in its calls, in bytes. */
function biosOfCalls(tables: Tables, calls: readonly TreeCall[]): number[] {
  const table = tableWith(tables, 'block_bio_queue', ['rwbs', 'nr_sectors']);
  if (table === undefined) return [];
  const column = (name: string) => numbers(table, name).values;
  const [seq, pid, sectors] = [column('seq'), column('pid'), column('nr_sectors')];
  const sizes: number[] = [];
  for (const call of calls) {
    for (let row = lowerBound(seq, call.from_seq); row < table.rows; row++) {
      if ((seq[row] as number) >= call.to_seq) break;
      if (pid[row] === call.pid) sizes.push((sectors[row] as number) * 512);
    }
  }
  return sizes;
}

/** What the bdi's estimate said last. */
function writeBandwidth(tables: Tables) {
  const table = tableWith(tables, 'bdi_dirty_ratelimit', ['bdi', 'avg_write_bw_kibps']);
  const bdi = table && texts(table, 'bdi');
  const kibps = table && optionalNumbers(table, 'avg_write_bw_kibps')?.values;
  for (let row = (table?.rows ?? 0) - 1; row >= 0 && bdi && kibps; row--) {
    if (!isTreeBdi(textAt(bdi, row)) || !((kibps[row] as number) > 0)) continue;
    const because = 'bdi_dirty_ratelimit of the bdi, its last average';
    return { write_bandwidth: (kibps[row] as number) * 1024, write_bandwidth_because: because };
  }
  const because = 'assumed: what a new bdi is taken to write';
  return { write_bandwidth: BANDWIDTH_ASSUMED, write_bandwidth_because: because };
}

/**
 * False when a call that nobody waited for wrote nodes although fewer than the threshold could be
 * dirty: all dirty pages of the last sample and all dirtied since. Undefined leaves it open.
 */
function gateEvidence(
  tables: Tables,
  calls: readonly TreeCall[],
  pageSize: number,
): boolean | undefined {
  const samples = tableWith(tables, 'global_dirty_state', ['nr_dirty_pages']);
  const dirtied = tableWith(tables, 'writeback_dirty_folio', ['bdi', 'ino', 'index']);
  if (samples === undefined || dirtied === undefined) return undefined;
  const level = numbers(samples, 'nr_dirty_pages').values;
  const sampleSeq = numbers(samples, 'seq').values;
  const isTree = treeRows(dirtied);
  const dirtySeq = numbers(dirtied, 'seq').values;
  for (const call of calls) {
    if (call.sync || call.wrote_pages === 0) continue;
    const sample = lowerBound(sampleSeq, call.from_seq) - 1;
    if (sample < 0) continue;
    let pages = level[sample] as number;
    const end = lowerBound(dirtySeq, call.to_seq);
    for (let row = lowerBound(dirtySeq, sampleSeq[sample] as number); row < end; row++) {
      if (isTree(row)) pages++;
    }
    if (pages * pageSize < TREE_THRESHOLD) return false;
  }
  return undefined;
}
