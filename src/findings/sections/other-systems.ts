/**
 * What other kernels would have made of the recorded history, where it holds what they treat in
 * another way: tree nodes of btrfs, writes through FUSE servers, large folios. Level (c): the
 * events are those that were recorded, tasks and flusher do not react to the other system.
 */
import type { Alternatives, ReplayedSystem, Topic } from '../../replay/compare/alternatives.ts';
import { fitWords } from '../../replay/compare/differences.ts';
import { NS_PER_S } from '../../trace/time.ts';
import { capital } from '../../trace/wording.ts';
import type { Context } from '../context.ts';
import { FIT_UNKNOWN, fitText, highest, valuesOf } from '../counterfactual.ts';
import type { Detail, DetailTable, Timeline } from '../detail.ts';
import type { Outcome } from '../finding.ts';
import { bytes, duration } from '../format.ts';
import type { FindingDefinition } from '../run.ts';
import {
  blockCharts,
  fuseCharts,
  tellBlocks,
  tellFuse,
  tellTrees,
  treeCharts,
  type View,
} from './other-systems-charts.ts';

const COUNTERFACTUAL =
  'Counterfactual: the recorded events under the accounting of other kernels; tasks and flusher ' +
  'do what they were recorded to do.';

/** Sections that stand in a report only when the capture has what they are about. */
export const otherSystems: readonly FindingDefinition[] = [
  sectionOf('trees', 'btrfs metadata under other accounting', {
    question: 'How much of dirty memory is tree nodes, and what would other kernels have shown?',
    told: tellTrees,
    charts: treeCharts,
  }),
  sectionOf('fuse', 'FUSE writeback under other kernels', {
    question: 'What waited for the FUSE server, and who would have held it in other kernels?',
    told: tellFuse,
    charts: fuseCharts,
  }),
  sectionOf('blocks', 'State and statistics of large folios', {
    question: 'What does state of blocks take, and how much of a dirty folio is really dirty?',
    told: tellBlocks,
    charts: blockCharts,
  }),
];

type Parts = {
  readonly question: string;
  /** What is said first. */
  readonly told: (view: View) => string;
  readonly charts: (view: View) => readonly Timeline[];
};

function sectionOf(topic: Topic, title: string, parts: Parts): FindingDefinition {
  return {
    id: `other-systems-${topic}`,
    title,
    question: parts.question,
    needs: [],
    concerns: (context) => context.counterfactuals?.of.has(topic) ?? false,
    evaluate: (context) => evaluate(context, topic, parts),
  };
}

function evaluate(context: Context, topic: Topic, parts: Parts): Outcome {
  const found = context.counterfactuals;
  const alternatives = found?.of.get(topic);
  if (found === undefined || alternatives === undefined) {
    const summary = 'This capture has nothing that other systems treat in another way.';
    return { status: 'not-applicable', summary, details: [], weakenedBy: [] };
  }
  const { fed, machine } = found;
  const view: View = {
    context,
    ...inWindow(alternatives, found.t_ns, context.window_ns),
    furthest: alternatives.furthest,
    fit: fitText(fitWords('nr_dirty', fed.fits)),
    // dirty and writeback, each off by as much.
    bound_bytes: 2 * fed.drift.bound_pages * context.pageSize,
  };
  const sentences = [parts.told(view), ...differences(view), COUNTERFACTUAL, fitSentence(view)];
  return {
    status: 'shown',
    summary: sentences.join(' '),
    details: [...parts.charts(view), systemsTable(view), ...notesOf(view)],
    weakenedBy: topic === 'trees' ? machine.assumptions : [],
    level: 'c',
  };
}

