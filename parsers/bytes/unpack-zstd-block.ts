/**
 * One compressed block of zstd (RFC 8878, 3.1.1.3): literals, then sequences of (literals to take,
 * match to copy). Sequences are first all read, then all checked, then executed: no damage can make
 * more bytes, or take more time, than a block may have.
 */
import {
  BackwardBits,
  type FseTable,
  type HuffmanTable,
  INCORRECT,
  makeFse,
  readFse,
  readHuffman,
  singleFse,
} from './unpack-zstd-tables.ts';

export const MAX_BLOCK_BYTES = 128 << 10;
/** Where the block begins: decoders may look at bytes around it (BackwardBits). */
export const BLOCK_AT = 16;
const MAX_SEQUENCES = 0x7f00 + 0xffff;
/** Shorter copies are faster as a loop over bytes: measured, both ways are equal at 24 to 40. */
const SHORT_COPY = 32;

// Symbols of lengths: what they stand for, and how many more bits are added to it (3.1.1.3.2.1.1).
const EXTRA_LITERALS = [1, 1, 1, 1, 2, 2, 3, 3, 4, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16];
const EXTRA_MATCH = [1, 1, 1, 1, 2, 2, 3, 3, 4, 4, 5, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16];
const LITERALS = lengthCode(0, 16, EXTRA_LITERALS);
const MATCH = lengthCode(3, 32, EXTRA_MATCH);
/** An offset of 2^31 lies before every window. */
const MAX_OFFSET_SYMBOL = 30;

type LengthCode = { readonly bases: Uint32Array; readonly bits: Uint8Array };

function lengthCode(first: number, plain: number, extra: readonly number[]): LengthCode {
  const bits = Uint8Array.from([...new Array<number>(plain).fill(0), ...extra]);
  let base = first;
  const bases = Uint32Array.from(bits, (width) => {
    base += 2 ** width;
    return base - 2 ** width;
  });
  return { bases, bits };
}

type Tables = { literals: FseTable; offsets: FseTable; matches: FseTable };

// 3.1.1.3.2.2: what holds where a block describes no code of its own.
const PREDEFINED: Tables = {
  literals: makeFse(
    [
      4, 3, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 1, 1, 1, 2, 2, 2, 2, 2, 2, 2, 2, 2, 3, 2, 1, 1, 1, 1,
      1, -1, -1, -1, -1,
    ],
    6,
  ),
  offsets: makeFse(
    [1, 1, 1, 1, 1, 1, 2, 2, 2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, -1, -1, -1, -1, -1],
    5,
  ),
  matches: makeFse(
    [
      1, 4, 3, 2, 2, 2, 2, 2, 2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
      1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, -1, -1, -1, -1, -1, -1, -1,
    ],
    6,
  ),
};
const KINDS = [
  { name: 'literals', shift: 6, maxLog: 9, maxSymbol: LITERALS.bits.length - 1 },
  { name: 'offsets', shift: 4, maxLog: 8, maxSymbol: MAX_OFFSET_SYMBOL },
  { name: 'matches', shift: 2, maxLog: 9, maxSymbol: MATCH.bits.length - 1 },
] as const;

/** Decodes the blocks of one frame after the other. Throws Errors of one word or two. */
export class BlockDecoder {
  /** The block is to be written here, from BLOCK_AT on. */
  readonly input = new Uint8Array(BLOCK_AT + MAX_BLOCK_BYTES + BLOCK_AT);
  readonly #view = new DataView(this.input.buffer);
  readonly #space = new Uint8Array(MAX_BLOCK_BYTES);
  #literals: Uint8Array = this.#space;
  #huffman: HuffmanTable | undefined;
  #tables: Tables | undefined;
  /** The last three offsets, the latest first. */
  #recent = [1, 4, 8];
  #takes = new Uint32Array(0);
  #offsets = new Uint32Array(0);
  #lengths = new Uint32Array(0);

  startFrame(): void {
    this.#huffman = undefined;
    this.#tables = undefined;
    this.#recent = [1, 4, 8];
  }

  /**
   * Appends the block of `size` bytes to the `at` bytes that `target` holds of the frame, at most
   * `maxBytes`, for which there must be room. Returns the new end.
   */
  decode(size: number, target: Uint8Array, at: number, maxBytes: number): number {
    const end = BLOCK_AT + size;
    const next = this.#readLiterals(BLOCK_AT, end, maxBytes);
    const count = this.#readSequences(next, end);
    let made = this.#literals.length;
    for (let nth = 0; nth < count && made <= maxBytes; nth++) made += this.#lengths[nth] as number;
    if (made > maxBytes) throw new Error(INCORRECT);
    return this.#execute(count, target, at);
  }

