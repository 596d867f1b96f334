/** The list of findings in the order of the report. */
import { dirtyLevels } from './dirty-levels.ts';
import { dirtyThrottling } from './dirty-throttling.ts';
import { replayFit, throttleIdentities } from './model-fit.ts';
import { otherWaits } from './other-waits.ts';
import type { FindingDefinition } from './run.ts';
import { writeBandwidth } from './write-bandwidth.ts';

export const FINDINGS: readonly FindingDefinition[] = [
  dirtyLevels,
  dirtyThrottling,
  otherWaits,
  writeBandwidth,
  replayFit,
  throttleIdentities,
];
