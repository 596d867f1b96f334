/**
 * One block of zstd (RFC 8878, 3.1.1.3) after the other, in the language of wasm/loop-language.ts:
 * literals, then sequences of (literals to take, match to copy). No damage can make more bytes, or
 * take more time, than a block may have. A result of -1 is damage.
 *
 * Measured with 228 MB of pages in blocks of 40 KiB: 0.14 s, and 0.44 s as TypeScript.
 */
import { CODE_LOOPS } from './unpack-zstd-code-loops.ts';
import { LITERAL_LOOPS } from './unpack-zstd-literal-loops.ts';
import { XXH64_LOOPS } from './xxh64-loops.ts';

const SEQUENCES = `
// A code as the block describes it; returns where what follows begins.
function readCode(mode, code, from, end, maxLog, maxSymbol, table, bases, widths): i32 {
  if (mode == 3) {
    if (i32(code) == 0) { return -1; }
    return from;
  }
  setI32(code, table);
  if (mode == 1) {
    // The same symbol for ever, without a bit.
    let symbol = u8(from);
    if (symbol > maxSymbol || from + 1 > end) { return -1; }
    setI32(table, i32(bases + (symbol << 2)));
    setI32(table + 4, u8(widths + symbol));
    setI32(code + 4, 0);
    return from + 1;
  }
  let next = readChances(from, end, maxLog, maxSymbol);
  if (next < 0) { return -1; }
  makeTable(table, i32(LOG), i32(SYMBOLS), bases, widths);
  setI32(code + 4, i32(LOG));
  return next;
}

function plainCode(code, table, log) {
  setI32(code, table);
  setI32(code + 4, log);
}

// 3.1.1.3.2.1: returns where the sequences' bits begin.
function readCodes(modes, from, end): i32 {
  let at = from;
  let mode = modes >>> 6;
  if (mode == 0) { plainCode(CODES, PLAIN_LITERAL_TABLE, 6); }
  else {
    at = readCode(mode, CODES, at, end, MAX_LITERAL_LOG, MAX_LITERAL_SYMBOL, LITERAL_TABLE,
      LITERAL_BASES, LITERAL_BITS);
    if (at < 0) { return -1; }
  }
  mode = (modes >>> 4) & 3;
  if (mode == 0) { plainCode(CODES + 8, PLAIN_OFFSET_TABLE, 5); }
  else {
    at = readCode(mode, CODES + 8, at, end, MAX_OFFSET_LOG, MAX_OFFSET_SYMBOL, OFFSET_TABLE,
      OFFSET_BASES, OFFSET_BITS);
    if (at < 0) { return -1; }
  }
  mode = (modes >>> 2) & 3;
  if (mode == 0) { plainCode(CODES + 16, PLAIN_MATCH_TABLE, 6); }
  else {
    at = readCode(mode, CODES + 16, at, end, MAX_MATCH_LOG, MAX_MATCH_SYMBOL, MATCH_TABLE,
      MATCH_BASES, MATCH_BITS);
  }
  return at;
}

// Copies up to 15 bytes more than asked for.
function copyAhead(to, from, bytes) {
  let end = to + bytes;
  while (to < end) {
    copy16(to, from);
    to += 16;
    from += 16;
  }
}

// Reads each sequence and does it. Bytes of the frame begin at base and end at out; returns their
// new end, at most limit.
function runSequences(count, from, end, out, base, limit): i32 {
  let start = from << 3;
  let at = lastBit(from, end);
  if (at < 0) { return -1; }
  let literals = i32(CODES);
  let offsets = i32(CODES + 8);
  let matches = i32(CODES + 16);
  at -= i32(CODES + 4);
  let byLiteral = literals + (bitsAt(at, i32(CODES + 4)) << 3);
  at -= i32(CODES + 12);
  let byOffset = offsets + (bitsAt(at, i32(CODES + 12)) << 3);
  at -= i32(CODES + 20);
  let byMatch = matches + (bitsAt(at, i32(CODES + 20)) << 3);
  let recent0 = i32(RECENT);
  let recent1 = i32(RECENT + 4);
  let recent2 = i32(RECENT + 8);
  let literal = i32(LITERALS_AT);
  let literalsEnd = i32(LITERALS_END);
  while (count > 0) {
    let literalRow = i32(byLiteral + 4);
    let offsetRow = i32(byOffset + 4);
    let matchRow = i32(byMatch + 4);
    // Bits of both kinds are added up at once. The last sequence has no next states.
    let all = literalRow + offsetRow + matchRow;
    count -= 1;
    if (count == 0) { all = all & 255; }
    let states = (all >>> 8) & 255;
    at -= (all & 255) + states;
    if (at < start) { return -1; }
    let take = i32(byLiteral);
    let offset = i32(byOffset);
    let length = i32(byMatch);
    // The next states' 8 and twice 9 bits, then 16 of literals; above them 16 of the match, and 30
    // of the offset.
    let word = i64(at >>> 3) >>> wide(at & 7);
    byOffset = offsets + ((nextBase(offsetRow) + lowBits(word, stateBits(offsetRow))) << 3);
    let done = wide(stateBits(offsetRow));
    byMatch = matches + ((nextBase(matchRow) + lowBits(word >>> done, stateBits(matchRow))) << 3);
    done += wide(stateBits(matchRow));
    byLiteral = literals
      + ((nextBase(literalRow) + lowBits(word >>> done, stateBits(literalRow))) << 3);
    take += lowBits(word >>> wide(states), extraBits(literalRow));
    let above = at + states + extraBits(literalRow);
    word = i64(above >>> 3) >>> wide(above & 7);
    length += lowBits(word, extraBits(matchRow));
    offset += lowBits(word >>> wide(extraBits(matchRow)), extraBits(offsetRow));

    // 3.1.1.5: values up to 3 name a recent offset; without literals, the one after.
    if (offset > 3) {
      recent2 = recent1;
      recent1 = recent0;
      recent0 = offset - 3;
    } else {
      offset = offset - 1 + (take == 0);
      if (offset > 0) {
        let latest = recent1;
        if (offset == 2) { latest = recent2; }
        if (offset == 3) { latest = recent0 - 1; }
        if (offset > 1) { recent2 = recent1; }
        recent1 = recent0;
        recent0 = latest;
      }
    }
    offset = recent0;
    if (take > literalsEnd - literal || take + length > limit - out) { return -1; }
    copy16(out, literal);
    if (take > 16) { copyAhead(out + 16, literal + 16, take - 16); }
    out += take;
    literal += take;
    if (offset == 0 || offset > out - base) { return -1; }
    let source = out - offset;
    end = out + length;
    // With each step, twice as many bytes before it are those to repeat.
    while (offset < 16) {
      copy16(out, source);
      out += offset;
      offset = offset << 1;
      if (out >= end) { break; }
    }
    while (out < end) {
      copy16(out, source);
      out += 16;
      source += 16;
    }
    out = end;
  }
  if (at != start) { return -1; }
  setI32(RECENT, recent0);
  setI32(RECENT + 4, recent1);
  setI32(RECENT + 8, recent2);
  setI32(LITERALS_AT, literal);
  return out;
}

// Without a code, and with what is taken for recent offsets at first.
function startFrame() {
  setI32(HUFFMAN_BITS, 0);
  setI32(CODES, 0);
  setI32(CODES + 8, 0);
  setI32(CODES + 16, 0);
  setI32(RECENT, 1);
  setI32(RECENT + 4, 4);
  setI32(RECENT + 8, 8);
}

// The packed block of so many bytes at INPUT. Bytes of the frame begin at base and end at out;
// returns their new end, which is at most that many further.
function decodeBlock(size, base, out, most): i32 {
  let end = INPUT + size;
  let limit = out + most;
  let at = readLiterals(INPUT, end, most);
  if (at < 0 || at >= end) { return -1; }
  let count = u8(at);
  if (count == 0) {
    if (at + 1 != end) { return -1; }
  } else {
    if (count < 128) { at += 1; }
    else if (count < 255) {
      count = ((count - 128) << 8) + u8(at + 1);
      at += 2;
    } else {
      count = u16(at + 1) + 0x7f00;
      at += 3;
    }
    if (at >= end || (u8(at) & 3) != 0) { return -1; }
    at = readCodes(u8(at), at + 1, end);
    if (at < 0) { return -1; }
    out = runSequences(count, at, end, out, base, limit);
    if (out < 0) { return -1; }
  }
  let rest = i32(LITERALS_END) - i32(LITERALS_AT);
  if (rest > limit - out) { return -1; }
  copyAhead(out, i32(LITERALS_AT), rest);
  return out + rest;
}
`;

/** startFrame, decodeBlock, and those of the hash. */
export const ZSTD_LOOPS = `${CODE_LOOPS}${LITERAL_LOOPS}${SEQUENCES}${XXH64_LOOPS}`;
