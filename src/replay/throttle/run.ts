/** Sets up what is known of each bdi and walks the events in the order of recording. */
import { type WbDomain, WbDomains } from '../../derive/wb-domains.ts';
import { throttleConstants } from '../../kernel/constants.ts';
import { type FeatureState, resolveFeature } from '../../kernel/features.ts';
import { RATIO_SCALE } from '../../model/wb-share.ts';
import { type NumberArray, numberColumn } from '../../trace/column.ts';
import { visitRows } from '../../trace/order.ts';
import { makeTable, type Table, tableWith } from '../../trace/table.ts';
import type { Trace } from '../../trace/trace.ts';
import type { ObservedBandwidth } from '../chunk-bandwidth.ts';
import { type WrittenSeries, writtenBy } from '../history/written-log.ts';
import { lossIndex } from '../losses.ts';
import { type TaskCodes, taskCodes } from '../task-codes.ts';
import type { Timebase } from '../timebase.ts';
import { BandwidthSteps } from './bandwidth-steps.ts';
import { BandwidthBelief } from './belief.ts';
import type { StateColumns, ThrottleColumns, UpdateColumns } from './columns.ts';
import type { DomainState } from './domain-state.ts';
import { idleReaders } from './idle-readers.ts';
import type { WalkTasks } from './iteration.ts';
import { jiffyAt, NO_COUNTS, TickFinder, type TickPhase } from './jiffies.ts';
import { checkLevels, type LevelTallies, limitEvidence } from './level-laws.ts';
import { pairWithState } from './pairing.ts';
import { floorEvidence, strictDomains } from './strictlimit.ts';
import { checkTickLaws, type TickTallies } from './tick-laws.ts';
import { UpdateClock } from './update-clock.ts';
import { ThrottleWalk, type WalkTallies } from './walk.ts';
import { type WritingEvents, writingEvents } from './writing-events.ts';

export type ThrottleTallies = LevelTallies & WalkTallies & TickTallies;

export type ThrottledDomain = WbDomain & { readonly strictlimit: boolean };

/** Behaviour that the laws depend on, and how it was found. */
export type ThrottleFeatures = {
  /** What `limit` means. */
  readonly limit_of_domain: FeatureState;
  /** Whether wb_thresh carries its floor. */
  readonly wb_thresh_floor: FeatureState;
  readonly unstable_nfs: FeatureState;
  readonly flusher_bandwidth_updates: FeatureState;
};

export type ThrottleRun = {
  readonly features: ThrottleFeatures;
  /** When the timer tick falls; undefined when no event tells, or HZ is unknown. */
  readonly tick: TickPhase | undefined;
  /** Inferred avg_write_bandwidth; see BandwidthSteps. */
  readonly avg_write_bandwidth: Table;
  /** Its value as predicted for each row of the observations that were given; NaN: unknown. */
  readonly predicted_pages_per_s: Float64Array;
  /** The bdis (and cgroups) that were throttled, updated or written. */
  readonly domains: readonly ThrottledDomain[];
};

export type ThrottleEvents = {
  readonly throttle: ThrottleColumns | undefined;
  readonly state: StateColumns | undefined;
  readonly updates: UpdateColumns | undefined;
};

/** HZ of the bounds on hidden updates while it is unknown; the laws of time are left out then. */
const SOME_HZ = 250;

