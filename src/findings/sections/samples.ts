/** What was sampled beside the trace: memory by kind, reclaim, and pressure stall information. */
import { numbers, optionalNumbers, type Table } from '../../trace/table.ts';
import type { Context } from '../context.ts';
import type { Series, Timeline } from '../detail.ts';
import type { Outcome } from '../finding.ts';
import { bytes, count, percent } from '../format.ts';
import { lostIntervals } from '../intervals.ts';
import type { FindingDefinition } from '../run.ts';

export const samples: FindingDefinition = {
  id: 'samples',
  title: 'Sampled counters of the machine',
  question: 'What did memory and pressure look like from outside of the trace?',
  needs: [],
  evaluate,
};

/** Names of /proc/vmstat and how a reader calls them. */
const MEMORY = [
  { name: 'nr_free_pages', label: 'free' },
  { name: 'nr_inactive_file', label: 'inactive file pages' },
  { name: 'nr_active_file', label: 'active file pages' },
  { name: 'nr_anon_pages', label: 'anonymous' },
  { name: 'nr_slab_reclaimable', label: 'reclaimable slab' },
] as const;

function evaluate(context: Context): Outcome {
  const { samples: vmstat, sampleTables } = context.trace;
  const pressure = [...(sampleTables ?? [])].filter(([name]) => name.startsWith('psi'));
  const details = [
    ...(vmstat === undefined ? [] : memoryChart(context, vmstat)),
    ...pressure.flatMap(([name, table]) => pressureChart(context, name, table)),
  ];
  if (details.length === 0) {
    const summary =
      'No samples were given. Sample /proc/vmstat and /proc/pressure while tracing and put them ' +
      'beside the trace as vmstat.csv, or name them with --vmstat.';
    return { status: 'unknown', summary, details: [], weakenedBy: [] };
  }
  const said = `${details.map(({ title }) => title).join('. ')}.`;
  const missing =
    pressure.length > 0 ? '' : ' Pressure stall information (/proc/pressure) was not sampled.';
  return { status: 'shown', summary: `${said}${missing}`, details, weakenedBy: [] };
}

function memoryChart(context: Context, table: Table): Timeline[] {
  const t_ns = Float64Array.from(numbers(table, 'ts_ns').values);
  const series = MEMORY.flatMap(({ name, label }): Series[] => {
    const pages = optionalNumbers(table, name)?.values;
    if (pages === undefined) return [];
    const values = Float64Array.from(pages, (value) => value * context.pageSize);
    return [{ id: name, label, role: 'sampled', shape: 'linear', t_ns, values }];
  });
  const [first] = series;
  if (first === undefined) return [];
  const least = first.values.reduce((low, value) => Math.min(low, value), Number.POSITIVE_INFINITY);
  return [
    {
      kind: 'timeline',
      id: 'vmstat',
      title: `${first.label === 'free' ? 'Free memory' : first.label} was never below ${bytes(least)}`,
      subtitle: `/proc/vmstat, ${count(table.rows, 'sample')}`,
      unit: 'bytes',
      window_ns: context.window_ns,
      series,
      bands: [],
      lost: lostIntervals(context),
    },
  ];
}

/** Share of time in which tasks waited, from the totals where they were sampled. */
function pressureChart(context: Context, name: string, table: Table): Timeline[] {
  const ts = Float64Array.from(numbers(table, 'ts_ns').values);
  const series = Object.keys(table.columns).flatMap((column): Series[] => {
    const total = /(?:^|_)(some|full)_total(?:_us)?$/.exec(column);
    const average = /(?:^|_)(some|full)_avg10$/.exec(column);
    const values = optionalNumbers(table, column)?.values;
    if (values === undefined || (total === null && average === null)) return [];
    const label = `${total?.[1] ?? average?.[1]}${total === null ? ', average of 10 s' : ''}`;
    const shares =
      total === null ? Float64Array.from(values) : sharesOf(ts, values as ArrayLike<number>);
    return [{ id: column, label, role: 'sampled', shape: 'linear', t_ns: ts, values: shares }];
  });
  if (series.length === 0) return [];
  const most = Math.max(
    ...series.map(({ values }) => values.reduce((high, value) => Math.max(high, value || 0), 0)),
  );
  const what = name.replace(/^psi_?/, '') || 'some resource';
  return [
    {
      kind: 'timeline',
      id: name.replaceAll('_', '-'),
      title: `Tasks waited for ${what} up to ${percent(most / 100)} of the time`,
      subtitle: `/proc/pressure, ${count(table.rows, 'sample')}`,
      unit: 'percent',
      window_ns: context.window_ns,
      series,
      bands: [],
      lost: lostIntervals(context),
    },
  ];
}

/** Totals are microseconds of waiting since boot. */
function sharesOf(ts_ns: Float64Array, total_us: ArrayLike<number>): Float64Array {
  return ts_ns.map((ts, row) => {
    if (row === 0) return Number.NaN;
    const passed_us = (ts - (ts_ns[row - 1] as number)) / 1e3;
    const waited_us = (total_us[row] as number) - (total_us[row - 1] as number);
    return passed_us > 0 && waited_us >= 0
      ? Math.min(100, (100 * waited_us) / passed_us)
      : Number.NaN;
  });
}
