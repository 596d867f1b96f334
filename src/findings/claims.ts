/**
 * Which stalls a cause explains, and how much of each. Claims are made in stall numbers, so that
 * two causes of one stall can be told and no time is counted twice.
 */
import type { Stall } from '../derive/stalls.ts';
import type { Victim } from './cause.ts';

/** A column by number of the stall: as a Map, 0.34 M claims took 0.2 s in each of its causes. */
export class StallClaims {
  /** Claimed nanoseconds, 0 for none. */
  #ns = new Float64Array(64);
  /** Claimed stalls in the order of their first claims. */
  readonly #stalls: number[] = [];

  /** Claims a part of a stall; a second claim of the same cause only widens the first. */
  add(stall: number, ns: number): void {
    if (!(ns > 0)) return;
    if (stall >= this.#ns.length) this.#grow(stall);
    const before = this.#ns[stall] as number;
    if (before === 0) this.#stalls.push(stall);
    if (ns > before) this.#ns[stall] = ns;
  }

  #grow(stall: number): void {
    const larger = new Float64Array(Math.max(stall + 1, 2 * this.#ns.length));
    larger.set(this.#ns);
    this.#ns = larger;
  }

  has(stall: number): boolean {
    return this.of(stall) > 0;
  }

  get size(): number {
    return this.#stalls.length;
  }

  *entries(): IterableIterator<[stall: number, ns: number]> {
    for (const stall of this.#stalls) yield [stall, this.of(stall)];
  }

  total_ns(): number {
    let sum = 0;
    for (const stall of this.#stalls) sum += this.of(stall);
    return sum;
  }

  /** Nanoseconds claimed of a stall. */
  of(stall: number): number {
    return stall < this.#ns.length ? (this.#ns[stall] as number) : 0;
  }

  /** What is left when others explain that much of each stall, nanoseconds. */
  without(explained_ns: (stall: number) => number): StallClaims {
    const rest = new StallClaims();
    for (const stall of this.#stalls) rest.add(stall, this.of(stall) - explained_ns(stall));
    return rest;
  }
}

/** The first beginning and the last end of what is claimed. */
export function claimedWindow(
  stalls: readonly Stall[],
  claims: StallClaims,
): readonly [number, number] {
  let from = Number.POSITIVE_INFINITY;
  let to = Number.NEGATIVE_INFINITY;
  for (const [index] of claims.entries()) {
    const stall = stalls[index];
    if (stall === undefined) continue;
    from = Math.min(from, stall.start_ns);
    to = Math.max(to, stall.start_ns + stall.duration_ns);
  }
  return from <= to ? [from, to] : [0, 0];
}

/** Tasks behind the claimed stalls, the one that lost most first. */
export function victimsOf(stalls: readonly Stall[], claims: StallClaims): readonly Victim[] {
  const byTask = new Map<string, Waited>();
  for (const [index, ns] of claims.entries()) {
    const stall = stalls[index];
    if (stall === undefined) continue;
    const key = `${stall.pid} ${stall.comm}`;
    let task = byTask.get(key);
    if (task === undefined) {
      task = { stall, ns: 0, stalls: [], bdis: new Map() };
      byTask.set(key, task);
    }
    task.ns += ns;
    task.stalls.push(stall);
    const bdi = stall.bdi ?? stall.dev;
    if (bdi !== undefined) task.bdis.set(bdi, (task.bdis.get(bdi) ?? 0) + ns);
  }
  return [...byTask.values()]
    .sort((left, right) => right.ns - left.ns)
    .map(({ stall, ns, stalls: claimed, bdis }) => ({
      comm: stall.comm,
      pid: stall.pid,
      cgroup: stall.cgroup,
      bdi: [...bdis].sort(([, left], [, right]) => right - left)[0]?.[0],
      time_lost_s: ns / 1e9,
      stalls: outermost(claimed),
    }));
}

/** What lies within another wait of the task is part of it. */
function outermost(stalls: Stall[]): number {
  let count = 0;
  let reach = Number.NEGATIVE_INFINITY;
  for (const { start_ns, duration_ns } of stalls.sort((a, b) => a.start_ns - b.start_ns)) {
    if (start_ns >= reach) count++;
    reach = Math.max(reach, start_ns + duration_ns);
  }
  return count;
}

type Waited = { stall: Stall; ns: number; stalls: Stall[]; bdis: Map<string, number> };
