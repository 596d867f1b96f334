/**
 * Ordinary page-cache accounting, the policy under all others (mm/page-writeback.c:
 * folio_account_dirtied, folio_account_cleaned, folio_clear_dirty_for_io,
 * folio_redirty_for_writepage, __folio_start_writeback, __folio_end_writeback).
 * Not modelled: memory cgroups, zones (all are one), swap and shmem.
 */
import type { CounterBook, CounterName } from './counters.ts';
import type { DataEvent } from './history.ts';
import { shownLevel } from './long-bits.ts';
import { chargeOf, type Desk, type Policy, type RunFacts } from './policy.ts';

export const ORDINARY_COUNTERS = [
  'NR_FILE_DIRTY',
  'NR_WRITEBACK',
  'NR_DIRTIED',
  'NR_WRITTEN',
  'WB_RECLAIMABLE',
  'WB_WRITEBACK',
  'WB_DIRTIED',
  'WB_WRITTEN',
] as const satisfies readonly CounterName[];

export function ordinary(facts: RunFacts): Policy {
  const level = shownLevel(facts);
  return {
    counters: ORDINARY_COUNTERS,
    account(event, desk) {
      const pages = event.bytes / desk.facts.page_size;
      postPages(event, pages, desk);
      if (event.kind === 'dirty') desk.charge(chargeOf(event, pages));
      return true;
    },
    inputs(book, inputs) {
      inputs.nr_dirty += level(book.get('NR_FILE_DIRTY'));
      inputs.nr_writeback += level(book.get('NR_WRITEBACK'));
    },
    bandwidth: (book, wb) => ({
      dirtied: book.of('WB_DIRTIED', wb),
      written: book.of('WB_WRITTEN', wb),
    }),
    wbDirty: (book, wb) => book.of('WB_RECLAIMABLE', wb) + book.of('WB_WRITEBACK', wb),
  };
}

/** The ordinary postings for so many pages of a bdi. */
export function postPages(event: DataEvent, pages: number, { book, facts }: Desk): void {
  const { kind, wb } = event;
  switch (kind) {
    case 'dirty':
      book.add('NR_DIRTIED', pages);
      book.add('WB_DIRTIED', pages, wb);
      book.add('task_write_bytes', pages * facts.page_size);
      addDirty(book, pages, wb);
      return;
    case 'redirty':
    case 'find-dirty':
      addDirty(book, pages, wb);
      return;
    case 'claim':
      addDirty(book, -pages, wb);
      return;
    case 'cancel':
      addDirty(book, -pages, wb);
      book.add('cancelled_write_bytes', pages * facts.page_size);
      return;
    case 'start-writeback':
    case 'find-writeback':
      addWriteback(book, pages, wb);
      return;
    case 'end-writeback':
      addWriteback(book, -pages, wb);
      book.add('NR_WRITTEN', pages);
      book.add('WB_WRITTEN', pages, wb);
      book.add('completions', pages, wb);
      return;
    case 'discard':
      return;
    case 'adopt':
    case 'disown':
      adoptPages(event, pages, book);
      return;
  }
}

/** Pages of bdi 0 are recognised as another's, or the other way round; node counters stay. */
function adoptPages({ kind, account, wb }: DataEvent, pages: number, book: CounterBook): void {
  const name = account === 'writeback' ? 'WB_WRITEBACK' : 'WB_RECLAIMABLE';
  if (account === 'claimed') return;
  const [from, to] = kind === 'adopt' ? [0, wb] : [wb, 0];
  book.add(name, -pages, from);
  book.add(name, pages, to);
}

export function addDirty(book: CounterBook, pages: number, wb: number): void {
  book.add('NR_FILE_DIRTY', pages);
  book.add('NR_ZONE_WRITE_PENDING', pages);
  book.add('WB_RECLAIMABLE', pages, wb);
}

export function addWriteback(book: CounterBook, pages: number, wb: number): void {
  book.add('NR_WRITEBACK', pages);
  book.add('NR_ZONE_WRITE_PENDING', pages);
  book.add('WB_WRITEBACK', pages, wb);
}
