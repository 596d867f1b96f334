/**
 * Tree nodes in the page cache of a hidden inode, today's kernels: btrfs counts them as file pages
 * (fs/btrfs/disk-io.c, btree_dirty_folio; mm/page-writeback.c). Counters: those of ordinary pages.
 * Nodes smaller than a page share it: the page is dirty, or under writeback, while one of them is.
 * Not modelled: memory cgroups, and AS_KERNEL_FILE of 6.18, which charges them to the root.
 */
import type { DataEvent } from './history.ts';
import { addDirty, addWriteback, ORDINARY_COUNTERS, postPages } from './ordinary.ts';
import { PageCover } from './page-cover.ts';
import { chargeOf, type Desk, type PolicyFactory } from './policy.ts';
import { treeUsage } from './tree-usage.ts';

export const btreeInodePages: PolicyFactory = (facts) => {
  const pageSize = facts.switches['metadata.page-size'] ?? facts.page_size;
  const covers = { dirty: new PageCover(pageSize), writeback: new PageCover(pageSize) };
  /** Pages of the recorded size, which the counters are in, of one hidden page. */
  const scale = pageSize / facts.page_size;
  const pagesOf = (which: keyof typeof covers, event: DataEvent, sign: number): number =>
    scale * covers[which].add(event.file, event.start, sign * event.bytes);
  const post = (event: DataEvent, desk: Desk): void => {
    switch (event.kind) {
      case 'dirty': {
        const pages = pagesOf('dirty', event, 1);
        postPages(event, pages, desk);
        if (pages > 0) desk.charge(chargeOf(event, pages));
        return;
      }
      case 'claim':
      case 'cancel':
        // A page that other nodes keep dirty moves nothing.
        postPages(event, -pagesOf('dirty', event, -1), desk);
        return;
      case 'redirty':
      case 'find-dirty':
        postPages(event, pagesOf('dirty', event, 1), desk);
        return;
      case 'start-writeback':
      case 'find-writeback':
        postPages(event, pagesOf('writeback', event, 1), desk);
        return;
      case 'end-writeback':
        postPages(event, -pagesOf('writeback', event, -1), desk);
        return;
      case 'discard':
        return;
      case 'adopt':
        found(event, desk, 1);
        return;
      case 'disown':
        found(event, desk, -1);
        return;
    }
  };
  /** From the unknown pages, which are ordinary ones, or back to them. */
  const found = (event: DataEvent, { book }: Desk, sign: number): void => {
    const pages = (sign * event.bytes) / facts.page_size;
    if (event.account === 'dirty') {
      addDirty(book, -pages, 0);
      addDirty(book, pagesOf('dirty', event, sign), event.wb);
    } else if (event.account === 'writeback') {
      addWriteback(book, -pages, 0);
      addWriteback(book, pagesOf('writeback', event, sign), event.wb);
    }
  };
  const usage = treeUsage(facts, pageSize);
  return {
    counters: ORDINARY_COUNTERS,
    account(event, desk) {
      if (event.pageClass !== 'metadata') return false;
      post(event, desk);
      return true;
    },
    observe: usage.observe,
    usage: usage.add,
    peakMemory: usage.peak,
  };
};
