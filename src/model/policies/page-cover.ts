/**
 * Which pages hold at least one byte of something, for pages of any size: nodes smaller than a page
 * share it, larger ones have several. A page counts from the first byte to the last.
 */
export class PageCover {
  readonly #pageSize: number;
  readonly #files = new Map<number, PageBytes>();
  /** Of what has no place. */
  #loose = 0;

  constructor(pageSize: number) {
    this.#pageSize = pageSize;
  }

  /** Adds bytes (takes them away, if negative); returns by how many pages the cover changed. */
  add(file: number, start: number, bytes: number): number {
    if (start < 0) return this.#addLoose(bytes);
    const pages = this.#pagesOf(file);
    const amount = Math.abs(bytes);
    const sign = Math.sign(bytes);
    let changed = 0;
    for (let at = start; at < start + amount; ) {
      const page = Math.floor(at / this.#pageSize);
      const end = Math.min((page + 1) * this.#pageSize, start + amount);
      const before = pages.at(page);
      const after = before + sign * (end - at);
      pages.set(page, after);
      changed += Number(after > 0) - Number(before > 0);
      at = end;
    }
    return changed;
  }

  /** Bytes that the page around a place holds. */
  bytesAt(file: number, start: number): number {
    return this.#files.get(file)?.at(Math.floor(start / this.#pageSize)) ?? 0;
  }

  #addLoose(bytes: number): number {
    const before = Math.ceil(this.#loose / this.#pageSize);
    this.#loose += bytes;
    return Math.ceil(this.#loose / this.#pageSize) - before;
  }

  #pagesOf(file: number): PageBytes {
    let pages = this.#files.get(file);
    if (pages === undefined) {
      pages = new PageBytes();
      this.#files.set(file, pages);
    }
    return pages;
  }
}

const GROUP = 64;
type Group = { readonly bytes: Float64Array; used: number };

/**
 * Bytes in each page that has any. In groups of neighbours, because what is touched together lies
 * together: 7 M nodes took 1.7 s with an entry a page in a Map, and 0.4 s so.
 */
class PageBytes {
  readonly #groups = new Map<number, Group>();
  #number = -1;
  #group: Group | undefined;

  at(page: number): number {
    return this.#find(Math.floor(page / GROUP))?.bytes[page % GROUP] ?? 0;
  }

  set(page: number, bytes: number): void {
    const number = Math.floor(page / GROUP);
    const group = this.#find(number) ?? this.#make(number);
    const place = page % GROUP;
    group.used += Number(bytes !== 0) - Number(group.bytes[place] !== 0);
    group.bytes[place] = bytes;
    if (group.used > 0) return;
    this.#groups.delete(number);
    this.#group = undefined;
  }

  #find(number: number): Group | undefined {
    if (number !== this.#number) {
      this.#number = number;
      this.#group = this.#groups.get(number);
    }
    return this.#group;
  }

  #make(number: number): Group {
    const group = { bytes: new Float64Array(GROUP), used: 0 };
    this.#groups.set(number, group);
    this.#group = group;
    return group;
  }
}
