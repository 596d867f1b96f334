/**
 * Values as printed text → one cell of a column. Each `store…` reads from `at`, writes row `row` of
 * the sink and returns the position after the value, or -1 when none stands there.
 * Numbers are read byte by byte; only those above 15 digits go through BigInt. The byte after a
 * line is a newline (or the end of the buffer), so that no number runs past its line.
 */
import { LONG_MAX_DOUBLE } from '../../src/trace/column.ts';
import type { TextSink, WideNumber } from './text-columns.ts';
import { isAt, literalOf } from './text-literal.ts';

const ZERO = 0x30;
const MINUS = 0x2d;
const LETTER_X = 0x78;
const TWO_32 = 4294967296;
/** Digits that a double surely holds: 10^15 and 16^13 are below 2^53. */
const SAFE_DIGITS = 15;
const SAFE_HEX_DIGITS = 13;
const TWO_53 = 9007199254740992;
const LONG_MAX = 9223372036854775807n;

/** How the last number was written, for the callers in this file: no object per number. */
const scan = { value: 0, digits: 0 };

export function isSpace(byte: number | undefined): boolean {
  return byte === 0x20 || byte === 0x09;
}

/** 1 for the bytes of names: letters, digits and the underscore. */
const WORD = new Uint8Array(256);
for (let byte = 0; byte < 256; byte++) WORD[byte] = /\w/.test(String.fromCharCode(byte)) ? 1 : 0;

export function isWordByte(byte: number | undefined): boolean {
  return WORD[byte as number] === 1;
}

/** 0 to 15, or 255. */
const HEX = new Uint8Array(256).fill(255);
for (let digit = 0; digit < 16; digit++) {
  HEX[digit.toString(16).charCodeAt(0)] = digit;
  HEX[digit.toString(16).toUpperCase().charCodeAt(0)] = digit;
}

/** Reads digits of the radix; `scan` then holds them as a double and how many there were. */
function scanDigits(bytes: Uint8Array, from: number, radix: number): number {
  let at = from;
  if (radix === 10) {
    // value = value * 10 + digit, in 32-bit integers as long as nine digits fit into them.
    let small = 0;
    let digit = (bytes[at] as number) - ZERO;
    const wide = from + 9;
    while (digit >= 0 && digit <= 9 && at < wide) {
      small = (small * 10 + digit) | 0;
      digit = (bytes[++at] as number) - ZERO;
    }
    let value = small;
    while (digit >= 0 && digit <= 9) {
      value = value * 10 + digit;
      digit = (bytes[++at] as number) - ZERO;
    }
    scan.value = value;
  } else {
    let value = 0;
    let digit = HEX[bytes[at] as number] as number;
    while (digit < radix) {
      value = value * radix + digit;
      digit = HEX[bytes[++at] as number] as number;
    }
    scan.value = value;
  }
  scan.digits = at - from;
  return at;
}

/** `0x` says hexadecimal whatever the radix: trace-cmd prints some decimal fields so. */
function isHexPrefix(bytes: Uint8Array, at: number): boolean {
  if (bytes[at] !== ZERO || bytes[at + 1] !== LETTER_X) return false;
  return (HEX[bytes[at + 2] as number] as number) < 16;
}

/** The digits between two positions as 64 bits; undefined when they are more than that. */
function exactDigits(bytes: Uint8Array, from: number, to: number, radix: number) {
  if (to - from > 24) return undefined;
  const digits = String.fromCharCode(...bytes.subarray(from, to));
  const value = BigInt(radix === 10 ? digits : `0${radix === 16 ? 'x' : 'o'}${digits}`);
  return value < 1n << 64n ? value : undefined;
}

/**
 * A quantity, e.g. `12315`, `-4294824915`, `18446744073709513951` or `0x7fffffffffffffff`: a
 * double; an unsigned value of 2^63 and more as the negative one it stands for, and what a double
 * cannot hold also exactly.
 */
