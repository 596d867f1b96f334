/**
 * How many pages each writeback_dirty_folio event stands for. The event has no size; the folio's
 * order is printed when it enters the page cache, keyed by (device, inode, index). The page cache
 * names the file system's device, the dirty event only the bdi, which differs for partitions, btrfs
 * and block-device inodes, so that the device is found through the inode (kernel-core A.1 points
 * 1 and 7). Folios that were cached before the trace began show their order when they leave it.
 */
import { visitInOrder } from '../trace/merge.ts';
import {
  bigs,
  numbers,
  optionalNumbers,
  type Table,
  type Tables,
  tableWith,
  texts,
} from '../trace/table.ts';

/** What a size rests on. */
export const SIZE_EVIDENCE = ['added', 'deleted-later', 'single-pages', 'assumed'] as const;
export type SizeEvidence = (typeof SIZE_EVIDENCE)[number];

export type FolioSizes = {
  readonly table: Table;
  /** Pages of every row; 0 for folios of mappings that do no writeback (bdi "(unknown)"). */
  readonly pages: Uint32Array;
  /** Index into SIZE_EVIDENCE for every row. */
  readonly evidence: Uint8Array;
  readonly counts: Readonly<Record<SizeEvidence, number>>;
};

const ADDED = 0;
const DELETED_LATER = 1;
const SINGLE_PAGES = 2;
const ASSUMED = 3;

/** Largest order that the page cache uses (MAX_PAGECACHE_ORDER is at most 11 with 4 KiB pages). */
const MAX_ORDER = 16;

const CACHE_COLUMNS = ['dev', 'ino', 'index'];

/** Folios of one inode on one device: order by first index. */
type CachedInode = { readonly dev: number; readonly orders: Map<number, number> };

/** An inode number in all its bits; the usual ones stay numbers. */
type InodeKey = number | string;

function inodeKeys(table: Table): (row: number) => InodeKey {
  const { words } = bigs(table, 'ino');
  return (row) => {
    const high = words[2 * row + 1] as number;
    const low = words[2 * row] as number;
    return high === 0 ? low : `${high}:${low}`;
  };
}

export function findFolioSizes(tables: Tables): FolioSizes | undefined {
  const dirtied = tableWith(tables, 'writeback_dirty_folio', ['bdi', 'ino', 'index']);
  if (dirtied === undefined) return undefined;
  const added = tableWith(tables, 'mm_filemap_add_to_page_cache', CACHE_COLUMNS);
  const deleted = tableWith(tables, 'mm_filemap_delete_from_page_cache', CACHE_COLUMNS);
  const pages = new Uint32Array(dirtied.rows);
  const evidence = new Uint8Array(dirtied.rows).fill(ASSUMED);
  const cache = new PageCache();
  const present = [added, deleted, dirtied].filter((table) => table !== undefined);
  const visitors = [
    added && addVisitor(added, cache),
    deleted && deleteVisitor(deleted, cache, pages, evidence),
    dirtyVisitor(dirtied, cache, pages, evidence),
  ].filter((visitor) => visitor !== undefined);
  visitInOrder(present, (which, row) => visitors[which]?.(row));
  // Kernels before 5.17 print no order because page-cache events were single pages.
  if (added !== undefined && !('order' in added.columns)) {
    for (let row = 0; row < evidence.length; row++) {
      if (evidence[row] === ASSUMED) evidence[row] = SINGLE_PAGES;
    }
  }
  return { table: dirtied, pages, evidence, counts: countEvidence(evidence) };
}

/** What is in the page cache, as far as events said; bounded by the folios cached at one time. */
class PageCache {
  readonly #inodes = new Map<InodeKey, CachedInode[]>();
  /** Rows of dirty events whose folio is unknown so far, by inode and index. */
  readonly unsized = new Map<InodeKey, Map<number, number[]>>();

  inode(key: InodeKey, dev: number): CachedInode {
    let devices = this.#inodes.get(key);
    if (devices === undefined) {
      devices = [];
      this.#inodes.set(key, devices);
    }
    let inode = devices.find((candidate) => candidate.dev === dev);
    if (inode === undefined) {
      inode = { dev, orders: new Map() };
      devices.push(inode);
    }
    return inode;
  }

