/**
 * Which device's files a bdi writes. Dirty events name the bdi, page-cache and file-system events
 * the device of the inode; the two differ for partitions, btrfs, FUSE and NFS, and for the page
 * cache of a device itself, whose inode lives on a file system of its own and is numbered like the
 * device (0 until 4.x). Learned from neighbours: a folio is added to the page cache and then
 * dirtied; an inode is marked dirty and then put on the list of its bdi.
 */
import { numbers, type Table, type Tables, tableWith, texts } from '../../trace/table.ts';
import { deviceOfText, type InodeKey, inodeKeys, majorOf } from './inode-key.ts';

/** Rows looked at per bdi, and how far back its neighbour may be. */
const ROWS_PER_BDI = 4096;
const NEIGHBOURS = 24;
/** Stands for the file system of block devices while nothing names it. */
const NO_DEVICE = -1;

export type Joins = {
  /** Devices of a bdi, the likeliest first. */
  devicesOf(bdi: string): readonly number[];
  /** The bdi that writes a device's files. */
  bdiOf(dev: number): string | undefined;
  /** Device of the file system that holds the inodes of block devices. */
  readonly blockDevices: number;
};

type Votes = Map<string, Map<number, number>>;

const known = new WeakMap<Tables, Joins>();

/** Made once for the tables of a trace: the page history and the throttle ask. */
export function learnJoins(tables: Tables): Joins {
  let joins = known.get(tables);
  if (joins === undefined) {
    joins = joinsIn(tables);
    known.set(tables, joins);
  }
  return joins;
}

function joinsIn(tables: Tables): Joins {
  const votes: Votes = new Map();
  const ownInodes = new Map<number, number>();
  const vote = (bdi: string, dev: number, key: InodeKey) => {
    if (key === deviceOfText(bdi) || key === 0) {
      ownInodes.set(dev, (ownInodes.get(dev) ?? 0) + 1);
      return;
    }
    let devices = votes.get(bdi);
    if (devices === undefined) {
      devices = new Map();
      votes.set(bdi, devices);
    }
    devices.set(dev, (devices.get(dev) ?? 0) + 1);
  };
  const added = tableWith(tables, 'mm_filemap_add_to_page_cache', ['dev', 'ino', 'index']);
  const dirtied = tableWith(tables, 'writeback_dirty_folio', ['bdi', 'ino', 'index']);
  if (added !== undefined && dirtied !== undefined) voteByFolio(added, dirtied, vote);
  const listed = tableWith(tables, 'writeback_dirty_inode_enqueue', ['dev', 'ino']);
  const marked = tableWith(tables, 'writeback_mark_inode_dirty', ['bdi', 'ino']);
  if (listed !== undefined && marked !== undefined) voteByInode(listed, marked, vote);
  const names = dirtied === undefined ? [] : texts(dirtied, 'bdi').dictionary;
  for (const name of ['sb_mark_inode_writeback', 'sb_clear_inode_writeback']) {
    const table = tableWith(tables, name, ['dev', 'ino']);
    if (table !== undefined) voteByNumber(table, names, vote);
  }
  return joinsOf(votes, best(ownInodes) ?? NO_DEVICE);
}

/** Inodes numbered like the device of a bdi, on a device without a driver. */
function voteByNumber(table: Table, bdis: readonly string[], vote: Vote): void {
  const owners = new Map(bdis.map((name) => [deviceOfText(name) as InodeKey | undefined, name]));
  const dev = numbers(table, 'dev').values;
  const keyOf = inodeKeys(table);
  for (let row = 0; row < table.rows; row++) {
    const key = keyOf(row);
    const bdi = owners.get(key);
    if (bdi !== undefined && majorOf(dev[row] as number) === 0) vote(bdi, dev[row] as number, key);
  }
}

type Vote = (bdi: string, dev: number, key: InodeKey) => void;

