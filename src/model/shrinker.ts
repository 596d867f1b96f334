/**
 * How much a shrinker is asked to scan (do_shrink_slab, mm/shrinker.c; mm/vmscan.c until 6.6).
 * Objects of the cache are counted, `seeks` says what it costs to make one again.
 *
 * Three eras: until 4.15 the share of the cache followed the share of the page lists scanned; since
 * 4.16 it follows the priority; since 5.13 so does the work put off by earlier calls.
 */
import { divide, mulDiv, shiftRight } from '../kernel/arithmetic.ts';

export const SHRINKER_ERAS = ['scanned-share', 'priority', 'priority-deferred'] as const;
export type ShrinkerEra = (typeof SHRINKER_ERAS)[number];

/** DEFAULT_SEEKS: most caches. Zero means that no I/O is needed to make the object again. */
export const DEFAULT_SEEKS = 2;

export type ShrinkCall = {
  /** Objects that could be freed. */
  readonly freeable: number;
  /** Objects that earlier calls put off. */
  readonly deferred: number;
  /** DEF_PRIORITY 12 is the gentlest; NaN in the first era. */
  readonly priority: number;
  /** Pages scanned of pages eligible; NaN in the later eras. */
  readonly scanned_pages: number;
  readonly eligible_pages: number;
};

/** The share of the cache for this call, before what was put off. */
export function shrinkDelta(call: ShrinkCall, seeks: number, era: ShrinkerEra): number {
  const { freeable, priority, scanned_pages, eligible_pages } = call;
  if (era === 'scanned-share') {
    return mulDiv(divide(4 * scanned_pages, seeks), freeable, eligible_pages + 1);
  }
  if (seeks === 0) return divide(freeable, 2);
  return divide(4 * shiftRight(freeable, priority), seeks);
}

/** What the call is to scan; `delta` as shrinkDelta gives it. */
export function shrinkTotal(call: ShrinkCall, delta: number, era: ShrinkerEra): number {
  const { freeable, deferred, priority } = call;
  const cap = 2 * freeable;
  if (era === 'priority-deferred') return Math.min(shiftRight(deferred, priority) + delta, cap);
  let total = deferred + delta;
  if (total < 0) total = freeable;
  // A small call is not to inherit all that was put off.
  if (delta < divide(freeable, 4)) total = Math.min(total, divide(freeable, 2));
  return Math.min(total, cap);
}

/**
 * What is put off after `scanned` objects, before other CPUs add theirs. The first two eras count
 * the caps of shrinkTotal as done only where they were scanned.
 */
export function shrinkDeferred(
  call: ShrinkCall,
  delta: number,
  scanned: number,
  era: ShrinkerEra,
): number {
  const rest = Math.max(0, call.deferred + delta - scanned);
  return era === 'priority-deferred' ? Math.min(rest, 2 * call.freeable) : rest;
}

/**
 * The seeks for which `delta` follows, as an inclusive interval of integers >= 1; undefined when
 * none does. Zero is not in it: test it with shrinkDelta.
 */
export function seeksOfDelta(
  call: ShrinkCall,
  delta: number,
  era: ShrinkerEra,
): { readonly low: number; readonly high: number } | undefined {
  if (era === 'scanned-share') return seeksOfShare(call, delta);
  const base = 4 * shiftRight(call.freeable, call.priority);
  return quotientInterval(base, delta);
}

/** Divisors d >= 1 with ⌊base/d⌋ = quotient. */
function quotientInterval(base: number, quotient: number) {
  const low = divide(base, quotient + 1) + 1;
  const high = quotient > 0 ? divide(base, quotient) : Number.POSITIVE_INFINITY;
  return low <= high ? { low, high } : undefined;
}

/** Seeks were small numbers (up to DEFAULT_SEEKS · 10), so that trying them is the plain way. */
const MOST_SEEKS = 64;

function seeksOfShare(call: ShrinkCall, delta: number) {
  let low = 0;
  let high = 0;
  for (let seeks = 1; seeks <= MOST_SEEKS; seeks++) {
    if (shrinkDelta(call, seeks, 'scanned-share') !== delta) continue;
    if (low === 0) low = seeks;
    high = seeks;
  }
  return low === 0 ? undefined : { low, high };
}
