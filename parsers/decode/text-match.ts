/**
 * Follows a layout through the bytes of one payload and fills one row: the plain version of
 * text-batch.ts, which does the same for many rows at once.
 */
import type { EventDefinition } from '../../src/events/index.ts';
import type { SinkKind, TextSink } from './text-columns.ts';
import type { LearnedLayout } from './text-layout.ts';
import { isAt, type Literal, literalOfText, seek } from './text-literal.ts';
import type { TextMemory } from './text-memory.ts';
import { DEVICE, FUNCTION, IDENTITY, NOTHING, NUMBER, TEXT } from './text-places.ts';
import { isSpace, isWordByte, storeDevice, storeId, storeNumber } from './text-values.ts';

/** The loops gain nothing from knowing some texts of a larger dictionary. */
const MAX_DICTIONARY = 512;
const EQUALS = 0x3d;

export type Slot = {
  readonly literal: Literal;
  readonly exact: boolean;
  readonly read: number;
  readonly sink: TextSink;
  /** What ends a text value; empty for the end of the payload. */
  readonly until: Literal;
};

export type Layout = {
  readonly slots: readonly Slot[];
  readonly tail: Literal;
  readonly isOpen: boolean;
  /** Of an open layout: what would be a value if it stood in the words at the end. */
  readonly unclaimed: readonly Literal[];
  readonly isWhole: boolean;
  /** Where the loops have it; 0 where they cannot follow it. */
  at: number;
  /** Sinks that this layout does not fill; `sinkCount` says when the list is out of date. */
  absent: readonly TextSink[];
  sinkCount: number;
};

/**
 * Literal, value, literal, value. True when the payload has this layout. With a memory, it learns
 * the texts.
 */
export function followLayout(
  layout: Layout,
  bytes: Uint8Array,
  start: number,
  end: number,
  row: number,
  memory?: TextMemory,
): boolean {
  const { slots } = layout;
  let at = start;
  for (let index = 0; index < slots.length; index++) {
    const slot = slots[index] as Slot;
    const { literal, sink } = slot;
    if (!slot.exact) at = seek(bytes, at, end, literal);
    else if (!isAt(bytes, at, literal)) return false;
    at += literal.length;
    if (at > end) return false;
    switch (slot.read) {
      case NUMBER:
        at = storeNumber(bytes, at, sink, row);
        break;
      case IDENTITY:
        at = storeId(bytes, at, sink, row);
        break;
      case DEVICE:
        at = storeDevice(bytes, at, sink, row);
        break;
      default:
        at = storeText(layout, slot, bytes, at, end, row, memory);
    }
    if (at < 0) return false;
  }
  return at <= end && isEnd(layout, bytes, at, end);
}

function storeText(
  layout: Layout,
  slot: Slot,
  bytes: Uint8Array,
  at: number,
  end: number,
  row: number,
  memory: TextMemory | undefined,
): number {
  const { read, sink, until } = slot;
  const valueEnd = textEnd(layout, bytes, at, end, until);
  if (valueEnd < at) return -1;
  let to = valueEnd;
  if (read === FUNCTION) {
    // super_cache_scan+0x0/0x1b0: the name up to its offset
    to = at;
    while (to < valueEnd && bytes[to] !== 0x2b && !isSpace(bytes[to])) to++;
  }
  if (read === NOTHING) return to;
  const code = sink.interner.codeOfBytes(bytes, at, to);
  sink.u32[row] = code;
  const isFew = sink.interner.dictionary.length <= MAX_DICTIONARY;
  if (isFew) memory?.learnText(at, to, sink.id, code);
  return to;
}

/** Where the text value at `at` ends; before `at` when its end is not found. */
function textEnd(
  layout: Layout,
  bytes: Uint8Array,
  at: number,
  end: number,
  until: Literal,
): number {
  if (until.length > 0) {
    const found = seek(bytes, at, end, until);
    return found < end ? found : -1;
  }
  if (layout.isWhole) return end;
  let to = end;
  while (to > at && isSpace(bytes[to - 1])) to--;
  return to - layout.tail.length;
}

/** True when no value stands between the last one of the layout and the end. */
function isEnd(layout: Layout, bytes: Uint8Array, from: number, end: number): boolean {
  if (!layout.isOpen) return isTail(bytes, from, end, layout.tail);
  if (from < end && isWordByte(bytes[from])) return false;
  for (let at = from; at < end; at++) if (bytes[at] === EQUALS) return false;
  return layout.unclaimed.every((literal) => seek(bytes, from, end, literal) === end);
}

/** Nothing but the layout's punctuation and spaces up to the end. */
function isTail(bytes: Uint8Array, from: number, end: number, tail: Literal): boolean {
  let at = from + tail.length;
  if (tail.length > 0 && !isAt(bytes, from, tail)) return false;
  while (at < end && isSpace(bytes[at])) at++;
  return at === end;
}

export const READ: Readonly<Record<SinkKind, number>> = {
  count: NUMBER,
  int: NUMBER,
  id: IDENTITY,
  dev: DEVICE,
  text: TEXT,
  names: TEXT,
  raw: TEXT,
  function: FUNCTION,
  skip: NOTHING,
};

/** Literals of the columns that the layout does not have. */
export function unclaimed(
  { slots }: LearnedLayout,
  definition: EventDefinition | undefined,
): Literal[] {
  const claimed = new Set(slots.map(({ name }) => name));
  return Object.entries(definition?.columns ?? {})
    .filter(([name]) => !claimed.has(name))
    .flatMap(([, { text }]) => text)
    .filter((literal) => literal !== '')
    .map(literalOfText);
}
