/**
 * The hot loops of text: one layout through the payloads of many rows, slot by slot. Each loop has
 * one kind of value and one column, so what differs from slot to slot is looked up once for all
 * rows. text-match.ts is the plain version, row by row; both give the same columns. Measured: this
 * order is 2.5 times as fast.
 */
import { hasWords, literalOf, seek, viewOf } from './text-literal.ts';
import {
  isEnd,
  type Layout,
  READ_DEVICE,
  READ_ID,
  READ_NUMBER,
  READ_TEXT,
  type RecentText,
  type Slot,
  storeText,
} from './text-match.ts';
import { HEX, storeDevice, storeId, storeNumber } from './text-values.ts';

/** Payloads of one event in one block of lines. */
export type Batch = {
  /** Of the block; at least 16 bytes behind its last line may be looked at. */
  readonly bytes: Uint8Array;
  /** Where payloads start and end, by their place in the batch. */
  readonly start: Uint32Array;
  readonly end: Uint32Array;
  readonly firstRow: number;
  /** Places that are not understood yet, in order; the first `count` are in use. */
  readonly places: Uint32Array;
  count: number;
  /** How far each payload was followed; -1 when it has another layout. */
  readonly at: Int32Array;
};

const ZERO = 0x30;
const LETTER_X = 0x78;
const TWO_32 = 4294967296;
/** Texts of one slot that are remembered, and the dictionary that is too large to gain from it. */
const MAX_RECENT = 4;
const MAX_RECENT_DICTIONARY = 16;

/** Fills the rows of all payloads that have the layout; the others stay in `places`. */
export function followBatch(layout: Layout, batch: Batch): void {
  const { places, at, start, count } = batch;
  for (let i = 0; i < count; i++) at[places[i] as number] = start[places[i] as number] as number;
  for (const slot of layout.slots) {
    if (!slot.exact) seekLiterals(slot, batch);
    if (slot.read === READ_NUMBER && slot.sink.radix === 10) readDecimals(slot, batch);
    else if (slot.read === READ_NUMBER) readEach(storeNumber, slot, batch);
    else if (slot.read === READ_ID && slot.sink.radix === 10) readDecimals(slot, batch);
    else if (slot.read === READ_ID) readHexIds(slot, batch);
    else if (slot.read === READ_DEVICE) readEach(storeDevice, slot, batch);
    else readTexts(layout, slot, batch);
  }
  keepOthers(layout, batch);
}

/** Goes on to where the literal is, after text that varies. */
function seekLiterals({ literal }: Slot, { bytes, end, places, count, at }: Batch): void {
  for (let i = 0; i < count; i++) {
    const place = places[i] as number;
    const from = at[place] as number;
    if (from < 0) continue;
    const found = seek(bytes, from, end[place] as number, literal);
    at[place] = found + literal.length > (end[place] as number) ? -1 : found;
  }
}

/** Nearly all numbers have few decimal digits; the plain versions are for the others. */
function readDecimals({ sink, literal, read }: Slot, batch: Batch): void {
  const { bytes, firstRow, places, count, at } = batch;
  const { f64, u32, divisor } = sink;
  const words = viewOf(bytes);
  const isId = read === READ_ID;
  const storeAny = isId ? storeId : storeNumber;
  for (let i = 0; i < count; i++) {
    const place = places[i] as number;
    const start = at[place] as number;
    if (start < 0) continue;
    if (!hasWords(words, start, literal)) {
      at[place] = -1;
      continue;
    }
    const row = firstRow + place;
    const from = start + literal.length;
    // Four digits at a time: bytes of `word` that are digits become 0 to 9, the first one lowest.
    let word = words.getInt32(from, true) ^ FOUR_ZEROS;
    let digits = digitsIn(word);
    let value = fourDigits(word, digits);
    let next = from + digits;
    while (digits === 4 && next - from < MAX_DIGITS) {
      word = words.getInt32(next, true) ^ FOUR_ZEROS;
      digits = digitsIn(word);
      value = value * (POWERS[digits] as number) + fourDigits(word, digits);
      next += digits;
    }
    if (next === from || digits === 4 || bytes[next] === LETTER_X) {
      at[place] = storeAny(bytes, from, sink, row);
      continue;
    }
    at[place] = next;
    if (isId) {
      u32[2 * row] = value;
      u32[2 * row + 1] = value / TWO_32;
    } else {
      f64[row] = divisor === 1 ? value : Math.floor(value / divisor);
    }
  }
}

const FOUR_ZEROS = 0x30303030;
/** Up to 15 digits are read so: more than that may not fit into a double. */
const MAX_DIGITS = 13;
const POWERS = Float64Array.of(1, 10, 100, 1000, 10000);

