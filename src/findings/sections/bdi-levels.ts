/** What each bdi holds, against the part of the limit that the kernel grants it. */
import { WbDomains } from '../../derive/wb-domains.ts';
import { numbers, tableWith } from '../../trace/table.ts';
import type { Context } from '../context.ts';
import type { Series, Timeline } from '../detail.ts';
import type { Outcome } from '../finding.ts';
import { bytes, count, percent } from '../format.ts';
import { lostIntervals } from '../intervals.ts';
import type { FindingDefinition } from '../run.ts';
import { scaledSum } from '../scaled.ts';

export const bdiLevels: FindingDefinition = {
  id: 'bdi-levels',
  title: 'Dirty memory of each bdi against its part',
  question: 'How much did each device hold, and how much of the limit was granted to it?',
  needs: ['balance_dirty_pages'],
  evaluate,
};

const DRAWN = 3;
const COLUMNS = ['bdi', 'wb_dirty_pages', 'wb_setpoint_pages', 'dirty_pages', 'setpoint_pages'];

type Own = { readonly name: string; readonly bdi: string; readonly rows: number[]; peak: number };

function evaluate(context: Context): Outcome {
  const table = tableWith(context.trace.tables, 'balance_dirty_pages', COLUMNS);
  if (table === undefined || table.rows === 0) {
    const summary = 'The throttle events of this kernel do not say what a single bdi holds.';
    return { status: 'unknown', summary, details: [], weakenedBy: [] };
  }
  const domains = new WbDomains();
  const domainOf = domains.reader(table);
  const dirty = numbers(table, 'wb_dirty_pages').values;
  const by = new Map<number, Own>();
  for (let row = 0; row < table.rows; row++) {
    const code = domainOf(row);
    let own = by.get(code);
    if (own === undefined) {
      const { bdi, cgroup } = domains.list[code] as { bdi: string; cgroup: string };
      const name = cgroup === '' || cgroup === '1' ? `bdi ${bdi}` : `bdi ${bdi}, cgroup ${cgroup}`;
      own = { name, bdi, rows: [], peak: 0 };
      by.set(code, own);
    }
    own.rows.push(row);
    own.peak = Math.max(own.peak, dirty[row] as number);
  }
  const sorted = [...by.values()].sort((left, right) => right.peak - left.peak);
  const details = sorted.slice(0, DRAWN).map((own, index) => chart(context, own, index));
  const summary = sorted
    .slice(0, DRAWN)
    .map(({ name, peak }) => `${name} held up to ${bytes(peak * context.pageSize)}`)
    .join('; ');
  const hidden = sorted.length - details.length;
  const weakenedBy = hidden > 0 ? [`${count(hidden, 'more domain')} not drawn.`] : [];
  return { status: 'shown', summary: `${summary}.`, details, weakenedBy };
}

function chart(context: Context, { name, bdi, rows, peak }: Own, index: number): Timeline {
  const table = context.trace.tables.get('balance_dirty_pages');
  const column = (id: string) => {
    const values = table === undefined ? [] : numbers(table, id).values;
    const found = new Float64Array(rows.length);
    for (let at = 0; at < rows.length; at++) {
      found[at] = (values[rows[at] as number] ?? Number.NaN) * context.pageSize;
    }
    return found;
  };
  const ts = table === undefined ? [] : numbers(table, 'ts_ns').values;
  const t_ns = new Float64Array(rows.map((row) => ts[row] ?? 0));
  const part = column('wb_setpoint_pages');
  const held = column('wb_dirty_pages');
  const above = held.reduce((sum, value, at) => sum + Number(value > (part[at] as number)), 0);
  const common = { shape: 'step', t_ns } as const;
  const series: Series[] = [
    { ...common, id: 'wb_dirty', label: 'held by the bdi', role: 'recorded', values: held },
    ...inferredSeries(context, bdi),
    { ...common, id: 'wb_setpoint', label: 'its setpoint', role: 'limit', values: part },
    {
      ...common,
      id: 'setpoint',
      label: 'setpoint of all bdis',
      role: 'limit',
      values: column('setpoint_pages'),
    },
  ];
  return {
    kind: 'timeline',
    id: `bdi-levels-${index}`,
    title:
      `${name} held up to ${bytes(peak * context.pageSize)}, above its setpoint in ` +
      `${percent(above / Math.max(1, rows.length))} of ${count(rows.length, 'decision')}`,
    subtitle: 'dirty + writeback of the bdi, as balance_dirty_pages read them when it decided',
    unit: 'bytes',
    window_ns: context.window_ns,
    series,
    bands: [],
    lost: lostIntervals(context),
  };
}

/** The ledger of the replay knows the level also while nobody is throttled. */
function inferredSeries({ history, pageSize }: Context, bdi: string): Series[] {
  const own = history?.timeline.bdis.find((entry) => entry.bdi === bdi);
  if (history === undefined || own === undefined) return [];
  const values = scaledSum(own.dirty_pages, own.writeback_pages, pageSize);
  const t_ns = history.timeline.t_ns;
  return [
    {
      id: 'ledger',
      label: 'predicted from events',
      role: 'predicted',
      shape: 'linear',
      t_ns,
      values,
    },
  ];
}
