/**
 * One history under two systems. The replay of the trace (level b) says what happened; each then
 * shows what it would have counted, when it would have throttled, and what it would have taken.
 * A counterfactual is worth no more than the recorded system's own fit, which stands beside it.
 */
import type { HistoryEvent } from '../../model/policies/history.ts';
import type { RunFacts } from '../../model/policies/policy.ts';
import { SystemRun } from '../../model/policies/system-run.ts';
import type { SwitchName, SwitchValues } from '../../model/switches.ts';
import type { System } from '../../model/systems.ts';
import type { Trace } from '../../trace/trace.ts';
import { stuckServers } from '../fuse-connections.ts';
import type { Companion, HistoryReplay } from '../history/replay-history.ts';
import { type Demand, demandOf } from './demand.ts';
import { differencesOf } from './differences.ts';
import { Feeding, type FeedResult, feedHistory, hasLimits, type Marks, noMarks } from './feed.ts';
import { type Machine, machineFacts } from './machine.ts';
import { missingFor } from './needs.ts';
import { pointsOf, Recorder } from './recorder.ts';
import type { Comparison, Replayed, RunRecorder, SystemResult, TaskThrottling } from './result.ts';
import { NO_RECORDS, type TaskRecords, taskRecords } from './task-records.ts';
import { treeLivelocks } from './tree-livelock.ts';

/** A system and what is set of its switches; the system's own settings hold where nothing is. */
export type Chosen = { readonly system: System; readonly set: SwitchValues };

type Runner = {
  readonly chosen: Chosen;
  readonly switches: SwitchValues;
  readonly run: SystemRun;
  readonly recorder: RunRecorder;
};

export function compareSystems(trace: Trace, chosen: readonly [Chosen, Chosen]): Comparison {
  const { t_ns, machine, fed, results } = replaySystems(trace, chosen, {
    tasks: true,
    recorder: (run, points) => new Recorder(run, points),
  });
  const systems = results as unknown as readonly [SystemResult, SystemResult];
  return {
    t_ns,
    duration_ns: trace.meta.duration_ns,
    page_size: machine.facts.page_size,
    fits: fed?.fits,
    systems,
    differences: differencesOf(systems, t_ns, fed?.fits),
    assumptions: machine.assumptions,
    notes: [
      ...notesOf(trace, fed),
      ...stuckServers(trace),
      ...treeLivelocks(trace, machine.facts).map(({ text }) => text),
    ],
  };
}

export type ReplayOptions = {
  /** Who would have looked at the throttle when; without it data is told in sums, 7 times faster. */
  readonly tasks: boolean;
  readonly points?: number;
  /** What writes down the run of the system with this place among the chosen ones. */
  readonly recorder: (run: SystemRun, points: number, at: number) => RunRecorder;
  /** Lets the systems live in a replay that is made anyway; else one is made for them. */
  readonly within?: (companion: Companion) => HistoryReplay | undefined;
  /** All systems were told of something that shows the counters. */
  readonly onLook?: (ts_ns: number) => void;
};

export type Replays = {
  /** Points in time of all series. */
  readonly t_ns: Float64Array;
  readonly machine: Machine;
  /** Undefined when no system could be replayed. */
  readonly fed: FeedResult | undefined;
  /** One for each that was chosen. */
  readonly results: readonly SystemResult[];
};

/** One history under any number of systems, in one walk over the trace. */
export function replaySystems(
  trace: Trace,
  chosen: readonly Chosen[],
  { tasks, points, recorder, within, onLook }: ReplayOptions,
): Replays {
  const machine = machineFacts(trace);
  const marks = noMarks();
  const t_ns = pointsOf(trace.meta.duration_ns, points);
  const missing = chosen.map(({ system }) => missingFor(trace, system));
  const runners = chosen.map((one, at): Runner | undefined => {
    if ((missing[at]?.length ?? 0) > 0) return undefined;
    const switches = switchesOf(one);
    const run = new SystemRun(one.system.choice, {
      ...factsWith(machine.facts, switches),
      ...marks,
    });
    return { chosen: one, switches, run, recorder: recorder(run, t_ns.length, at) };
  });
  const present = runners.filter((runner) => runner !== undefined);
  const demand = demandOf(
    present.map(({ chosen: { system } }) => system.choice),
    { tasks },
  );
  const walk = { t_ns, runners: present, marks, demand, within, onLook };
  const fed = present.length > 0 ? feed(trace, machine.facts, walk) : undefined;
  const records = tasks ? taskRecords(trace) : NO_RECORDS;
  const results = chosen.map(({ system, set }, at): SystemResult => {
    const runner = runners[at];
    const about = { id: system.id, title: system.title };
    if (runner === undefined || fed === undefined) {
      const switches = switchesOf({ system, set });
      return { ...about, switches, status: 'not-applicable', needs: missing[at] ?? [] };
    }
    return { ...about, switches: runner.switches, ...replayedOf(runner, fed, records) };
  });
  return { t_ns, machine, fed, results };
}

