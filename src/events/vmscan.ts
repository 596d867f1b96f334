/**
 * vmscan:* (include/trace/events/vmscan.h). The line above each definition is what the kernel
 * prints; columns marked optional came or went between kernels 3.0 and 7.2.
 */
import {
  count,
  defineEvent,
  type EventDefinition,
  id,
  int,
  kernelFunction,
  names,
  type PrintedFlags,
  pages,
} from './define.ts';

/** `enum vmscan_throttle_state`: bit numbers that print formats since 5.16 leave as names. */
const THROTTLE_REASONS = {
  VMSCAN_THROTTLE_WRITEBACK: 0,
  VMSCAN_THROTTLE_ISOLATED: 1,
  VMSCAN_THROTTLE_NOPROGRESS: 2,
  VMSCAN_THROTTLE_CONGESTED: 3,
};

/** As recorded, one bit each: `1 << reason`. The format names only the first rightly. */
const PRINTED_REASONS: PrintedFlags = {
  bits: Object.fromEntries(Object.entries(THROTTLE_REASONS).map(([name, bit]) => [name, 1 << bit])),
  telling: ~1,
  alike: 0,
  zero: ['VMSCAN_THROTTLE_NONE', 'VMSCAN_THROTTLE_NONE'],
};

const nid = () => int('nid');
const gfp = () => names('gfp_flags');
const zid = () => int('zid', { optional: true });
const reclaimFlags = () => names(['reclaim_flags', 'flags'], { text: ['flags='] });

/** Since 7.2 these events name the task and the memory cgroup that they are about. */
const whose = {
  reclaim_pid: int('pid', { optional: true }),
  memcg_id: id('memcg_id', { optional: true }),
};

const kswapd = [
  // nid=%d
  defineEvent('vmscan', 'mm_vmscan_kswapd_sleep', { nid: nid() }),
  // nid=%d order=%d
  defineEvent('vmscan', 'mm_vmscan_kswapd_wake', { nid: nid(), zid: zid(), order: int('order') }),
  // nid=%d order=%d gfp_flags=%s             (until 5.0 with zid=%d; gfp_flags since 4.18)
  defineEvent('vmscan', 'mm_vmscan_wakeup_kswapd', {
    nid: nid(),
    zid: zid(),
    order: int('order'),
    gfp_flags: { ...gfp(), optional: true },
  }),
  // nid=%d failures=%d                       (since 7.0, as the next one)
  defineEvent('vmscan', 'mm_vmscan_kswapd_reclaim_fail', {
    nid: nid(),
    failures: int('failures'),
  }),
  // nid=%d reason=%s
  defineEvent('vmscan', 'mm_vmscan_kswapd_clear_hopeless', {
    nid: nid(),
    reason: names('reason'),
  }),
  // Since 7.2; which columns they have is not known from a capture yet.
  ...['begin', 'end'].map((step) =>
    defineEvent('vmscan', `mm_vmscan_balance_pgdat_${step}`, {
      nid: { ...nid(), optional: true },
      order: int('order', { optional: true }),
      highest_zoneidx: int('highest_zoneidx', { optional: true }),
      nr_reclaimed_pages: pages('nr_reclaimed', { optional: true }),
    }),
  ),
];

// old_token_mm=%p old_prio=%u new_token_mm=%p new_prio=%u          (until 3.4, as the others)
// token_mm=%p
// mm=%p old_prio=%u new_prio=%u swap_token_mm=%p token_prio=%u
const mm = (field: string, printed: string) => id(field, { text: [printed], radix: 16 });
const priorities = {
  old_prio: int('old_prio', { signed: false }),
  new_prio: int('new_prio', { signed: false }),
};
const swapTokens = [
  defineEvent('vmscan', 'replace_swap_token', {
    old_mm: mm('old_mm', 'old_token_mm='),
    new_mm: mm('new_mm', 'new_token_mm='),
    ...priorities,
  }),
  defineEvent('vmscan', 'put_swap_token', { token_mm: mm('swap_token_mm', 'token_mm=') }),
  defineEvent('vmscan', 'disable_swap_token', { token_mm: mm('swap_token_mm', 'token_mm=') }),
  defineEvent('vmscan', 'update_swap_token_priority', {
    mm: mm('mm', 'mm='),
    ...priorities,
    token_mm: mm('swap_token_mm', 'swap_token_mm='),
    token_prio: int('swap_token_prio', { text: ['token_prio='], signed: false }),
  }),
];