export function runThrottle(
  trace: Trace,
  events: ThrottleEvents,
  observed: ObservedBandwidth,
  timebase: Timebase,
  tallies: ThrottleTallies,
  written: readonly WrittenSeries[] = [],
): ThrottleRun {
  const { throttle, state, updates } = events;
  const losses = lossIndex(trace.losses);
  const codes = taskCodes(trace.tables);
  const { pairs, readers: above } = pairWithState(throttle, state, losses, codes);
  const dirtied = tableWith(trace.tables, 'writeback_dirty_folio', ['pid']);
  const idle = idleReaders(throttle, state, dirtied, losses, codes);
  const ids = new WbDomains();
  const throttleDomain = domainsOf(ids, throttle?.table);
  const updateDomain = domainsOf(ids, updates?.table);
  const observedDomain = domainsOfObserved(ids, observed);
  const constants = throttleConstants(timebase.hz ?? SOME_HZ, timebase.page_size);
  const { features, strict } = rulesOf(trace, events, pairs, throttleDomain, constants.page_shift);
  const steps = new BandwidthSteps();
  const latest = { nr_written: Number.NaN };
  const { hz } = timebase;
  const ticks = hz === undefined ? undefined : new TickFinder(trace.tables, hz);
  const clockOf = clocks(ticks, timebase, written, latest, constants.bandwidth_interval);
  const domains = ids.list.map((domain, id) => {
    const slack = 2 * LARGEST_DRIFT * Math.max(1, trace.meta.cpus);
    const delayed = features.flusher_bandwidth_updates.on;
    const clock = delayed ? clockOf(domain) : undefined;
    const timed = clock !== undefined;
    const belief = new BandwidthBelief(constants, steps, id, slack, delayed, timed);
    return {
      ...domainState(trace, domain, strict.get(id), features.wb_thresh_floor.on, belief),
      clock,
    };
  });
  const limitOfDomain = features.limit_of_domain.on;
  let tick: TickPhase | undefined;
  let predicted: Float64Array = new Float64Array(observed.rows).fill(Number.NaN);
  if (throttle !== undefined) {
    const stateOf = (row: number) => domains[throttleDomain[row] as number] as DomainState;
    const isRoot = (row: number) => stateOf(row).isRoot;
    const memcg = checkLevels(throttle, state, updates, pairs, isRoot, limitOfDomain, tallies);
    const tasks = tasksOf(codes, events);
    const readers = codes.marks([...above, ...idle]);
    const read = { throttle, state, updates, tasks, pairs, readers, losses, latest, memcg };
    const rules = { constants, hz_known: hz !== undefined, limitOfDomain };
    const walk = new ThrottleWalk({ ...read, ...rules }, tallies, observed.rows);
    predicted = walk.predicted;
    const isTimed = domains.some(({ clock }) => clock !== undefined);
    const writing = isTimed ? writingEvents(trace.tables, ids) : [];
    walkInOrder(walk, events, observed, writing, {
      throttle: stateOf,
      update: (row) => domains[updateDomain[row] as number] as DomainState,
      observed: (row) => domains[observedDomain[row] as number] as DomainState,
      writing: (id) => domains[id],
    });
    const stateTimes = (row: number) => state?.ts[pairs[row] as number] ?? Number.NaN;
    tick = checkTickLaws(ticks, throttle, stateTimes, walk.questions, hz, tallies);
  }
  return {
    features,
    tick,
    avg_write_bandwidth: steps.table(ids.list),
    predicted_pages_per_s: predicted,
    domains: domains.map(({ domain, rules }) => ({ ...domain, strictlimit: rules.strictlimit })),
  };
}

function tasksOf(codes: TaskCodes, { throttle, state, updates }: ThrottleEvents): WalkTasks {
  const of = (columns: { readonly pid: NumberArray } | undefined) =>
    columns === undefined ? new Int32Array() : codes.of(columns.pid);
  const tasks = { throttle: of(throttle), state: of(state), updates: of(updates) };
  return { ...tasks, count: codes.count };
}

/** What the kernel does, by the events themselves where they tell. */
function rulesOf(
  trace: Trace,
  { throttle, state }: ThrottleEvents,
  pairs: Int32Array,
  domainOf: Int32Array,
  pageShift: number,
): { features: ThrottleFeatures; strict: ReadonlyMap<number, boolean> } {
  const { kernel } = trace.meta;
  const both = throttle && state && { throttle, state };
  const meaning = both && limitEvidence(both.throttle, both.state, pairs);
  const limit_of_domain = resolveFeature('limit_of_domain', kernel, meaning);
  const { on } = limit_of_domain;
  const strict = both
    ? strictDomains(both.throttle, both.state, pairs, domainOf, on, pageShift)
    : new Map<number, boolean>();
  const floor = both && floorEvidence(both.throttle, both.state, pairs, domainOf, strict, on);
  const unstable = state && state.unstable !== undefined;
  const features = {
    limit_of_domain,
    wb_thresh_floor: resolveFeature('wb_thresh_floor', kernel, floor),
    unstable_nfs: resolveFeature('unstable_nfs', kernel, unstable),
    flusher_bandwidth_updates: resolveFeature('flusher_bandwidth_updates', kernel, undefined),
  };
  return { features, strict };
}

type DomainOfRow = (row: number) => DomainState;

