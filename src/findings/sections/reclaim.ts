/** What page reclaim scanned and met, and who was throttled in it. */
import { numbers, optionalNumbers, tableWith } from '../../trace/table.ts';
import type { Context } from '../context.ts';
import type { Interval, Series, Timeline } from '../detail.ts';
import type { Outcome } from '../finding.ts';
import { bytes, count } from '../format.ts';
import { lostIntervals } from '../intervals.ts';
import type { FindingDefinition } from '../run.ts';
import { notRecorded, ratePerBin } from './binned.ts';

export const reclaim: FindingDefinition = {
  id: 'reclaim',
  title: 'Memory reclaim',
  question: 'How much did reclaim scan, how much of it was dirty, and was anybody throttled?',
  needs: [],
  evaluate,
};

const SHRINK = 'mm_vmscan_lru_shrink_inactive';

const CURVES = [
  { id: 'scanned', label: 'scanned', column: 'nr_scanned_pages' },
  { id: 'reclaimed', label: 'reclaimed', column: 'nr_reclaimed_pages' },
  { id: 'dirty', label: 'met dirty', column: 'nr_dirty_pages' },
  { id: 'writeback', label: 'met under writeback', column: 'nr_writeback_pages' },
] as const;

function evaluate(context: Context): Outcome {
  const table = tableWith(context.trace.tables, SHRINK, ['nr_scanned_pages']);
  if (table === undefined || table.rows === 0) return notRecorded(context, [SHRINK], '-e vmscan');
  const ts = numbers(table, 'ts_ns').values;
  const sums: Record<string, number> = {};
  const series = CURVES.flatMap(({ id, label, column }): Series[] => {
    const pages = optionalNumbers(table, column)?.values;
    if (pages === undefined) return [];
    sums[id] = sumOf(pages);
    const rate = ratePerBin(context, ts, (row) => (pages[row] as number) * context.pageSize);
    return [{ id, label, role: 'recorded', shape: 'step', t_ns: rate.t_ns, values: rate.per_s }];
  });
  const size = (id: string) => bytes((sums[id] ?? 0) * context.pageSize);
  const throttles = context.stalls.filter(({ place }) => place === 'reclaim-throttling').length;
  const met =
    sums.dirty === undefined
      ? ''
      : `, met ${size('dirty')} dirty and ${size('writeback')} under writeback`;
  const said = `Reclaim scanned ${size('scanned')}, freed ${size('reclaimed')}${met}`;
  const chart: Timeline = {
    kind: 'timeline',
    id: 'reclaim',
    title: throttles > 0 ? `${said}; ${count(throttles, 'throttle')}` : said,
    subtitle: `pages of inactive lists per second, summed up from ${SHRINK}`,
    unit: 'bytes_per_s',
    window_ns: context.window_ns,
    series,
    bands: waitBands(context),
    lost: lostIntervals(context),
    sumsOf_ns: ratePerBin(context, [], () => 0).bin_ns,
  };
  const weakenedBy =
    sums.dirty === undefined ? ['This kernel does not print what reclaim met.'] : [];
  return { status: 'shown', summary: `${chart.title}.`, details: [chart], weakenedBy };
}

/** A field that one row lacks says nothing about the others. */
function sumOf(values: ArrayLike<number>): number {
  let sum = 0;
  for (let row = 0; row < values.length; row++) sum += values[row] || 0;
  return sum;
}

/** When somebody was throttled in reclaim, or else in reclaim at all. */
function waitBands(context: Context): Interval[] {
  const of = (place: string, label: string) =>
    context.stalls
      .filter((stall) => stall.place === place)
      .map(({ start_ns, duration_ns }) => ({
        from_ns: start_ns,
        to_ns: start_ns + duration_ns,
        label,
      }));
  const throttled = of('reclaim-throttling', 'throttled in reclaim');
  return throttled.length > 0 ? throttled : of('reclaim', 'tasks in reclaim');
}