  #readLiterals(from: number, end: number, maxBytes: number): number {
    const first = this.#view.getUint8(from);
    const kind = first & 3;
    const form = (first >> 2) & 3;
    if (end - from < 2) throw new Error(INCORRECT);
    if (kind >= 2) return this.#readPacked(from, end, maxBytes, kind === 3, form);
    const head = form % 2 === 0 ? 1 : (form + 3) >> 1;
    const word = this.#view.getUint32(from, true) & (0xffffffff >>> (32 - 8 * head));
    const size = word >>> (head === 1 ? 3 : 4);
    const at = from + head;
    const next = at + (kind === 0 ? size : 1);
    if (size > maxBytes || next > end) throw new Error(INCORRECT);
    if (kind === 0) this.#literals = this.input.subarray(at, next);
    else this.#literals = this.#space.subarray(0, size).fill(this.#view.getUint8(at));
    return next;
  }

  /** Huffman, in one stream or four; `isTreeless` takes the code of the block before. */
  #readPacked(
    from: number,
    end: number,
    maxBytes: number,
    isTreeless: boolean,
    form: number,
  ): number {
    const head = form < 2 ? 3 : form + 2;
    const width = form < 2 ? 10 : 4 * form + 6;
    const word = this.#view.getUint32(from, true) / 16 + this.#view.getUint8(from + 4) * 2 ** 28;
    const size = Math.floor(word) % 2 ** width;
    const packed = Math.floor(word / 2 ** width) % 2 ** width;
    let at = from + head;
    const next = at + packed;
    if (size > maxBytes || next > end) throw new Error(INCORRECT);
    if (!isTreeless) {
      const { table, next: behind } = readHuffman(this.#view, at, next);
      this.#huffman = table;
      at = behind;
    }
    this.#literals = this.#space.subarray(0, size);
    if (form === 0) this.#unhuff(at, next, 0, size);
    else this.#unhuffFour(at, next, size);
    return next;
  }

  #unhuffFour(from: number, end: number, size: number): void {
    const quarter = (size + 3) >> 2;
    if (end - from < 6 || 3 * quarter > size) throw new Error(INCORRECT);
    let at = from + 6;
    for (let nth = 0; nth < 4; nth++) {
      const next = nth < 3 ? at + this.#view.getUint16(from + 2 * nth, true) : end;
      if (next > end) throw new Error(INCORRECT);
      this.#unhuff(at, next, nth * quarter, nth < 3 ? (nth + 1) * quarter : size);
      at = next;
    }
  }

  /** One stream, which must have as many bits as the literals from `out` to `outEnd` take. */
  #unhuff(from: number, end: number, out: number, outEnd: number): void {
    const table = this.#huffman;
    const last = end > from ? this.#view.getUint8(end - 1) : 0;
    if (table === undefined || last === 0) throw new Error(INCORRECT);
    const { entries, bits } = table;
    const shift = 32 - bits;
    const literals = this.#literals;
    const view = this.#view;
    const start = 8 * from;
    let at = 8 * end - 1 - (Math.clz32(last) - 24);
    let to = out;
    // Two symbols have at most 22 of the 25 bits or more that a word at a byte has.
    while (to + 1 < outEnd && at - start >= 32) {
      const byte = (at + 7) >> 3;
      let word = view.getUint32(byte - 4, true) << (8 * byte - at);
      const one = entries[word >>> shift] as number;
      word <<= one & 15;
      const two = entries[word >>> shift] as number;
      literals[to] = one >> 4;
      literals[to + 1] = two >> 4;
      to += 2;
      at -= (one & 15) + (two & 15);
    }
    for (; to < outEnd; to++) {
      const low = at - bits;
      const word = view.getUint32(low >> 3, true) >>> (low & 7);
      // Before the stream there is nothing but zeros.
      const zeros = low < start ? Math.min(bits, start - low) : 0;
      const entry = entries[((word & ((1 << bits) - 1)) >> zeros) << zeros] as number;
      literals[to] = entry >> 4;
      at -= entry & 15;
      if (at < start) throw new Error(INCORRECT);
    }
    if (at !== start) throw new Error(INCORRECT);
  }

  /** Fills #takes, #offsets and #lengths, and returns how many they are. */
  #readSequences(from: number, end: number): number {
    if (from >= end) throw new Error(INCORRECT);
    const view = this.#view;
    const first = view.getUint8(from);
    if (first === 0) {
      if (from + 1 !== end) throw new Error(INCORRECT);
      return 0;
    }
    const head = first < 128 ? 1 : first < 255 ? 2 : 3;
    const count =
      head === 1
        ? first
        : head === 2
          ? ((first - 128) << 8) + view.getUint8(from + 1)
          : view.getUint16(from + 1, true) + 0x7f00;
    const modes = view.getUint8(from + head);
    if (from + head >= end || (modes & 3) !== 0) throw new Error(INCORRECT);
    if (count > this.#takes.length) this.#grow(count);
    const { tables, next } = this.#readTables(modes, from + head + 1, end);
    this.#tables = tables;
    this.#decodeSequences(count, tables, new BackwardBits(view, next, end));
    return count;
  }

  #grow(count: number): void {
    const room = Math.min(MAX_SEQUENCES, Math.max(2 * count, 4096));
    this.#takes = new Uint32Array(room);
    this.#offsets = new Uint32Array(room);
    this.#lengths = new Uint32Array(room);
  }

  #readTables(modes: number, from: number, end: number): { tables: Tables; next: number } {
    const tables: Tables = { ...PREDEFINED };
    let at = from;
    for (const { name, shift, maxLog, maxSymbol } of KINDS) {
      const mode = (modes >> shift) & 3;
      if (mode === 1) {
        const symbol = this.#view.getUint8(at++);
        if (symbol > maxSymbol || at > end) throw new Error(INCORRECT);
        tables[name] = singleFse(symbol);
      } else if (mode === 2) {
        const { table, next } = readFse(this.#view, at, end, maxLog, maxSymbol);
        tables[name] = table;
        at = next;
      } else if (mode === 3) {
        if (this.#tables === undefined) throw new Error(INCORRECT);
        tables[name] = this.#tables[name];
      }
    }
    return { tables, next: at };
  }

  #decodeSequences(count: number, tables: Tables, stream: BackwardBits): void {
    const { literals, offsets, matches } = tables;
    const [takes, distances, lengths] = [this.#takes, this.#offsets, this.#lengths];
    let literalState = stream.read(literals.log);
    let offsetState = stream.read(offsets.log);
    let matchState = stream.read(matches.log);
    for (let nth = 0; nth < count; nth++) {
      const literal = literals.symbols[literalState] as number;
      const offset = offsets.symbols[offsetState] as number;
      const match = matches.symbols[matchState] as number;
      // More than 24 bits are too many at a time.
      const high = offset > 16 ? stream.read(offset - 16) << 16 : 0;
      distances[nth] = (1 << offset) + high + stream.read(Math.min(16, offset));
      lengths[nth] = (MATCH.bases[match] as number) + stream.read(MATCH.bits[match] as number);
      takes[nth] =
        (LITERALS.bases[literal] as number) + stream.read(LITERALS.bits[literal] as number);
      if (stream.left < 0) throw new Error(INCORRECT);
      if (nth === count - 1) break;
      literalState =
        (literals.bases[literalState] as number) +
        stream.read(literals.bits[literalState] as number);
      matchState =
        (matches.bases[matchState] as number) + stream.read(matches.bits[matchState] as number);
      offsetState =
        (offsets.bases[offsetState] as number) + stream.read(offsets.bits[offsetState] as number);
    }
    if (stream.left !== 0) throw new Error(INCORRECT);
  }

  /** The sum of all lengths was checked: only places can be wrong. */
  #execute(count: number, target: Uint8Array, start: number): number {
    const literals = this.#literals;
    let from = 0;
    let at = start;
    for (let nth = 0; nth < count; nth++) {
      const take = this.#takes[nth] as number;
      const length = this.#lengths[nth] as number;
      const taken = from + take;
      if (taken > literals.length) throw new Error(INCORRECT);
      // target.set(literals.subarray(from, taken), at); and so on
      if (take < SHORT_COPY) while (from < taken) target[at++] = literals[from++] as number;
      else {
        target.set(literals.subarray(from, taken), at);
        at += take;
        from = taken;
      }
      const offset = this.#distance(this.#offsets[nth] as number, take === 0);
      if (offset > at || offset === 0) throw new Error(INCORRECT);
      if (length < SHORT_COPY || offset < length) {
        for (const end = at + length; at < end; at++) target[at] = target[at - offset] as number;
      } else {
        target.copyWithin(at, at - offset, at - offset + length);
        at += length;
      }
    }
    target.set(literals.subarray(from), at);
    return at + literals.length - from;
  }

  /** Values up to 3 name a recent offset; without literals, the one after (3.1.1.5). */
  #distance(value: number, isShifted: boolean): number {
    const recent = this.#recent as [number, number, number];
    if (value > 3) {
      recent[2] = recent[1];
      recent[1] = recent[0];
      recent[0] = value - 3;
      return recent[0];
    }
    const which = value - 1 + Number(isShifted);
    if (which === 0) return recent[0];
    const offset = which === 3 ? recent[0] - 1 : (recent[which] as number);
    if (which !== 1) recent[2] = recent[1];
    recent[1] = recent[0];
    recent[0] = offset;
    return offset;
  }
}
