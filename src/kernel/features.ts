/**
 * What kernels do differently where the trace's format does not show it: one row a behaviour. This
 * is the only place that compares versions. Evidence in the trace wins over the release, because
 * distributions carry changes back.
 */
import { isAtLeast, parseRelease, type Release } from './release.ts';

type Version = readonly [major: number, minor: number];

type FeatureRow = {
  /** Last release read that lacks it; between it and `since` nothing is known. */
  readonly lacked?: Version;
  /** First release read that has it. */
  readonly since: Version;
  /** First release read that has it no more. */
  readonly until?: Version;
  /** File and place of the difference. */
  readonly subject: string;
};

const FEATURES = {
  /**
   * `limit` of balance_dirty_pages is max(thresh, dirty_limit) of the domain that was chosen;
   * before, it was the global dirty_limit alone.
   */
  limit_of_domain: {
    lacked: [6, 12],
    since: [6, 14],
    subject: 'mm/page-writeback.c: dtc->limit is taken in wb_position_ratio',
  },
  /**
   * A device's share of the threshold is at least a part of the free room. Before, only
   * wb_position_ratio raised it, unseen, and strictlimit let a device with less than 8 dirty pages
   * double its rate.
   */
  wb_thresh_floor: {
    lacked: [6, 12],
    since: [6, 17],
    subject: 'mm/page-writeback.c: __wb_calc_thresh keeps an eighth of the free room',
  },
  /** What a real-time dirtier is allowed beyond a quarter more: a 32nd of the tracked limit. */
  rt_boost_of_limit: {
    lacked: [4, 4],
    since: [4, 15],
    subject: 'mm/page-writeback.c, domain_dirty_limits: boost of a 32nd of dirty_limit',
  },
  /** Deadline tasks are boosted as real-time tasks are. */
  deadline_boost: {
    lacked: [6, 11],
    since: [6, 12],
    subject: 'mm/page-writeback.c, domain_dirty_limits: rt_or_dl_task',
  },
  /** Pages that NFS wrote but did not commit count on their own; since as under writeback. */
  unstable_nfs: {
    since: [2, 6],
    until: [5, 8],
    subject: 'include/linux/mmzone.h: NR_UNSTABLE_NFS',
  },
  /**
   * The write bandwidth is also updated at the end of do_writepages and by delayed work; before,
   * by each round of the flusher's loop.
   */
  flusher_bandwidth_updates: {
    lacked: [5, 10],
    since: [5, 15],
    subject: 'mm/page-writeback.c: wb_bandwidth_estimate_start, wb_update_bandwidth_workfn',
  },
  /** What earlier calls of a shrinker put off is taken up in proportion to the priority. */
  deferred_by_priority: {
    since: [5, 13],
    subject: 'mm: vmscan: shrink deferred objects proportional to priority',
  },
  /**
   * The flusher writes no tree nodes while fewer than 32 MiB are dirty, and none in periodic works.
   * Stable releases took its end over (5.15, 6.1.167, 6.8, 6.12.78), so evidence counts for more.
   */
  tree_write_gate: {
    since: [2, 6],
    until: [6, 19],
    subject: 'fs/btrfs/disk-io.c, btree_writepages: BTRFS_DIRTY_METADATA_THRESH',
  },
  /** A length of 32 bits is taken from a counter of 64: it grows by 2^32 with each node cleaned. */
  tree_counter_wraps: {
    lacked: [6, 1],
    since: [6, 8],
    until: [7, 2],
    subject: 'fs/btrfs/extent_io.c, lock_extent_buffer_for_io: -eb->len of an u32',
  },
  /** FUSE writes copies of pages, and their writeback ends when they are copied. */
  fuse_copies_pages: {
    since: [2, 6],
    until: [6, 16],
    subject: 'fs/fuse/file.c: fuse_writepage_args_page_fill and NR_WRITEBACK_TEMP',
  },
  /** Without copies FUSE counts WB_WRITEBACK itself, one an entry of a request. */
  fuse_counts_entries: {
    lacked: [6, 12],
    since: [6, 16],
    until: [6, 18],
    subject: 'fs/fuse/file.c: inc_wb_stat(wb, WB_WRITEBACK) of 6.17',
  },
  /** sync(2) starts the writeback of FUSE and does not wait for it. */
  fuse_sync_skips: {
    lacked: [6, 17],
    since: [7, 0],
    subject: 'fs/fuse/inode.c: SB_I_NO_DATA_INTEGRITY',
  },
  /** iomap keeps a dirty bit for each block and writes those blocks only. */
  iomap_dirty_bits: {
    lacked: [6, 1],
    since: [6, 6],
    subject: 'fs/iomap/buffered-io.c: struct iomap_folio_state',
  },
} as const satisfies Record<string, FeatureRow>;

export type Feature = keyof typeof FEATURES;

/** How the answer was found; shown beside every result that depends on it. */
export type FeatureState = {
  readonly on: boolean;
  readonly because: 'evidence' | 'release' | 'assumed';
  readonly subject: string;
};

/**
 * `evidence`: what the records themselves prove, undefined when they leave it open. Without
 * evidence and release the newest behaviour is assumed, and said to be.
 */
export function resolveFeature(
  feature: Feature,
  release: string | undefined,
  evidence: boolean | undefined,
): FeatureState {
  const { lacked, since, until, subject }: FeatureRow = FEATURES[feature];
  if (evidence !== undefined) return { on: evidence, because: 'evidence', subject };
  const parsed = parseRelease(release);
  if (parsed === undefined) return { on: until === undefined, because: 'assumed', subject };
  if (until !== undefined && isAtLeast(parsed, ...until)) {
    return { on: false, because: 'release', subject };
  }
  if (isAtLeast(parsed, ...since)) return { on: true, because: 'release', subject };
  // Strictly between the two releases read, the newer behaviour is no more than a guess.
  const isGap = lacked !== undefined && !isAtMost(parsed, lacked);
  return { on: isGap, because: isGap ? 'assumed' : 'release', subject };
}

function isAtMost(release: Release, [major, minor]: Version): boolean {
  return release.major < major || (release.major === major && release.minor <= minor);
}
