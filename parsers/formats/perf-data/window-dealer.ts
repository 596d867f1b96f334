/**
 * Samples of windows → rows of the shared columns: the program's side of `dealSamples`. What
 * columns.ts does for columns that grow, where every row's place is known.
 */
import { DICTIONARY } from '../../../src/events/index.ts';
import type { FilePlace } from '../../bytes/source.ts';
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
import type { EventSource, Section } from './header.ts';
import { type LargeRows, LargeValues } from './large-values.ts';
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
  /** What threads with nothing to deal out read chunks of; undefined where one thread does. */
  readonly file: { readonly place: FilePlace; readonly data: Section } | undefined;
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
  /** Undefined if a double holds all values. */
  readonly large: LargeRows | undefined;
  /** Can there be values below zero? */
  readonly hasSign: boolean;
};

/** Rows of events without a table that have a place in the order. */
type OthersOfWindow = { readonly window: number; readonly rows: MovableTable };

type DealtTable = {
  readonly builder: EventBuilder;
  readonly columns: readonly DealtColumn[];
  /** Those of columns that no loop can read. */
  readonly others: readonly ColumnReader[];
  memory: TableMemory | undefined;
};

type DealtColumn = {
  readonly name: string;
  readonly reader: ColumnReader;
  /** Its COLUMN; undefined if no loop can read it. */
  readonly at: number | undefined;
  readonly cameIn: number[];
  readonly large: LargeValues;
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
  /** The columns of texts, of all tables. */
  readonly #texts: DealtColumn[] = [];
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

  /** Deals out windows until there are no more; where none is at hand, there is other `work`. */
  dealAll(work: () => boolean): Dealt {
    for (;;) {
      const window = this.ring.awaitWindow(work);
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
    const tables = this.#tables.map(
      ({ columns }) => new Map(columns.map((column) => [column.name, this.#restOf(column)])),
    );
    return { windows: this.#windows, tables, others: this.#others };
  }

  #restOf({ reader: { interner, fast }, at, cameIn, large }: DealtColumn): ColumnRest {
    const dictionary = [...(interner?.dictionary ?? [])];
    const seen = at !== undefined && this.#window.u32[(at + COLUMN.hasSign) >>> 2] !== 0;
    if (fast?.kind !== 'double') return { dictionary, cameIn, large: undefined, hasSign: true };
    const hasSign = fast.size === 8 ? seen : fast.isSigned;
    return { dictionary, cameIn, large: large.finish(fast.isExactSigned), hasSign };
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
    const own = [...builder.readers];
    const bytes = own.filter(([, { fast }]) => fast !== undefined).length * COLUMN.bytes;
    const columnsAt = bytes === 0 ? 0 : this.ring.take(bytes);
    let columnsEnd = columnsAt;
    const columns = own.map(([name, reader]): DealtColumn => {
      const at = reader.fast === undefined ? undefined : columnsEnd;
      const large = new LargeValues();
      if (at !== undefined) {
        this.#addColumn(reader, at, large);
        columnsEnd += COLUMN.bytes;
      }
      return { name, reader, at, cameIn: [], large };
    });
    this.#texts.push(...columns.filter(({ reader }) => reader.interner !== undefined));
    const others = columns.flatMap(({ reader, at }) => (at === undefined ? [reader] : []));
    this.#tables.push({ builder, others, columns, memory: undefined });
    // The loops take the task from the sample.
    this.#set(nth, EVENT.pidOffset, 0);
    this.#set(nth, EVENT.isKept, Number(builder.detail !== 'count'));
    this.#set(nth, EVENT.columns, columnsAt);
    this.#set(nth, EVENT.columnsEnd, columnsEnd);
  }

  /** Writes the COLUMN that tells loops how to read it. */
  #addColumn(reader: ColumnReader, at: number, large: LargeValues): void {
    const { fast, column } = reader;
    if (fast === undefined) return;
    const slotBytes = slotsOf(reader);
    const slots = slotBytes === 0 ? 0 : this.ring.take(slotBytes);
    const field = fast.kind === 'double' ? { ...fast, readLarge: large.note } : fast;
    this.#fields.add(field, at, 0, column.make(0).BYTES_PER_ELEMENT, slots);
  }

  #useColumns(nth: number, memory: TableMemory): void {
    const table = this.#tables[nth] as DealtTable;
    table.memory = memory;
    this.#set(nth, EVENT.ts, memory.ts);
    this.#set(nth, EVENT.lane, memory.cpu);
    this.#set(nth, EVENT.pid, memory.pid);
    this.#set(nth, EVENT.seq, memory.seq);
    const { u32 } = this.#window;
    table.columns.forEach(({ at }, column) => {
      if (at !== undefined) u32[(at + COLUMN.out) >>> 2] = memory.own[column] as number;
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
    for (const { reader, cameIn } of this.#texts) {
      const texts = reader.interner?.dictionary.length ?? 0;
      while (cameIn.length < texts) cameIn.push(window);
    }
  }

  #set(table: number, member: number, value: number): void {
    this.#window.u32[(this.#events + table * EVENT.bytes + member) >>> 2] = value;
  }

  #get(table: number, member: number): number {
    return this.#window.u32[(this.#events + table * EVENT.bytes + member) >>> 2] as number;
  }
}
