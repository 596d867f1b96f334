/**
 * Batches of a slice → the shared columns: the program's side of the loops in page-loops.ts and
 * column-loops.ts. What assemble.ts does for columns that grow, in fewer steps: since every row's
 * place is known, the columns that all events have are written while the records are dealt out, and
 * only where the records lie is remembered for the others.
 */
import type { ColumnReader } from '../../decode/binary-fields.ts';
import type { ByteWindow } from '../../decode/record-window.ts';
import { COLUMN } from '../../wasm/column-loops.ts';
import { EVENT, NO_PID } from '../../wasm/event-rows.ts';
import { FieldReaders } from '../../wasm/field-readers.ts';
import {
  Allocator,
  instantiate,
  type SharedMemory,
  type WasmFunctions,
} from '../../wasm/memory.ts';
import { type EventBuilder, readPids } from './assemble.ts';
import { LANE, WALK } from './page-loops.ts';
import { DECODE_LOOPS } from './page-loops-bytes.ts';
import { absoluteTime, type RecordIndex } from './pages.ts';
import { columnPlaces, type SharedEvent } from './slice-columns.ts';
import {
  type Area,
  indexIn,
  layOutArea,
  memoryWindow,
  type Region,
  writeLeast,
  writeWalk,
} from './slice-memory.ts';
import type { SlicePlan } from './slices.ts';
import type { Batch, Lane, StreamMemory } from './streams.ts';

type Loop = 'listPages' | 'dropRecords' | 'deal';

/** An event's columns in one thread. */
type DealtEvent = {
  readonly builder: EventBuilder;
  /** Its EVENT. */
  readonly at: number;
  /** Columns that no loop can read. */
  readonly others: readonly ColumnReader[];
  readonly hasPid: boolean;
};

export type SliceDealer = {
  readonly memory: SharedMemory;
  readonly window: ByteWindow;
  readonly area: Area;
  readonly loops: WasmFunctions<Loop>;
  readonly events: readonly DealtEvent[];
  /** Those that the loops cannot read alone. */
  readonly unfinished: readonly DealtEvent[];
  readonly originTs: number;
  readonly streams: StreamMemory;
  seq: number;
};

export type DealerOptions = {
  readonly plan: SlicePlan;
  readonly lanes: readonly Lane[];
  readonly memory: SharedMemory;
  /** Where the thread's own area begins. */
  readonly areaAt: number;
  readonly events: readonly SharedEvent[];
  /** By event id. */
  readonly builders: ReadonlyMap<number, EventBuilder>;
  readonly originTs: number;
};

export function makeDealer(options: DealerOptions): SliceDealer {
  const { plan, lanes, memory, areaAt, events, builders, originTs } = options;
  const window = memoryWindow(memory);
  const inOrder = events.map(({ id }) => builders.get(id) as EventBuilder);
  const area = layOutArea(new Allocator(areaAt), lanes, events.length, readersIn(inOrder));
  const places = { columns: area.columns, slots: [...area.slots] };
  const fields = new FieldReaders(window);
  const { base, minSize } = plan.scanner;
  const loops = instantiate<Loop>(DECODE_LOOPS, memory, {
    ...fields.imports(),
    absoluteTime: (extra: number, delta: number, now: number) =>
      absoluteTime(extra >>> 0, delta >>> 0, now, base),
  });
  writeLeast(
    window,
    area.least,
    events.map(({ id }) => id),
    minSize,
  );
  const { least, eventsById } = area;
  lanes.forEach(({ layout }, which) => {
    writeWalk(window, walkOf(area, which), { layout, base, least, events: eventsById });
    writeLane(window, area, which);
  });
  const dealt = events.map((event, nth) => {
    const at = area.events + nth * EVENT.bytes;
    window.u32[(eventsById >>> 2) + event.id] = at;
    return dealtEvent({ window, at, event, builder: inOrder[nth] as EventBuilder, fields, places });
  });
  const indexes = area.regions.map((region) => indexIn(memory, region));
  const streams: StreamMemory = {
    ...{ window, indexes, regions: area.regions },
    drop: (which, records, shift, filledTo) => {
      const { count } = indexes[which] as RecordIndex;
      const { from } = area.regions[which] as Region;
      loops.dropRecords(laneOf(area, which), records, count, from, shift, filledTo);
    },
    list: (which, from, to, count) =>
      loops.listPages(walkOf(area, which), from, to, laneOf(area, which), count) >>> 0,
  };
  const unfinished = dealt.filter(({ builder, others, hasPid }) => {
    return builder.detail !== 'count' && (others.length > 0 || !hasPid);
  });
  return { memory, window, area, loops, events: dealt, unfinished, originTs, streams, seq: 0 };
}

