/**
 * writeback:* (include/trace/events/writeback.h). The line above each definition is what the kernel
 * prints; `C` stands for the cgroup suffix, which was nothing (to 4.1), ` cgroup=<path>` (4.2-4.4),
 * then ` cgroup_ino=<number>`. Names by kernel version: see the comment at each alias.
 */
import {
  count,
  defineEvent,
  dev,
  type EventDefinition,
  id,
  int,
  names,
  type PrintedFlags,
  pages,
  text,
} from './define.ts';

/**
 * `enum inode_state_flags_enum` from 6.18 on, where the print format no longer carries numbers; in
 * the order of that format (include/trace/events/writeback.h, show_inode_state).
 */
const INODE_STATE = {
  I_DIRTY_SYNC: 0x10,
  I_DIRTY_DATASYNC: 0x20,
  I_DIRTY_PAGES: 0x40,
  I_NEW: 0x1,
  I_WILL_FREE: 0x80,
  I_FREEING: 0x100,
  I_CLEAR: 0x200,
  I_SYNC: 0x2,
  I_DIRTY_TIME: 0x1000,
  I_REFERENCED: 0x400,
  I_LINKABLE: 0x800,
  I_WB_SWITCH: 0x2000,
  I_OVL_INUSE: 0x4000,
  I_CREATING: 0x8000,
  I_DONTCACHE: 0x10000,
  I_SYNC_QUEUED: 0x20000,
  I_PINNING_NETFS_WB: 0x40000,
  I_LRU_ISOLATING: 0x4,
};
/** The bit numbers of 6.12 to 6.17, which print formats of those kernels name. */
const INODE_STATE_BITS = { __I_NEW: 0, __I_SYNC: 1, __I_LRU_ISOLATING: 2 };
const PRINTED_STATE: PrintedFlags = {
  bits: INODE_STATE,
  // Before 6.18 these were other flags, all of which had names and numbers.
  telling: INODE_STATE.I_DIRTY_SYNC | INODE_STATE.I_DIRTY_DATASYNC | INODE_STATE.I_DIRTY_PAGES,
  // From 6.12 on; before, dirty flags with numbers.
  alike: INODE_STATE.I_SYNC | INODE_STATE.I_LRU_ISOLATING,
  zero: ['I_DIRTY_SYNC', ''],
};

/** bdi name as printed, `major:minor`, `btrfs-1`, `(unknown)`; in records `name` or `bdi`. */
const bdi = () => text(['name', 'bdi'], { text: ['bdi '] });
const cgroup = {
  cgroup_ino: id('cgroup_ino', { optional: true }),
  cgroup: text('cgroup', { optional: true }),
};
const ino = () => id('ino');
const inodeState = (field = 'state', textBefore = `${field}=`) =>
  names(field, {
    text: [textBefore],
    constants: { ...INODE_STATE, ...INODE_STATE_BITS },
    flags: PRINTED_STATE,
  });

// dirty=%lu writeback=%lu bg_thresh=%lu thresh=%lu limit=%lu dirtied=%lu written=%lu
// until 5.6 also unstable=%lu (NFS pages that wait for a commit)
const globalDirtyState = defineEvent('writeback', 'global_dirty_state', {
  nr_dirty_pages: pages('nr_dirty', { text: ['dirty='] }),
  nr_writeback_pages: pages('nr_writeback', { text: ['writeback='] }),
  nr_unstable_pages: pages('nr_unstable', { text: ['unstable='], optional: true }),
  background_thresh_pages: pages('background_thresh', { text: ['bg_thresh='] }),
  dirty_thresh_pages: pages('dirty_thresh', { text: ['thresh='] }),
  dirty_limit_pages: pages('dirty_limit', { text: ['limit='] }),
  nr_dirtied_pages: pages('nr_dirtied', { text: ['dirtied='] }),
  nr_written_pages: pages('nr_written', { text: ['written='] }),
});

