/**
 * Which kernels print events such as these: told from the names and fields that were recorded, not
 * from the release, because distributions carry changes back. Ranges are those of kernels whose
 * formats were seen; an event that came between two of them counts from the later one.
 */

/** In order of time; ranges below name their first and last kernel by these. */
const KERNELS = [
  ...['2.6.37', '3.0', '3.1', '3.3', '3.4', '3.6', '3.13', '4.1', '4.2', '4.4', '4.9', '4.14'],
  ...['4.15', '4.18', '5.0', '5.3', '5.4', '5.6', '5.8', '5.13', '5.14', '5.15', '5.17', '5.19'],
  ...['6.5', '6.8', '6.14', '6.17', '6.18', '7.0', '7.2'],
] as const;

const NEIGHBOURS = 2;

type Kernel = (typeof KERNELS)[number];

type Sign = {
  /** `event`, `event.field`, or `event!field` for the event without the field. */
  readonly sign: string;
  readonly since?: Kernel;
  readonly until?: Kernel;
};

const WRITEBACK: readonly Sign[] = [
  { sign: 'inode_switch_wbs_queue', since: '6.18' },
  { sign: 'balance_dirty_pages.wb_setpoint', since: '6.17' },
  { sign: 'wbc_writepage!for_reclaim', since: '6.17' },
  { sign: 'writeback_dirty_folio', since: '5.17' },
  { sign: 'folio_wait_writeback', since: '5.17' },
  { sign: 'global_dirty_state!nr_unstable', since: '5.8' },
  { sign: 'inode_foreign_history', since: '5.4' },
  { sign: 'track_foreign_dirty', since: '5.4' },
  { sign: 'flush_foreign', since: '5.4' },
  { sign: 'sb_mark_inode_writeback', since: '4.15' },
  { sign: '*.cgroup_ino', since: '4.9' },
  { sign: 'writeback_mark_inode_dirty', since: '4.4' },
  { sign: 'writeback_dirty_inode_enqueue', since: '4.4' },
  { sign: '*.cgroup', since: '4.2', until: '4.4' },
  { sign: 'writeback_dirty_inode', since: '3.13' },
  { sign: 'writeback_dirty_page', since: '3.13', until: '5.15' },
  { sign: 'balance_dirty_pages', since: '3.3' },
  { sign: 'bdi_dirty_ratelimit', since: '3.3' },
  { sign: 'balance_dirty_pages.bdi_setpoint', until: '6.14' },
  { sign: 'wbc_writepage.for_reclaim', until: '6.14' },
  { sign: 'writeback_lazytime_iput', until: '6.18' },
  { sign: 'writeback_congestion_wait', until: '5.17' },
  { sign: 'wait_on_page_writeback', since: '5.3', until: '5.15' },
  { sign: 'writeback_wait_iff_congested', until: '5.15' },
  { sign: 'global_dirty_state.nr_unstable', until: '5.6' },
  { sign: 'writeback_nowork', until: '4.9' },
  { sign: 'writeback_bdi_unregister', until: '3.13' },
  { sign: 'writeback_thread_start', until: '3.6' },
  { sign: 'writeback_wake_forker_thread', until: '3.6' },
  { sign: 'wbc_writeback_start', until: '3.1' },
  { sign: 'wbc_balance_dirty_start', until: '3.1' },
  { sign: 'balance_dirty_start', since: '3.1', until: '3.1' },
];

