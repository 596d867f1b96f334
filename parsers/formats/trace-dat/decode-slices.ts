/** What one thread does: slice after slice is walked over, and its records become rows. */
import { FieldReaders } from '../../wasm/field-readers.ts';
import { Allocator, type SharedMemory } from '../../wasm/memory.ts';
import { type TaskQueue, takeTask } from '../../workers/task-queue.ts';
import type { EventBuilder } from './assemble.ts';
import type { Watch } from './below-zero.ts';
import { type DealtSlice, dealSlice, makeDealer, unsignedColumns } from './deal-slice.ts';
import { layOutArea, memoryWindow } from './slice-memory.ts';
import { giveUp, type MovedRows, type SliceOrder } from './slice-order.ts';
import type { SlicePlan } from './slices.ts';
import { makeWalker, type SliceSurvey, walkSlice } from './walk-slice.ts';

/** What threads share. */
export type SliceInput = {
  readonly plan: SlicePlan;
  readonly queue: TaskQueue;
  readonly memory: SharedMemory;
  /** Which area of the memory a thread may use, and how large each is. */
  readonly areas: TaskQueue;
  readonly areaBytes: number;
};

export type DecodeInput = SliceInput & { readonly order: SliceOrder };

/** What walks over pages find. */
export type Surveyed = {
  readonly tasks: number;
  readonly surveys: readonly SliceSurvey[];
  /** What the thread saw of counters below zero. */
  readonly watched: readonly Watch[];
};

/** Records by event id, of the slices that one thread has counted. */
export type CountedSlices = Surveyed & { readonly counts: Uint32Array };

export type DecodedSlices = Surveyed & {
  /** In order. */
  readonly slices: readonly DealtSlice[];
  /** The thread's own dictionaries, by event id and by reader of the event. */
  readonly dictionaries: ReadonlyMap<number, readonly (readonly string[])[]>;
  readonly moved: readonly MovedRows[];
  /** Columns without a value below zero, by event id and by reader of the event. */
  readonly unsigned: ReadonlyMap<number, readonly boolean[]>;
};

/** Counts records, until no slice is left. */
export function countSlices(input: SliceInput, onSlice = () => {}): CountedSlices {
  const { plan, queue } = input;
  const walker = walkerOf(input, new FieldReaders(memoryWindow(input.memory)), true);
  const surveys: SliceSurvey[] = [];
  for (let slice = takeTask(queue); slice !== undefined; slice = takeTask(queue)) {
    surveys.push(walkSlice(walker, slice));
    onSlice();
  }
  const most = plan.ids.reduce((largest, id) => Math.max(largest, id + 1), 0);
  const counts = Uint32Array.from(walker.counts.subarray(0, most));
  return { ...surveyed(walker.watches, surveys), counts };
}

/** Decodes slices until none is left. `builderOf` an event is asked when it first occurs. */
export function decodeSlices(
  input: DecodeInput,
  builderOf: (id: number) => EventBuilder,
  onSlice = () => {},
): DecodedSlices {
  const { queue, order } = input;
  const fields = new FieldReaders(memoryWindow(input.memory));
  const slices: DealtSlice[] = [];
  const surveys: SliceSurvey[] = [];
  try {
    const walker = walkerOf(input, fields, false);
    const dealer = makeDealer({ walker, order, fields, builderOf });
    for (let slice = takeTask(queue); slice !== undefined; slice = takeTask(queue)) {
      const survey = walkSlice(walker, slice);
      // Then only reading in order tells where rows go: the rest of the work would be for nothing.
      if (!survey.inOrder || survey.scan.backwards > 0) throw new Error('times step back');
      surveys.push(survey);
      slices.push(dealSlice(dealer, slice));
      onSlice();
    }
    const { moved, events } = dealer;
    const dictionaries = new Map(
      events.map(({ id, builder }) => [id, dictionariesOf(builder)] as const),
    );
    const unsigned = new Map(
      events.map((event) => [event.id, unsignedColumns(dealer, event)] as const),
    );
    return { ...surveyed(walker.watches, surveys), slices, dictionaries, moved, unsigned };
  } catch (error) {
    giveUp(order);
    throw error;
  }
}

function walkerOf(input: SliceInput, fields: FieldReaders, isCounting: boolean) {
  const { plan, memory, areas, areaBytes } = input;
  const nth = takeTask(areas);
  if (nth === undefined) throw new Error('more threads than areas');
  const area = layOutArea(new Allocator(nth * areaBytes), plan);
  const watches = structuredClone(plan.watches);
  return makeWalker({ plan, memory, area, watches, isCounting, columnImports: fields.imports() });
}

function surveyed({ byId }: SlicePlan['watches'], surveys: readonly SliceSurvey[]): Surveyed {
  return { tasks: surveys.length, surveys, watched: [...byId.values()].flat() };
}

function dictionariesOf({ readers, detail }: EventBuilder): (readonly string[])[] {
  const own = detail === 'columns' ? readers : [];
  return own.map(({ interner }) => interner?.dictionary ?? []);
}
