/**
 * The life of pages: turns what events say of a file's pages into postings of the ledger. Each
 * method takes a range of pages, changes the state of those it applies to and posts them; edges
 * that the events left out are implied by the ones that follow (a page that is dirtied again had
 * been cleaned) and are counted as such.
 */
import { Ledger } from '../../model/ledger.ts';
import type { OperationKind } from '../../model/operations.ts';
import { EvidenceTally, evidenceCode } from './evidence.ts';
import { Flight, NR_DIRTIED, NR_DIRTY, NR_WRITEBACK, NR_WRITTEN } from './flight.ts';
import { ALL_BITS, CLAIMED_BIT, DIRTY_BIT, type Inode, WRITEBACK_BIT } from './inodes.ts';

const E_DIRTY = evidenceCode('dirty', 'event');
const E_REDIRTY = evidenceCode('dirty', 'redirty');
const E_DIRTIED_AGAIN = evidenceCode('claim', 'dirtied-again');
const E_WRITTEN_AGAIN = evidenceCode('end', 'written-again');
const E_DELETED_END = evidenceCode('end', 'deleted');
const E_FREED = evidenceCode('cancel', 'freed');
const E_DELETED = evidenceCode('cancel', 'deleted');

/** The domain of pages whose owner is unknown: dirty before the replay began. */
export const UNSEEN_WB = 0;

/** Counters that the postings of an operation move. */
const MOVES: Readonly<Record<OperationKind, readonly number[]>> = {
  dirty: [NR_DIRTY, NR_DIRTIED],
  'find-dirty': [],
  'find-writeback': [],
  claim: [NR_DIRTY],
  'start-writeback': [NR_WRITEBACK],
  'end-writeback': [NR_WRITEBACK, NR_WRITTEN],
  redirty: [NR_DIRTY],
  cancel: [NR_DIRTY],
  discard: [],
};

export class PageHistory {
  readonly ledger = new Ledger();
  readonly evidence = new EvidenceTally();
  readonly flight = new Flight();
  /** The event that is being followed. */
  ts_ns = 0;
  cpu = 0;
  /** Pages given back by their writers, and pages whose cleaning only later events betray. */
  redirtied = 0;
  /** Pages posted in all. */
  moved = 0;
  implied = 0;
  readonly #tally = new Float64Array(ALL_BITS + 1);

  /** Pages that must have been dirty when the replay began and were not met so far. */
  get unseenDirty(): number {
    return this.ledger.of(UNSEEN_WB, 'dirty');
  }

  get unseenWriteback(): number {
    return this.ledger.of(UNSEEN_WB, 'writeback');
  }

  post(kind: OperationKind, wb: number, pages: number): void {
    if (pages === 0) return;
    this.ledger.post(kind, wb, pages);
    this.moved += pages;
    const one = kind === 'dirty' || kind === 'redirty';
    const moves = MOVES[kind];
    for (let i = 0; i < moves.length; i++) {
      const counter = moves[i] as number;
      if (one) this.flight.noteOne(this.cpu, counter, pages, this.ts_ns);
      else this.flight.note(this.cpu, counter, pages, this.ts_ns);
    }
  }

  /** writeback_dirty_folio. Returns pages that were dirty already. */
  dirty(inode: Inode, start: number, pages: number): number {
    const tally = this.#tally.fill(0);
    inode.pages.change(start, start + pages, 0, CLAIMED_BIT, DIRTY_BIT, tally);
    const { wb } = inode;
    const given = this.#with(CLAIMED_BIT);
    const again = this.#with(DIRTY_BIT);
    const overWriteback = tally[DIRTY_BIT | WRITEBACK_BIT] as number;
    if (again > 0 && inode.isTree) {
      this.#freed(wb, again);
    } else if (again > 0 && inode.guessed >= again && overWriteback === 0) {
      // Its claim was counted already, for a page that is still dirty.
      inode.guessed -= again;
      inode.misplaced += again;
    } else if (again > 0) {
      this.#impliedWrite(wb, again, overWriteback);
    }
    if (given > 0) {
      this.post('redirty', wb, given);
      this.evidence.add(E_REDIRTY, given);
      this.redirtied += given;
    }
    this.post('dirty', wb, pages - given);
    this.evidence.add(E_DIRTY, pages - given);
    inode.dirtied_pages += pages - given;
    return again;
  }

