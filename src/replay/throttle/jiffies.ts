/**
 * When the timer tick falls on the trace's clock. Events that print jiffies of their own instant
 * and intervals that must hold a known number of ticks each leave a part of one tick period for the
 * phase; the phase that most of them allow is taken.
 */
import { jiffiesOfPrinted } from '../../kernel/arithmetic.ts';
import { optionalNumbers, type Tables } from '../../trace/table.ts';
import { NS_PER_S } from '../../trace/time.ts';

/** `ticks` ticks fell after `from_ns` and until `to_ns`. Parallel arrays. */
export type TickCounts = {
  readonly from_ns: number[];
  readonly to_ns: number[];
  readonly ticks: number[];
};

export type TickPhase = {
  readonly tick_ns: number;
  /** Time of a tick, and what jiffies became with it; 0 stands for it while nothing prints it. */
  readonly phase_ns: number;
  readonly jiffies: number;
  readonly jiffies_known: boolean;
  /** Observations used, and how many of them the phase explains. */
  readonly n: number;
  readonly agree: number;
};

/** jiffies at a time; only differences mean something while `jiffies_known` is false. */
export function jiffyAt(phase: TickPhase, ts_ns: number): number {
  return phase.jiffies + Math.floor((ts_ns - phase.phase_ns) / phase.tick_ns);
}

/** How far a time is from the nearest tick. */
export function fromTick(phase: TickPhase, ts_ns: number): number {
  const ticks = (ts_ns - phase.phase_ns) / phase.tick_ns;
  return Math.abs(ticks - Math.round(ticks)) * phase.tick_ns;
}

const MAX_OBSERVATIONS = 10_000;

/** Events that print jiffies of their own instant. */
function printedJiffies(tables: Tables, hz: number): { ts: number[]; jiffies: number[] } {
  const ts: number[] = [];
  const jiffies: number[] = [];
  const add = (time: number | undefined, value: number) => {
    if (time === undefined || !(value > 0 && value < Number.MAX_SAFE_INTEGER)) return;
    ts.push(time);
    jiffies.push(value);
  };
  const queue = tables.get('writeback_queue_io');
  const older = queue && optionalNumbers(queue, 'older_jiffies')?.values;
  const age = queue && optionalNumbers(queue, 'age_ms')?.values;
  const times = queue && optionalNumbers(queue, 'ts_ns')?.values;
  // age = jiffies - older at that instant.
  const some = (rows: number) => Math.ceil(rows / MAX_OBSERVATIONS);
  for (let row = 0; row < (queue?.rows ?? 0); row += some(queue?.rows ?? 0)) {
    add(times?.[row], (older?.[row] ?? Number.NaN) + jiffiesOfPrinted(age?.[row] ?? 0, hz));
  }
  const inode = tables.get('writeback_dirty_inode_enqueue');
  const dirtied = inode && optionalNumbers(inode, 'dirtied_when_jiffies')?.values;
  const when = inode && optionalNumbers(inode, 'ts_ns')?.values;
  for (let row = 0; row < (inode?.rows ?? 0); row += some(inode?.rows ?? 0)) {
    add(when?.[row], dirtied?.[row] ?? Number.NaN);
  }
  return { ts, jiffies };
}

/** Stretches of a line; finds the point that lies in most of them. */
class Votes {
  readonly #from: number[] = [];
  readonly #to: number[] = [];

  /** A vote for (from, to]. */
  add(from: number, to: number): void {
    // Also what is no number, which would never be passed on the line.
    if (!(to > from)) return;
    this.#from.push(from);
    this.#to.push(to);
  }

