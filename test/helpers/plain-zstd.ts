/**
 * zstd as RFC 8878 describes it, bit by bit and a symbol at a time: what tests compare the loops of
 * parsers/bytes with. All bytes of a frame are held, so copies may come from before its window.
 */
import { plainXxh64 } from './plain-xxh64.ts';

export type PlainZstd = {
  /** Of all blocks before the first that is wrong. */
  readonly bytes: Uint8Array;
  /** Was there nothing wrong, and did the last frame end? */
  readonly isWhole: boolean;
};

class Incorrect extends Error {}

function expect(isTrue: boolean): void {
  if (!isTrue) throw new Incorrect();
}

const MAX_BLOCK_BYTES = 128 << 10;
const MAX_WINDOW_BYTES = 128 << 20;
const MAX_HUFFMAN_BITS = 11;
const MAX_WEIGHTS = 255;

/** Bytes one after the other, little-endian; what lies behind the last is an error. */
class Cursor {
  readonly bytes: Uint8Array;
  at = 0;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
  }

  get left(): number {
    return this.bytes.length - this.at;
  }

  take(count: number): Uint8Array {
    expect(count <= this.left);
    this.at += count;
    return this.bytes.subarray(this.at - count, this.at);
  }

  /** Exact below 2^53. */
  number(count: number): number {
    return this.take(count).reduceRight((sum, byte) => sum * 256 + byte, 0);
  }
}

/** Bits from the first byte on, the lowest first. */
class ForwardBits {
  readonly #bytes: Uint8Array;
  at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  read(count: number): number {
    let value = 0;
    for (let bit = 0; bit < count; bit++, this.at++) {
      const byte = this.#bytes[this.at >> 3];
      expect(byte !== undefined);
      value += (((byte as number) >> (this.at & 7)) & 1) * 2 ** bit;
    }
    return value;
  }
}

/** Bits from the last byte down: below its last set bit. Before the first byte are zeros. */
class BackwardBits {
  readonly #bytes: Uint8Array;
  /** Bits that are left; below zero once more were read than there are. */
  left: number;

  constructor(bytes: Uint8Array) {
    const last = bytes.at(-1) ?? 0;
    expect(last !== 0);
    this.#bytes = bytes;
    this.left = 8 * bytes.length - 1 - (Math.clz32(last) - 24);
  }

