/**
 * Whose pages are beyond their bdi: the class of an inode, the cgroup that its writeback is charged
 * to (struct bdi_writeback, WB_*), the cgroup and the memory node of each folio. Learned before the
 * replay, as joins are; what no event says stays unknown (code 0).
 *
 * The cgroup of an inode's writeback stands in events of the flusher and in inode_switch_wbs. That
 * of a folio is the same unless track_foreign_dirty says otherwise, which the kernel writes with
 * interrupts off right after the folio's writeback_dirty_folio, so as the CPU's next event of the
 * inode (mm/memcontrol.c, mem_cgroup_track_foreign_dirty). The node follows from the page frame.
 */
import type { PageClass } from '../../model/operations.ts';
import type { TextColumn } from '../../trace/column.ts';
import { visitRows } from '../../trace/order.ts';
import { bigs, numbers, type Table, type Tables, tableWith, texts } from '../../trace/table.ts';
import { type NodeOf, nodesOf } from './folio-nodes.ts';
import { deviceOfText, type InodeKey, inodeKeys, inodeText } from './inode-key.ts';
import { type Place, UNKNOWN_PLACE } from './places.ts';

export type Owners = {
  /** Inode numbers of cgroups (paths with old kernels) by code; the first is unknown. */
  readonly cgroups: readonly string[];
  /** The cgroup of the inode's writeback as it is first known; 0 if it never is. */
  cgroupOf(bdi: string, key: InodeKey): number;
  /** When the cgroup of an inode's writeback became another. */
  readonly switches: readonly Switch[];
  /** Do events tell the cgroups of folios? */
  readonly knowsMemcgs: boolean;
  /** Memory nodes; undefined where nothing tells which there are. */
  readonly nodes: NodeOf | undefined;
  /** Combinations of cgroup and node. */
  readonly places: readonly Place[];
  /** The place of the folio of a row of writeback_dirty_folio, in the node with that code. */
  placeOf(row: number, node: number): number;
  classOf(bdi: string, key: InodeKey, isBlockDevice: boolean): PageClass;
};

export type Switch = {
  readonly table: Table;
  readonly row: number;
  readonly seq: number;
  readonly bdi: string;
  readonly key: InodeKey;
  readonly cgroup: number;
};

/** For replays that nobody asks for more than bdis. */
export const NO_OWNERS: Owners = {
  cgroups: [''],
  cgroupOf: () => 0,
  switches: [],
  knowsMemcgs: false,
  nodes: undefined,
  places: [UNKNOWN_PLACE],
  placeOf: () => 0,
  classOf: () => 'file-data',
};

type Facts = {
  readonly silent: readonly string[];
  readonly zoneinfo: string | undefined;
};

export function learnOwners(tables: Tables, facts: Facts): Owners {
  const cgroups = new Cgroups();
  const { first, switches } = learnWriteback(tables, cgroups);
  const foreign = tableWith(tables, 'track_foreign_dirty', ['bdi', 'ino', 'page_cgroup_ino']);
  const knowsMemcgs = foreign !== undefined || facts.silent.includes('track_foreign_dirty');
  const memcgs = new Memcgs(knowsMemcgs);
  const memcgOf = memcgs.learn(tables, foreign, cgroups);
  const nodes = nodesOf(facts.zoneinfo);
  const nodeCount = (nodes?.numbers.length ?? 0) + 1;
  return {
    cgroups: cgroups.names,
    cgroupOf: (bdi, key) => first(bdi, key) ?? 0,
    switches,
    knowsMemcgs,
    nodes,
    places: memcgs.list.flatMap((place) =>
      Array.from({ length: nodeCount }, (_, node) => ({ ...place, node })),
    ),
    placeOf: (row, node) => (memcgOf?.[row] ?? memcgs.usual) * nodeCount + node,
    classOf: classesOf(tables),
  };
}

/** Cgroups by code, the first of which is none. */
class Cgroups {
  readonly names: string[] = [''];
  readonly #codes = new Map<string, number>();

  code(name: string): number {
    let code = this.#codes.get(name);
    if (code === undefined) {
      code = this.names.push(name) - 1;
      this.#codes.set(name, code);
    }
    return code;
  }
}

