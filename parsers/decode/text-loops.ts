/**
 * The hot loops of text, in the language of wasm/loop-language.ts: lines that begin as lines before
 * them did become rows, then the payloads of a table are followed through a layout. What is not as
 * usual is left to the plain versions in TypeScript (text-head.ts and the formats' line.ts for
 * lines, text-match.ts and text-values.ts for payloads): such lines end a scan, such rows stay in
 * PLACES. Both ways give the same tables, which the tests check. Measured: reading takes 0.6
 * (ftrace) and 0.8 (perf script) of the CPU time that it took with loops in TypeScript, and threads
 * do not compile them anew.
 *
 * All addresses are named in text-places.ts. Reading some bytes beyond a line is harmless.
 */
import { LINE_LOOPS } from './text-line-loops.ts';

export const TEXT_LOOPS = `${LINE_LOOPS}
// --- Payloads: rows of one table, by their place among them. AT is where a row was read to, OTHER
// where it has another layout, or PLAIN where the plain versions must decide. ---

function startBatch(first, count) {
  let place = 0;
  while (place < count) {
    let row = i32(SORTED + ((first + place) << 2));
    setI32(START + (place << 2), i32(ROW_START + (row << 2)));
    setI32(STOP + (place << 2), i32(ROW_STOP + (row << 2)));
    setI32(AT + (place << 2), OTHER);
    setI32(PLACES + (place << 2), place);
    place += 1;
  }
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

// Rows go on to where the literal is, after text that varies.
function seekLiteral(slot, k, end) {
  while (k < end) {
    let place4 = i32(PLACES + (k << 2)) << 2;
    let at = i32(AT + place4);
    if (at >= 0) { setI32(AT + place4, seek(at, i32(STOP + place4), i32(slot + 4))); }
    k += 1;
  }
}

// Does the literal stand there? With it in variables: read anew for each value, or in a loop before
// that of the values, all took 8 % longer.
inline function isThere(at, literal, first: i64, last: i64, mask: i64, tail): i32 {
  return at >= 0 && hasEnds(at, first, last, mask, tail) && (tail <= 8 || isLiteral(at, literal));
}

function leave(place4) {
  if (i32(AT + place4) >= 0) { setI32(AT + place4, OTHER); }
}

// The row has the value to 64 bits, of which a double has but 53.
function noteWide(slot, place, value: i64) {
  let at = WIDE + (i32(WIDE_COUNT) << 4);
  setI32(at, place);
  setI32(at + 4, i32(slot + 16));
  setI64(at + 8, value);
  setI32(WIDE_COUNT, i32(WIDE_COUNT) + 1);
}

// 12315 and, unless it is an identity or divided, -12.
function readDecimals(slot, out, k, end) {
  let literal = i32(slot + 4);
  let length = i32(literal);
  let tail = i32(literal + 4);
  let first = i64(literal + 8);
  let last = i64(literal + 16);
  let mask = i64(literal + 24);
  let isId = i32(slot) == IDENTITY;
  let divisor = i32(slot + 20);
  let isPlain = isId == 0 && divisor == 1;
  while (k < end) {
    let place = i32(PLACES + (k << 2));
    k += 1;
    let from = i32(AT + (place << 2));
    if (!isThere(from, literal, first, last, mask, tail)) {
      leave(place << 2);
      continue;
    }
    from += length;
    let isNegative = u8(from) == MINUS && isPlain;
    from += isNegative;
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
        if (digits == 16) {
          word = i64(from + 16) ^ 0x3030303030303030n;
          bits = bitsOfDigits(word);
          more = low(bits) >>> 3;
          if (more != 0) {
            value = value * i64(POWERS + (more << 3)) + eightDigits(word << (64n - bits));
            digits += more;
          }
        }
      }
    }
    let isOdd = digits == 0 || digits > 19 || digits > 15 && isNegative;
    let next = from + digits;
    if (u8(next) == LETTER_X && isHexPrefix(from)) {
      next = endOfBits(from + 2, 4);
      value = valueOfBits(from + 2, next, 4);
      digits = next - from - 2;
      isOdd = digits > 16 || digits > 13 && isNegative;
    }
    if (divisor != 1) { value = value / wide(divisor); }
    if (isOdd || isId == 0 && value < 0n) { next = PLAIN; }
    else if (isId == 0 && !isExact(value)) { noteWide(slot, place, value); }
    setI32(AT + (place << 2), next);
    if (isId) { setI64(out + (place << 3), value); }
    else {
      let number = double(value);
      if (isNegative) {
        number = negated(number);
        setI32(NEGATIVES + (i32(slot + 16) << 2), 1);
        setI32(NEGATIVE_COUNT, i32(NEGATIVE_COUNT) + 1);
      }
      setF64(out + (place << 3), number);
    }
  }
}

// fe00000, 0x3dd440 and, of three bits each, 0100644.
function readBits(slot, out, k, end) {
  let literal = i32(slot + 4);
  let length = i32(literal);
  let tail = i32(literal + 4);
  let first = i64(literal + 8);
  let last = i64(literal + 16);
  let mask = i64(literal + 24);
  let isId = i32(slot) == IDENTITY;
  let divisor = i32(slot + 20);
  while (k < end) {
    let place = i32(PLACES + (k << 2));
    k += 1;
    let from = i32(AT + (place << 2));
    if (!isThere(from, literal, first, last, mask, tail)) {
      leave(place << 2);
      continue;
    }
    from += length;
    let bits = i32(slot + 24);
    if (isHexPrefix(from)) {
      bits = 4;
      from += 2;
    }
    let next = endOfBits(from, bits);
    let value = valueOfBits(from, next, bits);
    let isOdd = next == from || next - from > 16;
    if (divisor != 1) { value = value / wide(divisor); }
    if (isOdd || isId == 0 && value < 0n) { next = PLAIN; }
    else if (isId == 0 && !isExact(value)) { noteWide(slot, place, value); }
    setI32(AT + (place << 2), next);
    if (isId) { setI64(out + (place << 3), value); }
    else { setF64(out + (place << 3), double(value)); }
  }
}

// 7:0 and 7,0, of up to seven digits each.
function readDevices(slot, out, k, end) {
  let literal = i32(slot + 4);
  let length = i32(literal);
  let tail = i32(literal + 4);
  let first = i64(literal + 8);
  let last = i64(literal + 16);
  let mask = i64(literal + 24);
  while (k < end) {
    let place = i32(PLACES + (k << 2));
    k += 1;
    let at = i32(AT + (place << 2));
    if (!isThere(at, literal, first, last, mask, tail)) {
      leave(place << 2);
      continue;
    }
    at += length;
    let word = i64(at) ^ 0x3030303030303030n;
    let majorBits = bitsOfDigits(word);
    let separator = at + (low(majorBits) >>> 3);
    let minorWord = i64(separator + 1) ^ 0x3030303030303030n;
    let minorBits = bitsOfDigits(minorWord);
    let isDevice = u8(separator) == COLON || u8(separator) == COMMA;
    let hasDigits = majorBits != 0n && majorBits < 64n && minorBits != 0n && minorBits < 64n;
    let major = eightDigits(word << (64n - majorBits));
    let minor = eightDigits(minorWord << (64n - minorBits));
    let next = separator + 1 + (low(minorBits) >>> 3);
    if (!isDevice || !hasDigits || major >= 4096n || minor >= 1048576n) { next = PLAIN; }
    setI32(AT + (place << 2), next);
    setF64(out + (place << 3), double((major << 20n) | minor));
  }
}

// Where the text from a place on ends; before it where the layout has none there.
function endOfText(layout, slot, at, stop): i32 {
  let to = stop;
  let until = i32(slot + 12);
  if (until != 0) {
    to = seek(at, stop, until);
    if (to == stop) { return OTHER; }
  } else if (!i32(layout + 12)) {
    while (to > at && (u8(to - 1) == SPACE || u8(to - 1) == TAB)) { to -= 1; }
    to -= i32(i32(layout + 4));
  }
  if (i32(slot) == FUNCTION) {
    let end = to;
    to = at;
    while (to < end && u8(to) != PLUS && u8(to) != SPACE && u8(to) != TAB) { to += 1; }
    if (end < at) { return OTHER; }
  }
  return to;
}

// Texts that are known, with the code of each in the sink.
function readTexts(layout, slot, out, k, end) {
  let literal = i32(slot + 4);
  let length = i32(literal);
  let tail = i32(literal + 4);
  let first = i64(literal + 8);
  let last = i64(literal + 16);
  let mask = i64(literal + 24);
  while (k < end) {
    let place = i32(PLACES + (k << 2));
    let place4 = place << 2;
    k += 1;
    let at = i32(AT + place4);
    if (!isThere(at, literal, first, last, mask, tail)) {
      leave(place4);
      continue;
    }
    at += length;
    let to = endOfText(layout, slot, at, i32(STOP + place4));
    if (to < at) { to = OTHER; }
    else if (i32(slot) != NOTHING) {
      let text = findText(at, to - at, i32(slot + 28));
      if (text == 0) { to = PLAIN; }
      else { setI32(out + (place << 2), i32(text + 8)); }
    }
    setI32(AT + place4, to);
  }
}

// After the last value: nothing but the tail and spaces. In an open layout words may follow, of
// which it is not certain that they are no values.
function endRow(layout, place4) {
  let at = i32(AT + place4);
  let stop = i32(STOP + place4);
  let tail = i32(layout + 4);
  if (at < 0) { return; }
  if (i32(layout + 8)) { at = PLAIN; }
  else if (at > stop || !isLiteral(at, tail)) { at = OTHER; }
  else {
    at += i32(tail);
    while (at < stop && (u8(at) == SPACE || u8(at) == TAB)) { at += 1; }
    if (at != stop) { at = OTHER; }
  }
  setI32(AT + place4, at);
}

// Slot by slot: each value goes to its sink's place in OUT.
function followSlots(layout, k, end, stride) {
  let slot = layout + 16;
  let last = slot + i32(layout) * SLOT_BYTES;
  while (slot < last) {
    let out = OUT + i32(slot + 16) * stride;
    if (!i32(slot + 8)) { seekLiteral(slot, k, end); }
    if (i32(slot) == DEVICE) { readDevices(slot, out, k, end); }
    else if (i32(slot) > DEVICE) { readTexts(layout, slot, out, k, end); }
    else if (i32(slot + 24)) { readBits(slot, out, k, end); }
    else { readDecimals(slot, out, k, end); }
    slot += SLOT_BYTES;
  }
}

// Follows a layout through the rows in PLACES, some at a time, whose text stays in the processor's
// first cache from slot to slot: with all at once, blocks of 2 MiB took up to 8 % longer. Keeps the
// rows in PLACES that have another layout or that the plain versions must read.
function followRows(layout, count, stride): i32 {
  let k = 0;
  while (k < count) {
    let place4 = i32(PLACES + (k << 2)) << 2;
    if (i32(AT + place4) == OTHER) { setI32(AT + place4, i32(START + place4)); }
    k += 1;
  }
  setI32(WIDE_COUNT, 0);
  k = 0;
  while (k < count) {
    let end = k + ROWS_AT_ONCE;
    if (end > count) { end = count; }
    followSlots(layout, k, end, stride);
    k = end;
  }
  let left = 0;
  k = 0;
  while (k < count) {
    let place = i32(PLACES + (k << 2));
    endRow(layout, place << 2);
    if (i32(AT + (place << 2)) < 0) {
      setI32(PLACES + (left << 2), place);
      left += 1;
    }
    k += 1;
  }
  return left;
}
`;
