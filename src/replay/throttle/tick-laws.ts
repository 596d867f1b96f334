/** The laws of time: `think`, `paused` and those pauses during which a tick fell. */
import { jiffiesOfPrinted, printedMs } from '../../kernel/arithmetic.ts';
import type { Cause, IdentityTally, Unchecked } from '../residual.ts';
import type { ThrottleColumns } from './columns.ts';
import { fromTick, jiffyAt, type TickCounts, type TickFinder, type TickPhase } from './jiffies.ts';
import { LOST } from './pairing.ts';
import { ABSOLUTE } from './tasks.ts';

/** What the walk leaves to be answered once the tick's phase is known. */
export class TickQuestions {
  /** paused_when of the task at each row: `offset` ticks after jiffies at `ref_ns`. */
  readonly ref_ns: Float64Array;
  readonly offset: Float64Array;
  readonly entry_ns: Float64Array;
  readonly why = new Map<number, Unchecked>();
  /** Pauses that are right only if a tick fell between state and event. */
  readonly pauses: { row: number; expected: number; later: number; cause: Cause | undefined }[] =
    [];

  constructor(rows: number) {
    this.ref_ns = new Float64Array(rows).fill(Number.NaN);
    this.offset = new Float64Array(rows).fill(Number.NaN);
    this.entry_ns = new Float64Array(rows).fill(Number.NaN);
  }

  askThink(row: number, ref_ns: number, offset: number, why: Unchecked): void {
    this.ref_ns[row] = ref_ns;
    this.offset[row] = offset;
    if (Number.isNaN(ref_ns)) this.why.set(row, why);
  }

  askPaused(row: number, entry_ns: number, pair: number): void {
    this.entry_ns[row] = entry_ns;
    if (Number.isNaN(entry_ns) && pair === LOST) this.lost.add(row);
  }

  readonly lost = new Set<number>();

  askPause(row: number, expected: number, later: number, cause: Cause | undefined): void {
    this.pauses.push({ row, expected, later, cause });
  }
}

export type TickTallies = {
  readonly pause: IdentityTally;
  readonly paused: IdentityTally;
  readonly think: IdentityTally;
};

/** A tick is taken by the CPU that keeps time, which may be late by as much. */
const LATE_NS = 200_000;

/**
 * Answers the questions; returns the phase of the tick, if anything told it. Without HZ, nothing
 * that depends on it may be asked.
 */
export function checkTickLaws(
  ticks: TickFinder | undefined,
  throttle: ThrottleColumns,
  stateTimes: (row: number) => number,
  questions: TickQuestions,
  hz: number | undefined,
  tallies: TickTallies,
): TickPhase | undefined {
  if (hz === undefined || ticks === undefined) {
    tallies.think.skip('hz-unknown', throttle.rows);
    tallies.paused.skip('hz-unknown', throttle.rows);
    return undefined;
  }
  const phase = ticks.find(knownCounts(throttle, questions, hz));
  if (phase === undefined) {
    tallies.think.skip('no-tick-phase', throttle.rows);
    tallies.paused.skip('no-tick-phase', throttle.rows);
    for (const { row, expected, cause } of questions.pauses) {
      const at = [throttle.ts[row] as number, throttle.seq[row] as number] as const;
      tallies.pause.check(throttle.pause[row] as number, expected, ...at, cause);
    }
    return undefined;
  }
  checkThink(throttle, questions, phase, hz, tallies.think);
  checkPaused(throttle, questions, phase, hz, tallies.paused);
  checkPauses(throttle, stateTimes, questions, phase, tallies.pause);
  return phase;
}