/** Events that name an inode and the cgroup of its writeback, and the column of it. */
const WRITEBACK_CGROUPS: readonly (readonly [event: string, cgroup: string])[] = [
  ['writeback_single_inode_start', 'cgroup_ino'],
  ['writeback_single_inode', 'cgroup_ino'],
  ['writeback_write_inode_start', 'cgroup_ino'],
  ['writeback_write_inode', 'cgroup_ino'],
  ['inode_foreign_history', 'cgroup_ino'],
  ['track_foreign_dirty', 'cgroup_ino'],
  ['inode_switch_wbs', 'new_cgroup_ino'],
];

type Named = {
  readonly table: Table;
  readonly bdi: TextColumn;
  readonly keyOf: (row: number) => InodeKey;
  /** Codes of each row: the inode's cgroup, and what it was before. */
  readonly cgroup: Int32Array;
  readonly before: Int32Array;
  readonly isSame: (row: number) => boolean;
};

type Known = { readonly first: number; now: number };

function learnWriteback(tables: Tables, cgroups: Cgroups) {
  const named = WRITEBACK_CGROUPS.flatMap(([event, column]) => {
    const table = tables.get(event);
    return (table?.known && namedIn(table, column, cgroups)) || [];
  });
  const inodes = new Map<string, Map<InodeKey, Known>>();
  const switches: Switch[] = [];
  const visitors = named.map((each) => switchesIn(each, inodes, switches));
  // No object for each row: sorting those of 0.7 M rows took 40 ms.
  visitRows(
    named.map(({ table }) => table),
    visitors,
  );
  return { first: (bdi: string, key: InodeKey) => inodes.get(bdi)?.get(key)?.first, switches };
}

/** Notes what a row says of its inode, and whether that is new. */
function switchesIn(
  { table, bdi, keyOf, cgroup, before, isSame }: Named,
  inodes: Map<string, Map<InodeKey, Known>>,
  switches: Switch[],
): (row: number) => void {
  const seq = numbers(table, 'seq').values;
  const ofBdi = bdi.dictionary.map((name) => {
    const own = inodes.get(name) ?? new Map<InodeKey, Known>();
    inodes.set(name, own);
    return own;
  });
  return (row) => {
    if (isSame(row)) return;
    const code = bdi.codes[row] as number;
    const own = ofBdi[code] as Map<InodeKey, Known>;
    const key = keyOf(row);
    const now = cgroup[row] as number;
    const known = own.get(key);
    if ((known?.now ?? before[row]) !== now) {
      const name = bdi.dictionary[code] as string;
      switches.push({ table, row, seq: seq[row] as number, bdi: name, key, cgroup: now });
    }
    if (known === undefined) own.set(key, { first: before[row] as number, now });
    else known.now = now;
  };
}

/** Codes of the cgroups that rows of a table name, but for those that say the same as before. */
function namedIn(table: Table, column: string, cgroups: Cgroups): Named | undefined {
  const nameAt = cgroupNames(table, column);
  if (nameAt === undefined || !('bdi' in table.columns) || !('ino' in table.columns)) {
    return undefined;
  }
  const beforeAt = cgroupNames(table, 'old_cgroup_ino');
  const isSame = sameAsBefore(table, column);
  const cgroup = new Int32Array(table.rows);
  const before = beforeAt === undefined ? cgroup : new Int32Array(table.rows);
  let last: InodeKey | undefined;
  let code = 0;
  for (let row = 0; row < table.rows; row++) {
    if (isSame(row)) continue;
    const name = nameAt(row);
    // Mostly the next inode has the same.
    if (name !== last) {
      last = name;
      code = cgroups.code(textOf(name));
    }
    cgroup[row] = code;
    if (beforeAt !== undefined) before[row] = cgroups.code(textOf(beforeAt(row)));
  }
  return { table, bdi: texts(table, 'bdi'), keyOf: inodeKeys(table), cgroup, before, isSame };
}

/** Does a row name the bdi, the inode and the cgroup of the row before? Compared bit by bit. */
function sameAsBefore(table: Table, column: string): (row: number) => boolean {
  const { codes } = texts(table, 'bdi');
  const ino = bigs(table, 'ino').words;
  const cgroup = column in table.columns ? bigs(table, column).words : undefined;
  // Kernels with paths have few such events.
  if (cgroup === undefined) return () => false;
  return (row) => {
    const now = 2 * row;
    const last = now - 2;
    return (
      row > 0 &&
      codes[row] === codes[row - 1] &&
      ino[now] === ino[last] &&
      ino[now + 1] === ino[last + 1] &&
      cgroup[now] === cgroup[last] &&
      cgroup[now + 1] === cgroup[last + 1]
    );
  };
}

