/** What is known of the recorded machine, and why. */
import type { RunFacts } from '../../model/policies/policy.ts';
import { pageSizeOf, type Trace } from '../../trace/trace.ts';
import { hasTreeNodes, treeFacts } from './tree-nodes.ts';

export type Machine = {
  readonly facts: RunFacts;
  /** Each a sentence; only what bears on the trace. */
  readonly assumptions: readonly string[];
};

export function machineFacts(trace: Trace): Machine {
  const page_size = pageSizeOf(trace);
  const tree = treeFacts(trace, page_size);
  const facts: RunFacts = {
    page_size,
    cpus: trace.host.cpus ?? trace.meta.cpus,
    node_size: tree.node_size,
    node_copies: tree.copies,
    write_bandwidth: tree.write_bandwidth,
    dirty_ratio: ratioOf(trace, 'dirty'),
    background_ratio: ratioOf(trace, 'dirty_background'),
    kernel: { tree_gate: tree.gate.on, tree_counter_wraps: tree.wraps.on },
    switches: {},
  };
  return { facts, assumptions: hasTreeNodes(trace.tables) ? treeSentences(tree) : [] };
}

function treeSentences(tree: ReturnType<typeof treeFacts>): readonly string[] {
  const gate = tree.gate.on
    ? 'writes no tree nodes below 32 MiB'
    : 'writes tree nodes at any level';
  return [
    `Node size ${tree.node_size / 1024} KiB (${tree.node_size_because}), ` +
      `${tree.copies} written of each (${tree.copies_because}).`,
    `Own writes run at ${Math.round(tree.write_bandwidth / 1024)} KiB/s ` +
      `(${tree.write_bandwidth_because}).`,
    `The recorded flusher ${gate} (${tree.gate.because}).`,
    tree.wraps.on
      ? `Its counter of dirty nodes grows by 2^32 with each one written (${tree.wraps.because}), ` +
        'so that the throttle’s 32 MiB are always passed, and a gate’s, too.'
      : '',
  ].filter((sentence) => sentence !== '');
}

/** vm.dirty_ratio in percent; 0 where a limit in bytes holds, or nothing is known. */
function ratioOf(trace: Trace, name: 'dirty' | 'dirty_background'): number {
  const value = (key: string) => {
    const text = trace.host.sysctl?.[`vm.${key}`] ?? trace.host.sysctl?.[key];
    return text !== undefined && /^\d{1,15}$/.test(text) ? Number(text) : undefined;
  };
  if ((value(`${name}_bytes`) ?? 0) > 0) return 0;
  return Math.min(100, value(`${name}_ratio`) ?? 0);
}
