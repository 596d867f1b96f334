/**
 * How much of what became dirty was metadata of file systems: pages of the btree inode of btrfs
 * (inode 1 of its own bdi) and of block devices themselves (buffer heads of ext4 and others; the
 * inode is the device number, 0 on old kernels; kernel-core A.1 point 7).
 */
import { textAt } from '../../trace/column.ts';
import { lowerBound, upperBound } from '../../trace/search.ts';
import { bigs, numbers, type Table, texts } from '../../trace/table.ts';
import type { Facts } from '../facts.ts';
import { folioSizes } from './dirtiers.ts';

export type MetadataDirtied = {
  readonly metadata_pages: number;
  readonly all_pages: number;
  /** The bdi with most metadata. */
  readonly bdi: string | undefined;
  /** Row of writeback_dirty_folio of its first metadata page in the window; -1 without one. */
  readonly first_row: number;
};

const BTREE_INODE = 1;

/** Pages that became dirty until each row, of metadata and of everything. */
type DirtiedSums = {
  readonly ts_ns: ArrayLike<number>;
  readonly metadata: Float64Array;
  readonly all: Float64Array;
};

export function dirtiedSums(facts: Facts): DirtiedSums | undefined {
  const sizes = facts.once(folioSizes);
  if (sizes === undefined) return undefined;
  const { table, pages } = sizes;
  const isMetadata = metadataRows(table);
  const metadata = new Float64Array(table.rows + 1);
  const all = new Float64Array(table.rows + 1);
  for (let row = 0; row < table.rows; row++) {
    const size = pages[row] as number;
    all[row + 1] = (all[row] as number) + size;
    metadata[row + 1] = (metadata[row] as number) + (isMetadata(row) ? size : 0);
  }
  return { ts_ns: numbers(table, 'ts_ns').values, metadata, all };
}

/** Was more than this share of what became dirty from then until then metadata? */
export function isMostlyMetadata(
  facts: Facts,
  [from_ns, to_ns]: readonly [number, number],
  share: number,
): boolean {
  const sums = facts.once(dirtiedSums);
  if (sums === undefined) return false;
  const from = lowerBound(sums.ts_ns, from_ns);
  const to = Math.max(from, upperBound(sums.ts_ns, to_ns));
  const between = (of: Float64Array) => (of[to] as number) - (of[from] as number);
  return between(sums.metadata) > share * between(sums.all);
}

function metadataRows(table: Table): (row: number) => boolean {
  const bdi = texts(table, 'bdi');
  const { words } = bigs(table, 'ino');
  const inodes = bdi.dictionary.map(metadataInodeOf);
  return (row) =>
    words[2 * row + 1] === 0 &&
    (inodes[bdi.codes[row] as number]?.has(words[2 * row] as number) ?? false);
}

/** Undefined when nothing tells what was dirtied. */
export function metadataDirtied(
  facts: Facts,
  [from_ns, to_ns]: readonly [number, number],
): MetadataDirtied | undefined {
  const sizes = facts.once(folioSizes);
  if (sizes === undefined) return undefined;
  const { table, pages } = sizes;
  const ts = numbers(table, 'ts_ns').values;
  const bdi = texts(table, 'bdi');
  const isMetadata = metadataRows(table);
  const byBdi = new Map<string, number>();
  let all = 0;
  let metadata = 0;
  const first = new Map<string, number>();
  for (let row = 0; row < table.rows; row++) {
    const time = ts[row] as number;
    if (time < from_ns || time > to_ns) continue;
    const size = pages[row] as number;
    all += size;
    if (!isMetadata(row)) continue;
    metadata += size;
    const name = textAt(bdi, row);
    if (!first.has(name)) first.set(name, row);
    byBdi.set(name, (byBdi.get(name) ?? 0) + size);
  }
  const [most] = [...byBdi].sort(([, left], [, right]) => right - left);
  const first_row = first.get(most?.[0] ?? '') ?? -1;
  return { metadata_pages: metadata, all_pages: all, bdi: most?.[0], first_row };
}

function metadataInodeOf(bdi: string): ReadonlySet<number> {
  if (bdi.startsWith('btrfs')) return new Set([BTREE_INODE]);
  // 7:0
  const device = /^(\d+):(\d+)$/.exec(bdi);
  if (device === null) return new Set();
  // An anonymous device (0:N) has no block device behind it.
  if (device[1] === '0') return new Set();
  return new Set([0, Number(device[1]) * 2 ** 20 + Number(device[2])]);
}
