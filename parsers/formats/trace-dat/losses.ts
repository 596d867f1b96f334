/**
 * What the recorder lost. Pages say where: a flag, and mostly a count, before the first event that
 * is there again. The statistics of a ring buffer say how many in all, so they give the number
 * where only one gap lacks it, and they alone know of events that were dropped instead of written.
 */
import type { Loss } from '../../../src/trace/trace.ts';
import type { ImportContext } from '../../importer.ts';
import type { Gap } from './gaps.ts';
import type { CpuStatistics } from './options.ts';
import type { Lane } from './streams.ts';

/** The gaps of all lanes, and whose they are. */
export type Gaps = {
  readonly lanes: readonly Pick<Lane, 'cpu' | 'instance'>[];
  readonly gaps: readonly Gap[];
};

/** Gaps as losses on the trace's clock, in order of time, each also a diagnostic. */
export function lossesOf(
  all: Gaps,
  statistics: readonly CpuStatistics[],
  sinceFirst: (ts: number) => number,
  context: ImportContext,
): Loss[] {
  const isOne = new Set(all.lanes.map(({ instance }) => instance)).size < 2;
  for (const one of statistics) addStatistics(all, one, isOne, context);
  const gaps = [...all.gaps].sort((left, right) => left.ts - right.ts || left.cpu - right.cpu);
  return gaps.map(({ lane, cpu, fromTs, ts, count }) => {
    const { instance = '' } = all.lanes[lane] ?? {};
    const ts_ns = Math.max(0, sinceFirst(ts));
    const loss = { cpu, count, ts_ns, from_ns: Math.max(0, sinceFirst(fromTs)) };
    const place = isOne ? { cpu, ts_ns } : { cpu, ts_ns, subject: bufferName({ cpu, instance }) };
    context.diagnostics.add('events_lost', count, place);
    return isOne ? loss : { ...loss, instance };
  });
}

function bufferName({ cpu, instance }: Pick<Lane, 'cpu' | 'instance'>): string {
  return instance === '' ? `CPU ${cpu}` : `${instance}, CPU ${cpu}`;
}

function addStatistics(
  all: Gaps,
  { instance, cpu, overrun, commitOverrun, dropped }: CpuStatistics,
  isOne: boolean,
  context: ImportContext,
): void {
  const { diagnostics } = context;
  const lane = all.lanes.findIndex((one) => one.cpu === cpu && one.instance === instance);
  // The statistics of a buffer that has no events in the file do not concern the file.
  if (lane < 0) return;
  const place = isOne ? { cpu } : { cpu, subject: bufferName({ cpu, instance }) };
  const mine = all.gaps.filter((gap) => gap.lane === lane);
  const uncounted = mine.filter(({ count }) => count === undefined);
  const rest = overrun - mine.reduce((sum, { count = 0 }) => sum + count, 0);
  const [only] = uncounted;
  if (rest > 0 && only !== undefined) {
    if (uncounted.length === 1) only.count = rest;
  } else if (rest > 0) {
    diagnostics.add('events_overwritten', rest, place);
  }
  if (commitOverrun + dropped > 0) diagnostics.add('events_lost', commitOverrun + dropped, place);
}