export function storeNumber(bytes: Uint8Array, at: number, sink: TextSink, row: number): number {
  const negative = bytes[at] === MINUS;
  let from = negative ? at + 1 : at;
  let radix = sink.radix;
  if (bytes[from] === ZERO && isHexPrefix(bytes, from)) {
    radix = 16;
    from += 2;
  }
  const end = scanDigits(bytes, from, radix);
  const digits = scan.digits;
  if (digits === 0) return -1;
  if (digits > (radix === 10 ? SAFE_DIGITS : SAFE_HEX_DIGITS)) {
    // Such values are limits that repeat, like 0x7fffffffffffffff: parsed once.
    const { wide } = sink;
    const isSame = wide.text.length === end - at && isAt(bytes, at, wide.text);
    if (!isSame) {
      const magnitude = exactDigits(bytes, from, end, radix);
      if (magnitude === undefined) return -1;
      const text = literalOf(bytes.slice(at, end));
      sink.wide = { text, ...wideValue(sink, negative ? -magnitude : magnitude) };
    }
    const { double, exact } = sink.wide;
    sink.f64[row] = double;
    if (double < 0) sink.mayBeNegative = true;
    if (exact !== undefined) sink.exact.set(row, exact);
    return end;
  }
  const value = negative ? -scan.value : scan.value;
  if (negative) sink.mayBeNegative = true;
  sink.f64[row] = sink.divisor === 1 ? value : Math.floor(value / sink.divisor);
  return end;
}

/** The same rule as countReader of binary-fields.ts, for equal columns. */
function wideValue(sink: TextSink, printed: bigint): Omit<WideNumber, 'text'> {
  const raw = BigInt.asUintN(64, printed) / BigInt(sink.divisor);
  const value = BigInt.asIntN(64, raw);
  const double = Number(value);
  // LONG_MAX, which is frequent, is what 2^63 stands for.
  if (double === LONG_MAX_DOUBLE && value === LONG_MAX) return { double, exact: undefined };
  if (BigInt(double) === value) return { double, exact: undefined };
  return { double, exact: sink.signed ? value : raw };
}

/** A 64-bit identity, e.g. `ino=2179217` or, in base 16, `ino fe00000`. */
export function storeId(bytes: Uint8Array, at: number, sink: TextSink, row: number): number {
  const negative = bytes[at] === MINUS;
  let from = negative ? at + 1 : at;
  let radix = sink.radix;
  if (bytes[from] === ZERO && isHexPrefix(bytes, from)) {
    radix = 16;
    from += 2;
  }
  const end = scanDigits(bytes, from, radix);
  if (scan.digits === 0) return -1;
  const value = scan.value;
  if (!negative && value < TWO_53) {
    const low = value >>> 0;
    sink.u32[2 * row] = low;
    sink.u32[2 * row + 1] = (value - low) / TWO_32;
    return end;
  }
  const magnitude = exactDigits(bytes, from, end, radix);
  if (magnitude === undefined) return -1;
  const bits = BigInt.asUintN(64, negative ? -magnitude : magnitude);
  sink.u32[2 * row] = Number(bits & 0xffffffffn);
  sink.u32[2 * row + 1] = Number(bits >> 32n);
  return end;
}

/**
 * A device, `7:0` or `7,0`; a bare number, also `0x700000`, is already the kernel's
 * major << 20 | minor.
 */
export function storeDevice(bytes: Uint8Array, at: number, sink: TextSink, row: number): number {
  if (bytes[at] === ZERO && isHexPrefix(bytes, at)) {
    const end = scanDigits(bytes, at + 2, 16);
    if (scan.digits === 0 || scan.digits > 8) return -1;
    sink.f64[row] = scan.value;
    return end;
  }
  const majorEnd = scanDigits(bytes, at, 10);
  if (scan.digits === 0 || scan.digits > 10) return -1;
  const major = scan.value;
  const separator = bytes[majorEnd];
  if (separator !== 0x3a && separator !== 0x2c) {
    sink.f64[row] = major;
    return majorEnd;
  }
  const minorEnd = scanDigits(bytes, majorEnd + 1, 10);
  if (scan.digits === 0 || major >= 4096 || scan.value >= 1048576) return -1;
  sink.f64[row] = major * 1048576 + scan.value;
  return minorEnd;
}

/**
 * The number that stands before the name of the event whose payload is at `payload`, which perf
 * calls its period; NaN where there is none.
 *
 *   4692.065131:          1                system:event: payload
 */
export function periodBefore(bytes: Uint8Array, payload: number): number {
  let at = payload;
  while (isSpace(bytes[at - 1])) at--;
  while ((bytes[at - 1] as number) > 0x20) at--;
  while (isSpace(bytes[at - 1])) at--;
  const end = at;
  while (end - at < SAFE_DIGITS && ((bytes[at - 1] as number) - ZERO) >>> 0 < 10) at--;
  if (at === end || !isSpace(bytes[at - 1])) return Number.NaN;
  scanDigits(bytes, at, 10);
  return scan.value;
}

/** `key=value …` */
export function beginsWithKey(bytes: Uint8Array, start: number, end: number): boolean {
  let at = start;
  while (at < end && isWordByte(bytes[at])) at++;
  return at > start && at < end && bytes[at] === 0x3d;
}
