/**
 * Level (b), all of it: pages and sizes from events, counters predicted. Events become operations
 * on the pages of files, operations become postings of the ledger, and the ledger's view is
 * compared with what the kernel recorded. Operations are followed one by one and never stored.
 */
import { counterDrift, type DriftBound } from '../../kernel/counter-drift.ts';
import type { Balances } from '../../model/ledger.ts';
import { COUNTERS, type Counter } from '../../model/view.ts';
import { type Tables, tableWith, texts } from '../../trace/table.ts';
import type { Trace } from '../../trace/trace.ts';
import type { CounterFit } from '../counter-fit.ts';
import { type FolioSizes, findFolioSizes } from '../folio-sizes.ts';
import { lossIndex } from '../losses.ts';
import type { Anomaly } from './anomalies.ts';
import { type Budget, budgetOf } from './budget.ts';
import type { EvidenceCounts } from './evidence.ts';
import { fitOf } from './fits.ts';
import { followBlock } from './follow-block.ts';
import { followBtrfs } from './follow-btrfs.ts';
import { followDirty, followPageCache } from './follow-cache.ts';
import { followExt4 } from './follow-ext4.ts';
import { followFlusher } from './follow-flusher.ts';
import { followFuse } from './follow-fuse.ts';
import { followIomap } from './follow-iomap.ts';
import { followSamples, sampledLog, tracedLog } from './follow-samples.ts';
import type { Follower } from './follower.ts';
import { learnJoins } from './joins.ts';
import { visitRows } from './order.ts';
import type { SampleLog } from './sample-log.ts';
import { Scene } from './scene.ts';
import { type Timeline, TimelineRecorder } from './timeline.ts';
import { type DirtiedTotals, Totals } from './totals.ts';

const PAGE_SIZE_ASSUMED = 4096;

export type Fits = Readonly<Record<Counter, CounterFit>>;

/**
 * `events`: every edge is derived from events. `as-recorded`: the capture holds no event of
 * completion, so that the counter is known only where the kernel printed it.
 */
export type Basis = 'events' | 'as-recorded';

/** Events that tell when pages come back, one of which is needed. */
const COMPLETIONS = [
  'block_rq_complete',
  'block_bio_complete',
  'fuse_request_end',
  'btrfs_finish_ordered_extent',
  'btrfs_writepage_end_io_hook',
];
/** Events that tell when pages are claimed. */
const CLAIMS = [
  'ext4_writepages_result',
  'iomap_writeback_folio',
  'extent_writepage',
  'wbc_writepage',
  'writeback_single_inode',
];

function basisOf(tables: Tables): Record<Counter, Basis> {
  const from = (names: readonly string[]): Basis =>
    names.some((name) => (tables.get(name)?.rows ?? 0) > 0) ? 'events' : 'as-recorded';
  const ends = from(COMPLETIONS);
  const claims = from(CLAIMS);
  const both = ends === 'events' && claims === 'events' ? 'events' : 'as-recorded';
  return { nr_dirty: claims, nr_writeback: both, nr_dirtied: 'events', nr_written: both };
}

/** Per row; NaN where nothing is predicted. */
export type Comparison = {
  readonly ts_ns: ArrayLike<number>;
  readonly predicted: Readonly<Record<Counter, Float64Array>>;
  readonly recorded: Readonly<Record<Counter, Float64Array>>;
  /** Pages announced by events whose counters may not have moved yet. */
  readonly in_flight: Readonly<Record<Counter, Float64Array>>;
  /** Row at which the prediction of each row started; -1 where there is none. */
  readonly anchor: Int32Array;
  readonly fits: Fits;
};

export type HistoryReplay = {
  /** Against global_dirty_state, row by row of that table. */
  readonly traced: Comparison;
  /** Against sampled counters (vmstat), which the replay has not seen, row by row of them. */
  readonly sampled: Comparison | undefined;
  readonly fits: Fits;
  readonly vmstat_fits: Fits | undefined;
  /** What each counter's prediction rests on; without events there is none (NaN, n = 0). */
  readonly basis: Readonly<Record<Counter, Basis>>;
  readonly drift: DriftBound;
  readonly sizes: FolioSizes;
  /** How often the prediction had to start (again): 1 without losses. */
  readonly starts: number;
  /** Dirty and writeback pages of every bdi over time; bdi 0 are pages of unknown owner. */
  readonly timeline: Timeline;
  readonly dirtied: DirtiedTotals;
  /** Pages by what each derived edge rests on. */
  readonly evidence: EvidenceCounts;
  readonly anomalies: readonly Anomaly[];
  readonly budget: Budget;
  /** Events followed. */
  readonly events: number;
  readonly balances: Balances;
};

/** Who samples from outside runs on a CPU that is not known. */
const NO_CPU = -1;

