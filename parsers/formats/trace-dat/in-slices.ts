/**
 * Reads a large file in slices of time, by several threads at once. The result is that of
 * in-order.ts, which reads whatever does not fit this: small or packed inputs, and recordings whose
 * times step back.
 */
import type { ImportContext } from '../../importer.ts';
import { Allocator } from '../../wasm/memory.ts';
import { shareTasks, type WorkerPool } from '../../workers/pool.ts';
import { makeTaskQueue } from '../../workers/task-queue.ts';
import { type EventBuilder, makeBuilder } from './assemble.ts';
import type { Watches } from './below-zero.ts';
import { textsFor } from './columns.ts';
import { readersIn } from './deal-slice.ts';
import {
  type DecodedSlices,
  type DecodeInput,
  decodeSlices,
  firstRowsOf,
} from './decode-slices.ts';
import { joinGaps } from './gaps.ts';
import { joinColumns } from './join-slices.ts';
import type { EventsRead, Recording } from './recording.ts';
import { type SharedEvent, shareEvents, takeRows } from './slice-columns.ts';
import { type SliceJob, type Surveyed, surveySlices } from './slice-job.ts';
import { layOutArea } from './slice-memory.ts';
import { planSlices, type SlicePlan } from './slices.ts';
import type { SliceSurvey } from './survey.ts';

/** Undefined where the file must be read in order. `sliceBytes`: only tests give it. */
export async function readInSlices(
  recording: Recording,
  context: Pick<ImportContext, 'progress'>,
  pool: WorkerPool | undefined,
  sliceBytes?: number,
): Promise<EventsRead | undefined> {
  const plan = planSlices(recording, sliceBytes);
  if (plan === undefined) return undefined;
  const steps = 2 * plan.count;
  let step = 0;
  const onSlice = () => context.progress(++step / steps);
  try {
    const queue = makeTaskQueue(plan.count);
    const job: SliceJob = { phase: 'survey', plan, queue };
    const surveyed = await shareTasks(pool, 'trace-dat', job, plan.count, () =>
      surveySlices(plan, queue, onSlice),
    );
    const survey = joinSurveys(surveyed, recording);
    return survey && (await readColumns(recording, plan, survey, pool, onSlice));
  } catch {
    // Whatever went wrong in a thread, reading in order shows it, or goes well.
    return undefined;
  }
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

async function readColumns(
  recording: Recording,
  plan: SlicePlan,
  survey: Survey,
  pool: WorkerPool | undefined,
  onSlice: () => void,
): Promise<EventsRead | undefined> {
  const firstRows = new Map(
    [...recording.formats.keys()].map((id) => [id, firstRowsOf(plan, id)] as const),
  );
  const rowsOf = (id: number) => firstRows.get(id)?.[plan.count] as number;
  const builders = [...recording.formats].flatMap(([id, known]) =>
    rowsOf(id) === 0 ? [] : [makeBuilder(recording, id, known)],
  );
  const shape = new Allocator();
  layOutArea(shape, plan.lanes, builders.length, readersIn(builders));
  const areaBytes = shape.end;
  const threads = (pool?.size ?? 0) + 1;
  const allocator = new Allocator(threads * areaBytes);
  const { memory, events } = shareEvents(builders, rowsOf, allocator);
  // Other clocks than those of nanoseconds are converted once all is there.
  const originTs = recording.tscToNs === undefined ? survey.firstTs : 0;
  const known = events.map((event) => event.known);
  const texts = textsFor(recording.texts, known);
  const areas = makeTaskQueue(threads);
  const input = { plan, events, texts, originTs, memory, areas, areaBytes };
  const decoded = await decode(pool, input, builders, onSlice);
  builders.forEach((builder, nth) => {
    takeRows(builder, events[nth] as SharedEvent);
  });
  const finished = builders.map((builder) => ({
    ...builder,
    own: joinColumns(builder, decoded, firstRows.get(builder.id) as Uint32Array),
  }));
  if (finished.some(({ own }) => own === undefined)) return undefined;
  return { ...survey, builders: finished as EventBuilder[], originTs };
}

/** Nothing is decoded where all that is wanted was counted. */
async function decode(
  pool: WorkerPool | undefined,
  input: DecodeInput,
  builders: readonly EventBuilder[],
  onSlice: () => void,
): Promise<DecodedSlices[]> {
  if (input.events.every(({ detail }) => detail === 'count')) return [];
  const { count } = input.plan;
  const queue = makeTaskQueue(count);
  const job: SliceJob = { phase: 'decode', input, queue };
  return await shareTasks(pool, 'trace-dat', job, count, () =>
    decodeSlices(input, queue, builders, onSlice),
  );
}
