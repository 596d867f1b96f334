/**
 * Layouts of records by kernel generation: field, offset and size as such kernels describe them,
 * `*` after a signed one, `[]` after a text. Only facts; no kernel's own text is kept here.
 */
export const GENERATION_LAYOUTS: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  '3.4': {
    global_dirty_state:
      'nr_dirty@12+4 nr_writeback@16+4 nr_unstable@20+4 background_thresh@24+4 dirty_thresh@28+4 dirty_limit@32+4 nr_dirtied@36+4 nr_written@40+4',
    balance_dirty_pages:
      'bdi@12+32[] limit@44+4 setpoint@48+4 dirty@52+4 bdi_setpoint@56+4 bdi_dirty@60+4 dirty_ratelimit@64+4 task_ratelimit@68+4 dirtied@72+4 dirtied_pause@76+4 paused@80+4 pause@84+4* period@88+4 think@92+4*',
    bdi_dirty_ratelimit:
      'bdi@12+32[] write_bw@44+4 avg_write_bw@48+4 dirty_rate@52+4 dirty_ratelimit@56+4 task_ratelimit@60+4 balanced_dirty_ratelimit@64+4',
    writeback_single_inode:
      'name@12+32[] ino@44+4 state@48+4 dirtied_when@52+4 writeback_index@56+4 nr_to_write@60+4* wrote@64+4',
    writeback_queue:
      'name@12+32[] nr_pages@44+4* sb_dev@48+4 sync_mode@52+4* for_kupdate@56+4* range_cyclic@60+4* for_background@64+4* reason@68+4*',
    wbc_writepage:
      'name@12+32[] nr_to_write@44+4* pages_skipped@48+4* sync_mode@52+4* for_kupdate@56+4* for_background@60+4* for_reclaim@64+4* range_cyclic@68+4* range_start@72+4* range_end@76+4*',
    writeback_queue_io: 'name@12+32[] older@44+4 age@48+4* moved@52+4* reason@56+4*',
    writeback_congestion_wait: 'usec_timeout@12+4 usec_delayed@16+4',
    mm_vmscan_lru_isolate:
      'order@12+4* nr_requested@16+4 nr_scanned@20+4 nr_taken@24+4 nr_lumpy_taken@28+4 nr_lumpy_dirty@32+4 nr_lumpy_failed@36+4 isolate_mode@40+4 file@44+4*',
    mm_vmscan_lru_shrink_inactive:
      'nid@12+4* zid@16+4* nr_scanned@20+4 nr_reclaimed@24+4 priority@28+4* reclaim_flags@32+4*',
    mm_vmscan_direct_reclaim_begin: 'order@12+4* may_writepage@16+4* gfp_flags@20+4',
    mm_shrink_slab_start:
      'shr@12+4 shrink@16+4 nr_objects_to_shrink@20+4* gfp_flags@24+4 pgs_scanned@28+4 lru_pgs@32+4 cache_items@36+4 delta@40+8 total_scan@48+4',
    mm_vmscan_wakeup_kswapd: 'nid@12+4* zid@16+4* order@20+4*',
    mm_vmscan_writepage: 'page@12+4 reclaim_flags@16+4*',
    mm_vmscan_memcg_isolate:
      'order@12+4* nr_requested@16+4 nr_scanned@20+4 nr_taken@24+4 nr_lumpy_taken@28+4 nr_lumpy_dirty@32+4 nr_lumpy_failed@36+4 isolate_mode@40+4 file@44+4*',
    put_swap_token: 'swap_token_mm@12+4',
    writeback_thread_start: 'name@12+32[]',
  },
  '3.10': {
    global_dirty_state:
      'nr_dirty@8+8 nr_writeback@16+8 nr_unstable@24+8 background_thresh@32+8 dirty_thresh@40+8 dirty_limit@48+8 nr_dirtied@56+8 nr_written@64+8',
    balance_dirty_pages:
      'bdi@8+32[] limit@40+8 setpoint@48+8 dirty@56+8 bdi_setpoint@64+8 bdi_dirty@72+8 dirty_ratelimit@80+8 task_ratelimit@88+8 dirtied@96+4 dirtied_pause@100+4 paused@104+8 pause@112+8* period@120+8 think@128+8*',
    bdi_dirty_ratelimit:
      'bdi@8+32[] write_bw@40+8 avg_write_bw@48+8 dirty_rate@56+8 dirty_ratelimit@64+8 task_ratelimit@72+8 balanced_dirty_ratelimit@80+8',
    writeback_single_inode:
      'name@8+32[] ino@40+8 state@48+8 dirtied_when@56+8 writeback_index@64+8 nr_to_write@72+8* wrote@80+8',
    writeback_queue:
      'name@8+32[] nr_pages@40+8* sb_dev@48+4 sync_mode@52+4* for_kupdate@56+4* range_cyclic@60+4* for_background@64+4* reason@68+4*',
    wbc_writepage:
      'name@8+32[] nr_to_write@40+8* pages_skipped@48+8* sync_mode@56+4* for_kupdate@60+4* for_background@64+4* for_reclaim@68+4* range_cyclic@72+4* range_start@80+8* range_end@88+8*',
    writeback_queue_io: 'name@8+32[] older@40+8 age@48+8* moved@56+4* reason@60+4*',
    writeback_congestion_wait: 'usec_timeout@8+4 usec_delayed@12+4',
    mm_vmscan_lru_isolate:
      'order@8+4* nr_requested@16+8 nr_scanned@24+8 nr_taken@32+8 isolate_mode@40+4 file@44+4*',
    mm_vmscan_lru_shrink_inactive:
      'nid@8+4* zid@12+4* nr_scanned@16+8 nr_reclaimed@24+8 priority@32+4* reclaim_flags@36+4*',
    mm_vmscan_direct_reclaim_begin: 'order@8+4* may_writepage@12+4* gfp_flags@16+4',
    mm_shrink_slab_start:
      'shr@8+8 shrink@16+8 nr_objects_to_shrink@24+8* gfp_flags@32+4 pgs_scanned@40+8 lru_pgs@48+8 cache_items@56+8 delta@64+8 total_scan@72+8',
    mm_vmscan_wakeup_kswapd: 'nid@8+4* zid@12+4* order@16+4*',
    mm_vmscan_writepage: 'page@8+8 reclaim_flags@16+4*',
    mm_vmscan_memcg_isolate:
      'order@8+4* nr_requested@16+8 nr_scanned@24+8 nr_taken@32+8 isolate_mode@40+4 file@44+4*',
  },
  '4.4': {
    global_dirty_state:
      'nr_dirty@8+8 nr_writeback@16+8 nr_unstable@24+8 background_thresh@32+8 dirty_thresh@40+8 dirty_limit@48+8 nr_dirtied@56+8 nr_written@64+8',
    balance_dirty_pages:
      'bdi@8+32[] limit@40+8 setpoint@48+8 dirty@56+8 bdi_setpoint@64+8 bdi_dirty@72+8 dirty_ratelimit@80+8 task_ratelimit@88+8 dirtied@96+4 dirtied_pause@100+4 paused@104+8 pause@112+8* period@120+8 think@128+8* cgroup@136+4->',
    bdi_dirty_ratelimit:
      'bdi@8+32[] write_bw@40+8 avg_write_bw@48+8 dirty_rate@56+8 dirty_ratelimit@64+8 task_ratelimit@72+8 balanced_dirty_ratelimit@80+8 cgroup@88+4->',
    writeback_single_inode:
      'name@8+32[] ino@40+8 state@48+8 dirtied_when@56+8 writeback_index@64+8 nr_to_write@72+8* wrote@80+8 cgroup@88+4->',
    writeback_queue:
      'name@8+32[] nr_pages@40+8* sb_dev@48+4 sync_mode@52+4* for_kupdate@56+4* range_cyclic@60+4* for_background@64+4* reason@68+4* cgroup@72+4->',
    wbc_writepage:
      'name@8+32[] nr_to_write@40+8* pages_skipped@48+8* sync_mode@56+4* for_kupdate@60+4* for_background@64+4* for_reclaim@68+4* range_cyclic@72+4* range_start@80+8* range_end@88+8* cgroup@96+4->',
    writeback_queue_io: 'name@8+32[] older@40+8 age@48+8* moved@56+4* reason@60+4* cgroup@64+4->',
    writeback_congestion_wait: 'usec_timeout@8+4 usec_delayed@12+4',
    mm_vmscan_lru_isolate:
      'order@8+4* nr_requested@16+8 nr_scanned@24+8 nr_taken@32+8 isolate_mode@40+4 file@44+4*',
    mm_vmscan_lru_shrink_inactive:
      'nid@8+4* zid@12+4* nr_scanned@16+8 nr_reclaimed@24+8 priority@32+4* reclaim_flags@36+4*',
    mm_vmscan_direct_reclaim_begin: 'order@8+4* may_writepage@12+4* gfp_flags@16+4',
    mm_shrink_slab_start:
      'shr@8+8 shrink@16+8 nid@24+4* nr_objects_to_shrink@32+8* gfp_flags@40+4 pgs_scanned@48+8 lru_pgs@56+8 cache_items@64+8 delta@72+8 total_scan@80+8',
    mm_vmscan_wakeup_kswapd: 'nid@8+4* zid@12+4* order@16+4*',
    mm_vmscan_writepage: 'pfn@8+8 reclaim_flags@16+4*',
    mm_vmscan_memcg_isolate:
      'order@8+4* nr_requested@16+8 nr_scanned@24+8 nr_taken@32+8 isolate_mode@40+4 file@44+4*',
  },
  '5.10': {
    global_dirty_state:
      'nr_dirty@8+8 nr_writeback@16+8 background_thresh@24+8 dirty_thresh@32+8 dirty_limit@40+8 nr_dirtied@48+8 nr_written@56+8',
    balance_dirty_pages:
      'bdi@8+32[] limit@40+8 setpoint@48+8 dirty@56+8 bdi_setpoint@64+8 bdi_dirty@72+8 dirty_ratelimit@80+8 task_ratelimit@88+8 dirtied@96+4 dirtied_pause@100+4 paused@104+8 pause@112+8* period@120+8 think@128+8* cgroup_ino@136+8',
    bdi_dirty_ratelimit:
      'bdi@8+32[] write_bw@40+8 avg_write_bw@48+8 dirty_rate@56+8 dirty_ratelimit@64+8 task_ratelimit@72+8 balanced_dirty_ratelimit@80+8 cgroup_ino@88+8',
    writeback_single_inode:
      'name@8+32[] ino@40+8 state@48+8 dirtied_when@56+8 writeback_index@64+8 nr_to_write@72+8* wrote@80+8 cgroup_ino@88+8',
    writeback_queue:
      'name@8+32[] nr_pages@40+8* sb_dev@48+4 sync_mode@52+4* for_kupdate@56+4* range_cyclic@60+4* for_background@64+4* reason@68+4* cgroup_ino@72+8',
    wbc_writepage:
      'name@8+32[] nr_to_write@40+8* pages_skipped@48+8* sync_mode@56+4* for_kupdate@60+4* for_background@64+4* for_reclaim@68+4* range_cyclic@72+4* range_start@80+8* range_end@88+8* cgroup_ino@96+8',
    writeback_queue_io: 'name@8+32[] older@40+8 age@48+8* moved@56+4* reason@60+4* cgroup_ino@64+8',
    writeback_congestion_wait: 'usec_timeout@8+4 usec_delayed@12+4',
    mm_vmscan_lru_isolate:
      'highest_zoneidx@8+4* order@12+4* nr_requested@16+8 nr_scanned@24+8 nr_skipped@32+8 nr_taken@40+8 isolate_mode@48+4 lru@52+4*',
    mm_vmscan_lru_shrink_inactive:
      'nid@8+4* nr_scanned@16+8 nr_reclaimed@24+8 nr_dirty@32+8 nr_writeback@40+8 nr_congested@48+8 nr_immediate@56+8 nr_activate0@64+4 nr_activate1@68+4 nr_ref_keep@72+8 nr_unmap_fail@80+8 priority@88+4* reclaim_flags@92+4*',
    mm_vmscan_direct_reclaim_begin: 'order@8+4* gfp_flags@12+4',
    mm_shrink_slab_start:
      'shr@8+8 shrink@16+8 nid@24+4* nr_objects_to_shrink@32+8* gfp_flags@40+4 cache_items@48+8 delta@56+8 total_scan@64+8 priority@72+4*',
    mm_vmscan_wakeup_kswapd: 'nid@8+4* zid@12+4* order@16+4* gfp_flags@20+4',
    mm_vmscan_writepage: 'pfn@8+8 reclaim_flags@16+4*',
    mm_vmscan_inactive_list_is_low:
      'nid@8+4* reclaim_idx@12+4* total_inactive@16+8 inactive@24+8 total_active@32+8 active@40+8 ratio@48+8 reclaim_flags@56+4*',
    track_foreign_dirty:
      'name@8+32[] bdi_id@40+8 ino@48+8 memcg_id@56+4 cgroup_ino@64+8 page_cgroup_ino@72+8',
  },
  // From here on as reference/kernel-core.md describes them: 64-bit numbers first, ids of 64 bits.
  '7.2': {
    balance_dirty_pages:
      'cgroup_ino@8+8 bdi@16+32[] limit@48+8 setpoint@56+8 dirty@64+8 wb_setpoint@72+8 wb_dirty@80+8 dirty_ratelimit@88+8 task_ratelimit@96+8 paused@104+8 pause@112+8* period@120+8 think@128+8* dirtied@136+4 dirtied_pause@140+4',
    writeback_single_inode:
      'ino@8+8 cgroup_ino@16+8 name@24+32[] state@56+8 dirtied_when@64+8 writeback_index@72+8 nr_to_write@80+8* wrote@88+8',
    mm_vmscan_direct_reclaim_begin: 'gfp_flags@8+8 memcg_id@16+8 order@24+4* pid@28+4*',
    mm_shrink_slab_start:
      'shr@8+8 shrink@16+8 nr_objects_to_shrink@24+8* gfp_flags@32+8 cache_items@40+8 delta@48+8 total_scan@56+8 memcg_id@64+8 priority@72+4* nid@76+4* pid@80+4*',
    mm_vmscan_kswapd_reclaim_fail: 'nid@8+4* failures@12+4*',
  },
};
