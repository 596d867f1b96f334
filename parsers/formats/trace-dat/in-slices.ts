/**
 * Reads a large file in slices of time, by several threads at once. The result is that of
 * in-order.ts, which reads whatever does not fit this: small inputs, packed pages with damage, and
 * recordings whose times step back.
 */
import type { Column } from '../../../src/trace/column.ts';
import type { Detail, ImportContext } from '../../importer.ts';
import { Allocator, type SharedMemory, sharedMemory } from '../../wasm/memory.ts';
import { shareTasks, type WorkerPool } from '../../workers/pool.ts';
import { makeTaskQueue } from '../../workers/task-queue.ts';
import { canonicalName, type EventBuilder, makeBuilder } from './assemble.ts';
import type { Watches } from './below-zero.ts';
import {
  type CountedSlices,
  countSlices,
  type DecodedSlices,
  decodeSlices,
  type SliceInput,
  type Surveyed,
} from './decode-slices.ts';
import { joinGaps } from './gaps.ts';
import { joinColumns, slicesById } from './join-slices.ts';
import type { EventsRead, Recording } from './recording.ts';
import { bytesOfColumns, ownRows } from './slice-columns.ts';
import { factsOf, type SliceJob } from './slice-job.ts';
import { largestSlice, layOutArea } from './slice-memory.ts';
import { makeSliceOrder, type SliceOrder } from './slice-order.ts';
import { planSlices, type SlicePlan } from './slices.ts';
import type { SliceSurvey } from './walk-slice.ts';

/**
 * Columns may be so many times the bytes of the events before they are counted first. What is only
 * reserved costs nothing, but WebAssembly has no more than 4 GiB, whose end no array can reach.
 */
const WANTED_GROWTH = 8;
const LEAST_GROWTH = 3;
const MOST_BYTES = 65535 * 65536;
/** A slice is in memory as a whole, in each thread. */
const MOST_SLICE_BYTES = 1 << 25;
/** For what else is kept of events. */
const MORE_BYTES = 1 << 26;

/** Undefined where the file must be read in order. `sliceBytes`: only tests give it. */
export async function readInSlices(
  recording: Recording,
  context: Pick<ImportContext, 'progress'>,
  pool: WorkerPool | undefined,
  sliceBytes?: number,
): Promise<EventsRead | undefined> {
  try {
    const plan = planSlices(recording, sliceBytes);
    if (plan === undefined || largestSlice(plan) > MOST_SLICE_BYTES) return undefined;
    const shape = new Allocator();
    layOutArea(shape, plan);
    const threads = (pool?.size ?? 0) + 1;
    const areas = { areas: makeTaskQueue(threads), areaBytes: shape.end };
    const usedBytes = threads * shape.end;
    return await readSlices({ ...context, recording, plan, pool, ...areas, usedBytes });
  } catch {
    // Whatever went wrong, also in a thread, reading in order shows it, or goes well.
    return undefined;
  }
}

type Reading = Pick<ImportContext, 'progress'> &
  Pick<SliceInput, 'plan' | 'areas' | 'areaBytes'> & {
    readonly recording: Recording;
    readonly pool: WorkerPool | undefined;
    /** Of the areas of all threads. */
    readonly usedBytes: number;
  };

async function readSlices(reading: Reading): Promise<EventsRead | undefined> {
  const { recording, plan } = reading;
  const details = [...recording.formats.keys()].map((id) => detailOf(recording, id));
  const isCounted = details.every((detail) => detail === 'count');
  const memory = isCounted ? undefined : guessedMemory(reading);
  if (memory !== undefined) return decode(reading, memory, undefined);
  const counted = await count(reading);
  const rows = sumOfCounts(plan, counted);
  if (!isCounted) return decode(reading, exactMemory(reading, rows), rows);
  const survey = joinSurveys(counted, recording);
  const builderOf = builderMaker(recording);
  const builders = [...recording.formats.keys()]
    .filter((id) => (rows[id] as number) > 0)
    .map((id) => ({ ...builderOf(id), rows: rows[id] as number }));
  return survey && { ...survey, builders, originTs: survey.firstTs };
}

