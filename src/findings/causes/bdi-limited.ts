/** The bdi's own limit pauses its writers while the machine as a whole is far from its limit. */

import {
  type Advice,
  type CauseDefinition,
  type CauseOutcome,
  type Comparison,
  clear,
} from '../cause.ts';
import { dirtyingCulprits } from '../facts/dirtiers.ts';
import { maxRatio, pausesByReason, wbThreshPages } from '../facts/pause-reasons.ts';
import type { Pause } from '../facts/throttle.ts';
import type { Facts } from '../facts.ts';
import { bytes, count, duration, percent } from '../format.ts';
import { median } from '../median.ts';
import {
  claimPauses,
  mainBdi,
  pauseEvidence,
  seconds,
  whoPaused,
  windowOf,
} from './from-stalls.ts';

export const bdiLimited: CauseDefinition = {
  id: 'bdi-limited',
  title: 'The bdi’s own limit (strict_limit, max_ratio) pauses its writers',
  question: 'Were writers paused by the limit of their bdi while the machine was below free run?',
  needs: [['balance_dirty_pages']],
  precedes: [
    'device-slower-than-writers',
    'dirty-limit-too-small',
    'threshold-lowered',
    'bandwidth-misestimate',
  ],
  contradicted_by: [
    { events: ['global_dirty_state'], asks: 'whether the machine was above its free run' },
  ],
  links: [
    'Documentation/ABI/testing/sysfs-class-bdi, max_ratio and strict_limit',
    'mm/page-writeback.c, bdi_set_strict_limit',
  ],
  evaluate,
};

function evaluate(facts: Facts): CauseOutcome {
  const { strictlimit, 'bdi-cap': capped } = facts.once(pausesByReason);
  const pauses = [...strictlimit, ...capped].sort((left, right) => left.ts_ns - right.ts_ns);
  if (pauses.length === 0) {
    return clear('No pause happened below free run, and no bdi was held down by its max_ratio.');
  }
  const claims = claimPauses(pauses);
  const window = windowOf(facts, claims);
  const bdi = mainBdi(pauses);
  const own = pauses.filter((pause) => pause.bdi === bdi);
  const size = facts.pageSize;
  const cap = median(own.map(wbThreshPages)) * size;
  const dirty = median(own.map(({ dirty_pages }) => dirty_pages)) * size;
  const freerun = median(own.map(({ freerun_pages }) => freerun_pages)) * size;
  const limit = median(own.map(({ limit_pages }) => limit_pages)) * size;
  const isStrict = seconds(strictlimit) >= seconds(capped);
  const ratio = maxRatio(facts, bdi);
  const word = isStrict ? 'strict_limit' : 'max_ratio';
  return {
    status: 'found',
    bdi,
    claims,
    window_ns: window,
    summary:
      `${whoPaused(own)} lost ${duration(seconds(own) * 1e9)} to the ${word} of bdi ${bdi}: ` +
      `${mayHold(own, cap)} while the machine had ${bytes(dirty)} dirty of ${bytes(limit)}.`,
    culprits: [
      { kind: 'setting', name: `/sys/class/bdi/${bdi}/${word}`, bdi },
      ...dirtyingCulprits(facts, window, bdi),
    ],
    numbers: comparisons({ bdi, isStrict, ratio, dirty, freerun, cap, limit }),
    evidence: pauseEvidence(facts, own),
    counter_evidence: [
      {
        question: 'Was the machine itself above free run, so that anybody would be paused?',
        seen: isStrict
          ? `no, at ${percent(strictlimit.length / pauses.length)} of these pauses it was below`
          : 'yes, but the bdi’s part was cut by its max_ratio',
        result: 'for',
      },
    ],
    confidence: isStrict ? 0.95 : 0.85,
    confidence_reasons: [],
    advice: advice(bdi, isStrict, ratio, cap, freeOfWhole(own)),
  };
}

type Measured = {
  readonly bdi: string;
  readonly isStrict: boolean;
  readonly ratio: number | undefined;
  readonly dirty: number;
  readonly freerun: number;
  readonly cap: number;
  readonly limit: number;
};

function comparisons(measured: Measured): Comparison[] {
  const { bdi, isStrict, ratio, dirty, freerun, cap, limit } = measured;
  const numbers: Comparison[] = [
    {
      name: 'dirty + writeback of the machine at the pauses (median)',
      value: dirty,
      unit: 'bytes',
      relation: isStrict ? '≤' : '>',
      threshold: freerun,
      source: 'balance_dirty_pages dirty; free run from global_dirty_state',
    },
    {
      name: `part of bdi ${bdi} of the limit (median, from wb_setpoint)`,
      value: cap,
      unit: 'bytes',
      relation: 'of',
      threshold: limit,
      source: 'balance_dirty_pages wb_setpoint, limit',
    },
  ];
  if (ratio !== undefined) {
    const name = `max_ratio of bdi ${bdi}`;
    numbers.push({
      name,
      value: 100 * ratio,
      unit: 'percent',
      relation: '<',
      threshold: 100,
      source: 'meta.json',
    });
  }
  return numbers;
}

/** A part of zero is what 6.13 and before give to a bdi that was idle (wb_thresh). */
function mayHold(own: readonly Pause[], cap: number): string {
  const zero = own.filter((pause) => wbThreshPages(pause) < 1).length;
  if (zero === own.length)
    return 'its part of the limit (wb_thresh) is 0, so that it may hold nothing';
  const times = zero === 0 ? '' : ` (wb_thresh 0 at ${count(zero, 'of them', 'of them')})`;
  return `it may hold ${bytes(cap)}${times}`;
}

/**
 * Share of pauses at which the bdi held less than the free run of the whole limit: what its part is
 * when it does all the writing.
 */
function freeOfWhole(pauses: readonly Pause[]): number {
  const known = pauses.filter(({ freerun_pages }) => freerun_pages > 0);
  const free = known.filter((pause) => pause.wb_dirty_pages <= pause.freerun_pages);
  return known.length === 0 ? Number.NaN : free.length / known.length;
}

function advice(
  bdi: string,
  isStrict: boolean,
  ratio: number | undefined,
  cap: number,
  free: number,
): Advice[] {
  const list: Advice[] = [];
  if (isStrict && cap < 1) {
    list.push({
      kind: 'bdi',
      text:
        `Give bdi ${bdi} a part that it keeps while idle; kernels from 6.14 do so by themselves ` +
        'for a bdi with a strict limit.',
      command: `echo 1 > /sys/class/bdi/${bdi}/min_ratio`,
      unpredicted: 'its part also follows what it wrote lately; set it, record again and compare',
    });
  }
  if (ratio === undefined || ratio < 1) {
    list.push({
      kind: 'bdi',
      text: `Raise max_ratio of bdi ${bdi}: it is the bdi’s largest share of the dirty limit.`,
      command: `echo 100 > /sys/class/bdi/${bdi}/max_ratio`,
      ...(Number.isNaN(free)
        ? { unpredicted: 'free run was not recorded (writeback:global_dirty_state)' }
        : {
            predicted:
              `at ${percent(free)} of the pauses it held less than the free run of the whole ` +
              'limit, which is its part when it does all the writing (level a)',
          }),
    });
  }
  if (isStrict) {
    list.push({
      kind: 'bdi',
      text: 'Switch the strict limit off if the device (or FUSE server) can be trusted with memory.',
      command: `echo 0 > /sys/class/bdi/${bdi}/strict_limit`,
      predicted:
        'below free run nobody is paused, so that none of the pauses that the strict limit made ' +
        'would have been (level a)',
    });
  }
  return list;
}
