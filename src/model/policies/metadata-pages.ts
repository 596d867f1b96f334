/**
 * Metadata accounted in pages: the earlier postings by Josef Bacik, "[V2] 0/3" of 22 Aug 2016 and
 * those of 8 and 9 Nov 2017. Never merged. Counters: NR_METADATA_DIRTY and WB_METADATA_DIRTY, and
 * dirtying also moves NR_ZONE_WRITE_PENDING, NR_DIRTIED, WB_RECLAIMABLE and WB_DIRTIED; writeback
 * uses the ordinary counters, but its end moves NR_WRITTEN and neither WB_WRITTEN nor completions:
 * the estimate of the bdi's bandwidth and its share of the limit do not see metadata.
 * Not modelled: meminfo rows that print pages as kB (9 Nov 2017).
 */
import type { CounterBook } from './counters.ts';
import type { DataEvent } from './history.ts';
import { adoptTree, chargeTree } from './metadata-common.ts';
import { addWriteback, ORDINARY_COUNTERS } from './ordinary.ts';
import { PageCover } from './page-cover.ts';
import type { Desk, PolicyFactory } from './policy.ts';
import { treeUsage } from './tree-usage.ts';

export const metadataPages: PolicyFactory = (facts) => {
  const pageSize = facts.switches['metadata.page-size'] ?? facts.page_size;
  const scale = pageSize / facts.page_size;
  const covers = { dirty: new PageCover(pageSize), writeback: new PageCover(pageSize) };
  const charge = chargeTree(facts);
  const usage = treeUsage(facts, pageSize);
  const pagesOf = (which: keyof typeof covers, event: DataEvent, sign: number): number =>
    scale * covers[which].add(event.file, event.start, sign * event.bytes);
  return {
    counters: [...ORDINARY_COUNTERS, 'NR_METADATA_DIRTY', 'WB_METADATA_DIRTY'],
    account(event, desk) {
      if (event.pageClass !== 'metadata') return false;
      post(event, desk, pagesOf);
      charge(event, desk);
      return true;
    },
    observe: usage.observe,
    inputs(book, inputs) {
      inputs.nr_dirty += book.get('NR_METADATA_DIRTY');
    },
    usage: usage.add,
    peakMemory: usage.peak,
  };
};

function dirtyPages(book: CounterBook, pages: number, wb: number): void {
  book.add('NR_METADATA_DIRTY', pages);
  book.add('WB_METADATA_DIRTY', pages, wb);
  book.add('NR_ZONE_WRITE_PENDING', pages);
  book.add('WB_RECLAIMABLE', pages, wb);
}

type PagesOf = (which: 'dirty' | 'writeback', event: DataEvent, sign: number) => number;

function post(event: DataEvent, desk: Desk, pagesOf: PagesOf): void {
  const { book, facts } = desk;
  const { kind, wb } = event;
  switch (kind) {
    case 'dirty': {
      const pages = pagesOf('dirty', event, 1);
      book.add('NR_DIRTIED', pages);
      book.add('WB_DIRTIED', pages, wb);
      book.add('task_write_bytes', pages * facts.page_size);
      dirtyPages(book, pages, wb);
      return;
    }
    case 'redirty':
    case 'find-dirty':
      dirtyPages(book, pagesOf('dirty', event, 1), wb);
      return;
    case 'claim':
    case 'cancel': {
      const pages = -pagesOf('dirty', event, -1);
      if (kind === 'cancel') book.add('cancelled_write_bytes', pages * facts.page_size);
      dirtyPages(book, -pages, wb);
      return;
    }
    case 'start-writeback':
    case 'find-writeback':
      addWriteback(book, pagesOf('writeback', event, 1), wb);
      return;
    case 'end-writeback': {
      const pages = -pagesOf('writeback', event, -1);
      book.add('NR_WRITTEN', pages);
      addWriteback(book, -pages, wb);
      return;
    }
    case 'discard':
      return;
    case 'adopt':
    case 'disown':
      adoptTree(event, desk, {
        dirtyBytes: (into, bytes) => dirtyPages(into, pagesOf('dirty', { ...event, bytes }, 1), wb),
        writebackBytes: (into, bytes) =>
          addWriteback(into, pagesOf('writeback', { ...event, bytes }, 1), wb),
      });
      return;
  }
}
