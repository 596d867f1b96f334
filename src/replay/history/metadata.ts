/**
 * Metadata of a file system that keeps its trees in the page cache of a hidden inode (btrfs: inode
 * 1). Nothing names the pages being written, but each node is one bio: its address tells the node,
 * once it is known by how much addresses on the device differ from those in the file. A node may be
 * written to several places (profiles DUP, RAID1), and is under writeback until all have come back.
 */
import { claimFolio, nextDirty } from './claims.ts';
import { evidenceCode } from './evidence.ts';
import { deviceOfText } from './inode-key.ts';
import type { Inode } from './inodes.ts';
import type { Scene, Task } from './scene.ts';
import type { Run } from './write-queue.ts';

const E_BIO = evidenceCode('claim', 'bio');
/** The inode of btrfs's trees (BTRFS_BTREE_INODE_OBJECTID). */
const TREE_INODE = 1;
/** Places on a device are given out in stripes (BTRFS_STRIPE_LEN), so shifts are whole ones. */
const STRIPE_BYTES = 65536;
/** The superblock and its copies (btrfs_sb_offset), which are in no tree and in no counter. */
const SUPER_BYTES = 4096;
const SUPER_SECTORS: ReadonlySet<number> = new Set([2 ** 7, 2 ** 17, 2 ** 29]);
const SECTOR = 512;

type Trees = {
  readonly inode: Inode;
  /** Sectors by which addresses on a device are larger than in the file, the last used first. */
  readonly shifts: Map<number, number[]>;
  /** The node written last, by which further copies of it are recognised. */
  last: { readonly run: Run; readonly pid: number; readonly pages: number } | undefined;
};

export class MetadataMatcher {
  readonly #scene: Scene;
  /** By device; a file system may have several. */
  readonly #trees = new Map<number, Trees | undefined>();

  constructor(scene: Scene) {
    this.#scene = scene;
  }

