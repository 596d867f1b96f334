/**
 * When the timer tick falls on the trace's clock. Events that print jiffies of their own instant
 * and intervals that must hold a known number of ticks each leave a part of one tick period for the
 * phase; the phase that most of them allow is taken.
 */
import { jiffiesOfPrinted } from '../../kernel/arithmetic.ts';
import { optionalNumbers, type Tables } from '../../trace/table.ts';
import { NS_PER_S } from '../../trace/time.ts';
import { Meeting, Votes } from './overlaps.ts';

/** `ticks` ticks fell after `from_ns` and until `to_ns`. Parallel arrays. */
export type TickCounts = {
  readonly from_ns: Float64Array;
  readonly to_ns: Float64Array;
  readonly ticks: Float64Array;
};
const NONE = new Float64Array();
export const NO_COUNTS: TickCounts = { from_ns: NONE, to_ns: NONE, ticks: NONE };

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

/** Of events that print jiffies of their own instant. */
type Printed = { readonly ts: Float64Array; readonly jiffies: Float64Array };

function printedJiffies(tables: Tables, hz: number): Printed {
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
  return { ts: Float64Array.from(ts), jiffies: Float64Array.from(jiffies) };
}

/** A clock that is not the one of the timer may run faster or slower by as much (200 ppm). */
const MAX_DRIFT = 2e-4;
const GOOD = 0.9995;
/** A search over some hundred clocks makes do with fewer observations. */
const SEARCH_OBSERVATIONS = 1000;

/**
 * Finds the phase of the tick. Who asks again with other counts asks the same finder: what the
 * printed jiffies say of each clock is kept, which takes most of the time.
 */
export class TickFinder {
  readonly #printed: Printed;
  readonly #nominal: number;
  readonly #votes = new Votes();
  readonly #meeting = new Meeting();
  #offsets = new Float64Array(0);
  /** By how many observations were used, then by tick: around where printed jiffies put the phase. */
  readonly #centres = new Map<number, Map<number, number | undefined>>();

  constructor(tables: Tables, hz: number) {
    this.#printed = printedJiffies(tables, hz);
    this.#nominal = NS_PER_S / hz;
  }

  /** Undefined when nothing tells it. */
  find(
    counts: TickCounts,
    clock: 'exact-clock' | 'any-clock' = 'any-clock',
  ): TickPhase | undefined {
    const nominal = this.#nominal;
    const first = this.#fit(counts, nominal);
    const isGood = first !== undefined && first.agree >= GOOD * first.n;
    if (first === undefined || isGood || clock === 'exact-clock') return first;
    let duration = 0;
    for (const times of [this.#printed.ts, counts.to_ns]) {
      for (let i = 0; i < times.length; i++) duration = Math.max(duration, times[i] as number);
    }
    // Steps that move the last tick by less than an eighth of one.
    const step = Math.max(nominal / (8 * Math.max(duration, nominal)), MAX_DRIFT / 200);
    const ticks: number[] = [];
    for (let drift = -MAX_DRIFT; drift <= MAX_DRIFT; drift += step) {
      ticks.push(nominal * (1 + drift));
    }
    const best = this.#likeliest(counts, ticks);
    const found = best && this.#fit(counts, best.tick_ns);
    return found !== undefined && found.agree > first.agree ? found : first;
  }

  /**
   * The first of the ticks that agrees with most observations. Those that cannot are not tried: of
   * 400, some tens are, in 20 ms instead of 150.
   */
  #likeliest(counts: TickCounts, ticks: readonly number[]): TickPhase | undefined {
    const most = ticks.map((tick) => {
      const { start } = this.#castVotes(counts, tick, SEARCH_OBSERVATIONS);
      return this.#votes.most(start, tick);
    });
    const order = [...ticks.keys()].sort((a, b) => (most[b] as number) - (most[a] as number));
    let best: TickPhase | undefined;
    let bestAt = ticks.length;
    for (const at of order) {
      const agree = best?.agree ?? 0;
      if ((most[at] as number) < agree) break;
      const fit = this.#fit(counts, ticks[at] as number, SEARCH_OBSERVATIONS);
      if (fit === undefined) continue;
      if (fit.agree > agree || (fit.agree === agree && at < bestAt)) {
        best = fit;
        bestAt = at;
      }
    }
    return best;
  }

  #fit(counts: TickCounts, tick: number, most = MAX_OBSERVATIONS): TickPhase | undefined {
    const { n, jiffies_known } = this.#castVotes(counts, tick, most);
    const best = this.#votes.best();
    if (best === undefined) return undefined;
    const jiffies = this.#printed.jiffies[0] ?? 0;
    return { tick_ns: tick, phase_ns: best.at, jiffies, jiffies_known, n, agree: best.votes };
  }

  /** What the observations say of the phase of such a tick, within one tick from `start` on. */
  #castVotes(
    counts: TickCounts,
    tick: number,
    most: number,
  ): { start: number; n: number; jiffies_known: boolean } {
    const votes = this.#votes;
    const offsets = this.#offsetsOf(tick, most);
    const rough = this.#centreOf(offsets, tick, most);
    const centre = rough ?? tick / 2;
    const start = centre - tick / 2;
    const stride = Math.ceil(counts.ticks.length / most);
    const counted = stride > 0 ? Math.ceil(counts.ticks.length / stride) : 0;
    // Those that say that no tick fell may leave two stretches.
    votes.clear(offsets.length + 2 * counted);
    votesOfOffsets(votes, offsets, tick, centre);
    let n = offsets.length;
    for (let i = 0; i < counts.ticks.length; i += stride) {
      if (voteOfCount(votes, counts, i, tick, start)) n++;
    }
    return { start, n, jiffies_known: rough !== undefined };
  }

  /** Time less the ticks until then: the phase is at most a tick before each of them. */
  #offsetsOf(tick: number, most: number): Float64Array {
    const { ts, jiffies } = this.#printed;
    const base = jiffies[0] ?? 0;
    const stride = Math.max(1, Math.ceil(ts.length / most));
    const n = Math.ceil(ts.length / stride);
    if (this.#offsets.length < n) this.#offsets = new Float64Array(n);
    const offsets = this.#offsets.subarray(0, n);
    for (let i = 0, row = 0; i < n; i++, row += stride) {
      offsets[i] = (ts[row] as number) - ((jiffies[row] as number) - base) * tick;
    }
    return offsets;
  }

  #centreOf(offsets: Float64Array, tick: number, most: number): number | undefined {
    const known = this.#centres.get(most) ?? new Map<number, number | undefined>();
    this.#centres.set(most, known);
    if (known.has(tick)) return known.get(tick);
    const centre = this.#meeting.of(offsets, tick)?.at;
    known.set(tick, centre);
    return centre;
  }
}

function votesOfOffsets(votes: Votes, offsets: Float64Array, tick: number, centre: number): void {
  const start = centre - tick / 2;
  for (let i = 0; i < offsets.length; i++) {
    const offset = offsets[i] as number;
    // An inode that kept an old dirtied_when says nothing.
    if (Math.abs(offset - tick / 2 - centre) >= tick) continue;
    votes.add(Math.max(start, offset - tick), Math.min(start + tick, offset));
  }
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
