/** Where most of many stretches of a line overlap, for the search of the tick's phase (jiffies.ts). */

const PARTS = 256;

/** Stretches of a line; finds the point that lies in most of them. */
export class Votes {
  #from = new Float64Array(0);
  #to = new Float64Array(0);
  #n = 0;
  readonly #sortFrom = new Sorter();
  readonly #sortTo = new Sorter();

  /** Room for as many votes, of which there are none. A search over clocks uses it again. */
  clear(most: number): void {
    this.#n = 0;
    if (most <= this.#from.length) return;
    this.#from = new Float64Array(most);
    this.#to = new Float64Array(most);
  }

  /** A vote for (from, to]. */
  add(from: number, to: number): void {
    // Also what is no number, which would never be passed on the line.
    if (!(to > from)) return;
    this.#from[this.#n] = from;
    this.#to[this.#n] = to;
    this.#n++;
  }

  /**
   * No point of one tick from `start` on has more votes: those that touch the same of 256 parts of
   * it, without sorting them.
   */
  most(start: number, tick: number): number {
    const parts = new Int32Array(PARTS + 1);
    const partOf = (at: number) =>
      Math.min(PARTS - 1, Math.max(0, Math.floor(((at - start) / tick) * PARTS)));
    for (let i = 0; i < this.#n; i++) {
      const first = partOf(this.#from[i] as number);
      const behind = partOf(this.#to[i] as number) + 1;
      parts[first] = (parts[first] as number) + 1;
      parts[behind] = (parts[behind] as number) - 1;
    }
    let open = 0;
    let most = 0;
    for (let part = 0; part < PARTS; part++) {
      open += parts[part] as number;
      most = Math.max(most, open);
    }
    return most;
  }

  /** Middle of the best stretch, and its votes. */
  best(): { at: number; votes: number } | undefined {
    const from = this.#sortFrom.sorted(this.#from.subarray(0, this.#n));
    const to = this.#sortTo.sorted(this.#to.subarray(0, this.#n));
    return inMost(from, to);
  }
}

/**
 * Where most of the stretches that have one length meet: one sort does for both of their ends. Its
 * memory is used again, because a search over clocks asks some hundred times.
 */
export class Meeting {
  readonly #sorter = new Sorter();
  #ends = new Float64Array(0);

  of(ends: Float64Array, length: number): { at: number; votes: number } | undefined {
    if (this.#ends.length < ends.length) this.#ends = new Float64Array(ends.length);
    const n = copyEnds(ends, length, this.#ends);
    const to = this.#sorter.sorted(this.#ends.subarray(0, n));
    const from = this.#ends.subarray(0, n);
    moveBack(to, length, from);
    return inMost(from, to);
  }
}

/**
 * Sorts numbers that are no NaN: by which of as many equal parts of their range they are in, after
 * which few are out of order. A search over 400 clocks sorts a thousand of them 900 times: 90 ms
 * with the typed array's own sort, which calls a function to compare, 20 with Shell's alone.
 */
class Sorter {
  #sorted = new Float64Array(0);
  #begins = new Int32Array(0);

  /** The same numbers in order; the array is used again. */
  sorted(values: Float64Array): Float64Array {
    const n = values.length;
    if (this.#sorted.length < n) {
      this.#sorted = new Float64Array(n);
      this.#begins = new Int32Array(n + 1);
    }
    const sorted = this.#sorted.subarray(0, n);
    const begins = this.#begins;
    const low = lowest(values);
    const high = highest(values);
    const scale = high > low ? (n - 1) / (high - low) : 0;
    const isSpread = countParts(values, low, high, scale, begins) <= MANY_IN_PART;
    placeByPart(values, low, scale, begins, sorted);
    if (isSpread) pass(sorted, 1);
    else for (const gap of GAPS) pass(sorted, gap);
    return sorted;
  }
}

// Loops by themselves: what comes behind a loop of the same function was compiled before it had
// ever run, and given up again each time.

/** Those of which the length can be taken off; returns how many. */
function copyEnds(ends: Float64Array, length: number, to: Float64Array): number {
  let n = 0;
  for (let i = 0; i < ends.length; i++) {
    const end = ends[i] as number;
    if (end > end - length) to[n++] = end;
  }
  return n;
}

function moveBack(to: Float64Array, length: number, from: Float64Array): void {
  for (let i = 0; i < to.length; i++) from[i] = (to[i] as number) - length;
}

function lowest(values: Float64Array): number {
  let low = Number.POSITIVE_INFINITY;
  for (let i = 0; i < values.length; i++) low = Math.min(low, values[i] as number);
  return low;
}

function highest(values: Float64Array): number {
  let high = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < values.length; i++) high = Math.max(high, values[i] as number);
  return high;
}

/**
 * Where each part begins; returns the most values that one of them has, but for those that are the
 * lowest or the highest: many stretches are cut off there, and equal values are in order.
 */
function countParts(
  values: Float64Array,
  low: number,
  high: number,
  scale: number,
  begins: Int32Array,
): number {
  begins.fill(0, 0, values.length + 1);
  let most = 0;
  let lows = 0;
  for (let i = 0; i < values.length; i++) {
    const value = values[i] as number;
    const behind = Math.floor((value - low) * scale) + 1;
    const count = (begins[behind] as number) + 1;
    begins[behind] = count;
    if (value !== low && value !== high) most = Math.max(most, count - (behind === 1 ? lows : 0));
    else if (value === low) lows++;
  }
  for (let part = 1; part < values.length; part++) {
    begins[part] = (begins[part] as number) + (begins[part - 1] as number);
  }
  return most;
}

function placeByPart(
  values: Float64Array,
  low: number,
  scale: number,
  begins: Int32Array,
  placed: Float64Array,
): void {
  for (let i = 0; i < values.length; i++) {
    const value = values[i] as number;
    const part = Math.floor((value - low) * scale);
    const at = begins[part] as number;
    placed[at] = value;
    begins[part] = at + 1;
  }
}

/** From so many on, to sort them one by one takes longer than all of Shell's passes. */
const MANY_IN_PART = 64;
const GAPS = [17961, 7983, 3548, 1577, 701, 301, 132, 57, 23, 10, 4, 1];

/** One pass of Shell's sort; that with a gap of one sorts by itself. */
function pass(values: Float64Array, gap: number): void {
  for (let i = gap; i < values.length; i++) {
    const value = values[i] as number;
    let at = i;
    while (at >= gap && (values[at - gap] as number) > value) {
      values[at] = values[at - gap] as number;
      at -= gap;
    }
    values[at] = value;
  }
}

/** Of stretches (from, to] whose ends are sorted each: the middle of where most of them overlap. */
function inMost(from: Float64Array, to: Float64Array): { at: number; votes: number } | undefined {
  const { length } = from;
  let most = 0;
  let at = Number.NaN;
  let begun = 0;
  let ended = 0;
  while (begun < length) {
    const here = Math.min(from[begun] as number, to[ended] as number);
    while (begun < length && from[begun] === here) begun++;
    while (ended < length && to[ended] === here) ended++;
    if (begun - ended <= most) continue;
    most = begun - ended;
    const next = begun < length ? (from[begun] as number) : Number.POSITIVE_INFINITY;
    at = (here + Math.min(next, to[ended] as number)) / 2;
  }
  return most === 0 ? undefined : { at, votes: most };
}