  /** The node that a bio writes; undefined when the device holds no such trees. */
  match(dev: number, start: number, sectors: number, pid: number): Run[] | undefined {
    const trees = this.#treesOn(dev, this.#scene.knownTask(pid));
    if (trees === undefined) return undefined;
    if (sectors * SECTOR === SUPER_BYTES && SUPER_SECTORS.has(start)) return [];
    const perPage = this.#scene.pageSize / SECTOR;
    const pages = Math.ceil(sectors / perPage);
    const shifts = trees.shifts.get(dev) ?? [];
    trees.shifts.set(dev, shifts);
    for (const [at, shift] of shifts.entries()) {
      const index = (start - shift) / perPage;
      if (isDirty(trees.inode, index, pages)) {
        promote(shifts, at);
        return [this.#claim(trees, index, pages, pid)];
      }
      if (isCopyOf(trees, index, pages, pid)) {
        promote(shifts, at);
        return copyOf(trees);
      }
    }
    return this.#learn(trees, shifts, start, perPage, pages, pid);
  }

  #learn(
    trees: Trees,
    shifts: number[],
    start: number,
    perPage: number,
    pages: number,
    pid: number,
  ): Run[] | undefined {
    const { last, inode } = trees;
    // Another copy of the node just written, if it has none yet.
    if (last !== undefined && last.pid === pid && last.pages === pages && copies(last.run) === 1) {
      shifts.unshift(start - last.run.start * perPage);
      return copyOf(trees);
    }
    // Nodes are written in order of index, beginning again at the front; those of the log, which
    // an fsync writes, are some of all.
    const from = last?.pid === pid ? last.run.end : 0;
    const stripe = Math.max(1, STRIPE_BYTES / this.#scene.pageSize);
    const place = (start / perPage) % stripe;
    const next =
      nextNode(inode, from, pages, stripe, place) ?? nextNode(inode, 0, pages, stripe, place);
    if (next !== undefined) {
      shifts.unshift(start - next * perPage);
      return [this.#claim(trees, next, pages, pid)];
    }
    // Whichever it was, so many pages are written.
    const any = nextDirty(inode, 0, Number.POSITIVE_INFINITY);
    return any === undefined ? [] : [this.#claim(trees, any.start, pages, pid)];
  }

  #claim(trees: Trees, index: number, pages: number, pid: number): Run {
    const scene = this.#scene;
    const { inode } = trees;
    const options = { evidence: E_BIO, sync: false, dev: undefined };
    claimFolio(scene, inode, index, index + pages, options);
    const task = scene.knownTask(pid);
    if (task?.inode === inode) task.claimed += pages;
    const run = scene.runOf(inode, index, index + pages, false);
    run.copies = { written: 1, left: 1 };
    trees.last = { run, pid, pages };
    return run;
  }

  /** Learned while the flusher writes the trees, or when no other file system is on the device. */
  #treesOn(dev: number, task: Task | undefined): Trees | undefined {
    const known = this.#trees.get(dev);
    if (known !== undefined) return known;
    const scene = this.#scene;
    const writing = task?.inode;
    const inode = writing !== undefined && isTrees(scene, writing) ? writing : this.#onlyTrees(dev);
    if (inode === undefined) return undefined;
    inode.isTree = true;
    const shared = [...this.#trees.values()].find((trees) => trees?.inode === inode);
    const trees = shared ?? { inode, shifts: new Map(), last: undefined };
    this.#trees.set(dev, trees);
    return trees;
  }

  #onlyTrees(dev: number): Inode | undefined {
    const { inodes } = this.#scene;
    if (inodes.all.some((inode) => inode.dev === dev || inode.key === dev)) return undefined;
    const found = inodes.all.filter((inode) => isTrees(this.#scene, inode) && !inode.pages.isEmpty);
    return found.length === 1 ? found[0] : undefined;
  }
}

/** bdis of btrfs have names, not numbers. */
function isTrees(scene: Scene, inode: Inode): boolean {
  const name = scene.wbNames[inode.wb] ?? '';
  return inode.key === TREE_INODE && inode.wb !== 0 && deviceOfText(name) === undefined;
}

/** Is the whole node dirty? */
function isDirty(inode: Inode, index: number, pages: number): boolean {
  if (index < 0 || !Number.isInteger(index)) return false;
  const found = nextDirty(inode, index, index + pages);
  return found?.start === index && dirtyUntil(inode, found, index + pages) >= index + pages;
}

/** Where a stretch of dirty pages ends; its parts may be in different places of the machine. */
function dirtyUntil(inode: Inode, from: { readonly end: number }, to: number): number {
  let { end } = from;
  while (end < to) {
    const more = nextDirty(inode, end, to);
    if (more?.start !== end) break;
    end = more.end;
  }
  return end;
}

/** The first dirty node from there on that lies at this place of a stripe. */
function nextNode(
  inode: Inode,
  from: number,
  pages: number,
  stripe: number,
  place: number,
): number | undefined {
  let at = from;
  for (let tries = 0; tries < MOST_TRIES; tries++) {
    const dirty = nextDirty(inode, at, Number.POSITIVE_INFINITY);
    if (dirty === undefined) return undefined;
    const behind = (((dirty.start - place) % stripe) + stripe) % stripe;
    const index = dirty.start + (behind === 0 ? 0 : stripe - behind);
    if (isDirty(inode, index, pages)) return index;
    at = Math.max(dirty.start + 1, index < dirty.end ? index + stripe : dirty.end);
  }
  return undefined;
}

/** Learning is rare; what is not found among so many stretches is not worth more. */
const MOST_TRIES = 1000;

function isCopyOf({ last }: Trees, index: number, pages: number, pid: number): boolean {
  return last !== undefined && last.pid === pid && last.pages === pages && last.run.start === index;
}

const copies = (run: Run): number => run.copies?.written ?? 1;

function copyOf({ last }: Trees): Run[] {
  if (last?.run.copies === undefined) return [];
  last.run.copies.written++;
  last.run.copies.left++;
  return [last.run];
}

/** Moves an entry to the front. */
function promote(list: number[], at: number): void {
  if (at === 0) return;
  const [entry] = list.splice(at, 1);
  if (entry !== undefined) list.unshift(entry);
}
