/** Counters that are a long: on machines of 32 bits they overflow. */
import type { RunFacts } from './policy.ts';

/** A long of 32 bits: 2^31 and more are negative. */
function asLong32(value: number): number {
  const low = ((value % 2 ** 32) + 2 ** 32) % 2 ** 32;
  return low >= 2 ** 31 ? low - 2 ** 32 : low;
}

/** What global_node_page_state shows of a counter: 0 for what is below it, as after an overflow. */
export function shownLevel({ switches }: RunFacts): (value: number) => number {
  if (switches['metadata.long-bits'] !== 32) return (value) => value;
  return (value) => Math.max(0, asLong32(value));
}
