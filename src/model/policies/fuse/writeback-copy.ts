/**
 * Writing through a server that may never answer: which counters move at start and at the answer.
 *
 *   design-2007  mail of 15 November 2007: the page is copied, the original is clean at once;
 *                at most 32 requests in flight (fc->numwrite)
 *   temp-pages   2.6.26 (3be5a52b30aa) to 6.15: the same with a limit by share, not by number
 *   per-entry    6.16 and 6.17 (0c58a97f919c): no copy; FUSE counts WB_WRITEBACK itself, one for
 *                each entry of a request, whatever its size
 *   in-place     7.0 (change of 6.18): ordinary accounting
 *
 * Not modelled: highmem and zones, aborted connections, truncation during a write (numwrite biased
 * by INT_MIN), memory that the server itself dirties.
 */
import type { CounterBook, CounterName } from '../counters.ts';

export const COPY_ERAS = ['design-2007', 'temp-pages', 'per-entry', 'in-place'] as const;
export type CopyEra = (typeof COPY_ERAS)[number];

/** What a counter moves by: pages, or entries of the request. */
export type Move = readonly [counter: CounterName, per: 'page' | 'entry', sign: 1 | -1];

const up = (counter: CounterName): Move => [counter, 'page', 1];
const down = (counter: CounterName): Move => [counter, 'page', -1];

type Moves = { readonly start: readonly Move[]; readonly answer: readonly Move[] };

const PENDING_UP = [up('NR_WRITEBACK'), up('NR_ZONE_WRITE_PENDING')];
const PENDING_DOWN = [down('NR_WRITEBACK'), down('NR_ZONE_WRITE_PENDING')];

/** Of the original page; that it is in NR_WRITEBACK and in the copies' count is a moment's matter. */
const COPY = [up('NR_WRITEBACK_TEMP'), up('fuse_copied_pages')];
const END_ORIGINAL = [...PENDING_DOWN, up('NR_WRITTEN')];
const ANSWERED = [up('WB_WRITTEN'), up('completions')];

export const COPY_MOVES: Readonly<Record<CopyEra, Moves>> = {
  // WB_WRITEBACK from the start of writeback, not from the copy: the same to anyone who looks.
  'design-2007': {
    start: [up('WB_WRITEBACK'), ...PENDING_UP, ...COPY, ...END_ORIGINAL],
    answer: [down('WB_WRITEBACK'), down('NR_WRITEBACK_TEMP'), ...ANSWERED],
  },
  'temp-pages': {
    start: [...PENDING_UP, ...COPY, up('WB_WRITEBACK'), ...END_ORIGINAL],
    answer: [down('WB_WRITEBACK'), down('NR_WRITEBACK_TEMP'), ...ANSWERED],
  },
  'per-entry': {
    start: [...PENDING_UP, ['WB_WRITEBACK', 'entry', 1]],
    answer: [
      ...END_ORIGINAL,
      ['WB_WRITEBACK', 'entry', -1],
      ['WB_WRITTEN', 'entry', 1],
      ['completions', 'entry', 1],
    ],
  },
  'in-place': {
    start: [...PENDING_UP, up('WB_WRITEBACK')],
    answer: [...END_ORIGINAL, down('WB_WRITEBACK'), ...ANSWERED],
  },
};

/** Does a wait for the page's own writeback also wait for the server? */
export const waitsForAnswer = (era: CopyEra): boolean => era === 'per-entry' || era === 'in-place';

/**
 * sync(2), syncfs(2) and fsync(2) with a server that does not answer. fsync waits by the list of
 * the file system in every era. sync waits for page writeback, hence from 6.16 on; from 7.0
 * (SB_I_NO_DATA_INTEGRITY; January 2026, some 6.18 and 6.19 carry it back) it is only started.
 */
export function syncWaits(era: CopyEra, call: 'sync' | 'fsync', skipsFuse: boolean): boolean {
  return call === 'fsync' || (waitsForAnswer(era) && !skipsFuse);
}

export type Writing = { readonly wb: number; readonly pages: number; readonly entries: number };

export function postMoves(
  book: CounterBook,
  moves: readonly Move[],
  { wb, pages, entries }: Writing,
): void {
  for (const [counter, per, sign] of moves) {
    book.add(counter, sign * (per === 'page' ? pages : entries), wb);
  }
}

/**
 * Memory for the copy was not to be had. Until 5.10 at least, writeback was started and ended at
 * once; in 6.12 the copy is allocated first, so nothing moves. Either way the page is clean.
 */
export function postFailedCopy(book: CounterBook, pages: number, allocatesFirst: boolean): void {
  if (!allocatesFirst) book.add('NR_WRITTEN', pages);
}
