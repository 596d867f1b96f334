/**
 * Which pages hold at least one byte of something, for pages of any size: nodes smaller than a page
 * share it, larger ones have several. A page counts from the first byte to the last.
 */
export class PageCover {
  readonly #pageSize: number;
  /** Bytes in each page that has any, by file. */
  readonly #files = new Map<number, Map<number, number>>();
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
      const before = pages.get(page) ?? 0;
      const after = before + sign * (end - at);
      if (after === 0) pages.delete(page);
      else pages.set(page, after);
      changed += Number(after > 0) - Number(before > 0);
      at = end;
    }
    return changed;
  }

  /** Bytes that the page around a place holds. */
  bytesAt(file: number, start: number): number {
    return this.#files.get(file)?.get(Math.floor(start / this.#pageSize)) ?? 0;
  }

  #addLoose(bytes: number): number {
    const before = Math.ceil(this.#loose / this.#pageSize);
    this.#loose += bytes;
    return Math.ceil(this.#loose / this.#pageSize) - before;
  }

  #pagesOf(file: number): Map<number, number> {
    let pages = this.#files.get(file);
    if (pages === undefined) {
      pages = new Map();
      this.#files.set(file, pages);
    }
    return pages;
  }
}
