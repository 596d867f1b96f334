/**
 * The page history as seen by policies: what the replay does to the pages of files is told as data
 * events, with their place in the file where it is known. What the ledger moves without a place is
 * told as an amount, so that the events always add up to the ledger.
 */
import { Ledger } from '../../model/ledger.ts';
import type { Account, OperationKind } from '../../model/operations.ts';
import type { DataEvent } from '../../model/policies/history.ts';
import { ALL_BITS, CLAIMED_BIT, DIRTY_BIT, type Inode, WRITEBACK_BIT } from '../history/inodes.ts';
import { PageHistory, UNSEEN_WB } from '../history/page-history.ts';

export type MoveKind = DataEvent['kind'];
type Level = 'dirty' | 'claimed' | 'writeback';

/** Pages moved by the ledger; of `adopt` and `disown` also the level. */
export type Move = {
  readonly kind: MoveKind;
  readonly account?: Level;
  readonly wb: number;
  pages: number;
};

type Edge = {
  readonly kind: MoveKind;
  readonly account?: Level;
  readonly start: number;
  readonly end: number;
};

/** `inode` and `start` (a page index) are undefined where they are not known. */
export type Tell = (
  move: Omit<Move, 'pages'>,
  inode: Inode | undefined,
  start: number | undefined,
  pages: number,
) => void;

class ObservedLedger extends Ledger {
  readonly #moved: (move: Move) => void;

  constructor(moved: (move: Move) => void) {
    super();
    this.#moved = moved;
  }

  override post(kind: OperationKind, wb: number, pages: number): void {
    super.post(kind, wb, pages);
    this.#moved({ kind, wb, pages });
  }

  override transfer(fromWb: number, toWb: number, account: Account, pages: number): void {
    super.transfer(fromWb, toWb, account, pages);
    const isFound = fromWb === UNSEEN_WB;
    const kind = isFound ? 'adopt' : 'disown';
    this.#moved({ kind, account: account as Level, wb: isFound ? toWb : fromWb, pages });
  }
}

export class ObservedPages extends PageHistory {
  /** Moves of the call that is under way; undefined outside of one. */
  #moves: Move[] | undefined;
  readonly #tell: Tell;
  /** Of which file pages without a place were claimed last. */
  #unplaced: Inode | undefined;
  override readonly ledger: Ledger = new ObservedLedger((move) => this.#moved(move));

  constructor(tell: Tell, ...args: ConstructorParameters<typeof PageHistory>) {
    super(...args);
    this.#tell = tell;
  }

  #moved(move: Move): void {
    if (move.pages === 0) return;
    if (this.#moves !== undefined) this.#moves.push(move);
    else {
      const follows = move.kind === 'start-writeback' ? this.#unplaced : undefined;
      this.#tell(move, follows, undefined, move.pages);
      this.#unplaced = undefined;
    }
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
      for (const move of moves) this.#tell(move, inode, undefined, move.pages);
      return result;
    }
    for (const edge of edges) {
      const pages = edge.end - edge.start;
      this.#tell({ ...edge, wb: inode.wb }, inode, edge.start, pages);
    }
    return result;
  }

  override dirty(inode: Inode, start: number, pages: number): number {
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
    return this.#run(inode, [written, freed], () => super.dirty(inode, start, pages));
  }

  override claim(inode: Inode, start: number, end: number, evidence: number): number {
    const edges = edgesOf(inode, start, end, (value) => {
      if ((value & DIRTY_BIT) === 0) return [];
      return (value & WRITEBACK_BIT) !== 0 ? ['end-writeback', 'claim'] : ['claim'];
    });
    return this.#run(inode, [edges], () => super.claim(inode, start, end, evidence));
  }

  /** Gaps of the range are placed from here on: as found, if they were not known at all. */
  override claimUnseen(inode: Inode, start: number, end: number, evidence: number): number {
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
        this.#tell(move, inode, gap.start, pages);
        this.#tell({ kind: 'claim', wb: inode.wb }, inode, gap.start, pages);
      }
    }
    const unplaced = gaps.reduce((sum, gap) => sum + gap.end - gap.start, 0);
    if (unplaced > 0) this.#tell({ kind: 'claim', wb: inode.wb }, inode, undefined, unplaced);
    return result;
  }

  override takeUnplaced(inode: Inode, pages: number, evidence: number): number {
    const result = this.#run(inode, [], () => super.takeUnplaced(inode, pages, evidence));
    this.#unplaced = inode;
    return result;
  }

  override start(inode: Inode, start: number, end: number): number {
    const edges = edgesOf(inode, start, end, (value) =>
      (value & CLAIMED_BIT) !== 0 ? ['start-writeback'] : [],
    );
    return this.#run(inode, [edges], () => super.start(inode, start, end));
  }

  override end(inode: Inode, start: number, end: number, evidence: number): number {
    const edges = edgesOf(inode, start, end, (value) =>
      (value & WRITEBACK_BIT) !== 0 ? ['end-writeback'] : [],
    );
    return this.#run(inode, [edges], () => super.end(inode, start, end, evidence));
  }

  override remove(inode: Inode, start: number, end: number): void {
    const edges = edgesOf(inode, start, end, (value) => [
      ...((value & CLAIMED_BIT) !== 0 ? (['start-writeback', 'end-writeback'] as const) : []),
      ...((value & WRITEBACK_BIT) !== 0 ? (['end-writeback'] as const) : []),
      ...((value & DIRTY_BIT) !== 0 ? (['cancel'] as const) : []),
    ]);
    this.#run(inode, [edges], () => super.remove(inode, start, end));
  }

  override forget(inode: Inode): void {
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
