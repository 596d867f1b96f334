/**
 * Samples of windows → rows of the shared columns: the program's side of `dealSamples`. What
 * columns.ts does for columns that grow, where every row's place is known.
 */
import { DICTIONARY } from '../../../src/events/index.ts';
import type { ColumnReader } from '../../decode/binary-fields.ts';
import { BATCH_ROWS, type EventBuilder } from '../../decode/event-tables.ts';
import { type ByteWindow, byteWindow } from '../../decode/record-window.ts';
import type { MovableTable } from '../../decode/restore-order.ts';
import type { Detail } from '../../importer.ts';
import { COLUMN } from '../../wasm/column-loops.ts';
import { EVENT } from '../../wasm/event-rows.ts';
import { FieldReaders } from '../../wasm/field-readers.ts';
import { instantiate, type SharedMemory, type WasmFunctions } from '../../wasm/memory.ts';
import { OtherRows } from './columns.ts';
import type { Facts } from './features.ts';
import type { EventSource } from './header.ts';
import { listAt } from './loop-scanner.ts';
import { EventRegistry } from './registry.ts';
import { SCAN } from './sample-loops.ts';
import { DECODE_LOOPS } from './sample-loops-bytes.ts';
import type { SampleIndex } from './samples.ts';
import { placeTable, slotsOf, type TableMemory, useMemory } from './table-memory.ts';
import { ABOUT, type RingPlaces, ROWS, type SlotPlaces, WindowRing } from './window-ring.ts';

/** How much of a table is kept, as a number: two bits. */
export const DETAILS: readonly Detail[] = ['count', 'base', 'columns'];
export const DETAIL_BITS = 2;

/** Everything a thread needs; can be sent to it. */
export type DealPlan = {
  readonly memory: SharedMemory;
  readonly ring: RingPlaces;
  readonly facts: Facts;
  readonly sources: readonly EventSource[];
};

/** What a thread made that is not in the shared memory. */
export type Dealt = {
  /** The windows that it dealt out, in order. */
  readonly windows: readonly number[];
  /** Of each table, by name of the column. */
  readonly tables: readonly ReadonlyMap<string, ColumnRest>[];
  readonly others: readonly OthersOfWindow[];
};

export type ColumnRest = {
  /** Texts, and in which window each came first. */
  readonly dictionary: readonly string[];
  readonly cameIn: readonly number[];
  readonly exact: ExactValues;
  /** Can there be values below zero? */
  readonly hasSign: boolean;
};

/** Values that a double cannot hold, and their rows, in order. */
export type ExactValues = {
  readonly rows: Uint32Array;
  readonly values: BigInt64Array | BigUint64Array;
};

/** Rows of events without a table that have a place in the order. */
type OthersOfWindow = { readonly window: number; readonly rows: MovableTable };

type DealtTable = {
  readonly builder: EventBuilder;
  /** Columns that no loop can read, and the places of the COLUMNs of all others. */
  readonly others: ColumnReader[];
  readonly places: (number | undefined)[];
  readonly cameIn: Map<string, number[]>;
  memory: TableMemory | undefined;
};

type Slot = { readonly places: SlotPlaces; readonly list: SampleIndex };

export class WindowDealer {
  readonly ring: WindowRing;
  readonly #memory: SharedMemory;
  /** All memory. */
  readonly #window: ByteWindow;
  readonly #registry: EventRegistry;
  readonly #fields: FieldReaders;
  readonly #functions: WasmFunctions<'orderSamples' | 'dealSamples'>;
  readonly #slots: readonly Slot[];
  readonly #tables: DealtTable[] = [];
  /** Row numbers in order, room to sort in, and for bounds of runs. */
  readonly #order: number;
  readonly #scratch: number;
  readonly #bounds: number;
  readonly #starts: number;
  readonly #ends: number;
  readonly #events: number;
  readonly #windows: number[] = [];
  readonly #others: OthersOfWindow[] = [];
  /** How much of the table that is being made is kept. */
  #detail: Detail = 'count';

