/** Writeback was asked for and did not begin: queued work waits, or nobody writes what is dirty. */
import { isKernelThread } from '../../derive/stalls.ts';
import { textAt } from '../../trace/column.ts';
import { lowerBound } from '../../trace/search.ts';
import { numbers, tableWith, texts } from '../../trace/table.ts';
import {
  type CauseDefinition,
  type CauseOutcome,
  clear,
  type Evidence,
  unknown,
} from '../cause.ts';
import { claimedWindow, StallClaims } from '../claims.ts';
import { type Span, Spans } from '../facts/sorted.ts';
import type { Facts } from '../facts.ts';
import { duration } from '../format.ts';
import { rowEvidence } from './from-stalls.ts';

export const flusherStarved: CauseDefinition = {
  id: 'flusher-starved',
  title: 'Requested writeback did not begin',
  question: 'Did tasks wait while writeback that was asked for had not begun?',
  needs: [['writeback_queue', 'writeback_wake_background']],
  precedes: ['sync-storm', 'device-slower-than-writers', 'fsync-behind-bulk-writeback'],
  links: ['fs/fs-writeback.c, wb_workfn', 'Documentation/core-api/workqueue.rst'],
  evaluate,
};

/** A worker that is free begins within milliseconds; so long at rest means that it is not free. */
const LEAST_DELAY_NS = 5e8;

type Delay = {
  readonly bdi: string;
  readonly reason: string;
  readonly from_ns: number;
  readonly to_ns: number;
  /** It had not begun when the capture ended. */
  readonly open: boolean;
};

/** Works are done one after the other: who waits behind another work is not starved meanwhile. */
type LongDelay = Delay & {
  /** When no other work of the bdi was being done. */
  readonly idle: readonly Span[];
  readonly idle_ns: number;
};

function evaluate(facts: Facts): CauseOutcome {
  // That none of these happened may be the fault itself.
  const begins = ['writeback_start', 'writeback_exec'];
  if (!begins.some((name) => facts.isRecorded(name))) {
    return unknown(`Not recorded: ${begins.join(' or ')}.`);
  }
  const delays = longDelays(facts);
  const [longest] = [...delays].sort((a, b) => b.idle_ns - a.idle_ns);
  if (longest === undefined) return clear('All requested writeback began at once.');
  const claims = claimDelayed(facts, delays);
  return {
    status: 'found',
    bdi: longest.bdi,
    claims,
    window_ns:
      claims.size > 0 ? claimedWindow(facts.stalls, claims) : [longest.from_ns, longest.to_ns],
    summary:
      `Writeback of bdi ${longest.bdi} (${longest.reason}) ${began(longest)} after it was asked ` +
      `for; tasks lost ${duration(claims.total_ns())} meanwhile.`,
    culprits: [{ kind: 'kernel', name: `flusher of bdi ${longest.bdi}`, bdi: longest.bdi }],
    numbers: [
      {
        name: 'longest time from request to start, without other work',
        value: longest.idle_ns / 1e9,
        unit: 's',
        relation: '>',
        threshold: LEAST_DELAY_NS / 1e9,
        source: 'writeback_queue or writeback_wake_background to writeback_start',
      },
    ],
    evidence: [
      ...evidenceAt(facts, 'writeback_queue', longest.from_ns),
      ...evidenceAt(facts, 'writeback_wake_background', longest.from_ns),
      ...evidenceAt(facts, 'writeback_start', longest.to_ns),
    ],
    counter_evidence: [
      {
        question: 'Was the flusher of that bdi at work on something else?',
        seen: busyShare(longest) > 0.5 ? 'yes, for most of the time' : 'no, it did nothing',
        result: 'for',
      },
    ],
    confidence: claims.size > 0 ? 0.8 : 0.5,
    confidence_reasons: [],
    advice: [
      {
        kind: 'kernel',
        text:
          'Look at what keeps the worker: its stack while it hangs, blocked works of the same ' +
          'workqueue (workqueue_execute_start/end), a CPU that real-time tasks hold.',
        command: 'cat /proc/$(pgrep -f kworker.*flush | head -1)/stack',
        predicted:
          `had each work begun when it was queued, up to ${duration(claims.total_ns())} of waits ` +
          'would not have been (level a: those that lie in the delays)',
      },
    ],
  };
}

function began({ from_ns, to_ns, open }: Delay): string {
  const took = duration(to_ns - from_ns);
  return open ? `had not begun when the capture ended, ${took}` : `began ${took}`;
}

function claimDelayed(facts: Facts, delays: readonly LongDelay[]): StallClaims {
  const claims = new StallClaims();
  const spans = new Spans(
    delays.flatMap(({ bdi, idle }) => idle.map((span) => ({ ...span, bdi }))),
  );
  facts.stalls.forEach((stall, index) => {
    if (stall.place !== 'dirty-throttling' && stall.place !== 'sync') return;
    if (stall.place === 'sync' && isKernelThread(stall.comm)) return;
    const device = stall.bdi ?? stall.dev;
    const end_ns = stall.start_ns + stall.duration_ns;
    const overlap_ns = spans.overlap(
      stall.start_ns,
      end_ns,
      ({ bdi }) => device === undefined || device === bdi,
    );
    claims.add(index, Math.min(facts.stallNs(index), overlap_ns));
  });
  return claims;
}