/** Intervals whose number of ticks the events state. */
function knownCounts(throttle: ThrottleColumns, asked: TickQuestions, hz: number): TickCounts {
  const most = 2 * throttle.rows;
  const from = new Float64Array(most);
  const to = new Float64Array(most);
  const held = new Float64Array(most);
  let n = 0;
  const add = (from_ns: number, to_ns: number, ticks: number) => {
    if (!(to_ns >= from_ns && from_ns > ABSOLUTE) || Number.isNaN(ticks)) return;
    from[n] = from_ns;
    to[n] = to_ns;
    held[n] = ticks;
    n++;
  };
  for (let row = 0; row < throttle.rows; row++) {
    const ts = throttle.ts[row] as number;
    const think = jiffiesOfPrinted(throttle.think[row] as number, hz);
    add(asked.ref_ns[row] as number, ts, think + (asked.offset[row] as number));
    add(asked.entry_ns[row] as number, ts, jiffiesOfPrinted(throttle.paused[row] as number, hz));
  }
  return { from_ns: from.subarray(0, n), to_ns: to.subarray(0, n), ticks: held.subarray(0, n) };
}

function checkThink(
  throttle: ThrottleColumns,
  { ref_ns, offset, why }: TickQuestions,
  phase: TickPhase,
  hz: number,
  tally: IdentityTally,
): void {
  for (let row = 0; row < throttle.rows; row++) {
    const ref = ref_ns[row] as number;
    if (Number.isNaN(ref)) {
      tally.skip(why.get(row) ?? 'not-recorded');
      continue;
    }
    const ts = throttle.ts[row] as number;
    const held = offset[row] as number;
    if (ref === ABSOLUTE && held !== 0 && !phase.jiffies_known) {
      tally.skip('no-tick-phase');
      continue;
    }
    const since = ref === ABSOLUTE ? 0 : jiffyAt(phase, ref);
    // The kernel prints 0 for a task that was never paused.
    const isNever = ref === ABSOLUTE && held === 0;
    const ticks = isNever ? 0 : jiffyAt(phase, ts) - since - held;
    const recorded = throttle.think[row] as number;
    const cause = boundary(phase, ts, ref, jiffiesOfPrinted(recorded, hz) - ticks);
    tally.check(recorded, printedMs(ticks, hz), ts, throttle.seq[row] as number, cause);
  }
}

function checkPaused(
  throttle: ThrottleColumns,
  { entry_ns, lost }: TickQuestions,
  phase: TickPhase,
  hz: number,
  tally: IdentityTally,
): void {
  for (let row = 0; row < throttle.rows; row++) {
    const entry = entry_ns[row] as number;
    if (Number.isNaN(entry)) {
      tally.skip(lost.has(row) ? 'lost-events' : 'not-recorded');
      continue;
    }
    const ts = throttle.ts[row] as number;
    const ticks = jiffyAt(phase, ts) - jiffyAt(phase, entry);
    const recorded = throttle.paused[row] as number;
    const cause = boundary(phase, ts, entry, jiffiesOfPrinted(recorded, hz) - ticks);
    tally.check(recorded, printedMs(ticks, hz), ts, throttle.seq[row] as number, cause);
  }
}

function checkPauses(
  throttle: ThrottleColumns,
  stateTimes: (row: number) => number,
  { pauses }: TickQuestions,
  phase: TickPhase,
  tally: IdentityTally,
): void {
  for (const { row, expected, later, cause } of pauses) {
    const ts = throttle.ts[row] as number;
    const start = stateTimes(row);
    const fell = jiffyAt(phase, ts) - jiffyAt(phase, start) === 1;
    const recorded = throttle.pause[row] as number;
    const near = later === recorded ? boundary(phase, ts, start, 1) : undefined;
    const seq = throttle.seq[row] as number;
    tally.check(recorded, fell ? later : expected, ts, seq, cause ?? near);
  }
}

/** One tick too many or too few, right beside a tick. */
function boundary(phase: TickPhase, left: number, right: number, off: number): Cause | undefined {
  if (Math.abs(off) !== 1) return undefined;
  const near = Math.min(fromTick(phase, left), fromTick(phase, right));
  return near <= LATE_NS ? 'tick-boundary' : undefined;
}