  constructor({ memory, ring, facts, sources }: DealPlan) {
    const { buffer } = memory;
    this.ring = new WindowRing(memory, ring);
    this.#memory = memory;
    this.#window = byteWindow(new Uint8Array(buffer), true);
    this.#registry = new EventRegistry(
      facts,
      { dictionary: DICTIONARY, keep: () => this.#detail },
      true,
    );
    for (const source of sources) this.#registry.add(source);
    this.#fields = new FieldReaders(this.#window);
    this.#functions = instantiate(DECODE_LOOPS, memory, this.#fields.imports());
    const { capacity, slots } = ring;
    this.#slots = slots.map((places) => ({ places, list: listAt(memory, places.list, capacity) }));
    this.#order = this.ring.take(4 * capacity);
    this.#scratch = this.ring.take(4 * capacity);
    this.#bounds = this.ring.take(4 * (capacity + 2));
    this.#starts = this.ring.take(4 * BATCH_ROWS);
    this.#ends = this.ring.take(4 * BATCH_ROWS);
    // No more tables than sources of events.
    this.#events = this.ring.take(sources.length * EVENT.bytes);
  }

  /** Deals out windows until there are no more. */
  dealAll(): Dealt {
    for (;;) {
      const window = this.ring.awaitWindow();
      if (window === undefined) return this.finish();
      this.deal(window);
    }
  }

  /** Adds the samples of a window that was taken to their tables, and frees its slot. */
  deal(window: number): void {
    const nth = this.ring.slotOf(window);
    const { places, list } = this.#slots[nth] as Slot;
    const { u32, view } = this.#window;
    const word = (member: number) => u32[(places.about + member) >>> 2] as number;
    const double = (member: number) => view.getFloat64(places.about + member, true);
    list.count = u32[(places.scan + SCAN.count) >>> 2] as number;
    this.#startTables(places, word(ABOUT.tables));
    const origin = double(ABOUT.origin);
    const { orderSamples, dealSamples } = this.#functions;
    const isInOrder = orderSamples(places.scan, this.#order, this.#scratch, this.#bounds) === 0;
    const order = isInOrder ? 0 : this.#order;
    let seq = word(ABOUT.seq);
    this.#noteOthers(window, list, order, [double(ABOUT.until), double(ABOUT.since)], seq, origin);
    const events = [this.#events, this.#tables.length, this.#starts, this.#ends] as const;
    for (let from = 0; from < list.count; from += BATCH_ROWS) {
      const to = Math.min(list.count, from + BATCH_ROWS);
      seq = dealSamples(places.scan, order, from, to, ...events, seq, origin) >>> 0;
      this.#readOthers();
    }
    this.#windows.push(window);
    this.#noteTexts(window);
    this.ring.release(nth);
  }

  finish(): Dealt {
    const { u32 } = this.#window;
    const tables = this.#tables.map(({ builder, cameIn, places }) => {
      const rest = new Map<string, ColumnRest>();
      [...builder.readers].forEach(([name, { interner, exact, fast }], nth) => {
        const dictionary = [...(interner?.dictionary ?? [])];
        const seen = u32[((places[nth] ?? 0) + COLUMN.hasSign) >>> 2] !== 0;
        const hasSign = fast?.kind !== 'double' || (fast.size === 8 ? seen : fast.isSigned);
        const own = { dictionary, exact: exactValues(exact), cameIn: cameIn.get(name) ?? [] };
        rest.set(name, { ...own, hasSign });
      });
      return rest;
    });
    return { windows: this.#windows, tables, others: this.#others };
  }

  /** Where the rows of the window go; tables that are new get their readers. */
  #startTables({ rows }: SlotPlaces, tables: number): void {
    while (this.#tables.length < tables) this.#addTable();
    const { u32 } = this.#window;
    this.#tables.forEach((table, nth) => {
      const at = (rows + nth * ROWS.bytes) >>> 2;
      const columns = u32[at + (ROWS.columns >>> 2)] as number;
      if (columns === 0) return;
      const row = u32[at + (ROWS.row >>> 2)] as number;
      this.#set(nth, EVENT.row, row);
      if (table.memory?.ts !== columns) {
        const capacity = u32[at + (ROWS.capacity >>> 2)] as number;
        this.#useColumns(nth, placeTable(columns, table.builder, capacity));
      }
      const { builder, others, memory } = table;
      if (others.length === 0 || memory === undefined) return;
      useMemory(builder, this.#memory.buffer, memory, memory.capacity, row);
    });
  }

