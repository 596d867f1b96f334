/** How long devices took for requests: a heat map of time and latency. */
import { visitInOrder } from '../../trace/order.ts';
import { numbers, type Table, tableWith } from '../../trace/table.ts';
import type { Context } from '../context.ts';
import type { Heatmap } from '../detail.ts';
import type { Outcome } from '../finding.ts';
import { count, duration } from '../format.ts';
import { lostIntervals } from '../intervals.ts';
import type { FindingDefinition } from '../run.ts';
import { largest, notRecorded, roundBin } from './binned.ts';
import { deviceName } from './page-cache.ts';

export const blockLatency: FindingDefinition = {
  id: 'block-latency',
  title: 'Latency of block devices',
  question: 'How long did the devices take for a request, and when?',
  needs: [],
  evaluate,
};

const COLUMNS = ['dev', 'sector', 'nr_sectors'];
const DEVICES = 2;
const BINS = 120;
/** Upper ends of the rows, nanoseconds: three a decade. */
const BOUNDS_NS = [1e5, 2e5, 5e5, 1e6, 2e6, 5e6, 1e7, 2e7, 5e7, 1e8, 2e8, 5e8, 1e9, 2e9, 5e9];

type Requests = { readonly start_ns: number[]; readonly took_ns: number[]; total_ns: number };

function evaluate(context: Context): Outcome {
  const byDevice = context.once(requestsByDevice);
  if (byDevice === undefined) {
    const flags = '-e block:block_rq_issue -e block:block_rq_complete';
    return notRecorded(context, ['block_rq_issue', 'block_rq_complete'], flags);
  }
  const totals = new Map([...byDevice].map(([dev, { total_ns }]) => [dev, total_ns]));
  const devices = largest(totals, DEVICES);
  const details = devices.map((dev, index) =>
    heatmap(context, deviceName(dev), byDevice.get(dev) as Requests, index),
  );
  if (details.length === 0) {
    const summary = 'No request was both issued and completed in this window.';
    return { status: 'unknown', summary, details, weakenedBy: [] };
  }
  const summary = `${details.map(({ title }) => title).join('. ')}.`;
  return { status: 'shown', summary, details, weakenedBy: [] };
}

export type BusyStretch = {
  readonly from_ns: number;
  readonly to_ns: number;
  readonly count: number;
};

/** When a device had requests to work on; undefined when it was not recorded. */
export function deviceBusy(context: Context, device: string): BusyStretch[] | undefined {
  const byDevice = context.once(requestsByDevice);
  if (byDevice === undefined) return undefined;
  const found = [...byDevice].find(([dev]) => deviceName(dev) === device);
  if (found === undefined) return [];
  const [, { start_ns, took_ns }] = found;
  const order = [...start_ns.keys()].sort((a, b) => (start_ns[a] ?? 0) - (start_ns[b] ?? 0));
  const stretches: { from_ns: number; to_ns: number; count: number }[] = [];
  for (const at of order) {
    const from_ns = start_ns[at] as number;
    const to_ns = from_ns + (took_ns[at] as number);
    const last = stretches.at(-1);
    if (last !== undefined && from_ns <= last.to_ns) {
      last.to_ns = Math.max(last.to_ns, to_ns);
      last.count++;
    } else stretches.push({ from_ns, to_ns, count: 1 });
  }
  return stretches;
}

/** Of several sections; undefined when requests were not recorded. */
function requestsByDevice(context: Context): Map<number, Requests> | undefined {
  const { tables } = context.trace;
  const issue = tableWith(tables, 'block_rq_issue', COLUMNS);
  const complete = tableWith(tables, 'block_rq_complete', COLUMNS);
  return issue && complete && follow(context, issue, complete);
}

/** Issue to completion, matched by device and first sector; parts are counted with the last one. */
function follow(context: Context, issue: Table, complete: Table): Map<number, Requests> {
  const read = (name: string) => [issue, complete].map((table) => numbers(table, name).values);
  const [devs, sectors] = [read('dev'), read('sector')];
  const [lengths, times] = [read('nr_sectors'), read('ts_ns')];
  const open = new Map<number, Map<number, { ts: number; left: number }>>();
  const found = new Map<number, Requests>();
  const [from_ns, to_ns] = context.window_ns;
  visitInOrder([issue, complete], (which, row) => {
    const dev = devs[which]?.[row] as number;
    const sector = sectors[which]?.[row] as number;
    const length = lengths[which]?.[row] as number;
    const ts = times[which]?.[row] as number;
    let own = open.get(dev);
    if (own === undefined) {
      own = new Map();
      open.set(dev, own);
    }
    if (which === 0) {
      own.set(sector, { ts, left: length });
      return;
    }
    const begun = own.get(sector);
    if (begun === undefined) return;
    own.delete(sector);
    if (length > 0 && begun.left > length) {
      own.set(sector + length, { ts: begun.ts, left: begun.left - length });
      return;
    }
    if (begun.ts > to_ns || ts < from_ns) return;
    let requests = found.get(dev);
    if (requests === undefined) {
      requests = { start_ns: [], took_ns: [], total_ns: 0 };
      found.set(dev, requests);
    }
    requests.start_ns.push(begun.ts);
    requests.took_ns.push(ts - begun.ts);
    requests.total_ns += ts - begun.ts;
  });
  return found;
}

function heatmap(context: Context, name: string, requests: Requests, index: number): Heatmap {
  const [from_ns, to_ns] = context.window_ns;
  const bin_ns = roundBin((to_ns - from_ns) / BINS);
  const cells = new Map<number, { column: number; row: number; count: number }>();
  let highest = 0;
  requests.took_ns.forEach((took, at) => {
    const bound = BOUNDS_NS.findIndex((end) => took <= end);
    const row = bound < 0 ? BOUNDS_NS.length : bound;
    highest = Math.max(highest, row);
    const start_ns = Math.max(from_ns, requests.start_ns[at] as number);
    const column = Math.floor((start_ns - from_ns) / bin_ns);
    const key = column * (BOUNDS_NS.length + 1) + row;
    const cell = cells.get(key);
    if (cell === undefined) cells.set(key, { column, row, count: 1 });
    else cell.count++;
  });
  const lowest = Math.min(...[...cells.values()].map(({ row }) => row));
  const labels = [...BOUNDS_NS.map((end) => `≤ ${duration(end)}`), `> ${duration(5e9)}`];
  const sorted = new Float64Array(requests.took_ns).sort();
  const at = (share: number) => sorted[Math.ceil(share * sorted.length) - 1] ?? 0;
  return {
    kind: 'heatmap',
    id: `block-latency-${index}`,
    title:
      `${name}: ${count(sorted.length, 'request')}, half of them up to ${duration(at(0.5))}, ` +
      `1% above ${duration(at(0.99))}`,
    subtitle: 'issue to completion, by time of issue',
    window_ns: context.window_ns,
    bin_ns,
    rows: labels.slice(lowest, highest + 1),
    counted: 'requests',
    cells: [...cells.values()]
      .map((cell) => ({ ...cell, row: cell.row - lowest }))
      .sort((left, right) => left.column - right.column || left.row - right.row),
    lost: lostIntervals(context),
  };
}
