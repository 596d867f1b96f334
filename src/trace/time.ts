/**
 * Time is `ts_ns`: nanoseconds since the trace's first event as a double, exact for 104 days. The
 * absolute origin stays a bigint in the trace's meta data, so no bit of it is lost.
 */

export const NS_PER_US = 1e3;
export const NS_PER_MS = 1e6;
export const NS_PER_S = 1e9;

/** `4.661 s`: a moment, or a length that is compared with moments. */
export function secondsText(ns: number): string {
  return `${(ns / NS_PER_S).toFixed(3)} s`;
}

/** Nanoseconds that no double holds, as seconds with `digits` decimals, for printing. */
export function formatSecondsNs(ns: bigint, digits = 9): string {
  const sign = ns < 0n ? '-' : '';
  const magnitude = ns < 0n ? -ns : ns;
  const fraction = (magnitude % 1_000_000_000n).toString().padStart(9, '0').slice(0, digits);
  return `${sign}${magnitude / 1_000_000_000n}${digits > 0 ? `.${fraction}` : ''}`;
}