function walkInOrder(
  walk: ThrottleWalk,
  { throttle, state, updates }: ThrottleEvents,
  observed: ObservedBandwidth,
  writing: readonly WritingEvents[],
  domainOf: {
    throttle: DomainOfRow;
    update: DomainOfRow;
    observed: DomainOfRow;
    writing: (id: number) => DomainState | undefined;
  },
): void {
  const tables: Table[] = [];
  const visits: ((row: number) => void)[] = [];
  const add = (table: Table | undefined, visit: (row: number) => void) => {
    if (table === undefined) return;
    tables.push(table);
    visits.push(visit);
  };
  add(state?.table, (row) => walk.onState(row));
  add(updates?.table, (row) => walk.onUpdate(row, domainOf.update(row)));
  const { ts_ns, low_pages_per_s: low, high_pages_per_s: high } = observed;
  const seq = makeTable('observed_bandwidth', { seq: numberColumn(observed.seq, 'count') });
  add(seq, (row) => {
    const domain = domainOf.observed(row);
    walk.onObserved(row, domain, ts_ns[row] as number, low[row] as number, high[row] as number);
  });
  for (const { table, kind, ts_ns, domainOf: idOf } of writing) {
    add(table, (row) => {
      const domain = domainOf.writing(idOf(row));
      if (domain !== undefined) walk.onWriting(kind, domain, ts_ns[row] as number);
    });
  }
  add(throttle?.table, (row) => walk.onThrottle(row, domainOf.throttle(row)));
  visitRows(tables, visits);
}

function domainsOf(ids: WbDomains, table: Table | undefined): Int32Array {
  if (table === undefined) return new Int32Array();
  if (table.columns.bdi?.kind !== 'text') return new Int32Array(table.rows).fill(ids.code('', ''));
  const read = ids.reader(table);
  const domains = new Int32Array(table.rows);
  for (let row = 0; row < domains.length; row++) domains[row] = read(row);
  return domains;
}

/** In the order in which they were observed: what is checked lists domains as they were met. */
function domainsOfObserved(ids: WbDomains, { domain, domains }: ObservedBandwidth): Int32Array {
  const codes = new Int32Array(domains.length).fill(-1);
  return domain.map((own) => {
    const { bdi, cgroup } = domains[own] as WbDomain;
    if ((codes[own] as number) < 0) codes[own] = ids.code(bdi, cgroup);
    return codes[own] as number;
  });
}

/**
 * The clock of a domain's updates. It needs the tick; pages written are those of its bdi, as the
 * page history counts them, else of all bdis as last printed.
 */
function clocks(
  ticks: TickFinder | undefined,
  { hz }: Timebase,
  written: readonly WrittenSeries[],
  latest: { readonly nr_written: number },
  interval: number,
): (domain: WbDomain) => UpdateClock | undefined {
  if (hz === undefined) return () => undefined;
  const phase = ticks?.find(NO_COUNTS);
  if (phase === undefined) return () => undefined;
  const at = (ts_ns: number) => jiffyAt(phase, ts_ns);
  const timeOf = (jiffies: number) => phase.phase_ns + (jiffies - phase.jiffies) * phase.tick_ns;
  return ({ bdi }) => {
    const series = written.find((one) => one.bdi === bdi);
    const writtenAt = series === undefined ? () => latest.nr_written : writtenBy(series);
    return new UpdateClock({ hz, interval, jiffyAt: at, timeOf, writtenAt });
  };
}

/** What the kernel prints for the root cgroup, and where there is none or it could not tell. */
const ROOTS = new Set(['', '1', '4294967295', '/']);
/** mod_node_state keeps at most so many pages of a CPU to itself. */
const LARGEST_DRIFT = 125;

function domainState(
  trace: Trace,
  domain: WbDomain,
  strictlimit: boolean | undefined,
  floored: boolean,
  belief: BandwidthBelief,
): Omit<DomainState, 'clock'> {
  const knobs = trace.host.bdi?.[domain.bdi];
  const fine = Number(knobs?.max_ratio_fine ?? Number.NaN);
  const percent = Number(knobs?.max_ratio ?? 100);
  const ratio = Number.isNaN(fine) ? percent * (RATIO_SCALE / 100) : fine;
  return {
    domain,
    isRoot: ROOTS.has(domain.cgroup),
    rules: { strictlimit: strictlimit ?? knobs?.strict_limit === '1', floored },
    // An unreadable knob caps nothing.
    max_ratio: ratio >= 0 && ratio <= RATIO_SCALE ? ratio : RATIO_SCALE,
    belief,
    dirty_ratelimit: Number.NaN,
    balanced_dirty_ratelimit: Number.NaN,
    seen_ns: Number.NaN,
    balanced_ns: Number.NaN,
    recent: [],
  };
}