  /** Nodes of a tree that are not needed any more turn clean without a word, and are used again. */
  #freed(wb: number, pages: number): void {
    this.post('cancel', wb, pages);
    this.evidence.add(E_FREED, pages);
  }

  /** The dirty pages of the inode were freed, not written. */
  freeDirty(inode: Inode): void {
    const tally = this.#tally.fill(0);
    inode.pages.change(0, Number.POSITIVE_INFINITY, DIRTY_BIT, DIRTY_BIT, 0, tally);
    this.#freed(inode.wb, this.#with(DIRTY_BIT));
  }

  /** Pages by old state, of those states that have the bit. */
  #with(bit: number): number {
    let sum = 0;
    for (let state = 1; state <= ALL_BITS; state++) {
      if ((state & bit) !== 0) sum += this.#tally[state] as number;
    }
    return sum;
  }

  /** Dirty pages were cleaned without an event; those under writeback came back before. */
  #impliedWrite(wb: number, pages: number, overWriteback: number): void {
    if (overWriteback > 0) {
      this.post('end-writeback', wb, overWriteback);
      this.evidence.add(E_WRITTEN_AGAIN, overWriteback);
    }
    this.post('claim', wb, pages);
    this.post('start-writeback', wb, pages);
    this.evidence.add(E_DIRTIED_AGAIN, pages);
    this.implied += pages;
    // Of pages that stay marked as under writeback, the end is still to come.
    const ended = pages - overWriteback;
    this.post('end-writeback', wb, ended);
    this.evidence.add(E_WRITTEN_AGAIN, ended);
  }

  /** dirty → claimed for the dirty pages of [start, end); returns how many. */
  claim(inode: Inode, start: number, end: number, evidence: number): number {
    const tally = this.#tally.fill(0);
    inode.pages.change(start, end, DIRTY_BIT, DIRTY_BIT | WRITEBACK_BIT, CLAIMED_BIT, tally);
    const pages = this.#with(DIRTY_BIT);
    // A page is claimed only after its writeback has ended.
    const ended = this.#with(WRITEBACK_BIT);
    if (ended > 0) {
      this.post('end-writeback', inode.wb, ended);
      this.evidence.add(E_WRITTEN_AGAIN, ended);
    }
    this.post('claim', inode.wb, pages);
    this.evidence.add(evidence, pages);
    return pages;
  }

  /**
   * Claims pages that an event names although nothing said that they were dirty: those of before.
   * Returns how many there were not enough of.
   */
  claimUnseen(inode: Inode, start: number, end: number, evidence: number): number {
    const tally = this.#tally.fill(0);
    inode.pages.visit(start, end, (from, to) => {
      tally[1] = (tally[1] as number) + (to - from);
      return true;
    });
    const pages = end - start - (tally[1] as number);
    if (pages === 0) return 0;
    // Pages in other states keep them: only absent ones become claimed.
    this.#claimGaps(inode, start, end);
    return this.takeUnplaced(inode, pages, evidence);
  }

  #claimGaps(inode: Inode, start: number, end: number): void {
    const gaps: number[] = [];
    let at = start;
    inode.pages.visit(start, end, (from, to) => {
      if (from > at) gaps.push(at, from);
      at = to;
      return true;
    });
    if (at < end) gaps.push(at, end);
    for (let i = 0; i < gaps.length; i += 2) {
      const [from, to] = [gaps[i] as number, gaps[i + 1] as number];
      inode.pages.change(from, to, 0, 0, CLAIMED_BIT, this.#tally);
    }
  }

  /**
   * Claims dirty pages of which only the number is known: misplaced ones of the inode, then those
   * of before the replay. Returns how many there were not enough of.
   */
  takeUnplaced(inode: Inode, pages: number, evidence: number): number {
    const own = Math.min(pages, inode.misplaced);
    inode.misplaced -= own;
    const known = Math.max(0, Math.min(pages - own, this.unseenDirty));
    if (known > 0) this.ledger.transfer(UNSEEN_WB, inode.wb, 'dirty', known);
    const missing = pages - own - known;
    this.post('find-dirty', inode.wb, missing);
    this.post('claim', inode.wb, pages);
    this.evidence.add(evidence, pages);
    return missing;
  }

  /** claimed → writeback */
  start(inode: Inode, start: number, end: number): number {
    const tally = this.#tally.fill(0);
    inode.pages.change(start, end, CLAIMED_BIT, CLAIMED_BIT, WRITEBACK_BIT, tally);
    const pages = this.#with(CLAIMED_BIT);
    this.post('start-writeback', inode.wb, pages);
    return pages;
  }

  /** writeback → clean (or dirty, when it was dirtied meanwhile); returns how many. */
  end(inode: Inode, start: number, end: number, evidence: number): number {
    const tally = this.#tally.fill(0);
    inode.pages.change(start, end, WRITEBACK_BIT, WRITEBACK_BIT, 0, tally);
    const pages = this.#with(WRITEBACK_BIT);
    this.post('end-writeback', inode.wb, pages);
    this.evidence.add(evidence, pages);
    return pages;
  }

  /** Pages came back that were under writeback before the replay began. */
  endUnseen(pages: number, evidence: number): void {
    const known = Math.max(0, Math.min(pages, this.unseenWriteback));
    this.post('end-writeback', UNSEEN_WB, known);
    this.evidence.add(evidence, known);
  }

  /** The range left the page cache: dirty pages are cancelled, others had been written. */
  remove(inode: Inode, start: number, end: number): void {
    if (inode.pages.isEmpty) return;
    const tally = this.#tally.fill(0);
    inode.pages.change(start, end, 0, ALL_BITS, 0, tally);
    const claimed = this.#with(CLAIMED_BIT);
    this.post('start-writeback', inode.wb, claimed);
    const written = claimed + this.#with(WRITEBACK_BIT);
    this.post('end-writeback', inode.wb, written);
    this.evidence.add(E_DELETED_END, written);
    const cancelled = this.#with(DIRTY_BIT);
    this.post('cancel', inode.wb, cancelled);
    this.evidence.add(E_DELETED, cancelled);
  }

  /** What is known of the inode's pages becomes a number of unknown ones. */
  forget(inode: Inode): void {
    const tally = this.#tally.fill(0);
    inode.pages.change(0, Number.POSITIVE_INFINITY, 1, ALL_BITS, 0, tally);
    const dirty = this.#with(DIRTY_BIT);
    let writeback = this.#with(WRITEBACK_BIT) + inode.anonymous;
    tally.fill(0);
    inode.pages.change(0, Number.POSITIVE_INFINITY, CLAIMED_BIT, ALL_BITS, 0, tally);
    const claimed = this.#with(CLAIMED_BIT);
    tally.fill(0);
    inode.pages.change(0, Number.POSITIVE_INFINITY, WRITEBACK_BIT, ALL_BITS, 0, tally);
    writeback += this.#with(WRITEBACK_BIT);
    this.ledger.transfer(inode.wb, UNSEEN_WB, 'dirty', dirty + inode.misplaced);
    inode.misplaced = 0;
    inode.guessed = 0;
    this.ledger.transfer(inode.wb, UNSEEN_WB, 'claimed', claimed);
    this.ledger.transfer(inode.wb, UNSEEN_WB, 'writeback', writeback);
  }

  /** The counters as recorded become those of the ledger: unknown pages make up the difference. */
  anchor(nr_dirty: number, nr_writeback: number): void {
    const { ledger } = this;
    ledger.post('find-dirty', UNSEEN_WB, nr_dirty - ledger.total('dirty'));
    ledger.post('find-writeback', UNSEEN_WB, nr_writeback - ledger.total('writeback'));
  }
}
