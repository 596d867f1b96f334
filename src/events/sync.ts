/**
 * Syncs as file systems tell of them: include/trace/events/{ext4,f2fs,btrfs}.h, fs/xfs/xfs_trace.h,
 * fs/nfs/nfstrace.h. The line above each definition is what the kernel prints.
 */
import { count, defineEvent, dev, type EventDefinition, id, int, names } from './define.ts';

const device = (before = 'dev ') => dev('dev', { text: [before] });
const datasync = () => int('datasync', { text: ['datasync '], optional: true });

const ext4 = [
  // dev %d,%d ino %lu parent %lu datasync %d
  defineEvent('ext4', 'ext4_sync_file_enter', {
    dev: device(),
    ino: id('ino', { text: ['ino '] }),
    parent: id('parent', { text: ['parent '], optional: true }),
    datasync: datasync(),
  }),
  // dev %d,%d ino %lu ret %d
  defineEvent('ext4', 'ext4_sync_file_exit', {
    dev: device(),
    ino: id('ino', { text: ['ino '] }),
    ret: int('ret', { text: ['ret '], optional: true }),
  }),
  // dev %d,%d wait %d
  defineEvent('ext4', 'ext4_sync_fs', { dev: device(), wait: int('wait', { text: ['wait '] }) }),
];

const xfs = ['xfs_file_fsync', 'xfs_dir_fsync'].map((name) =>
  // dev %d:%d ino 0x%llx
  defineEvent('xfs', name, {
    dev: device(),
    ino: id('ino', { text: ['ino 0x', 'ino '], radix: 16 }),
  }),
);

const btrfs = [
  // %pU: root=%llu(%s) ino=%llu parent=%llu datasync=%d
  defineEvent('btrfs', 'btrfs_sync_file', {
    root: id('root_objectid', { text: ['root='], optional: true }),
    ino: id('ino'),
    parent: id('parent', { optional: true }),
    datasync: int('datasync', { optional: true }),
  }),
  // %pU: wait=%d
  defineEvent('btrfs', 'btrfs_sync_fs', { wait: int('wait') }),
  // %pU: root=%llu(%s) gen=%llu
  defineEvent('btrfs', 'btrfs_transaction_commit', {
    root: id('root_objectid', { text: ['root='], optional: true }),
    generation: count('count', 'generation', { text: ['gen='] }),
  }),
  // %pU: flags=%s bytes=%llu start_ns=%llu flush=%s error=%d                (since 5.13)
  defineEvent('btrfs', 'btrfs_reserve_ticket', {
    flags: names('flags', { optional: true }),
    ticket_bytes: count('bytes', 'bytes', { optional: true }),
    start_ns: count('ns', 'start_ns'),
    flush: names('flush', { optional: true }),
    error: int('error', { optional: true }),
  }),
];

export const SYNC_EVENTS: readonly EventDefinition[] = [...ext4, ...xfs, ...btrfs];
