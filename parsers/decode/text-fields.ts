/**
 * Printed payloads of one event → columns. Layouts are learned from the first payload of each
 * shape (text-layout.ts); all others are followed byte by byte, without a string or an object: many
 * at once (text-batch.ts), or one by one where that does not help (text-match.ts).
 */
import type { EventDefinition } from '../../src/events/index.ts';
import type { Column } from '../../src/trace/column.ts';
import { isCounter } from '../check-values.ts';
import { type Batch, followBatch } from './text-batch.ts';
import {
  appendToSink,
  enlargeSink,
  fillMissing,
  finishSink,
  makeSink,
  removeFromSink,
  type SinkKind,
  type SinkOptions,
  type TextSink,
} from './text-columns.ts';
import { type LayoutSlot, type LearnedLayout, learnLayout } from './text-layout.ts';
import { type Literal, literalOfText } from './text-literal.ts';
import { followLayout, type Layout, READ } from './text-match.ts';
import { isWordByte } from './text-values.ts';

/** More shapes than this of one event are learned anew each time. */
const MAX_LAYOUTS = 16;
/** More keys than this of one event are no fields; what they hold is dropped. */
const MAX_SINKS = 64;

export type PayloadOptions = {
  /** Bytes of a page, for columns whose text counts bytes. */
  readonly pageSize: number;
};

type BelowZeroTally = Map<string, { readonly count: number; readonly ts: number }>;

export type SinkPart = Pick<TextSink, 'name' | 'kind' | 'f64' | 'u32' | 'exact'> & {
  readonly options: SinkOptions;
  readonly dictionary: readonly string[];
};

/** Payloads that another reader of the event has read; can be sent to another thread. */
export type PayloadPart = {
  readonly sinks: readonly SinkPart[];
  readonly learned: readonly LearnedLayout[];
  readonly seeded: number;
  readonly refused: number;
  readonly usesPageSize: boolean;
  readonly belowZero: BelowZeroTally;
};

export type AppendPlace = {
  readonly rows: number;
  readonly count: number;
  readonly capacity: number;
  /** Added to all times. */
  readonly shift: number;
};

export class PayloadReader {
  readonly definition: EventDefinition | undefined;
  /** By column: how many values of rows that were not kept, and when the first one. */
  readonly belowZero: BelowZeroTally = new Map();
  readonly #pageSize: number;
  readonly #sinks = new Map<string, TextSink>();
  readonly #layouts: Layout[] = [];
  /** Columns that the accepted layouts lack; undefined before the first one. */
  #missing: ReadonlySet<string> | undefined;
  readonly #wireNames = new Set<string>();
  /** The whole payload, kept for events that the dictionary does not know. */
  readonly #text: TextSink | undefined;
  /** Rows that a new column must have values for, and those that there is room for. */
  #rows = 0;
  #capacity: number;
  /** What `#layouts` were made of; the first of them were known before the first payload. */
  readonly #learned: LearnedLayout[] = [];
  #seeded = 0;
  /** Payloads that have no layout. */
  #refused = 0;
  #usesPageSize = false;