const SAMPLE_COLUMNS = [
  'nr_dirty_pages',
  'nr_writeback_pages',
  'nr_dirtied_pages',
  'nr_written_pages',
];

/** Undefined when the trace lacks the events that a prediction needs. */
export function replayHistory(trace: Trace): HistoryReplay | undefined {
  const samples = tableWith(trace.tables, 'global_dirty_state', SAMPLE_COLUMNS);
  const sizes = findFolioSizes(trace.tables);
  if (samples === undefined || sizes === undefined) return undefined;
  const cpus = trace.host.cpus ?? trace.meta.cpus;
  const { zoneinfo, meminfo } = trace.host;
  const drift = counterDrift({ cpus, zoneinfo, meminfo });
  const pageSize = trace.meta.page_size ?? trace.host.page_size ?? PAGE_SIZE_ASSUMED;
  const logs = { traced: tracedLog(samples), sampled: sampledLog(trace.samples, samples) };
  const scene = new Scene(learnJoins(trace.tables), pageSize, logs);
  const totals = new Totals();
  const losses = lossIndex(trace.losses);
  const compared = followSamples(scene, samples, losses, drift.bound_pages);
  const recorder = new TimelineRecorder(trace.meta.duration_ns);
  watchTime(scene, trace, recorder);
  const followers: Follower[] = [
    ...followPageCache(scene, trace.tables),
    followDirty(scene, sizes, totals),
    ...followExt4(scene, trace.tables),
    ...followIomap(scene, trace.tables),
    ...followBtrfs(scene, trace.tables),
    ...followFuse(scene, trace.tables),
    ...followFlusher(scene, trace.tables),
    ...followBlock(scene, trace.tables),
    compared.follower,
  ];
  visitRows(
    followers.map(({ table }) => table),
    followers.map(({ visit }) => visit),
  );
  scene.onDue(Number.POSITIVE_INFINITY);
  const basis = basisOf(trace.tables);
  for (const log of [logs.traced, logs.sampled]) {
    COUNTERS.forEach((name, at) => {
      if (basis[name] !== 'events') log?.predicted[at]?.fill(Number.NaN);
    });
  }
  const traced = comparisonOf(logs.traced, drift.bound_pages);
  const sampled = logs.sampled && comparisonOf(logs.sampled, drift.bound_pages);
  const timeline = recorder.finish(scene);
  return {
    traced,
    sampled,
    fits: traced.fits,
    vmstat_fits: sampled?.fits,
    basis,
    drift,
    sizes,
    starts: compared.anchors.starts,
    timeline,
    dirtied: totals.finish(texts(sizes.table, 'comm'), scene.wbNames, pageSize),
    evidence: scene.pages.evidence.counts(),
    anomalies: scene.anomalies.list(),
    budget: budgetOf(logs.traced, timeline, losses, drift.bound_pages),
    events: followers.reduce((sum, { table }) => sum + table.rows, 0),
    balances: scene.pages.ledger.balances(),
  };
}

function comparisonOf(log: SampleLog, bound_pages: number): Comparison {
  const named = <T>(pick: (counter: number) => T) =>
    Object.fromEntries(COUNTERS.map((name, counter) => [name, pick(counter)])) as Record<
      Counter,
      T
    >;
  const column = (columns: readonly Float64Array[]) => named((at) => columns[at] as Float64Array);
  return {
    ts_ns: log.ts_ns,
    predicted: column(log.predicted),
    recorded: column(log.recorded),
    in_flight: column(log.in_flight),
    anchor: log.anchor,
    fits: named((counter) => fitOf(log, counter, bound_pages)),
  };
}

/** What is due at times, not at events: points of the timeline, and sampled counters. */
function watchTime(scene: Scene, trace: Trace, recorder: TimelineRecorder): void {
  const log = scene.logs.sampled;
  const losses = lossIndex(trace.losses);
  let row = 0;
  let anchor = -1;
  const sampleDue = () =>
    log !== undefined && row < log.rows ? (log.ts_ns[row] as number) : Number.POSITIVE_INFINITY;
  const takeSample = (log: SampleLog) => {
    const at_ns = log.ts_ns[row] as number;
    log.length = row + 1;
    const isInside = at_ns >= 0 && at_ns <= trace.meta.duration_ns;
    if (scene.isAnchored && isInside && !losses.overlaps(at_ns, at_ns)) {
      // Growth is counted from the first of them.
      if (anchor < 0) anchor = row;
      const { ledger, flight } = scene.pages;
      log.predict(row, anchor, ledger, flight, NO_CPU, at_ns);
    }
    row++;
  };
  scene.onDue = (now_ns) => {
    while (log !== undefined && sampleDue() <= now_ns && row < log.rows) takeSample(log);
    recorder.record(scene, now_ns);
    scene.dueAt = Math.min(sampleDue(), recorder.due_ns);
  };
  scene.dueAt = Math.min(sampleDue(), recorder.due_ns);
}
