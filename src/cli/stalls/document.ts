/** Stalls → the document that `tidemark stalls` prints, as JSON or as text. */
import { type BlockRequests, blockRequests } from '../../derive/stalls/block-requests.ts';
import { type Episode, episodesOf } from '../../derive/stalls/episodes.ts';
import { BUCKET_BOUNDS_MS, PERCENTILES, type Spread } from '../../derive/stalls/spread.ts';
import {
  deviceTotals,
  type PlaceTotals,
  placeTotals,
  type TaskTotals,
  taskTotals,
  waiterOf,
} from '../../derive/stalls/totals.ts';
import {
  BOUND_OF_END,
  findStalls,
  type Stall,
  type StallPlace,
  stallOptions,
} from '../../derive/stalls.ts';
import { findTimebase } from '../../replay/timebase.ts';
import { NS_PER_MS } from '../../trace/time.ts';
import type { Trace } from '../../trace/trace.ts';
import { stallNotes } from './notes.ts';
import { STALLS_VERSION, type StallsDocument } from './schema.ts';

export type StallsFilter = {
  readonly place?: StallPlace | undefined;
  /** A pid or the name of a task. */
  readonly task?: string | undefined;
  /** A bdi or a device number. */
  readonly bdi?: string | undefined;
  /** How many tasks and episodes are listed. */
  readonly limit: number;
};

/** What `stalls --json` prints: stalls that the filter lets through, by place, task and episode. */
export function stallsDocument(trace: Trace, filter: StallsFilter): StallsDocument {
  const { hz } = findTimebase(trace);
  const all = findStalls(trace.tables, stallOptions(trace, hz));
  const stalls = all.filter((stall) => isWanted(stall, filter));
  const episodes = episodesOf(stalls);
  const tasks = taskTotals(stalls, episodes);
  const { limit } = filter;
  const { duration_ns, origin_ns } = trace.meta;
  return {
    version: STALLS_VERSION,
    window_ns: [0, duration_ns],
    origin_ns: origin_ns.toString(),
    places: placeTotals(stalls).map(placeJson),
    devices: deviceTotals(stalls).map((totals) => ({ ...placeJson(totals), on: totals.on ?? '' })),
    tasks: tasks.slice(0, limit).map((task) => taskJson(task, duration_ns)),
    episodes: episodes.slice(0, limit).map(episodeJson),
    block_requests: blockRequests(trace.tables)
      .filter(({ dev }) => filter.bdi === undefined || filter.bdi === dev)
      .map(requestsJson),
    omitted: {
      tasks: Math.max(0, tasks.length - limit),
      episodes: Math.max(0, episodes.length - limit),
    },
    notes: stallNotes(trace, stalls, hz),
  };
}

function isWanted(stall: Stall, { place, task, bdi }: StallsFilter): boolean {
  if (place !== undefined && stall.place !== place) return false;
  if (task !== undefined && String(stall.pid) !== task && stall.comm !== task) return false;
  return bdi === undefined || stall.bdi === bdi || stall.dev === bdi;
}

/** Milliseconds with all digits that nanoseconds have. */
function ms(ns: number): number {
  return Math.round(ns) / NS_PER_MS;
}

function spreadJson(spread: Spread) {
  const { count, total_ns, min_ns, mean_ns, max_ns, percentiles_ns, buckets } = spread;
  const named = PERCENTILES.map((percent, at) => [`p${percent}`, ms(percentiles_ns[at] ?? 0)]);
  return {
    count,
    total_ms: ms(total_ns),
    percentiles_ms: {
      min: ms(min_ns),
      ...(Object.fromEntries(named) as Record<`p${(typeof PERCENTILES)[number]}`, number>),
      max: ms(max_ns),
      mean: ms(mean_ns),
    },
    buckets: buckets.map((inside, at) => ({
      from_ms: BUCKET_BOUNDS_MS[at - 1] ?? 0,
      to_ms: BUCKET_BOUNDS_MS[at] ?? null,
      count: inside,
    })),
  };
}

function placeJson(totals: PlaceTotals): StallsDocument['places'][number] {
  const { place, by, tasks, open, uncertain, across_loss } = totals;
  return {
    place,
    by,
    ...spreadJson(totals.spread),
    tasks,
    own_ms: ms(totals.own_ns),
    asked_ms: ms(totals.asked_ns),
    open,
    uncertain,
    across_loss,
  };
}

function taskJson(task: TaskTotals, window_ns: number): StallsDocument['tasks'][number] {
  const { pid, comm, by, count, place, mostly } = task;
  return {
    pid,
    comm,
    by,
    cgroup: task.cgroup ?? null,
    count,
    lost_ms: ms(task.lost_ns),
    share: window_ns > 0 ? task.lost_ns / window_ns : 0,
    longest_ms: ms(task.longest_ns),
    place,
    mostly,
    mostly_ms: ms(task.mostly_ns),
    on: task.on ?? null,
  };
}

function episodeJson(episode: Episode): StallsDocument['episodes'][number] {
  const { place, event, pid, comm, stalls, joined, mostly } = episode;
  const { end, open, begun_before, certainty, across_loss, evidence } = episode;
  return {
    place,
    event,
    reason: episode.reason ?? null,
    pid,
    comm,
    by: waiterOf(comm),
    cgroup: episode.cgroup ?? null,
    bdi: episode.bdi ?? null,
    dev: episode.dev ?? null,
    ino: episode.ino ?? null,
    start_ms: ms(episode.start_ns),
    duration_ms: ms(episode.duration_ns),
    waited_ms: ms(episode.waited_ns),
    asked_ms: episode.asked_ns === undefined ? null : ms(episode.asked_ns),
    stalls,
    joined,
    joined_by: episode.joined_by ?? null,
    mostly,
    mostly_ms: ms(episode.mostly_ns),
    ...{ end, bound: BOUND_OF_END[end], open, begun_before, certainty, across_loss },
    evidence: evidence.map((row) => ({ ...row })),
  };
}

function requestsJson(requests: BlockRequests): StallsDocument['block_requests'][number] {
  const { dev, kind, device, queued, slowest, unfinished } = requests;
  return {
    dev,
    kind,
    ...spreadJson(device),
    queued: spreadJson(queued),
    unfinished,
    slowest: slowest.map(({ start_ns, duration_ns, sector, sectors, seq }) => ({
      start_ms: ms(start_ns),
      duration_ms: ms(duration_ns),
      ...{ sector, sectors, seq },
    })),
  };
}
