/**
 * Private state that a file system hangs on pages (buffer heads, extent buffers): how long it lives
 * under each way of giving it back. No kernel counts this; the names are ours.
 *
 *   releasepage     the VM asks for each page; the state goes for all pages of its object, then the
 *                   VM looks at the page's references and may keep the page after all
 *   shrinker        the object owns its pages, the VM does not see them; the cache is asked for a
 *                   number of objects, oldest first, and pages go with them
 *   inode-lifetime  the VM takes pages as it likes; the state stays until the inode goes
 *                   or the page is truncated
 *
 * Sources: mails of 25 to 28 February 2009 (Piggin, Mason); fs/btrfs/extent_io.c
 * try_release_extent_buffer; fs/buffer.c try_to_free_buffers; mm/vmscan.c shrink_folio_list.
 * Not modelled: order of the LRU lists (the caller says which page is asked for), the time between
 * release and the check of references, memory cgroups.
 */
import { assert } from '../../../trace/assert.ts';

export const RELEASE_MODES = ['releasepage', 'shrinker', 'inode-lifetime'] as const;
export type ReleaseMode = (typeof RELEASE_MODES)[number];

export type PrivateRules = {
  readonly mode: ReleaseMode;
  readonly page_size: number;
  /** Pages that share one object of state: node size / page size of extent buffers, else 1. */
  readonly object_pages: number;
  /** Memory of one object, bytes. */
  readonly object_bytes: number;
  /** State goes only once the page is really removed: closes the window, which no kernel does. */
  readonly at_removal?: boolean;
};

/** What holds a page or its state at the moment of asking. */
export type Hold = {
  readonly dirty?: boolean;
  readonly writeback?: boolean;
  /** Someone uses the state (references of an extent buffer above 1). */
  readonly state?: boolean;
  /** Someone took a reference to the page between release and check. */
  readonly page?: boolean;
};

export type PrivateCounts = {
  private_held: number;
  private_released: number;
  page_freed: number;
  orphaned_clean: number;
  release_refused: number;
  rebuilt: number;
  reread_bytes: number;
};

type Entry = {
  readonly inode: number;
  readonly first: number;
  /** Objects of state: several for a folio that is larger than one. */
  objects: number;
  /** Pages of it in the cache. */
  pages: number;
  /** Which of them, where folios are smaller than the object. */
  readonly parts: Set<number> | undefined;
  held: boolean;
  /** It was released while pages stayed. */
  released: boolean;
  /** Bytes of a page that were known to be read; undefined: all. */
  uptodate: number | undefined;
};

export class PrivateState {
  readonly #rules: PrivateRules;
  readonly #inodes = new Map<number, Map<number, Entry>>();
  /** Entries with state, oldest first. */
  readonly #order = new Set<Entry>();
  readonly counts: PrivateCounts = {
    private_held: 0,
    private_released: 0,
    page_freed: 0,
    orphaned_clean: 0,
    release_refused: 0,
    rebuilt: 0,
    reread_bytes: 0,
  };

  constructor(rules: PrivateRules) {
    assert(rules.object_pages >= 1, 'state belongs to at least one page');
    this.#rules = rules;
  }

  get held_bytes(): number {
    return this.counts.private_held * this.#rules.object_bytes;
  }

