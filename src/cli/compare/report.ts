/** A comparison as a page: the report of the capture with both systems on one axis. */
import { buildReport, type Report } from '../../../reports/index.ts';
import { curveOf, FIT_UNKNOWN, fitText } from '../../findings/counterfactual.ts';
import type { Detail, DetailTable, DetailUnit, Series, Timeline } from '../../findings/detail.ts';
import type { Finding } from '../../findings/finding.ts';
import { bytes, duration } from '../../findings/format.ts';
import { fitWords } from '../../replay/compare/differences.ts';
import type {
  Comparison,
  CounterSeries,
  Replayed,
  SystemResult,
} from '../../replay/compare/result.ts';
import { numbers, tableWith } from '../../trace/table.ts';
import { NS_PER_S } from '../../trace/time.ts';
import type { Trace } from '../../trace/trace.ts';
import { makeReport } from '../report/one.ts';

const CHART = 'compare-throttle_dirty';
/** Charts besides the one of the throttle: those that differ most. */
const MOST_CHARTS = 10;

export function compareReport(file: string, trace: Trace, comparison: Comparison): Report {
  const base = makeReport(file, trace);
  const [first, second] = comparison.systems;
  const sections = [throttleSection(trace, comparison), countersSection(comparison)];
  const sentence = headlineOf(comparison);
  return buildReport({
    generator: base.generator,
    input: base.input,
    title: `${first.id} against ${second.id}`,
    headline: { ...base.headline, sentence, chart_id: CHART },
    diagnosis: base.diagnosis,
    evidence: [],
    findings: [...sections, ...comparison.systems.map(systemSection)],
    quality: base.quality,
  });
}

function headlineOf({ systems, differences, page_size }: Comparison): string {
  const [first, second] = systems;
  if (first.status !== 'replayed' || second.status !== 'replayed') {
    const absent = systems.filter(({ status }) => status === 'not-applicable');
    return `${absent.map(({ id }) => id).join(' and ')} cannot be replayed on this capture.`;
  }
  const apart = differences.find(({ counter }) => counter === 'throttle_dirty');
  const level =
    apart === undefined || apart.largest === 0
      ? 'dirty + writeback is the same'
      : `dirty + writeback is up to ${bytes(Math.abs(apart.largest) * page_size)} ` +
        `${apart.largest > 0 ? 'more' : 'less'} under ${second.id} (at ${duration(apart.at_ns)})`;
  return `${throttledText(first, second)}; ${level}.`;
}

/** How much of it may be believed. */
function fitSentence({ fits }: Comparison): string {
  const fit = fitText(fits && fitWords('nr_dirty', fits));
  const said =
    fit === FIT_UNKNOWN
      ? 'How well the recorded system is predicted is not known'
      : `The recorded system is predicted right for ${fit} of nr_dirty`;
  return `${said}; tasks and flusher do as recorded, and do not react to the other system.`;
}

function throttledText(first: SystemResult & Replayed, second: SystemResult & Replayed): string {
  const [a, b] = [first.throttling, second.throttling];
  if (a.first_ns === undefined && b.first_ns === undefined) {
    return `Neither ${first.id} nor ${second.id} would have throttled`;
  }
  if (a.first_ns === b.first_ns && a.total_ns === b.total_ns) {
    const from = duration(a.first_ns ?? 0);
    return `Both would have throttled from ${from} on, for ${duration(a.total_ns)} in all`;
  }
  const words = (one: SystemResult & Replayed) =>
    one.throttling.first_ns === undefined
      ? `${one.id} would never have throttled`
      : `${one.id} would have throttled from ${duration(one.throttling.first_ns)} on, for ` +
        duration(one.throttling.total_ns);
  return `${words(first)}, ${words(second)}`;
}

function throttleSection(trace: Trace, comparison: Comparison): Finding {
  const { t_ns, systems, fits } = comparison;
  const recorded = recordedLevel(trace, comparison.page_size);
  const times = comparison.page_size;
  const levels = systems.flatMap((one, at) => seriesOf(one, at, 'throttle_dirty', t_ns, times));
  const [freerun, other] = systems.flatMap((one, at) => seriesOf(one, at, 'freerun', t_ns, times));
  const isSame = freerun?.values.every((value, at) => Object.is(value, other?.values[at]));
  const limits = [freerun, isSame ? undefined : other].filter((one) => one !== undefined);
  const series = [...levels, ...limits];
  const chart = timeline(comparison, {
    id: CHART,
    title: 'What the throttle compares: dirty + writeback against freerun',
    unit: 'bytes',
    series: recorded === undefined ? series : [recorded, ...series],
  });
  const fit = fits?.nr_dirty;
  return {
    id: 'compare-throttling',
    title: 'Throttling under both systems',
    question: 'When would dirtiers have been paused?',
    status: fit === undefined ? 'not-applicable' : 'shown',
    summary: `${headlineOf(comparison)} ${fitSentence(comparison)}`,
    details: [chart, tasksTable(comparison)],
    weakenedBy: comparison.notes,
    level: 'c',
  };
}

/** dirty + writeback as the kernel recorded them. */
function recordedLevel({ tables }: Trace, page_size: number): Series | undefined {
  const columns = ['nr_dirty_pages', 'nr_writeback_pages'];
  const table = tableWith(tables, 'global_dirty_state', columns);
  if (table === undefined) return undefined;
  const [dirty, writeback] = columns.map((name) => numbers(table, name).values);
  const values = Float64Array.from(
    { length: table.rows },
    (_, row) => ((dirty?.[row] as number) + (writeback?.[row] as number)) * page_size,
  );
  const t_ns = Float64Array.from(numbers(table, 'ts_ns').values);
  return { id: 'recorded', label: 'recorded', role: 'recorded', shape: 'step', t_ns, values };
}

