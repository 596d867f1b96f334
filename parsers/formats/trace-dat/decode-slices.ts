/** The second of two walks over a slice: its records into their places in the shared columns. */

import type { SharedMemory } from '../../wasm/memory.ts';
import { type TaskQueue, takeTask } from '../../workers/task-queue.ts';
import type { EventBuilder } from './assemble.ts';
import { type ColumnTexts, columnMaker } from './columns.ts';
import { dealBatch, makeDealer, rowsOf, type SliceDealer, startSlice } from './deal-slice.ts';
import { builderFor, lendRows, type SharedEvent } from './slice-columns.ts';
import { MAX_IDS, openLane, type SlicePlan } from './slices.ts';
import { consume, type Lane, nextBatch, openStreams } from './streams.ts';

export type DecodeInput = {
  readonly plan: SlicePlan;
  /** Those that occur, in order of the formats. */
  readonly events: readonly SharedEvent[];
  readonly texts: ColumnTexts;
  /** Subtracted from all times. */
  readonly originTs: number;
  readonly memory: SharedMemory;
  /** Which area of the memory a thread may use, and how large each is. */
  readonly areas: TaskQueue;
  readonly areaBytes: number;
};

/** What a thread knew after a slice, by event id and by reader of the event. */
export type SliceEnd = {
  readonly slice: number;
  /** How many texts its dictionaries had. */
  readonly known: ReadonlyMap<number, readonly number[]>;
  /** Rows of the slice whose values a double cannot hold. */
  readonly exact: ReadonlyMap<number, readonly (ReadonlyMap<number, bigint> | undefined)[]>;
};

export type DecodedSlices = {
  readonly tasks: number;
  /** In order. */
  readonly slices: readonly SliceEnd[];
  /** The thread's own dictionaries, by event id and by reader of the event. */
  readonly dictionaries: ReadonlyMap<number, readonly (readonly string[])[]>;
};

type Decoder = DecodeInput & {
  readonly dealer: SliceDealer;
  readonly lanes: readonly Lane[];
  readonly builders: ReadonlyMap<number, EventBuilder>;
  readonly sharedById: ReadonlyMap<number, SharedEvent>;
  /** By event id: the first row of each slice. */
  readonly firstRows: ReadonlyMap<number, Uint32Array>;
};

/**
 * Decodes slices until none is left. Throws if a slice is not what the survey counted. `builders`
 * are the caller's, if it has them: their dictionaries are then filled.
 */
export function decodeSlices(
  input: DecodeInput,
  queue: TaskQueue,
  builders: readonly EventBuilder[] = buildersOf(input),
  onSlice = () => {},
): DecodedSlices {
  const decoder = makeDecoder(input, builders);
  const slices: SliceEnd[] = [];
  for (let slice = takeTask(queue); slice !== undefined; slice = takeTask(queue)) {
    decodeSlice(decoder, slice);
    slices.push(endOf(decoder, slice));
    onSlice();
  }
  const dictionaries = new Map(
    [...decoder.builders].map(([id, builder]) => [
      id,
      readersOf(builder).map(({ interner }) => interner?.dictionary ?? []),
    ]),
  );
  return { tasks: slices.length, slices, dictionaries };
}

function buildersOf({ events, texts }: DecodeInput): EventBuilder[] {
  const makeColumns = columnMaker(texts);
  return events.map((event) => builderFor(event, makeColumns));
}

function makeDecoder(input: DecodeInput, all: readonly EventBuilder[]): Decoder {
  const { plan, events, areas, areaBytes } = input;
  const builders = new Map(all.map((builder) => [builder.id, builder]));
  const lanes = plan.lanes.map((lane) => openLane(lane, plan.name));
  const area = takeTask(areas);
  if (area === undefined) throw new Error('more threads than areas');
  const dealer = makeDealer({ ...input, lanes, builders, areaAt: area * areaBytes });
  const firstRows = new Map(events.map(({ id }) => [id, firstRowsOf(plan, id)]));
  const sharedById = new Map(events.map((event) => [event.id, event]));
  return { ...input, dealer, lanes, builders, sharedById, firstRows };
}

export function firstRowsOf({ count, counts }: SlicePlan, id: number): Uint32Array {
  const rows = new Uint32Array(count + 1);
  for (let slice = 0; slice < count; slice++) {
    rows[slice + 1] = (rows[slice] as number) + (counts[slice * MAX_IDS + id] as number);
  }
  return rows;
}

function decodeSlice(decoder: Decoder, slice: number): void {
  const { plan, sharedById, firstRows, dealer } = decoder;
  const from = plan.times[slice] as number;
  const to = plan.times[slice + 1] as number;
  const { scanner } = plan;
  const range = { from, to };
  const memory = dealer.streams;
  const streams = openStreams(lanesIn(decoder, slice), { scanner, range, memory });
  startSlice(dealer, (id) => (firstRows.get(id) as Uint32Array)[slice] as number);
  for (const { builder } of dealer.unfinished) {
    const rows = firstRows.get(builder.id) as Uint32Array;
    const first = rows[slice] as number;
    const event = sharedById.get(builder.id) as SharedEvent;
    lendRows(builder, event, first, (rows[slice + 1] as number) - first);
  }
  for (let batch = nextBatch(streams); batch !== undefined; batch = nextBatch(streams)) {
    dealBatch(dealer, batch);
    consume(streams, batch);
  }
  for (const event of dealer.events) {
    const rows = firstRows.get(event.builder.id) as Uint32Array;
    const found = rowsOf(dealer, event);
    const counted = rows[slice + 1] as number;
    if (found !== counted) throw new Error(`rows up to ${found} instead of ${counted}`);
  }
}

/** The pages that hold records of the slice: its own, and one before them. */
function lanesIn({ lanes, plan }: Decoder, slice: number): Lane[] {
  return lanes.map((lane, which) => {
    const { pageBytes } = lane.layout;
    const pages = plan.pages[which] as Uint32Array;
    const from = Math.max(0, (pages[slice] as number) - 1) * pageBytes;
    const to = Math.min(lane.size, (pages[slice + 1] as number) * pageBytes);
    return { ...lane, offset: lane.offset + from, size: Math.max(0, to - from) };
  });
}

function readersOf({ readers, detail }: EventBuilder) {
  return detail === 'columns' ? readers : [];
}

function endOf({ builders }: Decoder, slice: number): SliceEnd {
  const known = new Map<number, number[]>();
  const exact = new Map<number, (ReadonlyMap<number, bigint> | undefined)[]>();
  for (const [id, builder] of builders) {
    const readers = readersOf(builder);
    known.set(
      id,
      readers.map(({ interner }) => interner?.dictionary.length ?? 0),
    );
    if (!readers.some((reader) => reader.exact !== undefined && reader.exact.size > 0)) continue;
    exact.set(
      id,
      readers.map((reader) => reader.exact && new Map(reader.exact)),
    );
    for (const reader of readers) reader.exact?.clear();
  }
  return { slice, known, exact };
}
