/** Percentiles with the range in which they lie when the same work is measured again. */

type RankRange = { readonly value: number; readonly low: number; readonly high: number };

/** Two standard deviations: about 95 of 100 times the true percentile lies inside. */
const DEVIATIONS = 2;

/**
 * The percentile of `values`, with the values whose ranks lie two standard deviations of a binomial
 * draw below and above it: no assumption about the shape of the distribution.
 */
export function rankRange(values: readonly number[], share: number): RankRange {
  const sorted = Float64Array.from(values).sort();
  const n = sorted.length;
  const at = (rank: number) => sorted[Math.max(0, Math.min(n - 1, Math.ceil(rank) - 1))] as number;
  const room = DEVIATIONS * Math.sqrt(n * share * (1 - share));
  return { value: at(n * share), low: at(n * share - room), high: at(n * share + room) };
}
