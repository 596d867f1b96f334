/**
 * Puts samples on the trace's clock. Same clock: nothing to do. Otherwise an offset that the user
 * gives, or one that the counters themselves tell: some counters are also fields of events, read
 * from the same variable, and only grow. A sample with the value v was taken after the last event
 * with less and before the first with more. Each sample so bounds the offset; where (nearly) all
 * bounds meet, is the offset, and the width of that place its uncertainty.
 */
import { TRACED_COUNTERS } from '../../src/events/counters.ts';
import { type NumberColumn, numberColumn } from '../../src/trace/column.ts';
import type { DiagnosticCollector } from '../../src/trace/diagnostics.ts';
import {
  makeTable,
  optionalNumbers,
  type Table,
  type Tables,
  tableWith,
} from '../../src/trace/table.ts';
import { NS_PER_MS, NS_PER_S } from '../../src/trace/time.ts';
import { type CounterSamples, overlapsTrace } from '../formats/counters-csv/index.ts';

export type TraceTime = {
  readonly clock: string | undefined;
  readonly duration_ns: number;
  readonly tables: Tables;
};

export type Offset = {
  readonly offset_ns: number;
  /** The true one differs by no more than this. */
  readonly uncertainty_ns: number;
  /** Samples were taken up to so much later than they say. */
  readonly cut_ns: number;
  /** How many bounds meet, of how many. */
  readonly agreeing: number;
  readonly bounds: number;
};

/** A sampler reads the clock a little before or after it reads the counters. */
const SAMPLING_DELAY_NS = 2 * NS_PER_MS;
const MIN_BOUNDS = 3;
const MIN_AGREEMENT = 0.8;
/** A vaguer estimate would show pauses beside the wrong samples. */
const MAX_UNCERTAINTY_NS = NS_PER_S;

/** The tables that are usable, on the trace's clock, in the order given. */
export function alignSamples(
  all: readonly CounterSamples[],
  trace: TraceTime,
  given_s: number | undefined,
  diagnostics: DiagnosticCollector,
): Table[] {
  const estimates = new Map<string | undefined, Offset | undefined>();
  for (const { clock, table, areSeconds } of all) {
    if (estimates.get(clock) !== undefined) continue;
    const exact = estimateOffset(table, trace.tables);
    // Where times are cut to seconds, samples may be up to a second later than they say.
    const cut_ns = areSeconds ? NS_PER_S : 0;
    estimates.set(clock, exact ?? estimateOffset(table, trace.tables, cut_ns));
  }
  const told = new Set<string | undefined>();
  return all.flatMap(({ clock, table }) => {
    if (table.rows === 0) {
      diagnostics.add('sidecar_ignored', 1, {}, `(${table.name}: it has a header and no samples)`);
      return [];
    }
    if (given_s !== undefined) {
      return kept(
        shifted(table, given_s * NS_PER_S),
        trace,
        `with an offset of ${given_s} s`,
        diagnostics,
      );
    }
    const isSame = clock !== undefined && clock === trace.clock;
    const isUnsaid = clock === undefined || trace.clock === undefined;
    if (isSame || (isUnsaid && overlapsTrace(table, trace.duration_ns))) {
      return kept(table, trace, '', diagnostics);
    }
    const estimate = estimates.get(clock);
    if (estimate === undefined) {
      const detail = isUnsaid
        ? 'their times do not overlap the trace'
        : `samples use ${clock}, the trace ${trace.clock}`;
      diagnostics.add('clock_mismatch', table.rows, { subject: table.name }, `(${detail})`);
      return [];
    }
    // Tables of one sampler share its clock, so they are told of once.
    if (!told.has(clock)) tellEstimate(clock, estimate, trace, table, diagnostics);
    told.add(clock);
    return kept(
      shifted(table, estimate.offset_ns),
      trace,
      'with the estimated offset',
      diagnostics,
    );
  });
}

function kept(
  table: Table,
  trace: TraceTime,
  how: string,
  diagnostics: DiagnosticCollector,
): Table[] {
  if (overlapsTrace(table, trace.duration_ns)) return [table];
  const detail = `(their times do not overlap the trace${how === '' ? '' : ` ${how}`})`;
  diagnostics.add('clock_mismatch', table.rows, { subject: table.name }, detail);
  return [];
}

