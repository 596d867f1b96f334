/** The dirty threshold was lowered while the machine ran; writers were paused from then on. */

import type { SettingsStep } from '../../replay/threshold-settings.ts';
import {
  type Advice,
  type CauseDefinition,
  type CauseOutcome,
  type Comparison,
  clear,
} from '../cause.ts';
import { dirtyingCulprits } from '../facts/dirtiers.ts';
import { pausesByReason } from '../facts/pause-reasons.ts';
import type { Pause } from '../facts/throttle.ts';
import { predictPauses } from '../facts/what-if.ts';
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

export const thresholdLowered: CauseDefinition = {
  id: 'threshold-lowered',
  title: 'The dirty threshold was lowered',
  question: 'Did pauses begin when somebody lowered the dirty threshold?',
  needs: [['balance_dirty_pages'], ['global_dirty_state']],
  precedes: ['dirty-limit-too-small', 'device-slower-than-writers', 'slow-bdi-shares-limit'],
  links: ['Documentation/admin-guide/sysctl/vm.rst, dirty_bytes, dirty_ratio'],
  evaluate,
};

/** A step down of less than this share is drift of memory, or somebody's fine tuning. */
const LEAST_STEP = 0.1;

type Drop = { readonly before: SettingsStep; readonly after: SettingsStep };

function evaluate(facts: Facts): CauseOutcome {
  const drops = dropsOf(facts.thresholds.steps);
  if (drops.length === 0) return clear('The dirty threshold was not lowered in this capture.');
  const reasons = facts.once(pausesByReason);
  const pauses = [...reasons['own-bdi'], ...reasons['other-bdi']].sort(
    (left, right) => left.ts_ns - right.ts_ns,
  );
  const explained = drops
    .map((drop) => ({ drop, pauses: pauses.filter((pause) => wouldBeFree(pause, drop, facts)) }))
    .sort((left, right) => seconds(right.pauses) - seconds(left.pauses))[0];
  if (explained === undefined || explained.pauses.length === 0) {
    return clear('After the threshold was lowered, nobody was paused who would have run before.');
  }
  const { drop } = explained;
  const rates = pausedRates(facts, drop, explained.pauses, pauses);
  if (rates.before >= PAUSED_AS_MUCH * rates.after) {
    const [old, now] = [drop.before.thresh_pages.low, drop.after.thresh_pages.high];
    return clear(
      `The threshold was lowered from ${bytes(old * facts.pageSize)} to ` +
        `${bytes(now * facts.pageSize)}, but writers were paused as much before: ` +
        `${percent(rates.before)} of the time, ${percent(rates.after)} afterwards.`,
    );
  }
  return found(facts, drop, explained.pauses, pauses, rates);
}

/** Who was paused half as much before the change was not made to wait by it. */
const PAUSED_AS_MUCH = 0.5;

type PausedRates = { readonly before: number; readonly after: number };

/** Task-seconds of pauses per second before the change and after it. */
function pausedRates(
  facts: Facts,
  { after }: Drop,
  explained: readonly Pause[],
  all: readonly Pause[],
): PausedRates {
  const from_ns = changeTime(after, facts);
  const rate = (list: readonly Pause[], length_ns: number) =>
    seconds(list) / Math.max(1e-3, length_ns / 1e9);
  return {
    before: rate(
      all.filter(({ ts_ns }) => ts_ns < from_ns),
      from_ns,
    ),
    after: rate(explained, facts.duration_ns - from_ns),
  };
}

function dropsOf(steps: readonly SettingsStep[]): Drop[] {
  return steps.flatMap((after, index) => {
    const before = steps[index - 1];
    if (before === undefined || after.changed.length === 0) return [];
    const lower = after.thresh_pages.high < (1 - LEAST_STEP) * before.thresh_pages.low;
    return lower ? [{ before, after }] : [];
  });
}

/** Under the thresholds before, the level of this pause would have been in free run. */
function wouldBeFree(pause: Pause, { before, after }: Drop, facts: Facts): boolean {
  if (pause.ts_ns < changeTime(after, facts)) return false;
  const freerun = (before.thresh_pages.low + before.background_pages.low) / 2;
  return pause.dirty_pages <= freerun;
}

/** Less than this before the change does not show how much writers were paused then. */
const LEAST_BEFORE_NS = 5e8;

