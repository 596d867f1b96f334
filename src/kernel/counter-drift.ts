/**
 * How far a counter that the kernel prints may be from the truth: every CPU keeps up to `threshold`
 * pages to itself before it adds them to the shared sum (mm/vmstat.c, mod_node_state). Readers see
 * the shared sum only.
 */
import { asPages, type Pages } from '../trace/units.ts';

export type DriftBound = {
  /** Σ over nodes of online CPUs × threshold, for one node counter such as nr_dirty. */
  readonly bound_pages: Pages;
  readonly threshold_pages: Pages;
  readonly cpus: number;
  readonly because: 'zoneinfo' | 'memory-size' | 'largest-possible';
};

/** calculate_normal_threshold never exceeds this. */
const LARGEST_THRESHOLD = 125;

/**
 * The bound from /proc/zoneinfo where it was saved, else from the memory's size (the largest zone
 * is not larger than all memory, so this errs on the wide side), else the largest that can be.
 */
export function counterDrift(facts: {
  readonly cpus: number;
  readonly zoneinfo?: string | undefined;
  readonly meminfo?: string | undefined;
}): DriftBound {
  const nodes = nodeThresholds(facts.zoneinfo ?? '');
  if (nodes.length > 0) {
    const sum = nodes.reduce((total, node) => total + node, 0);
    return bound(facts.cpus, sum, Math.max(...nodes), 'zoneinfo');
  }
  // MemTotal:       24684096 kB
  const memory = /^MemTotal:\s+(\d+) kB/m.exec(facts.meminfo ?? '')?.[1];
  if (memory !== undefined) {
    const threshold = normalThreshold(facts.cpus, Number(memory) * 1024);
    return bound(facts.cpus, threshold, threshold, 'memory-size');
  }
  return bound(facts.cpus, LARGEST_THRESHOLD, LARGEST_THRESHOLD, 'largest-possible');
}

function bound(
  cpus: number,
  sum: number,
  threshold: number,
  because: DriftBound['because'],
): DriftBound {
  return {
    bound_pages: asPages(cpus * sum),
    threshold_pages: asPages(threshold),
    cpus,
    because,
  };
}

/**
 * Largest `vm stats threshold` of each node's zones: the node's own (refresh_zone_stat_thresholds).
 */
function nodeThresholds(zoneinfo: string): number[] {
  const nodes = new Map<string, number>();
  let node = '';
  for (const line of zoneinfo.split('\n')) {
    // Node 0, zone   Normal
    const header = /^Node (\d+), zone/.exec(line);
    if (header !== null) node = header[1] ?? '';
    //   vm stats threshold: 36
    const threshold = /^\s*vm stats threshold: (\d+)/.exec(line)?.[1];
    if (threshold !== undefined) nodes.set(node, Math.max(nodes.get(node) ?? 0, Number(threshold)));
  }
  return [...nodes.values()];
}

/** min(125, 2·fls(cpus)·(1 + fls(memory in units of 128 MiB))) (calculate_normal_threshold). */
function normalThreshold(cpus: number, memoryBytes: number): number {
  const units = Math.floor(memoryBytes / 2 ** 27);
  return Math.min(LARGEST_THRESHOLD, 2 * lastBit(cpus) * (1 + lastBit(units)));
}

/** fls(): the position of the highest bit, counted from one. */
function lastBit(value: number): number {
  return value <= 0 ? 0 : Math.floor(Math.log2(value)) + 1;
}
