/** Which stretches of a trace lack events. Nothing is concluded across them. */
import { firstNot } from './search.ts';
import type { Loss } from './trace.ts';

export type LossIndex = {
  /** Is any CPU without events at some time in [from, to]? */
  overlaps(from_ns: number, to_ns: number): boolean;
  /** When the first gap that reaches beyond `from_ns` begins; infinity when there is none. */
  firstAfter(from_ns: number): number;
  readonly intervals: readonly { readonly from_ns: number; readonly to_ns: number }[];
};

/** Overlapping gaps of several CPUs become one. */
export function lossIndex(losses: readonly Loss[]): LossIndex {
  const sorted = losses
    .map(({ from_ns, ts_ns }) => ({ from_ns, to_ns: ts_ns }))
    .sort((left, right) => left.from_ns - right.from_ns);
  const intervals: { from_ns: number; to_ns: number }[] = [];
  for (const { from_ns, to_ns } of sorted) {
    const last = intervals.at(-1);
    if (last !== undefined && from_ns <= last.to_ns) last.to_ns = Math.max(last.to_ns, to_ns);
    else intervals.push({ from_ns, to_ns });
  }
  /** The first gap that ends at or after `from_ns`. */
  const find = (from_ns: number) =>
    intervals[firstNot(intervals.length, (at) => (intervals[at]?.to_ns ?? 0) < from_ns)];
  return {
    intervals,
    overlaps(from_ns, to_ns) {
      // Asked several times an event, and most captures have no gap.
      if (intervals.length === 0) return false;
      const first = find(from_ns);
      return first !== undefined && first.from_ns <= to_ns;
    },
    firstAfter(from_ns) {
      const first = find(from_ns);
      return first === undefined ? Number.POSITIVE_INFINITY : Math.max(from_ns, first.from_ns);
    },
  };
}