// order=%d gfp_flags=%s                      (until 4.4 may_writepage=%d; 4.9-5.0 classzone_idx=%d)
const reclaimBegin = {
  order: int('order'),
  may_writepage: int('may_writepage', { optional: true }),
  classzone_idx: int('classzone_idx', { optional: true }),
  gfp_flags: gfp(),
  ...whose,
};
// nr_reclaimed=%lu
const reclaimEnd = { nr_reclaimed_pages: pages('nr_reclaimed'), ...whose };
const reclaim = ['direct', 'memcg', 'memcg_softlimit'].flatMap((kind) => [
  defineEvent('vmscan', `mm_vmscan_${kind}_reclaim_begin`, reclaimBegin),
  defineEvent('vmscan', `mm_vmscan_${kind}_reclaim_end`, reclaimEnd),
]);
const nodeReclaim = [
  // nid=%d order=%d gfp_flags=%s
  defineEvent('vmscan', 'mm_vmscan_node_reclaim_begin', {
    nid: nid(),
    order: int('order'),
    gfp_flags: gfp(),
  }),
  defineEvent('vmscan', 'mm_vmscan_node_reclaim_end', reclaimEnd),
];

/** %p is 0x and the address for tracers, and since 4.15 a bare hash in the kernel's own text. */
const shrinkerId = () => id('shr', { text: [' 0x', ' '], radix: 16, optional: true });

const shrinkers = [
  // %pS %p: nid: %d objects to shrink %ld gfp_flags %s cache items %ld delta %lld total_scan %ld
  // priority %d                              (pgs_scanned, lru_pgs until 4.9; nid since 4.4)
  defineEvent('vmscan', 'mm_shrink_slab_start', {
    shrink: kernelFunction('shrink', { text: [''] }),
    shrinker_id: shrinkerId(),
    nid: int('nid', { text: ['nid: '], optional: true }),
    nr_objects_to_shrink: count('count', 'nr_objects_to_shrink', {
      text: ['objects to shrink '],
      signed: true,
    }),
    gfp_flags: names('gfp_flags', { text: ['gfp_flags '] }),
    pgs_scanned_pages: pages('pgs_scanned', { text: ['pgs_scanned '], optional: true }),
    lru_pgs_pages: pages('lru_pgs', { text: ['lru_pgs '], optional: true }),
    cache_items: count('count', 'cache_items', { text: ['cache items '] }),
    delta: count('count', 'delta', { text: ['delta '] }),
    total_scan: count('count', 'total_scan', { text: ['total_scan '] }),
    priority: int('priority', { text: ['priority '], optional: true }),
    ...whose,
  }),
  // %pS %p: nid: %d unused scan count %ld new scan count %ld total_scan %ld last shrinker return
  // val %d
  defineEvent('vmscan', 'mm_shrink_slab_end', {
    shrink: kernelFunction('shrink', { text: [''] }),
    shrinker_id: shrinkerId(),
    nid: int('nid', { text: ['nid: '], optional: true }),
    unused_scan: count('count', 'unused_scan', { text: ['unused scan count '], signed: true }),
    new_scan: count('count', 'new_scan', { text: ['new scan count '], signed: true }),
    total_scan: count('count', 'total_scan', { text: ['total_scan '], signed: true }),
    retval: int('retval', { text: ['last shrinker return val '] }),
    ...whose,
  }),
];

// nr_dirty=%ld nr_writeback=%ld nr_congested=%ld nr_immediate=%ld nr_activate_anon=%d
// nr_activate_file=%d nr_ref_keep=%ld nr_unmap_fail=%ld  (since 4.14; nr_activate until 5.0)
const reclaimStat = {
  nr_dirty_pages: pages('nr_dirty', { optional: true }),
  nr_writeback_pages: pages('nr_writeback', { optional: true }),
  nr_congested_pages: pages('nr_congested', { optional: true }),
  nr_immediate_pages: pages('nr_immediate', { optional: true }),
  nr_activate_pages: pages('nr_activate', { optional: true }),
  nr_activate_anon_pages: pages('nr_activate0', { text: ['nr_activate_anon='], optional: true }),
  nr_activate_file_pages: pages('nr_activate1', { text: ['nr_activate_file='], optional: true }),
  nr_ref_keep_pages: pages('nr_ref_keep', { optional: true }),
  nr_unmap_fail_pages: pages('nr_unmap_fail', { optional: true }),
};

