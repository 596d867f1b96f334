/**
 * Which pages of which file lie where on a device, as far as bios have shown it: where a file is
 * written again, its blocks are the same ones (but for file systems that never write in place).
 * What bios hold is partly guessed by order, so that a place is believed when an extent was mapped
 * there, or when several bios agree on where in the file a stretch of the device begins.
 */
import type { Inode } from './inodes.ts';

/** A stretch of sectors, and what lies there: `page` is the first of them. */
export type DiskPart = {
  readonly start: number;
  readonly end: number;
  readonly inode: Inode | undefined;
  readonly page: number;
};
/** `origin`: the sector at which page 0 of the file would lie; `agree`: bios that said so. */
type Known = {
  start: number;
  end: number;
  readonly inode: Inode;
  readonly origin: number;
  agree: number;
};

/** So many bios are not wrong in the same way: what one guesses by order varies. */
const BELIEVED = 4;
/** Places among which a believed one is looked for. */
const CLOSE = 8;
/** More are not kept: first those go that are not believed. */
const MOST = 512;

export class DiskPlaces {
  readonly sectors_per_page: number;
  /** Sorted by sector, without overlaps. */
  #known: Known[] = [];

  constructor(sectors_per_page: number) {
    this.sectors_per_page = sectors_per_page;
  }

  /**
   * The pages from `page` on lie in the sectors [start, end). What lies between two places of a
   * file that agree belongs to it as well.
   */
  note(start: number, end: number, inode: Inode, page: number, isSure: boolean): void {
    const known = this.#known;
    const agree = isSure ? BELIEVED : 1;
    const place = { start, end, inode, origin: start - page * this.sectors_per_page, agree };
    const found = known[this.#find(start)];
    if (isSame(found, place) && found.start <= start && found.end >= end) {
      found.agree += agree;
      return;
    }
    const at = this.#cut(start, end);
    const before = known[at - 1];
    const after = known[at];
    if (isSame(before, place)) {
      before.end = end;
      before.agree += agree;
      if (isSame(after, place)) {
        before.end = after.end;
        before.agree += after.agree;
        known.splice(at, 1);
      }
    } else if (isSame(after, place)) {
      after.start = start;
      after.agree += agree;
    } else known.splice(at, 0, place);
    if (known.length > MOST) this.#forgetSome();
  }

  #forgetSome(): void {
    const believed = this.#known.filter(({ agree }) => agree >= BELIEVED);
    this.#known = believed.length > MOST / 2 ? [] : believed;
  }

  /** Forgets [start, end); returns where in the list it would be. */
  #cut(start: number, end: number): number {
    const known = this.#known;
    let at = this.#find(start);
    const first = known[at];
    if (first !== undefined && first.start < start) {
      if (first.end > end) known.splice(at + 1, 0, { ...first, start: end });
      first.end = start;
      at++;
    }
    let to = at;
    while (to < known.length && (known[to] as Known).end <= end) to++;
    if (to > at) known.splice(at, to - at);
    const after = known[at];
    if (after !== undefined && after.start < end) after.start = end;
    return at;
  }

  /** [start, end) in parts, of each of which one file is believed to lie there, or nothing is. */
  partsOf(start: number, end: number): DiskPart[] {
    const parts: DiskPart[] = [];
    let sector = start;
    for (let at = this.#find(start); sector < end; at++) {
      const next = this.#known[at];
      const from = Math.min(end, next?.start ?? end);
      if (from > sector) parts.push({ start: sector, end: from, inode: undefined, page: 0 });
      sector = Math.max(sector, from);
      if (next === undefined || sector >= end) break;
      const to = Math.min(end, next.end);
      const part = this.#part(sector, to, next);
      parts.push(next.agree >= BELIEVED ? part : { ...part, inode: undefined });
      sector = to;
    }
    return parts;
  }

  /** What would lie in [start, end) if a file close to it went on there. */
  beside(start: number, end: number): DiskPart[] {
    const at = this.#find(start);
    const close = this.#known
      .slice(Math.max(0, at - CLOSE), at + CLOSE)
      .filter(({ agree }) => agree >= BELIEVED);
    const before = close.findLast((known) => known.end <= start);
    const after = close.find((known) => known.start >= end);
    return [before, after].flatMap((known) =>
      known === undefined ? [] : [this.#part(start, end, known)],
    );
  }

  pagesIn({ start, end }: DiskPart): number {
    return Math.ceil((end - start) / this.sectors_per_page);
  }

  #part(start: number, end: number, { inode, origin }: Known): DiskPart {
    return { start, end, inode, page: (start - origin) / this.sectors_per_page };
  }

  /** Position of the first one that ends behind the sector. */
  #find(sector: number): number {
    let low = 0;
    let high = this.#known.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#known[middle] as Known).end > sector) high = middle;
      else low = middle + 1;
    }
    return low;
  }
}

const isSame = (other: Known | undefined, { inode, origin }: Known): other is Known =>
  other !== undefined && other.inode === inode && other.origin === origin;
