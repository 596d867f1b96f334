/** The columns of the tables of reclaim (reclaim-episodes.ts). */
import { ColumnLists } from './column-lists.ts';

export const episodeLists = (reserved: number) =>
  new ColumnLists(
    {
      ts_ns: 'ns',
      seq: 'seq',
      /** direct, memcg, memcg_softlimit, node or kswapd. */
      kind: 'text',
      pid: 'id',
      comm: 'text',
      /** NaN while it was still open at the end of the trace. */
      end_ns: 'ns',
      order: 'none',
      gfp_flags: 'text',
      /** As the end of the episode reports it. */
      nr_reclaimed_pages: 'pages',
      batches: 'count',
      scanned_pages: 'pages',
      reclaimed_pages: 'pages',
      dirty_pages: 'pages',
      writeback_pages: 'pages',
      congested_pages: 'pages',
      immediate_pages: 'pages',
      lowest_priority: 'none',
      slab_calls: 'count',
      slab_freed: 'count',
      throttled: 'count',
      throttled_us: 'us',
      folios_written: 'count',
    },
    reserved,
  );
export const kswapdLists = () =>
  new ColumnLists({
    ts_ns: 'ns',
    seq: 'seq',
    pid: 'id',
    nid: 'none',
    /** NaN when it did not go to sleep again. */
    end_ns: 'ns',
    passes: 'count',
  });
export const unqueuedLists = () =>
  new ColumnLists({
    ts_ns: 'ns',
    seq: 'seq',
    /** When the pages were taken off the list: the flushers were woken between the two. */
    isolated_ns: 'ns',
    pid: 'id',
    comm: 'text',
    taken_pages: 'pages',
    dirty_pages: 'pages',
  });