/** Of all events with columns of their own, in order. */
export function readersIn(builders: readonly EventBuilder[]): ColumnReader[] {
  return builders.flatMap(({ readers, detail }) => (detail === 'columns' ? readers : []));
}

function walkOf({ walks }: Area, which: number): number {
  return walks + which * WALK.bytes;
}

function laneOf({ lanes }: Area, which: number): number {
  return lanes + which * LANE.bytes;
}

function writeLane({ u32 }: ByteWindow, area: Area, which: number): void {
  const at = laneOf(area, which) >>> 2;
  const { ts, id, start, end } = area.regions[which] as Region;
  u32[at + (LANE.ts >>> 2)] = ts;
  u32[at + (LANE.id >>> 2)] = id;
  u32[at + (LANE.start >>> 2)] = start;
  u32[at + (LANE.end >>> 2)] = end;
  u32[at + (LANE.lane >>> 2)] = which;
}

type EventOptions = {
  readonly window: ByteWindow;
  readonly at: number;
  readonly event: SharedEvent;
  readonly builder: EventBuilder;
  readonly fields: FieldReaders;
  /** Memory for the columns, which is taken from the front. */
  readonly places: { columns: number; readonly slots: number[] };
};

function dealtEvent({ window, at, event, builder, fields, places }: EventOptions): DealtEvent {
  const offset = event.known.format.pid?.offset ?? NO_PID;
  const others: ColumnReader[] = [];
  const dealt = { builder, at, others, hasPid: offset !== NO_PID };
  if (event.detail === 'count') return dealt;
  const { ts, lane, pid, seq, own } = columnPlaces(builder, event);
  const set = (member: number, value: number) => {
    window.u32[(at + member) >>> 2] = value;
  };
  set(EVENT.ts, ts);
  set(EVENT.lane, lane);
  set(EVENT.pid, pid);
  set(EVENT.seq, seq);
  set(EVENT.pidOffset, offset);
  set(EVENT.isKept, 1);
  set(EVENT.columns, places.columns);
  for (const [nth, reader] of readersIn([builder]).entries()) {
    const slots = places.slots.shift() as number;
    const { fast: field, column: values } = reader;
    if (field === undefined) {
      others.push(reader);
      continue;
    }
    const width = values.array.BYTES_PER_ELEMENT;
    fields.add(field, places.columns, own[nth] as number, width, slots);
    places.columns += COLUMN.bytes;
  }
  set(EVENT.columnsEnd, places.columns);
  return dealt;
}

/** The next batch begins at `rowOf` each event. */
export function startSlice(dealer: SliceDealer, rowOf: (id: number) => number): void {
  dealer.seq = 0;
  for (const event of dealer.events) {
    const row = rowOf(event.builder.id);
    dealer.window.u32[(event.at + EVENT.row) >>> 2] = row;
    dealer.window.u32[(event.at + EVENT.firstRow) >>> 2] = row;
    dealer.seq += row;
  }
}

/** The row behind the last one of an event. */
export function rowsOf({ window }: SliceDealer, { at }: Pick<DealtEvent, 'at'>): number {
  return window.u32[(at + EVENT.row) >>> 2] as number;
}

export function dealBatch(dealer: SliceDealer, { taken }: Batch): void {
  const { window, area, loops, events, unfinished, originTs } = dealer;
  const { u32 } = window;
  taken.forEach((count, lane) => {
    u32[(laneOf(area, lane) + LANE.taken) >>> 2] = count;
  });
  const { lanes, heap, starts, ends } = area;
  const places = [lanes, taken.length, heap, area.events, events.length, starts, ends] as const;
  dealer.seq = loops.deal(walkOf(area, 0), ...places, dealer.seq, originTs) >>> 0;
  for (const event of unfinished) {
    const count = u32[(event.at + EVENT.count) >>> 2] as number;
    if (count > 0) finishColumns(dealer, event, count);
  }
}

function finishColumns(dealer: SliceDealer, event: DealtEvent, count: number): void {
  const { window, area, memory } = dealer;
  const { builder, at, others, hasPid } = event;
  const from = 4 * (window.u32[(at + EVENT.from) >>> 2] as number);
  const start = new Uint32Array(memory.buffer, area.starts + from, count);
  const end = new Uint32Array(memory.buffer, area.ends + from, count);
  builder.count = count;
  if (!hasPid) readPids(window, builder, start, 0);
  for (const reader of others) reader.append(window, { count, start, end });
}