  #entry(inode: number, page: number): Entry | undefined {
    return this.#inodes.get(inode)?.get(Math.floor(page / this.#rules.object_pages));
  }

  /**
   * A folio of so many pages is in the cache, and its state with it; `uptodate`: bytes of a single
   * page that were read. Folios are released and removed as a whole.
   */
  attach(inode: number, page: number, pages = 1, uptodate?: number): void {
    const { object_pages } = this.#rules;
    let entries = this.#inodes.get(inode);
    if (entries === undefined) {
      entries = new Map();
      this.#inodes.set(inode, entries);
    }
    const at = Math.floor(page / object_pages);
    const isPart = pages < object_pages;
    let entry = entries.get(at);
    if (entry === undefined) {
      entry = {
        inode,
        first: at * object_pages,
        objects: Math.max(1, Math.floor(pages / object_pages)),
        pages: 0,
        parts: isPart ? new Set() : undefined,
        held: false,
        released: false,
        uptodate,
      };
      entries.set(at, entry);
    }
    if (!entry.held) this.#build(entry, uptodate);
    if (entry.parts === undefined) entry.pages = Math.max(entry.pages, pages);
    else {
      for (let own = page; own < page + pages; own++) entry.parts.add(own % object_pages);
      entry.pages = entry.parts.size;
    }
  }

  #build(entry: Entry, uptodate: number | undefined): void {
    const { counts } = this;
    counts.orphaned_clean -= entry.pages;
    if (entry.released) counts.rebuilt += entry.objects;
    counts.private_held += entry.objects;
    entry.held = true;
    entry.uptodate = uptodate;
    this.#order.add(entry);
  }

  has(inode: number, page: number): boolean {
    return this.#entry(inode, page)?.held ?? false;
  }

  /** The page is in the cache without the state that it had. */
  isOrphan(inode: number, page: number): boolean {
    const entry = this.#entry(inode, page);
    return entry !== undefined && !entry.held;
  }

  /** Reclaim wants this page. True if the page left the cache. */
  reclaim(inode: number, page: number, hold: Hold = {}): boolean {
    const entry = this.#entry(inode, page);
    const { mode, at_removal } = this.#rules;
    if (entry === undefined || mode === 'shrinker') return false;
    if (!(entry.parts?.has(page % this.#rules.object_pages) ?? true) || entry.pages === 0)
      return false;
    if (mode === 'releasepage' && entry.held) {
      if (hold.dirty || hold.writeback || hold.state) {
        this.counts.release_refused += entry.objects;
        return false;
      }
      if (at_removal && hold.page) return false;
      this.#release(entry);
    }
    if (hold.dirty || hold.writeback || hold.page) return false;
    this.counts.page_freed += entry.parts === undefined ? entry.pages : 1;
    this.#removePage(entry, page, mode === 'inode-lifetime');
    return true;
  }

  #release(entry: Entry): void {
    entry.held = false;
    entry.released = true;
    this.#order.delete(entry);
    this.counts.private_held -= entry.objects;
    this.counts.private_released += entry.objects;
    this.counts.orphaned_clean += entry.pages;
  }

  #removePage(entry: Entry, page: number, keepsState = false): void {
    const before = entry.pages;
    if (entry.parts === undefined) entry.pages = 0;
    else {
      entry.parts.delete(page % this.#rules.object_pages);
      entry.pages = entry.parts.size;
    }
    if (!entry.held) this.counts.orphaned_clean -= before - entry.pages;
    if (entry.pages > 0) return;
    if (entry.held && keepsState) return;
    if (entry.held) this.counts.private_held -= entry.objects;
    this.#forget(entry);
  }

  #forget(entry: Entry): void {
    this.#order.delete(entry);
    const entries = this.#inodes.get(entry.inode);
    entries?.delete(entry.first / this.#rules.object_pages);
    if (entries?.size === 0) this.#inodes.delete(entry.inode);
  }

  /** A page left the cache for other reasons (truncation); state goes with its last page. */
  remove(inode: number, page: number): void {
    const entry = this.#entry(inode, page);
    if (entry !== undefined) this.#removePage(entry, page);
  }

  /**
   * The shrinker scans so many objects, oldest first, and frees those that `isHeld` (by inode and
   * first page) does not keep. Returns how many.
   */
  shrink(scan: number, isHeld: (inode: number, page: number) => boolean = () => false): number {
    if (this.#rules.mode !== 'shrinker') return 0;
    const { counts } = this;
    let freed = 0;
    for (const entry of takeObjects(this.#order, scan)) {
      if (isHeld(entry.inode, entry.first)) {
        counts.release_refused += entry.objects;
        this.#order.delete(entry);
        this.#order.add(entry);
        continue;
      }
      counts.private_held -= entry.objects;
      counts.private_released += entry.objects;
      counts.page_freed += entry.pages;
      this.#forget(entry);
      freed += entry.objects;
    }
    return freed;
  }

  /** The inode is evicted: its pages go, and all state with them. */
  evict(inode: number): void {
    for (const entry of this.#inodes.get(inode)?.values() ?? []) {
      if (entry.held) this.counts.private_held -= entry.objects;
      else this.counts.orphaned_clean -= entry.pages;
      this.#order.delete(entry);
    }
    this.#inodes.delete(inode);
  }

  /**
   * All of a cached page is to be read: blocks not known to be up to date are read again. Which of
   * them were, lost state knew; unless all were.
   */
  read(inode: number, page: number): number {
    const entry = this.#entry(inode, page);
    const known = entry?.uptodate;
    if (entry === undefined || known === undefined) return 0;
    const { page_size } = this.#rules;
    const bytes = entry.held ? page_size - known : page_size;
    this.counts.reread_bytes += bytes;
    entry.uptodate = undefined;
    return bytes;
  }
}

/** The first entries that hold so many objects together: a folio's go together. */
function takeObjects(all: Iterable<Entry>, most: number): readonly Entry[] {
  const taken: Entry[] = [];
  let left = most;
  for (const entry of all) {
    if (left <= 0) break;
    taken.push(entry);
    left -= entry.objects;
  }
  return taken;
}
