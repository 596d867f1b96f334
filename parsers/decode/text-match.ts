/** The loop that follows a layout through the bytes of a payload and fills one row. */
import type { RecentText, SinkKind, TextSink } from './text-columns.ts';
import { isAt, type Literal, literalOf, seek } from './text-literal.ts';
import { isSpace, storeDevice, storeId, storeNumber } from './text-values.ts';

/** How a value is read; a small integer, so that the loop's switch is a jump. */
const READ_NUMBER = 0;
const READ_ID = 1;
const READ_TEXT = 2;
const READ_FUNCTION = 3;
const READ_DEVICE = 4;
const READ_NOTHING = 5;

export const READ: Readonly<Record<SinkKind, number>> = {
  count: READ_NUMBER,
  int: READ_NUMBER,
  id: READ_ID,
  dev: READ_DEVICE,
  text: READ_TEXT,
  names: READ_TEXT,
  raw: READ_TEXT,
  function: READ_FUNCTION,
  skip: READ_NOTHING,
};

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
  readonly isWhole: boolean;
  /** Sinks that this layout does not fill; `sinkCount` says when the list is out of date. */
  absent: readonly TextSink[];
  sinkCount: number;
};

/** Columns with more different texts gain nothing from comparing with the last ones. */
const MAX_RECENT_DICTIONARY = 256;

/** The hot loop: literal, value, literal, value. True when the payload has this layout. */
export function followLayout(
  layout: Layout,
  bytes: Uint8Array,
  start: number,
  end: number,
  row: number,
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
      case READ_NUMBER:
        at = storeNumber(bytes, at, sink, row);
        break;
      case READ_ID:
        at = storeId(bytes, at, sink, row);
        break;
      case READ_DEVICE:
        at = storeDevice(bytes, at, sink, row);
        break;
      default:
        at = storeText(layout, slot, bytes, at, end, row);
    }
    if (at < 0) return false;
  }
  return layout.isOpen || isTail(bytes, at, end, layout.tail);
}

function storeText(
  layout: Layout,
  slot: Slot,
  bytes: Uint8Array,
  at: number,
  end: number,
  row: number,
): number {
  const { read, sink, until } = slot;
  if (read === READ_TEXT) {
    const known = findRecent(sink, bytes, at, end, until);
    if (known !== undefined) {
      sink.u32[row] = known.code;
      return at + known.text.length;
    }
  }
  const valueEnd = textEnd(layout, bytes, at, end, until);
  if (valueEnd < at) return -1;
  let to = valueEnd;
  if (read === READ_FUNCTION) {
    // super_cache_scan+0x0/0x1b0: the name up to its offset
    to = at;
    while (to < valueEnd && bytes[to] !== 0x2b && !isSpace(bytes[to])) to++;
  }
  if (read === READ_NOTHING) return to;
  const code = sink.interner.codeOfBytes(bytes, at, to);
  sink.u32[row] = code;
  if (read === READ_TEXT && sink.interner.dictionary.length <= MAX_RECENT_DICTIONARY) {
    sink.recent[sink.oldest] = { text: literalOf(bytes.slice(at, to)), code };
    sink.oldest = (sink.oldest + 1) % sink.recent.length;
  }
  return to;
}

/** The same bytes up to and with what ends them are the same value as then. */
function findRecent(
  sink: TextSink,
  bytes: Uint8Array,
  at: number,
  end: number,
  until: Literal,
): RecentText | undefined {
  const { recent } = sink;
  for (let i = 0; i < recent.length; i++) {
    const known = recent[i] as RecentText;
    const { text } = known;
    const to = at + text.length;
    // The last value of a line ends with it.
    const isEnded = until.length === 0 ? to === end : isAt(bytes, to, until);
    if (isEnded && isAt(bytes, at, text)) return known;
  }
  return undefined;
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

/** Nothing but the layout's punctuation and spaces up to the end. */
function isTail(bytes: Uint8Array, from: number, end: number, tail: Literal): boolean {
  let at = from + tail.length;
  if (tail.length > 0 && !isAt(bytes, from, tail)) return false;
  while (at < end && isSpace(bytes[at])) at++;
  return at === end;
}
