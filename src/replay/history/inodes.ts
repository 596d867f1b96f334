/** Files as the replay knows them: which folios are cached, and the state of each page. */
import { PageIntervals } from '../../model/page-intervals.ts';
import type { InodeKey } from './inode-key.ts';

/** State bits of a page; a page dirtied while under writeback has both. Clean pages are absent. */
export const DIRTY_BIT = 1;
export const CLAIMED_BIT = 2;
export const WRITEBACK_BIT = 4;
export const ALL_BITS = 7;

/** Orders are stored plus one, since 0 stands for "not cached". */
export const orderOf = (value: number): number => value - 1;

export class Inode {
  readonly id: number;
  readonly dev: number;
  readonly key: InodeKey;
  /** Writeback domain, 0 while the bdi is unknown. */
  wb = 0;
  readonly folios = new PageIntervals();
  readonly pages = new PageIntervals();
  /** Grows when all writeback of the inode has ended: what was under way before is over. */
  generation = 0;
  dirtied_pages = 0;
  /** Page and sector behind what a bio of the file wrote last. */
  written: { readonly page: number; readonly sector: number } | undefined;
  /** Pages under writeback whose place is unknown. */
  anonymous = 0;
  /** Pages whose claim was known by number only, so that it may have been another page's. */
  guessed = 0;
  /** Dirty pages whose place is unknown: another page was claimed in their stead. */
  misplaced = 0;
  /** Holds the trees of a file system, which frees dirty pages without writing them. */
  isTree = false;

  constructor(id: number, dev: number, key: InodeKey) {
    this.id = id;
    this.dev = dev;
    this.key = key;
  }

  /** First page and number of pages of the folio that holds the index; undefined if unknown. */
  folioAt(index: number): { start: number; pages: number } | undefined {
    const found = this.folios.intervalAt(index);
    if (found === undefined) return undefined;
    const pages = 2 ** orderOf(found.value);
    return { start: index - (index % pages), pages };
  }
}

export class InodeTable {
  readonly #devices = new Map<number, Map<InodeKey, Inode>>();
  readonly all: Inode[] = [];
  #last: Inode | undefined;

  find(dev: number, key: InodeKey): Inode | undefined {
    const last = this.#last;
    if (last !== undefined && last.key === key && last.dev === dev) return last;
    const found = this.#devices.get(dev)?.get(key);
    if (found !== undefined) this.#last = found;
    return found;
  }

  of(dev: number, key: InodeKey): Inode {
    const found = this.find(dev, key);
    if (found !== undefined) return found;
    let inodes = this.#devices.get(dev);
    if (inodes === undefined) {
      inodes = new Map();
      this.#devices.set(dev, inodes);
    }
    const inode = new Inode(this.all.length, dev, key);
    inodes.set(key, inode);
    this.all.push(inode);
    this.#last = inode;
    return inode;
  }
}
