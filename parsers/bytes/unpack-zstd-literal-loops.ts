/** The literals of a block of zstd (RFC 8878, 3.1.1.3.1), by the codes of unpack-zstd-code-loops.ts. */

/** Four streams of literals are decoded side by side. */
const STREAMS = [0, 1, 2, 3] as const;
/** So many symbols of 11 bits or less are in a word of 64 bits that begins at a byte. */
const SYMBOLS_PER_WORD = 5;

const each = (text: (stream: number) => string): string => STREAMS.map(text).join('\n    ');

export const LITERAL_LOOPS = `
// One stream from bit at down to bit start, which must have as many bits as its literals take.
function finishStream(start, at, out, outEnd): i32 {
  let bits = i32(HUFFMAN_BITS);
  while (out < outEnd) {
    let bottom = at - bits;
    let word = bitsAt(bottom, bits);
    // Before the stream there is nothing but zeros.
    if (bottom < start) { word = (word >>> (start - bottom)) << (start - bottom); }
    let entry = u16(HUFFMAN + (word << 1));
    setU8(out, entry >>> 4);
    out += 1;
    at -= entry & 15;
    if (at < start) { return -1; }
  }
  if (at != start) { return -1; }
  return 0;
}

// The bits below one, the next of them on top.
inline function wordBelow(at): i64 {
  return i64(((at + 7) >>> 3) - 8) << wide((0 - at) & 7);
}

function oneStream(from, end, out, outEnd): i32 {
  let start = from << 3;
  let at = lastBit(from, end);
  if (at < 0) { return -1; }
  let shift = wide(64 - i32(HUFFMAN_BITS));
  while (at - start >= 64 && out + ${SYMBOLS_PER_WORD} <= outEnd) {
    let word = wordBelow(at);
    let nth = 0;
    while (nth < ${SYMBOLS_PER_WORD}) {
      let entry = u16(HUFFMAN + (low(word >>> shift) << 1));
      setU8(out, entry >>> 4);
      word = word << wide(entry & 15);
      at -= entry & 15;
      out += 1;
      nth += 1;
    }
  }
  return finishStream(start, at, out, outEnd);
}

function fourStreams(from, end, out, size): i32 {
  let quarter = (size + 3) >>> 2;
  if (end - from < 6 || 3 * quarter > size) { return -1; }
  let from0 = from + 6;
  let from1 = from0 + u16(from);
  let from2 = from1 + u16(from + 2);
  let from3 = from2 + u16(from + 4);
  if (from3 > end) { return -1; }
  let out0 = out;
  let out1 = out + quarter;
  let out2 = out1 + quarter;
  let out3 = out2 + quarter;
  let outEnd = out + size;
  let at0 = lastBit(from0, from1);
  let at1 = lastBit(from1, from2);
  let at2 = lastBit(from2, from3);
  let at3 = lastBit(from3, end);
  if (at0 < 0 || at1 < 0 || at2 < 0 || at3 < 0) { return -1; }
  ${each((n) => `let start${n} = from${n} << 3;`)}
  let shift = wide(64 - i32(HUFFMAN_BITS));
  let entry = 0;
  // The last stream has the fewest literals.
  while (out3 + ${SYMBOLS_PER_WORD} <= outEnd && ${STREAMS.map(
    (n) => `at${n} - start${n} >= 64`,
  ).join(' && ')}) {
    ${each((n) => `let word${n} = wordBelow(at${n});`)}
    ${Array.from({ length: SYMBOLS_PER_WORD }, (_, nth) =>
      each(
        (n) => `
    entry = u16(HUFFMAN + (low(word${n} >>> shift) << 1));
    setU8(out${n} + ${nth}, entry >>> 4);
    word${n} = word${n} << wide(entry & 15);
    at${n} -= entry & 15;`,
      ),
    ).join('\n')}
    ${each((n) => `out${n} += ${SYMBOLS_PER_WORD};`)}
  }
  if (finishStream(start0, at0, out0, out + quarter) < 0) { return -1; }
  if (finishStream(start1, at1, out1, out + 2 * quarter) < 0) { return -1; }
  if (finishStream(start2, at2, out2, out + 3 * quarter) < 0) { return -1; }
  return finishStream(start3, at3, out3, outEnd);
}

// Literals as they are, or one byte again and again.
function plainLiterals(from, end, most): i32 {
  let first = u8(from);
  let form = (first >>> 2) & 3;
  let size = first >>> 3;
  let at = from + 1;
  if (form == 1) {
    size = u16(from) >>> 4;
    at = from + 2;
  } else if (form == 3) {
    size = (i32(from) & 0xffffff) >>> 4;
    at = from + 3;
  }
  let isOne = first & 1;
  let next = at + size;
  if (isOne) { next = at + 1; }
  if (size > most || next > end) { return -1; }
  setI32(LITERALS_AT, at);
  setI32(LITERALS_END, at + size);
  if (isOne) {
    let word = wide(u8(at)) * 0x101010101010101n;
    at = SPACE;
    while (at < SPACE + size) {
      setI64(at, word);
      at += 8;
    }
    setI32(LITERALS_AT, SPACE);
    setI32(LITERALS_END, SPACE + size);
  }
  return next;
}

// 3.1.1.3.1: sets where the literals are, and returns where the sequences begin.
function readLiterals(from, end, most): i32 {
  let first = u8(from);
  let kind = first & 3;
  let form = (first >>> 2) & 3;
  if (end - from < 2) { return -1; }
  if (kind < 2) { return plainLiterals(from, end, most); }
  let head = 3;
  let width = 10;
  if (form >= 2) {
    head = form + 2;
    width = 4 * form + 6;
  }
  let word = (i64(from) & 0xffffffffffn) >>> 4n;
  let size = lowBits(word, width);
  let next = from + head + lowBits(word >>> wide(width), width);
  if (size > most || next > end) { return -1; }
  let at = from + head;
  // Kind 3 takes the code of the block before.
  if (kind == 2) { at = readHuffman(at, next); }
  if (at < 0 || i32(HUFFMAN_BITS) == 0) { return -1; }
  setI32(LITERALS_AT, SPACE);
  setI32(LITERALS_END, SPACE + size);
  let done = 0;
  if (form == 0) { done = oneStream(at, next, SPACE, SPACE + size); }
  else { done = fourStreams(at, next, SPACE, size); }
  if (done < 0) { return -1; }
  return next;
}
`;