  /** The table of the next number, as the thread that lists samples has it. */
  #addTable(): void {
    const nth = this.#tables.length;
    const at = (this.ring.places.tables >>> 2) + nth;
    const made = this.#window.u32[at] as number;
    this.#detail = DETAILS[made & ((1 << DETAIL_BITS) - 1)] as Detail;
    this.#registry.makeTable(made >>> DETAIL_BITS);
    const builder = this.#registry.builders[nth];
    if (builder === undefined) throw new Error('tables are made in another order');
    const readers = [...builder.readers.values()];
    const others = readers.filter(({ fast }) => fast === undefined);
    const bytes = (readers.length - others.length) * COLUMN.bytes;
    const columnsAt = bytes === 0 ? 0 : this.ring.take(bytes);
    let columns = columnsAt;
    const places = readers.map((reader) => {
      if (reader.fast === undefined) return undefined;
      const slotBytes = slotsOf(reader);
      const slots = slotBytes === 0 ? 0 : this.ring.take(slotBytes);
      this.#fields.add(reader.fast, columns, 0, reader.column.make(0).BYTES_PER_ELEMENT, slots);
      columns += COLUMN.bytes;
      return columns - COLUMN.bytes;
    });
    this.#tables.push({ builder, others, places, cameIn: new Map(), memory: undefined });
    // The loops take the task from the sample.
    this.#set(nth, EVENT.pidOffset, 0);
    this.#set(nth, EVENT.isKept, Number(builder.detail !== 'count'));
    this.#set(nth, EVENT.columns, columnsAt);
    this.#set(nth, EVENT.columnsEnd, columns);
  }

  #useColumns(nth: number, memory: TableMemory): void {
    const table = this.#tables[nth] as DealtTable;
    table.memory = memory;
    this.#set(nth, EVENT.ts, memory.ts);
    this.#set(nth, EVENT.lane, memory.cpu);
    this.#set(nth, EVENT.pid, memory.pid);
    this.#set(nth, EVENT.seq, memory.seq);
    const { u32 } = this.#window;
    table.places.forEach((place, column) => {
      if (place !== undefined) u32[(place + COLUMN.out) >>> 2] = memory.own[column] as number;
    });
  }

  /** Events without a table have a place in the order where the window overlaps others in time. */
  #noteOthers(
    window: number,
    { count, time, cpu, table }: SampleIndex,
    order: number,
    [until, since]: readonly [until: number, since: number],
    seq: number,
    origin: number,
  ): void {
    const isKept = this.#tables.map(({ builder }) => builder.detail !== 'count');
    if (!isKept.includes(false)) return;
    const others = new OtherRows();
    for (let place = 0; place < count; place++) {
      const row = order === 0 ? place : (this.#window.u32[(order >>> 2) + place] as number);
      const ts = time[row] as number;
      if ((ts > until && ts < since) || isKept[table[row] as number]) continue;
      others.add(ts - origin, cpu[row] as number, seq + place);
    }
    this.#others.push({ window, rows: others.finish() });
  }

  #readOthers(): void {
    this.#tables.forEach(({ others }, table) => {
      if (others.length === 0) return;
      const count = this.#get(table, EVENT.count);
      if (count === 0) return;
      const from = 4 * this.#get(table, EVENT.from);
      const start = new Uint32Array(this.#memory.buffer, this.#starts + from, count);
      const end = new Uint32Array(this.#memory.buffer, this.#ends + from, count);
      for (const reader of others) reader.append(this.#window, { count, start, end });
    });
  }

  /** Texts that came in this window. */
  #noteTexts(window: number): void {
    for (const { builder, cameIn } of this.#tables) {
      for (const [name, { interner }] of builder.readers) {
        if (interner === undefined) continue;
        const known = cameIn.get(name)?.length ?? 0;
        const more = interner.dictionary.length - known;
        if (more === 0) continue;
        const windows = cameIn.get(name) ?? [];
        for (let text = 0; text < more; text++) windows.push(window);
        cameIn.set(name, windows);
      }
    }
  }

  #set(table: number, member: number, value: number): void {
    this.#window.u32[(this.#events + table * EVENT.bytes + member) >>> 2] = value;
  }

  #get(table: number, member: number): number {
    return this.#window.u32[(this.#events + table * EVENT.bytes + member) >>> 2] as number;
  }
}

/** In arrays, which are sent to other threads as they are. */
function exactValues(exact: ReadonlyMap<number, bigint> = new Map()): ExactValues {
  const values = [...exact.values()];
  const isSigned = values.some((value) => value < 0n);
  return {
    rows: Uint32Array.from(exact.keys()),
    values: isSigned ? BigInt64Array.from(values) : BigUint64Array.from(values),
  };
}
