/**
 * When sampled counters were really read. A sampler takes the time, then reads /proc/vmstat, which
 * evaluates the thresholds and so leaves a global_dirty_state of its task right after the counters
 * were copied (mm/vmstat.c, vmstat_start). With that event the moment is known to some 10 µs; its
 * values are not used.
 */

import { numbers, type Table } from '../../trace/table.ts';
import { NS_PER_MS } from '../../trace/time.ts';

/** Between taking the time and reading, and how many samples must have such an event. */
const READ_WITHIN_NS = 5 * NS_PER_MS;
const SHARE = 0.8;

/** Times of the rows of `samples`, moved to the sampler's own events where there is one task. */
export function readTimes(samples: Table, traced: Table): Float64Array {
  const given = Float64Array.from(numbers(samples, 'ts_ns').values);
  const ts = numbers(traced, 'ts_ns').values;
  const pid = numbers(traced, 'pid').values;
  const found = new Map<number, Float64Array>();
  const inside = given.filter((time) => time >= 0 && time <= (ts.at(-1) ?? -1)).length;
  let from = 0;
  for (let row = 0; row < given.length; row++) {
    const time = given[row] as number;
    while (from < ts.length && (ts[from] as number) < time) from++;
    for (let at = from; at < ts.length && (ts[at] as number) < time + READ_WITHIN_NS; at++) {
      const who = pid[at] as number;
      const times = found.get(who) ?? new Float64Array(given.length).fill(Number.NaN);
      if (Number.isNaN(times[row] as number)) times[row] = ts[at] as number;
      found.set(who, times);
    }
  }
  const matched = (times: Float64Array) =>
    times.reduce((count, time) => count + (Number.isNaN(time) ? 0 : 1), 0);
  // Busy tasks have events near every sample, too; the sampler's follow closest.
  const late = (times: Float64Array) =>
    times.reduce(
      (sum, time, row) => sum + (Number.isNaN(time) ? 0 : time - (given[row] as number)),
      0,
    );
  const [best] = [...found.values()]
    .filter((times) => matched(times) >= SHARE * inside)
    .sort((left, right) => spread(left, given) - spread(right, given) || late(left) - late(right));
  if (best === undefined || inside === 0) return given;
  return given.map((time, row) =>
    Number.isNaN(best[row] as number) ? time : (best[row] as number),
  );
}

/** How much the delay varies: the sampler's own does not. */
function spread(times: Float64Array, given: Float64Array): number {
  const delays = [...times.keys()]
    .filter((row) => !Number.isNaN(times[row] as number))
    .map((row) => (times[row] as number) - (given[row] as number))
    .sort((left, right) => left - right);
  const at = (share: number) => delays[Math.floor(share * (delays.length - 1))] ?? 0;
  return at(0.9) - at(0.1);
}
