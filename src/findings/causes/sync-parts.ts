/** What the causes of waits in syncs share. */
import { type CauseNotFound, clear, type Evidence, unknown } from '../cause.ts';
import { StallClaims } from '../claims.ts';
import { syncsByReason } from '../facts/sync-reasons.ts';
import type { SyncWait } from '../facts/sync-waits.ts';
import type { Facts } from '../facts.ts';
import { count, duration } from '../format.ts';
import { rowEvidence } from './from-stalls.ts';

/** Any of these shows when a task waited in a sync of one file. */
export const SYNC_EVENTS: readonly string[] = [
  'sys_enter_fsync',
  'sys_enter_fdatasync',
  'ext4_sync_file_enter',
  'xfs_file_fsync',
  'btrfs_sync_file',
];

/** Any of these shows when a journal committed. */
export const JOURNAL_EVENTS: readonly string[] = [
  'jbd2_start_commit',
  'jbd2_run_stats',
  'xfs_log_force',
  'btrfs_transaction_commit',
];

/** Waits that are long enough to be called stalls. */
export function longWaits(facts: Facts, waits: readonly SyncWait[]): readonly SyncWait[] {
  const least_ns = facts.settings['stall.least_ms'] * 1e6;
  return waits.filter(({ own_ns }) => own_ns >= least_ns);
}

/** The answer when no long wait has the reason that was asked for. */
export function noneOf(facts: Facts, summary: string): CauseNotFound {
  const open = longWaits(facts, facts.once(syncsByReason).unclear);
  const [first] = open;
  if (first === undefined) return clear(summary);
  const lost_ns = open.reduce((sum, { own_ns }) => sum + own_ns, 0);
  return unknown(
    `${count(open.length, first.call)} took ${duration(lost_ns)}, and nothing recorded tells ` +
      'what was written meanwhile.',
  );
}

/** Claims each wait with all that the task waited for inside of it. */
export function claimWaits(facts: Facts, waits: readonly SyncWait[]): StallClaims {
  const claims = new StallClaims();
  for (const { members } of waits) {
    for (const member of members) claims.add(member, facts.stallNs(member));
  }
  return claims;
}

const SHOWN = 5;

/** Rows that show the longest waits. */
export function waitEvidence(facts: Facts, waits: readonly SyncWait[]): Evidence[] {
  return [...waits]
    .sort((left, right) => right.own_ns - left.own_ns)
    .slice(0, SHOWN)
    .flatMap(({ stall }) => facts.stalls[stall]?.evidence ?? [])
    .flatMap(({ table, row }) => rowEvidence(facts, table, [row]))
    .sort((left, right) => left.ts_ns - right.ts_ns);
}

/** The bdi on which most of the time was lost. */
export function bdiOfWaits(waits: readonly SyncWait[]): string | undefined {
  const by = new Map<string, number>();
  for (const { bdi, own_ns } of waits) {
    if (bdi !== undefined) by.set(bdi, (by.get(bdi) ?? 0) + own_ns);
  }
  return [...by].sort(([, left], [, right]) => right - left)[0]?.[0];
}

export function longestOf(waits: readonly SyncWait[]): SyncWait | undefined {
  return [...waits].sort((left, right) => right.own_ns - left.own_ns)[0];
}

/** Pages that flushers wrote around those waits, of one reason or of all. */
export function pagesOf(waits: readonly SyncWait[], reason?: string): number {
  let sum = 0;
  for (const { others_pages } of waits) {
    for (const [key, pages] of others_pages) {
      if (reason === undefined || key === reason) sum += pages;
    }
  }
  return sum;
}