function sumOfCounts({ ids }: SlicePlan, counted: readonly CountedSlices[]): Uint32Array {
  const rows = new Uint32Array(Math.max(0, ...ids) + 1);
  for (const { counts } of counted) {
    for (const id of ids) rows[id] = (rows[id] as number) + (counts[id] as number);
  }
  return rows;
}

function detailOf({ formats, keep }: Recording, id: number): Detail {
  const known = formats.get(id);
  return (known && keep?.(canonicalName(known))) ?? 'columns';
}

function builderMaker(recording: Recording): (id: number) => EventBuilder {
  const builders = new Map<number, EventBuilder>();
  return (id) => {
    const known = recording.formats.get(id);
    if (known === undefined) throw new Error(`event ${id} has no format`);
    const builder = builders.get(id) ?? makeBuilder(recording, id, known);
    builders.set(id, builder);
    return builder;
  };
}

/** Undefined where it may not suffice, or cannot be had. */
function guessedMemory({ recording, usedBytes }: Reading): SharedMemory | undefined {
  const bytes = recording.lanes.reduce((sum, { size }) => sum + size, 0);
  const most = MOST_BYTES - usedBytes - MORE_BYTES;
  if (LEAST_GROWTH * bytes > most) return undefined;
  try {
    return sharedMemory(usedBytes + MORE_BYTES + Math.min(WANTED_GROWTH * bytes, most));
  } catch {
    return undefined;
  }
}

function exactMemory({ recording, usedBytes }: Reading, rows: Uint32Array): SharedMemory {
  const builderOf = builderMaker(recording);
  const bytes = [...recording.formats.keys()]
    .map((id) => bytesOfColumns(builderOf(id), rows[id] as number))
    .reduce((sum, own) => sum + own, 0);
  return sharedMemory(Math.min(MOST_BYTES, usedBytes + MORE_BYTES + bytes));
}

/** Counts records, and finds all that pages tell beside them. */
async function count({ plan, pool, areas, ...reading }: Reading): Promise<CountedSlices[]> {
  const { areaBytes, usedBytes } = reading;
  const queue = makeTaskQueue(plan.count);
  const memory = sharedMemory(usedBytes);
  const ownAreas = makeTaskQueue(areas.count);
  const input: SliceInput = { plan, queue, memory, areas: ownAreas, areaBytes };
  const job: SliceJob = { phase: 'count', input };
  const onSlice = progressOf(plan, reading.progress);
  return await shareTasks(pool, 'trace-dat', job, plan.count, () => countSlices(input, onSlice));
}

function progressOf({ count: slices }: SlicePlan, progress: (share: number) => void): () => void {
  let done = 0;
  return () => progress(++done / slices);
}

type Survey = Omit<EventsRead, 'builders' | 'originTs'>;

/** Undefined if some lane's times step back, also from one slice to the next. */
function joinSurveys(surveyed: readonly Surveyed[], recording: Recording): Survey | undefined {
  const surveys = surveyed
    .flatMap(({ surveys: own }) => own)
    .sort((left, right) => left.slice - right.slice);
  const lanes = recording.lanes.map((_, lane) =>
    surveys.map(({ parts }) => parts[lane] as SliceSurvey['parts'][number]),
  );
  const times = lanes.map((parts) =>
    parts.flatMap(({ firstTs, lastTs }) => (Number.isNaN(firstTs) ? [] : [firstTs, lastTs])),
  );
  const ascends = (list: readonly number[]) =>
    list.every((time, at) => at === 0 || time >= (list[at - 1] as number));
  const inOrder = surveys.every((one) => one.inOrder && one.scan.backwards === 0);
  if (!inOrder || !times.every(ascends)) return undefined;
  const firsts = times.flatMap((list) => list.slice(0, 1));
  const lasts = times.flatMap((list) => list.slice(-1));
  return {
    firstTs: firsts.length === 0 ? 0 : Math.min(...firsts),
    lastTs: lasts.length === 0 ? 0 : Math.max(...lasts),
    gaps: lanes.flatMap(joinGaps),
    damagedAt: surveys.flatMap(({ damagedAt }) => damagedAt),
    scan: {
      short: sumOf(surveys.map(({ scan }) => scan.short)),
      unknown: sumOf(surveys.map(({ scan }) => scan.unknown)),
      backwards: 0,
    },
    watches: joinWatches(recording.watches, surveyed),
  };
}

