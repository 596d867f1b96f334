/**
 * Level (b), all of it: pages and sizes from events, counters predicted. Events become operations
 * on the pages of files, operations become postings of the ledger, and the ledger's view is
 * compared with what the kernel recorded. Operations are followed one by one and never stored.
 */
import type { DriftBound } from '../../kernel/counter-drift.ts';
import type { Balances } from '../../model/ledger.ts';
import { COUNTERS, type Counter } from '../../model/view.ts';
import type { Diagnostic } from '../../trace/diagnostics.ts';
import { type Tables, texts } from '../../trace/table.ts';
import type { Trace } from '../../trace/trace.ts';
import type { CounterFit } from '../counter-fit.ts';
import type { FolioSizes } from '../folio-sizes.ts';
import { type Budget, budgetOf } from './budget.ts';
import { type Clock, clockOf, watchClocks } from './clocks.ts';
import type { EvidenceCounts } from './evidence.ts';
import { fitOf } from './fits.ts';
import { sampledLog, tracedLog } from './follow-samples.ts';
import type { Follower } from './follower.ts';
import { learnJoins } from './joins.ts';
import { keptPages } from './kept.ts';
import { learnOwners } from './owners.ts';
import { ProjectionRecorder, type Projections } from './projections.ts';
import type { SampleLog } from './sample-log.ts';
import { Scene } from './scene.ts';
import { type Timeline, TimelineRecorder } from './timeline.ts';
import { type DirtiedTotals, Totals } from './totals.ts';
import { followHistory, type HistoryInputs, historyInputs, walkHistory } from './walk.ts';
import type { WrittenSeries } from './written-log.ts';

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
  /** Pages written of each bdi; empty where no event tells. */
  readonly written: readonly WrittenSeries[];
  /** Pages by what each derived edge rests on. */
  readonly evidence: EvidenceCounts;
  /** Where the trace contradicts itself or the model. */
  readonly diagnostics: readonly Diagnostic[];
  readonly budget: Budget;
  /** Events followed. */
  readonly events: number;
  readonly balances: Balances;
  /** The same pages by node, cgroup and class. */
  readonly projections: Projections;
};

/** Who samples from outside runs on a CPU that is not known. */
const NO_CPU = -1;

/** Somebody who lives through the same walk and may not change what it finds. */
export type Companion = {
  /** The scene to be used, whose pages may tell what happens to them. */
  scene(...args: ConstructorParameters<typeof Scene>): Scene;
  /** Called when the scene is complete: those of `first` see each row before anybody else. */
  follow(): {
    readonly first: readonly Follower[];
    readonly after: readonly Follower[];
    readonly clocks: readonly Clock[];
  };
};

/** Undefined when the trace lacks the events that a prediction needs. */
export function replayHistory(trace: Trace, companion?: Companion): HistoryReplay | undefined {
  const inputs = historyInputs(trace);
  if (inputs === undefined) return undefined;
  const { samples, sizes, drift, losses, pageSize } = inputs;
  const logs = { traced: tracedLog(samples), sampled: sampledLog(trace.samples, samples) };
  const joins = learnJoins(trace.tables);
  const scene = companion?.scene(joins, pageSize, logs) ?? new Scene(joins, pageSize, logs);
  scene.pages.kept = keptPages(drift);
  scene.own(learnOwners(trace.tables, ownerFacts(trace)));
  const totals = new Totals();
  const { followers, anchors } = followHistory(scene, trace, inputs, totals);
  const recorder = new TimelineRecorder(trace.meta.duration_ns);
  const projected = new ProjectionRecorder(scene, trace.meta.duration_ns, trace.sampleTables);
  const samplesTaken = sampleClock(scene, trace, inputs);
  const { first = [], after = [], clocks = [] } = companion?.follow() ?? {};
  watchClocks(scene, [...samplesTaken, recorder.clock(scene), ...projected.clocks, ...clocks]);
  const watching = projected.followers(trace.tables);
  const events = walkHistory(scene, [...first, ...followers, ...watching, ...after]);
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
    starts: anchors.starts,
    timeline,
    dirtied: totals.finish(texts(sizes.table, 'comm'), scene.wbNames, pageSize),
    written: basis.nr_written === 'events' ? scene.pages.written.finish(scene.wbNames) : [],
    evidence: scene.pages.evidence.counts(),
    diagnostics: scene.diagnostics.list(),
    budget: budgetOf(logs.traced, timeline, losses, drift.bound_pages),
    events,
    projections: projected.finish(trace.tables, anchors.starts),
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

const ownerFacts = ({ meta, host }: Trace) => ({
  silent: meta.silent_events,
  zoneinfo: host.zoneinfo,
});

/** Sampled counters are predicted at their times, if the prediction has begun. */
function sampleClock(scene: Scene, trace: Trace, { losses, consistency }: HistoryInputs): Clock[] {
  const log = scene.logs.sampled;
  if (log === undefined) return [];
  const { wrong, anew } = consistency.sampled;
  let anchor = -1;
  const take = (row: number) => {
    const at_ns = log.ts_ns[row] as number;
    log.length = row + 1;
    const isInside = at_ns >= 0 && at_ns <= trace.meta.duration_ns;
    if (!scene.isAnchored || !isInside || losses.overlaps(at_ns, at_ns) || wrong.has(row)) return;
    // Growth is counted from the first of them.
    if (anchor < 0 || anew.has(row)) anchor = row;
    log.predict(row, anchor, scene.pages, NO_CPU, at_ns);
  };
  return [clockOf(log.ts_ns, take)];
}
