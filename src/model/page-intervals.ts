/**
 * A map from page indexes to small numbers, kept as sorted intervals of equal values: what is known
 * of each page of one file. Absent pages have the value 0. Neighbours of equal value are one
 * interval, so memory follows the number of distinct stretches, not of pages or of changes.
 *
 * Intervals live in blocks of at most BLOCK, so that a change in the middle of very many of them
 * moves one block: with 100,000 intervals a random change takes 1 µs instead of 25.
 */
import { assert } from '../trace/assert.ts';

const BLOCK = 128;
/** Room in the first block: most files are one interval, and so small an array costs nothing. */
const FIRST = 4;
/** Intervals that are moved faster one by one than by copyWithin. */
const FEW = 16;

type Block = {
  count: number;
  start: Float64Array;
  end: Float64Array;
  value: Uint8Array;
};

function newBlock(room: number): Block {
  return {
    count: 0,
    start: new Float64Array(room),
    end: new Float64Array(room),
    value: new Uint8Array(room),
  };
}

/** Room for so many intervals, at most BLOCK. */
function makeRoom(block: Block, count: number): void {
  if (count <= block.start.length) return;
  const larger = newBlock(Math.min(BLOCK, Math.max(count, 4 * block.start.length)));
  larger.start.set(block.start);
  larger.end.set(block.end);
  larger.value.set(block.value);
  block.start = larger.start;
  block.end = larger.end;
  block.value = larger.value;
}

/** Pages by the value that they had before a change: `tally[value]`. */
export type Tally = Float64Array;

/** Every bit of a value counts: only a value of 0 is absent. */
const ALL_COUNT = 255;

export class PageIntervals {
  /** Bits of which at least one is in each value: without them, the others say nothing. */
  readonly #counting: number;
  #blocks: Block[] = [newBlock(FIRST)];
  /** Block of the last search: changes come in order of index. */
  #hint = 0;
  // Pieces that replace a stretch of intervals; kept to allocate nothing per change.
  #pieces = 0;
  readonly #outStart: number[] = [];
  readonly #outEnd: number[] = [];
  readonly #outValue: number[] = [];

  constructor(counting = ALL_COUNT) {
    this.#counting = counting;
  }

  /** Number of intervals. */
  get size(): number {
    return this.#blocks.reduce((sum, block) => sum + block.count, 0);
  }

  get isEmpty(): boolean {
    return this.#blocks.length === 1 && (this.#blocks[0] as Block).count === 0;
  }

  valueAt(index: number): number {
    const at = this.#seek(index);
    const block = this.#blocks[this.#hint] as Block;
    if (at >= block.count || (block.start[at] as number) > index) return 0;
    return block.value[at] as number;
  }

  /** The interval that holds the page, or undefined when its value is 0. */
  intervalAt(index: number): { start: number; end: number; value: number } | undefined {
    const at = this.#seek(index);
    const block = this.#blocks[this.#hint] as Block;
    if (at >= block.count || (block.start[at] as number) > index) return undefined;
    return {
      start: block.start[at] as number,
      end: block.end[at] as number,
      value: block.value[at] as number,
    };
  }

  /**
   * Calls `visit(start, end, value)` for each interval that overlaps [from, to), cut to it, in
   * order until `visit` returns false. `visit` must not change the map.
   */
  visit(
    from: number,
    to: number,
    visit: (start: number, end: number, value: number) => boolean | undefined,
  ): void {
    let at = this.#seek(from);
    for (let b = this.#hint; b < this.#blocks.length; b++) {
      const block = this.#blocks[b] as Block;
      for (; at < block.count; at++) {
        const start = block.start[at] as number;
        if (start >= to) return;
        const more = visit(
          Math.max(start, from),
          Math.min(block.end[at] as number, to),
          block.value[at] as number,
        );
        if (more === false) return;
      }
      at = 0;
    }
  }

  /** The first interval of [from, to), cut to it, whose value has one of the bits. */
  firstWith(bits: number, from: number, to: number): { start: number; end: number } | undefined {
    let at = this.#seek(from);
    for (let b = this.#hint; b < this.#blocks.length; b++) {
      const block = this.#blocks[b] as Block;
      for (; at < block.count; at++) {
        const start = block.start[at] as number;
        if (start >= to) return undefined;
        if (((block.value[at] as number) & bits) === 0) continue;
        return { start: Math.max(start, from), end: Math.min(block.end[at] as number, to) };
      }
      at = 0;
    }
    return undefined;
  }