function sumOf(counts: readonly ReadonlyMap<number, number>[]): Map<number, number> {
  const sum = new Map<number, number>();
  for (const [id, count] of counts.flatMap((one) => [...one]))
    sum.set(id, (sum.get(id) ?? 0) + count);
  return sum;
}

function joinWatches(watches: Watches, surveyed: readonly Surveyed[]): Watches {
  const joined = structuredClone(watches);
  for (const seen of surveyed.flatMap(({ watched }) => watched)) {
    const mine = joined.byId.get(seen.id)?.find(({ column }) => column === seen.column);
    if (mine === undefined) continue;
    mine.count += seen.count;
    mine.firstTs = Math.min(mine.firstTs, seen.firstTs);
  }
  return joined;
}

async function decode(
  reading: Reading,
  memory: SharedMemory,
  counted: Uint32Array | undefined,
): Promise<EventsRead | undefined> {
  const { recording, plan, pool, areas, areaBytes, usedBytes } = reading;
  // Other clocks than those of nanoseconds are converted once all is there.
  const isPlainClock = recording.tscToNs === undefined;
  const { byteLength } = memory.buffer;
  const origin = isPlainClock ? undefined : 0;
  const order = makeSliceOrder(plan, origin, usedBytes, byteLength, counted);
  const queue = makeTaskQueue(plan.count);
  const input = { plan, queue, memory, areas, areaBytes, order };
  const known = [...recording.formats].map(([id, one]) => {
    return { ...one, id, detail: detailOf(recording, id) };
  });
  const job: SliceJob = { phase: 'decode', input, facts: factsOf(recording.texts, known) };
  const builderOf = builderMaker(recording);
  const onSlice = progressOf(plan, reading.progress);
  const decoded = await shareTasks(pool, 'trace-dat', job, plan.count, () =>
    decodeSlices(input, builderOf, onSlice),
  );
  // A thread takes 5 ms to end, which the process waits for: here it does so beside the rest.
  pool?.close();
  const survey = joinSurveys(decoded, recording);
  if (survey === undefined) return undefined;
  const builders = finishBuilders(recording, memory, order, decoded, builderOf);
  if (builders === undefined) return undefined;
  const neverBelowZero = unsignedIn(builders, decoded);
  const originTs = isPlainClock ? survey.firstTs : 0;
  return { ...survey, builders, originTs, neverBelowZero };
}

/** Undefined if there are more texts than a dictionary may have. */
function finishBuilders(
  { formats }: Recording,
  memory: SharedMemory,
  order: SliceOrder,
  decoded: readonly DecodedSlices[],
  builderOf: (id: number) => EventBuilder,
): EventBuilder[] | undefined {
  const done = slicesById(decoded);
  const moved = decoded.flatMap((one) => one.moved).sort((left, right) => left.until - right.until);
  const finished: EventBuilder[] = [];
  for (const id of formats.keys()) {
    const rows = order.rows[id] as number;
    if (rows === 0) continue;
    const builder = builderOf(id);
    const place = { at: order.at[id] as number, room: order.room[id] as number };
    ownRows(
      builder,
      memory,
      place,
      rows,
      moved.filter((one) => one.id === id),
    );
    const own = joinColumns(builder, decoded, done.get(id) ?? []);
    if (own === undefined) return undefined;
    finished.push({ ...builder, own });
  }
  return finished;
}

/** Searching all columns took 5 ms, in which no other thread has work. */
function unsignedIn(builders: readonly EventBuilder[], decoded: readonly DecodedSlices[]) {
  const found = new Set<Column>();
  for (const { id, own = {}, columns } of builders) {
    [...columns.readers.keys()].forEach((name, nth) => {
      const column = own[name];
      // Threads that had no record of an event know nothing of it.
      const isUnsigned = decoded.every(({ unsigned }) => unsigned.get(id)?.[nth] ?? true);
      if (column !== undefined && isUnsigned) found.add(column);
    });
  }
  return found;
}
