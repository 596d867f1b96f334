/** Thresholds in percent sank with the memory that may be dirty, until they paused writers. */

import {
  type Advice,
  type CauseDefinition,
  type CauseOutcome,
  clear,
  notApplicable,
} from '../cause.ts';
import { dirtyingCulprits } from '../facts/dirtiers.ts';
import { pausesByReason } from '../facts/pause-reasons.ts';
import type { Facts } from '../facts.ts';
import { bytes, duration, percent } from '../format.ts';
import { median } from '../median.ts';
import {
  claimPauses,
  mainBdi,
  pauseEvidence,
  rowEvidence,
  seconds,
  whoPaused,
  windowOf,
} from './from-stalls.ts';

export const dirtyableMemoryCollapse: CauseDefinition = {
  id: 'dirtyable-memory-collapse',
  title: 'Dirtyable memory shrank, and the thresholds with it',
  question: 'Did percent thresholds sink with free and cached memory until writers were paused?',
  needs: [['balance_dirty_pages'], ['global_dirty_state']],
  precedes: ['dirty-limit-too-small', 'device-slower-than-writers', 'slow-bdi-shares-limit'],
  links: [
    'Documentation/admin-guide/sysctl/vm.rst, dirty_ratio',
    'mm/page-writeback.c, global_dirtyable_memory',
  ],
  evaluate,
};

/** The threshold must have lost this share of its highest value while the settings stayed. */
const LEAST_LOSS = 0.25;

function evaluate(facts: Facts): CauseOutcome {
  const { dirty } = facts;
  const { steps } = facts.thresholds;
  if (dirty === undefined || steps.length === 0) return clear('No threshold was recorded.');
  const percentSteps = steps.filter(({ thresh }) => thresh.kind === 'percent');
  if (percentSteps.length === 0) {
    return notApplicable('The thresholds are set in bytes: memory does not move them.');
  }
  const reasons = facts.once(pausesByReason);
  const all = [...reasons['own-bdi'], ...reasons['other-bdi']];
  let best: { row: number; free: number; thresh: number; pauses: typeof all } | undefined;
  for (const step of percentSteps) {
    const peak = highestThreshold(facts, step.first_row, step.last_row);
    if (peak === undefined) continue;
    const pauses = all.filter(
      ({ ts_ns, dirty_pages, thresh_pages }) =>
        ts_ns >= peak.ts_ns &&
        ts_ns <= step.to_ns &&
        thresh_pages < (1 - LEAST_LOSS) * peak.thresh &&
        dirty_pages <= peak.free,
    );
    if (best === undefined || seconds(pauses) > seconds(best.pauses)) best = { ...peak, pauses };
  }
  if (best === undefined || best.pauses.length === 0) {
    return clear('No writer was paused at a level that was free when memory was plenty.');
  }
  const { pauses, thresh } = best;
  const claims = claimPauses(pauses);
  const window = windowOf(facts, claims);
  const bdi = mainBdi(pauses);
  const size = facts.pageSize;
  const now = median(pauses.map(({ thresh_pages }) => thresh_pages)) * size;
  return {
    status: 'found',
    bdi,
    claims,
    window_ns: window,
    summary:
      `The dirty threshold sank from ${bytes(thresh * size)} to ${bytes(now)} with the memory ` +
      `that may be dirty, and ${whoPaused(pauses)} lost ${duration(seconds(pauses) * 1e9)} to it.`,
    culprits: [
      { kind: 'setting', name: 'vm.dirty_ratio' },
      ...dirtyingCulprits(facts, window, bdi),
    ],
    numbers: [
      {
        name: 'dirty threshold at the pauses (median)',
        value: now,
        unit: 'bytes',
        relation: '<',
        threshold: thresh * size,
        source: 'global_dirty_state thresh; its highest value under the same settings',
      },
    ],
    evidence: [
      ...rowEvidence(facts, 'global_dirty_state', [best.row]),
      ...pauseEvidence(facts, pauses),
    ],
    counter_evidence: [
      {
        question: 'Did somebody change the settings?',
        seen: 'no: the same percentage explains the thresholds before and after',
        result: 'for',
      },
    ],
    confidence: 0.85,
    confidence_reasons: [],
    advice: adviceFor(thresh * size, pauses.length / Math.max(1, all.length)),
  };
}

/** The row at which the threshold was highest, with the free run of that moment. */
function highestThreshold(facts: Facts, first: number, last: number) {
  const state = facts.trace.tables.get('global_dirty_state');
  const column = state?.columns.dirty_thresh_pages;
  const { dirty } = facts;
  if (column?.kind !== 'number' || dirty === undefined) return undefined;
  let row = first;
  for (let at = first; at <= last; at++) {
    if ((column.values[at] as number) > (column.values[row] as number)) row = at;
  }
  return {
    row,
    ts_ns: dirty.ts_ns[row] as number,
    thresh: column.values[row] as number,
    free: dirty.freerun_pages[row] as number,
  };
}

function adviceFor(thresh_bytes: number, free_share: number): Advice[] {
  return [
    {
      kind: 'sysctl',
      text: 'Set the thresholds in bytes, so that they stay where they are.',
      command: `sysctl -w vm.dirty_bytes=${Math.round(thresh_bytes)}`,
      predicted:
        `${percent(free_share)} of the pauses were at levels below ` +
        'the free run of that threshold (level a)',
    },
    {
      kind: 'application',
      text: 'Find what took the memory: anonymous memory and slab are not dirtyable.',
      unpredicted: 'what took it is in no event; sample /proc/meminfo beside the trace',
    },
  ];
}
