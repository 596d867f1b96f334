/** One block of bzip2: bits → symbols → the bytes before the Burrows-Wheeler transform → bytes. */
import type { BitInput } from './unpack-bzip2.ts';

const MAX_CODE_BITS = 20;
const GROUP_SYMBOLS = 50;
const RUN_A = 0;
const RUN_B = 1;
const OUT_BYTES = 256 << 10;

/** Four equal bytes are followed by the number of further ones. */
const RUN_MARK = 4;

type Block = { readonly chunks: readonly Uint8Array[]; readonly crc: number };

/** Canonical Huffman code: per length the largest code and what makes an index of a code. */
type Code = {
  readonly shortest: number;
  readonly limit: Int32Array;
  readonly base: Int32Array;
  readonly symbols: Uint16Array;
};

/** Throws an Error for what is no block of at most `capacity` bytes. */
export function decodeBlock(input: BitInput, capacity: number): Block {
  if (input.read(1) === 1) throw new Error('a block of bzip2 before 0.9.5 cannot be read');
  const origin = input.read(24);
  const bytes = readBytesInUse(input);
  const codeCount = input.read(3);
  if (codeCount < 2 || codeCount > 6) throw new Error('incorrect data');
  const selectors = readSelectors(input, codeCount);
  const codes = Array.from({ length: codeCount }, () => readCode(input, bytes.length + 2));
  const order = new Uint32Array(capacity);
  const length = readSymbols(input, selectors, codes, bytes, order);
  if (origin >= length) throw new Error('incorrect data');
  linkRows(order, length);
  return unwind(order, length, origin);
}

/** The bytes that occur, as a bitmap of bitmaps. */
function readBytesInUse(input: BitInput): Uint8Array {
  const inUse: number[] = [];
  const groups = input.read(16);
  for (let high = 0; high < 16; high++) {
    if ((groups & (0x8000 >> high)) === 0) continue;
    const group = input.read(16);
    for (let low = 0; low < 16; low++) {
      if ((group & (0x8000 >> low)) !== 0) inUse.push(high * 16 + low);
    }
  }
  if (inUse.length === 0) throw new Error('incorrect data');
  return Uint8Array.from(inUse);
}

/** Which code holds for each group of symbols: positions in a move-to-front list, in unary. */
function readSelectors(input: BitInput, codeCount: number): Uint8Array {
  const selectors = new Uint8Array(input.read(15));
  const recent = Uint8Array.from({ length: codeCount }, (_, at) => at);
  for (let at = 0; at < selectors.length; at++) {
    let place = 0;
    while (input.read(1) === 1) {
      if (++place >= codeCount) throw new Error('incorrect data');
    }
    selectors[at] = moveToFront(recent, place);
  }
  return selectors;
}

function moveToFront(list: Uint8Array, place: number): number {
  const value = list[place] as number;
  list.copyWithin(1, 0, place);
  list[0] = value;
  return value;
}

/** Lengths are written as steps up and down from the one before. */
function readCode(input: BitInput, symbolCount: number): Code {
  const lengths = new Uint8Array(symbolCount);
  let length = input.read(5);
  for (let symbol = 0; symbol < symbolCount; symbol++) {
    for (;;) {
      if (length < 1 || length > MAX_CODE_BITS) throw new Error('incorrect data');
      if (input.read(1) === 0) break;
      length += input.read(1) === 0 ? 1 : -1;
    }
    lengths[symbol] = length;
  }
  const limit = new Int32Array(MAX_CODE_BITS + 1).fill(-1);
  const base = new Int32Array(MAX_CODE_BITS + 1);
  const symbols = new Uint16Array(symbolCount);
  let filled = 0;
  let code = 0;
  for (let bits = 1; bits <= MAX_CODE_BITS; bits++) {
    const first = filled;
    for (let symbol = 0; symbol < symbolCount; symbol++) {
      if (lengths[symbol] === bits) symbols[filled++] = symbol;
    }
    base[bits] = first - code;
    code += filled - first;
    if (filled > first) limit[bits] = code - 1;
    code <<= 1;
  }
  return { shortest: Math.min(...lengths), limit, base, symbols };
}

