/**
 * Short cuts from what lies in a record to its dictionary code. Both remember the values seen last
 * in tables of a fixed size, one place for each value: a miss costs the look-up that it saves.
 */
import { TWO_32 } from '../../src/trace/column.ts';
import { TextInterner } from './intern.ts';
import type { ByteWindow, RecordList } from './record-window.ts';

const TEXT_SLOTS = 64;
/** Words of a text that is remembered: names of tasks have up to 4, those of devices up to 2. */
const TEXT_WORDS = 8;
const VALUE_SLOTS = 256;
const GOLDEN = 0x9e3779b1;

class TextSlots {
  readonly words = new Uint32Array(TEXT_SLOTS * TEXT_WORDS);
  /** How many words the text has with its NUL, and which bits of the last one count; 0 for none. */
  readonly count = new Uint8Array(TEXT_SLOTS);
  readonly mask = new Uint32Array(TEXT_SLOTS);
  readonly code = new Uint32Array(TEXT_SLOTS);
}

/** Codes of texts that end with a NUL. */
export class TextCodes {
  readonly interner = new TextInterner();
  /** Made when they are needed: the loops of parsers/wasm have their own. */
  #slots: TextSlots | undefined;

  /** Codes of `size` bytes at `offset` of each record, to `out` from place `to` on. */
  append(
    out: Uint32Array,
    to: number,
    window: ByteWindow,
    { count, start, end }: RecordList,
    offset: number,
    size: number,
  ): void {
    for (let i = 0; i < count; i++) {
      const at = (start[i] as number) + offset;
      out[to + i] = this.codeAt(window, at, Math.min(end[i] as number, at + size));
    }
  }

  /** The text from `start` up to its NUL, `limit` at the latest. */
  codeAt({ bytes, u32 }: ByteWindow, start: number, limit: number): number {
    if ((start & 3) !== 0 || limit - start < 4) {
      return this.interner.codeOfBytes(bytes, start, limit);
    }
    this.#slots ??= new TextSlots();
    const { words, count, mask, code: codes } = this.#slots;
    const word = start >>> 2;
    const slot = slotOf(mixed(u32, word, limit - start), TEXT_SLOTS);
    const last = (count[slot] as number) - 1;
    if (last >= 0 && start + 4 * last < limit) {
      const known = slot * TEXT_WORDS;
      let at = 0;
      while (at < last && u32[word + at] === words[known + at]) at++;
      const tail = (u32[word + at] as number) & (mask[slot] as number);
      if (at === last && tail >>> 0 === words[known + at]) return codes[slot] as number;
    }
    const code = this.interner.codeOfBytes(bytes, start, limit);
    remember(this.#slots, u32, bytes, start, limit, slot, code);
    return code;
  }
}

function remember(
  slots: TextSlots,
  u32: Uint32Array,
  bytes: Uint8Array,
  start: number,
  limit: number,
  slot: number,
  code: number,
): void {
  const most = Math.min(limit, start + 4 * TEXT_WORDS);
  let end = start;
  while (end < most && bytes[end] !== 0) end++;
  // Without a NUL, where it ends depends on the limit.
  if (end === most) return;
  const last = (end - start) >>> 2;
  const word = start >>> 2;
  // The host is little-endian, so the first bytes of a text are the low ones of its words.
  const mask = 0xffffffff >>> (24 - 8 * (end & 3));
  for (let at = 0; at <= last; at++) {
    slots.words[slot * TEXT_WORDS + at] = u32[word + at] as number;
  }
  slots.words[slot * TEXT_WORDS + last] = ((u32[word + last] as number) & mask) >>> 0;
  slots.count[slot] = last + 1;
  slots.mask[slot] = mask;
  slots.code[slot] = code;
}

class ValueSlots {
  readonly low = new Uint32Array(VALUE_SLOTS);
  readonly high = new Uint32Array(VALUE_SLOTS);
  /** Code + 1; 0 where nothing is remembered. */
  readonly code = new Uint32Array(VALUE_SLOTS);
}

/** Codes of the texts that values stand for. */
export class ValueCodes {
  readonly interner = new TextInterner();
  readonly #nameOf: (value: bigint) => string;
  readonly #known = new Map<number | bigint, number>();
  #slots: ValueSlots | undefined;

  constructor(nameOf: (value: bigint) => string) {
    this.#nameOf = nameOf;
  }

  /** Codes of the field of 4 or 8 bytes at `offset`, a multiple of 4, of each record. */
  append(
    out: Uint32Array,
    to: number,
    words: Uint32Array,
    { count, start }: RecordList,
    offset: number,
    size: number,
  ): void {
    const mask = size === 8 ? 0xffffffff : 0;
    let lastLow = 0;
    let lastHigh = 0;
    let last = -1;
    for (let i = 0; i < count; i++) {
      const at = ((start[i] as number) + offset) >>> 2;
      const low = words[at] as number;
      const high = ((words[at + 1] as number) & mask) >>> 0;
      if (last < 0 || low !== lastLow || high !== lastHigh) {
        last = this.codeOf(low, high);
        lastLow = low;
        lastHigh = high;
      }
      out[to + i] = last;
    }
  }

  /** Of a value of up to 64 bits, given as its halves. */
  codeOf(low: number, high: number): number {
    this.#slots ??= new ValueSlots();
    const slots = this.#slots;
    const slot = slotOf(low ^ high, VALUE_SLOTS);
    const code = slots.code[slot] as number;
    if (code !== 0 && slots.low[slot] === low && slots.high[slot] === high) return code - 1;
    const found = this.#lookUp(low, high);
    slots.low[slot] = low;
    slots.high[slot] = high;
    slots.code[slot] = found + 1;
    return found;
  }

  #lookUp(low: number, high: number): number {
    const value = high < 1 << 21 ? high * TWO_32 + low : (BigInt(high) << 32n) | BigInt(low);
    let code = this.#known.get(value);
    if (code === undefined) {
      code = this.interner.code(this.#nameOf(BigInt(value)));
      this.#known.set(value, code);
    }
    return code;
  }
}

/** Of the first words: names of workers differ in the third one only. */
function mixed(u32: Uint32Array, word: number, bytes: number): number {
  const first = u32[word] as number;
  if (bytes < 12) return first;
  return first ^ Math.imul(u32[word + 1] as number, 5) ^ Math.imul(u32[word + 2] as number, 17);
}

function slotOf(word: number, slots: number): number {
  const hash = Math.imul(word, GOLDEN);
  return (hash ^ (hash >>> 15)) & (slots - 1);
}
