/** The loops of text-loops.ts that are for lines, and what those for payloads need of them. */
export const LINE_LOOPS = `
// --- Bytes ---

function findByte(at, byte): i32 {
  let found = bytesEqual(at, byte);
  while (found == 0) {
    at += 16;
    found = bytesEqual(at, byte);
  }
  return at + zerosBelow(found);
}

// Gives stop where the byte does not stand before it.
function findBefore(at, stop, byte): i32 {
  while (at < stop) {
    let found = bytesEqual(at, byte);
    if (found != 0) {
      at += zerosBelow(found);
      break;
    }
    at += 16;
  }
  if (at > stop) { return stop; }
  return at;
}

// For 8 bytes and more.
function isSame(left, right, length): i32 {
  let last = length - 8;
  let at = 0;
  while (at < last) {
    if (i64(left + at) != i64(right + at)) { return 0; }
    at += 8;
  }
  return i64(left + last) == i64(right + last);
}

// Ones for the bytes of a word that a text of the length has in it.
function maskOf(length): i64 {
  if (length >= 8) { return -1n; }
  return (1n << wide(length << 3)) - 1n;
}

// --- Literals: see addLiteral of text-memory.ts ---

inline function hasEnds(at, first: i64, last: i64, mask: i64, tail): i32 {
  return (((i64(at) ^ first) | (i64(at + tail) ^ last)) & mask) == 0n;
}

function isLiteral(at, literal): i32 {
  let tail = i32(literal + 4);
  if (!hasEnds(at, i64(literal + 8), i64(literal + 16), i64(literal + 24), tail)) { return 0; }
  return tail <= 8 || isSame(at + 8, literal + 40, tail);
}

// First place of the literal; stop where it is not there.
function seek(at, stop, literal): i32 {
  let length = i32(literal);
  if (length == 0) { return stop; }
  while (at + length <= stop) {
    at = findBefore(at, stop, u8(literal + 32));
    if (at + length > stop) { break; }
    if (isLiteral(at, literal)) { return at; }
    at += 1;
  }
  return stop;
}

// --- Numbers ---

// Zero bits up to the top bit of the first byte that was no digit before 0x30 was taken from each.
inline function bitsOfDigits(word: i64): i64 {
  return zerosBelowWide(
    (word | ((word & 0x7f7f7f7f7f7f7f7fn) + 0x7676767676767676n)) & 0x8080808080808080n
  ) & 0x78n;
}

// Eight digits, the first in the lowest byte: pairs, then pairs of pairs, then both halves.
inline function pairs(word: i64): i64 {
  return ((word * 10n) + (word >>> 8n)) & 0x00ff00ff00ff00ffn;
}
inline function fours(pairs: i64): i64 {
  return ((pairs * 100n) + (pairs >>> 16n)) & 0x0000ffff0000ffffn;
}
inline function halves(fours: i64): i64 {
  return ((fours * 10000n) + (fours >>> 32n)) & 0xffffffffn;
}
inline function eightDigits(word: i64): i64 {
  return halves(fours(pairs(word)));
}

// Up to 16 digits; -1 where other bytes are among them.
function decimal(at, digits): i64 {
  let word = (i64(at) ^ 0x3030303030303030n) << wide(64 - (digits << 3));
  if (digits > 8) {
    let high = (i64(at) ^ 0x3030303030303030n) << wide(128 - (digits << 3));
    word = i64(at + digits - 8) ^ 0x3030303030303030n;
    if (bitsOfDigits(high) != 64n || bitsOfDigits(word) != 64n) { return -1n; }
    return eightDigits(high) * 100000000n + eightDigits(word);
  }
  if (bitsOfDigits(word) != 64n) { return -1n; }
  return eightDigits(word);
}

// Digits of so many bits each, up to the first other byte: 4 for base 16, 3 for base 8.
function endOfBits(at, bitsEach): i32 {
  while (u8(HEX + u8(at)) < 1 << bitsEach) { at += 1; }
  return at;
}

function valueOfBits(at, end, bitsEach): i64 {
  let value = 0n;
  while (at < end) {
    value = (value << wide(bitsEach)) | wide(u8(HEX + u8(at)));
    at += 1;
  }
  return value;
}

inline function isHexPrefix(at): i32 {
  return u8(at) == ZERO && u8(at + 1) == LETTER_X && u8(HEX + u8(at + 2)) < 16;
}

// Does a double hold it? 2^63 stands for LONG_MAX.
inline function isExact(value: i64): i32 {
  return (value >>> 53n) == 0n || truncated(double(value)) == value;
}

// --- Lines ---

// By the bytes where the pid, the CPU and the flags mostly stand.
function prefixSlot(end): i32 {
  let mixed = (i64(end - 8) * 0x9e3779b97f4a7c15n) ^ (i64(end - 16) * 0x85ebca6bc2b2ae35n);
  mixed = (mixed ^ i64(end - 24)) * 0x165667b127d4eb2fn;
  return PREFIXES + (low((mixed ^ (mixed >>> 32n)) >>> 7n) & LAST_PREFIX_SLOT) * PREFIX_SLOT_BYTES;
}

// comm-pid [cpu] flags: known as a whole; 0 where it is not.
function findPrefix(line, length): i32 {
  let prefix = prefixSlot(line + length);
  let end = prefix + PREFIX_SLOT_BYTES;
  while (prefix < end) {
    if (i32(prefix) == length && isSame(line, prefix + 16, length)) { return prefix; }
    prefix += PREFIX_BYTES;
  }
  return 0;
}

// Names that stand at a known place are told by their first and last bytes; others by the last.
function nameSlot(name, end): i32 {
  let first = i64(end - 13);
  let last = i64(end - 8);
  if (name != 0) {
    first = i64(name) & maskOf(end - name);
    if (end - name < 8) { last = 0n; }
  }
  let mixed = (first * 0x9e3779b97f4a7c15n) ^ (last * 0x85ebca6bc2b2ae35n);
  return low(mixed >>> 47n) & LAST_NAME_SLOT;
}

function pastSpaces(at): i32 {
  while (u8(at) == SPACE) { at += 1; }
  return at;
}

// Nothing but spaces and, where one is expected, a number between them.
function isBlank(from, to, hasPeriod): i32 {
  let at = from + zerosBelow(bytesEqual(from, SPACE) ^ 0x1ffff);
  at = pastSpaces(at);
  if (at == to || !hasPeriod) { return at == to; }
  let digits = at;
  while (u8(at) >= ZERO && u8(at) <= NINE) { at += 1; }
  return at > digits && u8(at) == SPACE && pastSpaces(at) == to;
}

// The event whose name ends there; 0 where it is not known.
function findEvent(name, end, isAligned): i32 {
  let from = name;
  if (isAligned) { from = 0; }
  let event = i32(EVENT_SLOTS + (nameSlot(from, end) << 2));
  while (event != 0) {
    let length = i32(event + 4);
    let at = end - length;
    let isThere = at == name;
    // A name may be a part of a longer one, so a space must stand before it.
    if (isAligned) { isThere = at >= name && u8(at - 1) == SPACE; }
    if (isThere && hasEnds(at, i64(event + 40), i64(event + 32), maskOf(length), i32(event + 20))) {
      isThere = length <= 16 || isSame(at, event + 40, length);
      if (isThere && (!isAligned || isBlank(name, at, i32(event + 24)))) { return event; }
    }
    event = i32(event);
  }
  return 0;
}

function addRow(row, from, stop, ts: f64, prefix, seq, table) {
  setI32(ROW_START + (row << 2), from);
  setI32(ROW_STOP + (row << 2), stop);
  setF64(ROW_TS + (row << 3), ts);
  setU16(ROW_CPU + (row << 1), i32(prefix + 4));
  setI32(ROW_PID + (row << 2), i32(prefix + 8));
  setI32(ROW_COMM + (row << 2), i32(prefix + 12));
  setI32(ROW_SEQ + (row << 2), seq);
  setU16(ROW_TABLE + (row << 1), table);
  let rows = i32(TABLE_ROWS + (table << 2));
  if (rows == 0) {
    let touched = i32(TOUCHED_COUNT);
    setI32(TOUCHED + (touched << 2), table);
    setI32(TOUCHED_COUNT, touched + 1);
  }
  setI32(TABLE_ROWS + (table << 2), rows + 1);
}

// Makes rows of lines up to the first that is not as usual, and gives where that begins.
function scanLines(line, end): i32 {
  let secondsAt = i32(HEAD_SECONDS);
  let pointAt = i32(HEAD_POINT);
  let headEnd = i32(HEAD_END);
  let fractionDigits = headEnd - pointAt - 2;
  let nameWidth = i32(NAME_WIDTH);
  let originSeconds = f64(ORIGIN_SECONDS);
  let originFraction = f64(ORIGIN_FRACTION);
  let lastTs = f64(LAST_TS);
  let previousTs = f64(PREVIOUS_TS);
  let row = i32(ROWS);
  let seq = i32(EVENTS);
  let lines = i32(LINES);
  let firsts = 0;
  while (line < end && row < MAX_ROWS) {
    let newline = findByte(line, LF);
    let stop = newline - (u8(newline - 1) == CR);
    if (headEnd == 0 || line + headEnd >= stop || newline - line > MAX_LINE) { break; }
    let prefix = findPrefix(line, secondsAt);
    if (u8(line) == HASH || prefix == 0) { break; }
    let point = line + pointAt;
    let name = line + headEnd + 1;
    if (u8(point) != DOT || u8(name - 2) != COLON || u8(name - 1) != SPACE) { break; }
    let seconds = decimal(line + secondsAt, pointAt - secondsAt);
    let fraction = decimal(point + 1, fractionDigits);
    if ((seconds | fraction) < 0n) { break; }
    if (fractionDigits == 6) { fraction = fraction * 1000n; }
    let ts = (double(seconds) - originSeconds) * 1e9 + (double(fraction) - originFraction);
    let cpu = i32(prefix + 4);
    let lastOfCpu = LAST_OF_CPU + (cpu << 3);
    // Lines that go on behind one that went back are in the span of time that it made disorder.
    if (ts < previousTs || ts < f64(lastOfCpu) || u8(IS_WAITING + cpu)) { break; }
    // None is at or behind NaN: the first of its CPU.
    let isFirst = !(ts >= f64(lastOfCpu));
    if (isFirst && (!i32(NOTES_FIRSTS) || firsts == MAX_FIRSTS)) { break; }
    let nameEnd = name + nameWidth;
    if (nameWidth < 0) { nameEnd = findBefore(name, stop, COLON); }
    if (nameEnd + 1 >= stop || u8(nameEnd) != COLON || u8(nameEnd + 1) != SPACE) { break; }
    let event = findEvent(name, nameEnd, nameWidth >= 0);
    if (event == 0) { break; }
    let payload = nameEnd + 2;
    if (i32(event + 12)) {
      while (u8(payload) == SPACE || u8(payload) == TAB) { payload += 1; }
    }
    addRow(row, payload, stop, ts, prefix, seq, i32(event + 8));
    if (isFirst) {
      setI32(FIRST_CPU + (firsts << 2), cpu);
      setF64(FIRST_TS + (firsts << 3), ts);
      firsts += 1;
    }
    setI32(event + 16, i32(event + 16) + 1);
    setF64(lastOfCpu, ts);
    if (ts > lastTs) { lastTs = ts; }
    previousTs = ts;
    row += 1;
    seq += 1;
    lines += 1;
    line = newline + 1;
  }
  setI32(ROWS, row);
  setI32(EVENTS, seq);
  setI32(LINES, lines);
  setI32(FIRST_COUNT, firsts);
  setF64(LAST_TS, lastTs);
  setF64(PREVIOUS_TS, previousTs);
  return line;
}

// Rows by table; TABLE_NEXT says where each table's begin.
function sortRows(rows) {
  let row = 0;
  while (row < rows) {
    let next = TABLE_NEXT + (u16(ROW_TABLE + (row << 1)) << 2);
    let place = i32(next);
    setI32(SORTED + (place << 2), row);
    setI32(next, place + 1);
    row += 1;
  }
}
`;
