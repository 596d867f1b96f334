/**
 * When btrfs writes its tree nodes and throttles for them, as decisions of their own
 * (fs/btrfs/disk-io.c: btree_writepages, btree_writepage, btree_migrate_folio,
 * btrfs_btree_balance_dirty; fs/btrfs/extent_io.c: lock_extent_buffer_for_io). Mails: "Oops while
 * rebalancing, now unmountable", Christoph Hellwig and Chris Mason, 15 Nov 2010; "btrfs: do not
 * strictly require dirty metadata threshold for metadata writepages", Qu Wenruo, 17 Jan 2026.
 */
import { divide, ilog2 } from '../../kernel/arithmetic.ts';

const MIB = 1024 * 1024;

/** BTRFS_DIRTY_METADATA_THRESH, since commit 24ab9cd85c11 (2.6.29). */
export const TREE_THRESHOLD = 32 * MIB;
/** 2007 and 2008: when called by pdflush, and by anybody else. */
export const TREE_THRESHOLDS_2008 = { pdflush: 96 * MIB, other: 8 * MIB } as const;

/** Who asks for writing, as struct writeback_control says it. */
export type WriteRequest = {
  /** WB_SYNC_ALL: somebody waits for the data. */
  readonly sync: boolean;
  readonly kupdate: boolean;
  readonly background: boolean;
};

export type TreeRules = {
  /** Below so many dirty bytes nothing is written, by whom the flusher works for. */
  readonly gate: number;
  /** The gate for calls that are neither periodic nor background, where it differs. */
  readonly gate_other: number;
  readonly kupdate_skip: boolean;
  readonly background_skip: boolean;
};

/** Does writepages write? At exactly the gate it does (`<`), and always for WB_SYNC_ALL. */
export function treeWrites(request: WriteRequest, dirtyBytes: number, rules: TreeRules): boolean {
  const { sync, kupdate, background } = request;
  if (sync) return true;
  if (kupdate && rules.kupdate_skip) return false;
  if (background && rules.background_skip) return false;
  const gate = kupdate || background ? rules.gate : rules.gate_other;
  return !(dirtyBytes < gate);
}

/** Is a task that dirtied tree nodes sent to balance_dirty_pages? At exactly the gate not (`>`). */
export function treeBalances(dirtyBytes: number, gate: number, inReclaim = false): boolean {
  return !inReclaim && dirtyBytes > gate;
}

/** Nodes that are missing to the gate; 0 when it is reached. */
export function nodesToGate(dirtyBytes: number, gate: number, nodeSize: number): number {
  return Math.max(0, Math.ceil((gate - dirtyBytes) / nodeSize));
}

/** dirty_metadata_batch: what a CPU keeps to itself. */
export function treeCounterBatch(nodeSize: number, cpuIds: number): number {
  return nodeSize * (1 + ilog2(cpuIds));
}

/** Half width of the band around the gate in which the counter is summed exactly. */
export function treeCounterBand(nodeSize: number, cpuIds: number, online = cpuIds): number {
  return treeCounterBatch(nodeSize, cpuIds) * online;
}

/**
 * percpu_counter_compare: the cheap value decides when it is further from the gate than the CPUs
 * can hide, else the exact sum. So the decision is that of the exact sum in the band.
 */
export function compareTreeCounter(
  cheap: number,
  exact: () => number,
  gate: number,
  band: number,
): -1 | 0 | 1 {
  const value = Math.abs(cheap - gate) > band ? cheap : exact();
  return value > gate ? 1 : value < gate ? -1 : 0;
}

const WRAP = 2 ** 32;

/**
 * The counter of kernels whose eb->len is u32: -len as u32 adds 2^32 - len, so that each node
 * cleaned leaves 2^32 behind. Gives what is really dirty, and how many nodes were cleaned.
 */
export function decodeTreeCounter(counter: number): {
  readonly dirty_bytes: number;
  readonly cleaned_nodes: number;
} {
  const cleaned = divide(counter, WRAP);
  return { dirty_bytes: counter - cleaned * WRAP, cleaned_nodes: cleaned };
}

export function encodeTreeCounter(dirtyBytes: number, cleanedNodes: number): number {
  return dirtyBytes + cleanedNodes * WRAP;
}

/** btree_migrate_folio: -EAGAIN if the page is dirty or its private state cannot be released. */
export function migrateTreePage(isDirty: boolean, canRelease: boolean): 'moved' | 'again' {
  return isDirty || !canRelease ? 'again' : 'moved';
}

/**
 * lock_extent_buffer_for_io since 7.2: a node that a running transaction has copied is not written
 * by anybody who does not wait for it.
 */
export function skipsInhibited(request: Pick<WriteRequest, 'sync'>, inhibitors: number): boolean {
  return !request.sync && inhibitors > 0;
}
