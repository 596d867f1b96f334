/** The spread of many durations: percentiles and the buckets of mmtests, so that both compare. */

export const PERCENTILES = [1, 5, 10, 25, 50, 75, 90, 95, 99] as const;

/** Upper bounds in milliseconds of mmtests' buckets; the last bucket has none. */
export const BUCKET_BOUNDS_MS = [5, 10, 20, 50, 100, 500, 1000, 5000] as const;

export type Spread = {
  readonly count: number;
  readonly total_ns: number;
  readonly min_ns: number;
  readonly mean_ns: number;
  readonly max_ns: number;
  /** In the order of PERCENTILES. */
  readonly percentiles_ns: readonly number[];
  /** How many lie in each bucket; one more than there are bounds. */
  readonly buckets: readonly number[];
};

/** Sorts `durations_ns` in place. All values are 0 where there are none. */
export function spreadOf(durations_ns: Float64Array): Spread {
  durations_ns.sort();
  const count = durations_ns.length;
  let total_ns = 0;
  const buckets = new Array<number>(BUCKET_BOUNDS_MS.length + 1).fill(0);
  let bucket = 0;
  for (const duration of durations_ns) {
    total_ns += duration;
    while (duration >= boundOf(bucket)) bucket++;
    (buckets[bucket] as number)++;
  }
  return {
    count,
    total_ns,
    min_ns: durations_ns[0] ?? 0,
    mean_ns: count === 0 ? 0 : total_ns / count,
    max_ns: durations_ns[count - 1] ?? 0,
    percentiles_ns: PERCENTILES.map((percent) => quantile(durations_ns, percent / 100)),
    buckets,
  };
}

const NS_PER_BOUND = 1e6;

function boundOf(bucket: number): number {
  return (BUCKET_BOUNDS_MS[bucket] ?? Number.POSITIVE_INFINITY) * NS_PER_BOUND;
}

/** Between the two nearest ranks in proportion, as R and numpy do by default. */
export function quantile(sorted: Float64Array, share: number): number {
  if (sorted.length === 0) return 0;
  const place = (sorted.length - 1) * share;
  const below = sorted[Math.floor(place)] as number;
  const above = sorted[Math.ceil(place)] as number;
  return below + (above - below) * (place - Math.floor(place));
}
