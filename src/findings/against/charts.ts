/** What both captures did, as curves on one axis. */

import { capital } from '../../trace/wording.ts';
import type { Context } from '../context.ts';
import type { Detail, Series, Side, Timeline } from '../detail.ts';
import { bytes, duration } from '../format.ts';
import { lostIntervals } from '../intervals.ts';
import { median } from '../median.ts';
import type { Alignment } from './comparison.ts';
import { userWaits } from './measures.ts';

export type Both = { readonly before: Context; readonly after: Context };

export const SIDES = ['before', 'after'] as const;

/** Curves whose one side is missing stay away: half a comparison is none. */
export function overlays(both: Both, alignment: Alignment): Detail[] {
  return [
    ...levels(both, alignment),
    ...waitsSoFar(both, alignment),
    ...amountSoFar(both, alignment, {
      column: 'nr_written_pages',
      id: 'against-written',
      word: 'written',
    }),
    ...amountSoFar(both, alignment, {
      column: 'nr_dirtied_pages',
      id: 'against-dirtied',
      word: 'dirtied',
    }),
    ...bandwidths(both, alignment),
  ];
}

type Chart = Pick<Timeline, 'id' | 'title' | 'subtitle' | 'unit' | 'series'>;

function chart(both: Both, { window_ns, origins_ns, zero }: Alignment, given: Chart): Detail {
  const lost = SIDES.flatMap((side) =>
    lostIntervals(both[side]).map(({ from_ns, to_ns }) => ({
      from_ns: from_ns - origins_ns[side],
      to_ns: to_ns - origins_ns[side],
      label: `events lost ${side}`,
    })),
  );
  return { kind: 'timeline', ...given, zero, window_ns, bands: [], lost };
}

/** The curve of one side, moved onto the axis. */
function curve(
  side: Side,
  [id, label, role]: readonly [id: string, label: string, role: Series['role']],
  t_ns: Float64Array,
  values: Float64Array,
  { origins_ns }: Alignment,
): Series {
  const moved = t_ns.map((t) => t - origins_ns[side]);
  return { id: `${side}-${id}`, label, role, side, shape: 'step', t_ns: moved, values };
}

function levels(both: Both, alignment: Alignment): Detail[] {
  const [first, second] = SIDES.map((side) => both[side].dirty);
  if (first === undefined || second === undefined) return [];
  const series = SIDES.flatMap((side) => {
    const { dirty, pageSize } = both[side];
    if (dirty === undefined) return [];
    const scaled = (pages: Float64Array) => pages.map((value) => value * pageSize);
    const { ts_ns, level_pages, limit_pages } = dirty;
    return [
      curve(side, ['level', side, 'recorded'], ts_ns, scaled(level_pages), alignment),
      curve(side, ['limit', `limit ${side}`, 'limit'], ts_ns, scaled(limit_pages), alignment),
    ];
  });
  const said = SIDES.map((side) => {
    const { dirty, pageSize } = both[side];
    const most = (pages: Float64Array | undefined) =>
      bytes((pages ?? new Float64Array()).reduce((top, one) => Math.max(top, one), 0) * pageSize);
    return `${most(dirty?.level_pages)} of ${most(dirty?.limit_pages)} ${side}`;
  });
  const title = `Dirty + writeback reached ${said.join(', ')}`;
  const subtitle = 'recorded by global_dirty_state; both on one axis';
  const id = 'against-levels';
  return [chart(both, alignment, { id, title, subtitle, unit: 'bytes', series })];
}

/** Time lost by all tasks until each moment; its slope is how many waited at once. */
function waitsSoFar(both: Both, alignment: Alignment): Detail[] {
  const sums = SIDES.map((side) => {
    const waits = [...both[side].once(userWaits)].sort(
      (a, b) => a.start_ns + a.duration_ns - (b.start_ns + b.duration_ns),
    );
    const { duration_ns } = both[side].trace.meta;
    const t_ns = new Float64Array(waits.length + 2);
    const values = new Float64Array(waits.length + 2);
    let sum = 0;
    for (const [row, wait] of waits.entries()) {
      sum += wait.own_ns;
      t_ns[row + 1] = Math.min(duration_ns, wait.start_ns + wait.duration_ns);
      values[row + 1] = sum;
    }
    t_ns[waits.length + 1] = duration_ns;
    values[waits.length + 1] = sum;
    return { side, t_ns, values, sum };
  });
  if (sums.every(({ sum }) => sum === 0)) return [];
  const series = sums.map(({ side, t_ns, values }): Series => {
    return curve(side, ['waited', side, 'inferred'], t_ns, values, alignment);
  });
  const said = sums.map(({ side, sum }) => `${duration(sum)} ${side}`);
  const title = `Waits added up to ${said.join(' and ')}`;
  const subtitle = 'time that all tasks lost so far; the steeper, the more tasks wait at once';
  return [chart(both, alignment, { id: 'against-waited', title, subtitle, unit: 'ns', series })];
}

type Counter = { readonly column: string; readonly id: string; readonly word: string };

function amountSoFar(both: Both, alignment: Alignment, { column, id, word }: Counter): Detail[] {
  const grown = SIDES.flatMap((side) => {
    const { trace, pageSize } = both[side];
    const table = trace.tables.get('global_dirty_state');
    const values = table?.columns[column];
    const ts = table?.columns.ts_ns;
    if (values?.kind !== 'number' || ts?.kind !== 'number' || values.values.length < 2) return [];
    const first = values.values[0] as number;
    const amounts = Float64Array.from(values.values, (value) => (value - first) * pageSize);
    return [{ side, amounts, t_ns: Float64Array.from(ts.values) }];
  });
  if (grown.length < SIDES.length) return [];
  const series = grown.map(({ side, amounts, t_ns }) =>
    curve(side, [word, side, 'recorded'], t_ns, amounts, alignment),
  );
  const said = grown.map(({ side, amounts }) => `${bytes(amounts.at(-1) ?? 0)} ${side}`);
  const title = `${capital(word)} so far: ${said.join(', ')}`;
  const subtitle = `${column.replace(/_pages$/, '')} of the whole machine since the first reading`;
  return [chart(both, alignment, { id, title, subtitle, unit: 'bytes', series })];
}

/** The bdi with most updates of each: devices have other numbers on other days. */
function bandwidths(both: Both, alignment: Alignment): Detail[] {
  const found = SIDES.flatMap((side) => {
    const [busiest] = both[side].bandwidth;
    return busiest === undefined ? [] : [{ side, busiest }];
  });
  if (found.length < SIDES.length) return [];
  const kib = (values: Float64Array) => values.map((value) => value * 1024);
  const series = found.flatMap(({ side, busiest }) => [
    curve(
      side,
      ['bandwidth', `${side}, bdi ${busiest.name}`, 'recorded'],
      busiest.ts_ns,
      kib(busiest.avg_write_bw_kibps),
      alignment,
    ),
  ]);
  const said = found.map(
    ({ side, busiest }) => `${bytes(median(busiest.avg_write_bw_kibps) * 1024)}/s ${side}`,
  );
  return [
    chart(both, alignment, {
      id: 'against-bandwidth',
      title: `The kernel's estimate of the write bandwidth: median ${said.join(', ')}`,
      subtitle: 'avg_write_bandwidth of the bdi with most updates, by bdi_dirty_ratelimit',
      unit: 'bytes_per_s',
      series,
    }),
  ];
}
