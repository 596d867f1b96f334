/**
 * Level (b): pages dirtied, from events alone, against the counter that the kernel recorded. The
 * prediction starts at the first global_dirty_state and, after events were lost, starts again at
 * the next one.
 */
import type { DriftBound } from '../kernel/counter-drift.ts';
import { counterDrift } from '../kernel/counter-drift.ts';
import { visitInOrder } from '../trace/merge.ts';
import { numbers, optionalNumbers, type Table, tableWith } from '../trace/table.ts';
import { NS_PER_US } from '../trace/time.ts';
import type { Trace } from '../trace/trace.ts';
import { type FolioSizes, findFolioSizes } from './folio-sizes.ts';
import { lossIndex } from './losses.ts';

/** Prediction against record for one counter, over all samples outside of gaps. */
export type CounterFit = {
  readonly n: number;
  /** Samples whose residual is inside the drift bound plus the folios in flight at that instant. */
  readonly within_drift: number;
  readonly max_abs_pages: number;
  readonly drift_bound_pages: number;
  /** Σ|predicted − recorded| / Σ recorded, both counted from the start of the prediction. */
  readonly wape: number | undefined;
  /** Samples in gaps, which were not compared. */
  readonly skipped: number;
};

export type Replay = {
  readonly samples: Table;
  readonly sizes: FolioSizes;
  readonly drift: DriftBound;
  /** How often the prediction had to start (again): 1 without losses. */
  readonly starts: number;
  readonly nr_dirtied: CounterFit;
  /**
   * Start value + pages dirtied by events − `written` as recorded: level (b) for what was dirtied,
   * the kernel's own counter for what was cleaned. Truncated dirty pages are missing from both.
   */
  readonly dirty_plus_writeback: CounterFit;
  /** Per row of `samples`; NaN where nothing is predicted. */
  readonly predicted_dirtied_pages: Float64Array;
  readonly predicted_dirty_plus_writeback_pages: Float64Array;
  readonly recorded_dirty_plus_writeback_pages: Float64Array;
};

const SAMPLE_COLUMNS = [
  'nr_dirty_pages',
  'nr_writeback_pages',
  'nr_dirtied_pages',
  'nr_written_pages',
];

/**
 * An event fires with interrupts off just before its counters move; within this time, another CPU's
 * last dirtied folio may not have been counted yet.
 */
const IN_FLIGHT_NS = 100 * NS_PER_US;

/** Undefined when the trace lacks the events that a prediction needs. */
export function replayDirtied(trace: Trace): Replay | undefined {
  const samples = tableWith(trace.tables, 'global_dirty_state', SAMPLE_COLUMNS);
  const sizes = findFolioSizes(trace.tables);
  if (samples === undefined || sizes === undefined) return undefined;
  const cpus = trace.host.cpus ?? trace.meta.cpus;
  const { zoneinfo, meminfo } = trace.host;
  const drift = counterDrift({ cpus, zoneinfo, meminfo });
  const cumulative = cumulate(samples, sizes);
  const prediction = predict(trace, samples, cumulative.pages);
  const bound = drift.bound_pages;
  const compare = (predicted: Float64Array, recorded: Float64Array, counters: number) =>
    fitCounter(predicted, recorded, prediction.anchor, counters * bound, cumulative.inFlight);
  const recordedDirtied = Float64Array.from(numbers(samples, 'nr_dirtied_pages').values);
  return {
    samples,
    sizes,
    drift,
    starts: prediction.starts,
    nr_dirtied: compare(prediction.dirtied, recordedDirtied, 1),
    // dirty, writeback and written are read with a drift of their own.
    dirty_plus_writeback: compare(prediction.level, prediction.recordedLevel, 3),
    predicted_dirtied_pages: prediction.dirtied,
    predicted_dirty_plus_writeback_pages: prediction.level,
    recorded_dirty_plus_writeback_pages: prediction.recordedLevel,
  };
}

