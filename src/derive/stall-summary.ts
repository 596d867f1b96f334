/** Stalls by task and bdi: how often, how long, and the spread of single waits. */
import { desc, op, table } from 'arquero';
import type { Stall } from './stalls.ts';

export type StallGroup = {
  readonly comm: string;
  readonly pid: number;
  readonly event: string;
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
    event: stalls.map((stall) => stall.event),
    bdi: stalls.map((stall) => stall.bdi ?? ''),
    duration_ms: Float64Array.from(stalls, (stall) => ms(stall.duration_ns)),
    asked_ms: Float64Array.from(stalls, (stall) => ms(stall.asked_ns)),
  })
    .groupby('comm', 'pid', 'event', 'bdi')
    .rollup({
      count: op.count(),
      total_ms: op.sum('duration_ms'),
      asked_ms: op.sum('asked_ms'),
      median_ms: op.median('duration_ms'),
      p99_ms: op.quantile('duration_ms', 0.99),
      max_ms: op.max('duration_ms'),
    })
    .orderby(desc('total_ms'), 'pid', 'event', 'bdi')
    .objects() as StallGroup[];
}