  /** Middle of the best stretch, and its votes. */
  best(): { at: number; votes: number } | undefined {
    const from = Float64Array.from(this.#from).sort();
    const to = Float64Array.from(this.#to).sort();
    let most = 0;
    let at: number | undefined;
    let begun = 0;
    let ended = 0;
    while (begun < from.length) {
      const here = Math.min(from[begun] as number, to[ended] as number);
      while (from[begun] === here) begun++;
      while (to[ended] === here) ended++;
      if (begun - ended <= most) continue;
      most = begun - ended;
      at = (here + Math.min(from[begun] ?? Number.POSITIVE_INFINITY, to[ended] as number)) / 2;
    }
    return at === undefined ? undefined : { at, votes: most };
  }
}

/** A clock that is not the one of the timer may run faster or slower by as much (200 ppm). */
const MAX_DRIFT = 2e-4;
const GOOD = 0.9995;
/** A search over some hundred clocks makes do with fewer observations. */
const SEARCH_OBSERVATIONS = 1000;

/** The phase of the tick; undefined when nothing tells it. */
export function findTickPhase(
  tables: Tables,
  counts: TickCounts,
  hz: number,
  clock: 'exact-clock' | 'any-clock' = 'any-clock',
): TickPhase | undefined {
  const printed = printedJiffies(tables, hz);
  const nominal = NS_PER_S / hz;
  const first = fitPhase(printed, counts, nominal);
  const isGood = first !== undefined && first.agree >= GOOD * first.n;
  if (first === undefined || isGood || clock === 'exact-clock') return first;
  let duration = 0;
  for (const ts of [printed.ts, counts.to_ns].flat()) duration = Math.max(duration, ts);
  // Steps that move the last tick by less than an eighth of one.
  const step = Math.max(nominal / (8 * Math.max(duration, nominal)), MAX_DRIFT / 200);
  let best: TickPhase | undefined;
  for (let drift = -MAX_DRIFT; drift <= MAX_DRIFT; drift += step) {
    const fit = fitPhase(printed, counts, nominal * (1 + drift), SEARCH_OBSERVATIONS);
    if (fit !== undefined && fit.agree > (best?.agree ?? 0)) best = fit;
  }
  const found = best && fitPhase(printed, counts, best.tick_ns);
  return found !== undefined && found.agree > first.agree ? found : first;
}

function fitPhase(
  printed: { ts: number[]; jiffies: number[] },
  counts: TickCounts,
  tick: number,
  most = MAX_OBSERVATIONS,
): TickPhase | undefined {
  const base = printed.jiffies[0] ?? 0;
  // Time less the ticks until then: the phase is at most a tick before each of them.
  const offsets: number[] = [];
  for (let i = 0; i < printed.ts.length; i += Math.ceil(printed.ts.length / most)) {
    const ticks = (printed.jiffies[i] as number) - base;
    offsets.push((printed.ts[i] as number) - ticks * tick);
  }
  const absolute = new Votes();
  for (const offset of offsets) absolute.add(offset - tick, offset);
  const rough = absolute.best();
  const centre = rough?.at ?? tick / 2;
  const start = centre - tick / 2;
  const votes = new Votes();
  let n = 0;
  for (const offset of offsets) {
    n++;
    // An inode that kept an old dirtied_when says nothing.
    if (Math.abs(offset - tick / 2 - centre) >= tick) continue;
    votes.add(Math.max(start, offset - tick), Math.min(start + tick, offset));
  }
  const stride = Math.ceil(counts.ticks.length / most);
  for (let i = 0; i < counts.ticks.length; i += stride) {
    if (voteOfCount(votes, counts, i, tick, start)) n++;
  }
  const best = votes.best();
  if (best === undefined) return undefined;
  const jiffies_known = rough !== undefined;
  return { tick_ns: tick, phase_ns: best.at, jiffies: base, jiffies_known, n, agree: best.votes };
}

/** An interval with one tick more than its length holds for sure has a tick in its remainder. */
function voteOfCount(
  votes: Votes,
  { from_ns, to_ns, ticks }: TickCounts,
  index: number,
  tick: number,
  start: number,
): boolean {
  const from = from_ns[index] as number;
  const span = (to_ns[index] as number) - from;
  const whole = Math.floor(span / tick);
  const extra = (ticks[index] as number) - whole;
  if (!(span >= 0) || (extra !== 0 && extra !== 1)) return false;
  const rest = span - whole * tick;
  // The remainder as (low, low + rest] inside [start, start + tick), wrapping at its end.
  const low = from - Math.floor((from - start) / tick) * tick;
  const high = low + rest;
  const end = start + tick;
  const wrapped = Math.max(0, high - end);
  if (extra === 1) {
    votes.add(low, Math.min(high, end));
    if (wrapped > 0) votes.add(start, start + wrapped);
  } else {
    if (low > start + wrapped) votes.add(start + wrapped, low);
    if (high < end) votes.add(high, end);
  }
  return true;
}
