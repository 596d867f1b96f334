/**
 * Samples of a window → rows of the shared columns: the program's side of `listSamples` and
 * `dealSamples`. What columns.ts does for columns that grow, where every row's place is known.
 */
import type { ColumnReader } from '../../decode/binary-fields.ts';
import { BATCH_ROWS, type EventBuilder } from '../../decode/event-tables.ts';
import { type ByteWindow, byteWindow } from '../../decode/record-window.ts';
import type { TimeSpan } from '../../decode/restore-order.ts';
import { orderByTime, type SortRoom } from '../../decode/time-order.ts';
import { COLUMN } from '../../wasm/column-loops.ts';
import { EVENT } from '../../wasm/event-rows.ts';
import { FieldReaders } from '../../wasm/field-readers.ts';
import {
  Allocator,
  instantiate,
  type SharedMemory,
  type WasmFunctions,
} from '../../wasm/memory.ts';
import { isWithin, type OtherRows } from './columns.ts';
import type { EventSource } from './header.ts';
import { listIn, SampleLoops } from './loop-scanner.ts';
import { DECODE_LOOPS } from './sample-loops-bytes.ts';
import { RECORD_SAMPLE, type SampleIndex } from './samples.ts';
import {
  type Area,
  type AreaSizes,
  layOutArea,
  slotsOf,
  type TableMemory,
  useMemory,
} from './slice-memory.ts';

export type DealerOptions = {
  readonly memory: SharedMemory;
  /** Where the thread's own area begins. */
  readonly areaAt: number;
  readonly sizes: AreaSizes;
  readonly sources: readonly EventSource[];
  /** Subtracted from all times. */
  readonly originTs: number;
  readonly spans: readonly TimeSpan[];
};

type DealtTable = {
  readonly builder: EventBuilder;
  /** Undefined where nothing is kept. */
  readonly memory: TableMemory | undefined;
  /** Columns that no loop can read. */
  readonly others: readonly ColumnReader[];
};

export class SliceDealer {
  readonly loops: SampleLoops;
  readonly index: SampleIndex;
  /** Position of the next sample in the whole trace. */
  seq = 0;
  readonly #memory: SharedMemory;
  /** All memory. */
  readonly #window: ByteWindow;
  readonly #area: Area;
  readonly #fields: FieldReaders;
  readonly #functions: WasmFunctions<'listSamples' | 'dealSamples'>;
  readonly #tables: DealtTable[] = [];
  readonly #room: SortRoom;
  readonly #originTs: number;
  readonly #spans: readonly TimeSpan[];
  #columnsAt: number;
  #slotsAt: number;

