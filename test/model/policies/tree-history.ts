/** Histories of tree nodes in words, and a system that lives through them. */
import type {
  DataEvent,
  HistoryEvent,
  WriteCallEvent,
} from '../../../src/model/policies/history.ts';
import type { RunFacts } from '../../../src/model/policies/policy.ts';
import { SystemRun } from '../../../src/model/policies/system-run.ts';
import type { SwitchValues } from '../../../src/model/switches.ts';
import { systemOf } from '../../../src/model/systems.ts';

export const KIB = 1024;
export const MIB = 1024 * KIB;

export const FACTS: RunFacts = {
  page_size: 4 * KIB,
  cpus: 4,
  node_size: 16 * KIB,
  node_copies: 1,
  write_bandwidth: 100 * MIB,
  dirty_ratio: 0,
  background_ratio: 0,
  kernel: { tree_gate: true, tree_counter_wraps: false },
  switches: {},
};

export function runOf(
  id: string,
  facts: Partial<RunFacts> = {},
  set: SwitchValues = {},
): SystemRun {
  const system = systemOf(id);
  if (system === undefined) throw new Error(`no system ${id}`);
  const switches = { ...system.switches, ...set };
  return new SystemRun(system.choice, { ...FACTS, ...facts, switches });
}

export const WB = 1;
export const PID = 100;

export function nodes(
  kind: DataEvent['kind'],
  start: number,
  bytes: number,
  more: Partial<DataEvent> = {},
): DataEvent {
  return {
    type: 'data',
    kind,
    ts_ns: 0,
    wb: WB,
    pageClass: 'metadata',
    bytes,
    file: 0,
    start,
    pid: PID,
    cpu: 0,
    ...more,
  };
}

/** `count` nodes, one every `stride` bytes. */
export function eachNode(
  run: SystemRun,
  kind: DataEvent['kind'],
  count: number,
  size: number,
  stride = size,
): void {
  for (let node = 0; node < count; node++) run.feed(nodes(kind, node * stride, size));
}

export function call(phase: 'start' | 'end', more: Partial<WriteCallEvent> = {}): WriteCallEvent {
  return {
    type: 'write-call',
    phase,
    ts_ns: 0,
    wb: WB,
    sync: false,
    kupdate: false,
    background: false,
    file: 0,
    budget_bytes: Number.POSITIVE_INFINITY,
    wrote_bytes: 0,
    ...more,
  };
}

export const limits = (thresh: number, background: number, ts_ns = 0): HistoryEvent => ({
  type: 'limits',
  ts_ns,
  thresh,
  background,
});

export const nrDirty = (run: SystemRun): number => run.inputs().nr_dirty;