  constructor(definition: EventDefinition | undefined, capacity: number, options: PayloadOptions) {
    this.definition = definition;
    this.#capacity = capacity;
    this.#pageSize = options.pageSize;
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

  /** Reads one payload into row `row`; false when it is not understood. */
  read(bytes: Uint8Array, start: number, end: number, row: number): boolean {
    this.#rows = Math.max(this.#rows, row + 1);
    const text = this.#text;
    if (text === undefined) return this.#readKnown(bytes, start, end, row);
    text.u32[row] = text.interner.codeOfBytes(bytes, start, end);
    // Only `key=value …` is taken apart; anything else is in the text alone.
    if (!beginsWithKey(bytes, start, end) || !this.#readKnown(bytes, start, end, row)) {
      this.#fillAll(row);
    }
    return true;
  }

  /** The same for a batch; returns the rows that are not understood, in order. */
  readBatch(batch: Batch): number[] {
    const { bytes, start, end, firstRow, places } = batch;
    this.#rows = firstRow + batch.count;
    if (this.#text !== undefined) this.#readWhole(this.#text, batch);
    for (const layout of this.#layouts) {
      if (batch.count > 0) this.#followBatch(layout, batch);
    }
    const failed: number[] = [];
    for (let i = 0; i < batch.count; i++) {
      const place = places[i] as number;
      const row = firstRow + place;
      const isRead = this.#readKnown(bytes, start[place] as number, end[place] as number, row);
      if (isRead) continue;
      if (this.#text === undefined) failed.push(row);
      else this.#fillAll(row);
    }
    return failed;
  }

  /** The texts of all; leaves the payloads that can be taken apart. */
  #readWhole(text: TextSink, batch: Batch): void {
    const { bytes, start, end, firstRow, places, count } = batch;
    let left = 0;
    for (let i = 0; i < count; i++) {
      const place = places[i] as number;
      const from = start[place] as number;
      const stop = end[place] as number;
      text.u32[firstRow + place] = text.interner.codeOfBytes(bytes, from, stop);
      if (beginsWithKey(bytes, from, stop)) places[left++] = place;
      else this.#fillAll(firstRow + place);
    }
    batch.count = left;
  }

  #followBatch(layout: Layout, batch: Batch): void {
    const { firstRow, places, count } = batch;
    const absent = this.#absentOf(layout);
    const tried = absent.length > 0 ? places.slice(0, count) : places;
    followBatch(layout, batch);
    for (let i = 0; i < batch.count; i++) this.#forget(firstRow + (places[i] as number));
    for (const sink of absent) {
      if (batch.count === 0 && count === this.#rows - firstRow) {
        fillMissing(sink, firstRow, this.#rows);
        continue;
      }
      for (const place of tried) {
        if ((batch.at[place] as number) < 0) continue;
        fillMissing(sink, firstRow + place, firstRow + place + 1);
      }
    }
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
    const known = Object.keys(this.definition?.columns ?? {}).flatMap(
      (name) => this.#sinks.get(name) ?? [],
    );
    return [...new Set([...known, ...this.#sinks.values()])];
  }

  #readKnown(bytes: Uint8Array, start: number, end: number, row: number): boolean {
    const layouts = this.#layouts;
    for (let which = 0; which < layouts.length; which++) {
      const layout = layouts[which] as Layout;
      if (followLayout(layout, bytes, start, end, row)) {
        this.#fillAbsent(layout, row);
        return true;
      }
      this.#forget(row);
    }
    return this.#learn(bytes, start, end, row);
  }

  #learn(bytes: Uint8Array, start: number, end: number, row: number): boolean {
    const payload = Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start);
    const learned = learnLayout(payload.toString('latin1'), this.definition);
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
    this.#layouts.push(layout);
    this.#learned.push(learned);
  }

  /** Layouts that payloads of the event have elsewhere in the input, before the first one here. */
  seed(layouts: readonly LearnedLayout[]): void {
    for (const learned of layouts) this.#accept(learned, this.#compile(learned));
    this.#seeded = this.#learned.length;
  }

  get learned(): readonly LearnedLayout[] {
    return this.#learned;
  }

  /** The first `rows` rows, for `append` of another reader of the same event. */
  part(rows: number): PayloadPart {
    const sinks = [...this.#sinks.values()].map((sink): SinkPart => {
      const { name, kind, unit, signed, radix, divisor, exact, interner } = sink;
      const f64 = sink.f64.subarray(0, rows);
      const u32 = sink.u32.subarray(0, kind === 'id' ? 2 * rows : rows);
      const options = { unit, signed, radix, divisor };
      return { name, kind, options, f64, u32, exact, dictionary: interner.dictionary };
    });
    return {
      sinks,
      learned: this.#learned,
      seeded: this.#seeded,
      refused: this.#refused,
      usesPageSize: this.#usesPageSize,
      belowZero: this.belowZero,
    };
  }

  /** True when this reader had read the part's payloads as the part's reader did. */
  canAppend({ learned, seeded, refused, sinks }: PayloadPart): boolean {
    const own = this.#learned;
    if (own.length === seeded) return true;
    const most = Math.max(own.length, learned.length);
    if (refused > 0 || most >= MAX_LAYOUTS || this.#sinks.size + sinks.length >= MAX_SINKS) {
      return false;
    }
    // The same layouts in the same order, as far as both have them.
    const both = Math.min(own.length, learned.length);
    return JSON.stringify(own.slice(0, both)) === JSON.stringify(learned.slice(0, both));
  }

  /** Puts the part's rows behind the first `rows`. */
  append(part: PayloadPart, place: AppendPlace): void {
    const { rows, count, capacity, shift } = place;
    if (capacity > this.#capacity) this.enlarge(capacity);
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
      if (count > 0) appendToSink(sink, rows, other);
    }
    if (count === 0) return;
    for (const sink of this.#sinks.values()) {
      if (!filled.has(sink)) fillMissing(sink, rows, rows + count);
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
        recent: [],
      };
    });
    const { isOpen, isWhole } = learned;
    const tail = literalOfText(learned.tail);
    const unclaimed = isOpen ? this.#unclaimed(learned) : [];
    return { slots, tail, isOpen, unclaimed, isWhole, absent: [], sinkCount: -1 };
  }

  /** Literals of the columns that the layout does not have. */
  #unclaimed({ slots }: LearnedLayout): Literal[] {
    const claimed = new Set(slots.map(({ name }) => name));
    return Object.entries(this.definition?.columns ?? {})
      .filter(([name]) => !claimed.has(name))
      .flatMap(([, { text }]) => text)
      .filter((literal) => literal !== '')
      .map(literalOfText);
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
      const place = { rows: this.#rows, capacity: this.#capacity };
      sink = makeSink(name, kind, place, options);
      this.#sinks.set(name, sink);
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
        (sink) => !filled.has(sink) && sink !== this.#text,
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

function beginsWithKey(bytes: Uint8Array, start: number, end: number): boolean {
  let at = start;
  while (at < end && isWordByte(bytes[at])) at++;
  return at > start && at < end && bytes[at] === 0x3d;
}

/** ` bdi_setpoint=` is a field's own name, ` unstable=` that of a column with but one field. */
function wireName({ literal, column }: LayoutSlot): string[] {
  const printed = /(\w+)=$/.exec(literal)?.[1];
  if (printed !== undefined && (column?.field.includes(printed) ?? true)) return [printed];
  return column?.field.length === 1 ? [...column.field] : [];
}

function addBelowZero(all: BelowZeroTally, column: string, count: number, ts: number): void {
  const found = all.get(column) ?? { count: 0, ts };
  all.set(column, { count: found.count + count, ts: Math.min(found.ts, ts) });
}
