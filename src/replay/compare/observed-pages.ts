/**
 * The page history as seen by policies: what the replay does to the pages of files is told as data
 * events, with their place in the file where somebody needs it and it is known. What the ledger
 * moves without a place is told as an amount, so that the events always add up to the ledger.
 */
import { Ledger, UNKNOWN_HOLDER } from '../../model/ledger.ts';
import type { Account, OperationKind } from '../../model/operations.ts';
import type { DataEvent } from '../../model/policies/history.ts';
import { ALL_BITS, CLAIMED_BIT, DIRTY_BIT, type Inode, WRITEBACK_BIT } from '../history/inodes.ts';
import { PageHistory, UNSEEN_WB } from '../history/page-history.ts';

export type MoveKind = DataEvent['kind'];
type Level = 'dirty' | 'claimed' | 'writeback';

/** Pages moved by the ledger; of `adopt` and `disown` also the level. */
type Move = {
  readonly kind: MoveKind;
  readonly account: Level | undefined;
  readonly wb: number;
  readonly pages: number;
};

type Edge = {
  readonly kind: MoveKind;
  readonly account?: Level;
  readonly start: number;
  readonly end: number;
};

/** Told of each move: `inode` is undefined and `start` (a page index) -1 where not known. */
export type Tell = (
  kind: MoveKind,
  account: Level | undefined,
  wb: number,
  inode: Inode | undefined,
  start: number,
  pages: number,
) => void;

/**
 * Whose pages are told with their places; of others only amounts are. `undefined` stands for
 * nobody, which also leaves out whose they are: the hot case.
 */
export type Places = ((inode: Inode) => boolean) | undefined;

type Moved = (kind: MoveKind, account: Level | undefined, wb: number, pages: number) => void;

class ObservedLedger extends Ledger {
  readonly #moved: Moved;

  constructor(moved: Moved) {
    super();
    this.#moved = moved;
  }

  override post(kind: OperationKind, holder: number, pages: number): void {
    super.post(kind, holder, pages);
    this.#moved(kind, undefined, this.#wbOf(holder), pages);
  }

  override transfer(from: number, to: number, account: Account, pages: number): void {
    super.transfer(from, to, account, pages);
    const isFound = from === UNKNOWN_HOLDER;
    const kind = isFound ? 'adopt' : 'disown';
    this.#moved(kind, account as Level, this.#wbOf(isFound ? to : from), pages);
  }

  #wbOf(holder: number): number {
    return this.holders[holder]?.wb ?? UNSEEN_WB;
  }
}

export class ObservedPages extends PageHistory {
  /** Moves of the call that is under way; undefined outside of one. */
  #moves: Move[] | undefined;
  /** What the call moves is told by who made it. */
  #isMuted = false;
  /** Of which file the moves are, where they need no place. */
  #inode: Inode | undefined;
  readonly #tell: Tell;
  /** May be set until the first event. */
  placed: Places;
  /** Of which file pages without a place were claimed last. */
  #unplaced: Inode | undefined;
  override readonly ledger: Ledger = new ObservedLedger((kind, account, wb, pages) =>
    this.#moved(kind, account, wb, pages),
  );

  constructor(tell: Tell, places: Places = () => true) {
    super();
    this.#tell = tell;
    this.placed = places;
  }

  #moved(kind: MoveKind, account: Level | undefined, wb: number, pages: number): void {
    if (pages === 0 || this.#isMuted) return;
    if (this.#moves !== undefined) {
      this.#moves.push({ kind, account, wb, pages });
      return;
    }
    const follows = kind === 'start-writeback' ? this.#unplaced : undefined;
    this.#tell(kind, account, wb, this.#inode ?? follows, -1, pages);
    this.#unplaced = undefined;
  }

