/**
 * What can happen to pages on their way through the page cache, as a closed set of operations.
 * Sources: mm/page-writeback.c (folio_account_dirtied, folio_clear_dirty_for_io,
 * __folio_start_writeback, __folio_end_writeback, folio_redirty_for_writepage), mm/truncate.c
 * (truncate_cleanup_folio), all of Linux 6.18.
 */

/**
 * What the pages hold. Traces tell the first three (and `unknown`, of pages that nothing was said
 * of); policies of other systems expand operations into postings of the rest.
 */
export const PAGE_CLASSES = [
  'file-data',
  /** Of a file system: in trees of its own, or in the page cache of its device. */
  'metadata',
  /** File data that a server in user space writes back. */
  'server-data',
  'journal',
  'copy',
  'block-state',
  'unknown',
] as const;
export type PageClass = (typeof PAGE_CLASSES)[number];

/**
 * Accounts of the ledger. `dirtied` and `unseen` are where pages come from, `written` and
 * `cancelled` where they go; `dirty`, `claimed` and `writeback` are levels.
 *
 *   dirtied + unseen = dirty + claimed + writeback + written + cancelled
 *
 * `unseen` are pages that must have been dirtied although no operation said so: before recording
 * began, or while events were lost.
 */
export const ACCOUNTS = [
  'dirtied',
  'unseen',
  'dirty',
  'claimed',
  'writeback',
  'written',
  'cancelled',
] as const;
export type Account = (typeof ACCOUNTS)[number];

export const DIRTIED = 0;
export const UNSEEN = 1;
export const DIRTY = 2;
export const CLAIMED = 3;
export const WRITEBACK = 4;
export const WRITTEN = 5;
export const CANCELLED = 6;

/** Sources are credited, everything else debited: what a posting adds to both of its accounts. */
export const isSource = (account: number): boolean => account <= UNSEEN;

/** Each operation moves pages from one account to another. */
export const OPERATIONS = {
  /** clean → dirty */
  dirty: { from: DIRTIED, to: DIRTY },
  /** Pages that were dirty when the replay learned of them. */
  'find-dirty': { from: UNSEEN, to: DIRTY },
  'find-writeback': { from: UNSEEN, to: WRITEBACK },
  /** dirty → taken for writing, in neither level */
  claim: { from: DIRTY, to: CLAIMED },
  'start-writeback': { from: CLAIMED, to: WRITEBACK },
  'end-writeback': { from: WRITEBACK, to: WRITTEN },
  /** The writer gives the page back; NR_DIRTIED does not count it again. */
  redirty: { from: CLAIMED, to: DIRTY },
  /** dirty → clean without having been written: truncation, invalidation */
  cancel: { from: DIRTY, to: CANCELLED },
  /** Claimed pages that turned out to need no writing (beyond the end of the file). */
  discard: { from: CLAIMED, to: CANCELLED },
} as const satisfies Record<string, { readonly from: number; readonly to: number }>;

export type OperationKind = keyof typeof OPERATIONS;

/** Pages of a holder (ledger.ts); its parts but the bdi may be left open. */
export type Operation = {
  readonly kind: OperationKind;
  readonly pages: number;
  /** Number of the writeback domain (bdi) that the pages belong to. */
  readonly wb: number;
  readonly pageClass?: PageClass;
  readonly wb_cgroup?: number;
  readonly memcg?: number;
  readonly node?: number;
};
