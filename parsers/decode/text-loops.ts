/**
 * The hot loops of text, in the language of wasm/loop-language.ts: lines that begin as lines before
 * them did become rows, then each value of a layout is read for all rows of a table. What is not
 * as usual is left to the plain versions in TypeScript (text-head.ts and the formats' line.ts for
 * lines, text-match.ts and text-values.ts for payloads): such lines end a scan, such values are
 * listed in ODD. Both ways give the same tables, which the tests check. Measured: reading takes 0.6
 * (ftrace) and 0.8 (perf script) of the CPU time that it took with loops in TypeScript, and threads
 * do not compile them anew.
 *
 * All addresses are named in text-places.ts. Reading some bytes beyond a line is harmless.
 */
import { LINE_LOOPS } from './text-line-loops.ts';

export const TEXT_LOOPS = `${LINE_LOOPS}
// --- Payloads: rows of one table, by their place among them ---

function startBatch(first, count) {
  let place = 0;
  while (place < count) {
    let row = i32(SORTED + ((first + place) << 2));
    setI32(START + (place << 2), i32(ROW_START + (row << 2)));
    setI32(STOP + (place << 2), i32(ROW_STOP + (row << 2)));
    setI32(PLACES + (place << 2), place);
    place += 1;
  }
}

function startLayout(count) {
  let k = 0;
  while (k < count) {
    let place = i32(PLACES + (k << 2)) << 2;
    setI32(AT + place, i32(START + place));
    k += 1;
  }
}

// Goes on to where the literal is, after text that varies.
function seekAll(literal, count) {
  let k = 0;
  while (k < count) {
    let place = i32(PLACES + (k << 2)) << 2;
    let at = i32(AT + place);
    let stop = i32(STOP + place);
    if (at >= 0) {
      at = seek(at, stop, literal);
      if (at + i32(literal) > stop) { at = -1; }
      setI32(AT + place, at);
    }
    k += 1;
  }
}

// 12315 and, unless it is an identity or divided, -12.
function readDecimals(literal, count, out, isId, divisor): i32 {
  let length = i32(literal);
  let tail = i32(literal + 4);
  let first = i64(literal + 8);
  let last = i64(literal + 16);
  let mask = i64(literal + 24);
  let isPlain = isId == 0 && divisor == 1;
  let odd = 0;
  let k = 0;
  while (k < count) {
    let place = i32(PLACES + (k << 2));
    let place4 = place << 2;
    let at = i32(AT + place4);
    k += 1;
    if (at < 0) { continue; }
    if (!hasEnds(at, first, last, mask, tail) || tail > 8 && !isLiteral(at, literal)) {
      setI32(AT + place4, -1);
      continue;
    }
    at += length;
    let isNegative = u8(at) == MINUS && isPlain;
    let from = at + isNegative;
    let word = i64(from) ^ 0x3030303030303030n;
    let bits = bitsOfDigits(word);
    let value = eightDigits(word << (64n - bits));
    let digits = low(bits) >>> 3;
    if (digits == 8) {
      word = i64(from + 8) ^ 0x3030303030303030n;
      bits = bitsOfDigits(word);
      if (bits != 0n) {
        let more = low(bits) >>> 3;
        value = value * i64(POWERS + (more << 3)) + eightDigits(word << (64n - bits));
        digits += more;
      }
    }
    // More than 15 digits may not fit into a double.
    let isOdd = digits == 0 || digits > 15;
    let next = from + digits;
    if (u8(next) == LETTER_X && isHexPrefix(from)) {
      next = endOfBits(from + 2, 4);
      value = valueOfBits(from + 2, next, 4);
      isOdd = next - from - 2 > mostBits(isId);
    }
    if (isOdd) {
      setI32(ODD + (odd << 2), place);
      setI32(AT + place4, at);
      odd += 1;
      continue;
    }
    setI32(AT + place4, next);
    if (isId) { setI64(out + (place << 3), value); }
    else {
      if (divisor != 1) { value = value / wide(divisor); }
      let number = double(value);
      if (isNegative) { number = negated(number); }
      setF64(out + (place << 3), number);
    }
  }
  return odd;
}

// fe00000, 0x3dd440 and, of three bits each, 0100644.
function readBits(literal, count, out, isId, bitsEach): i32 {
  let odd = 0;
  let k = 0;
  while (k < count) {
    let place = i32(PLACES + (k << 2));
    let place4 = place << 2;
    let at = i32(AT + place4);
    k += 1;
    if (at < 0) { continue; }
    if (!isLiteral(at, literal)) {
      setI32(AT + place4, -1);
      continue;
    }
    at += i32(literal);
    let bits = bitsEach;
    let from = at;
    if (isHexPrefix(at)) {
      bits = 4;
      from = at + 2;
    }
    let next = endOfBits(from, bits);
    if (next == from || next - from > mostBits(isId)) {
      setI32(ODD + (odd << 2), place);
      setI32(AT + place4, at);
      odd += 1;
      continue;
    }
    setI32(AT + place4, next);
    let value = valueOfBits(from, next, bits);
    if (isId) { setI64(out + (place << 3), value); }
    else { setF64(out + (place << 3), double(value)); }
  }
  return odd;
}

// 7:0 and 7,0, of up to seven digits each.
function readDevices(literal, count, out): i32 {
  let odd = 0;
  let k = 0;
  while (k < count) {
    let place = i32(PLACES + (k << 2));
    let place4 = place << 2;
    let at = i32(AT + place4);
    k += 1;
    if (at < 0) { continue; }
    if (!isLiteral(at, literal)) {
      setI32(AT + place4, -1);
      continue;
    }
    at += i32(literal);
    let word = i64(at) ^ 0x3030303030303030n;
    let majorBits = bitsOfDigits(word);
    let separator = at + (low(majorBits) >>> 3);
    let minorAt = separator + 1;
    let minorWord = i64(minorAt) ^ 0x3030303030303030n;
    let minorBits = bitsOfDigits(minorWord);
    let isDevice = u8(separator) == COLON || u8(separator) == COMMA;
    let hasDigits = majorBits != 0n && majorBits < 64n && minorBits != 0n && minorBits < 64n;
    let major = eightDigits(word << (64n - majorBits));
    let minor = eightDigits(minorWord << (64n - minorBits));
    if (!isDevice || !hasDigits || major >= 4096n || minor >= 1048576n) {
      setI32(ODD + (odd << 2), place);
      setI32(AT + place4, at);
      odd += 1;
      continue;
    }
    setI32(AT + place4, minorAt + (low(minorBits) >>> 3));
    setF64(out + (place << 3), double((major << 20n) | minor));
  }
  return odd;
}

function textSlot(at, length, sink): i32 {
  let mask = maskOf(length);
  let last = i64(at) & mask;
  if (length > 8) { last = i64(at + length - 8); }
  let mixed = ((i64(at) & mask) * 0x9e3779b97f4a7c15n) ^ (last * 0x85ebca6bc2b2ae35n);
  mixed = (mixed ^ wide((sink << 8) ^ length)) * 0x165667b127d4eb2fn;
  return TEXTS + ((low(mixed >>> 40n) & LAST_TEXT_SLOT) * TEXT_SLOT_BYTES);
}

// Where the text is remembered, in one of the four places that are for it; 0 where it is not.
function findText(at, length, sink): i32 {
  let text = textSlot(at, length, sink);
  let end = text + TEXT_SLOT_BYTES;
  while (text < end) {
    if (i32(text) == sink && i32(text + 4) == length) {
      if (length > 16) {
        if (isSame(at, text + 32, length)) { return text; }
      } else if (hasEnds(at, i64(text + 16), i64(text + 24), maskOf(length), i32(text + 12))) {
        return text;
      }
    }
    text += TEXT_BYTES;
  }
  return 0;
}

// Texts that are known, with the code of each in the sink; until is 0 for the end of the line.
// Sink 0 only looks where they end, and -1 leaves all of them.
function readTexts(literal, until, count, out, sink): i32 {
  let odd = 0;
  let k = 0;
  while (k < count) {
    let place = i32(PLACES + (k << 2));
    let place4 = place << 2;
    let at = i32(AT + place4);
    k += 1;
    if (at < 0) { continue; }
    if (!isLiteral(at, literal)) {
      setI32(AT + place4, -1);
      continue;
    }
    at += i32(literal);
    let to = i32(STOP + place4);
    let isOdd = sink < 0;
    if (until != 0) {
      let stop = to;
      to = seek(at, stop, until);
      if (to == stop) {
        setI32(AT + place4, -1);
        continue;
      }
    } else if (u8(to - 1) == SPACE || u8(to - 1) == TAB) { isOdd = 1; }
    if (sink != 0 && !isOdd) {
      let text = findText(at, to - at, sink);
      isOdd = text == 0;
      if (!isOdd) { setI32(out + (place << 2), i32(text + 8)); }
    }
    if (isOdd) {
      setI32(ODD + (odd << 2), place);
      to = at;
      odd += 1;
    }
    setI32(AT + place4, to);
  }
  return odd;
}

// Payloads that end with the tail are of the layout; where other text follows it is not certain.
function endLayout(tail, count): i32 {
  let odd = 0;
  let k = 0;
  while (k < count) {
    let place = i32(PLACES + (k << 2));
    let at = i32(AT + (place << 2));
    k += 1;
    if (at < 0) { continue; }
    if (at + i32(tail) == i32(STOP + (place << 2)) && isLiteral(at, tail)) { continue; }
    setI32(ODD + (odd << 2), place);
    odd += 1;
  }
  return odd;
}

// Keeps the places whose payloads have another layout.
function keepOthers(count): i32 {
  let left = 0;
  let k = 0;
  while (k < count) {
    let place = i32(PLACES + (k << 2));
    if (i32(AT + (place << 2)) < 0) {
      setI32(PLACES + (left << 2), place);
      left += 1;
    }
    k += 1;
  }
  return left;
}
`;
