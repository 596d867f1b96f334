/** What each derived edge rests on, counted in pages. */

/** Edges of a page's life that have no event of their own, and what can stand for each. */
const EVIDENCE = {
  dirty: {
    event: 'writeback_dirty_folio',
    redirty: 'writeback_dirty_folio for a page that its writer had claimed',
  },
  claim: {
    'folio-event': 'an event that names the folio being written',
    extent: 'an extent that the file system maps for writing',
    'write-count': 'the number of pages that a writepages call says it wrote',
    'wbc-count': 'wbc_writepage: one folio, in order of index',
    bio: 'a bio of the task that writes the inode',
    'inode-wrote': 'writeback_single_inode: pages written, in order of index',
    'inode-state': 'writeback_single_inode: no dirty pages are left',
    'dirtied-again': 'the folio was dirtied again, so it had been cleaned',
    completion: 'the data came back, so it had been written',
    'given-back': 'its writer dirtied it again, so it had claimed it',
  },
  end: {
    bio: 'completion of the request or bio that holds the page',
    'fuse-request': 'fuse_request_end of the write',
    'ordered-extent': 'btrfs_finish_ordered_extent of the range',
    'inode-clear': 'sb_clear_inode_writeback: the last page of the inode came back',
    'written-again': 'the folio was written again, so the first writing had ended',
    deleted: 'the folio left the page cache, so its writing had ended',
    'nothing-written': 'its writer gave all of it back, and no bio came',
  },
  cancel: {
    deleted: 'the dirty folio left the page cache',
    'counter-delta': 'nr_dirty fell while pages of before the replay left the page cache',
    freed: 'a tree node was used again or is not dirty any more without having been written',
  },
} as const;
export type Edge = keyof typeof EVIDENCE;

export type EvidenceCounts = {
  readonly [E in Edge]: { readonly [K in keyof (typeof EVIDENCE)[E]]: number };
};

const LABELS = Object.entries(EVIDENCE).flatMap(([edge, kinds]) =>
  Object.keys(kinds).map((kind) => `${edge}:${kind}`),
);

/** Codes of the evidence, so that counting is an array access. */
export const evidenceCode = <E extends Edge>(
  edge: E,
  kind: keyof (typeof EVIDENCE)[E] & string,
): number => LABELS.indexOf(`${edge}:${kind}`);

export class EvidenceTally {
  readonly #pages = new Float64Array(LABELS.length);

  add(code: number, pages: number): void {
    this.#pages[code] = (this.#pages[code] as number) + pages;
  }

  counts(): EvidenceCounts {
    const groups = Object.entries(EVIDENCE).map(([edge, kinds]) => [
      edge,
      Object.fromEntries(
        Object.keys(kinds).map((kind) => [kind, this.#pages[LABELS.indexOf(`${edge}:${kind}`)]]),
      ),
    ]);
    return Object.fromEntries(groups) as EvidenceCounts;
  }
}
