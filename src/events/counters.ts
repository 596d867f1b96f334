/**
 * What sampled counters count. The kernel prints numbers without units; which it is follows from
 * the file they come from and the name. Sources: mm/vmstat.c (vmstat_text), fs/proc/meminfo.c,
 * mm/memcontrol.c (memory_stats), mm/memcontrol-v1.c, kernel/sched/psi.c, all of Linux 6.18.
 */
import type { Unit } from '../trace/units.ts';

/** The file of the kernel that the counters were read from; `other` holds none that is known. */
export type CounterKind = 'vmstat' | 'meminfo' | 'memory_stat' | 'psi' | 'other';

export type CounterMeaning = {
  readonly unit: Unit;
  /** Values are kept in `unit` after multiplication with this: kB become bytes. */
  readonly scale: number;
};

/**
 * Counters that events carry as well: read from the same variable of the kernel, so that equal
 * values are equal moments. This is what aligns the clocks of samples and trace.
 */
export const TRACED_COUNTERS: readonly {
  readonly counter: string;
  readonly event: string;
  readonly column: string;
}[] = [
  { counter: 'nr_dirtied', event: 'global_dirty_state', column: 'nr_dirtied_pages' },
  { counter: 'nr_written', event: 'global_dirty_state', column: 'nr_written_pages' },
];

const words = (text: string): ReadonlySet<string> => new Set(text.trim().split(/\s+/));

// nr_anon_transparent_hugepages and the like: vmstat_item_print_in_thp() counts huge pages.
const VMSTAT_EVENTS = words(`
  nr_anon_transparent_hugepages nr_shmem_hugepages nr_shmem_pmdmapped nr_file_hugepages
  nr_file_pmdmapped nr_tlb_remote_flush nr_tlb_remote_flush_received nr_tlb_local_flush_all
  nr_tlb_local_flush_one nr_foll_pin_acquired nr_foll_pin_released nr_tlb_remote_flush_received
  pgfault pgmajfault pgscan_direct_throttle workingset_nodes workingset_nodereclaim`);
const VMSTAT_KIB = words('pgpgin pgpgout nr_kernel_stack nr_shadow_call_stack');
// nr_dirty   pgscan_kswapd   pgsteal_direct   pgalloc_normal   pswpin   workingset_refault_file
const VMSTAT_PAGES =
  /^(nr_|pswp|workingset_|numa_|pg(scan|steal|(de|pro)mote|alloc|skip|free|(de)?activate|refill))/;

const MEMINFO_COUNTS = words('HugePages_Total HugePages_Free HugePages_Rsvd HugePages_Surp');
const MEMINFO = words(`
  MemTotal MemFree MemAvailable Buffers Cached SwapCached Active Inactive Active(anon)
  Inactive(anon) Active(file) Inactive(file) Unevictable Mlocked SwapTotal SwapFree Zswap Zswapped
  Dirty Writeback AnonPages Mapped Shmem KReclaimable Slab SReclaimable SUnreclaim KernelStack
  ShadowCallStack PageTables SecPageTables NFS_Unstable Bounce WritebackTmp CommitLimit
  Committed_AS VmallocTotal VmallocUsed VmallocChunk Percpu EarlyMemtestBad HardwareCorrupted
  AnonHugePages ShmemHugePages ShmemPmdMapped FileHugePages FilePmdMapped CmaTotal CmaFree
  Unaccepted Balloon GPUActive GPUReclaim Hugepagesize Hugetlb HighTotal HighFree LowTotal LowFree
  Quicklists ${[...MEMINFO_COUNTS].join(' ')}`);
const MEMINFO_MAPS = /^DirectMap\d+[kMG]$/;

const MEMORY_STAT_BYTES = words(`
  anon file kernel kernel_stack pagetables sec_pagetables percpu sock vmalloc shmem zswap zswapped
  file_mapped file_dirty file_writeback swapcached anon_thp file_thp shmem_thp inactive_anon
  active_anon inactive_file active_file unevictable slab_reclaimable slab_unreclaimable slab hugetlb
  cache rss rss_huge mapped_file dirty writeback swap swapcached hierarchical_memory_limit
  hierarchical_memsw_limit`);
