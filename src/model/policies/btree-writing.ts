/**
 * The variants of tree writing. Counter: dirty_metadata_bytes of each file system, + a node when it
 * turns dirty, - when it is locked for writing or dropped (percpu; decided exactly near the gate).
 *   asRecordedTree     what the trace shows, with the throttle's gate; rules where switches ask
 *   gatedTree          writepages with gate, periodic and background skips by switches
 *   thresholds2008     96 MiB for the flusher, 8 MiB for everybody else (2007 and 2008)
 *   writeMetadataHook  write_metadata of the byte accounting: no gate, by the flusher's rounds
 * Not modelled: nodes that running transactions inhibit (7.2), as no event says which; zoned
 * devices; reclaim and migration calling in (tree-counter.ts and btree-rules.ts have their laws).
 */

import { bytesText } from '../../trace/wording.ts';
import {
  TREE_THRESHOLD,
  TREE_THRESHOLDS_2008,
  type TreeRules,
  treeBalances,
  treeWrites,
} from './btree-rules.ts';
import type { CounterBook } from './counters.ts';
import type { HistoryEvent, WriteCallEvent } from './history.ts';
import type { Charge, Desk, Policy, PolicyFactory, RunFacts } from './policy.ts';
import { TreeWriter } from './tree-writer.ts';

/** The file system's own counter, and the throttle's gate on it. */
function treeCounting(facts: RunFacts): Policy {
  const gate = facts.switches['btrfs.balance-gate'] ?? TREE_THRESHOLD;
  const cleaned: number[] = [];
  return {
    counters: ['dirty_metadata_bytes'],
    // Counts, and leaves the posting to others: the throttle's gate sees the node it is about.
    account(event, { book }: Desk) {
      if (event.pageClass !== 'metadata') return false;
      const { kind, bytes, wb, account } = event;
      if (kind === 'dirty' || kind === 'find-dirty' || kind === 'redirty') {
        book.add('dirty_metadata_bytes', bytes, wb);
      } else if (kind === 'claim' || kind === 'cancel') {
        book.add('dirty_metadata_bytes', -bytes, wb);
        cleaned[wb] = (cleaned[wb] ?? 0) + bytes / facts.node_size;
      } else if ((kind === 'adopt' || kind === 'disown') && account === 'dirty') {
        book.add('dirty_metadata_bytes', kind === 'adopt' ? bytes : -bytes, wb);
      }
      return false;
    },
    vet(charge: Charge, book: CounterBook): Charge {
      if (charge.pageClass !== 'metadata') return charge;
      // A counter that wraps is above any gate from the first node cleaned on.
      const wraps = facts.kernel.tree_counter_wraps && (cleaned[charge.wb] ?? 0) >= 1;
      const balances = wraps || treeBalances(book.of('dirty_metadata_bytes', charge.wb), gate);
      if (balances || !charge.balances) return charge;
      const { pid, cpu, ts_ns, wb, pageClass, pages } = charge;
      return { pid, cpu, ts_ns, wb, pageClass, pages, balances: false };
    },
  };
}

/** As the trace shows it, unless a switch asks for another rule. */
export const asRecordedTree: PolicyFactory = (facts) => {
  const isAsked = RULES.some((name) => facts.switches[name] !== undefined);
  return isAsked ? gatedTree(facts) : treeCounting(facts);
};

const RULES = ['btrfs.gate', 'btrfs.kupdate-skip', 'btrfs.background-skip'] as const;

type Allows = (call: WriteCallEvent, dirtyBytes: number) => boolean;

function withWriter(facts: RunFacts, counting: Policy, allows: Allows): Policy {
  const writer = new TreeWriter(facts, allows);
  let calls = 0;
  let refused = 0;
  return {
    ...counting,
    expand(event: HistoryEvent, emit) {
      writer.expand(event, emit);
    },
    observe(event, desk) {
      if (event.type !== 'write-call' || event.phase !== 'start') return;
      calls++;
      if (!allows(event, desk.book.of('dirty_metadata_bytes', event.wb))) refused++;
    },
    notes: () => [
      refused === 0 && writer.early_bytes === 0
        ? `All ${calls} calls for tree nodes would have written what they were recorded to.`
        : `${refused} of ${calls} calls for tree nodes would have written none: ` +
          `${bytesText(writer.held_bytes)} stayed dirty longer, ` +
          `${bytesText(writer.early_bytes)} were written earlier, ` +
          `${bytesText(writer.spared_bytes)} dirtied again before they were written.`,
    ],
  };
}

/** The rules that the switches of a system and the command line add up to. */
function treeRules({ switches }: RunFacts): TreeRules {
  const gate = switches['btrfs.gate'] ?? TREE_THRESHOLD;
  return {
    gate,
    gate_other: gate,
    // Whoever lifts the gate means the policy without one.
    kupdate_skip: switches['btrfs.kupdate-skip'] ?? gate > 0,
    background_skip: switches['btrfs.background-skip'] ?? false,
  };
}

export const gatedTree: PolicyFactory = (facts) => {
  const rules = treeRules(facts);
  return withWriter(facts, treeCounting(facts), (call, dirty) => treeWrites(call, dirty, rules));
};

/** pdflush was the flusher: periodic and background writing; sync(2) and others are the rest. */
export const thresholds2008: PolicyFactory = (facts) => {
  const { pdflush, other } = TREE_THRESHOLDS_2008;
  const rules = { ...treeRules(facts), gate: pdflush, gate_other: other };
  return withWriter(facts, treeCounting(facts), (call, dirty) => treeWrites(call, dirty, rules));
};

/**
 * write_metadata: called when the flusher's slice has budget left. Jan Kara (Dec 2017) wanted it
 * for periodic and background works only, Dave Chinner not for sync(2).
 */
export const writeMetadataHook: PolicyFactory = (facts) => {
  const rule = facts.switches['metadata.write-hook'] ?? 'always';
  return withWriter(facts, treeCounting(facts), ({ sync, kupdate, background }) => {
    if (rule === 'off') return false;
    if (rule === 'background') return kupdate || background;
    return rule === 'always' || !sync;
  });
};
