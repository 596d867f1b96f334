/** Files as the replay knows them: which folios are cached, and the state of each page. */
import { powerOfTwo } from '../../kernel/arithmetic.ts';
import type { PageClass } from '../../model/operations.ts';
import { PageIntervals } from '../../model/page-intervals.ts';
import type { InodeKey } from './inode-key.ts';

/** State bits of a page; a page dirtied while under writeback has both. Clean pages are absent. */
export const DIRTY_BIT = 1;
export const CLAIMED_BIT = 2;
export const WRITEBACK_BIT = 4;
export const ALL_BITS = 7;
/** Above them, the number of the page's place among those of its inode. */
export const PLACE_SHIFT = 3;
export const MAX_PLACES = 32;

/** Pages of a folio by what is stored: its order plus one, since 0 stands for "not cached". */
export const folioPages = (value: number): number => powerOfTwo(value - 1);

export class Inode {
  readonly id: number;
  readonly dev: number;
  readonly key: InodeKey;
  /** Writeback domain, 0 while the bdi is unknown; changed by PageHistory.assign alone. */
  wb = 0;
  /** What it holds, and the cgroup that its writeback is charged to (0: not known); likewise. */
  pageClass: PageClass = 'unknown';
  wb_cgroup = 0;
  /** Where pages of it are (history/places.ts), of which the first stands for what is not known. */
  readonly places: number[] = [0];
  /** The ledger's holder of the pages of each place, as far as they were asked for. */
  readonly holders: number[] = [];
  readonly folios = new PageIntervals();
  /** Codes of the nodes of its folios, where there are several. */
  nodes: PageIntervals | undefined;
  readonly pages = new PageIntervals(ALL_BITS);
  /** Grows when all writeback of the inode has ended: what was under way before is over. */
  generation = 0;
  /** The last event of its writeback said that none is left: sb_clear_, and not sb_mark_. */
  isCleared = false;
  /** How often pages of it went under writeback. */
  starts = 0;
  dirtied_pages = 0;
  /** When a folio of it was dirtied last. */
  dirtied_ns = Number.NEGATIVE_INFINITY;
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

  /** Pages of the folio that holds the index; undefined if unknown. */
  folioPagesAt(index: number): number | undefined {
    const value = this.folios.valueAt(index);
    return value === 0 ? undefined : folioPages(value);
  }

  /** First page and number of pages of the folio that holds the index; undefined if unknown. */
  folioAt(index: number): { start: number; pages: number } | undefined {
    const found = this.folios.intervalAt(index);
    if (found === undefined) return undefined;
    const pages = folioPages(found.value);
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
