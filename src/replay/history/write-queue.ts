/**
 * What was claimed for writing on one device and has not come back: first as runs of pages in the
 * order of claiming, then as bios on their way. Bios carry sectors, not pages; they are matched
 * with runs by address where the file system says it, else in order: a device's queue keeps it.
 */
import { DiskPlaces } from './disk-places.ts';
import type { Inode } from './inodes.ts';
import type { IoEnd } from './io-ends.ts';

export type Run = {
  readonly inode: Inode;
  /** The inode's generation when the run was claimed: older ones have ended with all others. */
  readonly generation: number;
  start: number;
  end: number;
  /** Pages whose place is unknown: they were dirty before the replay began. */
  anonymous: number;
  readonly sync: boolean;
  /** Runs of one mapped extent lie next to each other on disk; 0 when that is not known. */
  extent: number;
  /** Where on disk it begins, once the part before it was written. */
  sector: number | undefined;
  /** With which others the pages come back; undefined when by themselves. */
  ioEnd: IoEnd | undefined;
  /** The same pages written to several places: how many bios, and how many are not back. */
  copies: { written: number; left: number } | undefined;
};

/** All writeback of its file has ended since, whatever bios came. */
const isOver = (run: Run): boolean => run.generation !== run.inode.generation;

export const pagesOf = (run: Run): number => run.end - run.start + run.anonymous;

export type Bio = {
  readonly start: number;
  readonly end: number;
  /** Sectors that have not come back. */
  left: number;
  readonly runs: Run[];
};

/** Where a bio writes, in sectors. */
export type Place = {
  readonly start: number;
  readonly end: number;
  readonly pages: number;
  /** Pages of a later bio of its kind that begins at the sector; 0 if none does. */
  laterAt(sector: number): number;
  /** Whether one of the next bios begins at the sector. */
  goesOnAt(sector: number): boolean;
};

/**
 * Is the extent to be written elsewhere? What is left of one goes on where its first part ended. A
 * new one goes on where the file does, if a bio of its very size will: then this one is none of the
 * page cache's (a throttle also lets go what a file system zeroes).
 */
function waits(run: Run, { start, laterAt }: Place): boolean {
  if (run.sector !== undefined) return run.sector !== start && laterAt(run.sector) > 0;
  const { written } = run.inode;
  if (written === undefined || written.page !== run.start || written.sector === start) return false;
  return laterAt(written.sector) === pagesOf(run);
}

const ANYWHERE = (fits: (run: Run) => boolean) => ({ fits, found: undefined });

/** Runs among which the one is looked for that lies where a bio writes. */
const LOOK_FOR = 1024;

/** Runs that a bio may overtake: queues of devices are in order but for a few. */
const LOOK_AHEAD = 64;

export class WriteQueue {
  /** Runs whose place on the device is known, by first sector. */
  readonly #placed = new Map<number, { readonly run: Run; readonly sectors: number }>();
  #runs: Run[] = [];
  #head = 0;
  /** The last search found a file of which enough pages wait. */
  #enough = false;
  /** Sorted by first sector. */
  readonly #bios: Bio[] = [];
  /** A throttle may still hold bios of before the replay. */
  #hasHeld = true;
  /** What bios have shown of the device so far. */
  readonly places: DiskPlaces;

  constructor(sectors_per_page: number) {
    this.places = new DiskPlaces(sectors_per_page);
  }

  get waiting(): number {
    return this.#runs.length - this.#head;
  }

  push(run: Run): void {
    if (this.#head > 1024 && this.#head * 2 > this.#runs.length) {
      this.#runs = this.#runs.slice(this.#head);
      this.#head = 0;
    }
    const last = this.#runs.at(-1);
    if (last !== undefined && this.waiting > 0 && continues(last, run)) {
      last.end = run.end;
      last.anonymous += run.anonymous;
      return;
    }
    this.#runs.push(run);
  }

  /** A run of which the file system said where it goes. */
  place(run: Run, sector: number, sectors: number): void {
    this.#placed.set(sector, { run, sectors });
  }

  /** The runs at the sectors of a bio. */
  takePlaced(sector: number, end: number): Run[] {
    const taken: Run[] = [];
    let at = sector;
    while (at < end) {
      const found = this.#placed.get(at);
      if (found === undefined) break;
      this.#placed.delete(at);
      taken.push(found.run);
      at += found.sectors;
    }
    return taken;
  }

  /**
   * The runs that a bio of `pages` holds, in order, cut to its size. Only runs that `fits` accepts
   * are taken: the first file of which enough pages wait. Neighbouring sectors say nothing, because
   * files that grow together lie next to each other; but extents have a place (`waits`).
   */
  take(pages: number, fitting: (run: Run) => boolean, place?: Place): Run[] {
    return this.#takeFrom(this.#head, pages, fitting, place);
  }

