/**
 * Events that tell when the kernel may update a write bandwidth unseen (update-clock.ts): calls of
 * do_writepages, and inodes that begin and end being under writeback.
 */
import type { WbDomains } from '../../derive/wb-domains.ts';
import { bigs, numbers, type Table, type Tables, tableWith } from '../../trace/table.ts';
import { learnJoins } from '../history/joins.ts';

export type WritingKind = 'begin' | 'end' | 'mark' | 'clear';

/** One table of such events; `domainOf` is negative for rows that belong to no known domain. */
export type WritingEvents = {
  readonly table: Table;
  readonly kind: WritingKind;
  readonly ts_ns: ArrayLike<number>;
  readonly domainOf: (row: number) => number;
};

/** The flusher's calls; of a work that waits for its pages the end is seen only after that. */
const FLUSHER = [
  ['writeback_single_inode_start', 'begin'],
  ['writeback_single_inode', 'end'],
] as const;
/** Events that name a device instead of a bdi. */
const BY_DEVICE = [
  ['ext4_writepages', 'begin'],
  ['ext4_writepages_result', 'end'],
  ['sb_mark_inode_writeback', 'mark'],
  ['sb_clear_inode_writeback', 'clear'],
] as const;

/** To be called when `domains` knows every bdi that is to be followed. */
export function writingEvents(tables: Tables, domains: WbDomains): WritingEvents[] {
  const found: WritingEvents[] = [];
  for (const [name, kind] of FLUSHER) {
    const table = tableWith(tables, name, ['bdi', 'nr_to_write_pages']);
    if (table === undefined) continue;
    const read = domains.reader(table);
    const asked = numbers(table, 'nr_to_write_pages').values;
    const waits = (row: number) => kind === 'end' && (asked[row] as number) >= WAITS;
    const domainOf = (row: number) => (waits(row) ? -1 : read(row));
    found.push({ table, kind, ts_ns: numbers(table, 'ts_ns').values, domainOf });
  }
  const known = BY_DEVICE.filter(([name]) => tableWith(tables, name, ['dev', 'ino']) !== undefined);
  if (known.length === 0 || domains.list.length === 0) return found;
  const domainOfDevice = devicesOf(tables, domains);
  for (const [name, kind] of known) {
    const table = tables.get(name) as Table;
    const dev = numbers(table, 'dev').values;
    const ino = bigs(table, 'ino').words;
    const domainOf = (row: number) => domainOfDevice(dev[row] as number, ino[2 * row] as number);
    found.push({ table, kind, ts_ns: numbers(table, 'ts_ns').values, domainOf });
  }
  return found;
}

/** No slice of a work that does not wait is as large. */
const WAITS = 2 ** 62;

/** The only domain of a device's bdi: with several cgroups, nothing tells which one writes. */
function devicesOf(tables: Tables, domains: WbDomains): (dev: number, ino: number) => number {
  const joins = learnJoins(tables);
  const single = new Map<string, number>();
  for (const [id, { bdi }] of domains.list.entries()) single.set(bdi, single.has(bdi) ? -1 : id);
  const known = new Map<number, number>();
  return (given, ino) => {
    // A block device's own page cache: the inode is numbered like the device.
    const dev = given === joins.blockDevices ? ino : given;
    let id = known.get(dev);
    if (id === undefined) {
      const bdi = joins.bdiOf(dev);
      id = bdi === undefined ? -1 : (single.get(bdi) ?? -1);
      known.set(dev, id);
    }
    return id;
  };
}
