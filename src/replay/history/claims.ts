/**
 * Claiming pages for writing. Events name them with more or less precision: a folio, a range of
 * which the dirty pages are meant, or only a number of pages in order of index. What was claimed
 * waits in the queue of the device that it will be written to.
 */
import { DIRTY_BIT, type Inode } from './inodes.ts';
import type { IoEnd } from './io-ends.ts';
import type { Scene, Task } from './scene.ts';
import { pagesOf, type Run } from './write-queue.ts';

export type ClaimOptions = {
  readonly evidence: number;
  readonly sync: boolean;
  /** Device whose bios will carry the pages; undefined when they are not matched with bios. */
  readonly dev: number | undefined;
  /** The mapped extent that the pages lie in, contiguous on disk. */
  readonly extent?: number;
  /** With which others the pages come back. */
  readonly ioEnd?: IoEnd | undefined;
  /** The task goes on to write the folio only with its next event. */
  readonly pending?: Task;
};

/** The dirty pages of [start, end). Returns how many. */
export function claimRange(
  scene: Scene,
  inode: Inode,
  start: number,
  end: number,
  options: ClaimOptions,
): number {
  let claimed = 0;
  let at = start;
  for (;;) {
    const next = nextDirty(inode, at, end);
    if (next === undefined) return claimed;
    claimed += scene.pages.claim(inode, next.start, next.end, options.evidence);
    follow(scene, inode, next.start, next.end, options);
    at = next.end;
  }
}

/** The pages of one folio, also those that nothing said were dirty. */
export function claimFolio(
  scene: Scene,
  inode: Inode,
  start: number,
  end: number,
  options: ClaimOptions,
): number {
  const known = scene.pages.claim(inode, start, end, options.evidence);
  const before = scene.pages.unseenDirty;
  const missing =
    known === end - start ? 0 : scene.pages.claimUnseen(inode, start, end, options.evidence);
  if (before <= 0) noteShortage(scene, missing);
  follow(scene, inode, start, end, options);
  return end - start;
}

/**
 * The next `count` dirty pages from `from` on, then from the beginning of the file, then pages that
 * were dirty before the replay began. Returns where the last one ended.
 */
export function claimNext(
  scene: Scene,
  inode: Inode,
  from: number,
  count: number,
  options: ClaimOptions,
): number {
  let left = count;
  let at = from;
  let limit = Number.POSITIVE_INFINITY;
  while (left > 0) {
    const next = nextDirty(inode, at, limit);
    if (next === undefined) {
      if (limit === from || from === 0) break;
      limit = from;
      at = 0;
      continue;
    }
    const end = Math.min(next.end, next.start + left);
    const claimed = scene.pages.claim(inode, next.start, end, options.evidence);
    inode.guessed += claimed;
    left -= claimed;
    follow(scene, inode, next.start, end, options);
    at = end;
  }
  if (left > 0) claimAnonymous(scene, inode, left, options);
  return at;
}

function claimAnonymous(scene: Scene, inode: Inode, pages: number, options: ClaimOptions): void {
  const missing = scene.pages.takeUnplaced(inode, pages, options.evidence);
  noteShortage(scene, missing);
  scene.pages.post('start-writeback', inode, pages);
  inode.anonymous += pages;
  // Otherwise only the end of all the inode's writeback tells of theirs.
  if (!waits(scene, options)) return;
  const run = scene.runOf(inode, 0, 0, options.sync);
  run.anonymous = pages;
  wait(scene, run, options);
}

/** Pages were written of which nothing said that they were dirty, and none are left unknown. */
function noteShortage(scene: Scene, pages: number): void {
  if (pages <= 0 || !scene.isAnchored) return;
  scene.shortage += pages;
  scene.note('clean_without_dirty', pages);
}

function follow(
  scene: Scene,
  inode: Inode,
  start: number,
  end: number,
  options: ClaimOptions,
): void {
  const { sync, pending } = options;
  if (pending === undefined) scene.pages.start(inode, start, end);
  else pending.pending = { inode, start, end };
  if (waits(scene, options)) wait(scene, scene.runOf(inode, start, end, sync), options);
}

type Waiting = ClaimOptions & { readonly dev: number };

/** Where no event takes from the queues, they would only grow: one run a claim. */
const waits = (scene: Scene, options: ClaimOptions): options is Waiting =>
  options.dev !== undefined && scene.hasTakers;

/** What was claimed waits for its bio. */
function wait(scene: Scene, run: Run, { dev, extent, ioEnd }: Waiting): void {
  run.extent = extent ?? 0;
  if (ioEnd !== undefined) {
    run.ioEnd = ioEnd;
    ioEnd.left += pagesOf(run);
  }
  scene.queue(dev).push(run);
}

/** The first stretch of dirty pages in [from, to). */
export function nextDirty(
  inode: Inode,
  from: number,
  to: number,
): { start: number; end: number } | undefined {
  return inode.pages.firstWith(DIRTY_BIT, from, to);
}