function tellEstimate(
  clock: string | undefined,
  estimate: Offset,
  trace: TraceTime,
  table: Table,
  diagnostics: DiagnosticCollector,
): void {
  const { offset_ns, uncertainty_ns, cut_ns, agreeing, bounds } = estimate;
  const cut =
    cut_ns === 0 ? '' : ', and each sample up to 1 s later, as its time is cut to seconds';
  const detail =
    `(${(offset_ns / NS_PER_S).toFixed(6)} s ± ${(uncertainty_ns / NS_PER_S).toFixed(6)} s from ` +
    `${clock ?? 'the unnamed clock'} to ${trace.clock ?? 'that of the trace'}; ` +
    `${agreeing} of ${bounds} bounds agree${cut})`;
  diagnostics.add('clock_offset_estimated', table.rows, {}, detail);
}

function shifted(table: Table, offset_ns: number): Table {
  const times = optionalNumbers(table, 'ts_ns') as NumberColumn;
  const moved = numberColumn(
    Float64Array.from(times.values, (time) => time + offset_ns),
    'ns',
  );
  return makeTable(table.name, { ...table.columns, ts_ns: moved }, { system: table.system });
}

/**
 * What must be added to the samples' times; undefined where the counters do not tell. Samples were
 * taken up to `cut_ns` later than they say.
 */
export function estimateOffset(samples: Table, tables: Tables, cut_ns = 0): Offset | undefined {
  const bounds = TRACED_COUNTERS.flatMap(({ counter, event, column }) => {
    const sampled = optionalNumbers(samples, counter);
    const table = tableWith(tables, event, [column]);
    const traced = table && optionalNumbers(table, column);
    const eventTimes = table && optionalNumbers(table, 'ts_ns');
    const times = optionalNumbers(samples, 'ts_ns');
    if (sampled === undefined || traced === undefined) return [];
    if (times === undefined || eventTimes === undefined) return [];
    const own = boundsOf(times.values, sampled.values, eventTimes.values, traced.values);
    return own.map(({ from, to }) => ({ from: from - cut_ns, to }));
  });
  if (bounds.length < MIN_BOUNDS) return undefined;
  const { from, to, agreeing } = densest(bounds);
  const uncertainty_ns = (to - from) / 2;
  if (agreeing < MIN_AGREEMENT * bounds.length || uncertainty_ns > MAX_UNCERTAINTY_NS)
    return undefined;
  return { offset_ns: (from + to) / 2, uncertainty_ns, cut_ns, agreeing, bounds: bounds.length };
}

type Bound = { readonly from: number; readonly to: number };

/** Samples before the first event or after the last one bound nothing. */
function boundsOf(
  sampleTimes: ArrayLike<number>,
  samples: ArrayLike<number>,
  eventTimes: ArrayLike<number>,
  events: ArrayLike<number>,
): Bound[] {
  const bounds: Bound[] = [];
  for (let row = 0; row < sampleTimes.length; row++) {
    const value = samples[row] as number;
    if (Number.isNaN(value)) continue;
    const first = firstWhere(events, (other) => other >= value);
    const after = firstWhere(events, (other) => other > value);
    if (first === 0 || after === events.length) continue;
    bounds.push({
      from: (eventTimes[first - 1] as number) - (sampleTimes[row] as number) - SAMPLING_DELAY_NS,
      to: (eventTimes[after] as number) - (sampleTimes[row] as number) + SAMPLING_DELAY_NS,
    });
  }
  return bounds;
}

/** First place of ascending values at which `holds`, their number if there is none. */
function firstWhere(values: ArrayLike<number>, holds: (value: number) => boolean): number {
  let low = 0;
  let high = values.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (holds(values[middle] as number)) high = middle;
    else low = middle + 1;
  }
  return low;
}

/** Where most of the bounds overlap. */
function densest(bounds: readonly Bound[]): Bound & { agreeing: number } {
  const edges = bounds.flatMap(({ from, to }) => [
    { at: from, step: 1 },
    { at: to, step: -1 },
  ]);
  edges.sort((left, right) => left.at - right.at || right.step - left.step);
  let best = { from: 0, to: 0, agreeing: 0 };
  let agreeing = 0;
  edges.forEach(({ at, step }, place) => {
    agreeing += step;
    if (agreeing > best.agreeing) best = { from: at, to: edges[place + 1]?.at ?? at, agreeing };
  });
  return best;
}