function seriesOf(
  result: SystemResult,
  at: number,
  counter: CounterSeries['counter'],
  t_ns: Float64Array,
  times = 1,
): Series[] {
  const isLimit = counter === 'freerun' || counter === 'thresh';
  return curveOf(result, counter, t_ns, {
    id: `${at + 1}-${counter}`,
    label: isLimit ? `${counter} of ${result.id}` : result.id,
    role: isLimit ? 'limit' : 'counterfactual',
    times,
  });
}

function timeline(
  { duration_ns }: Comparison,
  about: Pick<Timeline, 'id' | 'title' | 'unit' | 'series'>,
): Timeline {
  return {
    kind: 'timeline',
    subtitle: 'counterfactual: the recorded events, counted by the rules of each system',
    window_ns: [0, duration_ns],
    bands: [],
    lost: [],
    ...about,
  };
}

function countersSection(comparison: Comparison): Finding {
  const { differences, systems, t_ns } = comparison;
  const differing = differences.filter(({ largest }) => largest !== 0);
  const charts = differing
    .filter(({ counter }) => counter !== 'throttle_dirty')
    .slice(0, MOST_CHARTS)
    .map(({ counter, unit, fit }) =>
      timeline(comparison, {
        id: `compare-${counter}`,
        title: `${counter} (fit of the recorded system: ${fitText(fit)})`,
        unit: unitOf(unit),
        series: systems.flatMap((one, at) => seriesOf(one, at, counter, t_ns)),
      }),
    );
  return {
    id: 'compare-counters',
    title: 'Counters side by side',
    question: 'What would each kernel have shown?',
    status: differing.length > 0 ? 'shown' : 'clear',
    summary:
      differing.length > 0
        ? `${differing.length} of ${differences.length} counters differ at some time.`
        : 'No counter differs at any time.',
    details: [differencesTable(comparison), ...charts],
    weakenedBy: comparison.assumptions,
    level: 'c',
  };
}

const unitOf = (unit: CounterSeries['unit']): DetailUnit => (unit === 'events' ? 'count' : unit);

function differencesTable({ differences }: Comparison): DetailTable {
  return {
    kind: 'table',
    id: 'compare-differences',
    title: 'Second system minus first',
    columns: [
      { key: 'counter', label: 'Counter', unit: 'none' },
      { key: 'unit', label: 'Unit', unit: 'none' },
      { key: 'largest', label: 'Largest', unit: 'count' },
      { key: 'at', label: 'At', unit: 's' },
      { key: 'mean', label: 'Mean', unit: 'count' },
      { key: 'end', label: 'At the end', unit: 'count' },
      { key: 'fit', label: 'Fit of the recorded system', unit: 'none' },
    ],
    rows: differences.map(({ counter, unit, largest, at_ns, mean, end, fit }) => ({
      ...{ counter, unit, largest, mean, end, at: at_ns / NS_PER_S },
      fit: fitText(fit),
    })),
    omitted: 0,
  };
}

function tasksTable({ systems }: Comparison): DetailTable {
  const [first, second] = systems.map((one) => (one.status === 'replayed' ? one.tasks : []));
  const pids = new Set([...(first ?? []), ...(second ?? [])].map(({ pid }) => pid));
  const rows = [...pids].map((pid) => {
    const [a, b] = [first, second].map((tasks) => tasks?.find((one) => one.pid === pid));
    return {
      task: `${a?.comm ?? b?.comm}-${pid}`,
      looks: a?.entries ?? 0,
      looks_other: b?.entries ?? 0,
      above: a?.throttled ?? 0,
      above_other: b?.throttled ?? 0,
      recorded: a?.recorded ?? b?.recorded,
      first: a?.first_throttled_ns,
      first_other: b?.first_throttled_ns,
    };
  });
  const heads = (label: string, key: string, unit: DetailUnit) => [
    { key, label: `${label}, ${systems[0].id}`, unit },
    { key: `${key}_other`, label: systems[1].id, unit },
  ];
  return {
    kind: 'table',
    id: 'compare-tasks',
    title: 'Looks at the throttle, by task: in all, and above freerun, which pauses',
    columns: [
      { key: 'task', label: 'Task', unit: 'none' },
      ...heads('Looks', 'looks', 'count'),
      ...heads('Above freerun', 'above', 'count'),
      { key: 'recorded', label: 'recorded', unit: 'count' },
      ...heads('First', 'first', 'ns'),
    ],
    rows,
    omitted: 0,
  };
}

function needsText({ needs }: SystemResult & { readonly status: 'not-applicable' }): string {
  return needs.map(({ events, why }) => `${events.join(' and ')} (${why})`).join('; ');
}

function systemSection(result: SystemResult, at: number): Finding {
  const details: Detail[] = [];
  if (result.status === 'replayed') {
    details.push(
      ...result.notes.map((text, n) => ({ kind: 'note' as const, id: `note-${at}-${n}`, text })),
    );
  }
  const set = Object.entries(result.switches).map(([name, value]) => `${name}=${value}`);
  return {
    id: `compare-system-${at + 1}`,
    title: result.title.startsWith(`${result.id}:`)
      ? result.title
      : `${result.id}: ${result.title}`,
    question: 'What was assumed of this system?',
    status: result.status === 'replayed' ? 'shown' : 'not-applicable',
    summary:
      result.status === 'replayed'
        ? set.length === 0
          ? 'No switch is set.'
          : `Set: ${set.join(', ')}.`
        : `Not applicable: needs ${needsText(result)}.`,
    details,
    weakenedBy: [],
    level: 'c',
  };
}