  peek(count: number): number {
    let value = 0;
    for (let at = this.left - 1; at >= this.left - count; at--) {
      const byte = at < 0 ? 0 : (this.#bytes[at >> 3] as number);
      value = value * 2 + ((byte >> (at & 7)) & 1);
    }
    return value;
  }

  read(count: number): number {
    const value = this.peek(count);
    this.left -= count;
    return value;
  }
}

/** 4.1: by state, its symbol, how many bits the next one takes, and what is added to them. */
type Fse = {
  readonly log: number;
  readonly rows: readonly { symbol: number; bits: number; base: number }[];
};

/** 4.1.1: chances of symbols, -1 for less than one. */
function readChances(cursor: Cursor, maxLog: number, maxSymbol: number): [number[], number] {
  const bits = new ForwardBits(cursor.bytes.subarray(cursor.at));
  const log = bits.read(4) + 5;
  expect(log <= maxLog);
  const chances: number[] = [];
  for (let left = 2 ** log; left > 0; ) {
    // 0 to left + 1 are possible; small values take one bit less.
    const width = 32 - Math.clz32(left + 1);
    const spare = 2 ** width - 2 - left;
    let value = bits.read(width - 1);
    if (value >= spare && bits.read(1) === 1) value += 2 ** (width - 1) - spare;
    chances.push(value - 1);
    left -= Math.abs(value - 1);
    expect(left >= 0 && chances.length <= maxSymbol + 1);
    if (value !== 1) continue;
    for (let zeros = 3; zeros === 3; ) {
      zeros = bits.read(2);
      for (let nth = 0; nth < zeros; nth++) chances.push(0);
      expect(chances.length <= maxSymbol + 1);
    }
  }
  cursor.take(Math.ceil(bits.at / 8));
  return [chances, log];
}

function makeFse(chances: readonly number[], log: number): Fse {
  const size = 2 ** log;
  const symbols = new Array<number>(size);
  let top = size;
  chances.forEach((chance, symbol) => {
    if (chance === -1) symbols[--top] = symbol;
  });
  let place = 0;
  chances.forEach((chance, symbol) => {
    for (let nth = 0; nth < chance; nth++) {
      symbols[place] = symbol;
      do place = (place + (size >> 1) + (size >> 3) + 3) & (size - 1);
      while (place >= top);
    }
  });
  const next = chances.map((chance) => Math.abs(chance));
  const rows = symbols.map((symbol) => {
    const nth = next[symbol] as number;
    next[symbol] = nth + 1;
    const bits = log - (31 - Math.clz32(nth));
    return { symbol, bits, base: nth * 2 ** bits - size };
  });
  return { log, rows };
}

const rowOf = ({ rows }: Fse, state: number) => rows[state] as Fse['rows'][number];

/** 4.2: by the next bits of a stream, a symbol and how many of them are its own. */
type Huffman = {
  readonly log: number;
  readonly rows: readonly { symbol: number; bits: number }[];
};

function readHuffman(cursor: Cursor): Huffman {
  const first = cursor.number(1);
  const weights = first < 128 ? codedWeights(cursor.take(first)) : [];
  if (first >= 128) {
    const count = first - 127;
    for (const pair of cursor.take((count + 1) >> 1)) weights.push(pair >> 4, pair & 15);
    weights.length = count;
  }
  expect(weights.length <= MAX_WEIGHTS && weights.every((weight) => weight <= MAX_HUFFMAN_BITS));
  const sum = weights.reduce((all, weight) => all + (weight === 0 ? 0 : 2 ** (weight - 1)), 0);
  expect(sum > 0);
  // The last weight follows from the others: all of them fill a power of two.
  const log = 32 - Math.clz32(sum);
  const rest = 2 ** log - sum;
  expect(log <= MAX_HUFFMAN_BITS && Number.isInteger(Math.log2(rest)));
  weights.push(1 + Math.log2(rest));
  const rows: { symbol: number; bits: number }[] = [];
  for (let weight = 1; weight <= log; weight++) {
    weights.forEach((own, symbol) => {
      if (own !== weight) return;
      for (let nth = 0; nth < 2 ** (weight - 1); nth++) rows.push({ symbol, bits: log + 1 - own });
    });
  }
  return { log, rows };
}

/** 4.2.1.2: two states take turns, until the bits end. */
function codedWeights(bytes: Uint8Array): number[] {
  const cursor = new Cursor(bytes);
  const fse = makeFse(...readChances(cursor, 6, MAX_WEIGHTS));
  const bits = new BackwardBits(bytes.subarray(cursor.at));
  const weights: number[] = [];
  let [state, other] = [bits.read(fse.log), bits.read(fse.log)];
  expect(bits.left >= 0);
  while (weights.length <= MAX_WEIGHTS) {
    const row = rowOf(fse, state);
    weights.push(row.symbol);
    const more = bits.read(row.bits);
    if (bits.left < 0) return [...weights, rowOf(fse, other).symbol];
    state = other;
    other = row.base + more;
  }
  throw new Incorrect();
}

function huffmanStream({ log, rows }: Huffman, bytes: Uint8Array, count: number): number[] {
  const bits = new BackwardBits(bytes);
  const symbols: number[] = [];
  while (symbols.length < count) {
    const row = rows[bits.peek(log)] as Huffman['rows'][number];
    bits.left -= row.bits;
    symbols.push(row.symbol);
  }
  expect(bits.left === 0);
  return symbols;
}

/** How a symbol of a sequence stands for a number: its least value, and bits that are added. */
type Values = readonly { readonly base: number; readonly bits: number }[];

function valuesFrom(first: number, plain: number, extra: readonly number[]): Values {
  let base = first;
  return [...new Array<number>(plain).fill(0), ...extra].map((bits) => {
    base += 2 ** bits;
    return { base: base - 2 ** bits, bits };
  });
}

const LAST_EXTRA = [9, 10, 11, 12, 13, 14, 15, 16];
const repeated = (count: number, value: number) => new Array<number>(count).fill(value);

/** 3.1.1.3.2: literals to take, offsets, lengths of matches; and their codes where none is told. */
const CODES = [
  {
    values: valuesFrom(0, 16, [1, 1, 1, 1, 2, 2, 3, 3, 4, 6, 7, 8, ...LAST_EXTRA]),
    maxLog: 9,
    plain: makeFse(
      [
        4,
        3,
        ...repeated(11, 2),
        1,
        1,
        1,
        ...repeated(9, 2),
        3,
        2,
        ...repeated(5, 1),
        -1,
        -1,
        -1,
        -1,
      ],
      6,
    ),
  },
  {
    values: Array.from({ length: 31 }, (_, bits) => ({ base: 2 ** bits, bits })),
    maxLog: 8,
    plain: makeFse([...repeated(6, 1), 2, 2, 2, ...repeated(15, 1), ...repeated(5, -1)], 5),
  },
  {
    values: valuesFrom(3, 32, [1, 1, 1, 1, 2, 2, 3, 3, 4, 4, 5, 7, 8, ...LAST_EXTRA]),
    maxLog: 9,
    plain: makeFse([1, 4, 3, ...repeated(6, 2), ...repeated(37, 1), ...repeated(7, -1)], 6),
  },
] as const;

/** What blocks of a frame leave to those behind them. */
class FrameState {
  readonly bytes: number[] = [];
  huffman: Huffman | undefined;
  readonly codes: (Fse | undefined)[] = [undefined, undefined, undefined];
  recent: [number, number, number] = [1, 4, 8];
}

/** 3.1.1.3: appends the content of a block that is packed. */
function addPackedBlock(frame: FrameState, packed: Uint8Array, most: number): void {
  const cursor = new Cursor(packed);
  expect(packed.length >= 2);
  const literals = readLiterals(frame, cursor, most);
  const end = frame.bytes.length + most;
  const count = readSequenceCount(cursor);
  if (count === undefined) expect(cursor.left === 0);
  else runSequences(frame, cursor, count, literals, end);
  expect(frame.bytes.length + literals.length <= end);
  for (const literal of literals) frame.bytes.push(literal);
}

function readLiterals(frame: FrameState, cursor: Cursor, most: number): number[] {
  const first = cursor.bytes[cursor.at] as number;
  const [kind, form] = [first & 3, (first >> 2) & 3];
  if (kind < 2) {
    const size = form === 1 ? cursor.number(2) >> 4 : form === 3 ? cursor.number(3) >> 4 : 0;
    const own = (form & 1) === 0 ? cursor.number(1) >> 3 : size;
    expect(own <= most);
    return kind === 0 ? [...cursor.take(own)] : repeated(own, cursor.number(1));
  }
  const width = [10, 10, 14, 18][form] as number;
  const head = Math.floor(cursor.number([3, 3, 4, 5][form] as number) / 16);
  const size = head % 2 ** width;
  expect(size <= most);
  const own = new Cursor(cursor.take(Math.floor(head / 2 ** width)));
  if (kind === 2) frame.huffman = readHuffman(own);
  const { huffman } = frame;
  if (huffman === undefined) throw new Incorrect();
  if (form === 0) return huffmanStream(huffman, own.take(own.left), size);
  const quarter = (size + 3) >> 2;
  expect(3 * quarter <= size);
  const sizes = [own.number(2), own.number(2), own.number(2)];
  const streams = [...sizes.map((bytes) => own.take(bytes)), own.take(own.left)];
  return streams.flatMap((stream, nth) =>
    huffmanStream(huffman, stream, nth < 3 ? quarter : size - 3 * quarter),
  );
}

/** Undefined where the block has no sequences, and says no more of them. */
function readSequenceCount(cursor: Cursor): number | undefined {
  const first = cursor.number(1);
  if (first === 0) return undefined;
  if (first < 128) return first;
  return first < 255 ? (first - 128) * 256 + cursor.number(1) : cursor.number(2) + 0x7f00;
}

function readCode(frame: FrameState, cursor: Cursor, nth: 0 | 1 | 2, mode: number): Fse {
  const { values, maxLog, plain } = CODES[nth];
  if (mode === 0) return plain;
  if (mode === 2) return makeFse(...readChances(cursor, maxLog, values.length - 1));
  const before = frame.codes[nth];
  if (mode === 3 && before !== undefined) return before;
  expect(mode === 1);
  const symbol = cursor.number(1);
  expect(symbol < values.length);
  return { log: 0, rows: [{ symbol, bits: 0, base: 0 }] };
}

function runSequences(
  frame: FrameState,
  cursor: Cursor,
  count: number,
  literals: number[],
  end: number,
): void {
  const modes = cursor.number(1);
  expect((modes & 3) === 0);
  for (const nth of [0, 1, 2] as const) {
    frame.codes[nth] = readCode(frame, cursor, nth, (modes >> (6 - 2 * nth)) & 3);
  }
  const codes = frame.codes as Fse[];
  const bits = new BackwardBits(cursor.take(cursor.left));
  const states = codes.map(({ log }) => bits.read(log));
  for (let left = count; left > 0; left--) {
    const rows = codes.map((code, nth) => rowOf(code, states[nth] as number));
    const numbers = [0, 0, 0];
    for (const nth of [1, 2, 0] as const) {
      const value = CODES[nth].values[(rows[nth] as (typeof rows)[number]).symbol];
      numbers[nth] = (value?.base ?? 0) + bits.read(value?.bits ?? 0);
    }
    if (left > 1) {
      for (const nth of [0, 2, 1] as const) {
        const { base, bits: width } = rows[nth] as (typeof rows)[number];
        states[nth] = base + bits.read(width);
      }
    }
    expect(bits.left >= 0);
    const [take, offset, length] = numbers as [number, number, number];
    copy(frame, literals, take, offsetOf(frame, offset, take), length, end);
  }
  expect(bits.left === 0);
}

/** 3.1.1.5: values up to 3 name a recent offset; without literals, the one after. */
function offsetOf(frame: FrameState, value: number, take: number): number {
  const [first, second, third] = frame.recent;
  const nth = value > 3 ? 3 : value - 1 + Number(take === 0);
  const offset = value > 3 ? value - 3 : ([first, second, third, first - 1][nth] as number);
  if (nth === 1) frame.recent = [offset, first, third];
  else if (nth > 1) frame.recent = [offset, first, second];
  return offset;
}

function copy(
  { bytes }: FrameState,
  literals: number[],
  take: number,
  offset: number,
  length: number,
  end: number,
): void {
  expect(take <= literals.length && bytes.length + take + length <= end);
  bytes.push(...literals.splice(0, take));
  expect(offset > 0 && offset <= bytes.length);
  for (let nth = 0; nth < length; nth++) bytes.push(bytes[bytes.length - offset] as number);
}

/** 3.1.1: appends what a frame holds to `out`, block by block. */
function addFrame(cursor: Cursor, out: number[]): void {
  const descriptor = cursor.number(1);
  expect((descriptor & 8) === 0);
  const isSingle = (descriptor & 32) !== 0;
  const exponent = isSingle ? 0 : cursor.number(1);
  expect(cursor.number([0, 1, 2, 4][descriptor & 3] as number) === 0);
  const sizeBytes = [Number(isSingle), 2, 4, 8][descriptor >> 6] as number;
  const size = cursor.number(sizeBytes) + (sizeBytes === 2 ? 256 : 0);
  const window = isSingle ? size : 2 ** (10 + (exponent >> 3)) * (1 + (exponent & 7) / 8);
  expect(window <= MAX_WINDOW_BYTES);
  const most = Math.min(window, MAX_BLOCK_BYTES);
  const frame = new FrameState();
  for (let isLast = false; !isLast; ) {
    const start = frame.bytes.length;
    const head = cursor.number(3);
    isLast = (head & 1) === 1;
    const [kind, bytes] = [(head >> 1) & 3, head >> 3];
    expect(kind !== 3 && bytes <= most);
    if (kind === 2) addPackedBlock(frame, cursor.take(bytes), most);
    else if (kind === 0) frame.bytes.push(...cursor.take(bytes));
    else frame.bytes.push(...repeated(bytes, cursor.number(1)));
    const made = frame.bytes.length;
    expect(sizeBytes === 0 || (isLast ? made === size : made <= size));
    for (let at = start; at < made; at++) out.push(frame.bytes[at] as number);
  }
  if ((descriptor & 4) === 0) return;
  const hash = plainXxh64(Uint8Array.from(frame.bytes));
  expect(cursor.number(4) === Number(hash & 0xffffffffn));
}

/** All frames, one behind the other. */
export function plainZstd(packed: Uint8Array): PlainZstd {
  const cursor = new Cursor(packed);
  const out: number[] = [];
  try {
    while (cursor.left > 0) {
      const magic = cursor.number(4);
      if (magic === 0xfd2fb528) addFrame(cursor, out);
      else {
        expect((magic & 0xfffffff0) >>> 0 === 0x184d2a50);
        cursor.take(cursor.number(4));
      }
    }
    return { bytes: Uint8Array.from(out), isWhole: true };
  } catch (error) {
    if (!(error instanceof Incorrect)) throw error;
    return { bytes: Uint8Array.from(out), isWhole: false };
  }
}