  /**
   * For pages of [from, to) whose value has all bits of `need`: value := (value & ~clear) | set,
   * or 0 when none of the bits that count is left. Adds the changed pages to `tally[old value]`.
   */
  change(from: number, to: number, need: number, clear: number, set: number, tally: Tally): void {
    if (!(from < to)) return;
    const at = this.#seek(from);
    const block = this.#blocks[this.#hint] as Block;
    if (need === 0 && set !== 0 && this.#extend(block, at, from, to, set, tally)) return;
    const counting = this.#counting;
    if (advance(block, at, from, to, need, clear, set, counting, tally)) return;
    if (isKept(block, at, from, to, need, clear, set, counting, tally)) return;
    if (this.#changeFirst(block, at, from, to, need, clear, set, tally)) return;
    this.#rewrite(from, to, need, clear, set, tally);
  }

  /** The commonest change, new pages right behind an interval of their value: 4 times faster. */
  #extend(block: Block, at: number, from: number, to: number, set: number, tally: Tally): boolean {
    // Only the last interval of all is followed by nothing for sure.
    if (at !== block.count || this.#hint !== this.#blocks.length - 1 || at === 0) return false;
    if ((block.end[at - 1] as number) !== from || block.value[at - 1] !== set) return false;
    block.end[at - 1] = to;
    tally[0] = (tally[0] as number) + (to - from);
    return true;
  }

  /** All of one interval, which joins the one before it, or its first pages: 2 times faster. */
  #changeFirst(
    block: Block,
    at: number,
    from: number,
    to: number,
    need: number,
    clear: number,
    set: number,
    tally: Tally,
  ): boolean {
    if (at >= block.count || block.start[at] !== from) return false;
    const end = block.end[at] as number;
    const old = block.value[at] as number;
    const value = changed(old, clear, set, this.#counting);
    if (end < to || (old & need) !== need || value === old) return false;
    const joins = at > 0 && block.end[at - 1] === from && block.value[at - 1] === value;
    if (end > to && value === 0) {
      block.start[at] = to;
    } else if (end === to && value === 0 && block.count > 1) {
      shift(block, at + 1, -1);
    } else if (at === 0) {
      return false;
    } else if (end > to && !joins && block.count < BLOCK) {
      shift(block, at, 1);
      put(block, at, from, to, value);
      block.start[at + 1] = to;
    } else if (end === to && joins && at + 1 < block.count && block.value[at + 1] !== value) {
      block.end[at - 1] = to;
      shift(block, at + 1, -1);
    } else {
      return false;
    }
    tally[old] = (tally[old] as number) + (to - from);
    return true;
  }

  #rewrite(from: number, to: number, need: number, clear: number, set: number, tally: Tally): void {
    // Begin one interval early, with the left neighbour, which may become one with the first piece.
    let at = this.#seek(from);
    let b = this.#hint;
    if (at > 0) at--;
    else if (b > 0) {
      b--;
      at = (this.#blocks[b] as Block).count - 1;
    }
    const firstBlock = b;
    const first = at;
    this.#pieces = 0;
    const atGap = need === 0 ? set : 0;
    let position = from;
    let removed = 0;
    for (; b < this.#blocks.length; b++, at = 0) {
      const block = this.#blocks[b] as Block;
      for (; at < block.count; at++) {
        const start = block.start[at] as number;
        if (start > to) break;
        const end = block.end[at] as number;
        const value = block.value[at] as number;
        removed++;
        if (end <= from) {
          this.#push(start, end, value);
          continue;
        }
        if (start < from) this.#push(start, from, value);
        const cutStart = Math.max(start, from);
        const cutEnd = Math.min(end, to);
        if (cutStart < cutEnd) {
          if (position < cutStart) this.#fill(position, cutStart, atGap, need, tally);
          const changes = (value & need) === need;
          if (changes) tally[value] = (tally[value] as number) + (cutEnd - cutStart);
          const next = changes ? changed(value, clear, set, this.#counting) : value;
          this.#push(cutStart, cutEnd, next);
          position = cutEnd;
        }
        if (end > to) {
          if (position < to) this.#fill(position, to, atGap, need, tally);
          position = to;
          this.#push(Math.max(start, to), end, value);
        }
      }
      if (at < block.count) break;
    }
    if (position < to) this.#fill(position, to, atGap, need, tally);
    this.#replace(firstBlock, first, removed);
  }

  #fill(from: number, to: number, value: number, need: number, tally: Tally): void {
    if (need === 0) tally[0] = (tally[0] as number) + (to - from);
    this.#push(from, to, value);
  }

  #push(start: number, end: number, value: number): void {
    if (value === 0) return;
    const last = this.#pieces - 1;
    if (last >= 0 && this.#outEnd[last] === start && this.#outValue[last] === value) {
      this.#outEnd[last] = end;
      return;
    }
    this.#add(start, end, value);
  }

  #add(start: number, end: number, value: number): void {
    const at = this.#pieces++;
    this.#outStart[at] = start;
    this.#outEnd[at] = end;
    this.#outValue[at] = value;
  }

