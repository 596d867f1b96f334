/** A comparison as a page: the report of the capture with both systems on one axis. */
import { buildReport, type Report } from '../../reports/index.ts';
import type { Detail, DetailTable, DetailUnit, Series, Timeline } from '../findings/detail.ts';
import type { Finding } from '../findings/finding.ts';
import { bytes, duration } from '../findings/format.ts';
import type { Comparison, CounterSeries, SystemResult } from '../replay/compare/result.ts';
import { numbers, tableWith } from '../trace/table.ts';
import type { Trace } from '../trace/trace.ts';
import { makeReport } from './commands/report.ts';
import { fitText, missingText } from './compare-text.ts';

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

function headlineOf({ systems }: Comparison): string {
  const words = systems.map((one) => {
    if (one.status === 'not-applicable') return `${one.id} cannot be replayed on this capture`;
    const { first_ns, total_ns } = one.throttling;
    const when =
      first_ns === undefined
        ? 'would never have throttled'
        : `would have throttled from ${duration(first_ns)} on, for ${duration(total_ns)}`;
    return `${one.id} ${when}, at most ${bytes(one.memory_bytes.peak)} of memory`;
  });
  return `${words.join('; ')}.`;
}

function throttleSection(trace: Trace, comparison: Comparison): Finding {
  const { t_ns, systems, fits } = comparison;
  const recorded = recordedLevel(trace);
  const series = systems.flatMap((one, at) => [
    ...seriesOf(one, at, 'throttle_dirty', t_ns),
    ...seriesOf(one, at, 'freerun', t_ns),
  ]);
  const chart = timeline(comparison, {
    id: CHART,
    title: 'What the throttle compares: dirty + writeback against freerun',
    unit: 'pages',
    series: recorded === undefined ? series : [recorded, ...series],
  });
  const fit = fits?.nr_dirty;
  return {
    id: 'compare-throttling',
    title: 'Throttling under both systems',
    question: 'When would dirtiers have been paused?',
    status: fit === undefined ? 'not-applicable' : 'found',
    summary: headlineOf(comparison),
    details: [chart, tasksTable(comparison)],
    weakenedBy: comparison.notes,
    level: 'b',
  };
}

/** dirty + writeback as the kernel recorded them. */
function recordedLevel({ tables }: Trace): Series | undefined {
  const columns = ['nr_dirty_pages', 'nr_writeback_pages'];
  const table = tableWith(tables, 'global_dirty_state', columns);
  if (table === undefined) return undefined;
  const [dirty, writeback] = columns.map((name) => numbers(table, name).values);
  const values = Float64Array.from(
    { length: table.rows },
    (_, row) => (dirty?.[row] as number) + (writeback?.[row] as number),
  );
  const t_ns = Float64Array.from(numbers(table, 'ts_ns').values);
  return { id: 'recorded', label: 'recorded', role: 'recorded', shape: 'step', t_ns, values };
}

function seriesOf(
  result: SystemResult,
  at: number,
  counter: CounterSeries['counter'],
  t_ns: Float64Array,
): Series[] {
  if (result.status !== 'replayed') return [];
  const found = result.series.find((one) => one.counter === counter && one.bdi === undefined);
  if (found === undefined) return [];
  const isLimit = counter === 'freerun' || counter === 'thresh';
  const label = isLimit ? `${counter} of ${result.id}` : result.id;
  return [
    {
      id: `${at + 1}-${counter}`,
      label,
      role: isLimit ? 'limit' : 'predicted',
      shape: 'step',
      t_ns,
      values: found.values,
    },
  ];
}

function timeline(
  { duration_ns }: Comparison,
  about: Pick<Timeline, 'id' | 'title' | 'unit' | 'series'>,
): Timeline {
  return {
    kind: 'timeline',
    subtitle: 'predicted from the same events under both systems',
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
        title: `${counter} (recorded system: ${fitText(fit)})`,
        unit: unitOf(unit),
        series: systems.flatMap((one, at) => seriesOf(one, at, counter, t_ns)),
      }),
    );
  return {
    id: 'compare-counters',
    title: 'Counters side by side',
    question: 'What would each kernel have shown?',
    status: differing.length > 0 ? 'found' : 'clear',
    summary:
      differing.length > 0
        ? `${differing.length} of ${differences.length} counters differ at some time.`
        : 'No counter differs at any time.',
    details: [differencesTable(comparison), ...charts],
    weakenedBy: comparison.assumptions,
    level: 'b',
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
      { key: 'at', label: 'At', unit: 'ns' },
      { key: 'mean', label: 'Mean', unit: 'count' },
      { key: 'end', label: 'At the end', unit: 'count' },
      { key: 'fit', label: 'Fit of the recorded system', unit: 'none' },
    ],
    rows: differences.map(({ counter, unit, largest, at_ns, mean, end, fit }) => ({
      ...{ counter, unit, largest, mean, end, at: at_ns },
      fit: fitText(fit),
    })),
    omitted: 0,
  };
}

function tasksTable({ systems }: Comparison): DetailTable {
  const rows = systems.flatMap((one) =>
    one.status !== 'replayed'
      ? []
      : one.tasks.map(({ pid, comm, entries, throttled, first_throttled_ns }) => ({
          ...{ system: one.id, task: `${comm}-${pid}`, entries, throttled },
          first: first_throttled_ns,
        })),
  );
  return {
    kind: 'table',
    id: 'compare-tasks',
    title: 'Looks at the throttle, by task',
    columns: [
      { key: 'system', label: 'System', unit: 'none' },
      { key: 'task', label: 'Task', unit: 'none' },
      { key: 'entries', label: 'Looks', unit: 'count' },
      { key: 'throttled', label: 'Above freerun', unit: 'count' },
      { key: 'first', label: 'First', unit: 'ns' },
    ],
    rows,
    omitted: 0,
  };
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
    title: `${result.id}: ${result.title}`,
    question: 'What was assumed of this system?',
    status: result.status === 'replayed' ? 'clear' : 'not-applicable',
    summary:
      result.status === 'replayed'
        ? `Set: ${set.length === 0 ? 'nothing' : set.join(', ')}.`
        : missingText(result),
    details,
    weakenedBy: [],
    level: 'b',
  };
}
