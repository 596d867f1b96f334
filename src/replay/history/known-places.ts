/**
 * Bios of files that are written again: where their blocks lie is known by then (disk-places.ts),
 * so that a bio tells which folios it holds. That matters where only parts of large folios are
 * dirty (fs/ext4/page-io.c writes the dirty blocks): the bio is smaller than what ends with it.
 */
import type { DiskPart, DiskPlaces } from './disk-places.ts';
import { ALL_BITS, CLAIMED_BIT, type Inode, WRITEBACK_BIT } from './inodes.ts';
import type { Place, Run, WriteQueue } from './write-queue.ts';

/**
 * The runs of what is known to lie where the bio writes, and of the rest those in order; undefined
 * if nothing is known.
 */
export function takeKnown(
  queue: WriteQueue,
  place: Place,
  fits: (run: Run) => boolean,
): Run[] | undefined {
  const { places } = queue;
  const parts = places.partsOf(place.start, place.end).map((part) => knownPart(queue, part));
  if (parts.every(({ inode }) => inode === undefined)) return undefined;
  const taken = parts.flatMap((part) => takePart(queue, part, place));
  for (const part of parts) {
    const pages = missingPages(places, part, taken);
    if (pages === 0) continue;
    const { start, end } = part;
    taken.push(...queue.take(pages, fits, { ...place, start, end, pages }));
  }
  return taken;
}

/** Where in the file the bio of its writer lies, if all of it is known: ranges of pages. */
export function knownRanges(
  { places }: WriteQueue,
  inode: Inode,
  { start, end }: Place,
): { start: number; end: number }[] {
  const isThere = (part: DiskPart) => part.inode === inode && hasPages(places, part, ALL_BITS);
  const ranges: { start: number; end: number }[] = [];
  for (const part of places.partsOf(start, end)) {
    const found = [part, ...places.beside(part.start, part.end)].find(isThere);
    if (found === undefined) return [];
    ranges.push({ start: found.page, end: found.page + places.pagesIn(found) });
  }
  return ranges;
}

/**
 * The part, with its file if pages of that are being written there. Where nothing is known, files
 * may go on that lie beside it, but for what they have newly mapped.
 */
function knownPart(queue: WriteQueue, part: DiskPart): DiskPart {
  const { places } = queue;
  const isWriting = (one: DiskPart) => hasPages(places, one, CLAIMED_BIT | WRITEBACK_BIT);
  if (isWriting(part)) return part;
  const goesOn = places.beside(part.start, part.end).find((one) => {
    const { inode, page } = one;
    if (inode === undefined || !isWriting(one)) return false;
    const first = inode.folioAt(page)?.start ?? page;
    return queue.beginsAt(inode, page) || (first !== page && queue.beginsAt(inode, first));
  });
  return goesOn ?? { ...part, inode: undefined };
}

/** Is any of the part's pages in one of the states? */
function hasPages(places: DiskPlaces, part: DiskPart, bits: number): boolean {
  let found = false;
  part.inode?.pages.visit(part.page, part.page + places.pagesIn(part), (_start, _end, value) => {
    found = (value & bits) !== 0;
    return !found;
  });
  return found;
}

/** What waits of the folios that lie there. Those of which the next bio writes more wait on. */
function takePart(queue: WriteQueue, part: DiskPart, place: Place): Run[] {
  const { inode, page } = part;
  if (inode === undefined) return [];
  const behind = page + queue.places.pagesIn(part);
  const last = inode.folioAt(behind - 1);
  const lastEnd = last === undefined ? behind : Math.max(behind, last.start + last.pages);
  const isCut = last !== undefined && lastEnd > behind && place.goesOnAt(part.end);
  return queue.takePages(inode, inode.folioAt(page)?.start ?? page, isCut ? last.start : lastEnd);
}

/**
 * Pages of the part that did not wait, although they are written here: which ones were claimed is
 * partly guessed, and others wait in their stead. Parts of folios may have gone with other bios.
 */
function missingPages(places: DiskPlaces, part: DiskPart, taken: readonly Run[]): number {
  const pages = places.pagesIn(part);
  const { inode, page } = part;
  if (inode === undefined) return pages;
  const first = inode.folioAt(page);
  const last = inode.folioAt(page + pages - 1);
  const isCutBefore = first !== undefined && first.start < page;
  const isCutBehind = last !== undefined && last.start + last.pages > page + pages;
  const from = isCutBefore ? first.start + first.pages : page;
  const to = isCutBehind ? last.start : page + pages;
  let missing = Math.max(0, to - from);
  for (const run of taken) {
    if (run.inode !== inode) continue;
    missing -= Math.max(0, Math.min(run.end, to) - Math.max(run.start, from));
  }
  return Math.max(0, missing);
}