/** The row of a table that was written at that time. */
function evidenceAt(facts: Facts, name: string, ts_ns: number): Evidence[] {
  const ts = facts.trace.tables.get(name)?.columns.ts_ns;
  if (ts?.kind !== 'number') return [];
  const row = lowerBound(ts.values, ts_ns);
  return ts.values[row] === ts_ns ? rowEvidence(facts, name, [row]) : [];
}

function longDelays(facts: Facts): LongDelay[] {
  const working = workingSpans(facts);
  return [...begunLate(facts), ...neverBegun(facts)].flatMap((delay) => {
    if (!(delay.to_ns - delay.from_ns >= LEAST_DELAY_NS)) return [];
    const idle = idleIn(delay, working.get(delay.bdi) ?? []);
    const idle_ns = idle.reduce((sum, { start_ns, end_ns }) => sum + end_ns - start_ns, 0);
    return idle_ns >= LEAST_DELAY_NS ? [{ ...delay, idle, idle_ns }] : [];
  });
}

/** By bdi, in order of time: when its flusher was at work. */
function workingSpans({ works, duration_ns }: Facts): ReadonlyMap<string, readonly Span[]> {
  const spans = new Map<string, Span[]>();
  const table = works?.works;
  if (table === undefined) return spans;
  const start = numbers(table, 'start_ns').values;
  const end = numbers(table, 'end_ns').values;
  const bdi = texts(table, 'bdi');
  for (let row = 0; row < table.rows; row++) {
    const name = textAt(bdi, row);
    const start_ns = start[row] as number;
    const end_ns = end[row] as number;
    if (Number.isNaN(start_ns)) continue;
    const own = spans.get(name) ?? [];
    spans.set(name, own);
    own.push({ start_ns, end_ns: Number.isNaN(end_ns) ? duration_ns : end_ns });
  }
  for (const own of spans.values()) own.sort((a, b) => a.start_ns - b.start_ns);
  return spans;
}

function idleIn({ from_ns, to_ns }: Delay, working: readonly Span[]): Span[] {
  const idle: Span[] = [];
  let at = from_ns;
  for (const { start_ns, end_ns } of working) {
    if (end_ns <= at) continue;
    if (start_ns >= to_ns) break;
    if (start_ns > at) idle.push({ start_ns: at, end_ns: start_ns });
    at = end_ns;
  }
  if (at < to_ns) idle.push({ start_ns: at, end_ns: to_ns });
  return idle;
}

/**
 * Works are taken in the order in which they were queued: of those of one bdi, as many of the last
 * are still waiting when the capture ends as fewer were taken than queued.
 */
function neverBegun(facts: Facts): Delay[] {
  const { trace, losses, duration_ns } = facts;
  const queued = tableWith(trace.tables, 'writeback_queue', ['bdi']);
  const taken = tableWith(trace.tables, 'writeback_exec', ['bdi']);
  if (queued === undefined || !facts.isRecorded('writeback_exec')) return [];
  if (losses.intervals.length > 0) return [];
  const left = new Map<string, number>();
  const bdiTaken = taken && texts(taken, 'bdi');
  for (let row = 0; bdiTaken !== undefined && row < (taken?.rows ?? 0); row++) {
    const name = textAt(bdiTaken, row);
    left.set(name, (left.get(name) ?? 0) + 1);
  }
  const bdi = texts(queued, 'bdi');
  const ts = numbers(queued, 'ts_ns').values;
  const reason = queued.columns.reason;
  const waiting: Delay[] = [];
  for (let row = 0; row < queued.rows; row++) {
    const name = textAt(bdi, row);
    const served = left.get(name) ?? 0;
    left.set(name, served - 1);
    if (served > 0) continue;
    const why = reason?.kind === 'text' ? textAt(reason, row) : '';
    const from_ns = ts[row] as number;
    waiting.push({ bdi: name, reason: why, from_ns, to_ns: duration_ns, open: true });
  }
  return waiting;
}

function begunLate({ works }: Facts): Delay[] {
  const table = works?.works;
  if (table === undefined) return [];
  const requested = numbers(table, 'requested_ns').values;
  const start = numbers(table, 'start_ns').values;
  const bdi = texts(table, 'bdi');
  const reason = texts(table, 'reason');
  return Array.from({ length: table.rows }, (_, row) => ({
    bdi: textAt(bdi, row),
    reason: textAt(reason, row),
    from_ns: requested[row] as number,
    to_ns: start[row] as number,
    open: false,
  }));
}

/** Share of the delay in which another work of the same bdi was done. */
function busyShare({ from_ns, to_ns, idle_ns }: LongDelay): number {
  return 1 - idle_ns / (to_ns - from_ns);
}
