/** Most of what is dirty is metadata of a file system, which syncs and commits must write. */
import { upperBound } from '../../trace/search.ts';
import {
  type Advice,
  type CauseDefinition,
  type CauseOutcome,
  clear,
  type Effect,
  unknown,
} from '../cause.ts';
import { claimedWindow } from '../claims.ts';
import { dirtyingCulprits } from '../facts/dirtiers.ts';
import { isMostlyMetadata, metadataDirtied } from '../facts/metadata.ts';
import { type SyncWait, syncWaits } from '../facts/sync-waits.ts';
import { mostDirtiedIn } from '../facts/what-if-sync.ts';
import type { Facts } from '../facts.ts';
import { bytes, count, duration, percent } from '../format.ts';
import { rowEvidence, whoPaused } from './from-stalls.ts';
import { bdiOfWaits, claimWaits, longestOf, longWaits, waitEvidence } from './sync-parts.ts';

export const metadataDirtyFlood: CauseDefinition = {
  id: 'metadata-dirty-flood',
  title: 'Dirty memory is mostly metadata',
  question: 'Did tasks wait for a heap of dirty metadata to be written?',
  needs: [
    ['writeback_dirty_folio'],
    [
      'sys_enter_sync',
      'sys_enter_fsync',
      'sys_enter_syncfs',
      'btrfs_sync_fs',
      'btrfs_sync_file',
      'ext4_sync_file_enter',
    ],
  ],
  precedes: [
    'sync-storm',
    'journal-commit',
    'fsync-behind-bulk-writeback',
    'device-slower-than-writers',
  ],
  contradicted_by: [
    { events: ['mm_filemap_add_to_page_cache'], asks: 'how large the dirty folios were' },
  ],
  links: ['fs/btrfs/disk-io.c, btree_writepages', 'Documentation/filesystems/btrfs.rst'],
  evaluate,
};

/** More than half of what became dirty. */
const MOST = 0.5;

function evaluate(facts: Facts): CauseOutcome {
  const all = longWaits(facts, facts.once(syncWaits));
  if (all.length === 0) return clear('No task waited long in a sync.');
  const waits = floods(facts, all);
  const from = waits[0];
  if (from === undefined) return clear('What syncs waited for was mostly file data.');
  const claims = claimWaits(facts, waits);
  const window = claimedWindow(facts.stalls, claims);
  const found = metadataDirtied(facts, [0, window[1]]);
  if (found === undefined) return unknown('What became dirty was not recorded.');
  const share = found.metadata_pages / Math.max(1, found.all_pages);
  const size = facts.pageSize;
  const bdi = found.bdi ?? bdiOfWaits(waits);
  return {
    status: 'found',
    bdi,
    claims,
    window_ns: window,
    summary:
      `${whoPaused(waits)} lost ${duration(claims.total_ns())} in ` +
      `${count(waits.length, 'sync')}: ${percent(share)} of the ` +
      `${bytes(found.all_pages * size)} that became dirty was metadata of bdi ${bdi}, written in small pieces.`,
    culprits: dirtyingCulprits(facts, [0, window[1]], bdi),
    numbers: [
      {
        name: 'metadata of what became dirty',
        value: 100 * share,
        unit: 'percent',
        relation: '>',
        threshold: 100 * MOST,
        source: 'writeback_dirty_folio of the btree inode or the block device',
      },
      {
        name: 'metadata that became dirty',
        value: found.metadata_pages * size,
        unit: 'bytes',
        relation: 'of',
        threshold: found.all_pages * size,
        source: 'writeback_dirty_folio with folio sizes of the page cache',
      },
    ],
    evidence: [
      ...rowEvidence(facts, 'writeback_dirty_folio', [found.first_row]),
      ...waitEvidence(facts, waits),
    ],
    counter_evidence: [
      {
        question: 'Was there file data that would explain the time as well?',
        seen: `${bytes((found.all_pages - found.metadata_pages) * size)} of file data`,
        result: share > MOST ? 'for' : 'against',
      },
    ],
    confidence: 0.7 + 0.25 * share,
    confidence_reasons: [],
    advice: adviceFor(facts, bdi, longestOf(waits)),
  };
}

function adviceFor(facts: Facts, bdi: string | undefined, longest: SyncWait | undefined): Advice[] {
  return [
    {
      kind: 'application',
      text:
        'Do fewer small operations between syncs (files, attributes, links), or call sync less ' +
        'often: each makes all metadata since the last one be written.',
      unpredicted: 'how many of the operations are needed is not in a trace',
    },
    {
      kind: 'mount',
      text: 'On btrfs, write metadata more often in smaller heaps, and keep access times out.',
      command: 'mount -o remount,commit=5,noatime MOUNTPOINT',
      ...predictCommits(facts, bdi, longest),
    },
  ];
}

const COMMIT_NS = 5e9;

/** Metadata goes out in small pieces, so that the rate of the longest sync itself is what counts. */
function predictCommits(
  facts: Facts,
  bdi: string | undefined,
  longest: SyncWait | undefined,
): Effect {
  const most = mostDirtiedIn(facts, bdi, COMMIT_NS);
  const written = (longest?.written_pages ?? 0) * facts.pageSize;
  if (longest === undefined || most === undefined || !(written > 0)) {
    return { unpredicted: 'what the longest sync wrote was not recorded' };
  }
  if (most >= written) {
    return {
      unpredicted:
        `up to ${bytes(most)} became dirty within 5 s, no less than the ${bytes(written)} that ` +
        'the longest sync wrote',
    };
  }
  const then_ns = (longest.own_ns * most) / written;
  return {
    predicted:
      `at most ${bytes(most)} became dirty within 5 s: ${duration(then_ns)} at the pace of the ` +
      `longest sync, which took ${duration(longest.own_ns)} for ${bytes(written)} (level c)`,
  };
}

/** Metadata was most of what became dirty between the sync of all files before and their end. */
function floods(facts: Facts, waits: readonly SyncWait[]): SyncWait[] {
  const ends = waits
    .filter(({ scope }) => scope === 'all')
    .map(({ end_ns }) => end_ns)
    .sort((left, right) => left - right);
  return waits.filter(({ start_ns, end_ns }) => {
    const from_ns = ends[upperBound(ends, start_ns) - 1] ?? 0;
    return isMostlyMetadata(facts, [from_ns, end_ns], MOST);
  });
}