/** How many of the word's bytes, from the lowest, are digits once '0' is taken from each. */
function digitsIn(word: number): number {
  // A byte above 9 has its top bit set, or gets it when 0x76 is added.
  const others = (word | ((word & 0x7f7f7f7f) + 0x76767676)) & 0x80808080;
  return others === 0 ? 4 : (31 - Math.clz32(others & -others)) >> 3;
}

/** The number that the lowest `digits` bytes are: pairs of digits first, then pairs of pairs. */
function fourDigits(word: number, digits: number): number {
  if (digits === 0) return 0;
  const aligned = word << (32 - 8 * digits);
  const pairs = (Math.imul(aligned, 10) + (aligned >>> 8)) & 0x00ff00ff;
  return (pairs & 0xff) * 100 + (pairs >>> 16);
}

/** `fe00000` and `0x3dd440`, of up to eight digits; `storeId` is for the others. */
function readHexIds({ sink, literal }: Slot, batch: Batch): void {
  const { bytes, firstRow, places, count, at } = batch;
  const { u32, radix } = sink;
  const words = viewOf(bytes);
  for (let i = 0; i < count; i++) {
    const place = places[i] as number;
    const start = at[place] as number;
    if (start < 0) continue;
    if (!hasWords(words, start, literal)) {
      at[place] = -1;
      continue;
    }
    const from = start + literal.length;
    const isPrefixed = bytes[from] === ZERO && bytes[from + 1] === LETTER_X;
    const first = isPrefixed ? from + 2 : from;
    let next = first;
    let small = 0;
    let digit = HEX[bytes[next] as number] as number;
    while (digit < 16 && next - first < 8) {
      small = (small << 4) | digit;
      digit = HEX[bytes[++next] as number] as number;
    }
    if (radix !== 16 || next === first || digit < 16) {
      at[place] = storeId(bytes, from, sink, firstRow + place);
    } else {
      u32[2 * (firstRow + place)] = small;
      u32[2 * (firstRow + place) + 1] = 0;
      at[place] = next;
    }
  }
}

function readEach(
  store: typeof storeNumber,
  { sink, literal }: Slot,
  { bytes, firstRow, places, count, at }: Batch,
): void {
  const words = viewOf(bytes);
  for (let i = 0; i < count; i++) {
    const place = places[i] as number;
    const from = at[place] as number;
    if (from < 0) continue;
    const isThere = hasWords(words, from, literal);
    at[place] = isThere ? store(bytes, from + literal.length, sink, firstRow + place) : -1;
  }
}

/** The same bytes up to and with what ends them are the same value as then. */
function readTexts(layout: Layout, slot: Slot, batch: Batch): void {
  const { bytes, end, firstRow, places, count, at } = batch;
  const { sink, literal, recent, until } = slot;
  const { u32 } = sink;
  const isLast = until.length === 0;
  const isKept = slot.read === READ_TEXT && (!isLast || layout.tail.length === 0);
  const words = viewOf(bytes);
  let last: RecentText | undefined = recent[0];
  for (let i = 0; i < count; i++) {
    const place = places[i] as number;
    const start = at[place] as number;
    if (start < 0) continue;
    if (!hasWords(words, start, literal)) {
      at[place] = -1;
      continue;
    }
    const from = start + literal.length;
    const stop = end[place] as number;
    let known: RecentText | undefined = last;
    for (let other = 0; known !== undefined; known = recent[other++]) {
      const after = from + known.ended.length;
      if ((isLast ? after === stop : after <= stop) && hasWords(words, from, known.ended)) break;
    }
    if (known !== undefined) {
      u32[firstRow + place] = known.code;
      at[place] = from + known.length;
      last = known;
      continue;
    }
    const to = storeText(layout, slot, bytes, from, stop, firstRow + place);
    at[place] = to;
    // A value that spaces follow does not end as its text does.
    if (!isKept || to < 0 || (isLast && to !== stop)) continue;
    const ended = literalOf(bytes.slice(from, to + until.length));
    last = remember(slot, { ended, length: to - from, code: u32[firstRow + place] as number });
  }
}

function remember({ sink, recent }: Slot, text: RecentText): RecentText | undefined {
  if (sink.interner.dictionary.length > MAX_RECENT_DICTIONARY) {
    recent.length = 0;
    return undefined;
  }
  recent.unshift(text);
  if (recent.length > MAX_RECENT) recent.pop();
  return text;
}

/** Payloads whose end was not reached have another layout. */
function keepOthers(layout: Layout, batch: Batch): void {
  const { bytes, end, places, count, at } = batch;
  const { tail } = layout;
  let left = 0;
  for (let i = 0; i < count; i++) {
    const place = places[i] as number;
    const from = at[place] as number;
    const stop = end[place] as number;
    if (from === stop && tail.length === 0) continue;
    if (from >= 0 && from <= stop && isEnd(layout, bytes, from, stop)) continue;
    at[place] = -1;
    places[left++] = place;
  }
  batch.count = left;
}