  /** Calls a method whose moves are told elsewhere. */
  #silently<T>(method: () => T): T {
    this.#isMuted = true;
    const result = method();
    this.#isMuted = false;
    return result;
  }

  /** Calls a method whose moves are those of a file, wherever in it. */
  #of<T>(inode: Inode, method: () => T): T {
    this.#inode = inode;
    const result = method();
    this.#inode = undefined;
    return result;
  }

  /**
   * Runs a method of the history and tells its edges: of several readings of what it does, the one
   * that adds up to what the ledger moved.
   */
  #run<T>(inode: Inode, readings: readonly (readonly Edge[])[], method: () => T): T {
    const outer = this.#moves;
    const moves: Move[] = [];
    this.#moves = moves;
    const result = method();
    this.#moves = outer;
    if (outer !== undefined) {
      outer.push(...moves);
      return result;
    }
    const edges = readings.find((reading) => sameAmounts(reading, moves));
    if (edges === undefined) {
      for (const { kind, account, wb, pages } of moves) {
        this.#tell(kind, account, wb, inode, -1, pages);
      }
      return result;
    }
    for (const { kind, account, start, end } of edges) {
      this.#tell(kind, account, inode.wb, inode, start, end - start);
    }
    return result;
  }

  /** Who is charged within one bdi is no matter of policies. */
  override assign(...[inode, owner]: Parameters<PageHistory['assign']>): void {
    if (owner.wb === inode.wb) this.#silently(() => super.assign(inode, owner));
    else super.assign(inode, owner);
  }

  override dirty(inode: Inode, start: number, pages: number, place = 0): number {
    if (this.placed === undefined) return super.dirty(inode, start, pages, place);
    if (!this.placed(inode)) return this.#of(inode, () => super.dirty(inode, start, pages, place));
    const state = stateOf(inode, start, start + pages);
    if (state !== MIXED && (state & DIRTY_BIT) === 0) {
      const result = this.#silently(() => super.dirty(inode, start, pages, place));
      const kind = (state & CLAIMED_BIT) !== 0 ? 'redirty' : 'dirty';
      this.#tell(kind, undefined, inode.wb, inode, start, pages);
      return result;
    }
    const reading = (again: readonly OperationKind[], over: readonly OperationKind[]) =>
      edgesOf(inode, start, start + pages, (value) => {
        if ((value & DIRTY_BIT) !== 0) return (value & WRITEBACK_BIT) !== 0 ? over : again;
        return (value & CLAIMED_BIT) !== 0 ? ['redirty'] : ['dirty'];
      });
    const written = reading(
      ['claim', 'start-writeback', 'end-writeback', 'dirty'],
      ['end-writeback', 'claim', 'start-writeback', 'dirty'],
    );
    // Nodes of a tree that were freed while dirty.
    const freed = reading(['cancel', 'dirty'], ['cancel', 'dirty']);
    return this.#run(inode, [written, freed], () => super.dirty(inode, start, pages, place));
  }

  override claim(inode: Inode, start: number, end: number, evidence: number): number {
    if (this.placed === undefined) return super.claim(inode, start, end, evidence);
    const method = () => super.claim(inode, start, end, evidence);
    if (!this.placed(inode)) return this.#of(inode, method);
    const state = stateOf(inode, start, end);
    if (state !== MIXED && (state & (DIRTY_BIT | WRITEBACK_BIT)) !== (DIRTY_BIT | WRITEBACK_BIT)) {
      return this.#single('claim', (state & DIRTY_BIT) !== 0, inode, start, end, method);
    }
    const edges = edgesOf(inode, start, end, (value) => {
      if ((value & DIRTY_BIT) === 0) return [];
      return (value & WRITEBACK_BIT) !== 0 ? ['end-writeback', 'claim'] : ['claim'];
    });
    return this.#run(inode, [edges], method);
  }

  /** The whole range makes one move, or none. */
  #single(
    kind: OperationKind,
    moves: boolean,
    inode: Inode,
    start: number,
    end: number,
    method: () => number,
  ): number {
    const result = this.#silently(method);
    if (moves) this.#tell(kind, undefined, inode.wb, inode, start, end - start);
    return result;
  }

  /** Gaps of the range are placed from here on: as found, if they were not known at all. */
  override claimUnseen(inode: Inode, start: number, end: number, evidence: number): number {
    if (this.placed === undefined) return super.claimUnseen(inode, start, end, evidence);
    if (!this.placed(inode)) {
      return this.#of(inode, () => super.claimUnseen(inode, start, end, evidence));
    }
    const gaps: { start: number; end: number }[] = [];
    eachPart(inode, start, end, (from, to, value) => {
      if (value === 0) gaps.push({ start: from, end: to });
    });
    const moves: Move[] = [];
    this.#moves = moves;
    const result = super.claimUnseen(inode, start, end, evidence);
    this.#moves = undefined;
    const placed = moves.filter(({ kind }) => kind === 'adopt' || kind === 'find-dirty');
    for (const move of placed) {
      for (const gap of takeFrom(gaps, move.pages)) {
        const pages = gap.end - gap.start;
        this.#tell(move.kind, move.account, move.wb, inode, gap.start, pages);
        this.#tell('claim', undefined, inode.wb, inode, gap.start, pages);
      }
    }
    const unplaced = gaps.reduce((sum, gap) => sum + gap.end - gap.start, 0);
    if (unplaced > 0) this.#tell('claim', undefined, inode.wb, inode, -1, unplaced);
    return result;
  }

  override takeUnplaced(inode: Inode, pages: number, evidence: number): number {
    if (!this.placed?.(inode)) {
      const result = this.#of(inode, () => super.takeUnplaced(inode, pages, evidence));
      this.#unplaced = inode;
      return result;
    }
    const result = this.#run(inode, [], () => super.takeUnplaced(inode, pages, evidence));
    this.#unplaced = inode;
    return result;
  }

  override start(inode: Inode, start: number, end: number): number {
    if (this.placed === undefined) return super.start(inode, start, end);
    const method = () => super.start(inode, start, end);
    if (!this.placed(inode)) return this.#of(inode, method);
    const state = stateOf(inode, start, end);
    if (state !== MIXED) {
      const moves = (state & CLAIMED_BIT) !== 0;
      return this.#single('start-writeback', moves, inode, start, end, method);
    }
    const edges = edgesOf(inode, start, end, (value) =>
      (value & CLAIMED_BIT) !== 0 ? ['start-writeback'] : [],
    );
    return this.#run(inode, [edges], method);
  }

  override end(inode: Inode, start: number, end: number, evidence: number): number {
    if (this.placed === undefined) return super.end(inode, start, end, evidence);
    const method = () => super.end(inode, start, end, evidence);
    if (!this.placed(inode)) return this.#of(inode, method);
    const state = stateOf(inode, start, end);
    if (state !== MIXED) {
      const moves = (state & WRITEBACK_BIT) !== 0;
      return this.#single('end-writeback', moves, inode, start, end, method);
    }
    const edges = edgesOf(inode, start, end, (value) =>
      (value & WRITEBACK_BIT) !== 0 ? ['end-writeback'] : [],
    );
    return this.#run(inode, [edges], method);
  }

  override writeGiven(inode: Inode, start: number, end: number): void {
    const method = () => super.writeGiven(inode, start, end);
    if (!this.placed?.(inode)) {
      this.#of(inode, method);
      return;
    }
    const edges = edgesOf(inode, start, end, (value) =>
      (value & (DIRTY_BIT | WRITEBACK_BIT)) === DIRTY_BIT ? ['find-writeback'] : [],
    );
    this.#run(inode, [edges], method);
  }

  override remove(inode: Inode, start: number, end: number): number {
    if (!this.placed?.(inode)) return this.#of(inode, () => super.remove(inode, start, end));
    // Most of what leaves the cache is clean.
    if (stateOf(inode, start, end) === 0) return super.remove(inode, start, end);
    const edges = edgesOf(inode, start, end, (value) => [
      ...((value & CLAIMED_BIT) !== 0 ? (['start-writeback', 'end-writeback'] as const) : []),
      ...((value & WRITEBACK_BIT) !== 0 ? (['end-writeback'] as const) : []),
      ...((value & DIRTY_BIT) !== 0 ? (['cancel'] as const) : []),
    ]);
    return this.#run(inode, [edges], () => super.remove(inode, start, end));
  }

  override forget(inode: Inode): void {
    if (!this.placed?.(inode)) {
      this.#of(inode, () => super.forget(inode));
      return;
    }
    const edges: Edge[] = [];
    eachPart(inode, 0, Number.POSITIVE_INFINITY, (start, end, value) => {
      if (value === 0) return;
      const at = { kind: 'disown', start, end } as const;
      if ((value & DIRTY_BIT) !== 0) edges.push({ ...at, account: 'dirty' });
      if ((value & CLAIMED_BIT) !== 0) edges.push({ ...at, account: 'claimed' });
      if ((value & WRITEBACK_BIT) !== 0) edges.push({ ...at, account: 'writeback' });
    });
    this.#run(inode, [edges], () => super.forget(inode));
  }
}