// bdi %s: limit=%lu setpoint=%lu dirty=%lu wb_setpoint=%lu wb_dirty=%lu dirty_ratelimit=%lu
// task_ratelimit=%lu dirtied=%u dirtied_pause=%u paused=%lu pause=%ld period=%lu think=%ld C
// bdi_setpoint and bdi_dirty until 6.14. `limit` changed its meaning between 6.12 and 6.14: before,
// the global dirty_limit; since, that of the domain that was chosen (src/kernel/features.ts).
const balanceDirtyPages = defineEvent('writeback', 'balance_dirty_pages', {
  bdi: text(['bdi', 'name'], { text: ['bdi '] }),
  limit_pages: pages('limit'),
  setpoint_pages: pages('setpoint'),
  dirty_pages: pages('dirty'),
  wb_setpoint_pages: pages(['wb_setpoint', 'bdi_setpoint']),
  wb_dirty_pages: pages(['wb_dirty', 'bdi_dirty']),
  dirty_ratelimit_kibps: count('kibps', 'dirty_ratelimit'),
  task_ratelimit_kibps: count('kibps', 'task_ratelimit'),
  dirtied_pages: pages('dirtied'),
  dirtied_pause_pages: pages('dirtied_pause'),
  paused_ms: count('ms', 'paused'),
  pause_ms: count('ms', 'pause', { signed: true }),
  period_ms: count('ms', 'period'),
  think_ms: count('ms', 'think', { signed: true }),
  ...cgroup,
});

// bdi %s: write_bw=%lu awrite_bw=%lu dirty_rate=%lu dirty_ratelimit=%lu task_ratelimit=%lu
// balanced_dirty_ratelimit=%lu C
const bdiDirtyRatelimit = defineEvent('writeback', 'bdi_dirty_ratelimit', {
  bdi: text(['bdi', 'name'], { text: ['bdi '] }),
  write_bw_kibps: count('kibps', 'write_bw'),
  avg_write_bw_kibps: count('kibps', 'avg_write_bw', { text: ['awrite_bw='] }),
  dirty_rate_kibps: count('kibps', 'dirty_rate'),
  dirty_ratelimit_kibps: count('kibps', 'dirty_ratelimit'),
  task_ratelimit_kibps: count('kibps', 'task_ratelimit'),
  balanced_dirty_ratelimit_kibps: count('kibps', 'balanced_dirty_ratelimit'),
  ...cgroup,
});

// bdi %s: ino=%lu index=%lu
const folio = { bdi: bdi(), ino: ino(), index: count('pages', 'index') };
const folioEvents = [
  defineEvent('writeback', 'writeback_dirty_folio', folio, ['writeback_dirty_page']),
  defineEvent('writeback', 'folio_wait_writeback', folio, ['wait_on_page_writeback']),
];

// bdi %s: ino=%lu state=%s flags=%s          (3.13 without state)
const inodeDirty = {
  bdi: bdi(),
  ino: ino(),
  state: { ...inodeState(), optional: true },
  flags: inodeState('flags'),
};
// bdi %s: ino=%lu sync_mode=%d C
const inodeWrite = { bdi: bdi(), ino: ino(), sync_mode: int('sync_mode'), ...cgroup };
// dev %d,%d ino %lu dirtied %lu state %s mode 0%o
const inodeEnqueue = {
  dev: dev('dev', { text: ['dev '] }),
  ino: id('ino', { text: ['ino '] }),
  dirtied_when_jiffies: count('jiffies', 'dirtied_when', { text: ['dirtied '] }),
  state: inodeState('state', 'state '),
  mode: int('mode', { text: ['mode 0'], radix: 8, signed: false }),
};
// bdi %s: ino=%lu state=%s dirtied_when=%lu age=%lu index=%lu to_write=%ld wrote=%lu C
// `age` is computed when it is printed, so it is not a column.
const singleInode = {
  bdi: bdi(),
  ino: ino(),
  state: inodeState(),
  dirtied_when_jiffies: count('jiffies', 'dirtied_when'),
  writeback_index: count('pages', 'writeback_index', { text: [' index='] }),
  nr_to_write_pages: pages('nr_to_write', { text: ['to_write='], signed: true }),
  wrote_pages: pages('wrote'),
  ...cgroup,
};
const inodeEvents = [
  defineEvent('writeback', 'writeback_mark_inode_dirty', inodeDirty),
  defineEvent('writeback', 'writeback_dirty_inode_start', inodeDirty),
  defineEvent('writeback', 'writeback_dirty_inode', inodeDirty),
  defineEvent('writeback', 'writeback_write_inode_start', inodeWrite),
  defineEvent('writeback', 'writeback_write_inode', inodeWrite),
  defineEvent('writeback', 'writeback_dirty_inode_enqueue', inodeEnqueue),
  defineEvent('writeback', 'writeback_lazytime', inodeEnqueue),
  defineEvent('writeback', 'writeback_lazytime_iput', inodeEnqueue),
  defineEvent('writeback', 'sb_mark_inode_writeback', inodeEnqueue),
  defineEvent('writeback', 'sb_clear_inode_writeback', inodeEnqueue),
  defineEvent('writeback', 'writeback_single_inode_start', singleInode),
  defineEvent('writeback', 'writeback_single_inode', singleInode),
  // 3.1 to 3.4, without C
  defineEvent('writeback', 'writeback_single_inode_requeue', singleInode),
  // bdi %s: ino=%lu state=%s dirtied_when=%lu age=%lu C
  defineEvent('writeback', 'writeback_sb_inodes_requeue', {
    bdi: bdi(),
    ino: ino(),
    state: inodeState(),
    dirtied_when_jiffies: count('jiffies', 'dirtied_when'),
    ...cgroup,
  }),
];

