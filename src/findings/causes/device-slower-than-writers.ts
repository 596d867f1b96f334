/** Writers dirty more than their device takes; the throttle does its work. */

import {
  type Advice,
  type CauseDefinition,
  type CauseOutcome,
  type CounterEvidence,
  type Culprit,
  clear,
} from '../cause.ts';
import { dirtiedIn, dirtyingCulprits } from '../facts/dirtiers.ts';
import { pausesByReason } from '../facts/pause-reasons.ts';
import { estimatedRate, writebackBusyShare, writtenRate } from '../facts/rates.ts';
import { syncsByReason } from '../facts/sync-reasons.ts';
import type { SyncWait } from '../facts/sync-waits.ts';
import type { Pause } from '../facts/throttle.ts';
import { predictFasterDevice, predictPauses } from '../facts/what-if.ts';
import { predictWait } from '../facts/what-if-sync.ts';
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
import {
  bdiOfWaits,
  claimWaits,
  longestOf,
  longWaits,
  SYNC_EVENTS,
  waitEvidence,
} from './sync-parts.ts';

export const deviceSlowerThanWriters: CauseDefinition = {
  id: 'device-slower-than-writers',
  title: 'The device is slower than its writers',
  question: 'Were writers paused because their own device could not take what they dirtied?',
  needs: [['balance_dirty_pages', ...SYNC_EVENTS]],
  precedes: [],
  contradicted_by: [
    {
      events: ['global_dirty_state'],
      asks: 'whether the device was at work, and whose limit it was',
    },
    { events: ['writeback_dirty_folio'], asks: 'who dirtied how much' },
  ],
  links: ['mm/page-writeback.c, balance_dirty_pages', 'Documentation/admin-guide/sysctl/vm.rst'],
  evaluate,
};

function evaluate(facts: Facts): CauseOutcome {
  const reasons = facts.once(pausesByReason);
  const pauses = [...reasons['own-bdi'], ...reasons.unpaired].sort(
    (left, right) => left.ts_ns - right.ts_ns,
  );
  // A sync of one's own data takes as long as the device needs for it.
  const waits = longWaits(facts, facts.once(syncsByReason)['own-data']);
  if (pauses.length === 0) {
    return waits.length > 0
      ? ownSyncs(facts, waits)
      : clear('No writer was paused for the dirty pages of its own bdi, or waited to sync them.');
  }
  const claims = claimPauses(pauses);
  for (const [stall, ns] of claimWaits(facts, waits).entries()) claims.add(stall, ns);
  const window = windowOf(facts, claims);
  const bdi = mainBdi(pauses);
  const own = pauses.filter((pause) => pause.bdi === bdi);
  const rates = ratesOf(facts, bdi, window);
  const size = facts.pageSize;
  const limit = median(own.map(({ limit_pages }) => limit_pages)) * size;
  const held = median(own.map(({ wb_dirty_pages }) => wb_dirty_pages)) * size;
  const counter = counterEvidence(facts, window, rates);
  const doubts = counter.filter(({ result }) => result === 'against').length;
  return {
    status: 'found',
    bdi,
    claims,
    window_ns: window,
    summary: sentence(own, bdi, rates, size),
    culprits: [
      { kind: 'device', name: bdi, bdi },
      ...dirtyingCulprits(facts, [0, window[1]], bdi),
    ] satisfies Culprit[],
    numbers: [
      {
        name: `dirty + writeback of bdi ${bdi} at the pauses (median)`,
        value: held,
        unit: 'bytes',
        relation: 'of',
        threshold: limit,
        source: 'balance_dirty_pages wb_dirty, limit',
      },
      ...(rates.written === undefined || rates.dirtied === undefined
        ? []
        : [
            {
              name: 'dirtied per second, of what was written',
              value: rates.dirtied * size,
              unit: 'bytes_per_s' as const,
              relation: 'of' as const,
              threshold: rates.written * size,
              source: 'writeback_dirty_folio; nr_written of global_dirty_state',
            },
          ]),
    ],
    evidence: pauseEvidence(facts, own),
    counter_evidence: counter,
    confidence: 0.9 * 0.75 ** doubts * (own.length < 5 ? 0.7 : 1),
    confidence_reasons: own.length < 5 ? [`Only ${count(own.length, 'pause')} recorded.`] : [],
    advice: adviceFor(facts, bdi, rateText(rates, size), limit),
  };
}

