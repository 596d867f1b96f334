/**
 * The two entropy codes of zstd (RFC 8878, 4), in the language of wasm/loop-language.ts:
 * descriptions of them in a block → tables to decode with. All sizes are bounded by the format; a
 * result of -1 is a description that breaks them.
 */

export const CODE_LOOPS = `
inline function bitsAt(at, count): i32 {
  return low(i64(at >>> 3) >>> wide(at & 7)) & ((1 << count) - 1);
}

// Where a stream that is read backwards begins, in bits: below its last set bit.
function lastBit(from, end): i32 {
  if (end <= from) { return -1; }
  let last = u8(end - 1);
  if (last == 0) { return -1; }
  return (end << 3) - 1 - (zerosAbove(last) - 24);
}

// 4.1.1: chances, each as many bits as are still possible; a run of zeros as a number of them.
// Returns where what follows begins.
function readChances(from, end, maxLog, maxSymbol): i32 {
  if (from >= end) { return -1; }
  let at = (from << 3) + 4;
  let stop = end << 3;
  let log = (u8(from) & 15) + 5;
  if (log > maxLog) { return -1; }
  let left = 1 << log;
  let symbol = 0;
  while (left > 0) {
    let bits = 32 - zerosAbove(left + 1);
    let spare = (1 << bits) - 2 - left;
    let value = bitsAt(at, bits - 1);
    at += bits - 1;
    if (value >= spare) {
      value += bitsAt(at, 1) * ((1 << (bits - 1)) - spare);
      at += 1;
    }
    if (at > stop || symbol > maxSymbol) { return -1; }
    setU16(CHANCES + (symbol << 1), value - 1);
    symbol += 1;
    if (value == 0) { left -= 1; } else { left -= value - 1; }
    if (value == 1) {
      let zeros = 3;
      while (zeros == 3) {
        zeros = bitsAt(at, 2);
        at += 2;
        if (at > stop || symbol + zeros > maxSymbol + 1) { return -1; }
        let until = symbol + zeros;
        while (symbol < until) {
          setU16(CHANCES + (symbol << 1), 0);
          symbol += 1;
        }
      }
    }
    if (left < 0) { return -1; }
  }
  setI32(LOG, log);
  setI32(SYMBOLS, symbol);
  return (at + 7) >>> 3;
}

// Chances add up to 2^log; 0xffff is less than one, and has its only state at the end.
function spreadSymbols(log, symbols) {
  let size = 1 << log;
  let top = size;
  let symbol = 0;
  while (symbol < symbols) {
    let chance = u16(CHANCES + (symbol << 1));
    if (chance == 0xffff) {
      top -= 1;
      setU8(SPREAD + top, symbol);
      chance = 1;
    }
    setU16(STATES + (symbol << 1), chance);
    symbol += 1;
  }
  let step = (size >>> 1) + (size >>> 3) + 3;
  let place = 0;
  symbol = 0;
  while (symbol < symbols) {
    let chance = u16(CHANCES + (symbol << 1));
    if (chance == 0xffff) { chance = 0; }
    while (chance > 0) {
      setU8(SPREAD + place, symbol);
      place = (place + step) & (size - 1);
      while (place >= top) { place = (place + step) & (size - 1); }
      chance -= 1;
    }
    symbol += 1;
  }
}

// By state, 8 bytes: what the symbol stands for (itself without bases), how many more bits are
// added to that, how many bits the next state takes, and what is added to those.
function makeTable(table, log, symbols, bases, widths) {
  spreadSymbols(log, symbols);
  let size = 1 << log;
  let state = 0;
  while (state < size) {
    let symbol = u8(SPREAD + state);
    let nth = u16(STATES + (symbol << 1));
    setU16(STATES + (symbol << 1), nth + 1);
    let bits = log - (31 - zerosAbove(nth));
    let value = symbol;
    let extra = 0;
    if (bases > 0) {
      value = i32(bases + (symbol << 2));
      extra = u8(widths + symbol);
    }
    setI32(table + (state << 3), value);
    setI32(table + (state << 3) + 4, extra | (bits << 8) | (((nth << bits) - size) << 16));
    state += 1;
  }
}

// Of the second half of an entry.
inline function extraBits(row): i32 { return row & 255; }
inline function stateBits(row): i32 { return (row >>> 8) & 255; }
inline function nextBase(row): i32 { return row >>> 16; }
inline function lowBits(word: i64, count): i32 { return low(word) & ((1 << count) - 1); }

// Two states take turns; when the bits end, the other one has one weight more.
function readCodedWeights(from, end): i32 {
  let next = readChances(from, end, MAX_WEIGHT_LOG, MAX_WEIGHTS);
  if (next < 0) { return -1; }
  let log = i32(LOG);
  makeTable(WEIGHT_TABLE, log, i32(SYMBOLS), 0, 0);
  let at = lastBit(next, end);
  if (at < 0) { return -1; }
  let start = next << 3;
  at -= log;
  let state = bitsAt(at, log);
  at -= log;
  let other = bitsAt(at, log);
  if (at < start) { return -1; }
  let count = 0;
  while (count < MAX_WEIGHTS) {
    setU8(WEIGHTS + count, i32(WEIGHT_TABLE + (state << 3)));
    let row = i32(WEIGHT_TABLE + (state << 3) + 4);
    count += 1;
    at -= stateBits(row);
    if (at < start) {
      setU8(WEIGHTS + count, i32(WEIGHT_TABLE + (other << 3)));
      setI32(SYMBOLS, count + 1);
      return 0;
    }
    state = other;
    other = nextBase(row) + bitsAt(at, stateBits(row));
  }
  return -1;
}

// A symbol of weight w has 2^(w-1) of all entries; lighter ones come first. The last weight
// follows from the others. By the next bits of a stream: symbol << 4 | how many are its own.
function makeHuffman(count): i32 {
  let weight = 0;
  while (weight < 16) {
    setI32(RANKS + (weight << 2), 0);
    weight += 1;
  }
  let sum = 0;
  let symbol = 0;
  while (symbol < count) {
    weight = u8(WEIGHTS + symbol);
    if (weight > MAX_HUFFMAN_BITS) { return -1; }
    if (weight > 0) { sum += 1 << (weight - 1); }
    setI32(RANKS + (weight << 2), i32(RANKS + (weight << 2)) + 1);
    symbol += 1;
  }
  let bits = 32 - zerosAbove(sum);
  let rest = (1 << bits) - sum;
  if (sum == 0 || bits > MAX_HUFFMAN_BITS || count > MAX_WEIGHTS) { return -1; }
  if ((rest & (rest - 1)) != 0) { return -1; }
  weight = 32 - zerosAbove(rest);
  setU8(WEIGHTS + count, weight);
  setI32(RANKS + (weight << 2), i32(RANKS + (weight << 2)) + 1);
  weight = 1;
  let at = HUFFMAN;
  while (weight <= bits) {
    let own = i32(RANKS + (weight << 2)) << weight;
    setI32(RANKS + (weight << 2), at);
    at += own;
    weight += 1;
  }
  symbol = 0;
  while (symbol <= count) {
    weight = u8(WEIGHTS + symbol);
    if (weight > 0) {
      at = i32(RANKS + (weight << 2));
      let end = at + (1 << weight);
      setI32(RANKS + (weight << 2), end);
      let entry = wide((symbol << 4) | (bits + 1 - weight)) * 0x1000100010001n;
      if (weight == 1) { setU16(at, low(entry)); }
      else if (weight == 2) { setI32(at, low(entry)); }
      else {
        while (at < end) {
          setI64(at, entry);
          at += 8;
        }
      }
    }
    symbol += 1;
  }
  setI32(HUFFMAN_BITS, bits);
  return 0;
}

// 4.2.1: weights of symbols, four bits each or coded. Returns where what follows begins.
function readHuffman(from, end): i32 {
  if (from >= end) { return -1; }
  let first = u8(from);
  let next = from + 1 + first;
  if (first < 128) {
    if (next > end || readCodedWeights(from + 1, next) < 0) { return -1; }
    if (makeHuffman(i32(SYMBOLS)) < 0) { return -1; }
    return next;
  }
  let count = first - 127;
  next = from + 1 + ((count + 1) >>> 1);
  if (next > end) { return -1; }
  let nth = 0;
  while (nth < count) {
    let pair = u8(from + 1 + (nth >>> 1));
    setU8(WEIGHTS + nth, pair >>> 4);
    setU8(WEIGHTS + nth + 1, pair & 15);
    nth += 2;
  }
  if (makeHuffman(count) < 0) { return -1; }
  return next;
}
`;
