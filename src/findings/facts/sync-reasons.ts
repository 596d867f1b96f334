/**
 * Why each wait in a sync took its time:
 *
 * - journal    the journal was committing for most of it, and what was committed was not the file
 * - own-data   the file's own dirty pages are most of what the device wrote
 * - periodic   other files' pages, written because they had become old
 * - bulk       other files' pages, written for any other reason
 * - whole      the call asked for all files
 * - unclear    nothing recorded tells
 */
import type { Facts } from '../facts.ts';
import { type SyncWait, syncWaits } from './sync-waits.ts';

export type SyncReason = 'journal' | 'own-data' | 'periodic' | 'bulk' | 'whole' | 'unclear';

export type ReasonedSyncs = Readonly<Record<SyncReason, readonly SyncWait[]>>;

export function syncsByReason(facts: Facts): ReasonedSyncs {
  const by: Record<SyncReason, SyncWait[]> = {
    journal: [],
    'own-data': [],
    periodic: [],
    bulk: [],
    whole: [],
    unclear: [],
  };
  for (const wait of facts.once(syncWaits)) by[reasonOf(wait)].push(wait);
  return by;
}

/** Half: whatever took most of the time, or made up most of the pages. */
const MOST = 0.5;

function reasonOf(wait: SyncWait): SyncReason {
  if (wait.scope === 'all') return 'whole';
  if (isJournal(wait)) return 'journal';
  const flushed = sumOf(wait.others_pages);
  const others = Math.max(flushed, (wait.written_pages ?? 0) - wait.own_pages);
  if (others === 0 && wait.own_pages === 0) return 'unclear';
  if (wait.own_pages >= others) return 'own-data';
  const periodic = wait.others_pages.get('periodic') ?? 0;
  return periodic >= MOST * others ? 'periodic' : 'bulk';
}

/**
 * A commit also takes long when it queues behind somebody else's data. It is the cause itself when
 * its thread waited for the data that the transaction orders, or when no flusher was at work.
 */
function isJournal(wait: SyncWait): boolean {
  if (wait.commit_ns < MOST * (wait.end_ns - wait.start_ns)) return false;
  if (wait.commit_data_ns >= MOST * wait.commit_ns) return true;
  return sumOf(wait.others_pages) < MOST * (wait.written_pages ?? Number.POSITIVE_INFINITY);
}

function sumOf(pages: ReadonlyMap<string, number>): number {
  let sum = 0;
  for (const value of pages.values()) sum += value;
  return sum;
}