  /** Puts the collected pieces in the place of `removed` intervals from (b, at) on. */
  #replace(b: number, at: number, removed: number): void {
    const block = this.#blocks[b] as Block;
    const pieces = this.#pieces;
    const here = Math.min(removed, block.count - at);
    if (here === removed && block.count - here + pieces <= BLOCK) {
      shift(block, at + here, pieces - here);
      this.#copyPieces(block, at, 0, pieces);
    } else {
      this.#replaceAcross(b, at, removed);
    }
    this.#hint = Math.min(b, this.#blocks.length - 1);
    if ((this.#blocks[this.#hint] as Block).count === 0) this.#dropEmpty(this.#hint);
  }

  #copyPieces(block: Block, at: number, from: number, to: number): void {
    for (let piece = from; piece < to; piece++) {
      const slot = at + piece - from;
      block.start[slot] = this.#outStart[piece] as number;
      block.end[slot] = this.#outEnd[piece] as number;
      block.value[slot] = this.#outValue[piece] as number;
    }
  }

  /** The rare case: several blocks are concerned, or one overflows. Rebuilds those blocks. */
  #replaceAcross(b: number, at: number, removed: number): void {
    let lastBlock = b;
    let left = removed;
    let from = at;
    while (left > (this.#blocks[lastBlock] as Block).count - from) {
      left -= (this.#blocks[lastBlock] as Block).count - from;
      lastBlock++;
      from = 0;
    }
    const first = this.#blocks[b] as Block;
    const last = this.#blocks[lastBlock] as Block;
    // Neighbours outside of the stretch are pieces as well; they are known not to need merging.
    for (let i = from + left; i < last.count; i++) {
      this.#add(last.start[i] as number, last.end[i] as number, last.value[i] as number);
    }
    // Those of the first block before them are copied from where they are: put in front of the
    // pieces, they made the kept arrays longer each time.
    const pieces = at + this.#pieces;
    const fresh: Block[] = [];
    const blocks = Math.ceil(pieces / (BLOCK / 2));
    for (let i = 0; i < blocks; i++) {
      const block = newBlock(BLOCK);
      const [begin, end] = [
        Math.floor((i * pieces) / blocks),
        Math.floor(((i + 1) * pieces) / blocks),
      ];
      const kept = Math.max(0, Math.min(at, end) - begin);
      for (let slot = 0; slot < kept; slot++) {
        block.start[slot] = first.start[begin + slot] as number;
        block.end[slot] = first.end[begin + slot] as number;
        block.value[slot] = first.value[begin + slot] as number;
      }
      this.#copyPieces(block, kept, begin + kept - at, end - at);
      block.count = end - begin;
      fresh.push(block);
    }
    this.#blocks.splice(b, lastBlock - b + 1, ...fresh);
    if (this.#blocks.length === 0) this.#blocks.push(newBlock(FIRST));
  }

  #dropEmpty(b: number): void {
    if (this.#blocks.length === 1) return;
    this.#blocks.splice(b, 1);
    this.#hint = Math.min(b, this.#blocks.length - 1);
  }

  /**
   * Position in the block `#hint` of the first interval that ends behind the index; the block's
   * count if there is none, which then is the last block.
   */
  #seek(index: number): number {
    const blocks = this.#blocks;
    let b = this.#hint;
    if (!this.#holds(b, index)) {
      let low = 0;
      let high = blocks.length - 1;
      while (low < high) {
        const middle = (low + high) >>> 1;
        const block = blocks[middle] as Block;
        if ((block.end[block.count - 1] as number) > index) high = middle;
        else low = middle + 1;
      }
      b = low;
      this.#hint = b;
    }
    const { count, end } = blocks[b] as Block;
    // The last interval first: most changes are at the end of what was written.
    if (count === 0 || (end[count - 1] as number) <= index) return count;
    let low = 0;
    let high = count - 1;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((end[middle] as number) > index) high = middle;
      else low = middle + 1;
    }
    return low;
  }