  /** Was something of the file claimed just now? */
  awaits(inode: Inode): boolean {
    const first = Math.max(this.#head, this.#runs.length - LOOK_AHEAD);
    for (let at = first; at < this.#runs.length; at++) {
      const run = this.#runs[at] as Run;
      if (run.inode === inode && !isOver(run)) return true;
    }
    return false;
  }

  /** Does something of the file wait that begins there? Its place must not just be chosen. */
  beginsAt(inode: Inode, page: number): boolean {
    const last = Math.min(this.#runs.length, this.#head + LOOK_FOR);
    for (let at = this.#head; at < last; at++) {
      const run = this.#runs[at] as Run;
      if (run.inode === inode && run.start === page && !isOver(run)) return run.extent === 0;
    }
    return false;
  }

  /** What waits of those pages. */
  takePages(inode: Inode, start: number, end: number): Run[] {
    const taken: Run[] = [];
    let left = end - start;
    let at = this.#head;
    for (let looked = 0; looked < LOOK_FOR && left > 0 && at < this.#runs.length; looked++) {
      const run = this.#runs[at] as Run;
      const before = taken.length;
      const isThere = run.inode === inode && run.start < end && run.end > start;
      at = isThere && !isOver(run) ? this.#cutOut(at, start, end, taken) : at + 1;
      if (at < this.#head) at = this.#head;
      if (taken.length > before) left -= pagesOf(taken[before] as Run);
    }
    return taken;
  }

  /** Takes what of a run lies in [first, end); returns where the queue goes on behind it. */
  #cutOut(at: number, first: number, end: number, taken: Run[]): number {
    const run = this.#runs[at] as Run;
    if (run.start < first) {
      const before = cut({ ...run }, first - run.start);
      run.start = first;
      this.#runs.splice(at, 0, before);
      return at + 1;
    }
    if (run.end > end) {
      taken.push(cut(run, end - run.start));
      return at + 1;
    }
    taken.push(run);
    this.#remove(at);
    return at;
  }

  /** The runs of a file that is being written: those claimed last, whatever waits before them. */
  takeOf(inode: Inode, pages: number, place?: Place): Run[] {
    const isOf = (run: Run) => run.inode === inode;
    const last = Math.max(this.#head, this.#runs.length - LOOK_AHEAD);
    const taken = this.#takeFrom(last, pages, isOf, place);
    return taken.length > 0 || last === this.#head ? taken : this.take(pages, isOf, place);
  }

  #takeFrom(
    from: number,
    pages: number,
    fitting: (run: Run) => boolean,
    place: Place | undefined,
  ): Run[] {
    const taken: Run[] = [];
    let left = pages;
    const first = this.#dropOver(from);
    const { fits, found } =
      place === undefined ? ANYWHERE(fitting) : this.#at(first, place, fitting);
    let at = found ?? this.#firstWith(first, pages, fits);
    const inode = this.#runs[at]?.inode;
    while (left > 0 && at < this.#runs.length) {
      const run = this.#runs[at] as Run;
      if (!fits(run)) {
        at++;
        continue;
      }
      // Bios keep the device's order, so that the number of pages is right even where the file is
      // not: only a bio that is larger than what is left of every file takes from two.
      if (run.inode !== inode && this.#enough) break;
      const part = cut(run, left);
      taken.push(part);
      left -= pagesOf(part);
      if (pagesOf(run) > 0) {
        if (run.extent > 0) run.sector = place?.end;
        break;
      }
      this.#remove(at);
      if (at < this.#head) at = this.#head;
    }
    const last = taken.at(-1);
    if (last !== undefined && place !== undefined && left === 0) {
      last.inode.written = { page: last.end, sector: place.end };
      this.#learn(taken, place, pages);
    }
    return taken;
  }

  /** Runs that fill a bio lie where it writes. */
  #learn(runs: readonly Run[], { start, end }: Place, pages: number): void {
    const sectors_per_page = (end - start) / pages;
    if (sectors_per_page !== this.places.sectors_per_page) return;
    let sector = start;
    for (const run of runs) {
      const to = sector + (run.end - run.start) * sectors_per_page;
      if (to > sector) this.places.note(sector, to, run.inode, run.start, run.extent > 0);
      sector = to + run.anonymous * sectors_per_page;
    }
  }

  /** The extent that goes on at this place, and who may be written here. */
  #at(first: number, place: Place, fits: (run: Run) => boolean) {
    const last = Math.min(this.#runs.length, first + LOOK_AHEAD);
    const waiting: Inode[] = [];
    for (let at = first; at < last; at++) {
      const run = this.#runs[at] as Run;
      if (run.extent === 0 || !fits(run)) continue;
      if (run.sector === place.start) {
        this.#enough = pagesOf(run) >= place.pages;
        return { fits, found: at };
      }
      if (waits(run, place)) waiting.push(run.inode);
    }
    if (waiting.length === 0) return ANYWHERE(fits);
    return ANYWHERE((run) => fits(run) && !waiting.includes(run.inode));
  }

  /** Where the first file begins of which that many pages wait; else the first that fits. */
  #firstWith(from: number, pages: number, fits: (run: Run) => boolean): number {
    const last = Math.min(this.#runs.length, from + LOOK_AHEAD);
    let first = -1;
    let begin = -1;
    let sum = 0;
    for (let at = from; at < last; at++) {
      const run = this.#runs[at] as Run;
      if (!fits(run)) continue;
      if (first < 0) first = at;
      if (begin < 0 || run.inode !== this.#runs[begin]?.inode) {
        begin = at;
        sum = 0;
      }
      sum += pagesOf(run);
      if (sum >= pages) {
        this.#enough = true;
        return begin;
      }
    }
    this.#enough = false;
    return first < 0 ? this.#runs.length : first;
  }

  /** Removes what is over from where runs are looked for; returns where that begins then. */
  #dropOver(from: number): number {
    let at = from;
    let kept = 0;
    while (kept < LOOK_AHEAD && at < this.#runs.length) {
      if (isOver(this.#runs[at] as Run)) {
        this.#remove(at);
        if (at < this.#head) at = this.#head;
      } else {
        at++;
        kept++;
      }
    }
    return Math.max(from, this.#head);
  }

  #remove(at: number): void {
    if (at === this.#head) this.#head++;
    else this.#runs.splice(at, 1);
  }

  /** A bio goes to the device. */
  queue(bio: Bio): void {
    this.#bios.splice(this.#find(bio.start), 0, bio);
  }

  /** Sectors came back; returns the bios that are complete. */
  complete(sector: number, sectors: number): Bio[] {
    const done: Bio[] = [];
    const end = sector + sectors;
    let at = this.#find(sector);
    while (at < this.#bios.length) {
      const bio = this.#bios[at] as Bio;
      if (bio.start >= end) break;
      bio.left -= Math.min(end, bio.end) - Math.max(sector, bio.start);
      if (bio.left <= 0) {
        done.push(bio);
        this.#bios.splice(at, 1);
      } else {
        at++;
      }
    }
    return done;
  }

  /** Is a bio on its way that holds the sector? */
  holds(sector: number): boolean {
    const bio = this.#bios[this.#find(sector)];
    return bio !== undefined && bio.start <= sector;
  }

  /**
   * Is a bio that a throttle lets go one of before the replay? It keeps their order
   * (block/blk-throttle.c), so that they come before all that was claimed since: as long as so many
   * pages are under writeback of which nothing else is known. The bio at the border belongs where
   * most of it does.
   */
  wasHeld(pages: number, unseenWriteback: number): boolean {
    if (this.#hasHeld && 2 * unseenWriteback < pages) this.#hasHeld = false;
    return this.#hasHeld;
  }

  /** Everything on its way is given up, because events were lost. */
  clear(): void {
    this.#hasHeld = true;
    this.#placed.clear();
    this.#runs = [];
    this.#head = 0;
    this.#bios.length = 0;
  }

  /** Position of the first bio that ends behind the sector. */
  #find(sector: number): number {
    let low = 0;
    let high = this.#bios.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#bios[middle] as Bio).end > sector) high = middle;
      else low = middle + 1;
    }
    return low;
  }
}

function continues(last: Run, run: Run): boolean {
  return (
    last.inode === run.inode &&
    last.generation === run.generation &&
    last.sync === run.sync &&
    last.extent === run.extent &&
    last.ioEnd === run.ioEnd &&
    last.end === run.start &&
    run.end > run.start
  );
}

/** The first pages of a run, which loses them. */
function cut(run: Run, pages: number): Run {
  const placed = Math.min(pages, run.end - run.start);
  const anonymous = Math.min(pages - placed, run.anonymous);
  // One literal, like in follow-block.ts: copies with changes get a new shape each.
  const part: Run = {
    inode: run.inode,
    generation: run.generation,
    start: run.start,
    end: run.start + placed,
    anonymous,
    sync: run.sync,
    extent: run.extent,
    sector: run.sector,
    ioEnd: run.ioEnd,
    copies: run.copies,
  };
  run.start += placed;
  run.anonymous -= anonymous;
  return part;
}