  constructor({ memory, areaAt, sizes, sources, originTs, spans }: DealerOptions) {
    const allocator = new Allocator(areaAt);
    const area = layOutArea(allocator, sizes);
    this.#memory = memory;
    this.#window = byteWindow(new Uint8Array(memory.buffer), true);
    this.#area = area;
    this.#fields = new FieldReaders(this.#window);
    this.#functions = instantiate(DECODE_LOOPS, memory, this.#fields.imports());
    const { listSamples } = this.#functions;
    const isPassed = (type: number) => type !== RECORD_SAMPLE;
    this.loops = new SampleLoops(memory, area.scan, sources, listSamples, isPassed);
    this.index = listIn(memory, this.loops, area.list, sizes.capacity);
    const { capacity } = sizes;
    this.#room = {
      order: new Uint32Array(memory.buffer, area.order, capacity),
      scratch: new Uint32Array(capacity),
    };
    this.#originTs = originTs;
    this.#spans = spans;
    this.#columnsAt = area.columns;
    this.#slotsAt = area.slots;
  }

  /** The table of the next number; its next row is `row`. */
  addTable(builder: EventBuilder, memory: TableMemory | undefined, row: number): void {
    const table = this.#tables.length;
    const others: ColumnReader[] = [];
    this.#tables.push({ builder, memory, others });
    if (memory === undefined) return;
    this.startAt(table, row);
    this.#set(table, EVENT.ts, memory.ts);
    this.#set(table, EVENT.lane, memory.cpu);
    this.#set(table, EVENT.pid, memory.pid);
    this.#set(table, EVENT.seq, memory.seq);
    // The loops take the task from the sample.
    this.#set(table, EVENT.pidOffset, 0);
    this.#set(table, EVENT.isKept, 1);
    this.#set(table, EVENT.columns, this.#columnsAt);
    [...builder.readers.values()].forEach((reader, nth) => {
      const { fast, column } = reader;
      if (fast === undefined) {
        others.push(reader);
        return;
      }
      const width = column.make(0).BYTES_PER_ELEMENT;
      const out = memory.own[nth] as number;
      this.#fields.add(fast, this.#columnsAt, out, width, this.#slotsAt);
      this.#columnsAt += COLUMN.bytes;
      this.#slotsAt += slotsOf(reader);
    });
    this.#set(table, EVENT.columnsEnd, this.#columnsAt);
  }

  /** A slice begins: the next row of the table is `row`. Rows are counted from the first one. */
  startAt(table: number, row: number): void {
    const { builder, memory, others } = this.#tables[table] as DealtTable;
    this.#set(table, EVENT.row, row);
    this.#set(table, EVENT.firstRow, 0);
    if (memory !== undefined && others.length > 0) {
      useMemory(builder, this.#memory.buffer, memory, row);
    }
  }

  /** The row behind the last one. */
  rowsOf(table: number): number {
    return this.#get(table, EVENT.row);
  }

  /** Adds the samples that are listed to their tables and empties the list. */
  take(otherRows: OtherRows): void {
    const { count, time } = this.index;
    if (count === 0) return;
    const order = orderByTime(this.index, this.#room);
    const { order: orderAt, starts, ends, events } = this.#area;
    const first = time[order === undefined ? 0 : (order[0] as number)] as number;
    const last = time[order === undefined ? count - 1 : (order[count - 1] as number)] as number;
    const spans = this.#spans.filter(([from, to]) => from <= last && to >= first);
    if (spans.length > 0) this.#noteOthers(otherRows, order, spans);
    const { dealSamples } = this.#functions;
    const places = [events, this.#tables.length, starts, ends] as const;
    const inOrder = order === undefined ? 0 : orderAt;
    for (let from = 0; from < count; from += BATCH_ROWS) {
      const to = Math.min(count, from + BATCH_ROWS);
      const { scan } = this.#area.scan;
      const seq = dealSamples(scan, inOrder, from, to, ...places, this.seq, this.#originTs);
      this.seq = seq >>> 0;
      this.#readOthers();
    }
    this.index.count = 0;
  }

  /** Events without a table have a place in the order where stretches overlap. */
  #noteOthers(
    otherRows: OtherRows,
    order: Uint32Array | undefined,
    spans: readonly TimeSpan[],
  ): void {
    const isKept = this.#tables.map(({ memory }) => memory !== undefined);
    if (!isKept.includes(false)) return;
    const { count, time, cpu, table } = this.index;
    for (let place = 0; place < count; place++) {
      const row = order === undefined ? place : (order[place] as number);
      const ts = time[row] as number;
      if (isKept[table[row] as number] || !isWithin(spans, ts)) continue;
      otherRows.add(ts - this.#originTs, cpu[row] as number, this.seq + place);
    }
  }

  #readOthers(): void {
    const { starts, ends } = this.#area;
    this.#tables.forEach(({ others }, table) => {
      const count = this.#get(table, EVENT.count);
      if (others.length === 0 || count === 0) return;
      const from = 4 * this.#get(table, EVENT.from);
      const start = new Uint32Array(this.#memory.buffer, starts + from, count);
      const end = new Uint32Array(this.#memory.buffer, ends + from, count);
      for (const reader of others) reader.append(this.#window, { count, start, end });
    });
  }

  #set(table: number, member: number, value: number): void {
    this.#window.u32[(this.#area.events + table * EVENT.bytes + member) >>> 2] = value;
  }

  #get(table: number, member: number): number {
    return this.#window.u32[(this.#area.events + table * EVENT.bytes + member) >>> 2] as number;
  }
}