/** Nobody was paused, but syncs of their own data took long. */
function ownSyncs(facts: Facts, waits: readonly SyncWait[]): CauseOutcome {
  const claims = claimWaits(facts, waits);
  const window = windowOf(facts, claims);
  const bdi = bdiOfWaits(waits);
  const longest = longestOf(waits);
  const size = facts.pageSize;
  const own = (longest?.own_pages ?? 0) * size;
  const rates: Rates = {
    written: writtenRate(facts, window),
    estimated: undefined,
    dirtied: undefined,
  };
  const where = bdi === undefined ? '' : ` on bdi ${bdi}`;
  return {
    status: 'found',
    bdi,
    claims,
    window_ns: window,
    summary:
      `${whoPaused(waits)} lost ${duration(claims.total_ns())} syncing their own data${where}: ` +
      `the longest took ${duration(longest?.own_ns ?? 0)} for ${bytes(own)}; the device took ` +
      `${rateText(rates, size)}.`,
    culprits: [
      ...(bdi === undefined ? [] : [{ kind: 'device' as const, name: bdi, bdi }]),
      ...dirtyingCulprits(facts, [0, window[1]], bdi),
    ],
    numbers: [
      {
        name: 'own dirty data in the longest sync',
        value: own,
        unit: 'bytes',
        relation: 'of',
        threshold: (longest?.written_pages ?? 0) * size,
        source: 'writeback_dirty_folio of the inode; nr_written meanwhile',
      },
    ],
    evidence: waitEvidence(facts, waits),
    counter_evidence: counterEvidence(facts, window, rates),
    confidence: 0.8,
    confidence_reasons: [],
    advice: [
      {
        kind: 'application',
        text: 'Sync earlier and more often, so that each sync has less to write.',
        ...predictWait(
          facts,
          { bytes: own, took_ns: longest?.own_ns ?? 0 },
          own / 2,
          'of its own data with twice as many syncs',
        ),
      },
      {
        kind: 'device',
        text: 'A faster device, or lifting a throttle on it, is the cure.',
        unpredicted: 'a sync takes what its data takes; how fast another device is, only it tells',
      },
    ],
  };
}

type Rates = {
  /** Pages per second. */
  readonly written: number | undefined;
  readonly estimated: number | undefined;
  readonly dirtied: number | undefined;
};

function ratesOf(facts: Facts, bdi: string, window: readonly [number, number]): Rates {
  const elapsed_s = (window[1] - window[0]) / 1e9;
  const dirtied = dirtiedIn(facts, window)?.bdis.get(bdi);
  return {
    written: writtenRate(facts, window),
    estimated: estimatedRate(facts, bdi, window),
    dirtied: dirtied === undefined || !(elapsed_s > 0) ? undefined : dirtied / elapsed_s,
  };
}

function rateText(rates: Rates, size: number): string {
  const rate = rates.written ?? rates.estimated;
  return rate === undefined ? 'less than what is written to it' : `${bytes(rate * size)}/s`;
}

function sentence(own: readonly Pause[], bdi: string, rates: Rates, size: number): string {
  const level = median(own.map(({ dirty_pages, limit_pages }) => dirty_pages / limit_pages));
  return (
    `${whoPaused(own)} lost ${duration(seconds(own) * 1e9)} on bdi ${bdi}: the device took ` +
    `${rateText(rates, size)} and dirty memory stood at ${percent(level)} of the limit.`
  );
}

function counterEvidence(
  facts: Facts,
  window: readonly [number, number],
  rates: Rates,
): CounterEvidence[] {
  const busy = writebackBusyShare(facts, window);
  const isBusy = busy === undefined ? 'unknown' : busy >= 0.5 ? 'for' : 'against';
  const list: CounterEvidence[] = [
    {
      question: 'Was the device idle while writers were paused?',
      seen:
        busy === undefined
          ? 'not recorded'
          : `pages were under writeback ${percent(busy)} of the time`,
      result: isBusy,
    },
  ];
  if (rates.written !== undefined && rates.dirtied !== undefined) {
    const ratio = rates.dirtied / Math.max(1, rates.written);
    list.push({
      question: 'Did less become dirty than was written, so that no pause was needed?',
      seen: `${percent(ratio)} of what was written became dirty meanwhile`,
      result: ratio >= 0.5 ? 'for' : 'against',
    });
  }
  return list;
}

function adviceFor(facts: Facts, bdi: string, rate: string, limit: number): Advice[] {
  const raised = 2 * Math.round(limit);
  return [
    {
      kind: 'device',
      text: 'A faster device, or lifting a throttle on it, is the cure.',
      ...predictFasterDevice(facts, bdi),
    },
    {
      kind: 'sysctl',
      text:
        'A higher limit only postpones the pauses: it absorbs a burst of that size, and sync ' +
        'takes longer by as much.',
      command: `sysctl -w vm.dirty_bytes=${raised}`,
      ...predictPauses(facts, bdi, { dirty_bytes: raised }),
    },
    {
      kind: 'application',
      text: `Write less, or spread it over time: the device takes ${rate}.`,
      unpredicted: 'how much the program could leave out is not in a trace',
    },
  ];
}
