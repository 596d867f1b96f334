/**
 * How many pages each writeback_dirty_folio event stands for. The event has no size; the folio's
 * order is printed when it enters the page cache, keyed by (device, inode, index). The page cache
 * names the file system's device, the dirty event only the bdi, which differs for partitions, btrfs
 * and block-device inodes, so that the device is found through the inode (kernel-core A.1 points
 * 1 and 7). Folios that were cached before the trace began show their order when they leave it.
 */
import { powerOfTwo } from '../kernel/arithmetic.ts';
import { visitRows } from '../trace/order.ts';
import {
  bigs,
  numbers,
  optionalNumbers,
  type Table,
  type Tables,
  tableWith,
  texts,
} from '../trace/table.ts';

import { FolioOrders } from './folio-orders.ts';
import { type CachedFolios, coveringOrder, leave, MAX_ORDER, splitAt } from './folio-splits.ts';

/** What a size rests on. */
export const SIZE_EVIDENCE = [
  'added',
  'deleted-later',
  'single-pages',
  'index-stride',
  'assumed',
] as const;
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
const INDEX_STRIDE = 3;
const ASSUMED = 4;

/** Larger steps are holes rather than folios (2 MiB with 4 KiB pages). */
const MAX_STRIDE = 512;

const CACHE_COLUMNS = ['dev', 'ino', 'index'];

/** Folios of one inode on one device: order by first index. */
type CachedInode = CachedFolios & { readonly dev: number };

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

const known = new WeakMap<Tables, FolioSizes | undefined>();

/** Made once for the tables of a trace: causes, sections and replays all ask. */
export function findFolioSizes(tables: Tables): FolioSizes | undefined {
  if (!known.has(tables)) known.set(tables, sizesOf(tables));
  return known.get(tables);
}

function sizesOf(tables: Tables): FolioSizes | undefined {
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
    dirtyVisitor(dirtied, cache, pages, evidence, deleted !== undefined),
  ].filter((visitor) => visitor !== undefined);
  visitRows(present, visitors);
  if (added === undefined) applyStrides(dirtied, pages, evidence);
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
  /** Mostly the next event is of the same file. */
  #lastKey: InodeKey = '';
  #last: CachedInode | undefined;
  /** Rows of dirty events whose folio is unknown so far, by inode and index. */
  readonly unsized = new Map<InodeKey, Map<number, number[]>>();

  inode(key: InodeKey, dev: number): CachedInode {
    const last = this.#last;
    if (last !== undefined && key === this.#lastKey && last.dev === dev) return last;
    let devices = this.#inodes.get(key);
    if (devices === undefined) {
      devices = [];
      this.#inodes.set(key, devices);
    }
    let inode = devices.find((candidate) => candidate.dev === dev);
    if (inode === undefined) {
      inode = { dev, orders: new FolioOrders(), splitEnd: -1, isSplit: false };
      devices.push(inode);
    }
    this.#lastKey = key;
    this.#last = inode;
    return inode;
  }

  /**
   * Order of the folio that begins at the index: on the bdi's own device first, else on whichever
   * device has such an inode with such a folio.
   */
  orderOf(key: InodeKey, bdiDev: number | undefined, index: number): number | undefined {
    const devices = this.#inodes.get(key);
    if (devices === undefined) return undefined;
    for (const inode of devices) {
      if (inode.dev !== bdiDev) continue;
      const order = coveringOrder(inode.orders, index);
      if (order !== undefined) return splitAt(inode, index, order);
    }
    for (const inode of devices) {
      if (inode.dev === bdiDev) continue;
      const order = coveringOrder(inode.orders, index);
      if (order !== undefined) return splitAt(inode, index, order);
    }
    return undefined;
  }
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
    const inode = cache.inode(key, dev[row] as number);
    const known = leave(inode, at, Math.min(order?.[row] ?? 0, MAX_ORDER));
    if (known) return;
    const waiting = cache.unsized.get(key);
    const rows = waiting?.get(at);
    if (rows === undefined) return;
    for (const dirtied of rows) {
      pages[dirtied] = powerOfTwo(Math.min(order?.[row] ?? 0, MAX_ORDER));
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
  /** Sizes may show later; else rows would wait for nothing, and their memory grow with them. */
  isShownLater: boolean,
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
    pages[row] = order === undefined ? 1 : powerOfTwo(order);
    if (order !== undefined) evidence[row] = ADDED;
    else if (isShownLater) waitForSize(cache, key, at, row);
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

/** What an inode's dirty events looked like so far. */
type Stride = {
  row: number;
  before: number;
  index: number;
  pages: number;
  isRepeated: boolean;
};

/**
 * Without page-cache events, folios dirtied one behind the other show their size by how far their
 * indexes are apart, if the step is one that folios can have and comes twice in a row.
 */
function applyStrides(table: Table, pages: Uint32Array, evidence: Uint8Array): void {
  const index = numbers(table, 'index').values;
  const bdi = texts(table, 'bdi');
  const keyOf = inodeKeys(table);
  const inodes = new Map<number, Map<InodeKey, Stride>>();
  const assign = (row: number, size: number) => {
    if (evidence[row] !== ASSUMED || pages[row] === 0) return;
    pages[row] = size;
    evidence[row] = INDEX_STRIDE;
  };
  for (let row = 0; row < table.rows; row++) {
    const code = bdi.codes[row] as number;
    let known = inodes.get(code);
    if (known === undefined) {
      known = new Map();
      inodes.set(code, known);
    }
    const key = keyOf(row);
    const at = index[row] as number;
    const own = known.get(key);
    if (own === undefined) {
      known.set(key, { row, before: row, index: at, pages: 0, isRepeated: false });
      continue;
    }
    const step = at - own.index;
    const isSize = isFolioSize(step) && isAligned(own.index, step);
    const isRepeated = isSize && step === own.pages;
    if (isRepeated) assign(own.row, step);
    if (isRepeated && !own.isRepeated) assign(own.before, step);
    // The last folio of a run has no one behind it.
    if (!isRepeated && own.isRepeated) assign(own.row, own.pages);
    own.before = own.row;
    own.row = row;
    own.index = at;
    own.pages = isSize ? step : 0;
    own.isRepeated = isRepeated;
  }
  for (const known of inodes.values()) {
    for (const last of known.values()) if (last.isRepeated) assign(last.row, last.pages);
  }
}

function isFolioSize(pages: number): boolean {
  return pages >= 1 && pages <= MAX_STRIDE && (pages & (pages - 1)) === 0;
}

/** Of a size that is a power of two; the remainder of doubles is a call to fmod(). */
function isAligned(index: number, size: number): boolean {
  return index < 2 ** 31 ? (index & (size - 1)) === 0 : index % size === 0;
}

function countEvidence(evidence: Uint8Array): Record<SizeEvidence, number> {
  const counts = new Uint32Array(SIZE_EVIDENCE.length);
  for (let row = 0; row < evidence.length; row++) {
    const code = evidence[row] as number;
    counts[code] = (counts[code] as number) + 1;
  }
  return Object.fromEntries(SIZE_EVIDENCE.map((name, code) => [name, counts[code]])) as Record<
    SizeEvidence,
    number
  >;
}
