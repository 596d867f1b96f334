/** Unions of intervals: shading and gaps need few of them, and a trace may bring thousands. */
import type { Interval } from '../../src/findings/detail.ts';

/** Overlapping intervals, and those closer than `closerThanNs`, become one. Sorted by start. */
export function uniteIntervals(intervals: readonly Interval[], closerThanNs: number): Interval[] {
  const usable = intervals.filter(
    (interval) => Number.isFinite(interval.from_ns) && interval.to_ns >= interval.from_ns,
  );
  const sorted = usable.toSorted((a, b) => a.from_ns - b.from_ns || a.to_ns - b.to_ns);
  const united: { from_ns: number; to_ns: number; label: string; others: Set<string> }[] = [];
  for (const { from_ns, to_ns, label } of sorted) {
    const last = united[united.length - 1];
    if (last !== undefined && from_ns - last.to_ns <= closerThanNs) {
      last.to_ns = Math.max(last.to_ns, to_ns);
      if (label !== last.label) last.others.add(label);
    } else united.push({ from_ns, to_ns, label, others: new Set() });
  }
  return united.map(({ from_ns, to_ns, label, others }) => ({
    from_ns,
    to_ns,
    label: others.size === 0 ? label : `${label} and ${others.size} more`,
  }));
}
