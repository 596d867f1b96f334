/**
 * Printed payloads of one event → columns. Layouts are learned from the first payload of each
 * shape (text-layout.ts); all others are followed byte by byte, without a string or an object: many
 * at once (text-batch.ts), or one by one where that does not help (text-match.ts).
 */
import type { EventDefinition } from '../../src/events/index.ts';
import type { Column } from '../../src/trace/column.ts';
import { isCounter } from '../check-values.ts';
import { keepExact, placeLayout } from './text-batch.ts';
import {
  appendToSink,
  enlargeSink,
  explainValues,
  fillMissing,
  fillMissingInBatch,
  finishSink,
  joinSink,
  makeSink,
  partOfSink,
  placeSink,
  removeFromSink,
  type SinkKind,
  type SinkOptions,
  type SinkValues,
  shareSink,
  splitSink,
  type TextSink,
  takeBatch,
} from './text-columns.ts';
import {
  type AddressForm,
  type AppendPlace,
  addBelowZero,
  type Batch,
  type BelowZeroTally,
  type PayloadOptions,
  type PayloadPart,
  type SinkRegions,
} from './text-exchange.ts';
import { type LayoutSlot, type LearnedLayout, learnLayout, wireName } from './text-layout.ts';
import { literalOfText } from './text-literal.ts';
import { followLayout, type Layout, READ, unclaimed } from './text-match.ts';
import type { TextMemory } from './text-memory.ts';
import { beginsWithKey, periodBefore } from './text-values.ts';

/** More shapes than this of one event are learned anew each time. */
const MAX_LAYOUTS = 16;
/** More keys than this of one event are no fields; what they hold is dropped. */
const MAX_SINKS = 64;

export class PayloadReader {
  readonly definition: EventDefinition | undefined;
  /** By column: how many values of rows that were not kept, and when the first one. */
  readonly belowZero: BelowZeroTally = new Map();
  readonly #pageSize: number;
  readonly #memory: TextMemory;
  #regions: SinkRegions | undefined;
  readonly #address: AddressForm | undefined;
  readonly #sinks = new Map<string, TextSink>();
  /** All of them but the text. */
  readonly #sinksOfLayouts: TextSink[] = [];
  readonly #layouts: Layout[] = [];
  /** Columns that the accepted layouts lack; undefined before the first one. */
  #missing: ReadonlySet<string> | undefined;
  readonly #wireNames = new Set<string>();
  /** The whole payload, kept for events that the dictionary does not know. */
  readonly #text: TextSink | undefined;
  /** A number that stands before the event's name. */
  #period: TextSink | undefined;
  /** Rows that a new column must have values for, and those that there is room for. */
  #rows = 0;
  #capacity: number;
  /** What `#layouts` were made of; the first of them before `restart`. */
  readonly #learned: LearnedLayout[] = [];
  #common = 0;
  /** Payloads that have no layout. */
  #refused = 0;
  #usesPageSize = false;

  constructor(definition: EventDefinition | undefined, capacity: number, options: PayloadOptions) {
    this.definition = definition;
    this.#capacity = capacity;
    this.#pageSize = options.pageSize;
    this.#memory = options.memory;
    this.#address = options.address;
    if (definition === undefined) this.#text = this.#sinkFor('text', 'text', {});
  }

  /** True when a column needed the page size, which a text does not say. */
  get usesPageSize(): boolean {
    return this.#usesPageSize;
  }

