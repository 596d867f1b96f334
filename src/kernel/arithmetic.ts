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

/** jiffies_to_msecs for HZ up to 1000 (kernel/time/time.c). */
export function msOfJiffies(jiffies: Jiffies, hz: number): Ms {
  return asMs(mulDiv(jiffies, 1000, hz));
}

/** The jiffies that print as `ms`; the map is injective for HZ up to 1000. Undefined if none do. */
export function jiffiesOfMs(ms: Ms, hz: number): Jiffies | undefined {
  const jiffies = asJiffies(Math.ceil((ms * hz) / 1000));
  return msOfJiffies(jiffies, hz) === ms ? jiffies : undefined;
}

/**
 * Rates are printed as `pages << (PAGE_SHIFT - 10)`, which loses nothing
 * (include/trace/events/writeback.h, KBps()).
 */
export function pagesPerSecond(rate: KiBps, pageShift: number): PagesPerSecond {
  return asPagesPerSecond(Math.floor(rate / 2 ** (pageShift - 10)));
}