// classzone=%d order=%d nr_requested=%lu nr_scanned=%lu nr_skipped=%lu nr_taken=%lu lru=%s
// until 6.5 also isolate_mode=%d; until 3.4 contig_taken=%lu contig_dirty=%lu contig_failed=%lu
const isolate = {
  highest_zoneidx: int(['highest_zoneidx', 'classzone_idx'], {
    text: ['classzone='],
    optional: true,
  }),
  order: int('order'),
  nr_requested_pages: pages('nr_requested'),
  nr_scanned_pages: pages('nr_scanned'),
  nr_skipped_pages: pages('nr_skipped', { optional: true }),
  nr_taken_pages: pages('nr_taken'),
  contig_taken_pages: pages('nr_lumpy_taken', { text: ['contig_taken='], optional: true }),
  contig_dirty_pages: pages('nr_lumpy_dirty', { text: ['contig_dirty='], optional: true }),
  contig_failed_pages: pages('nr_lumpy_failed', { text: ['contig_failed='], optional: true }),
  isolate_mode: int('isolate_mode', { optional: true }),
  lru: names('lru', { optional: true }),
  file: int('file', { optional: true }),
};

const lru = [
  defineEvent('vmscan', 'mm_vmscan_lru_isolate', isolate),
  // Until 4.9, for memory cgroups.
  defineEvent('vmscan', 'mm_vmscan_memcg_isolate', isolate),
  // nid=%d reclaim_idx=%d total_inactive=%ld inactive=%ld total_active=%ld active=%ld ratio=%ld
  // flags=%s                                 (4.14 to 5.13)
  defineEvent('vmscan', 'mm_vmscan_inactive_list_is_low', {
    nid: nid(),
    reclaim_idx: int('reclaim_idx'),
    total_inactive_pages: pages('total_inactive'),
    inactive_pages: pages('inactive'),
    total_active_pages: pages('total_active'),
    active_pages: pages('active'),
    ratio: count('count', 'ratio'),
    flags: reclaimFlags(),
  }),
  // nid=%d nr_taken=%ld nr_active=%ld nr_deactivated=%ld nr_referenced=%ld priority=%d flags=%s
  defineEvent('vmscan', 'mm_vmscan_lru_shrink_active', {
    nid: nid(),
    nr_taken_pages: pages('nr_taken'),
    nr_active_pages: pages('nr_active'),
    nr_deactivated_pages: pages('nr_deactivated'),
    nr_referenced_pages: pages('nr_referenced'),
    priority: int('priority'),
    flags: reclaimFlags(),
  }),
  // nid=%d nr_scanned=%ld nr_reclaimed=%ld <reclaimStat> priority=%d flags=%s
  defineEvent('vmscan', 'mm_vmscan_lru_shrink_inactive', {
    nid: nid(),
    zid: zid(),
    nr_scanned_pages: pages('nr_scanned'),
    nr_reclaimed_pages: pages('nr_reclaimed'),
    ...reclaimStat,
    priority: int('priority'),
    flags: reclaimFlags(),
  }),
  // nid=%d nr_scanned=%ld nr_reclaimed=%ld <reclaimStat>             (since 6.14)
  defineEvent('vmscan', 'mm_vmscan_reclaim_pages', {
    nid: nid(),
    nr_scanned_pages: pages('nr_scanned'),
    nr_reclaimed_pages: pages('nr_reclaimed'),
    ...reclaimStat,
  }),
];

const throttled = defineEvent('vmscan', 'mm_vmscan_throttled', {
  // nid=%d usec_timeout=%d usect_delayed=%d reason=%s  (the misspelt key is what the kernel prints)
  nid: nid(),
  usec_timeout_us: count('us', 'usec_timeout', { signed: true }),
  usec_delayed_us: count('us', 'usec_delayed', {
    text: ['usect_delayed=', 'usec_delayed='],
    signed: true,
  }),
  reason: names('reason', { constants: THROTTLE_REASONS, flags: PRINTED_REASONS }),
});

// pfn=0x%lx flags=%s                         (mm_vmscan_writepage until 5.17)
// until 5.13 page=%p pfn=%lu flags=%s, of which the record holds the page alone
const writeFolio = defineEvent(
  'vmscan',
  'mm_vmscan_write_folio',
  {
    // Decimal until 5.13; since then the prefix says that it is not.
    pfn: id('pfn', { optional: true }),
    page: id('page', { radix: 16, optional: true }),
    flags: reclaimFlags(),
  },
  ['mm_vmscan_writepage'],
);

export const VMSCAN_EVENTS: readonly EventDefinition[] = [
  ...kswapd,
  ...swapTokens,
  ...reclaim,
  ...nodeReclaim,
  ...shrinkers,
  ...lru,
  throttled,
  writeFolio,
];
