/**
 * How folios are split when a part of them leaves the page cache: where a file was cut, or a hole
 * punched (mm/truncate.c, truncate_inode_partial_folio; mm/huge_memory.c, folio_split). It is
 * halved again and again around the page at which it is split; halves without that page stay whole.
 * A hole splits where it begins and where it ends.
 */
import { powerOfTwo } from '../kernel/arithmetic.ts';
import type { FolioOrders } from './folio-orders.ts';

/** Largest order that the page cache uses (MAX_PAGECACHE_ORDER is at most 11 with 4 KiB pages). */
export const MAX_ORDER = 16;

export type CachedFolios = {
  readonly orders: FolioOrders;
  /** Where the folio ended of which parts left last; -1 if all of it did. */
  splitEnd: number;
  /** Some folio was split. */
  isSplit: boolean;
};

/** Folios are naturally aligned: a covering one begins at the index with low bits cleared. */
export function coveringOrder(orders: FolioOrders, index: number): number | undefined {
  const own = orders.get(index);
  if (own !== undefined) return own;
  let before = index;
  // Files of single pages are not searched: of 0.7 M that left, with fmod(), that took 1.2 s.
  const largest = Math.min(orders.largest, MAX_ORDER);
  for (let order = 1, size = 2; order <= largest; order++, size *= 2) {
    const head = headOf(index, size);
    if (head === before) continue;
    before = head;
    const found = orders.get(head);
    if (found !== undefined && found >= order) return found;
  }
  return undefined;
}

/** Where a folio of `size` pages, a power of two, begins that holds the index. */
function headOf(index: number, size: number): number {
  return index < 2 ** 31 && index >= 0 ? index & -size : index - (index % size);
}

/** A folio leaves the page cache, of which nothing larger was known: false. */
export function leave(cached: CachedFolios, index: number, order: number): boolean {
  const { orders } = cached;
  const end = index + powerOfTwo(order);
  const known = coveringOrder(orders, index);
  const size = powerOfTwo(known ?? 0);
  const head = headOf(index, size);
  const isWhole = known !== undefined && known <= order;
  if (known === undefined || isWhole) {
    orders.clear(index, end);
  } else {
    orders.clear(head, head + 1);
    setBefore(orders, head, index, order);
    setBehind(orders, end, head + size);
    cached.splitEnd = head + size;
    cached.isSplit = true;
  }
  const rest = end < cached.splitEnd ? orders.get(end) : undefined;
  // The hole may end here.
  if (rest !== undefined) splitAtHead(orders, end, rest);
  else if (end >= cached.splitEnd) cached.splitEnd = -1;
  return known !== undefined;
}

/**
 * A folio begins at the index, inside of a larger one that was known: in a file of which parts were
 * cut out, that was split as well (a hole ended in it). Returns the order of the one at the index.
 */
export function splitAt({ orders, isSplit }: CachedFolios, index: number, known: number): number {
  if (!isSplit) return known;
  const size = powerOfTwo(known);
  const head = headOf(index, size);
  if (head === index) return known;
  setHalves(orders, head, index);
  setBehind(orders, index, head + size);
  return orders.get(index) ?? 0;
}

/**
 * What stays before the part that left: it was split at that part's first page, then alone, or at
 * the last page that stays, because a piece of it is still needed.
 */
function setBefore(orders: FolioOrders, head: number, index: number, order: number): void {
  if (index === head) return;
  const isAlone = order === 0 && index % 2 === 0;
  const until = isAlone ? index : index - 1;
  setHalves(orders, head, until);
  if (!isAlone) orders.set(index - 1, 0);
}

/** The largest halves, shrinking. */
function setHalves(orders: FolioOrders, head: number, end: number): void {
  let from = head;
  while (from < end) {
    const part = Math.floor(Math.log2(end - from));
    orders.set(from, part);
    from += 2 ** part;
  }
}

/** What is behind it: halves, growing. */
function setBehind(orders: FolioOrders, from: number, end: number): void {
  let at = from;
  while (at < end) {
    let part = 0;
    while (at % 2 ** (part + 1) === 0 && at + 2 ** (part + 1) <= end) part++;
    orders.set(at, part);
    at += 2 ** part;
  }
}

function splitAtHead(orders: FolioOrders, head: number, order: number): void {
  orders.set(head, 0);
  for (let part = 0; part < order; part++) orders.set(head + 2 ** part, part);
}
