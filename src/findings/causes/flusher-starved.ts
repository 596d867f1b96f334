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
import { Spans } from '../facts/sorted.ts';
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

/** A worker that is free begins within milliseconds; this long means that it is not. */
const LEAST_DELAY_NS = 5e8;

type Delay = {
  readonly bdi: string;
  readonly reason: string;
  readonly from_ns: number;
  readonly to_ns: number;
  /** It had not begun when the capture ended. */
  readonly open: boolean;
};

function evaluate(facts: Facts): CauseOutcome {
  // That none of these happened may be the fault itself.
  const begins = ['writeback_start', 'writeback_exec'];
  if (!begins.some((name) => facts.isRecorded(name))) {
    return unknown(`Not recorded: ${begins.join(' or ')}.`);
  }
  const delays = longDelays(facts);
  const [longest] = [...delays].sort((a, b) => b.to_ns - b.from_ns - (a.to_ns - a.from_ns));
  if (longest === undefined) return clear('All requested writeback began at once.');
  const claims = claimDelayed(facts, delays);
  const took = longest.to_ns - longest.from_ns;
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
        name: 'longest time from request to start',
        value: took / 1e9,
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
        seen: busyShare(facts, longest) > 0.5 ? 'yes, for most of the time' : 'no, it did nothing',
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

function claimDelayed(facts: Facts, delays: readonly Delay[]): StallClaims {
  const claims = new StallClaims();
  const spans = new Spans(
    delays.map(({ bdi, from_ns, to_ns }) => ({ bdi, start_ns: from_ns, end_ns: to_ns })),
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

function longDelays(facts: Facts): Delay[] {
  const long = [...begunLate(facts), ...neverBegun(facts)];
  return long.filter(({ from_ns, to_ns }) => to_ns - from_ns >= LEAST_DELAY_NS);
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

/** Share of the delay in which another work of the same bdi ran. */
function busyShare({ works }: Facts, { bdi: name, from_ns, to_ns }: Delay): number {
  const table = works?.works;
  if (table === undefined) return 0;
  const start = numbers(table, 'start_ns').values;
  const end = numbers(table, 'end_ns').values;
  const bdi = texts(table, 'bdi');
  let busy = 0;
  for (let row = 0; row < table.rows; row++) {
    if (textAt(bdi, row) !== name) continue;
    const overlap = Math.min(to_ns, end[row] as number) - Math.max(from_ns, start[row] as number);
    if (overlap > 0) busy += overlap;
  }
  return busy / Math.max(1, to_ns - from_ns);
}
