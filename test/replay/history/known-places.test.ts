/** Files that are written again: where their blocks lie tells which folios a bio holds. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { DiskPlaces } from '../../../src/replay/history/disk-places.ts';
import { DIRTY_BIT, Inode, WRITEBACK_BIT } from '../../../src/replay/history/inodes.ts';
import { knownRanges, takeKnown } from '../../../src/replay/history/known-places.ts';
import { WriteQueue } from '../../../src/replay/history/write-queue.ts';
import { waitingRun } from '../../helpers/waiting-run.ts';

const DEV = 7 * 2 ** 20;
const PER_PAGE = 8;
const tally = new Float64Array(256);

/** A bio of so many pages at a page of the device; `next`: one that begins behind it follows. */
const bio = (page: number, pages: number, next = false) => ({
  start: page * PER_PAGE,
  end: (page + pages) * PER_PAGE,
  pages,
  laterAt: () => 0,
  goesOnAt: () => next,
});

/** Pages [0, end) in folios of 16 pages, in a state. */
function file(id: number, end: number, state = WRITEBACK_BIT): Inode {
  const inode = new Inode(id, DEV, id);
  for (let at = 0; at < end; at += 16) inode.folios.change(at, at + 16, 0, 255, 5, tally);
  inode.pages.change(0, end, 0, 0, state, tally);
  return inode;
}

/** The file lies at page 100 of the device, which a mapped extent has shown. */
function writtenOnce(inode: Inode, end: number): WriteQueue {
  const queue = new WriteQueue(PER_PAGE);
  queue.push(waitingRun(inode, 0, end, 1));
  queue.take(end, () => true, bio(100, end));
  return queue;
}

const taken = (queue: WriteQueue, place: ReturnType<typeof bio>) =>
  takeKnown(queue, place, () => true)?.map(({ start, end }) => [start, end]);

describe('a file that is written again', () => {
  test('a bio of the dirty part of a folio holds all of the folio', () => {
    const inode = file(1, 64);
    const queue = writtenOnce(inode, 64);
    queue.push(waitingRun(inode, 0, 64));
    expect(taken(queue, bio(120, 4))).toEqual([[16, 32]]);
    // Another part of it: nothing waits any more, and nothing is missing.
    expect(taken(queue, bio(130, 2))).toEqual([]);
    expect(taken(queue, bio(132, 16))).toEqual([[32, 48]]);
    expect(queue.waiting).toBe(2);
  });

  test('a folio that the next bio goes on with waits for that', () => {
    const inode = file(1, 64);
    const queue = writtenOnce(inode, 64);
    queue.push(waitingRun(inode, 0, 64));
    expect(taken(queue, bio(100, 24, true))).toEqual([[0, 16]]);
    expect(taken(queue, bio(124, 8))).toEqual([[16, 32]]);
  });

  test('pages that were not taken for claimed are taken in order instead', () => {
    const inode = file(1, 32, DIRTY_BIT);
    inode.pages.change(0, 16, DIRTY_BIT, DIRTY_BIT, WRITEBACK_BIT, tally);
    const queue = writtenOnce(inode, 32);
    queue.push(waitingRun(inode, 0, 16));
    const other = file(2, 16);
    queue.push(waitingRun(other, 0, 16));
    expect(taken(queue, bio(100, 32))).toEqual([
      [0, 16],
      [0, 16],
    ]);
  });

  test('nothing is known where the file is clean, or of another place', () => {
    const inode = file(1, 32, DIRTY_BIT);
    const queue = writtenOnce(inode, 32);
    expect(taken(queue, bio(100, 16))).toBeUndefined();
    expect(taken(queue, bio(500, 16))).toBeUndefined();
  });

  test('its writer claims what lies where its bio goes', () => {
    const inode = file(1, 32, DIRTY_BIT);
    const queue = writtenOnce(inode, 32);
    expect(knownRanges(queue, inode, bio(104, 4))).toEqual([{ start: 4, end: 8 }]);
    // The file goes on behind what is known, but not where it has no pages.
    expect(knownRanges(queue, inode, bio(140, 4))).toEqual([]);
    expect(knownRanges(queue, file(2, 32), bio(104, 4))).toEqual([]);
  });

  test('one bio alone may have been guessed wrong', () => {
    const inode = file(1, 64);
    const queue = new WriteQueue(PER_PAGE);
    for (const page of [0, 16, 32]) {
      queue.push(waitingRun(inode, page, page + 16));
      queue.take(16, () => true, bio(100 + page, 16));
      queue.push(waitingRun(inode, page, page + 16));
      expect(taken(queue, bio(100 + page, 16))).toBeUndefined();
      queue.takePages(inode, 0, 64);
    }
    queue.push(waitingRun(inode, 48, 64));
    queue.take(16, () => true, bio(148, 16));
    queue.push(waitingRun(inode, 32, 48));
    expect(taken(queue, bio(132, 16))).toEqual([[32, 48]]);
  });
});

test('places are what was noted last, page by page', () => {
  const files = [new Inode(1, DEV, 1), new Inode(2, DEV, 2)];
  const note = fc.record({
    start: fc.nat(40),
    pages: fc.integer({ min: 1, max: 12 }),
    file: fc.nat(1),
    page: fc.nat(50),
  });
  fc.assert(
    fc.property(fc.array(note, { maxLength: 30 }), (notes) => {
      const places = new DiskPlaces(PER_PAGE);
      const naive = new Map<number, string>();
      for (const { start, pages, file: one, page } of notes) {
        const inode = files[one] as Inode;
        places.note(start * PER_PAGE, (start + pages) * PER_PAGE, inode, page, true);
        for (let at = 0; at < pages; at++) naive.set(start + at, `${one + 1}:${page + at}`);
      }
      const end = 60;
      const parts = places.partsOf(0, end * PER_PAGE);
      expect(parts.map(({ start }) => start)).toEqual(
        [0, ...parts.map((part) => part.end)].slice(0, -1),
      );
      for (const part of parts) {
        for (let at = 0; at < places.pagesIn(part); at++) {
          const own = naive.get(part.start / PER_PAGE + at);
          const found = part.inode && `${part.inode.id}:${part.page + at}`;
          // Between two places that agree, nothing was noted.
          if (own !== undefined || found === undefined) expect(found).toBe(own);
        }
      }
    }),
  );
});
