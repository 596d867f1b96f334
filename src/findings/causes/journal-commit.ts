/** Syncs wait for a commit of the journal that first writes other files’ data, or much metadata. */
import { type Advice, type CauseDefinition, type CauseOutcome, clear } from '../cause.ts';
import { claimedWindow } from '../claims.ts';
import { dirtyingCulprits } from '../facts/dirtiers.ts';
import { syncsByReason } from '../facts/sync-reasons.ts';
import { mostDirtiedIn, predictWait, type Waited } from '../facts/what-if-sync.ts';
import type { Facts } from '../facts.ts';
import { bytes, count, duration, percent } from '../format.ts';
import { whoPaused } from './from-stalls.ts';
import {
  bdiOfWaits,
  claimWaits,
  JOURNAL_EVENTS,
  longestOf,
  longWaits,
  pagesOf,
  SYNC_EVENTS,
  waitEvidence,
} from './sync-parts.ts';

export const journalCommit: CauseDefinition = {
  id: 'journal-commit',
  title: 'Syncs wait for commits of the journal',
  question: 'Did syncs spend their time waiting for a journal commit?',
  needs: [SYNC_EVENTS, JOURNAL_EVENTS],
  precedes: ['device-slower-than-writers'],
  contradicted_by: [
    {
      events: ['writeback_single_inode', 'global_dirty_state'],
      asks: 'whether other files were being written',
    },
  ],
  links: ['Documentation/filesystems/ext4/journal.rst', 'ext4(5), data=ordered'],
  evaluate,
};

function evaluate(facts: Facts): CauseOutcome {
  const waits = longWaits(facts, facts.once(syncsByReason).journal);
  const longest = longestOf(waits);
  if (longest === undefined) return clear('No sync waited long for a commit of the journal.');
  const claims = claimWaits(facts, waits);
  const window = claimedWindow(facts.stalls, claims);
  const bdi = bdiOfWaits(waits);
  const size = facts.pageSize;
  const commit = waits.reduce((sum, { commit_ns }) => sum + commit_ns, 0);
  const data = waits.reduce((sum, { commit_data_ns }) => sum + commit_data_ns, 0);
  const total = waits.reduce((sum, { start_ns, end_ns }) => sum + end_ns - start_ns, 0);
  const written = longest.written_pages ?? 0;
  const isOrdered = data >= commit / 2;
  const what = isOrdered
    ? `, which first wrote the data of other files (${bytes(written * size)} in the longest)`
    : '';
  return {
    status: 'found',
    bdi,
    claims,
    window_ns: window,
    summary:
      `${whoPaused(waits)} lost ${duration(claims.total_ns())} in ` +
      `${count(waits.length, longest.call)}${bdi === undefined ? '' : ` on bdi ${bdi}`}: ` +
      `${percent(commit / Math.max(1, total))} of it in commits of the journal${what}.`,
    culprits: dirtyingCulprits(facts, [0, window[1]], bdi),
    numbers: [
      {
        name: 'time of the waits in which the journal committed',
        value: commit / 1e9,
        unit: 's',
        relation: 'of',
        threshold: total / 1e9,
        source: 'jbd2_start_commit to jbd2_end_commit',
      },
      {
        name: 'time in which the journal’s thread waited for file data',
        value: data / 1e9,
        unit: 's',
        relation: 'of',
        threshold: commit / 1e9,
        source: 'folio_wait_writeback of the journal’s thread',
      },
    ],
    evidence: waitEvidence(facts, waits),
    counter_evidence: [
      {
        question: 'Was the flusher writing other files in those waits?',
        seen: `it wrote ${bytes(pagesOf(waits) * size)} around them`,
        result: pagesOf([longest]) * 2 < written ? 'for' : 'against',
      },
    ],
    confidence: isOrdered ? 0.92 : 0.8,
    confidence_reasons: [],
    advice: adviceFor(facts, isOrdered, bdi, { bytes: written * size, took_ns: longest.own_ns }),
  };
}

const COMMIT_NS = 1e9;

function adviceFor(
  facts: Facts,
  isOrdered: boolean,
  bdi: string | undefined,
  waited: Waited,
): Advice[] {
  return [
    ...(isOrdered
      ? [
          {
            kind: 'mount' as const,
            text:
              'Ordered mode writes a file’s new blocks before the commit that adds them. With ' +
              'delayed allocation (the default; not nodelalloc) there are few such blocks.',
            command: 'mount -o remount,delalloc MOUNTPOINT',
            unpredicted:
              'which blocks would have been allocated later is in no event; remount, record ' +
              'again and compare',
          },
        ]
      : []),
    {
      kind: 'mount',
      text: 'Commit more often, with less in each commit.',
      command: 'mount -o remount,commit=1 MOUNTPOINT',
      ...predictWait(
        facts,
        waited,
        mostDirtiedIn(facts, bdi, COMMIT_NS),
        'became dirty within 1 s',
      ),
    },
    {
      kind: 'application',
      text: 'Have the bulk writer write out as it goes, so that a commit finds little to write.',
      unpredicted: 'how much it would leave dirty is the program’s choice; try it and compare',
    },
  ];
}