const VMSCAN: readonly Sign[] = [
  { sign: 'mm_vmscan_balance_pgdat_begin', since: '7.2' },
  { sign: 'mm_vmscan_direct_reclaim_begin.memcg_id', since: '7.2' },
  { sign: 'mm_shrink_slab_start.memcg_id', since: '7.2' },
  { sign: 'mm_vmscan_kswapd_reclaim_fail', since: '7.0' },
  { sign: 'mm_vmscan_kswapd_clear_hopeless', since: '7.0' },
  { sign: 'mm_vmscan_reclaim_pages', since: '6.14' },
  { sign: 'mm_vmscan_lru_isolate!isolate_mode', since: '6.8' },
  { sign: 'mm_vmscan_write_folio', since: '5.19' },
  { sign: 'mm_vmscan_throttled', since: '5.17' },
  { sign: 'mm_vmscan_lru_isolate.highest_zoneidx', since: '5.8' },
  { sign: 'mm_vmscan_node_reclaim_begin', since: '5.3' },
  { sign: 'mm_vmscan_lru_shrink_inactive.nr_activate0', since: '5.3' },
  { sign: 'mm_vmscan_lru_shrink_inactive.nr_activate', since: '4.14', until: '5.0' },
  { sign: 'mm_vmscan_lru_shrink_active', since: '4.14' },
  { sign: 'mm_shrink_slab_start.priority', since: '4.14' },
  { sign: 'mm_shrink_slab_start.nid', since: '4.4' },
  { sign: 'mm_vmscan_lru_isolate.isolate_mode', until: '6.5' },
  { sign: 'mm_vmscan_writepage', until: '5.17' },
  { sign: 'mm_vmscan_inactive_list_is_low', since: '4.14', until: '5.13' },
  { sign: 'mm_vmscan_direct_reclaim_begin.may_writepage', until: '5.0' },
  { sign: 'mm_shrink_slab_start.lru_pgs', until: '4.9' },
  { sign: 'mm_vmscan_memcg_isolate', until: '4.9' },
  { sign: 'mm_vmscan_lru_isolate.nr_lumpy_taken', until: '3.4' },
  { sign: 'put_swap_token', until: '3.4' },
  { sign: 'update_swap_token_priority', until: '3.4' },
];

/** What is said of events that no one kernel prints. */
export const MIXED_AGE = 'of mixed age';

/** Events by the names that the kernel used, each with its fields as far as the input tells. */
export type SeenEvents = ReadonlyMap<string, readonly string[] | undefined>;

/** E.g. `writeback and vmscan events as of 5.17 to 6.14`; undefined when nothing tells. */
export function generationOf(seen: SeenEvents): string | undefined {
  const found = { writeback: holding(seen, WRITEBACK), vmscan: holding(seen, VMSCAN) };
  const signs = [...found.writeback, ...found.vmscan];
  if (signs.length === 0) return undefined;
  const from = Math.max(-1, ...signs.flatMap(({ since }) => placeOf(since)));
  const to = Math.min(KERNELS.length, ...signs.flatMap(({ until }) => placeOf(until)));
  const systems = Object.entries(found).flatMap(([name, some]) => (some.length > 0 ? name : []));
  return `${systems.join(' and ')} events ${rangeText(from, to)}`;
}

function placeOf(kernel: Kernel | undefined): number[] {
  return kernel === undefined ? [] : [KERNELS.indexOf(kernel)];
}

function rangeText(from: number, to: number): string {
  const [first, last] = [KERNELS[from], KERNELS[to]];
  if (first === undefined) return `as of ${last} or earlier`;
  if (last === undefined) return `as of ${first} or later`;
  if (first === last) return `as of ${first}`;
  if (from < to) return `as of ${first} to ${last}`;
  // Between two kernels whose formats were seen, one thing is there already and another still.
  if (from - to <= NEIGHBOURS) return `as of ${last} to ${first}`;
  return `${MIXED_AGE}, some as of ${first} or later, some of ${last} or earlier`;
}

const OF_WRITEBACK = /^(?:writeback_|wbc_|balance_dirty_pages$|bdi_dirty_ratelimit$)/;

function holding(seen: SeenEvents, signs: readonly Sign[]): Sign[] {
  return signs.filter(({ sign }) => {
    const [, event = '', how, field = ''] = /^([\w*]+)(?:([.!])(\w+))?$/.exec(sign) ?? [];
    if (event === '*') {
      // Files may carry formats of all systems, and others have such fields, too.
      return [...seen].some(([name, fields]) => OF_WRITEBACK.test(name) && fields?.includes(field));
    }
    if (!seen.has(event)) return false;
    const fields = seen.get(event);
    if (how === undefined) return true;
    return fields !== undefined && fields.includes(field) === (how === '.');
  });
}
