/**
 * The two entropy codes of zstd (RFC 8878, 4): descriptions of them in a block → tables to decode
 * with. All sizes are bounded by the format; a description that breaks them throws an Error.
 */

export const INCORRECT = 'incorrect data';

/** By state: the symbol, how many bits the next state takes, and what is added to them. */
export type FseTable = {
  readonly log: number;
  readonly symbols: Uint8Array;
  readonly bits: Uint8Array;
  readonly bases: Uint16Array;
};

/** By the next `bits` bits: symbol << 4 | how many of the bits are its own. */
export type HuffmanTable = { readonly bits: number; readonly entries: Uint16Array };

const MAX_HUFFMAN_BITS = 11;
const MAX_WEIGHTS = 255;
const MAX_WEIGHT_LOG = 6;

/**
 * Bits of a stream that is written forwards and read backwards, from its last set bit on. Bytes
 * before it are read, but for naught, when it is too short: `left` is negative then. `view` must
 * have 16 bytes before and 4 behind it.
 */
export class BackwardBits {
  readonly #view: DataView;
  readonly #from: number;
  #at: number;

  constructor(view: DataView, from: number, end: number) {
    const last = end > from ? view.getUint8(end - 1) : 0;
    if (last === 0) throw new Error(INCORRECT);
    this.#view = view;
    this.#from = 8 * from;
    this.#at = 8 * end - 1 - (Math.clz32(last) - 24);
  }

  get left(): number {
    return this.#at - this.#from;
  }

  /** At most 24 bits. */
  read(count: number): number {
    this.#at -= count;
    const word = this.#view.getUint32(this.#at >> 3, true) >>> (this.#at & 7);
    return word & ((1 << count) - 1);
  }
}

/** Probabilities, each as many bits as are still possible; a run of zeros as a number of them. */
export function readFse(
  view: DataView,
  from: number,
  end: number,
  maxLog: number,
  maxSymbol: number,
): { table: FseTable; next: number } {
  let at = 8 * from;
  const read = (count: number): number => {
    const value = (view.getUint32(at >> 3, true) >>> (at & 7)) & ((1 << count) - 1);
    at += count;
    if (at > 8 * end) throw new Error(INCORRECT);
    return value;
  };
  const log = read(4) + 5;
  if (log > maxLog) throw new Error(INCORRECT);
  const chances: number[] = [];
  let left = 1 << log;
  while (left > 0) {
    const bits = 32 - Math.clz32(left + 1);
    const spare = (1 << bits) - 2 - left;
    const low = read(bits - 1);
    let value = low;
    if (low >= spare && read(1) === 1) {
      value = low + (1 << (bits - 1)) - spare;
    }
    const chance = value - 1;
    chances.push(chance);
    left -= Math.abs(chance);
    if (chance === 0) {
      for (let zeros = 3; zeros === 3; ) {
        zeros = read(2);
        for (let nth = 0; nth < zeros; nth++) chances.push(0);
      }
    }
    if (left < 0 || chances.length > maxSymbol + 1) throw new Error(INCORRECT);
  }
  return { table: makeFse(chances, log), next: (at + 7) >> 3 };
}

/** `chances` add up to 2^log; -1 is less than one, and has its only state at the end. */
export function makeFse(chances: readonly number[], log: number): FseTable {
  const size = 1 << log;
  const symbols = new Uint8Array(size);
  const counts = new Uint16Array(chances.length);
  let top = size;
  chances.forEach((chance, symbol) => {
    counts[symbol] = Math.abs(chance);
    if (chance < 0) symbols[--top] = symbol;
  });
  const step = (size >> 1) + (size >> 3) + 3;
  let place = 0;
  chances.forEach((chance, symbol) => {
    for (let nth = 0; nth < chance; nth++) {
      symbols[place] = symbol;
      do place = (place + step) & (size - 1);
      while (place >= top);
    }
  });
  const bits = new Uint8Array(size);
  const bases = new Uint16Array(size);
  for (let state = 0; state < size; state++) {
    const nth = counts[symbols[state] as number]++;
    const width = log - (31 - Math.clz32(nth));
    bits[state] = width;
    bases[state] = (nth << width) - size;
  }
  return { log, symbols, bits, bases };
}

/** The same symbol for ever, without a bit. */
export function singleFse(symbol: number): FseTable {
  const [symbols, bits, bases] = [Uint8Array.of(symbol), new Uint8Array(1), new Uint16Array(1)];
  return { log: 0, symbols, bits, bases };
}

/** Weights of symbols, four bits each or in FSE; the last one follows from the others. */
export function readHuffman(
  view: DataView,
  from: number,
  end: number,
): { table: HuffmanTable; next: number } {
  if (from >= end) throw new Error(INCORRECT);
  const first = view.getUint8(from);
  const isPlain = first >= 128;
  const count = first - 127;
  const next = from + 1 + (isPlain ? (count + 1) >> 1 : first);
  if (next > end) throw new Error(INCORRECT);
  const weights = isPlain ? plainWeights(view, from + 1, count) : fseWeights(view, from + 1, next);
  return { table: makeHuffman(weights), next };
}

function plainWeights(view: DataView, from: number, count: number): number[] {
  return Array.from({ length: count }, (_, nth) => {
    const pair = view.getUint8(from + (nth >> 1));
    return nth % 2 === 0 ? pair >> 4 : pair & 15;
  });
}

/** Two states take turns; when the bits end, the other one has one symbol more. */
function fseWeights(view: DataView, from: number, end: number): number[] {
  const { table, next } = readFse(view, from, end, MAX_WEIGHT_LOG, MAX_WEIGHTS);
  const stream = new BackwardBits(view, next, end);
  const weights: number[] = [];
  let state = stream.read(table.log);
  let other = stream.read(table.log);
  if (stream.left < 0) throw new Error(INCORRECT);
  while (weights.length < MAX_WEIGHTS) {
    weights.push(table.symbols[state] as number);
    const after = (table.bases[state] as number) + stream.read(table.bits[state] as number);
    if (stream.left < 0) {
      weights.push(table.symbols[other] as number);
      return weights;
    }
    state = other;
    other = after;
  }
  throw new Error(INCORRECT);
}

/** A symbol of weight w has 2^(w-1) of all entries; lighter ones come first. */
function makeHuffman(weights: readonly number[]): HuffmanTable {
  let sum = 0;
  for (const weight of weights) {
    if (weight > MAX_HUFFMAN_BITS) throw new Error(INCORRECT);
    if (weight > 0) sum += 1 << (weight - 1);
  }
  const bits = 32 - Math.clz32(sum);
  const rest = (1 << bits) - sum;
  const isPower = (rest & (rest - 1)) === 0;
  if (sum === 0 || bits > MAX_HUFFMAN_BITS || !isPower || weights.length > MAX_WEIGHTS) {
    throw new Error(INCORRECT);
  }
  const all = [...weights, 32 - Math.clz32(rest)];
  const entries = new Uint16Array(1 << bits);
  let at = 0;
  for (let weight = 1; weight <= bits; weight++) {
    all.forEach((own, symbol) => {
      if (own !== weight) return;
      const span = 1 << (weight - 1);
      entries.fill((symbol << 4) | (bits + 1 - weight), at, at + span);
      at += span;
    });
  }
  return { bits, entries };
}
