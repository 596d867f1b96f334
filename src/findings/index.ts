/** The sections of a report, in its order: first what is decided by, then what led there. */
import type { FindingDefinition } from './run.ts';
import { bdiLevels } from './sections/bdi-levels.ts';
import { blockLatency } from './sections/block-latency.ts';
import { dirtiers } from './sections/dirtiers.ts';
import { dirtyLevels } from './sections/dirty-levels.ts';
import { dirtyThrottling } from './sections/dirty-throttling.ts';
import { flusher } from './sections/flusher.ts';
import { fuse } from './sections/fuse.ts';
import { metadata } from './sections/metadata.ts';
import { replayFit, throttleIdentities } from './sections/model-fit.ts';
import { otherSystems } from './sections/other-systems.ts';
import { otherWaits } from './sections/other-waits.ts';
import { pageCache } from './sections/page-cache.ts';
import { reclaim } from './sections/reclaim.ts';
import { samples } from './sections/samples.ts';
import { stallList } from './sections/stall-list.ts';
import { syncLatency } from './sections/sync-latency.ts';
import { writeBandwidth } from './sections/write-bandwidth.ts';

export const SECTIONS: readonly FindingDefinition[] = [
  dirtyLevels,
  dirtyThrottling,
  syncLatency,
  flusher,
  otherWaits,
  reclaim,
  fuse,
  dirtiers,
  bdiLevels,
  writeBandwidth,
  pageCache,
  metadata,
  blockLatency,
  samples,
  stallList,
  ...otherSystems,
  replayFit,
  throttleIdentities,
];
