/**
 * Events of which no command but `tables` reads more than the columns that all events have: their
 * own columns are not decoded. They are the frequent ones, so that it is worth it; an event that is
 * not named here is read. Who begins to read one takes it off (test/cli/unread-events.test.ts).
 */
export const UNREAD_EVENTS: ReadonlySet<string> = new Set([
  'flush_foreign',
  'writeback_dirty_inode',
  'writeback_lazytime',
  'iomap_iter_srcmap',
  'iomap_readahead',
  'iomap_invalidate_folio',
  'xfs_iomap_found',
  'ext4_mark_inode_dirty',
]);

/** Frequent, and of use to `replay` alone: to which cgroup a folio is charged. */
const OF_REPLAY = 'track_foreign_dirty';

/** What commands keep of an event, by its canonical name. When it was written tells who ran. */
export function keepUnlessUnread(event: string): 'columns' | 'base' {
  return event === OF_REPLAY ? 'base' : keepForReplay(event);
}

export function keepForReplay(event: string): 'columns' | 'base' {
  return UNREAD_EVENTS.has(event) ? 'base' : 'columns';
}
