/**
 * One layout through the payloads of many rows, slot by slot, with the loops of text-loops.ts: each
 * has one kind of value and one column, so what differs from slot to slot is looked up once for all
 * rows. text-match.ts is the plain version, row by row; both give the same columns.
 */
import type { TextSink } from './text-columns.ts';
import {
  isEnd,
  type Layout,
  READ_DEVICE,
  READ_ID,
  READ_NOTHING,
  READ_NUMBER,
  READ_TEXT,
  type Slot,
  storeText,
} from './text-match.ts';
import type { TextMemory } from './text-memory.ts';
import { storeDevice, storeId, storeNumber } from './text-values.ts';

/** Sinks of readTexts that are none: only the end is looked for, or not even that. */
const NO_SINK = 0;
const ALL_ODD = -1;
/** The loops gain nothing from knowing some texts of a larger dictionary. */
const MAX_DICTIONARY = 64;

/** Makes a layout ready for `followBatch`. False where the memory has no room for it. */
export function placeLayout(layout: Layout, memory: TextMemory): boolean {
  layout.tailAt = memory.addLiteral(layout.tail.bytes);
  let isPlaced = layout.tailAt !== 0;
  for (const slot of layout.slots) {
    slot.literalAt = memory.addLiteral(slot.literal.bytes);
    slot.untilAt = slot.until.length === 0 ? 0 : memory.addLiteral(slot.until.bytes);
    isPlaced &&= slot.literalAt !== 0 && (slot.untilAt !== 0 || slot.until.length === 0);
  }
  return isPlaced;
}

/**
 * Follows the first `count` payloads of the memory's places: those with the layout have their
 * values at `out` of its sinks and `at` is not negative. Returns how many stay in the places.
 */
export function followBatch(
  layout: Layout,
  memory: TextMemory,
  firstRow: number,
  count: number,
): number {
  const { loops, at, stop, odd, bytes } = memory;
  loops.startLayout(count);
  for (const slot of layout.slots) {
    if (!slot.exact) loops.seekAll(slot.literalAt, count);
    const others = readSlot(layout, slot, memory, count);
    for (let i = 0; i < others; i++) readOdd(layout, slot, memory, odd[i] as number, firstRow);
  }
  const others = loops.endLayout(layout.tailAt, count);
  for (let i = 0; i < others; i++) {
    const place = odd[i] as number;
    const from = at[place] as number;
    const end = stop[place] as number;
    if (from > end || !isEnd(layout, bytes, from, end)) at[place] = -1;
  }
  return loops.keepOthers(count);
}

/** Returns how many values are not as usual: those places are in `odd`. */
function readSlot(
  { tail, isWhole }: Layout,
  { literalAt, untilAt, until, read, sink }: Slot,
  { loops }: TextMemory,
  count: number,
): number {
  const { out, id, radix, divisor } = sink;
  if (read === READ_NUMBER || read === READ_ID) {
    const isId = Number(read === READ_ID);
    if (radix === 10) return loops.readDecimals(literalAt, count, out, isId, divisor);
    const bitsEach = radix === 16 ? 4 : 3;
    if (divisor === 1) return loops.readBits(literalAt, count, out, isId, bitsEach);
  }
  if (read === READ_DEVICE) return loops.readDevices(literalAt, count, out);
  const endsInTail = until.length === 0 && !isWhole && tail.length > 0;
  if (endsInTail || (read !== READ_TEXT && read !== READ_NOTHING)) {
    return loops.readTexts(literalAt, 0, count, out, ALL_ODD);
  }
  return loops.readTexts(literalAt, untilAt, count, out, read === READ_TEXT ? id : NO_SINK);
}

/** The plain versions write to the column itself; what they wrote is put where the others are. */
function readOdd(
  layout: Layout,
  slot: Slot,
  memory: TextMemory,
  place: number,
  firstRow: number,
): void {
  const { bytes, at, stop } = memory;
  const { read, sink } = slot;
  const row = firstRow + place;
  const from = at[place] as number;
  if (read === READ_NUMBER) at[place] = storeNumber(bytes, from, sink, row);
  else if (read === READ_ID) at[place] = storeId(bytes, from, sink, row);
  else if (read === READ_DEVICE) at[place] = storeDevice(bytes, from, sink, row);
  else at[place] = storeText(layout, slot, bytes, from, stop[place] as number, row);
  const to = at[place] as number;
  if (to < 0) return;
  copyValue(sink, memory, place, row);
  if (read !== READ_TEXT) return;
  const { length } = sink.interner.dictionary;
  if (length > MAX_DICTIONARY || memory.loops.findText(from, to - from, sink.id) !== 0) return;
  memory.learnText(from, to, sink.id, sink.u32[row] as number);
}

function copyValue(
  { kind, out, f64, u32 }: TextSink,
  memory: TextMemory,
  place: number,
  row: number,
): void {
  if (kind === 'id') {
    memory.u32[(out >> 2) + 2 * place] = u32[2 * row] as number;
    memory.u32[(out >> 2) + 2 * place + 1] = u32[2 * row + 1] as number;
  } else if (kind === 'count' || kind === 'int' || kind === 'dev') {
    memory.f64[(out >> 3) + place] = f64[row] as number;
  } else memory.u32[(out >> 2) + place] = u32[row] as number;
}