/** Pages dirtied by events before each sample, and those that may not be in the counter yet. */
function cumulate(
  samples: Table,
  sizes: FolioSizes,
): { pages: Float64Array; inFlight: Float64Array } {
  const pages = new Float64Array(samples.rows);
  const inFlight = new Float64Array(samples.rows);
  const sampleTs = numbers(samples, 'ts_ns').values;
  const sampleCpu = numbers(samples, 'cpu').values;
  const ts = numbers(sizes.table, 'ts_ns').values;
  const cpu = numbers(sizes.table, 'cpu').values;
  const lastOnCpu = new Map<number, { ts: number; pages: number }>();
  let sum = 0;
  visitInOrder([sizes.table, samples], (which, row) => {
    if (which === 0) {
      const size = sizes.pages[row] as number;
      sum += size;
      lastOnCpu.set(cpu[row] as number, { ts: ts[row] as number, pages: size });
      return;
    }
    pages[row] = sum;
    // The sampling CPU's own folio is counted: it could not have come here otherwise.
    lastOnCpu.delete(sampleCpu[row] as number);
    let flying = 0;
    for (const last of lastOnCpu.values()) {
      if ((sampleTs[row] as number) - last.ts < IN_FLIGHT_NS) flying += last.pages;
    }
    inFlight[row] = flying;
  });
  return { pages, inFlight };
}

type Prediction = {
  dirtied: Float64Array;
  level: Float64Array;
  recordedLevel: Float64Array;
  /** Row at which the prediction of each row started; -1 in a gap. */
  anchor: Int32Array;
  starts: number;
};

function predict(trace: Trace, samples: Table, cumulative: Float64Array): Prediction {
  const losses = lossIndex(trace.losses);
  const ts = numbers(samples, 'ts_ns').values;
  const dirtied = numbers(samples, 'nr_dirtied_pages').values;
  const written = numbers(samples, 'nr_written_pages').values;
  const recordedLevel = levels(samples);
  const prediction: Prediction = {
    dirtied: new Float64Array(samples.rows).fill(Number.NaN),
    level: new Float64Array(samples.rows).fill(Number.NaN),
    recordedLevel,
    anchor: new Int32Array(samples.rows).fill(-1),
    starts: 0,
  };
  let anchor = -1;
  for (let row = 0; row < samples.rows; row++) {
    const time = ts[row] as number;
    if (losses.overlaps(time, time)) {
      anchor = -1;
      continue;
    }
    // A sample without one of the counters (NaN) is neither predicted nor a start.
    if (
      Number.isNaN(
        (dirtied[row] as number) + (written[row] as number) + (recordedLevel[row] as number),
      )
    )
      continue;
    if (anchor < 0 || losses.overlaps(ts[anchor] as number, time)) {
      anchor = row;
      prediction.starts++;
    }
    const sinceAnchor = (cumulative[row] as number) - (cumulative[anchor] as number);
    const writtenSince = (written[row] as number) - (written[anchor] as number);
    prediction.anchor[row] = anchor;
    prediction.dirtied[row] = (dirtied[anchor] as number) + sinceAnchor;
    prediction.level[row] = (recordedLevel[anchor] as number) + sinceAnchor - writtenSince;
  }
  return prediction;
}

/** dirty + writeback (+ unstable NFS pages while kernels counted them apart). */
function levels(samples: Table): Float64Array {
  const dirty = numbers(samples, 'nr_dirty_pages').values;
  const writeback = numbers(samples, 'nr_writeback_pages').values;
  const unstable = optionalNumbers(samples, 'nr_unstable_pages')?.values;
  return Float64Array.from(
    { length: samples.rows },
    (_, row) => (dirty[row] as number) + (writeback[row] as number) + (unstable?.[row] ?? 0),
  );
}

function fitCounter(
  predicted: Float64Array,
  recorded: Float64Array,
  anchor: Int32Array,
  bound: number,
  inFlight: Float64Array,
): CounterFit {
  let n = 0;
  let within = 0;
  let maxAbs = 0;
  let sumError = 0;
  let sumRecorded = 0;
  for (let row = 0; row < predicted.length; row++) {
    const start = anchor[row] as number;
    // The row that a prediction starts from agrees by construction.
    if (start < 0 || start === row) continue;
    const error = Math.abs((predicted[row] as number) - (recorded[row] as number));
    n++;
    if (error <= bound + (inFlight[row] as number)) within++;
    maxAbs = Math.max(maxAbs, error);
    sumError += error;
    sumRecorded += Math.abs((recorded[row] as number) - (recorded[start] as number));
  }
  return {
    n,
    within_drift: within,
    max_abs_pages: maxAbs,
    drift_bound_pages: bound,
    wape: sumRecorded > 0 ? sumError / sumRecorded : undefined,
    skipped: predicted.length - n - countStarts(anchor),
  };
}

function countStarts(anchor: Int32Array): number {
  let starts = 0;
  for (let row = 0; row < anchor.length; row++) if (anchor[row] === row) starts++;
  return starts;
}
