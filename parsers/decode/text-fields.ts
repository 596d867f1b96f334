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
  enlargeSink,
  fillMissing,
  fillMissingInBatch,
  finishSink,
  hasCodes,
  isIdentity,
  isNumeric,
  leaveSink,
  makeSink,
  noteNegatives,
  recode,
  removeFromSink,
  type SinkKind,
  type SinkOptions,
  shareSink,
  type TextSink,
  takeBatch,
} from './text-columns.ts';
import {
  type AddressForm,
  addBelowZero,
  type Batch,
  type BelowZeroTally,
  NewShape,
  type PayloadOptions,
  type RowSpan,
  type SinkNotes,
  type SinkRegions,
} from './text-exchange.ts';
import { type LayoutSlot, type LearnedLayout, learnLayout, wireName } from './text-layout.ts';
import { literalOfText } from './text-literal.ts';
import { followLayout, type Layout, READ, unclaimed } from './text-match.ts';
import type { TextMemory } from './text-memory.ts';
import { PLACE } from './text-places.ts';
import { beginsWithKey, periodBefore } from './text-values.ts';

/** More shapes than this of one event are learned anew each time. */
const MAX_LAYOUTS = 16;
const NONE: readonly number[] = [];
/** More keys than this of one event are no fields; what they hold is dropped. */
const MAX_SINKS = 64;

export class PayloadReader {
  readonly definition: EventDefinition | undefined;
  /** By column: how many values of rows that were not kept, and when the first one. */
  readonly belowZero: BelowZeroTally = new Map();
  readonly #pageSize: number;
  readonly #memory: TextMemory;
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
    if (this.#memory.isFrozen) throw new NewShape();
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

  /**
   * The same for a batch; returns the rows that are not understood, in order. What only some
   * batches need stands apart, here and in what this calls: it would be compiled with the rest.
   */
  readBatch(batch: Batch): readonly number[] {
    this.#rows = batch.firstRow + batch.count;
    const whole = this.#text === undefined ? NONE : this.#readWhole(this.#text, batch);
    const left = this.#followLayouts(batch, batch.count - whole.length);
    if (whole.length > 0) for (const place of whole) this.#fillAll(batch.firstRow + place);
    const failed = left === 0 ? NONE : this.#readLeft(batch, left);
    if (this.#period !== undefined) this.#readPeriods(batch);
    return failed;
  }

  /** Those that the loops have left over. */
  #readLeft({ bytes, firstRow }: Batch, left: number): number[] {
    const memory = this.#memory;
    const { places, start, stop } = memory;
    const failed: number[] = [];
    for (const place of places.slice(0, left)) {
      const row = firstRow + place;
      const from = start[place] as number;
      if (this.#readKnown(bytes, from, stop[place] as number, row, memory)) continue;
      if (this.#text === undefined) failed.push(row);
      else this.#fillAll(row);
    }
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
    for (let which = 0; which < this.#layouts.length && left > 0; which++) {
      const layout = this.#layouts[which] as Layout;
      // Layouts come one after the other: what one may have is not for those behind it.
      if (layout.at === 0) break;
      const absent = this.#absentOf(layout);
      const before = absent.length === 0 ? undefined : memory.places.slice(0, left);
      left = memory.loops.followRows(layout.at, left, stride);
      if (memory.get(PLACE.WIDE_COUNT) !== 0) keepExact(layout, memory, firstRow);
      if (before !== undefined) fillMissingInBatch(absent, memory, before, stride);
    }
    for (let nth = 0; nth < sinks.length; nth++) {
      takeBatch(sinks[nth] as TextSink, memory, firstRow, count);
    }
    if (memory.get(PLACE.NEGATIVE_COUNT) !== 0) noteNegatives(sinks, memory);
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

  /** Columns that hold no number below zero are added to `never`. */
  finish(rows: number, never: Set<Column>): Record<string, Column> {
    const columns = new Map<string, Column>();
    for (const sink of this.#ordered()) {
      for (const [name, column] of finishSink(sink, rows)) {
        columns.set(name, column);
        if (isNumeric(sink.kind) && !sink.mayBeNegative) never.add(column);
      }
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
    if (learned === undefined || !this.#isAcceptable(learned)) return false;
    if (this.#memory.isFrozen) throw new NewShape();
    const layout = this.#compile(learned);
    if (!followLayout(layout, bytes, start, end, row)) {
      this.#forget(row);
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
  }

  /** Goes on in memory that threads share, with room for `rows`. */
  share(used: number, rows: number): void {
    for (const sink of this.#sinks.values()) shareSink(sink, used, rows);
    this.#capacity = rows;
  }

  /** That memory, for readers of the same event in other threads. */
  regions(): SinkRegions {
    const all = [...this.#sinks.values()];
    return new Map(all.map(({ name, kind, f64, u32 }) => [name, { kind, f64, u32 }]));
  }

  /** Columns go to the memory of another reader that has learned the same. */
  join(regions: SinkRegions, capacity: number): void {
    for (const sink of this.#sinks.values()) {
      sink.exact.clear();
      Object.assign(sink, regions.get(sink.name));
    }
    this.#capacity = capacity;
    this.belowZero.clear();
  }

  /** Begins again without rows, in memory of its own. */
  leave(capacity: number): void {
    for (const sink of this.#sinks.values()) leaveSink(sink, capacity);
    this.#capacity = capacity;
    this.belowZero.clear();
  }

  /** At least so much of it. */
  makeRoom(rows: number): void {
    if (rows > this.#capacity) this.enlarge(rows);
  }

  /** What rows need besides their columns. */
  notes(): SinkNotes[] {
    return [...this.#sinks.values()].map((sink) => {
      const { name, exact, mayBeNegative, interner } = sink;
      const dictionary = hasCodes(sink) ? interner.dictionary : [];
      return { name, exact, mayBeNegative, dictionary };
    });
  }

  /** Rows that another reader has filled become as if this one had. */
  adopt(notes: readonly SinkNotes[], spans: () => readonly RowSpan[]): void {
    for (const { name, exact, mayBeNegative, dictionary } of notes) {
      const sink = this.#sinks.get(name);
      if (sink === undefined) continue;
      sink.mayBeNegative ||= mayBeNegative;
      if (hasCodes(sink)) {
        const codes = Uint32Array.from(dictionary, (text) => sink.interner.code(text));
        if (!isIdentity(codes)) recode(sink.u32, codes, spans());
      }
      if (exact.size === 0) continue;
      // In the order of rows, as one reader has them. To sort pairs took 14 ms for 15,000 of them.
      const own = new Map(sink.exact);
      const rows = Float64Array.from([...own.keys(), ...exact.keys()]).sort();
      sink.exact.clear();
      for (const row of rows) sink.exact.set(row, (own.get(row) ?? exact.get(row)) as bigint);
    }
  }

  /** There are so many rows; what is known of others is forgotten. */
  cut(rows: number): void {
    this.#rows = rows;
    for (const { exact } of this.#sinks.values()) {
      for (const row of exact.keys()) if (row >= rows) exact.delete(row);
    }
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
      const nth = this.#sinks.size;
      const place = { rows: this.#rows, capacity: this.#capacity, id, nth };
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
