/**
 * Dirty thresholds read backwards, and those of other domains (mm/page-writeback.c). limits.ts
 * holds the forward formulas of the global domain. All quantities are pages unless named otherwise.
 */
import { divide, mulDiv } from '../kernel/arithmetic.ts';
import { asPages, type Pages } from '../trace/units.ts';

/** Inclusive bounds; empty where low > high. */
export type PagesInterval = { readonly low: number; readonly high: number };

/** ⌊percent·PAGE_SIZE/100⌋: how domain_dirty_limits holds a ratio. */
export function ratioOfPercent(percent: number, pageSize: number): number {
  return divide(percent * pageSize, 100);
}

/** What memory is dirtyable if `percent` of it is `thresh`; undefined for a ratio of zero. */
export function availableOf(
  thresh: number,
  percent: number,
  pageSize: number,
): PagesInterval | undefined {
  const ratio = ratioOfPercent(percent, pageSize);
  if (ratio === 0) return undefined;
  const first = (pages: number) => Math.ceil((pages * pageSize) / ratio);
  return { low: first(thresh), high: first(thresh + 1) - 1 };
}

export function intersect(a: PagesInterval, b: PagesInterval): PagesInterval | undefined {
  const low = Math.max(a.low, b.low);
  const high = Math.min(a.high, b.high);
  return low <= high ? { low, high } : undefined;
}

/** The percentages for which `thresh` is their share of a memory within `available`. */
export function percentsOf(thresh: number, available: PagesInterval, pageSize: number): number[] {
  const found: number[] = [];
  for (let percent = 1; percent <= 100; percent++) {
    const memory = availableOf(thresh, percent, pageSize);
    if (memory !== undefined && intersect(memory, available) !== undefined) found.push(percent);
  }
  return found;
}

export type Boost = 'quarter' | 'quarter-and-limit';

/** What a real-time task is allowed instead of `pages` (domain_dirty_limits). */
export function boosted(pages: number, dirtyLimit: number, boost: Boost): number {
  const extra = boost === 'quarter' ? 0 : divide(dirtyLimit, 32);
  return pages + divide(pages, 4) + extra;
}

/** The threshold that a boosted one came from: p + ⌊p/4⌋ takes every value once or not at all. */
export function unboosted(pages: number, dirtyLimit: number, boost: Boost): number | undefined {
  const own = pages - boosted(0, dirtyLimit, boost);
  if (own < 0) return undefined;
  const guess = divide(4 * own, 5);
  for (const base of [guess, guess + 1]) {
    if (boosted(base, dirtyLimit, boost) === pages) return base;
  }
  return undefined;
}

export type ZoneReserve = {
  /** Largest lowmem_reserve towards this and higher zones. */
  readonly protection_pages: number;
  /** High watermark without its temporary boost. */
  readonly high_pages: number;
  readonly managed_pages: number;
};

/** calculate_totalreserve_pages: what is kept free and so never dirtyable. */
export function totalReserve(zones: readonly ZoneReserve[]): Pages {
  return asPages(
    zones.reduce(
      (sum, { protection_pages, high_pages, managed_pages }) =>
        sum + Math.min(protection_pages + high_pages, managed_pages),
      0,
    ),
  );
}

export type MemcgMemory = {
  /** INACTIVE_FILE + ACTIVE_FILE of the cgroup. */
  readonly file: number;
  readonly dirty: number;
  /** Least of min(max, high) - usage over the cgroup and its parents without the root. */
  readonly headroom: number;
  /** The same of the whole machine. */
  readonly global_available: number;
  readonly global_dirty: number;
};

/** mem_cgroup_wb_stats and mdtc_calc_avail: what a cgroup may dirty. */
export function memcgAvailable(memory: MemcgMemory): Pages {
  const { file, dirty, headroom, global_available, global_dirty } = memory;
  const clean = file - Math.min(file, dirty);
  const globalClean = global_available - Math.min(global_available, global_dirty);
  const other = globalClean - Math.min(globalClean, clean);
  return asPages(file + Math.min(headroom, other));
}

/** A byte setting as ratio of a cgroup's memory, in parts of the page size. */
export function memcgRatio(bytes: number, globalAvailable: number, pageSize: number): number {
  return Math.min(Math.ceil(bytes / globalAvailable), pageSize);
}

/** node_dirty_limit: above it the allocator takes pages from another node. */
export function nodeDirtyLimit(
  setting: { readonly dirty_bytes: number; readonly dirty_ratio: number },
  nodeMemory: number,
  globalAvailable: number,
  pageSize: number,
): Pages {
  if (setting.dirty_bytes > 0) {
    const pages = Math.ceil(setting.dirty_bytes / pageSize);
    return asPages(mulDiv(pages, nodeMemory, Math.max(1, globalAvailable)));
  }
  return asPages(mulDiv(setting.dirty_ratio, nodeMemory, 100));
}