/** Cgroups are numbered like their inodes; kernels 4.2 to 4.4 wrote their paths. */
function cgroupNames(table: Table, column: string): ((row: number) => InodeKey) | undefined {
  if (column in table.columns) return inodeKeys(table, column);
  const path = table.columns.cgroup;
  if (column !== 'cgroup_ino' || path?.kind !== 'text') return undefined;
  return (row) => path.dictionary[path.codes[row] as number] as string;
}

const textOf = (name: InodeKey): string =>
  typeof name === 'number' || /^\d+:\d+$/.test(name) ? inodeText(name) : name;

/** The cgroups of folios: kinds of places that differ by them alone. */
class Memcgs {
  readonly list: Place[] = [UNKNOWN_PLACE];
  /** The place of folios that no event speaks of. */
  readonly usual: number;
  readonly #of = new Map<number, number>();

  constructor(isKnown: boolean) {
    if (isKnown) this.list.push({ ...UNKNOWN_PLACE, isOwn: true });
    this.usual = this.list.length - 1;
  }

  #place(memcg: number): number {
    let place = this.#of.get(memcg);
    if (place === undefined) {
      place = this.list.push({ ...UNKNOWN_PLACE, memcg }) - 1;
      this.#of.set(memcg, place);
    }
    return place;
  }

  /** For each row of writeback_dirty_folio, its place in `list`. */
  learn(tables: Tables, foreign: Table | undefined, cgroups: Cgroups): Uint32Array | undefined {
    const dirtied = tableWith(tables, 'writeback_dirty_folio', ['bdi', 'ino', 'index']);
    if (foreign === undefined || dirtied === undefined) return undefined;
    const places = new Uint32Array(dirtied.rows).fill(this.usual);
    const seq = {
      dirtied: numbers(dirtied, 'seq').values,
      foreign: numbers(foreign, 'seq').values,
    };
    const cpu = {
      dirtied: numbers(dirtied, 'cpu').values,
      foreign: numbers(foreign, 'cpu').values,
    };
    const ino = { dirtied: bigs(dirtied, 'ino').words, foreign: bigs(foreign, 'ino').words };
    const memcg = inodeKeys(foreign, 'page_cgroup_ino');
    /** Row of the CPU's last folio, plus one; 0 once its cgroup was told. */
    const lastOnCpu: number[] = [];
    let told: InodeKey | undefined;
    let place = 0;
    let at = 0;
    for (let row = 0; row < foreign.rows; row++) {
      while (at < dirtied.rows && (seq.dirtied[at] as number) < (seq.foreign[row] as number)) {
        lastOnCpu[cpu.dirtied[at] as number] = ++at;
      }
      const own = (lastOnCpu[cpu.foreign[row] as number] ?? 0) - 1;
      if (own < 0 || ino.dirtied[2 * own] !== ino.foreign[2 * row]) continue;
      const key = memcg(row);
      if (key !== told) {
        told = key;
        place = this.#place(cgroups.code(textOf(key)));
      }
      places[own] = place;
      lastOnCpu[cpu.foreign[row] as number] = 0;
    }
    return places;
  }
}

/** The inode of the trees of btrfs (BTRFS_BTREE_INODE_OBJECTID). */
const TREE_INODE = 1;

function classesOf(tables: Tables): Owners['classOf'] {
  const fuse = fuseDevices(tables);
  return (bdi, key, isBlockDevice) => {
    if (isBlockDevice || (key === TREE_INODE && /^btrfs-/.test(bdi))) return 'metadata';
    const dev = deviceOfText(bdi);
    const isFuse = /-fuseblk$/.test(bdi) || (dev !== undefined && fuse.has(dev));
    return isFuse ? 'server-data' : 'file-data';
  };
}

/** Connections are numbered like the devices of their file systems. */
function fuseDevices(tables: Tables): ReadonlySet<number> {
  const found = new Set<number>();
  const table = tableWith(tables, 'fuse_request_send', ['connection']);
  if (table === undefined) return found;
  const { words } = bigs(table, 'connection');
  let last = -1;
  for (let row = 0; row < table.rows; row++) {
    const dev = words[2 * row] as number;
    if (dev !== last) found.add(dev);
    last = dev;
  }
  return found;
}
