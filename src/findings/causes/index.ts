/** The list of causes, grouped by where tasks wait. Adding one is one file and one line. */
import type { CauseDefinition } from '../cause.ts';
import { bandwidthMisestimate } from './bandwidth-misestimate.ts';
import { bdiLimited } from './bdi-limited.ts';
import { btreeGateLivelock } from './btree-gate-livelock.ts';
import { counterUnderflow } from './counter-underflow.ts';
import { deviceSlowerThanWriters } from './device-slower-than-writers.ts';
import { dirtyLimitTooSmall } from './dirty-limit-too-small.ts';
import { dirtyableMemoryCollapse } from './dirtyable-memory-collapse.ts';
import { flusherStarved } from './flusher-starved.ts';
import { fsyncBehindBulkWriteback } from './fsync-behind-bulk-writeback.ts';
import { fuseServerStuck } from './fuse-server-stuck.ts';
import { inodeLockWait } from './inode-lock-wait.ts';
import { journalCommit } from './journal-commit.ts';
import { largeFolioOvercharge } from './large-folio-overcharge.ts';
import { memcgDirtyLimit } from './memcg-dirty-limit.ts';
import { metadataDirtyFlood } from './metadata-dirty-flood.ts';
import { periodicFlushBurst } from './periodic-flush-burst.ts';
import { globalReclaimDirty, memcgReclaimDirty } from './reclaim-dirty.ts';
import { shrinkerStall } from './shrinker-stall.ts';
import { slowBdiSharesLimit } from './slow-bdi-shares-limit.ts';
import { syncStorm } from './sync-storm.ts';
import { thresholdLowered } from './threshold-lowered.ts';

export const CAUSES: readonly CauseDefinition[] = [
  // paused in balance_dirty_pages
  deviceSlowerThanWriters,
  dirtyLimitTooSmall,
  thresholdLowered,
  dirtyableMemoryCollapse,
  bdiLimited,
  slowBdiSharesLimit,
  memcgDirtyLimit,
  bandwidthMisestimate,
  btreeGateLivelock,
  counterUnderflow,
  flusherStarved,
  largeFolioOvercharge,
  // waiting in syncs
  fsyncBehindBulkWriteback,
  syncStorm,
  journalCommit,
  periodicFlushBurst,
  metadataDirtyFlood,
  inodeLockWait,
  // waiting for a server
  fuseServerStuck,
  // short of memory
  memcgReclaimDirty,
  globalReclaimDirty,
  shrinkerStall,
];
