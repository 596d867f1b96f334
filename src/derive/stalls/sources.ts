/** The events that stalls are read from, by how each tells of a wait. */

/** System calls that return when data is on the device. */
export const SYNC_CALLS = ['fsync', 'fdatasync', 'sync', 'syncfs', 'msync', 'sync_file_range'];

/** The same inside of file systems: they also see calls of the kernel itself. */
export const SYNC_PAIRS: readonly (readonly [begin: string, end: string])[] = [
  ['ext4_sync_file_enter', 'ext4_sync_file_exit'],
  ['f2fs_sync_file_enter', 'f2fs_sync_file_exit'],
  ['nfs_fsync_enter', 'nfs_fsync_exit'],
];

/** Begins of a sync without an event at its end. */
export const SYNC_BEGINS = [
  'xfs_file_fsync',
  'xfs_dir_fsync',
  'btrfs_sync_file',
  'btrfs_sync_fs',
  'ext4_sync_fs',
  'f2fs_sync_fs',
];

export const SYNC_WORK = 'writeback_queue';

export const RECLAIM = ['direct', 'memcg', 'memcg_softlimit', 'node'].map(
  (kind) => `mm_vmscan_${kind}_reclaim`,
);

export const CONGESTION = ['writeback_congestion_wait', 'writeback_wait_iff_congested'];

/** System calls that may wait for an inode which the flusher works on. */
export const INODE_CALLS = [
  ...['write', 'writev', 'pwrite64', 'pwritev', 'pwritev2', 'sendfile64', 'copy_file_range'],
  ...['open', 'openat', 'openat2', 'creat', 'close', 'truncate', 'ftruncate', 'fallocate'],
  ...['unlink', 'unlinkat', 'rename', 'renameat', 'renameat2', 'link', 'linkat', 'symlink'],
  ...['mkdir', 'mkdirat', 'rmdir', 'newstat', 'newlstat', 'newfstat', 'newfstatat', 'statx'],
  ...['chmod', 'fchmod', 'fchmodat', 'chown', 'fchown', 'fchownat', 'utimensat', 'read', 'pread64'],
];

export const enterOf = (call: string): string => `sys_enter_${call}`;
export const exitOf = (call: string): string => `sys_exit_${call}`;

const PHASES = ['start_commit', 'commit_locking', 'commit_flushing', 'commit_logging'];

/** Every event whose columns stalls need; of all others only the times of tasks are used. */
export const STALL_EVENTS: readonly string[] = [
  'balance_dirty_pages',
  'folio_wait_writeback',
  'sb_clear_inode_writeback',
  ...SYNC_CALLS.flatMap((call) => [enterOf(call), exitOf(call)]),
  ...SYNC_PAIRS.flat(),
  ...SYNC_BEGINS,
  SYNC_WORK,
  ...RECLAIM.flatMap((kind) => [`${kind}_begin`, `${kind}_end`]),
  'mm_vmscan_throttled',
  ...CONGESTION,
  ...['mm_shrink_slab_start', 'mm_shrink_slab_end'],
  ...['fuse_request_send', 'fuse_request_end'],
  ...[...PHASES, 'end_commit', 'run_stats', 'lock_buffer_stall'].map((step) => `jbd2_${step}`),
  ...['xfs_log_force', 'btrfs_transaction_commit', 'btrfs_reserve_ticket'],
  ...INODE_CALLS.flatMap((call) => [enterOf(call), exitOf(call)]),
  ...['sched_switch', 'writeback_single_inode_start', 'writeback_single_inode'],
  ...['writeback_mark_inode_dirty', 'writeback_dirty_inode_start'],
  ...['block_bio_queue', 'block_rq_insert', 'block_rq_issue', 'block_rq_complete'],
  'block_rq_requeue',
];