// bdi %s: sb_dev %d:%d nr_pages=%ld sync_mode=%d kupdate=%d range_cyclic=%d background=%d
// reason=%s C                                (without reason until 3.1)
const work = {
  bdi: bdi(),
  sb_dev: dev('sb_dev', { text: ['sb_dev '] }),
  nr_pages: pages('nr_pages', { signed: true }),
  sync_mode: int('sync_mode'),
  for_kupdate: int('for_kupdate', { text: ['kupdate='] }),
  range_cyclic: int('range_cyclic'),
  for_background: int('for_background', { text: ['background='] }),
  reason: names('reason', { optional: true }),
  ...cgroup,
};
const workEvents = ['queue', 'exec', 'start', 'written', 'wait', 'nothread'].map((step) =>
  defineEvent('writeback', `writeback_${step}`, work),
);

// bdi %s: towrt=%ld skip=%ld mode=%d kupd=%d bgrd=%d cyclic=%d start=0x%lx end=0x%lx C
// until 6.14 also reclm=%d; until 3.1 also more=%d older=0x%lx
const writebackControl = {
  bdi: bdi(),
  nr_to_write_pages: pages('nr_to_write', { text: ['towrt='], signed: true }),
  pages_skipped_pages: pages('pages_skipped', { text: ['skip='], signed: true }),
  sync_mode: int('sync_mode', { text: ['mode='] }),
  for_kupdate: int('for_kupdate', { text: ['kupd='] }),
  for_background: int('for_background', { text: ['bgrd='] }),
  for_reclaim: int('for_reclaim', { text: ['reclm='], optional: true }),
  range_cyclic: int('range_cyclic', { text: ['cyclic='] }),
  more_io: int('more_io', { text: ['more='], optional: true }),
  older_jiffies: count('jiffies', 'older_than_this', { text: ['older='], optional: true }),
  range_start_bytes: count('bytes', 'range_start', { text: ['start='], radix: 16, signed: true }),
  range_end_bytes: count('bytes', 'range_end', { text: ['end='], radix: 16, signed: true }),
  ...cgroup,
};
// Until 3.1 also before, after and while waiting for the writing of the flusher and of a throttled
// task.
const wbcEvents = [
  defineEvent('writeback', 'wbc_writepage', writebackControl),
  ...['writeback', 'balance_dirty'].flatMap((who) =>
    ['start', 'written', 'wait'].map((step) =>
      defineEvent('writeback', `wbc_${who}_${step}`, writebackControl),
    ),
  ),
];

// bdi %s: older=%lu age=%ld enqueue=%d reason=%s C
const queueIo = defineEvent('writeback', 'writeback_queue_io', {
  bdi: bdi(),
  older_jiffies: count('jiffies', 'older'),
  age_ms: count('ms', 'age', { signed: true }),
  moved: int('moved', { text: ['enqueue='] }),
  reason: names('reason', { optional: true }),
  ...cgroup,
});

