/**
 * Fewer points, same picture. Every bin keeps its first, lowest, highest and last value (M4), so a
 * one-sample spike survives and a step keeps the level that it left the bin with. Points that
 * repeat the level of a step, or lie inside a flat stretch of a line, carry nothing and go first.
 */

export type Curve = {
  readonly shape: 'step' | 'linear' | 'point';
  readonly t_ns: Float64Array;
  readonly values: Float64Array;
};

export type Kept = {
  /** Ascending positions in the curve. */
  readonly indices: number[];
  /** Width of the bins; 0 when no change was left out. */
  readonly binNs: number;
};

/** One bin on each side of zero always fits in here, so that widening the bins comes to an end. */
const LEAST = 16;

type Range = { readonly from: number; readonly to: number };

/** First position whose time is at or after `t`. */
export function lowerBound(times: Float64Array, t: number): number {
  let low = 0;
  let high = times.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (times[middle] < t) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** 1, 1.5, 2 … 8, 10, 15 … nanoseconds: a bin width that can be said in a caption. */
function roundWidth(atLeastNs: number): number {
  const power = 10 ** Math.floor(Math.log10(Math.max(1, atLeastNs)));
  for (const factor of [1, 1.5, 2, 2.5, 3, 4, 5, 6, 8]) {
    if (factor * power >= atLeastNs) return factor * power;
  }
  return 10 * power;
}

function same(a: number, b: number): boolean {
  return a === b || (Number.isNaN(a) && Number.isNaN(b));
}

/** Whether leaving the point out would change the drawn curve. */
function matters(curve: Curve, range: Range, i: number): boolean {
  if (curve.shape === 'point' || i === range.from || i === range.to - 1) return true;
  const value = curve.values[i];
  if (!same(value, curve.values[i - 1])) return true;
  return curve.shape === 'linear' && !same(value, curve.values[i + 1]);
}

/** Positions inside the window, plus those just outside that the drawn line starts or ends at. */
function drawnRange(curve: Curve, window: readonly [number, number]): Range {
  const inside = lowerBound(curve.t_ns, window[0]);
  let to = lowerBound(curve.t_ns, window[1]);
  while (to < curve.t_ns.length && curve.t_ns[to] <= window[1]) to++;
  const startsOutside = inside > 0 && curve.t_ns[inside] !== window[0];
  const from = curve.shape !== 'point' && startsOutside ? inside - 1 : inside;
  if (curve.shape === 'linear' && to < curve.t_ns.length) to++;
  return { from, to: Math.max(from, to) };
}

/** Every point that matters, or undefined as soon as there are more than `limit`. */
function everyChange(curve: Curve, range: Range, limit: number): number[] | undefined {
  const indices: number[] = [];
  for (let i = range.from; i < range.to; i++) {
    if (!matters(curve, range, i)) continue;
    if (indices.length === limit) return undefined;
    indices.push(i);
  }
  return indices;
}

/** First, lowest, highest and last of each bin, and one gap; undefined beyond `limit` points. */
function perBin(curve: Curve, range: Range, bin: number, limit: number): number[] | undefined {
  const { t_ns: times, values } = curve;
  const indices: number[] = [];
  let i = range.from;
  while (i < range.to) {
    const key = Math.floor(times[i] / bin);
    const first = i;
    let lowest = -1;
    let highest = -1;
    let missing = -1;
    for (; i < range.to && Math.floor(times[i] / bin) === key; i++) {
      const value = values[i];
      if (Number.isNaN(value)) missing = i;
      else {
        if (lowest < 0 || value < values[lowest]) lowest = i;
        if (highest < 0 || value > values[highest]) highest = i;
      }
    }
    const kept = new Set([first, lowest, highest, missing, i - 1].filter((k) => k >= 0));
    for (const k of [...kept].sort((a, b) => a - b)) {
      // A step that stays at its level needs no point; the last one says until when it is known.
      const repeats = curve.shape === 'step' && k < range.to - 1 && indices.length > 0;
      if (!(repeats && same(values[k], values[indices[indices.length - 1]]))) indices.push(k);
    }
    if (indices.length > limit) return undefined;
  }
  return indices;
}

/** Which points to draw: all that matter, or those of the narrowest bins that stay within limit. */
export function downsample(curve: Curve, window: readonly [number, number], limit: number): Kept {
  const range = drawnRange(curve, window);
  const all = everyChange(curve, range, limit);
  if (all !== undefined) return { indices: all, binNs: 0 };
  let binNs = roundWidth(Math.max(1, (window[1] - window[0]) / limit));
  for (;;) {
    const indices = perBin(curve, range, binNs, Math.max(limit, LEAST));
    if (indices !== undefined) return { indices, binNs };
    // Bins that are too narrow are given up early, so trying the next width costs little.
    binNs = roundWidth(binNs * 1.01);
  }
}
