/**
 * Episodes: what a task went through as one wait. Stalls inside of each other are one episode, and
 * so are stalls of one kind on one device between which the task had no time for anything else:
 *
 * - pauses of dirty throttling, if the gap lies within the period of the later pause: the kernel
 *   measures pauses against periods, so the task did nothing but dirty its allowance
 * - waits for folios, reclaim and its throttling, if the task ran for less than a tick between
 */
import {
  type Certainty,
  type Evidence,
  STALL_PLACES,
  type Stall,
  type StallEnd,
  type StallPlace,
  stallEnd_ns,
} from './stall.ts';

export type Episode = {
  /** Place of the outermost stalls. */
  readonly place: StallPlace;
  readonly event: string;
  readonly reason: string | undefined;
  readonly pid: number;
  readonly comm: string;
  readonly cgroup: string | undefined;
  readonly bdi: string | undefined;
  readonly dev: string | undefined;
  readonly ino: string | undefined;
  readonly start_ns: number;
  /** From the first begin to the last end. */
  readonly duration_ns: number;
  /** Without the gaps between joined stalls. */
  readonly waited_ns: number;
  /** What the kernel asked for, where it says so, of all its stalls. */
  readonly asked_ns: number | undefined;
  readonly stalls: number;
  /** How many of them follow an earlier one after a gap. */
  readonly joined: number;
  /** Why: the task only dirtied its allowance in between, or it ran for less than a tick. */
  readonly joined_by: 'allowance' | 'tick' | undefined;
  /** Where most of the waiting was: the innermost place with most time. */
  readonly mostly: StallPlace;
  readonly mostly_ns: number;
  /** How the end of the stall that ended last is known. */
  readonly end: StallEnd;
  readonly open: boolean;
  readonly begun_before: boolean;
  readonly certainty: Certainty;
  readonly across_loss: boolean;
  /** What shows its first stall. */
  readonly evidence: readonly Evidence[];
};

/** By duration, the longest first. */
export function episodesOf(stalls: readonly Stall[]): Episode[] {
  const episodes: Episode[] = [];
  const growing = new Growing();
  for (const index of byTaskAndTime(stalls)) {
    const stall = stalls[index] as Stall;
    if (growing.take(stall)) continue;
    const done = growing.finish();
    if (done !== undefined) episodes.push(done);
    growing.begin(stall);
  }
  const last = growing.finish();
  if (last !== undefined) episodes.push(last);
  return episodes.sort(
    (left, right) =>
      right.duration_ns - left.duration_ns ||
      left.start_ns - right.start_ns ||
      left.pid - right.pid,
  );
}

/** Of stalls that begin together the longest comes first: it is around the others. */
function byTaskAndTime(stalls: readonly Stall[]): Uint32Array {
  const pid = Float64Array.from(stalls, (stall) => stall.pid);
  const start = Float64Array.from(stalls, (stall) => stall.start_ns);
  const duration = Float64Array.from(stalls, (stall) => stall.duration_ns);
  const by = (values: Float64Array, left: number, right: number): number =>
    (values[left] as number) - (values[right] as number);
  return Uint32Array.from(stalls, (_, index) => index).sort(
    (left, right) =>
      by(pid, left, right) || by(start, left, right) || by(duration, right, left) || left - right,
  );
}

function joinOf(place: StallPlace): Episode['joined_by'] {
  return place === 'dirty-throttling' ? 'allowance' : 'tick';
}

/** The episode at hand; one is made and used for all, for there may be a million. */
class Growing {
  #first: Stall | undefined;
  #end_ns = 0;
  #end: StallEnd = 'recorded';
  #stalls = 0;
  #joined = 0;
  #asked_ns: number | undefined;
  #open = false;
  #across_loss = false;
  #certainty: Certainty = 'certain';
  /** By place, as in STALL_PLACES. */
  readonly #own_ns: number[] = STALL_PLACES.map(() => 0);

  begin(first: Stall): void {
    this.#first = first;
    this.#end_ns = stallEnd_ns(first);
    this.#end = first.end;
    this.#stalls = 0;
    this.#joined = 0;
    this.#asked_ns = undefined;
    this.#open = false;
    this.#across_loss = false;
    this.#certainty = 'certain';
    this.#own_ns.fill(0);
    this.#add(first, first);
  }

  /** False when the stall belongs to the next episode. */
  take(stall: Stall): boolean {
    const first = this.#first;
    if (first === undefined || stall.pid !== first.pid) return false;
    const gap_ns = stall.start_ns - this.#end_ns;
    if (gap_ns >= 0) {
      const { place, bdi, dev, joins_within_ns } = stall;
      const isSameKind = first.place === place && first.bdi === bdi && first.dev === dev;
      if (gap_ns > joins_within_ns || !isSameKind) return false;
      this.#joined++;
    }
    this.#add(stall, first);
    return true;
  }

  #add(stall: Stall, first: Stall): void {
    const place = STALL_PLACES.indexOf(stall.place);
    this.#own_ns[place] = (this.#own_ns[place] as number) + stall.own_ns;
    this.#stalls++;
    if (stall.asked_ns !== undefined) this.#asked_ns = (this.#asked_ns ?? 0) + stall.asked_ns;
    const end_ns = stallEnd_ns(stall);
    if (end_ns > this.#end_ns) {
      this.#end_ns = end_ns;
      this.#end = stall.end;
    }
    this.#open ||= stall.open;
    this.#across_loss ||= stall.across_loss;
    if (stall.place === first.place && stall.certainty !== 'certain') {
      this.#certainty = stall.certainty;
    }
  }

  finish(): Episode | undefined {
    const first = this.#first;
    if (first === undefined) return undefined;
    let most = STALL_PLACES.indexOf(first.place);
    let waited_ns = 0;
    for (let place = 0; place < STALL_PLACES.length; place++) {
      const own_ns = this.#own_ns[place] as number;
      waited_ns += own_ns;
      if (own_ns > (this.#own_ns[most] as number)) most = place;
    }
    return {
      place: first.place,
      event: first.event,
      reason: first.reason,
      pid: first.pid,
      comm: first.comm,
      cgroup: first.cgroup,
      bdi: first.bdi,
      dev: first.dev,
      ino: first.ino,
      start_ns: first.start_ns,
      duration_ns: this.#end_ns - first.start_ns,
      waited_ns,
      asked_ns: this.#asked_ns,
      stalls: this.#stalls,
      joined: this.#joined,
      joined_by: this.#joined === 0 ? undefined : joinOf(first.place),
      mostly: STALL_PLACES[most] ?? first.place,
      mostly_ns: this.#own_ns[most] ?? 0,
      end: this.#end,
      open: this.#open,
      begun_before: first.begun_before,
      certainty: this.#certainty,
      across_loss: this.#across_loss,
      evidence: first.evidence,
    };
  }
}