  #holds(b: number, index: number): boolean {
    const block = this.#blocks[b] as Block;
    const isLast = b === this.#blocks.length - 1;
    if (!isLast && (block.end[block.count - 1] as number) <= index) return false;
    if (b === 0) return true;
    const previous = this.#blocks[b - 1] as Block;
    return (previous.end[previous.count - 1] as number) <= index;
  }

  /** Every interval as [start, end, value], for tests and reports. */
  list(): [start: number, end: number, value: number][] {
    const found: [number, number, number][] = [];
    this.visit(0, Number.POSITIVE_INFINITY, (start, end, value) => {
      found.push([start, end, value]);
      return true;
    });
    return found;
  }
}

function changed(value: number, clear: number, set: number, counting: number): number {
  const next = (value & ~clear) | set;
  return (next & counting) === 0 ? 0 : next;
}

/**
 * The first pages of an interval take the value of the one before it, which pages do that are
 * written in order: only the border between the two moves.
 */
function advance(
  block: Block,
  at: number,
  from: number,
  to: number,
  need: number,
  clear: number,
  set: number,
  counting: number,
  tally: Tally,
): boolean {
  if (at === 0 || at >= block.count) return false;
  const value = block.value[at] as number;
  if (block.start[at] !== from || (block.end[at] as number) <= to) return false;
  if ((value & need) !== need || block.end[at - 1] !== from) return false;
  if (block.value[at - 1] !== changed(value, clear, set, counting)) return false;
  block.end[at - 1] = to;
  block.start[at] = to;
  tally[value] = (tally[value] as number) + (to - from);
  return true;
}

/** The commonest of all: one interval holds all of the pages, and they stay as they are. */
function isKept(
  block: Block,
  at: number,
  from: number,
  to: number,
  need: number,
  clear: number,
  set: number,
  counting: number,
  tally: Tally,
): boolean {
  if (at >= block.count || (block.start[at] as number) > from || (block.end[at] as number) < to) {
    return false;
  }
  const value = block.value[at] as number;
  if ((value & need) !== need) return true;
  if (changed(value, clear, set, counting) !== value) return false;
  tally[value] = (tally[value] as number) + (to - from);
  return true;
}

function put(block: Block, at: number, start: number, end: number, value: number): void {
  block.start[at] = start;
  block.end[at] = end;
  block.value[at] = value;
}

function move(block: Block, from: number, to: number): void {
  put(
    block,
    to,
    block.start[from] as number,
    block.end[from] as number,
    block.value[from] as number,
  );
}

/** Opens (or closes) a hole of `by` slots before slot `at`. */
function shift(block: Block, at: number, by: number): void {
  assert(block.count + by <= BLOCK && block.count + by >= 0, 'a block holds its intervals');
  makeRoom(block, block.count + by);
  const after = block.count - at;
  if (after <= FEW) {
    if (by > 0) for (let i = block.count - 1; i >= at; i--) move(block, i, i + by);
    if (by < 0) for (let i = at; i < block.count; i++) move(block, i, i + by);
  } else if (by !== 0) {
    block.start.copyWithin(at + by, at, block.count);
    block.end.copyWithin(at + by, at, block.count);
    block.value.copyWithin(at + by, at, block.count);
  }
  block.count += by;
}