function readSymbol(input: BitInput, code: Code): number {
  let bits = code.shortest;
  let word = input.read(bits);
  while (word > (code.limit[bits] as number)) {
    if (++bits > MAX_CODE_BITS) throw new Error('incorrect data');
    word = (word << 1) | input.read(1);
  }
  const symbol = code.symbols[word + (code.base[bits] as number)];
  // An incomplete or over-full code: the word is none of its own.
  if (symbol === undefined) throw new Error('incorrect data');
  return symbol;
}

/** Fills `order` with bytes, returns how many; runs are numbers with the digits 1 and 2. */
function readSymbols(
  input: BitInput,
  selectors: Uint8Array,
  codes: readonly Code[],
  bytes: Uint8Array,
  order: Uint32Array,
): number {
  const recent = Uint8Array.from(bytes);
  const end = bytes.length + 1;
  let length = 0;
  let run = 0;
  let digit = 1;
  for (const selector of selectors) {
    const code = codes[selector] as Code;
    for (let left = GROUP_SYMBOLS; left > 0; left--) {
      const symbol = readSymbol(input, code);
      if (symbol <= RUN_B) {
        run += symbol === RUN_A ? digit : 2 * digit;
        digit *= 2;
        if (length + run > order.length) throw new Error('incorrect data');
        continue;
      }
      if (run > 0) {
        order.fill(recent[0] as number, length, length + run);
        length += run;
        run = 0;
        digit = 1;
      }
      if (symbol === end) return length;
      if (length >= order.length) throw new Error('incorrect data');
      order[length++] = moveToFront(recent, symbol - 1);
    }
  }
  throw new Error('incorrect data');
}

/** Above the byte of each row, the row that follows it in the text. */
function linkRows(order: Uint32Array, length: number): void {
  const next = new Uint32Array(257);
  for (let row = 0; row < length; row++) next[((order[row] as number) & 0xff) + 1]++;
  for (let byte = 0; byte < 256; byte++) next[byte + 1] += next[byte] as number;
  for (let row = 0; row < length; row++) {
    const byte = (order[row] as number) & 0xff;
    const target = next[byte]++;
    order[target] = (order[target] as number) | (row << 8);
  }
}

/** Follows the rows through the text and undoes the run-length code below it. */
function unwind(order: Uint32Array, length: number, origin: number): Block {
  const chunks: Uint8Array[] = [];
  let out = new Uint8Array(OUT_BYTES);
  let filled = 0;
  let crc = 0xffffffff;
  let row = (order[origin] as number) >>> 8;
  let last = -1;
  let equal = 0;
  for (let left = length; left > 0; left--) {
    const link = order[row] as number;
    const byte = link & 0xff;
    row = link >>> 8;
    let copies = 1;
    let value = byte;
    if (equal === RUN_MARK) {
      copies = byte;
      value = last;
      equal = 0;
      last = -1;
    } else {
      equal = byte === last ? equal + 1 : 1;
      last = byte;
    }
    for (; copies > 0; copies--) {
      if (filled === OUT_BYTES) {
        chunks.push(out);
        out = new Uint8Array(OUT_BYTES);
        filled = 0;
      }
      out[filled++] = value;
      crc = ((crc << 8) ^ (CRC_TABLE[((crc >>> 24) ^ value) & 0xff] as number)) | 0;
    }
  }
  chunks.push(out.subarray(0, filled));
  return { chunks, crc: ~crc >>> 0 };
}

/** CRC-32 of bzip2: the polynomial of gzip, the other way round. */
const CRC_TABLE = Int32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte << 24;
  for (let bit = 0; bit < 8; bit++) crc = crc < 0 ? (crc << 1) ^ 0x04c11db7 : crc << 1;
  return crc;
});