/** mm_filemap_add_to_page_cache of a folio, then writeback_dirty_folio of the same by the task. */
function voteByFolio(added: Table, dirtied: Table, vote: Vote): void {
  const at = { seq: numbers(added, 'seq').values, index: numbers(added, 'index').values };
  const pid = { added: numbers(added, 'pid').values, dirtied: numbers(dirtied, 'pid').values };
  const dev = numbers(added, 'dev').values;
  const keyOf = { added: inodeKeys(added), dirtied: inodeKeys(dirtied) };
  const seq = numbers(dirtied, 'seq').values;
  const index = numbers(dirtied, 'index').values;
  const bdi = texts(dirtied, 'bdi');
  const looked = new Uint32Array(bdi.dictionary.length);
  let before = 0;
  for (let row = 0; row < dirtied.rows; row++) {
    const code = bdi.codes[row] as number;
    if ((looked[code] as number) >= ROWS_PER_BDI) continue;
    looked[code] = (looked[code] as number) + 1;
    while (before < added.rows && (at.seq[before] as number) < (seq[row] as number)) before++;
    for (let near = before - 1; near >= 0 && near >= before - NEIGHBOURS; near--) {
      if (at.index[near] !== index[row] || pid.added[near] !== pid.dirtied[row]) continue;
      const key = keyOf.dirtied(row);
      if (keyOf.added(near) !== key && key !== 0) continue;
      vote(bdi.dictionary[code] as string, dev[near] as number, key);
      break;
    }
  }
}

/** writeback_mark_inode_dirty, then writeback_dirty_inode_enqueue of the inode by the task. */
function voteByInode(listed: Table, marked: Table, vote: Vote): void {
  const seq = { listed: numbers(listed, 'seq').values, marked: numbers(marked, 'seq').values };
  const pid = { listed: numbers(listed, 'pid').values, marked: numbers(marked, 'pid').values };
  const dev = numbers(listed, 'dev').values;
  const keyOf = { listed: inodeKeys(listed), marked: inodeKeys(marked) };
  const bdi = texts(marked, 'bdi');
  let before = 0;
  for (let row = 0; row < listed.rows; row++) {
    while (before < marked.rows && (seq.marked[before] as number) < (seq.listed[row] as number)) {
      before++;
    }
    for (let near = before - 1; near >= 0 && near >= before - NEIGHBOURS; near--) {
      if (pid.marked[near] !== pid.listed[row]) continue;
      const key = keyOf.listed(row);
      if (keyOf.marked(near) !== key) continue;
      vote(bdi.dictionary[bdi.codes[near] as number] as string, dev[row] as number, key);
      break;
    }
  }
}

function best(votes: ReadonlyMap<number, number>): number | undefined {
  return [...votes].sort(([, left], [, right]) => right - left)[0]?.[0];
}

/** Asked for each event, of few devices. */
function remembered<K, V>(find: (key: K) => V): (key: K) => V {
  const known = new Map<K, V>();
  return (key) => {
    if (!known.has(key)) known.set(key, find(key));
    return known.get(key) as V;
  };
}

function joinsOf(votes: Votes, blockDevices: number): Joins {
  const devices = new Map<string, readonly number[]>();
  const owners = new Map<number, { bdi: string; votes: number }>();
  for (const [bdi, found] of votes) {
    const sorted = [...found].sort(([, left], [, right]) => right - left);
    devices.set(
      bdi,
      sorted.map(([dev]) => dev),
    );
    for (const [dev, count] of sorted) {
      if (count > (owners.get(dev)?.votes ?? 0)) owners.set(dev, { bdi, votes: count });
    }
  }
  const names = new Set(votes.keys());
  const devicesOf = (bdi: string): readonly number[] => {
    const own = deviceOfText(bdi);
    const learned = devices.get(bdi) ?? [];
    return own === undefined || learned.includes(own) ? learned : [...learned, own];
  };
  const bdiOf = (dev: number): string | undefined => {
    const learned = owners.get(dev)?.bdi;
    if (learned !== undefined) return learned;
    // A partition without votes: the disk with the nearest smaller minor.
    const disks = [...names].flatMap((name) => deviceOfText(name) ?? []);
    const whole = disks.filter((disk) => majorOf(disk) === majorOf(dev) && disk <= dev);
    if (majorOf(dev) === 0 || whole.length === 0) return undefined;
    return [...names].find((name) => deviceOfText(name) === Math.max(...whole));
  };
  return { blockDevices, devicesOf: remembered(devicesOf), bdiOf: remembered(bdiOf) };
}
