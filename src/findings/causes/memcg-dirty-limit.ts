/** A cgroup’s own share of dirtyable memory pauses its writers (cgroup v2). */

import { type Advice, type CauseDefinition, type CauseOutcome, clear, unknown } from '../cause.ts';
import { dirtyingCulprits } from '../facts/dirtiers.ts';
import { pausesByReason } from '../facts/pause-reasons.ts';
import { throttleFacts } from '../facts/throttle.ts';
import type { Facts } from '../facts.ts';
import { bytes, duration } from '../format.ts';
import { median } from '../median.ts';
import {
  claimPauses,
  mainBdi,
  pauseEvidence,
  seconds,
  whoPaused,
  windowOf,
} from './from-stalls.ts';

export const memcgDirtyLimit: CauseDefinition = {
  id: 'memcg-dirty-limit',
  title: 'A cgroup’s dirty limit pauses its writers',
  question: 'Were writers paused by the dirty limit of their memory cgroup?',
  needs: [['balance_dirty_pages'], ['global_dirty_state']],
  precedes: ['device-slower-than-writers', 'dirty-limit-too-small', 'bdi-limited'],
  contradicted_by: [{ events: ['writeback_dirty_folio'], asks: 'who dirtied how much' }],
  links: [
    'Documentation/admin-guide/cgroup-v2.rst, Writeback',
    'mm/page-writeback.c, mdtc_calc_avail',
  ],
  evaluate,
};

const ADVICE: readonly Advice[] = [
  {
    kind: 'cgroup',
    text: 'Give the cgroup more memory: its dirty limit is a share of what it may cache.',
    command: 'echo 4G > /sys/fs/cgroup/GROUP/memory.high',
    unpredicted:
      'the limit is a share of what the cgroup may still cache; sample its memory.stat, ' +
      'memory.high and memory.current beside the trace',
  },
  {
    kind: 'application',
    text: 'Or write out early in the application (sync_file_range), so that less piles up.',
    unpredicted: 'how much it would leave dirty is the program’s choice; try it and compare',
  },
];

function evaluate(facts: Facts): CauseOutcome {
  const { memcg } = facts.once(pausesByReason);
  const { pauses } = facts.once(throttleFacts);
  if (pauses.length > 0 && pauses.every(({ thresh_pages }) => Number.isNaN(thresh_pages))) {
    return unknown('No global_dirty_state belongs to a pause, so that nothing can be compared.');
  }
  if (memcg.length === 0) {
    return clear('Every pause was computed from the dirty pages of the whole machine.');
  }
  const claims = claimPauses(memcg);
  const window = windowOf(facts, claims);
  const bdi = mainBdi(memcg);
  const size = facts.pageSize;
  const dirty = median(memcg.map(({ dirty_pages }) => dirty_pages)) * size;
  const limit = median(memcg.map(({ limit_pages }) => limit_pages)) * size;
  const global = median(memcg.map((pause) => pause.nr_dirty_pages + pause.nr_writeback_pages));
  return {
    status: 'found',
    bdi,
    claims,
    window_ns: window,
    summary:
      `${whoPaused(memcg)} lost ${duration(seconds(memcg) * 1e9)} to the dirty limit of a ` +
      `cgroup: ${bytes(dirty)} dirty of its ${bytes(limit)}, while the machine had ` +
      `${bytes(global * size)}.`,
    culprits: [
      { kind: 'setting', name: 'memory.high or memory.max of the cgroup', bytes: limit },
      ...dirtyingCulprits(facts, window, bdi),
    ],
    numbers: [
      {
        name: 'dirty of the domain that paused (median)',
        value: dirty,
        unit: 'bytes',
        relation: 'of',
        threshold: limit,
        source: 'balance_dirty_pages dirty, limit',
      },
      {
        name: 'dirty + writeback of the machine at the same instant (median)',
        value: global * size,
        unit: 'bytes',
        relation: '≠',
        threshold: dirty,
        source: 'global_dirty_state of the same iteration',
      },
    ],
    evidence: pauseEvidence(facts, memcg),
    counter_evidence: [
      {
        question: 'Is the number that paused them the machine’s own?',
        seen: 'no, it differs from nr_dirty + nr_writeback of the same iteration',
        result: 'for',
      },
    ],
    confidence: 0.85,
    confidence_reasons: ['A cgroup’s counters may be up to two seconds old.'],
    advice: ADVICE,
  };
}