/** The first reading under the new settings; the write came after the last one under the old. */
function changeTime(step: SettingsStep, { duration_ns }: Facts): number {
  return Math.min(step.from_ns, duration_ns);
}

function found(
  facts: Facts,
  { before, after }: Drop,
  pauses: readonly Pause[],
  all: readonly Pause[],
  rates: PausedRates,
): CauseOutcome {
  const claims = claimPauses(pauses);
  const bdi = mainBdi(pauses);
  const size = facts.pageSize;
  const { comm, pid } = after.first_reader;
  const from_ns = changeTime(after, facts);
  const [, to_ns] = windowOf(facts, claims);
  const earlier = all.filter(({ ts_ns }) => ts_ns < from_ns);
  const level = median(pauses.map(({ dirty_pages }) => dirty_pages)) * size;
  const free = ((before.thresh_pages.low + before.background_pages.low) / 2) * size;
  const [old, now] = [before.thresh_pages.low * size, after.thresh_pages.high * size];
  return {
    status: 'found',
    bdi,
    claims,
    window_ns: [from_ns, to_ns],
    summary:
      `The dirty threshold was lowered from ${bytes(old)} to ${bytes(now)} at ` +
      `${duration(from_ns)}; from then on ${whoPaused(pauses)} lost ` +
      `${duration(seconds(pauses) * 1e9)} at levels that were free before.`,
    culprits: [
      {
        kind: 'setting',
        name: after.thresh.kind === 'percent' ? 'vm.dirty_ratio' : 'vm.dirty_bytes',
      },
      {
        kind: 'task',
        name: `${comm} (pid ${pid}), first seen with the new value`,
        pid,
      },
      ...dirtyingCulprits(facts, [from_ns, to_ns], bdi),
    ],
    numbers: comparisons({ old, now, level, free }, rates),
    evidence: [
      ...rowEvidence(facts, 'global_dirty_state', [after.first_row - 1, after.first_row]),
      ...pauseEvidence(facts, pauses),
    ],
    counter_evidence: [
      {
        question: 'Were writers paused as much before the change?',
        seen: `before, ${duration(seconds(earlier) * 1e9)} in ${duration(from_ns)}`,
        result: 'for',
      },
    ],
    confidence: from_ns >= LEAST_BEFORE_NS ? 0.95 : 0.7,
    confidence_reasons:
      from_ns >= LEAST_BEFORE_NS
        ? []
        : [`Only ${duration(from_ns)} before the change were recorded.`],
    advice: adviceFor(
      facts,
      bdi,
      { dirty_bytes: old, background_bytes: before.background_pages.low * size },
      pauses.length / Math.max(1, pausesAfter(all, from_ns)),
    ),
  };
}

function pausesAfter(all: readonly Pause[], from_ns: number): number {
  return all.filter(({ ts_ns }) => ts_ns >= from_ns).length;
}

function adviceFor(
  facts: Facts,
  bdi: string,
  old: { readonly dirty_bytes: number; readonly background_bytes: number },
  free_share: number,
): Advice[] {
  const simulated = predictPauses(facts, bdi, old);
  const law =
    `${percent(free_share)} of the pauses after the change were at levels below the free run of ` +
    'before (level a)';
  const more = 'predicted' in simulated ? `; ${simulated.predicted}` : '';
  const [high, low] = [old.dirty_bytes, old.background_bytes].map(Math.round);
  return [
    {
      kind: 'sysctl',
      text: 'Set the thresholds back, and find what set them (tuned profile, boot script, agent).',
      command: `sysctl -w vm.dirty_bytes=${high} vm.dirty_background_bytes=${low}`,
      predicted: `${law}${more}`,
    },
  ];
}

function comparisons(
  sizes: { old: number; now: number; level: number; free: number },
  rates: PausedRates,
): Comparison[] {
  return [
    {
      name: 'dirty threshold after the change',
      value: sizes.now,
      unit: 'bytes',
      relation: '<',
      threshold: sizes.old,
      source: 'global_dirty_state thresh, before and after',
    },
    {
      name: 'dirty + writeback at the pauses (median)',
      value: sizes.level,
      unit: 'bytes',
      relation: '≤',
      threshold: sizes.free,
      source: 'balance_dirty_pages dirty; free run under the thresholds before',
    },
    {
      name: 'paused task-seconds per second after the change',
      value: rates.after,
      unit: 'none',
      relation: '>',
      threshold: rates.before,
      source: 'balance_dirty_pages pause; before the change',
    },
  ];
}
