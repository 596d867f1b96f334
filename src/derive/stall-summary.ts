/** Stalls by task and bdi: how often, how long, and the spread of single waits. */
import { desc, op, table } from 'arquero';
import type { Stall, StallPlace } from './stalls.ts';

export type StallGroup = {
  readonly comm: string;
  readonly pid: number;
  readonly place: StallPlace;
  readonly event: string;
  /** Empty where the kernel gives none. */
  readonly reason: string;
  /** bdi, or else device; empty where neither is known. */
  readonly bdi: string;
  readonly count: number;
  readonly total_ms: number;
  readonly asked_ms: number;
  readonly median_ms: number;
  readonly p99_ms: number;
  readonly max_ms: number;
};

/** Groups by task, event and bdi, the one that lost most first. */
export function summariseStalls(stalls: readonly Stall[]): StallGroup[] {
  const ms = (ns: number | undefined): number => (ns ?? 0) / 1e6;
  return table({
    comm: stalls.map((stall) => stall.comm),
    pid: stalls.map((stall) => stall.pid),
    place: stalls.map((stall) => stall.place),
    event: stalls.map((stall) => stall.event),
    reason: stalls.map((stall) => stall.reason ?? ''),
    bdi: stalls.map((stall) => stall.bdi ?? stall.dev ?? ''),
    duration_ms: Float64Array.from(stalls, (stall) => ms(stall.duration_ns)),
    asked_ms: Float64Array.from(stalls, (stall) => ms(stall.asked_ns)),
  })
    .groupby('comm', 'pid', 'place', 'event', 'reason', 'bdi')
    .rollup({
      count: op.count(),
      total_ms: op.sum('duration_ms'),
      asked_ms: op.sum('asked_ms'),
      median_ms: op.median('duration_ms'),
      p99_ms: op.quantile('duration_ms', 0.99),
      max_ms: op.max('duration_ms'),
    })
    .orderby(desc('total_ms'), 'pid', 'event', 'reason', 'bdi')
    .objects() as StallGroup[];
}
