/**
 * The kernel's integer arithmetic: truncating division and shifts on 64-bit values. Operands are
 * doubles that hold integers; a product that a double cannot hold exactly goes through BigInt.
 */
import { assert } from '../trace/assert.ts';
import {
  asJiffies,
  asMs,
  asPagesPerSecond,
  type Jiffies,
  type KiBps,
  type Ms,
  type PagesPerSecond,
} from '../trace/units.ts';

/**
 * ⌊a·b/divisor⌋ of non-negative integers, as mul_u64_u64_div_u64 or a plain u64 expression gives.
 */
export function mulDiv(a: number, b: number, divisor: number): number {
  assert(divisor > 0, 'division by zero in kernel arithmetic');
  const product = a * b;
  // The negation lets NaN, a value that was not printed, through as NaN.
  if (!(product > Number.MAX_SAFE_INTEGER)) return Math.floor(product / divisor);
  return Number((BigInt(a) * BigInt(b)) / BigInt(divisor));
}

/** ⌊a/b⌋ of non-negative integers below 2^53 (div_u64). */
export function divide(a: number, b: number): number {
  assert(b > 0, 'division by zero in kernel arithmetic');
  return Math.floor(a / b);
}

/** Signed division, towards zero (div_s64, `/` of C). */
export function truncDivide(a: number, b: number): number {
  assert(b !== 0, 'division by zero in kernel arithmetic');
  return Math.trunc(a / b);
}

/** 2^bits: a shift where one will do, because V8 calls pow() for `**`, which takes 20 times as long. */
export function powerOfTwo(bits: number): number {
  return bits >= 0 && bits < 31 && (bits | 0) === bits ? 1 << bits : 2 ** bits;
}

/** `value >> bits`: arithmetic, so a negative value rounds down. For |value| below 2^53. */
export function shiftRight(value: number, bits: number): number {
  return Math.floor(value / powerOfTwo(bits));
}

/** `value | 1` on a 64-bit value: only the lowest bit changes. */
export function orOne(value: number): number {
  return value % 2 === 0 ? value + 1 : value;
}

/** ilog2: the position of the highest bit of a positive integer, counted from zero. */
export function ilog2(value: number): number {
  assert(value >= 1, 'logarithm of zero in kernel arithmetic');
  if (value < 2 ** 31) return 31 - Math.clz32(value);
  // Math.log2 rounds up just below a power of two.
  const guess = Math.floor(Math.log2(value));
  return 2 ** guess > value ? guess - 1 : guess;
}

/** roundup_pow_of_two of a positive integer. */
export function roundUpPowerOfTwo(value: number): number {
  const below = powerOfTwo(ilog2(value));
  return below === value ? value : below * 2;
}

/** jiffies_to_msecs for HZ up to 1000 (kernel/time/time.c). */
export function msOfJiffies(jiffies: Jiffies, hz: number): Ms {
  return asMs(mulDiv(jiffies, 1000, hz));
}

/** The jiffies that print as `ms`; the map is injective for HZ up to 1000. Undefined if none do. */
export function jiffiesOfMs(ms: Ms, hz: number): Jiffies | undefined {
  const jiffies = asJiffies(Math.ceil((ms * hz) / 1000));
  return msOfJiffies(jiffies, hz) === ms ? jiffies : undefined;
}

/** Signed `jiffies * 1000 / HZ`, as the throttle prints times that may lie in the past. */
export function printedMs(jiffies: number, hz: number): number {
  return Math.trunc((jiffies * 1000) / hz);
}

/** The jiffies that `printedMs` prints as `ms`; NaN if none do. */
export function jiffiesOfPrinted(ms: number, hz: number): number {
  const jiffies = Math.sign(ms) * Math.ceil((Math.abs(ms) * hz) / 1000);
  return printedMs(jiffies, hz) === ms ? jiffies : Number.NaN;
}

/**
 * Rates are printed as `pages << (PAGE_SHIFT - 10)`, which loses nothing
 * (include/trace/events/writeback.h, KBps()).
 */
export function pagesPerSecond(rate: KiBps, pageShift: number): PagesPerSecond {
  return asPagesPerSecond(Math.floor(rate / powerOfTwo(pageShift - 10)));
}
