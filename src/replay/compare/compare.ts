/**
 * One history under two systems. The replay of the trace (level b) says what happened; each then
 * shows what it would have counted, when it would have throttled, and what it would have taken.
 * A counterfactual is worth no more than the recorded system's own fit, which stands beside it.
 */
import type { RunFacts } from '../../model/policies/policy.ts';
import { SystemRun } from '../../model/policies/system-run.ts';
import type { SwitchName, SwitchValues } from '../../model/switches.ts';
import type { System } from '../../model/systems.ts';
import { textAt } from '../../trace/column.ts';
import { numbers, tableWith, texts } from '../../trace/table.ts';
import type { Trace } from '../../trace/trace.ts';
import { differencesOf } from './differences.ts';
import { type FeedResult, feedHistory, type Marks, noMarks } from './feed.ts';
import { stuckServers } from './fuse-requests.ts';
import { machineFacts } from './machine.ts';
import { missingFor } from './needs.ts';
import { pointsOf, Recorder } from './recorder.ts';
import type { Comparison, Replayed, SystemResult, TaskThrottling } from './result.ts';
import { treeLivelocks } from './tree-livelock.ts';

/** A system and what is set of its switches; the system's own settings hold where nothing is. */
export type Chosen = { readonly system: System; readonly set: SwitchValues };

type Runner = {
  readonly chosen: Chosen;
  readonly switches: SwitchValues;
  readonly run: SystemRun;
  readonly recorder: Recorder;
};

export function compareSystems(trace: Trace, chosen: readonly [Chosen, Chosen]): Comparison {
  const machine = machineFacts(trace);
  const marks = noMarks();
  const t_ns = pointsOf(trace.meta.duration_ns);
  const missing = chosen.map(({ system }) => missingFor(trace, system));
  const runners = chosen.map((one, at): Runner | undefined => {
    if ((missing[at]?.length ?? 0) > 0) return undefined;
    const switches = switchesOf(one);
    const run = new SystemRun(one.system.choice, {
      ...factsWith(machine.facts, switches),
      ...marks,
    });
    return { chosen: one, switches, run, recorder: new Recorder(run, t_ns.length) };
  });
  const present = runners.filter((runner) => runner !== undefined);
  const fed = present.length > 0 ? feed(trace, machine.facts, t_ns, present, marks) : undefined;
  const comms = taskNames(trace);
  const results = chosen.map(({ system, set }, at): SystemResult => {
    const runner = runners[at];
    const about = { id: system.id, title: system.title };
    if (runner === undefined || fed === undefined) {
      const switches = switchesOf({ system, set });
      return { ...about, switches, status: 'not-applicable', needs: missing[at] ?? [] };
    }
    return { ...about, switches: runner.switches, ...replayedOf(runner, fed, comms) };
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

/** What the system sets, then what was asked for as far as it listens to it. */
function switchesOf({ system, set }: Chosen): SwitchValues {
  const heard = Object.entries(set).filter(([name]) => system.listens.includes(name as SwitchName));
  return { ...system.switches, ...(Object.fromEntries(heard) as SwitchValues) };
}

function factsWith(facts: RunFacts, switches: SwitchValues): RunFacts {
  return { ...facts, node_size: switches['metadata.node-size'] ?? facts.node_size, switches };
}

function feed(
  trace: Trace,
  facts: RunFacts,
  t_ns: Float64Array,
  runners: readonly Runner[],
  marks: Marks,
): FeedResult | undefined {
  let next = 0;
  // Systems may see nodes of different sizes only where events tell each node.
  const nodeSize = Math.min(...runners.map(({ run }) => run.facts.node_size));
  const options = {
    pageSize: facts.page_size,
    nodeSize,
    marks,
    onTime: (now_ns: number) => {
      while (next < t_ns.length && (t_ns[next] as number) <= now_ns) {
        for (const { recorder } of runners) recorder.record();
        next++;
      }
      return t_ns[next] ?? Number.POSITIVE_INFINITY;
    },
  };
  return feedHistory(trace, options, (event) => {
    for (const { run } of runners) run.feed(event);
  });
}

function replayedOf(
  { run, recorder }: Runner,
  { wbNames }: FeedResult,
  comms: ReadonlyMap<number, string>,
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
    tasks: tasksOf(run, comms),
    notes: run.notes(),
  };
}

function tasksOf(run: SystemRun, comms: ReadonlyMap<number, string>): readonly TaskThrottling[] {
  return run
    .entries()
    .map((entry) => ({ ...entry, comm: comms.get(entry.pid) ?? '' }))
    .sort((left, right) => right.throttled - left.throttled || right.entries - left.entries);
}

/** Names of the tasks that dirtied something. */
function taskNames({ tables }: Trace): ReadonlyMap<number, string> {
  const names = new Map<number, string>();
  const table = tableWith(tables, 'writeback_dirty_folio', ['bdi']);
  if (table === undefined) return names;
  const pid = numbers(table, 'pid').values;
  const comm = texts(table, 'comm');
  for (let row = 0; row < table.rows; row++) {
    const own = pid[row] as number;
    if (!names.has(own)) names.set(own, textAt(comm, row));
  }
  return names;
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
