/** What a stall is: an interval of one task in one place, with what shows it and how sure it is. */

/** In the order in which the kernel's layers wait on each other, from the writer to the device. */
export const STALL_PLACES = [
  'dirty-throttling',
  'sync',
  'folio-writeback',
  'inode-wait',
  'journal-commit',
  'btrfs-ticket',
  'reclaim',
  'reclaim-throttling',
  'congestion-wait',
  'shrinker',
  'fuse-request',
] as const;

export type StallPlace = (typeof STALL_PLACES)[number];

/** Where a task waited, to stand after "waited in". */
export const PLACE_WORDS: Readonly<Record<StallPlace, string>> = {
  'dirty-throttling': 'dirty throttling',
  sync: 'sync system calls',
  'folio-writeback': 'waits for folios under writeback',
  'inode-wait': 'waits for an inode under writeback',
  'journal-commit': 'journal commits',
  'btrfs-ticket': 'reservation tickets of btrfs',
  reclaim: 'memory reclaim',
  'reclaim-throttling': 'throttled reclaim',
  'congestion-wait': 'waits for congested devices',
  shrinker: 'shrinkers of caches',
  'fuse-request': 'requests to a FUSE server',
};

/**
 * How the end of a stall is known, hence what its duration is worth.
 *
 * - `recorded`: an event says that it ended, or how long it took
 * - `next-event`: the task wrote its next event; a task writes events only while it runs
 * - `tick`: the task was seen later than a tick after what the kernel asked for: it ended there
 * - `asked`: the task was not seen again; it lasted as long as the kernel asked for
 * - `writeback-end`: the last folio of the inode left writeback
 * - `loss`: events were lost before the end was seen; it lasted at least until then
 * - `capture-end`: the capture ended first
 */
export const STALL_ENDS = [
  'recorded',
  'next-event',
  'tick',
  'asked',
  'writeback-end',
  'loss',
  'capture-end',
] as const;

export type StallEnd = (typeof STALL_ENDS)[number];

/** What the duration is to the true one. */
export type DurationBound = 'exact' | 'at-most' | 'at-least';

export const BOUND_OF_END: Readonly<Record<StallEnd, DurationBound>> = {
  recorded: 'exact',
  'next-event': 'at-most',
  tick: 'at-most',
  asked: 'at-least',
  'writeback-end': 'at-most',
  loss: 'at-least',
  'capture-end': 'at-least',
};

/**
 * `certain`: an event of the wait itself. `likely` and `possible`: the wait is seen, its place is
 * concluded from what else happened.
 */
export type Certainty = 'certain' | 'likely' | 'possible';

/** A row of a table of events; `seq` finds it in the capture. */
export type Evidence = { readonly table: string; readonly row: number; readonly seq: number };

export type Stall = {
  readonly place: StallPlace;
  /** The event or system call that shows it. */
  readonly event: string;
  /** What the kernel says more closely: the reason of a throttle, the opcode, the shrinker. */
  readonly reason: string | undefined;
  readonly pid: number;
  readonly comm: string;
  /** The CPU that wrote the event. */
  readonly cpu: number;
  /** Memory cgroup whose writeback throttled the task: its inode number or path. */
  readonly cgroup: string | undefined;
  readonly bdi: string | undefined;
  /** Device number as `major:minor`. */
  readonly dev: string | undefined;
  readonly ino: string | undefined;
  /** Negative where the kernel's own measure reaches back beyond the capture's first event. */
  readonly start_ns: number;
  readonly duration_ns: number;
  /**
   * The part of the duration in which no stall that began later was open: where stalls of a task
   * lie within each other, the innermost has the time. Sums over a task never exceed its time.
   */
  readonly own_ns: number;
  /** What the kernel asked for, where it says so. */
  readonly asked_ns: number | undefined;
  /** True when the end was not recorded: the trace ended first. */
  readonly open: boolean;
  /** True when it began before the capture did: the task was in it when events began. */
  readonly begun_before: boolean;
  readonly end: StallEnd;
  readonly certainty: Certainty;
  /** True when events of its CPU were lost while it lasted. */
  readonly across_loss: boolean;
  /** The wait before it belongs to the same episode if the task ran no longer than this between. */
  readonly joins_within_ns: number;
  readonly evidence: readonly Evidence[];
  readonly seq: number;
};

/** A stall before own time and losses are known. */
export type Draft = { -readonly [K in keyof Stall]: Stall[K] } & { evidence: Evidence[] };

/** A sync of many file systems is shown by hundreds of rows; the first ones are enough. */
const MOST_EVIDENCE = 16;

export function addEvidence(draft: Draft, evidence: Evidence): void {
  if (draft.evidence.length < MOST_EVIDENCE) draft.evidence.push(evidence);
}

/** A part of less than this share of a wait says nothing about what the rest waited for. */
export const TELLING = 0.01;

export function stallEnd_ns(stall: Pick<Stall, 'start_ns' | 'duration_ns'>): number {
  return stall.start_ns + stall.duration_ns;
}

// kworker/u8:2  kswapd0  jbd2/sda1-8  xfsaild/dm-0  btrfs-transacti  loop0  flush-8:0  <idle>
const KERNEL_THREAD =
  /^(?:<idle>$|swapper\/|(?:kworker|jbd2|xfsaild|migration|ksoftirqd|cpuhp)\/|xfs-|btrfs-|flush-|dm[-_]|bch|nfsd$|nfsiod|k(?:swapd|compactd|damond|blockd|journald|threadd|hugepaged)\d*\b|khugepaged|oom_reaper|writeback$|(?:loop|md|nbd|zram)\d+)/;

/**
 * Whether the task is a thread of the kernel, as far as its name tells: such a one waits as part of
 * its work, and nobody waits at its screen.
 */
export function isKernelThread(comm: string): boolean {
  return KERNEL_THREAD.test(comm);
}
