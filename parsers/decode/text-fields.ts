/**
 * Printed payloads of one event → columns. Layouts are learned from the first payload of each
 * shape (text-layout.ts); all others are followed byte by byte (text-match.ts), without a string or
 * an object.
 */
import type { EventDefinition } from '../../src/events/index.ts';
import type { Column } from '../../src/trace/column.ts';
import {
  closeBlock,
  fillMissing,
  finishSink,
  makeSink,
  openBlock,
  type SinkKind,
  type SinkOptions,
  type TextSink,
} from './text-columns.ts';
import { type LayoutSlot, type LearnedLayout, learnLayout } from './text-layout.ts';
import { literalOfText } from './text-literal.ts';
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

export class PayloadReader {
  readonly definition: EventDefinition | undefined;
  readonly #pageSize: number;
  readonly #sinks = new Map<string, TextSink>();
  readonly #layouts: Layout[] = [];
  /** Columns that the accepted layouts lack; undefined before the first one. */
  #missing: ReadonlySet<string> | undefined;
  readonly #wireNames = new Set<string>();
  /** The whole payload, kept for events that the dictionary does not know. */
  readonly #text: TextSink | undefined;
  #base = 0;
  #row = 0;
  #blockRows: number;
  #usesPageSize = false;

  constructor(definition: EventDefinition | undefined, blockRows: number, options: PayloadOptions) {
    this.definition = definition;
    this.#blockRows = blockRows;
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

  /** Reads one payload into row `row` of the current block; false when it is not understood. */
  read(bytes: Uint8Array, start: number, end: number, row: number): boolean {
    this.#row = row;
    const text = this.#text;
    if (text === undefined) return this.#readKnown(bytes, start, end, row);
    text.u32[row] = text.interner.codeOfBytes(bytes, start, end);
    // Only `key=value …` is taken apart; anything else is in the text alone.
    if (!beginsWithKey(bytes, start, end) || !this.#readKnown(bytes, start, end, row)) {
      for (const sink of this.#sinks.values()) if (sink !== text) fillMissing(sink, row, row + 1);
    }
    return true;
  }

  /** Closes the current block, of which `rows` are used, and opens one of `blockRows`. */
  nextBlock(rows: number, blockRows: number): void {
    for (const sink of this.#sinks.values()) {
      closeBlock(sink, rows);
      openBlock(sink, blockRows);
    }
    this.#base += rows;
    this.#blockRows = blockRows;
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
    if (learned === undefined || !this.#isAcceptable(learned)) return false;
    const layout = this.#compile(learned);
    if (!followLayout(layout, bytes, start, end, row)) {
      this.#forget(row);
      return false;
    }
    this.#missing ??= new Set(learned.missing);
    for (const name of learned.slots.flatMap(wireName)) this.#wireNames.add(name);
    // A layout with an open end would also fit payloads that have more to say.
    if (!layout.isOpen && this.#layouts.length < MAX_LAYOUTS) this.#layouts.push(layout);
    this.#fillAbsent(layout, row);
    return true;
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
    return { slots, tail: literalOfText(learned.tail), isOpen, isWhole, absent: [], sinkCount: -1 };
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
      const place = { base: this.#base, row: this.#row, blockRows: this.#blockRows };
      sink = makeSink(name, kind, place, options);
      this.#sinks.set(name, sink);
    }
    return sink;
  }

  #fillAbsent(layout: Layout, row: number): void {
    if (layout.sinkCount !== this.#sinks.size) {
      const filled = new Set(layout.slots.map((slot) => slot.sink));
      layout.absent = [...this.#sinks.values()].filter(
        (sink) => !filled.has(sink) && sink !== this.#text,
      );
      layout.sinkCount = this.#sinks.size;
    }
    const { absent } = layout;
    for (let i = 0; i < absent.length; i++) fillMissing(absent[i] as TextSink, row, row + 1);
  }

  /** Exact values of a row that was not understood to its end. */
  #forget(row: number): void {
    for (const sink of this.#sinks.values()) {
      if (sink.exact.size > 0) sink.exact.delete(sink.base + row);
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