const MIXED = -1;

/** The one state that all pages of a range have. */
function stateOf({ pages }: Inode, start: number, end: number): number {
  if (end - start === 1) return pages.valueAt(start) & ALL_BITS;
  const found = pages.intervalAt(start);
  if (found !== undefined) return found.end >= end ? found.value & ALL_BITS : MIXED;
  let state = 0;
  pages.visit(start, end, () => {
    state = MIXED;
    return false;
  });
  return state;
}

/** Stretches of equal state in [start, end), also of none. */
function eachPart(
  inode: Inode,
  start: number,
  end: number,
  visit: (start: number, end: number, value: number) => void,
): void {
  let at = start;
  inode.pages.visit(start, end, (from, to, value) => {
    if (from > at) visit(at, from, 0);
    visit(from, to, value & ALL_BITS);
    at = to;
    return true;
  });
  if (at < end && end !== Number.POSITIVE_INFINITY) visit(at, end, 0);
}

function edgesOf(
  inode: Inode,
  start: number,
  end: number,
  kindsOf: (value: number) => readonly OperationKind[],
): Edge[] {
  const edges: Edge[] = [];
  eachPart(inode, start, end, (from, to, value) => {
    for (const kind of kindsOf(value)) edges.push({ kind, start: from, end: to });
  });
  return edges;
}

/** Cuts stretches off the front that hold so many pages together. */
function takeFrom(gaps: { start: number; end: number }[], pages: number) {
  const taken: { start: number; end: number }[] = [];
  let left = pages;
  while (left > 0) {
    const first = gaps[0];
    if (first === undefined) break;
    const end = Math.min(first.end, first.start + left);
    taken.push({ start: first.start, end });
    left -= end - first.start;
    if (end === first.end) gaps.shift();
    else first.start = end;
  }
  return taken;
}

function sameAmounts(edges: readonly Edge[], moves: readonly Move[]): boolean {
  const sums = new Map<string, number>();
  const add = (kind: string, account: string | undefined, pages: number) => {
    const key = `${kind} ${account ?? ''}`;
    sums.set(key, (sums.get(key) ?? 0) + pages);
  };
  for (const { kind, account, start, end } of edges) add(kind, account, end - start);
  for (const { kind, account, pages } of moves) add(kind, account, -pages);
  return [...sums.values()].every((sum) => sum === 0);
}
