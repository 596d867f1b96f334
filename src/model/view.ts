/**
 * The ledger as the kernel's counters show it: which accounts each counter sums. `claimed` is in no
 * level, as between folio_clear_dirty_for_io and __folio_start_writeback. Counters that began
 * before the replay are offset by what they showed then (`unseen` pages are part of levels, never
 * of NR_DIRTIED).
 */
import type { Holder, Ledger } from './ledger.ts';
import { ACCOUNTS, type Account } from './operations.ts';

/** Node counters (sum over all bdis) and counters of one bdi, by the kernel's names. */
export const COUNTER_ACCOUNTS = {
  nr_dirty: 'dirty',
  nr_writeback: 'writeback',
  nr_dirtied: 'dirtied',
  nr_written: 'written',
} as const satisfies Record<string, Account>;
export type Counter = keyof typeof COUNTER_ACCOUNTS;
export const COUNTERS = Object.keys(COUNTER_ACCOUNTS) as readonly Counter[];

/** The account of each of COUNTERS by its number, for who reads them at every sample. */
const COUNTER_NUMBERS = COUNTERS.map((name) => ACCOUNTS.indexOf(COUNTER_ACCOUNTS[name]));

/** nodeCounter of all nodes, by its place in COUNTERS. */
export const counterAt = (ledger: Ledger, counter: number): number =>
  ledger.totalAt(COUNTER_NUMBERS[counter] as number);

export const WB_COUNTER_ACCOUNTS = {
  WB_RECLAIMABLE: 'dirty',
  WB_WRITEBACK: 'writeback',
  WB_DIRTIED: 'dirtied',
  WB_WRITTEN: 'written',
} as const satisfies Record<string, Account>;
export type WbCounter = keyof typeof WB_COUNTER_ACCOUNTS;

/**
 * NR_* since the replay began: of all nodes together, or of those holders that are so: `{ node }`
 * as its vmstat has them, `{ memcg }` as file_dirty and file_writeback of memory.stat.
 */
export function nodeCounter(ledger: Ledger, counter: Counter, of?: Partial<Holder>): number {
  const account = COUNTER_ACCOUNTS[counter];
  return of === undefined ? ledger.total(account) : ledger.sum(account, of);
}

/** WB_* of one bdi since the replay began, or of one cgroup's part of it. */
export function wbCounter(
  ledger: Ledger,
  wb: number,
  counter: WbCounter,
  wb_cgroup?: number,
): number {
  const of = wb_cgroup === undefined ? { wb } : { wb, wb_cgroup };
  return ledger.sum(WB_COUNTER_ACCOUNTS[counter], of);
}
