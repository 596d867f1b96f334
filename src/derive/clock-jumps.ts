/**
 * Jumps of the trace clock. Backwards they show by themselves: rows stand in the order of
 * recording, so a time that is less than the one before it went back. Forwards they look like a
 * silence of all CPUs; the kernel's own clock, which some events carry in jiffies, tells whether so
 * much time passed. Small steps back are noise of CPUs whose clocks differ; reading tells them.
 */

import { upperBound } from '../trace/search.ts';
import { numbers, optionalNumbers, type Table, type Tables, tableWith } from '../trace/table.ts';
import { NS_PER_S } from '../trace/time.ts';
import type { Trace } from '../trace/trace.ts';

export type ClockJump = {
  readonly table: string;
  /** The first row behind the jump, and its place in the whole trace. */
  readonly row: number;
  readonly seq: number;
  readonly ts_ns: number;
  /** Negative: backwards. */
  readonly by_ns: number;
  /** False for silences of which nothing tells whether time passed. */
  readonly isProven: boolean;
};

const LEAST_BACK_NS = 0.1 * NS_PER_S;
/** A silence shorter than this is usual; one longer than that is told even without proof. */
const LEAST_SILENCE_NS = 10 * NS_PER_S;
const LONG_SILENCE_NS = 60 * NS_PER_S;

export function clockJumps(trace: Trace): readonly ClockJump[] {
  const tables = [...trace.tables.values()].filter(({ rows }) => rows > 0);
  const back = jumpsBack(tables);
  // Where time went back, a search by time finds nothing reliable.
  return back.length > 0 ? back : silences(tables, trace);
}

/** More jumps than these are a clock that tells nothing: then one table's are enough to say so. */
const FEW = 100;

/** One jump shows in every table; that in which most show tells them, others add what it lacks. */
function jumpsBack(tables: readonly Table[]): ClockJump[] {
  const byTable = tables
    .map(backwardIn)
    .filter((jumps) => jumps.length > 0)
    .sort((left, right) => right.length - left.length);
  const found: ClockJump[] = [...(byTable[0] ?? [])];
  const others = found.length > FEW ? [] : byTable.slice(1).flat();
  for (const jump of others) {
    const isTold = found.some(
      ({ ts_ns, by_ns }) => jump.ts_ns <= ts_ns - by_ns && ts_ns <= jump.ts_ns - jump.by_ns,
    );
    if (!isTold) found.push(jump);
  }
  return found.sort((left, right) => left.seq - right.seq);
}

function backwardIn(table: Table): ClockJump[] {
  const ts = numbers(table, 'ts_ns').values;
  const found: ClockJump[] = [];
  let last = ts[0] as number;
  for (let row = 1; row < table.rows; row++) {
    const now = ts[row] as number;
    if (last - now > LEAST_BACK_NS) found.push(jumpAt(table, row, now - last, true));
    last = now;
  }
  return found;
}

function jumpAt(table: Table, row: number, by_ns: number, isProven: boolean): ClockJump {
  const ts_ns = numbers(table, 'ts_ns').values[row] as number;
  const seq = numbers(table, 'seq').values[row] as number;
  return { table: table.name, row, seq, ts_ns, by_ns, isProven };
}

/** Stretches in which no CPU recorded anything and, as far as samples tell, time did not pass. */
function silences(tables: readonly Table[], trace: Trace): ClockJump[] {
  const [most] = [...tables].sort((left, right) => right.rows - left.rows);
  if (most === undefined || trace.meta.duration_ns < LEAST_SILENCE_NS) return [];
  const ts = numbers(most, 'ts_ns').values;
  const found: ClockJump[] = [];
  for (let row = 1; row < most.rows; row++) {
    let from_ns = ts[row - 1] as number;
    let to_ns = ts[row] as number;
    if (to_ns - from_ns < LEAST_SILENCE_NS) continue;
    for (const table of tables) [from_ns, to_ns] = without(table, from_ns, to_ns);
    if (to_ns - from_ns < LEAST_SILENCE_NS || wasSampled(trace.samples, from_ns, to_ns)) continue;
    const passed = passedBetween(trace, from_ns, to_ns);
    const isSilent = passed === 'nothing tells' && to_ns - from_ns >= LONG_SILENCE_NS;
    if (passed !== 'less' && !isSilent) continue;
    found.push(jumpAt(most, row, to_ns - from_ns, passed === 'less'));
  }
  return found;
}

/** The longer of the parts into which the table's rows cut a stretch of time. */
function without(table: Table, from_ns: number, to_ns: number): [number, number] {
  const ts = numbers(table, 'ts_ns').values;
  const inside: number[] = [from_ns];
  let row = upperBound(ts, from_ns);
  for (; row < table.rows && (ts[row] as number) < to_ns; row++) inside.push(ts[row] as number);
  inside.push(to_ns);
  let best: [number, number] = [from_ns, from_ns];
  for (let at = 1; at < inside.length; at++) {
    const [from, to] = [inside[at - 1] as number, inside[at] as number];
    if (to - from > best[1] - best[0]) best = [from, to];
  }
  return best;
}

/** Whoever sampled counters has the same clock, and went on. */
function wasSampled(samples: Table | undefined, from_ns: number, to_ns: number): boolean {
  if (samples === undefined) return false;
  const ts = numbers(samples, 'ts_ns').values;
  const after = upperBound(ts, from_ns);
  return after < samples.rows && (ts[after] as number) < to_ns;
}

/** Share of the silence by which the two clocks may differ: events are some way from its ends. */
const SHARE_OFF = 0.5;

function passedBetween(
  { tables, host }: Trace,
  from_ns: number,
  to_ns: number,
): 'less' | 'as much' | 'nothing tells' {
  const table = jiffiesTable(tables);
  if (table === undefined) return 'nothing tells';
  const ts = numbers(table, 'ts_ns').values;
  const jiffies = optionalNumbers(table, 'dirtied_when_jiffies')?.values ?? [];
  const after = upperBound(ts, from_ns);
  const before = after - 1;
  if (before < 0 || after >= table.rows) return 'nothing tells';
  const between = (left: number, right: number) =>
    (jiffies[right] as number) - (jiffies[left] as number);
  const jiffy_ns = host.hz === undefined ? paceOf(ts, between, before) : NS_PER_S / host.hz;
  if (jiffy_ns === undefined) return 'nothing tells';
  const passed_ns = between(before, after) * jiffy_ns;
  const shown_ns = (ts[after] as number) - (ts[before] as number);
  return shown_ns - passed_ns > SHARE_OFF * (to_ns - from_ns) ? 'less' : 'as much';
}

/** An inode that is put on the list of its bdi was dirtied in the same moment. */
function jiffiesTable(tables: Tables): Table | undefined {
  return tableWith(tables, 'writeback_dirty_inode_enqueue', ['dirtied_when_jiffies']);
}

/** Nanoseconds per jiffy by the events before the silence, if they span a second. */
function paceOf(
  ts: ArrayLike<number>,
  between: (left: number, right: number) => number,
  last: number,
): number | undefined {
  const passed_ns = (ts[last] as number) - (ts[0] as number);
  const jiffies = between(0, last);
  return passed_ns >= NS_PER_S && jiffies > 0 ? passed_ns / jiffies : undefined;
}