  /** Columns that the dictionary promises and the text does not have. */
  get missing(): readonly string[] {
    return [...(this.#missing ?? [])];
  }

  /** Names of the record's fields that the printed keys stand for, where that is certain. */
  get wireNames(): readonly string[] {
    return [...this.#wireNames];
  }

  /** Lines of the event have a period from here on. */
  expectPeriod(): void {
    if (this.#period !== undefined || this.#sinks.has('period')) return;
    if (this.definition?.columns.period !== undefined) return;
    this.#period = this.#sinkFor('period', 'count', { unit: 'count', signed: false });
    this.#sinksOfLayouts.splice(this.#sinksOfLayouts.indexOf(this.#period), 1);
    for (const layout of this.#layouts) layout.sinkCount = -1;
  }

  #readPeriods({ bytes, firstRow, count }: Batch): void {
    const { start } = this.#memory;
    const f64 = this.#period?.f64;
    if (f64 === undefined) return;
    for (let place = 0; place < count; place++) {
      f64[firstRow + place] = periodBefore(bytes, start[place] as number);
    }
  }

  /** Reads one payload into row `row`; false when it is not understood. */
  read(bytes: Uint8Array, start: number, end: number, row: number): boolean {
    this.#rows = Math.max(this.#rows, row + 1);
    const text = this.#text;
    if (text === undefined) return this.#readKnown(bytes, start, end, row);
    text.u32[row] = text.interner.codeOfBytes(bytes, start, end);
    // Only `key=value …` is taken apart; anything else is in the text alone.
    if (!this.#mayFollow(bytes, start, end) || !this.#readKnown(bytes, start, end, row)) {
      this.#fillAll(row);
    }
    return true;
  }

  /** The same for a batch; returns the rows that are not understood, in order. */
  readBatch(batch: Batch): number[] {
    const { bytes, firstRow, count } = batch;
    const memory = this.#memory;
    const { places, start, stop } = memory;
    this.#rows = firstRow + count;
    const whole = this.#text === undefined ? [] : this.#readWhole(this.#text, batch);
    const failed: number[] = [];
    const left = this.#followLayouts(batch, count - whole.length);
    for (const place of whole) this.#fillAll(firstRow + place);
    for (const place of left === 0 ? [] : places.slice(0, left)) {
      const row = firstRow + place;
      const from = start[place] as number;
      if (this.#readKnown(bytes, from, stop[place] as number, row, memory)) continue;
      if (this.#text === undefined) failed.push(row);
      else this.#fillAll(row);
    }
    this.#readPeriods(batch);
    return failed;
  }

  /** The plain version. */
  readOneByOne(batch: Batch): number[] {
    const { bytes, firstRow, count } = batch;
    const { start, stop } = this.#memory;
    const failed: number[] = [];
    for (let place = 0; place < count; place++) {
      const row = firstRow + place;
      const isRead = this.read(bytes, start[place] as number, stop[place] as number, row);
      if (!isRead) failed.push(row);
    }
    this.#readPeriods(batch);
    return failed;
  }

  /** The texts of all. Returns those that are nothing else; the others stay in the places. */
  #readWhole(text: TextSink, { bytes, firstRow, count }: Batch): number[] {
    const { places, start, stop } = this.#memory;
    const whole: number[] = [];
    let left = 0;
    for (let place = 0; place < count; place++) {
      const from = start[place] as number;
      const end = stop[place] as number;
      text.u32[firstRow + place] = text.interner.codeOfBytes(bytes, from, end);
      if (this.#mayFollow(bytes, from, end)) places[left++] = place;
      else whole.push(place);
    }
    return whole;
  }

  /** Of an event that is not known: is the payload taken apart? */
  #mayFollow(bytes: Uint8Array, start: number, end: number): boolean {
    return this.#address?.isAlone === true || beginsWithKey(bytes, start, end);
  }

  /** Returns how many payloads have none of the layouts. */
  #followLayouts({ firstRow, count }: Batch, tried: number): number {
    const memory = this.#memory;
    const sinks = this.#sinksOfLayouts;
    if (tried === 0 || this.#layouts.length === 0) return tried;
    if (!memory.hasRoomFor(this.#sinks.size)) return tried;
    const stride = memory.strideOf(count);
    let left = tried;
    for (const layout of this.#layouts) {
      if (left === 0) break;
      // Layouts come one after the other: what one may have is not for those behind it.
      if (layout.at === 0) break;
      const absent = this.#absentOf(layout);
      const before = absent.length === 0 ? undefined : memory.places.slice(0, left);
      left = memory.loops.followRows(layout.at, left, stride);
      keepExact(layout, memory, firstRow);
      const followed = before?.filter((place) => (memory.at[place] as number) >= 0);
      for (const sink of absent) fillMissingInBatch(sink, memory, followed as Int32Array, stride);
    }
    for (const sink of sinks) takeBatch(sink, memory, firstRow, count);
    return left;
  }

  /** Notes counters below zero in the first rows, whose times are `ts`: they are not kept. */
  countBelowZero(ts: Float64Array): void {
    for (const { name, kind, signed, unit, f64 } of this.#sinks.values()) {
      if ((kind !== 'count' && kind !== 'int') || !isCounter(!signed, unit)) continue;
      for (let row = 0; row < ts.length; row++) {
        if (!((f64[row] as number) < 0)) continue;
        addBelowZero(this.belowZero, name, 1, ts[row] as number);
      }
    }
  }

  /** Makes room for `capacity` rows. */
  enlarge(capacity: number): void {
    for (const sink of this.#sinks.values()) enlargeSink(sink, capacity);
    this.#capacity = capacity;
  }

  /** Takes the rows `gone` (ascending) out of the last ones; there are `rows` with them. */
  remove(gone: readonly number[], rows: number): void {
    for (const sink of this.#sinks.values()) removeFromSink(sink, gone, rows);
    this.#rows = rows - gone.length;
  }

  finish(rows: number): Record<string, Column> {
    const columns = new Map<string, Column>();
    for (const sink of this.#ordered()) {
      for (const [name, column] of finishSink(sink, rows)) columns.set(name, column);
    }
    return Object.fromEntries(columns);
  }

  /** The dictionary's order first, so that it does not depend on which shape came first. */
  #ordered(): TextSink[] {
    const names = Object.keys(this.definition?.columns ?? {});
    const known = names
      .flatMap((name) => [name, `${name}_bits`])
      .flatMap((name) => this.#sinks.get(name) ?? []);
    return [...new Set([...known, ...this.#sinks.values()])];
  }

  #readKnown(
    bytes: Uint8Array,
    start: number,
    end: number,
    row: number,
    memory?: TextMemory,
  ): boolean {
    const layouts = this.#layouts;
    for (let which = 0; which < layouts.length; which++) {
      const layout = layouts[which] as Layout;
      if (followLayout(layout, bytes, start, end, row, memory)) {
        this.#fillAbsent(layout, row);
        return true;
      }
      this.#forget(row);
    }
    return this.#learn(bytes, start, end, row);
  }

  #learn(bytes: Uint8Array, start: number, end: number, row: number): boolean {
    const payload = Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start);
    const learned = learnLayout(payload.toString('latin1'), this.definition, this.#address?.form);
    if (learned === undefined || !this.#isAcceptable(learned)) {
      this.#refused++;
      return false;
    }
    const layout = this.#compile(learned);
    if (!followLayout(layout, bytes, start, end, row)) {
      this.#forget(row);
      this.#refused++;
      return false;
    }
    this.#accept(learned, layout);
    this.#fillAbsent(layout, row);
    return true;
  }

  #accept(learned: LearnedLayout, layout: Layout): void {
    this.#missing ??= new Set(learned.missing);
    for (const name of learned.slots.flatMap(wireName)) this.#wireNames.add(name);
    if (this.#layouts.length >= MAX_LAYOUTS) return;
    placeLayout(layout, this.#memory);
    this.#layouts.push(layout);
    this.#learned.push(learned);
  }

  /** Begins again without rows, but with what was learned; columns go to the regions. */
  restart(regions: SinkRegions | undefined, capacity: number): void {
    this.#regions = regions;
    this.#capacity = capacity;
    this.#rows = 0;
    this.#refused = 0;
    this.#common = this.#learned.length;
    this.belowZero.clear();
    for (const sink of this.#sinks.values()) {
      sink.exact.clear();
      placeSink(sink, regions?.sinks.get(sink.name), capacity);
    }
  }

  /** The first `rows` rows, for `append` of another reader of the same event. */
  part(rows: number): PayloadPart {
    const sinks = [...this.#sinks.values()].map((sink) => partOfSink(sink, rows));
    return {
      sinks,
      learned: this.#learned,
      common: this.#common,
      refused: this.#refused,
      usesPageSize: this.#usesPageSize,
      belowZero: this.belowZero,
    };
  }

  /** True when this reader had read the part's payloads as the part's reader did. */
  canAppend({ learned, common, refused, sinks }: PayloadPart): boolean {
    const own = this.#learned;
    if (own.length === common) return true;
    const most = Math.max(own.length, learned.length);
    if (refused > 0 || most >= MAX_LAYOUTS || this.#sinks.size + sinks.length >= MAX_SINKS) {
      return false;
    }
    // The same layouts in the same order, as far as both have them.
    const both = Math.min(own.length, learned.length);
    return JSON.stringify(own.slice(0, both)) === JSON.stringify(learned.slice(0, both));
  }

  /** Goes on in memory that threads share, with room for `rows`. */
  share(used: number, rows: number): void {
    for (const sink of this.#sinks.values()) shareSink(sink, used, rows);
    this.#capacity = rows;
  }

  /** Parts of that memory for as many rows each; this reader goes on in the first. */
  split(rows: readonly number[]): SinkRegions[] {
    const sinks = rows.map(() => new Map<string, SinkValues>());
    for (const [name, sink] of this.#sinks) {
      for (const [nth, region] of splitSink(sink, rows).entries()) sinks[nth]?.set(name, region);
    }
    this.#capacity = rows[0] as number;
    return sinks.map((own) => ({ sinks: own }));
  }

  /** Puts the part's rows behind the first `rows`. */
  append(part: PayloadPart, place: AppendPlace): void {
    const { rows, count, shift, regions } = place;
    this.#makeRoom(place);
    this.#rows = rows + count;
    for (const learned of part.learned.slice(this.#learned.length)) {
      this.#accept(learned, this.#compile(learned));
    }
    this.#usesPageSize ||= part.usesPageSize;
    this.#refused += part.refused;
    for (const [column, below] of part.belowZero) {
      addBelowZero(this.belowZero, column, below.count, below.ts + shift);
    }
    const filled = new Set<TextSink>();
    for (const other of part.sinks) {
      const sink = this.#sinkFor(other.name, other.kind, other.options);
      filled.add(sink);
      if (regions?.sinks.has(other.name)) explainValues(sink, place, other);
      else if (count > 0) appendToSink(sink, rows, other);
    }
    if (count === 0) return;
    for (const sink of this.#sinks.values()) {
      if (!filled.has(sink)) fillMissing(sink, rows, rows + count);
    }
  }

  #makeRoom({ rows, count, capacity, regions }: AppendPlace): void {
    if (regions === undefined) {
      if (capacity > this.#capacity) this.enlarge(capacity);
      return;
    }
    for (const [name, sink] of this.#sinks) {
      const region = regions.sinks.get(name);
      if (region === undefined) enlargeSink(sink, capacity);
      else joinSink(sink, region, { rows, count });
    }
    this.#capacity = capacity;
  }

  /**
   * Kernels differ in columns, so the first payload may lack some that the dictionary promises; but
   * not most of them, and a later one that lacks more is damaged.
   */
  #isAcceptable(learned: LearnedLayout): boolean {
    if (this.definition === undefined) return true;
    const known = this.#missing;
    if (known !== undefined) return learned.missing.every((name) => known.has(name));
    const promised = Object.values(this.definition.columns).filter((column) => !column.optional);
    return learned.missing.length * 2 <= promised.length;
  }

  #compile(learned: LearnedLayout): Layout {
    const slots = learned.slots.map((slot) => {
      const sink = this.#sinkOf(slot);
      return {
        literal: literalOfText(slot.literal),
        exact: slot.exact,
        read: READ[sink.kind],
        sink,
        until: literalOfText(slot.until ?? ''),
      };
    });
    const { isOpen, isWhole } = learned;
    const tail = literalOfText(learned.tail);
    const others = isOpen ? unclaimed(learned, this.definition) : [];
    const known = { slots, tail, isOpen, unclaimed: others, isWhole };
    return { ...known, at: 0, absent: [], sinkCount: -1 };
  }

  #sinkOf(slot: LayoutSlot): TextSink {
    const { name, kind, column } = slot;
    if (column === undefined) {
      const isFull = this.#sinks.size >= MAX_SINKS && !this.#sinks.has(name);
      return isFull ? this.#sinkFor('', 'skip', {}) : this.#sinkFor(name, kind, {});
    }
    const { unit, signed, radix } = column;
    const divisor = column.textInBytes && !slot.isField ? this.#pageSize : 1;
    if (divisor !== 1) this.#usesPageSize = true;
    return this.#sinkFor(name, kind, {
      unit,
      signed: kind === 'dev' ? false : signed,
      radix,
      divisor,
    });
  }

  #sinkFor(name: string, kind: SinkKind, options: SinkOptions): TextSink {
    let sink = this.#sinks.get(name);
    if (sink === undefined) {
      const id = this.#memory.newSink();
      const region = this.#regions?.sinks.get(name);
      const nth = this.#sinks.size;
      const place = { rows: this.#rows, capacity: this.#capacity, id, nth, region };
      sink = makeSink(name, kind, place, options);
      this.#sinks.set(name, sink);
      if (this.definition !== undefined || name !== 'text') this.#sinksOfLayouts.push(sink);
    }
    return sink;
  }

  #fillAbsent(layout: Layout, row: number): void {
    for (const sink of this.#absentOf(layout)) fillMissing(sink, row, row + 1);
  }

  #absentOf(layout: Layout): readonly TextSink[] {
    if (layout.sinkCount !== this.#sinks.size) {
      const filled = new Set(layout.slots.map((slot) => slot.sink));
      layout.absent = [...this.#sinks.values()].filter(
        (sink) => !filled.has(sink) && sink !== this.#text && sink !== this.#period,
      );
      layout.sinkCount = this.#sinks.size;
    }
    return layout.absent;
  }

  /** The row has none of the values that payloads are taken apart into. */
  #fillAll(row: number): void {
    if (this.#text !== undefined && this.#sinks.size === 1) return;
    for (const sink of this.#sinks.values()) {
      if (sink !== this.#text) fillMissing(sink, row, row + 1);
    }
  }

  /** Exact values of a row that was not understood to its end. */
  #forget(row: number): void {
    for (const sink of this.#sinks.values()) {
      if (sink.exact.size > 0) sink.exact.delete(row);
    }
  }
}
