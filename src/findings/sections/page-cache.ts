/** What came into the page cache and left it. */
import { numbers, optionalNumbers, type Table, tableWith } from '../../trace/table.ts';
import type { Context } from '../context.ts';
import type { Series, Timeline } from '../detail.ts';
import type { Outcome } from '../finding.ts';
import { bytes } from '../format.ts';
import { lostIntervals } from '../intervals.ts';
import type { FindingDefinition } from '../run.ts';
import { binWidth, largest, notRecorded, ratePerBin } from './binned.ts';

export const pageCache: FindingDefinition = {
  id: 'page-cache',
  title: 'Inflow of the page cache',
  question: 'How much came into the page cache, for which device, and how much left it?',
  needs: [],
  evaluate,
};

const ADD = 'mm_filemap_add_to_page_cache';
const DELETE = 'mm_filemap_delete_from_page_cache';
const DEVICES = 3;

function evaluate(context: Context): Outcome {
  const added = tableWith(context.trace.tables, ADD, ['dev']);
  if (added === undefined || added.rows === 0) return notRecorded(context, [ADD], '-e filemap');
  const deleted = tableWith(context.trace.tables, DELETE, ['dev']);
  const sizeOf = sizeReader(added, context.pageSize);
  const dev = numbers(added, 'dev').values;
  const ts = numbers(added, 'ts_ns').values;
  const byDevice = new Map<number, number>();
  for (let row = 0; row < added.rows; row++) {
    const device = dev[row] as number;
    byDevice.set(device, (byDevice.get(device) ?? 0) + sizeOf(row));
  }
  const series = largest(byDevice, DEVICES).map((device, index): Series => {
    const rate = ratePerBin(context, ts, (row) => (dev[row] === device ? sizeOf(row) : 0));
    const label = `into ${deviceName(device)}`;
    return {
      id: `in_${index}`,
      label,
      role: 'recorded',
      shape: 'step',
      t_ns: rate.t_ns,
      values: rate.per_s,
    };
  });
  const total = [...byDevice.values()].reduce((sum, value) => sum + value, 0);
  const left = deleted === undefined ? undefined : outflow(context, deleted, series);
  const peak = Math.max(
    ...series.map(({ values }) => values.reduce((most, value) => Math.max(most, value || 0), 0)),
  );
  const chart: Timeline = {
    kind: 'timeline',
    id: 'page-cache',
    title: `${bytes(total)} came into the page cache, up to ${bytes(peak)}/s`,
    subtitle: `folios of ${ADD} by their size, per second`,
    unit: 'bytes_per_s',
    window_ns: context.window_ns,
    series,
    bands: [],
    lost: lostIntervals(context),
    sumsOf_ns: binWidth(context),
  };
  const gone = left === undefined ? '' : `; ${bytes(left)} left it`;
  const weakenedBy =
    optionalNumbers(added, 'order') === undefined
      ? ['The size of folios was not recorded: each counts as one page.']
      : [];
  return { status: 'shown', summary: `${chart.title}${gone}.`, details: [chart], weakenedBy };
}

function outflow(context: Context, table: Table, series: Series[]): number {
  const sizeOf = sizeReader(table, context.pageSize);
  const rate = ratePerBin(context, numbers(table, 'ts_ns').values, sizeOf);
  series.push({
    id: 'out',
    label: 'left the cache',
    role: 'recorded',
    shape: 'step',
    t_ns: rate.t_ns,
    values: rate.per_s,
  });
  let sum = 0;
  for (let row = 0; row < table.rows; row++) sum += sizeOf(row);
  return sum;
}

function sizeReader(table: Table, pageSize: number): (row: number) => number {
  const order = optionalNumbers(table, 'order')?.values;
  return (row) => pageSize * 2 ** Math.max(0, order?.[row] ?? 0);
}

/** Major and minor as the kernel keeps them in one number. */
export function deviceName(dev: number): string {
  return `${Math.floor(dev / 2 ** 20)}:${dev % 2 ** 20}`;
}
