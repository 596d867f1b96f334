/** How far the counters of a trace may be from the truth, by what was saved beside it. */
import { counterDrift, type DriftBound } from '../kernel/counter-drift.ts';
import type { Trace } from '../trace/trace.ts';

export function driftOf({ host, meta }: Pick<Trace, 'host' | 'meta'>): DriftBound {
  const { zoneinfo, meminfo } = host;
  return counterDrift({ cpus: host.cpus ?? meta.cpus, zoneinfo, meminfo });
}
