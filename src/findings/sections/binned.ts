/** Amounts per time: sums over even bins of a window, as rates. */
import type { Context } from '../context.ts';

/** About so many bins; more cannot be told apart on a screen. */
const BINS = 300;

export type Binned = {
  readonly t_ns: Float64Array;
  /** Amount per second in each bin; the last value only ends the last step. */
  readonly per_s: Float64Array;
  readonly bin_ns: number;
};

/** 1, 2 or 5 times a power of ten, at least `ns`: a width that can be said. */
export function roundBin(ns: number): number {
  const power = 10 ** Math.floor(Math.log10(Math.max(1, ns)));
  return ([1, 2, 5].find((factor) => factor * power >= ns) ?? 10) * power;
}

export function binWidth({ window_ns: [from_ns, to_ns] }: Context): number {
  return roundBin((to_ns - from_ns) / BINS);
}

/** Sums `amountOf(row)` per bin; a bin in which events were lost and none was kept is unknown. */
export function ratePerBin(
  context: Context,
  ts_ns: ArrayLike<number>,
  amountOf: (row: number) => number,
): Binned {
  const [from_ns, to_ns] = context.window_ns;
  const bin_ns = binWidth(context);
  const bins = Math.max(1, Math.ceil((to_ns - from_ns) / bin_ns));
  const sums = new Float64Array(bins + 1);
  const counts = new Uint32Array(bins);
  for (let row = 0; row < ts_ns.length; row++) {
    const ts = ts_ns[row] as number;
    if (!(ts >= from_ns && ts <= to_ns)) continue;
    const bin = Math.min(bins - 1, Math.floor((ts - from_ns) / bin_ns));
    counts[bin] = (counts[bin] as number) + 1;
    sums[bin] = (sums[bin] as number) + (amountOf(row) || 0);
  }
  const { losses, duration_ns } = context.facts;
  for (let bin = 0; bin < bins; bin++) {
    const begins = from_ns + bin * bin_ns;
    // On an axis shared with another capture: what lies outside of this one is not known.
    const isOutside = begins + bin_ns <= 0 || begins >= duration_ns;
    const isGap = counts[bin] === 0 && (isOutside || losses.overlaps(begins, begins + bin_ns));
    sums[bin] = isGap ? Number.NaN : ((sums[bin] as number) * 1e9) / bin_ns;
  }
  sums[bins] = sums[bins - 1] as number;
  const t_ns = Float64Array.from(sums, (_, bin) => Math.min(to_ns, from_ns + bin * bin_ns));
  return { t_ns, per_s: sums, bin_ns };
}

/** Sums by key, the largest first. */
export function largest<K>(sums: ReadonlyMap<K, number>, most: number): K[] {
  return [...sums]
    .sort(([, left], [, right]) => right - left)
    .slice(0, most)
    .map(([key]) => key);
}

/** An answer for sections whose events are missing: why, and what to record. */
export function notRecorded(context: Context, names: readonly string[], flags: string) {
  const silent = names.some((name) => context.isRecorded(name));
  if (silent && context.trace.losses.length === 0) {
    const summary = `Recorded, and it never happened: ${names.join(', ')}.`;
    return { status: 'clear' as const, summary, details: [], weakenedBy: [] };
  }
  const summary = silent
    ? `${names.join(', ')} did not happen in what was kept, but events were lost.`
    : `This capture has no ${names.join(' or ')}. Record it next time: trace-cmd record ${flags}`;
  return { status: 'unknown' as const, summary, details: [], weakenedBy: [] };
}