/** Systems with their series cut to what is shown. */
function inWindow(
  { recorded, others }: Alternatives,
  t_ns: Float64Array,
  [from_ns, to_ns]: readonly [number, number],
): Pick<View, 'recorded' | 'others' | 't_ns'> {
  const cut = (values: Float64Array) =>
    values.filter((_, at) => {
      const now_ns = t_ns[at] as number;
      return now_ns >= from_ns && now_ns <= to_ns;
    });
  const shown = (one: ReplayedSystem): ReplayedSystem => ({
    ...one,
    series: one.series.map((series) => ({ ...series, values: cut(series.values) })),
  });
  return { recorded: shown(recorded), others: others.map(shown), t_ns: cut(t_ns) };
}

const fitSentence = ({ recorded, fit }: View): string =>
  fit === FIT_UNKNOWN
    ? `How well the recorded system, ${recorded.id}, is predicted is not known: no sample could ` +
      'be compared, so that differences are no more than a hint.'
    : `The recorded system, ${recorded.id}, is itself predicted right for ${fit} of nr_dirty: no ` +
      'difference is worth more than that.';

/** Dirty + writeback of each other system against that of the recorded one. */
function differences({ others, furthest, context }: View): readonly string[] {
  const sentences: string[] = [];
  const same: string[] = [];
  for (const { id } of others) {
    const { pages, at_ns } = furthest.get(id) ?? { pages: 0, at_ns: 0 };
    if (pages === 0) same.push(id);
    else {
      const amount = bytes(Math.abs(pages) * context.pageSize);
      const way = pages > 0 ? 'more' : 'less';
      sentences.push(
        `Under ${id} dirty + writeback is up to ${amount} ${way} (at ${duration(at_ns)}).`,
      );
    }
  }
  if (same.length === 0) return sentences;
  return [...sentences, `Under ${same.join(' and ')} dirty + writeback is the same at all times.`];
}

function systemsTable({ recorded, others, furthest, context, fit }: View): DetailTable {
  const rows = [recorded, ...others].map((one) => {
    const { pages, at_ns } = furthest.get(one.id) ?? { pages: 0, at_ns: 0 };
    const isOther = one !== recorded;
    return {
      system: isOther ? one.id : `${one.id} (recorded)`,
      difference: isOther ? pages * context.pageSize : undefined,
      at: isOther && pages !== 0 ? at_ns / NS_PER_S : undefined,
      fit,
      most: highest(valuesOf(one, 'throttle_dirty')) * context.pageSize,
      first: one.throttling.first_ns,
      throttled: one.throttling.total_ns,
      memory: one.memory_bytes.peak,
      written: one.written_bytes,
    };
  });
  return {
    kind: 'table',
    id: `systems-${recorded.id}`,
    title: 'Dirty + writeback, throttling, memory and writes under each system',
    columns: [
      { key: 'system', label: 'System', unit: 'none' },
      { key: 'difference', label: 'Largest difference', unit: 'bytes' },
      { key: 'at', label: 'At', unit: 's' },
      { key: 'fit', label: 'Fit of the recorded', unit: 'none' },
      { key: 'most', label: 'Most', unit: 'bytes' },
      { key: 'first', label: 'Above freerun', unit: 'ns' },
      { key: 'throttled', label: 'In all', unit: 'ns' },
      { key: 'memory', label: 'Memory', unit: 'bytes' },
      { key: 'written', label: 'Written', unit: 'bytes' },
    ],
    rows,
    omitted: 0,
  };
}

/** What each system is and found out; of others, only what is not said of the recorded one. */
function notesOf({ recorded, others }: View): Detail[] {
  const own = new Set(recorded.notes);
  return [recorded, ...others].map((one): Detail => {
    const notes = one.notes.filter((text) => one === recorded || !own.has(text));
    const title = one.title.startsWith(`${one.id}:`) ? one.title : `${one.id}: ${one.title}`;
    return {
      kind: 'note',
      id: `about-${one.id}`,
      text: [`${title}.`, ...notes.map(sentence)].join(' '),
    };
  });
}

const sentence = (text: string): string => `${capital(text).replace(/\.$/, '')}.`;