const usecs = {
  usec_timeout_us: count('us', 'usec_timeout'),
  usec_delayed_us: count('us', 'usec_delayed'),
};
const otherEvents = [
  // bdi %s: C                                (until 3.6 `bdi %s`)
  defineEvent('writeback', 'writeback_wake_background', { bdi: bdi(), ...cgroup }),
  // bdi %s
  defineEvent('writeback', 'writeback_bdi_register', { bdi: bdi() }),
  defineEvent('writeback', 'writeback_bdi_unregister', { bdi: bdi() }),
  defineEvent('writeback', 'writeback_nowork', { bdi: bdi(), ...cgroup }),
  // bdi %s                                   (threads of a device came and went until 3.6)
  ...['wake_thread', 'wake_forker_thread', 'thread_start', 'thread_stop'].map((step) =>
    defineEvent('writeback', `writeback_${step}`, { bdi: bdi() }),
  ),
  defineEvent('writeback', 'writeback_task_start', { bdi: bdi() }),
  defineEvent('writeback', 'writeback_task_stop', { bdi: bdi() }),
  // bdi %s                                   (3.1 only, as the next one)
  defineEvent('writeback', 'balance_dirty_start', { bdi: bdi() }),
  defineEvent('writeback', 'balance_dirty_wait', { bdi: bdi() }),
  // bdi %s written %d
  defineEvent('writeback', 'balance_dirty_written', {
    bdi: bdi(),
    written_pages: pages('written', { text: ['written '], signed: true }),
  }),
  // dev %d:%d ino %lu flags %d %s            (2.6.37 with the patch for PowerTOP)
  defineEvent('writeback', 'writeback_inode_dirty', {
    dev: dev('dev', { text: ['dev '] }),
    ino: id('ino', { text: ['ino '] }),
    flags: int('flags', { text: ['flags '] }),
  }),
  // %ld
  defineEvent('writeback', 'writeback_pages_written', {
    written_pages: pages('pages', { text: [''], signed: true }),
  }),
  // usec_timeout=%u usec_delayed=%u          (until 5.17 and 5.15)
  defineEvent('writeback', 'writeback_congestion_wait', usecs),
  defineEvent('writeback', 'writeback_wait_iff_congested', usecs),
];

const cgroupEvents = [
  // bdi %s: ino=%lu cgroup_ino=%lu history=0x%x
  defineEvent('writeback', 'inode_foreign_history', {
    bdi: bdi(),
    ino: ino(),
    cgroup_ino: id('cgroup_ino'),
    history: count('bits', 'history', { radix: 16 }),
  }),
  // bdi %s: ino=%lu old_cgroup_ino=%lu new_cgroup_ino=%lu
  defineEvent('writeback', 'inode_switch_wbs', {
    bdi: bdi(),
    ino: ino(),
    old_cgroup_ino: id('old_cgroup_ino'),
    new_cgroup_ino: id('new_cgroup_ino'),
  }),
  // bdi %s: old_cgroup_ino=%lu new_cgroup_ino=%lu count=%u           (since 6.18)
  defineEvent('writeback', 'inode_switch_wbs_queue', {
    bdi: bdi(),
    old_cgroup_ino: id('old_cgroup_ino'),
    new_cgroup_ino: id('new_cgroup_ino'),
    inodes: count('count', 'count'),
  }),
  // bdi %s[%llu]: ino=%lu memcg_id=%u cgroup_ino=%lu page_cgroup_ino=%lu
  defineEvent('writeback', 'track_foreign_dirty', {
    bdi: bdi(),
    bdi_id: id('bdi_id', { text: ['['] }),
    ino: ino(),
    memcg_id: int('memcg_id', { signed: false }),
    cgroup_ino: id('cgroup_ino'),
    page_cgroup_ino: id('page_cgroup_ino'),
  }),
  // bdi %s: cgroup_ino=%lu frn_bdi_id=%u frn_memcg_id=%u
  defineEvent('writeback', 'flush_foreign', {
    bdi: bdi(),
    cgroup_ino: id('cgroup_ino'),
    frn_bdi_id: int('frn_bdi_id', { signed: false }),
    frn_memcg_id: int('frn_memcg_id', { signed: false }),
  }),
];

export const WRITEBACK_EVENTS: readonly EventDefinition[] = [
  globalDirtyState,
  balanceDirtyPages,
  bdiDirtyRatelimit,
  ...folioEvents,
  ...inodeEvents,
  ...workEvents,
  ...wbcEvents,
  queueIo,
  ...otherEvents,
  ...cgroupEvents,
];