/** What the system sets, then what was asked for as far as it listens to it. */
function switchesOf({ system, set }: Chosen): SwitchValues {
  const heard = Object.entries(set).filter(([name]) => system.listens.includes(name as SwitchName));
  return { ...system.switches, ...(Object.fromEntries(heard) as SwitchValues) };
}

function factsWith(facts: RunFacts, switches: SwitchValues): RunFacts {
  return { ...facts, node_size: switches['metadata.node-size'] ?? facts.node_size, switches };
}

/** When somebody reads the counters, or what moves them much is over. */
const SHOWING: readonly HistoryEvent['type'][] = ['limits', 'request', 'write-call'];

type Walk = {
  readonly within: ReplayOptions['within'] | undefined;
  readonly onLook: ReplayOptions['onLook'] | undefined;
  readonly t_ns: Float64Array;
  readonly runners: readonly Runner[];
  readonly marks: Marks;
  readonly demand: Demand;
};

function feed(
  trace: Trace,
  facts: RunFacts,
  { t_ns, runners, marks, demand, within, onLook }: Walk,
): FeedResult | undefined {
  let next = 0;
  const runs = runners.map(({ run }) => run);
  // Systems may see nodes of different sizes only where events tell each node.
  const nodeSize = Math.min(...runs.map((run) => run.facts.node_size));
  const options = {
    pageSize: facts.page_size,
    nodeSize,
    marks,
    demand,
    onTime: (now_ns: number) => {
      while (next < t_ns.length && (t_ns[next] as number) <= now_ns) {
        for (const { recorder } of runners) recorder.record();
        next++;
      }
      return t_ns[next] ?? Number.POSITIVE_INFINITY;
    },
  };
  const sink = (event: HistoryEvent) => {
    for (let at = 0; at < runs.length; at++) (runs[at] as SystemRun).feed(event);
    if (SHOWING.includes(event.type)) onLook?.(event.ts_ns);
  };
  if (within === undefined) return feedHistory(trace, options, sink);
  if (!hasLimits(trace)) return undefined;
  const feeding = new Feeding(trace, options, sink);
  const history = within(feeding);
  return history && { ...history, ...feeding.told };
}

function replayedOf(
  { run, recorder }: Runner,
  { wbNames }: FeedResult,
  records: TaskRecords,
): Replayed {
  const stretches = run.throttled;
  return {
    status: 'replayed',
    series: recorder.series(wbNames),
    throttling: {
      first_ns: stretches[0]?.from_ns,
      total_ns: stretches.reduce((sum, { from_ns, to_ns }) => sum + to_ns - from_ns, 0),
      stretches,
    },
    memory_bytes: recorder.memory,
    written_bytes: run.usage().written_bytes,
    tasks: tasksOf(run, records),
    notes: run.notes(),
  };
}

function tasksOf(run: SystemRun, { comms, throttled }: TaskRecords): readonly TaskThrottling[] {
  return run
    .entries()
    .map((entry) => ({
      ...entry,
      comm: comms.get(entry.pid) ?? '',
      recorded: throttled && (throttled.get(entry.pid) ?? 0),
    }))
    .sort((left, right) => right.throttled - left.throttled || right.entries - left.entries);
}

function notesOf(trace: Trace, fed: FeedResult | undefined): readonly string[] {
  if (fed === undefined) return [];
  const notes: string[] = [];
  if (trace.losses.length > 0) {
    notes.push(`Events were lost; the replay started ${fed.starts} times.`);
  }
  if (fed.hidden_nodes) {
    notes.push('Nodes are smaller than a page: bytes are at least what is shown, one node a page.');
  }
  if (fed.unplaced_pages > 0) {
    notes.push(`Of ${fed.unplaced_pages} pages of tree nodes only the number is known.`);
  }
  return notes;
}
