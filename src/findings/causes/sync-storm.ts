/** sync(2) writes everything of everybody, and several at once all wait for all of it. */
import { type Advice, type CauseDefinition, type CauseOutcome, clear } from '../cause.ts';
import { claimedWindow } from '../claims.ts';
import { dirtyingCulprits } from '../facts/dirtiers.ts';
import { syncsByReason } from '../facts/sync-reasons.ts';
import type { SyncWait } from '../facts/sync-waits.ts';
import { predictWait } from '../facts/what-if-sync.ts';
import type { Facts } from '../facts.ts';
import { bytes, count, duration } from '../format.ts';
import { whoPaused } from './from-stalls.ts';
import { bdiOfWaits, claimWaits, longestOf, longWaits, waitEvidence } from './sync-parts.ts';

export const syncStorm: CauseDefinition = {
  id: 'sync-storm',
  title: 'sync(2) writes everything that is dirty',
  question: 'Did tasks wait in sync or syncfs for all dirty data of the machine?',
  needs: [
    ['sys_enter_sync', 'sys_enter_syncfs', 'writeback_queue', 'ext4_sync_fs', 'btrfs_sync_fs'],
  ],
  precedes: ['device-slower-than-writers', 'fsync-behind-bulk-writeback'],
  contradicted_by: [{ events: ['global_dirty_state'], asks: 'how much there was to write' }],
  links: ['sync(2)', 'syncfs(2)', 'fs/sync.c, ksys_sync'],
  evaluate,
};

/** Any device writes this in the time from which on a wait is called long. */
const LEAST_BYTES = 2 ** 18;

/** Of the advice. */
const LIMIT_BYTES = 2 ** 28;

function adviceFor(facts: Facts, longest: SyncWait, together: number): Advice[] {
  const level = longest.level_pages;
  const found = { bytes: (level ?? 0) * facts.pageSize, took_ns: longest.own_ns };
  return [
    {
      kind: 'application',
      text:
        'Replace sync by fsync of the files that matter, or syncfs of the one file system; have ' +
        'scripts and package managers call it once, not each.',
      ...(together > 1
        ? {
            predicted:
              `calls that run at once wait for the same data: one instead of ${together} loses ` +
              `${duration(longest.own_ns)} once (level a: they overlapped)`,
          }
        : { unpredicted: 'which files matter is not in a trace' }),
    },
    {
      kind: 'sysctl',
      text: 'Keep less dirty: then there is less for a sync to write.',
      command: `sysctl -w vm.dirty_background_bytes=67108864 vm.dirty_bytes=${LIMIT_BYTES}`,
      ...(level === undefined
        ? { unpredicted: 'what was dirty was not recorded (writeback:global_dirty_state)' }
        : predictWait(facts, found, LIMIT_BYTES, 'of dirty data may exist under that limit')),
    },
  ];
}

function evaluate(facts: Facts): CauseOutcome {
  const waits = longWaits(facts, facts.once(syncsByReason).whole);
  const longest = longestOf(waits);
  if (longest === undefined) return clear('No task waited long in sync or syncfs.');
  const claims = claimWaits(facts, waits);
  const window = claimedWindow(facts.stalls, claims);
  const bdi = bdiByWritten(facts, window) ?? bdiOfWaits(waits);
  const size = facts.pageSize;
  const levels = waits.flatMap(({ level_pages }) => level_pages ?? []);
  const level = levels.reduce((max, pages) => Math.max(max, pages), 0) * size;
  const isKnown = levels.length > 0;
  const together = mostAtOnce(waits);
  return {
    status: 'found',
    bdi,
    claims,
    window_ns: window,
    summary:
      `${whoPaused(waits)} lost ${duration(claims.total_ns())} in ${count(waits.length, 'call')} ` +
      `of ${longest.call}${together > 1 ? ` (${together} at once)` : ''}` +
      `${isKnown ? `, with up to ${bytes(level)} dirty` : ''}` +
      `${bdi === undefined ? '' : `, mostly on bdi ${bdi}`}.`,
    culprits: [
      ...[...new Set(waits.map(({ comm, pid }) => `${comm} (pid ${pid})`))]
        .slice(0, 5)
        .map((name) => ({ kind: 'task' as const, name })),
      ...dirtyingCulprits(facts, [0, window[1]], bdi),
    ],
    numbers: [
      ...(isKnown
        ? [
            {
              name: 'dirty + writeback when a call began (largest)',
              value: level,
              unit: 'bytes' as const,
              relation: 'of' as const,
              threshold: undefined,
              source: 'global_dirty_state',
            },
          ]
        : []),
      {
        name: 'calls at the same time',
        value: together,
        unit: 'count',
        relation: '≥',
        threshold: 1,
        source: 'sys_enter_sync, sys_exit_sync',
      },
    ],
    evidence: waitEvidence(facts, waits),
    counter_evidence: [
      {
        question: 'Was there little to write, so that something else must have held the calls up?',
        seen: isKnown ? `${bytes(level)} were dirty` : 'not recorded',
        result: !isKnown ? 'unknown' : level >= LEAST_BYTES ? 'for' : 'against',
      },
    ],
    confidence: (waits.length > 1 ? 0.92 : 0.75) * (isKnown && level < LEAST_BYTES ? 0.5 : 1),
    confidence_reasons: waits.length > 1 ? [] : ['It was a single call.'],
    advice: adviceFor(facts, longest, together),
  };
}

function mostAtOnce(waits: readonly SyncWait[]): number {
  const edges = waits
    .flatMap(({ start_ns, end_ns }) => [
      { at: start_ns, step: 1 },
      { at: end_ns, step: -1 },
    ])
    .sort((left, right) => left.at - right.at || left.step - right.step);
  let open = 0;
  let most = 0;
  for (const { step } of edges) {
    open += step;
    most = Math.max(most, open);
  }
  return most;
}

/** The bdi on which works of reason sync wrote most. */
function bdiByWritten(facts: Facts, window: readonly [number, number]): string | undefined {
  const by = new Map<string, number>();
  for (const wait of facts.once(syncsByReason).whole) {
    if (wait.bdi === undefined || wait.end_ns < window[0] || wait.start_ns > window[1]) continue;
    const pages = [...wait.others_pages.values()].reduce((sum, value) => sum + value, 0);
    by.set(wait.bdi, (by.get(wait.bdi) ?? 0) + pages);
  }
  return [...by].sort(([, left], [, right]) => right - left)[0]?.[0];
}
