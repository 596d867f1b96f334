/** Small syncs wait while the device writes somebody else’s data. */
import type { CauseDefinition, CauseOutcome, Comparison } from '../cause.ts';
import { claimedWindow } from '../claims.ts';
import { dirtyingCulprits } from '../facts/dirtiers.ts';
import { syncsByReason } from '../facts/sync-reasons.ts';
import type { SyncWait } from '../facts/sync-waits.ts';
import { predictWait } from '../facts/what-if-sync.ts';
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
  SYNC_EVENTS,
  waitEvidence,
} from './sync-parts.ts';

export const fsyncBehindBulkWriteback: CauseDefinition = {
  id: 'fsync-behind-bulk-writeback',
  title: 'Small fsyncs wait behind bulk writeback',
  question: 'Did syncs of little data wait while the device wrote much of other files?',
  needs: [SYNC_EVENTS],
  precedes: ['device-slower-than-writers', 'journal-commit'],
  contradicted_by: [
    { events: ['writeback_dirty_folio'], asks: 'how much of it was the file’s own data' },
    { events: JOURNAL_EVENTS, asks: 'whether a commit was waited for' },
  ],
  links: ['Documentation/admin-guide/sysctl/vm.rst, dirty_background_bytes', 'fsync(2)'],
  evaluate,
};

function evaluate(facts: Facts): CauseOutcome {
  const waits = longWaits(facts, facts.once(syncsByReason).bulk);
  const longest = longestOf(waits);
  if (longest === undefined) {
    return noneOf(facts, 'No sync of little data waited long for other files.');
  }
  const claims = claimWaits(facts, waits);
  const window = claimedWindow(facts.stalls, claims);
  const bdi = bdiOfWaits(waits);
  const others = othersOf(longest);
  const size = facts.pageSize;
  const limit = helpfulLimit(others * size);
  return {
    status: 'found',
    bdi,
    claims,
    window_ns: window,
    summary:
      `${whoPaused(waits)} lost ${duration(claims.total_ns())} in ` +
      `${count(waits.length, longest.call)}${bdi === undefined ? '' : ` on bdi ${bdi}`}: the ` +
      `longest took ${duration(longest.own_ns)} for ${bytes(longest.own_pages * size)} of its ` +
      `own while the device wrote ${bytes(others * size)} of other files.`,
    culprits: dirtyingCulprits(facts, [0, window[1]], bdi),
    numbers: comparisons(longest, others, size),
    evidence: waitEvidence(facts, waits),
    counter_evidence: [
      {
        question: 'Was the file’s own data what took so long?',
        seen: `no: ${bytes(longest.own_pages * size)} of it were dirty`,
        result: 'for',
      },
      {
        question: 'Was the journal committing for most of the wait by itself?',
        seen: `it committed for ${duration(longest.commit_ns)}`,
        result: longest.commit_ns < (longest.end_ns - longest.start_ns) / 2 ? 'for' : 'against',
      },
    ],
    confidence: 0.9,
    confidence_reasons: [],
    advice: [
      {
        kind: 'sysctl',
        text: 'Let background writeback begin earlier, so that less is queued at once.',
        command: `sysctl -w vm.dirty_background_bytes=${limit / 4} vm.dirty_bytes=${limit}`,
        ...predictWait(
          facts,
          { bytes: (others + longest.own_pages) * size, took_ns: longest.own_ns },
          limit,
          'of dirty data may exist under that limit',
        ),
      },
      {
        kind: 'application',
        text:
          'Have the bulk writer write out as it goes: O_DIRECT, or sync_file_range() every few ' +
          'MiB, or an io.max of its cgroup.',
        unpredicted:
          'how the device shares its time between direct writes and syncs is in no event; try ' +
          'it, record again and compare',
      },
      {
        kind: 'device',
        text: 'Put the synced files on another device, or weigh the I/O (BFQ, io.cost).',
        unpredicted:
          'how fast the other device, or the scheduler, answers small writes was not recorded; ' +
          'measure an fsync there',
      },
    ],
  };
}

/** A limit, in a round number of bytes, under which at most half as much can be in front. */
function helpfulLimit(in_front_bytes: number): number {
  const half = 2 ** Math.floor(Math.log2(Math.max(1, in_front_bytes / 2)));
  return Math.min(LARGEST_LIMIT, Math.max(LEAST_LIMIT, half));
}

const LARGEST_LIMIT = 2 ** 28;
/** Below it the kernel's controller has no room to work in (cause dirty-limit-too-small). */
const LEAST_LIMIT = 2 ** 25;

function othersOf({ others_pages, written_pages = 0, own_pages }: SyncWait): number {
  const flushed = [...others_pages.values()].reduce((sum, pages) => sum + pages, 0);
  return Math.max(flushed, written_pages - own_pages);
}

/** The longest wait and what was written meanwhile. */
function comparisons(longest: SyncWait, others: number, size: number): Comparison[] {
  return [
    {
      name: 'own dirty data of the file in the longest wait',
      value: longest.own_pages * size,
      unit: 'bytes',
      relation: '<',
      threshold: others * size,
      source: 'writeback_dirty_folio of the inode; other files: writeback_single_inode, nr_written',
    },
    {
      name: 'longest wait',
      value: longest.own_ns / 1e9,
      unit: 's',
      relation: '>',
      threshold: longest.commit_ns / 1e9,
      source: 'sync; compared with the time in which the journal committed meanwhile',
    },
  ];
}
