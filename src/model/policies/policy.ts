/**
 * A policy is one way in which a kernel or patch series treats the same physical history. It may do
 * two things: expand an event into what this system would have done with it, and project what was
 * done into the counters of this system. A system is one policy for each axis (systems.ts).
 */
import type { PageClass } from '../operations.ts';
import type { SwitchValues } from '../switches.ts';
import type { CounterBook, CounterName } from './counters.ts';
import type { DataEvent, HistoryEvent } from './history.ts';

/** What the recorded kernel does where systems differ, by evidence or release. */
export type KernelTraits = {
  /** The flusher writes no tree nodes below 32 MiB, and none in periodic works. */
  readonly tree_gate: boolean;
  /** The counter of dirty tree nodes adds 2^32 with each node cleaned. */
  readonly tree_counter_wraps: boolean;
};

/** What is known of the machine; policies work in its units unless a switch says otherwise. */
export type RunFacts = {
  readonly page_size: number;
  readonly cpus: number;
  /** Bytes a tree node has, and how that is known. */
  readonly node_size: number;
  /** Writes of each node: 2 where the file system keeps two copies. */
  readonly node_copies: number;
  /** Bytes per second at which a system is taken to write what was not written in the record. */
  readonly write_bandwidth: number;
  /** vm.dirty_ratio in percent, 0 where a limit in bytes holds. */
  readonly dirty_ratio: number;
  readonly background_ratio: number;
  readonly kernel: KernelTraits;
  readonly switches: SwitchValues;
  /** Bdis of FUSE connections, filled as the history tells of them. */
  readonly fuse_wbs?: ReadonlySet<number>;
  /** Bdis whose `range` (exact bytes written) and `sent` events are complete. */
  readonly range_wbs?: ReadonlySet<number>;
  readonly sent_wbs?: ReadonlySet<number>;
};

/** What balance_dirty_pages compares with the thresholds, in pages; each term floored by itself. */
export type ThrottleInputs = {
  nr_dirty: number;
  nr_writeback: number;
  /** By how much dirtyable memory differs from the recorded machine's. */
  dirtyable_delta: number;
};

/** What balance_dirty_pages decides by, in pages: at or below freerun nobody is paused. */
export type Level = {
  readonly dirty: number;
  readonly thresh: number;
  readonly freerun: number;
};

/** Pages since the replay began. */
export type BandwidthInputs = { readonly dirtied: number; readonly written: number };

/** Memory that what its axes model takes (nodes, copies, block state), and what is written. */
export type Usage = { memory_bytes: number; written_bytes: number };

/** One task dirtied something: what the task and the CPU are charged. */
export type Charge = {
  readonly pid: number;
  readonly cpu: number;
  readonly ts_ns: number;
  readonly wb: number;
  readonly pageClass: PageClass;
  readonly pages: number;
  /** The file system calls balance_dirty_pages_ratelimited after this. */
  readonly balances: boolean;
};

/** Pages that an event's task dirtied. */
export function chargeOf(event: DataEvent, pages: number): Charge {
  const { pid, cpu, ts_ns, wb, pageClass } = event;
  return { pid, cpu, ts_ns, wb, pageClass, pages, balances: true };
}

/** What a policy is given to work with. */
export type Desk = {
  readonly book: CounterBook;
  readonly facts: RunFacts;
  charge(charge: Charge): void;
};

export type Policy = {
  /** Counters that this policy has, listed even while they are 0. */
  readonly counters: readonly CounterName[];
  /** What this system does with the event; without it, just what was recorded. */
  expand?(event: HistoryEvent, emit: (event: HistoryEvent) => void): void;
  /** Posts data; false where it is another policy's business. */
  account?(event: DataEvent, desk: Desk): boolean;
  /** Sees every event after it was posted. */
  observe?(event: HistoryEvent, desk: Desk): void;
  /** May keep a task from being balanced, or charge it differently. */
  vet?(charge: Charge, book: CounterBook): Charge;
  /** Adds its terms to what the throttle compares. */
  inputs?(book: CounterBook, inputs: ThrottleInputs): void;
  /** The same of one bdi: its wb_dirty. */
  wbDirty?(book: CounterBook, wb: number): number;
  /**
   * What balance_dirty_pages compares for a bdi that has a limit of its own (BDI_CAP_STRICTLIMIT)
   * in place of the machine's; undefined for all others and before any threshold is known.
   */
  strictLevel?(book: CounterBook, wb: number): Level | undefined;
  /** What the bandwidth and rate estimates of a bdi are made from; the first policy that knows. */
  bandwidth?(book: CounterBook, wb: number): BandwidthInputs;
  /** Adds what it takes. */
  usage?(usage: Usage): void;
  /** The most memory that it ever took, where it keeps track of it: points miss peaks. */
  peakMemory?(): number;
  /** What this run makes one want to know, each a sentence. */
  notes?(): readonly string[];
};

/** Makes a policy for one run; policies keep state, so each run has its own. */
export type PolicyFactory = (facts: RunFacts) => Policy;

/** The axes. Each file of this folder has the variants of one. */
export type Policies = {
  /** How tree nodes are counted (metadata*.ts). */
  readonly metadata: PolicyFactory;
  /** When tree nodes are written, and who is throttled for them (btree*.ts). */
  readonly treeWriting: PolicyFactory;
  /** Whether writing needs a copy of the page (writeback-copy.ts). */
  readonly copy: PolicyFactory;
  /** What is kept for each page (block-state.ts). */
  readonly blockState: PolicyFactory;
  /** How private state is given back under pressure (reclaim.ts). */
  readonly reclaim: PolicyFactory;
};

/** Which axes a system chooses; the others are as recorded. */
export type PolicyChoice = Partial<Policies>;
