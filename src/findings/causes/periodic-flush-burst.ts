/** Much dirty data grew old at once and is written in one burst; syncs wait behind it. */
import type { Advice, CauseDefinition, CauseOutcome } from '../cause.ts';
import { claimedWindow } from '../claims.ts';
import { dirtyingCulprits } from '../facts/dirtiers.ts';
import { syncsByReason } from '../facts/sync-reasons.ts';
import { mostDirtiedIn, predictWait, type Waited } from '../facts/what-if-sync.ts';
import type { Facts } from '../facts.ts';
import { bytes, count, duration } from '../format.ts';
import { whoPaused } from './from-stalls.ts';
import {
  bdiOfWaits,
  claimWaits,
  JOURNAL_EVENTS,
  longestOf,
  longWaits,
  noneOf,
  pagesOf,
  SYNC_EVENTS,
  waitEvidence,
} from './sync-parts.ts';

export const periodicFlushBurst: CauseDefinition = {
  id: 'periodic-flush-burst',
  title: 'Expired data is flushed in one burst',
  question: 'Did syncs wait while periodic writeback wrote a heap of data that had grown old?',
  needs: [SYNC_EVENTS, ['writeback_start', 'writeback_single_inode']],
  precedes: ['fsync-behind-bulk-writeback', 'device-slower-than-writers', 'journal-commit'],
  contradicted_by: [
    { events: ['writeback_dirty_folio'], asks: 'how much of it was the file’s own data' },
    { events: JOURNAL_EVENTS, asks: 'whether a commit was waited for' },
  ],
  links: [
    'Documentation/admin-guide/sysctl/vm.rst, dirty_expire_centisecs, dirty_background_bytes',
  ],
  evaluate,
};

function evaluate(facts: Facts): CauseOutcome {
  const waits = longWaits(facts, facts.once(syncsByReason).periodic);
  const longest = longestOf(waits);
  if (longest === undefined) {
    return noneOf(facts, 'No sync waited long for data written because of its age.');
  }
  const claims = claimWaits(facts, waits);
  const window = claimedWindow(facts.stalls, claims);
  const bdi = bdiOfWaits(waits);
  const size = facts.pageSize;
  const burst = longest.others_pages.get('periodic') ?? 0;
  const background = pagesOf([longest], 'background');
  const expire = Number(facts.trace.host.sysctl?.['vm.dirty_expire_centisecs'] ?? Number.NaN) / 100;
  const old = Number.isNaN(expire) ? '' : ` that was ${duration(expire * 1e9)} old`;
  return {
    status: 'found',
    bdi,
    claims,
    window_ns: window,
    summary:
      `${whoPaused(waits)} lost ${duration(claims.total_ns())} in ` +
      `${count(waits.length, longest.call)}${bdi === undefined ? '' : ` on bdi ${bdi}`} behind ` +
      `periodic writeback, which wrote ${bytes(burst * size)}${old} in one burst.`,
    culprits: [
      { kind: 'setting', name: 'vm.dirty_expire_centisecs, vm.dirty_background_bytes' },
      ...dirtyingCulprits(facts, [0, longest.start_ns], bdi),
    ],
    numbers: [
      {
        name: 'written by periodic works around the longest wait',
        value: burst * size,
        unit: 'bytes',
        relation: '>',
        threshold: background * size,
        source: 'writeback_single_inode of reason periodic; of reason background',
      },
      {
        name: 'own dirty data of the synced file',
        value: longest.own_pages * size,
        unit: 'bytes',
        relation: '<',
        threshold: burst * size,
        source: 'writeback_dirty_folio of the inode',
      },
    ],
    evidence: waitEvidence(facts, waits),
    counter_evidence: [
      {
        question: 'Was the background threshold what started the writing?',
        seen: `background works wrote ${bytes(background * size)}`,
        result: background < burst ? 'for' : 'against',
      },
    ],
    confidence: 0.9,
    confidence_reasons: [],
    advice: adviceFor(facts, bdi, { bytes: burst * size, took_ns: longest.own_ns }),
  };
}

const BACKGROUND_BYTES = 2 ** 26;
/** What is older is written, at the next wake-up: dirty_expire and dirty_writeback of the advice. */
const OLDEST_NS = 6e9;

function adviceFor(facts: Facts, bdi: string | undefined, burst: Waited): Advice[] {
  return [
    {
      kind: 'sysctl',
      text: 'Start background writeback long before so much is dirty.',
      command: `sysctl -w vm.dirty_background_bytes=${BACKGROUND_BYTES}`,
      ...predictWait(facts, burst, BACKGROUND_BYTES, 'would have been dirty when it grew old'),
    },
    {
      kind: 'sysctl',
      text: 'Write old data more often, in smaller heaps.',
      command: 'sysctl -w vm.dirty_expire_centisecs=500 vm.dirty_writeback_centisecs=100',
      ...predictWait(facts, burst, mostDirtiedIn(facts, bdi, OLDEST_NS), 'became dirty within 6 s'),
    },
  ];
}