  /**
   * Order of the folio that covers the index: on the bdi's own device first, else on whichever
   * device has such an inode with such a folio.
   */
  orderOf(key: InodeKey, bdiDev: number | undefined, index: number): number | undefined {
    const devices = this.#inodes.get(key);
    if (devices === undefined) return undefined;
    for (const inode of devices) {
      if (inode.dev !== bdiDev) continue;
      const order = coveringOrder(inode, index);
      if (order !== undefined) return order;
    }
    for (const inode of devices) {
      const order = coveringOrder(inode, index);
      if (order !== undefined) return order;
    }
    return undefined;
  }
}

/** Folios are naturally aligned: a covering one begins at the index with low bits cleared. */
function coveringOrder(inode: CachedInode, index: number): number | undefined {
  const own = inode.orders.get(index);
  if (own !== undefined) return own;
  for (let order = 1; order <= MAX_ORDER; order++) {
    const size = 2 ** order;
    const head = index - (index % size);
    const found = head === index ? undefined : inode.orders.get(head);
    if (found !== undefined && found >= order) return found;
  }
  return undefined;
}

function addVisitor(table: Table, cache: PageCache): (row: number) => void {
  const dev = numbers(table, 'dev').values;
  const index = numbers(table, 'index').values;
  const order = optionalNumbers(table, 'order')?.values;
  const inodeOf = inodeKeys(table);
  return (row) => {
    const { orders } = cache.inode(inodeOf(row), dev[row] as number);
    orders.set(index[row] as number, Math.min(order?.[row] ?? 0, MAX_ORDER));
  };
}

function deleteVisitor(
  table: Table,
  cache: PageCache,
  pages: Uint32Array,
  evidence: Uint8Array,
): (row: number) => void {
  const dev = numbers(table, 'dev').values;
  const index = numbers(table, 'index').values;
  const order = optionalNumbers(table, 'order')?.values;
  const inodeOf = inodeKeys(table);
  return (row) => {
    const key = inodeOf(row);
    const at = index[row] as number;
    const known = cache.inode(key, dev[row] as number).orders.delete(at);
    const waiting = cache.unsized.get(key);
    const rows = waiting?.get(at);
    if (known || rows === undefined) return;
    for (const dirtied of rows) {
      pages[dirtied] = 2 ** Math.min(order?.[row] ?? 0, MAX_ORDER);
      evidence[dirtied] = DELETED_LATER;
    }
    waiting?.delete(at);
  };
}

function dirtyVisitor(
  table: Table,
  cache: PageCache,
  pages: Uint32Array,
  evidence: Uint8Array,
): (row: number) => void {
  const bdi = texts(table, 'bdi');
  const index = numbers(table, 'index').values;
  const inodeOf = inodeKeys(table);
  const devices = bdi.dictionary.map(deviceOfBdi);
  const accounted = bdi.dictionary.map((name) => name !== '(unknown)');
  return (row) => {
    const code = bdi.codes[row] as number;
    // The event also fires for mappings without writeback, which no counter sees.
    if (!accounted[code]) return;
    const key = inodeOf(row);
    const at = index[row] as number;
    const order = cache.orderOf(key, devices[code], at);
    pages[row] = order === undefined ? 1 : 2 ** order;
    if (order === undefined) waitForSize(cache, key, at, row);
    else evidence[row] = ADDED;
  };
}

function waitForSize(cache: PageCache, key: InodeKey, index: number, row: number): void {
  let waiting = cache.unsized.get(key);
  if (waiting === undefined) {
    waiting = new Map();
    cache.unsized.set(key, waiting);
  }
  const rows = waiting.get(index);
  if (rows === undefined) waiting.set(index, [row]);
  else rows.push(row);
}

/** `7:0` as the page cache encodes a device; btrfs-1 and the like have no numbers. */
function deviceOfBdi(name: string): number | undefined {
  const match = /^(\d{1,4}):(\d{1,7})$/.exec(name);
  return match === null ? undefined : Number(match[1]) * 2 ** 20 + Number(match[2]);
}

function countEvidence(evidence: Uint8Array): Record<SizeEvidence, number> {
  const counts = { added: 0, 'deleted-later': 0, 'single-pages': 0, assumed: 0 };
  for (const code of evidence) counts[SIZE_EVIDENCE[code] as SizeEvidence]++;
  return counts;
}
