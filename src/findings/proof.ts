/** Which chart proves a verdict: what stalled, against what it is said to have waited for. */

const LEVELS = 'dirty-levels';

/** Ids of charts, the best first; of those the first that the capture allows is shown. */
const PROOFS: Readonly<Record<string, readonly string[]>> = {
  'bandwidth-misestimate': ['bandwidth-0'],
  'bdi-limited': ['bdi-levels-0'],
  'btree-gate-livelock': ['metadata'],
  'flusher-starved': ['flusher-works'],
  'fsync-behind-bulk-writeback': ['sync-lanes'],
  'fuse-server-stuck': ['fuse-in-flight'],
  'global-reclaim-dirty': ['reclaim', 'waits'],
  'inode-lock-wait': ['sync-lanes', 'waits'],
  'journal-commit': ['sync-lanes'],
  'large-folio-overcharge': ['pauses'],
  'memcg-dirty-limit': ['bdi-levels-0'],
  'memcg-reclaim-dirty': ['reclaim', 'waits'],
  'metadata-dirty-flood': ['metadata', 'sync-lanes'],
  'periodic-flush-burst': ['sync-lanes', 'flusher-works'],
  'shrinker-stall': ['waits', 'reclaim'],
  'slow-bdi-shares-limit': ['bdi-levels-0'],
  'sync-storm': ['sync-lanes'],
};

/** Where nothing else is there to show. */
const FALLBACK = [LEVELS, 'waits', 'pauses', 'flusher-works', 'dirtiers', 'reclaim'];

export function proofCharts(cause: string): readonly string[] {
  return [...(PROOFS[cause] ?? []), ...FALLBACK];
}