const MEMORY_STAT_EVENTS = words('pgfault pgmajfault workingset_nodereclaim pgpgin pgpgout');
const MEMORY_STAT_PAGES =
  /^(workingset_|numa_|pswp|zswp|pg(scan|steal|refill|(de)?activate|lazyfree|(de|pro)mote))/;

// some_avg10   full_total   io_some_avg300   psi_io_some_avg10   io_pressure_full_total_us
const PSI =
  /^(?:psi_|pressure_)?(?:(io|memory|cpu|irq)_)?(?:psi_|pressure_)?(?:some|full)_(avg10|avg60|avg300|total)(?:_us)?$/;

const EVENTS: CounterMeaning = { unit: 'count', scale: 1 };
const PAGES: CounterMeaning = { unit: 'pages', scale: 1 };
const BYTES: CounterMeaning = { unit: 'bytes', scale: 1 };
const KB_TO_BYTES: CounterMeaning = { unit: 'bytes', scale: 1024 };

/** Names of counters say which file they are from, most of them decide. */
export function counterKind(names: readonly string[]): CounterKind {
  const shares: readonly [CounterKind, number][] = [
    ['vmstat', names.filter(isVmstat).length],
    ['meminfo', names.filter(isMeminfo).length],
    ['memory_stat', names.filter(isMemoryStat).length],
    ['psi', names.filter((name) => PSI.test(name)).length],
  ];
  const [best] = [...shares].sort(([, left], [, right]) => right - left);
  return best === undefined || best[1] === 0 ? 'other' : best[0];
}

/** Columns of another file than the rest keep the unit of theirs. */
export function counterMeaning(kind: CounterKind, name: string): CounterMeaning {
  const psi = PSI.exec(name);
  // Averages are per cent, totals microseconds.
  if (psi !== null)
    return psi[2] === 'total' ? { unit: 'us', scale: 1 } : { unit: 'none', scale: 1 };
  if (isMeminfo(name)) return MEMINFO_COUNTS.has(name) ? EVENTS : KB_TO_BYTES;
  if (kind === 'memory_stat' || (!isVmstat(name) && isMemoryStat(name))) return memoryStat(name);
  if (VMSTAT_KIB.has(name)) return { unit: 'kib', scale: 1 };
  return VMSTAT_PAGES.test(name) && !VMSTAT_EVENTS.has(name) ? PAGES : bySuffix(name);
}

/** The resource of pressure counters whose names begin with one, e.g. `io`. */
export function psiResource(name: string): string | undefined {
  return PSI.exec(name)?.[1];
}

function isVmstat(name: string): boolean {
  return VMSTAT_PAGES.test(name) || VMSTAT_KIB.has(name) || VMSTAT_EVENTS.has(name);
}

function isMeminfo(name: string): boolean {
  return MEMINFO.has(name) || MEMINFO_MAPS.test(name);
}

/** Version 1 also has total_* of the whole subtree. */
function isMemoryStat(name: string): boolean {
  const own = name.replace(/^total_/, '');
  return MEMORY_STAT_BYTES.has(own) || MEMORY_STAT_EVENTS.has(own) || MEMORY_STAT_PAGES.test(own);
}

function memoryStat(name: string): CounterMeaning {
  const own = name.replace(/^total_/, '');
  if (MEMORY_STAT_BYTES.has(own)) return BYTES;
  if (MEMORY_STAT_EVENTS.has(own)) return EVENTS;
  return MEMORY_STAT_PAGES.test(own) ? PAGES : bySuffix(name);
}

/** Counters of other programs may name their unit last. */
function bySuffix(name: string): CounterMeaning {
  if (/_bytes$/.test(name)) return BYTES;
  if (/_(kb|kib)$/i.test(name)) return KB_TO_BYTES;
  if (/_pages$/.test(name)) return PAGES;
  if (/_us(ec)?$/.test(name)) return { unit: 'us', scale: 1 };
  return EVENTS;
}
