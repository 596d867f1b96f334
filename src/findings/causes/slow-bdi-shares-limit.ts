/** A slow device holds more than its part of the shared limit; writers of others are paused. */

import {
  type Advice,
  type CauseDefinition,
  type CauseOutcome,
  type Culprit,
  clear,
} from '../cause.ts';
import { dirtiedIn, dirtyingCulprits } from '../facts/dirtiers.ts';
import { pausesByReason } from '../facts/pause-reasons.ts';
import { type Pause, throttleFacts } from '../facts/throttle.ts';
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

export const slowBdiSharesLimit: CauseDefinition = {
  id: 'slow-bdi-shares-limit',
  title: 'A slow device holds the shared dirty limit',
  question: 'Were writers paused although their own device held less than its part of the limit?',
  needs: [['balance_dirty_pages']],
  precedes: ['device-slower-than-writers', 'dirty-limit-too-small'],
  contradicted_by: [
    { events: ['global_dirty_state'], asks: 'whether the machine was above its free run' },
    { events: ['writeback_dirty_folio'], asks: 'who dirtied the excess' },
  ],
  links: [
    'Documentation/admin-guide/sysctl/vm.rst, dirty_bytes',
    'Documentation/ABI/testing/sysfs-class-bdi, max_ratio',
  ],
  evaluate,
};

function evaluate(facts: Facts): CauseOutcome {
  const victims = facts.once(pausesByReason)['other-bdi'];
  if (victims.length === 0) {
    return clear('Every paused writer’s own bdi held at least its part of the dirty pages.');
  }
  const claims = claimPauses(victims);
  const window = windowOf(facts, claims);
  const bdi = mainBdi(victims);
  const holder = holderOf(facts, victims, bdi, window);
  const of = (value: (pause: Pause) => number) => median(victims.map(value)) * facts.pageSize;
  const others = of(({ dirty_pages, wb_dirty_pages }) => dirty_pages - wb_dirty_pages);
  const allowed = of(({ setpoint_pages, wb_setpoint_pages }) => setpoint_pages - wb_setpoint_pages);
  const own = of(({ wb_dirty_pages }) => wb_dirty_pages);
  const part = of(({ wb_setpoint_pages }) => wb_setpoint_pages);
  const lost = seconds(victims);
  const slow = holderText(holder);
  return {
    status: 'found',
    bdi,
    claims,
    window_ns: window,
    summary:
      `${whoPaused(victims)} lost ${duration(lost * 1e9)} on bdi ${bdi}, which held only ` +
      `${bytes(own)} of its part of ${bytes(part)}: ${slow} held ${bytes(others)} dirty ` +
      `where its part is ${bytes(allowed)}, and the limit is shared.`,
    culprits: culprits(facts, window, holder),
    numbers: [
      {
        name: `dirty + writeback of bdi ${bdi} while its writers were paused (median)`,
        value: own,
        unit: 'bytes',
        relation: '<',
        threshold: part,
        source: 'balance_dirty_pages wb_dirty, wb_setpoint',
      },
      {
        name: `dirty + writeback of all other bdis (median)`,
        value: others,
        unit: 'bytes',
        relation: '>',
        threshold: allowed,
        source: 'balance_dirty_pages dirty − wb_dirty, setpoint − wb_setpoint',
      },
    ],
    evidence: pauseEvidence(facts, victims),
    counter_evidence: [
      {
        question: 'Would the writers have been paused without the excess of the others?',
        seen: 'no: without it the machine would have been below free run at every such pause',
        result: 'for',
      },
    ],
    confidence: holder === undefined ? 0.8 : 0.93,
    confidence_reasons:
      holder === undefined ? ['Which bdi holds the excess could not be told.'] : [],
    advice: adviceFor(bdi, holder, victims.length, pausesOn(facts, bdi)),
  };
}

/** The other bdi that held most: by its own events' wb_dirty, else by what was dirtied on it. */
function holderOf(
  facts: Facts,
  victims: readonly Pause[],
  bdi: string,
  window: readonly [number, number],
): string | undefined {
  const held = new Map<string, number>();
  for (const pause of facts.once(pausesByReason)['own-bdi']) {
    if (pause.bdi === bdi || pause.ts_ns < window[0] || pause.ts_ns > window[1]) continue;
    held.set(pause.bdi, Math.max(held.get(pause.bdi) ?? 0, pause.wb_dirty_pages));
  }
  const [byEvent] = [...held].sort(([, left], [, right]) => right - left);
  if (byEvent !== undefined) return byEvent[0];
  const dirtied = dirtiedIn(facts, [0, window[1]]);
  const needed = median(victims.map((pause) => pause.dirty_pages - pause.wb_dirty_pages));
  const [byPages] = [...(dirtied?.bdis ?? [])]
    .filter(([name, pages]) => name !== bdi && pages >= needed / 2)
    .sort(([, left], [, right]) => right - left);
  return byPages?.[0];
}

/** Of its writers, for whatever reason. */
function pausesOn(facts: Facts, bdi: string): number {
  const { pauses } = facts.once(throttleFacts);
  return pauses.reduce((sum, pause) => sum + (pause.bdi === bdi ? 1 : 0), 0);
}

function culprits(
  facts: Facts,
  window: readonly [number, number],
  holder: string | undefined,
): readonly Culprit[] {
  if (holder === undefined) return [];
  const from: readonly [number, number] = [0, window[1]];
  return [{ kind: 'bdi', name: holder, bdi: holder }, ...dirtyingCulprits(facts, from, holder)];
}

function holderText(holder: string | undefined): string {
  return holder === undefined ? 'other devices' : `bdi ${holder}`;
}

/** Of the pauses on the bdi, `freed` would not have been without the excess of the others. */
function adviceFor(
  bdi: string,
  holder: string | undefined,
  freed: number,
  paused: number,
): Advice[] {
  return [
    {
      kind: 'bdi',
      text: `Cap what ${holderText(holder)} may hold, so that it cannot use up the shared limit.`,
      command: `echo 10 > /sys/class/bdi/${holder ?? 'MAJOR:MINOR'}/max_ratio`,
      predicted:
        `without the excess of the others, ${percent(freed / paused)} of the ` +
        `${count(paused, 'pause')} on bdi ${bdi} would have been below free run (level a)`,
    },
    {
      kind: 'bdi',
      text: 'Make the cap strict, so that the slow device is held to it before the limit is near.',
      command: `echo 1 > /sys/class/bdi/${holder ?? 'MAJOR:MINOR'}/strict_limit`,
      unpredicted:
        'how little it would hold depends on its share of what is written then; set it, record ' +
        'again and compare',
    },
  ];
}
