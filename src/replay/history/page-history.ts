/**
 * The life of pages: turns what events say of a file's pages into postings of the ledger. Each
 * method takes a range of pages, changes the state of those it applies to and posts them; edges
 * that the events left out are implied by the ones that follow (a page that is dirtied again had
 * been cleaned) and are counted as such.
 */
import { type Holder, Ledger, UNKNOWN_HOLDER } from '../../model/ledger.ts';
import type { Account, OperationKind, PageClass } from '../../model/operations.ts';
import { EvidenceTally, evidenceCode } from './evidence.ts';
import { Flight, NR_DIRTIED, NR_DIRTY, NR_WRITEBACK, NR_WRITTEN } from './flight.ts';
import {
  ALL_BITS,
  CLAIMED_BIT,
  DIRTY_BIT,
  folioPages,
  type Inode,
  MAX_PLACES,
  PLACE_SHIFT,
  WRITEBACK_BIT,
} from './inodes.ts';
import type { KeptPages } from './kept.ts';
import { type Place, UNKNOWN_PLACE } from './places.ts';
import { WrittenLog } from './written-log.ts';

const E_DIRTY = evidenceCode('dirty', 'event');
const E_REDIRTY = evidenceCode('dirty', 'redirty');
const E_DIRTIED_AGAIN = evidenceCode('claim', 'dirtied-again');
const E_WRITTEN_AGAIN = evidenceCode('end', 'written-again');
const E_DELETED_END = evidenceCode('end', 'deleted');
const E_FREED = evidenceCode('cancel', 'freed');
const E_DELETED = evidenceCode('cancel', 'deleted');

/** The domain of pages whose owner is unknown: dirty before the replay began. */
export const UNSEEN_WB = 0;

/** Counters that the postings of an operation move, and whether they grow by it. */
type Effect = {
  /** Of one folio at a time. */
  readonly isOne: boolean;
  readonly moves: readonly { readonly counter: number; readonly sign: 1 | -1 }[];
};
const grows = (counter: number) => ({ counter, sign: 1 }) as const;
const shrinks = (counter: number) => ({ counter, sign: -1 }) as const;
const NOTHING: Effect = { isOne: false, moves: [] };

const EFFECTS: Readonly<Record<OperationKind, Effect>> = {
  dirty: { isOne: true, moves: [grows(NR_DIRTY), grows(NR_DIRTIED)] },
  'find-dirty': NOTHING,
  'find-writeback': NOTHING,
  claim: { isOne: false, moves: [shrinks(NR_DIRTY)] },
  'start-writeback': { isOne: false, moves: [grows(NR_WRITEBACK)] },
  'end-writeback': { isOne: false, moves: [shrinks(NR_WRITEBACK), grows(NR_WRITTEN)] },
  redirty: { isOne: true, moves: [grows(NR_DIRTY)] },
  cancel: { isOne: false, moves: [shrinks(NR_DIRTY)] },
  discard: NOTHING,
};

/** States that have one of the bits. */
const STATES = Array.from({ length: ALL_BITS + 1 }, (_, bits) =>
  Uint8Array.from(
    Array.from({ length: ALL_BITS + 1 }, (_, state) => state).filter((state) => state & bits),
  ),
);

/** State bits and the accounts in which pages of such a state are. */
const LEVELS = [
  [DIRTY_BIT, 'dirty'],
  [CLAIMED_BIT, 'claimed'],
  [WRITEBACK_BIT, 'writeback'],
] as const;

export class PageHistory {
  readonly ledger = new Ledger();
  readonly evidence = new EvidenceTally();
  readonly flight = new Flight();
  /** What readings of the counters lack; undefined where that cannot be told. */
  kept: KeptPages | undefined;
  readonly written = new WrittenLog();
  /** The event that is being followed. */
  ts_ns = 0;
  cpu = 0;
  /** Pages given back by their writers, and pages whose cleaning only later events betray. */
  redirtied = 0;
  /** Pages posted in all. */
  moved = 0;
  /** Folios whose writeback ended, as far as their pages are known. */
  ended_folios = 0;
  implied = 0;
  /** Where pages are, by the numbers that `dirty` is given. */
  places: readonly Place[] = [UNKNOWN_PLACE];
  readonly #tally = new Float64Array(MAX_PLACES << PLACE_SHIFT);

  /** Pages that must have been dirty when the replay began and were not met so far. */
  get unseenDirty(): number {
    return this.ledger.at(UNKNOWN_HOLDER, 'dirty');
  }

  get unseenWriteback(): number {
    return this.ledger.at(UNKNOWN_HOLDER, 'writeback');
  }

  /** Posts pages of a file of which only the number is known. */
  post(kind: OperationKind, inode: Inode, pages: number): void {
    this.#post(kind, this.#holder(inode, 0), pages);
  }

  /**
   * `folio_pages`: size of the folios that the kernel counts one by one, where it is not that of
   * the inode's folios from `start` to `end`, all of whose pages they are.
   */
  #post(
    kind: OperationKind,
    holder: number,
    pages: number,
    folio_pages = 1,
    inode?: Inode,
    start = 0,
    end = 0,
  ): void {
    if (pages === 0) return;
    this.ledger.post(kind, holder, pages);
    this.moved += pages;
    if (kind === 'end-writeback') {
      this.written.note(this.ledger.holders[holder]?.wb ?? UNSEEN_WB, pages, this.ts_ns);
    }
    const { isOne, moves } = EFFECTS[kind];
    for (let i = 0; i < moves.length; i++) {
      const { counter, sign } = moves[i] as Effect['moves'][number];
      if (inode !== undefined && end - start === pages)
        this.#keep(counter, sign, inode, start, end);
      else this.kept?.add(this.cpu, counter, sign * pages, folio_pages);
      if (isOne) this.flight.noteOne(this.cpu, counter, pages, this.ts_ns);
      else this.flight.note(this.cpu, counter, pages, this.ts_ns);
    }
  }

  /** The CPU counts the folios of that range one by one. */
  #keep(counter: number, sign: 1 | -1, inode: Inode, start: number, end: number): void {
    const { kept, cpu } = this;
    if (kept === undefined) return;
    let at = start;
    inode.folios.visit(start, end, (from, to, value) => {
      // Folios of unknown size count as single pages.
      if (from > at) kept.add(cpu, counter, sign * (from - at), 1);
      kept.add(cpu, counter, sign * (to - from), folioPages(value));
      at = to;
      return true;
    });
    if (end > at) kept.add(cpu, counter, sign * (end - at), 1);
  }

  /** The ledger's holder of the pages that an inode has in one of its places. */
  #holder(inode: Inode, own: number): number {
    return inode.holders[own] ?? this.#newHolder(inode, own);
  }

  #newHolder(inode: Inode, own: number): number {
    const { wb, pageClass, wb_cgroup } = inode;
    const { memcg, node, isOwn } = this.places[inode.places[own] as number] as Place;
    const of: Holder = { wb, pageClass, wb_cgroup, memcg: isOwn ? wb_cgroup : memcg, node };
    const holder = this.ledger.holder(of);
    inode.holders[own] = holder;
    return holder;
  }

  /** The inode's own number of a place; what is more than it can tell apart is not known. */
  #ownPlace(inode: Inode, place: number): number {
    if (place === 0) return 0;
    const { places } = inode;
    const known = places.indexOf(place);
    if (known >= 0) return known;
    if (places.length === MAX_PLACES) return 0;
    return places.push(place) - 1;
  }

  /** Whose the inode is was learned, or changed: its pages go with it. */
  assign(
    inode: Inode,
    { wb, pageClass, wb_cgroup }: Pick<Holder, 'wb' | 'wb_cgroup'> & { pageClass: PageClass },
  ): void {
    const before = inode.holders.slice();
    inode.wb = wb;
    inode.pageClass = pageClass;
    inode.wb_cgroup = wb_cgroup;
    inode.holders.length = 0;
    if (before.length === 0) return;
    for (const [bit, account] of LEVELS) {
      const tally = this.#count(inode, bit);
      if (bit === DIRTY_BIT) tally[DIRTY_BIT] = (tally[DIRTY_BIT] as number) + inode.misplaced;
      if (bit === WRITEBACK_BIT) tally[bit] = (tally[bit] as number) + inode.anonymous;
      before.forEach((holder, own) => {
        const pages = this.#withAt(bit, own);
        if (pages !== 0) this.#hand(holder, this.#holder(inode, own), account, pages);
      });
    }
  }

  /** From one holder to another, by way of nobody: who listens hears what becomes of pages. */
  #hand(from: number, to: number, account: Account, pages: number): void {
    if (from === to) return;
    this.ledger.transfer(from, UNKNOWN_HOLDER, account, pages);
    this.ledger.transfer(UNKNOWN_HOLDER, to, account, pages);
  }

  /** The pages that have the bit, by state: the tally of a change that changes nothing. */
  #count(inode: Inode, bit: number): Float64Array {
    const tally = this.#clean(inode);
    inode.pages.visit(0, Number.POSITIVE_INFINITY, (start, end, value) => {
      if ((value & bit) !== 0) tally[value] = (tally[value] as number) + (end - start);
      return true;
    });
    return tally;
  }

  /** The tally, empty as far as the inode's places reach. */
  #clean(inode: Inode): Float64Array {
    const values = inode.places.length << PLACE_SHIFT;
    for (let value = 0; value < values; value++) this.#tally[value] = 0;
    return this.#tally;
  }

  /**
   * writeback_dirty_folio; `place` is where its folio is, as far as that is known. Returns pages
   * that were dirty already.
   */
  dirty(inode: Inode, start: number, pages: number, place = 0): number {
    const own = this.#ownPlace(inode, place);
    const tally = this.#clean(inode);
    const clear = CLAIMED_BIT | ~ALL_BITS;
    inode.pages.change(start, start + pages, 0, clear, DIRTY_BIT | (own << PLACE_SHIFT), tally);
    let given = 0;
    let again = 0;
    for (let from = 0; from < inode.places.length; from++) {
      const back = this.#withAt(CLAIMED_BIT, from);
      const twice = this.#withAt(DIRTY_BIT, from);
      if (twice > 0) this.#dirtiedAgain(inode, from, twice);
      if (back > 0) this.#post('redirty', this.#holder(inode, from), back);
      if (from !== own) this.#moveIn(inode, from, own, back);
      given += back;
      again += twice;
    }
    if (given > 0) this.evidence.add(E_REDIRTY, given);
    this.redirtied += given;
    this.#post('dirty', this.#holder(inode, own), pages - given, pages);
    this.evidence.add(E_DIRTY, pages - given);
    inode.dirtied_pages += pages - given;
    inode.dirtied_ns = this.ts_ns;
    return again;
  }

  /** Pages that were known in another place are in this one: the folio is not the same. */
  #moveIn(inode: Inode, from: number, own: number, given: number): void {
    const writeback = this.#withAt(WRITEBACK_BIT, from);
    if (given === 0 && writeback === 0) return;
    const left = this.#holder(inode, from);
    const taken = this.#holder(inode, own);
    this.#hand(left, taken, 'dirty', given);
    this.#hand(left, taken, 'writeback', writeback);
  }

  #dirtiedAgain(inode: Inode, from: number, again: number): void {
    const holder = this.#holder(inode, from);
    if (inode.isTree) {
      this.#freed(holder, again);
      return;
    }
    const overWriteback = this.#tally[(from << PLACE_SHIFT) | DIRTY_BIT | WRITEBACK_BIT] as number;
    if (inode.guessed >= again && overWriteback === 0) {
      // Its claim was counted already, for a page that is still dirty.
      inode.guessed -= again;
      inode.misplaced += again;
      this.#hand(holder, this.#holder(inode, 0), 'dirty', again);
    } else {
      this.#impliedWrite(holder, again, overWriteback);
    }
  }

  /** Nodes of a tree that are not needed any more turn clean without a word, and are used again. */
  #freed(holder: number, pages: number): void {
    this.#post('cancel', holder, pages);
    this.evidence.add(E_FREED, pages);
  }

  /** The dirty pages of the inode were freed, not written. */
  freeDirty(inode: Inode): void {
    const tally = this.#clean(inode);
    inode.pages.change(0, Number.POSITIVE_INFINITY, DIRTY_BIT, DIRTY_BIT, 0, tally);
    this.evidence.add(E_FREED, this.#postWith('cancel', inode, DIRTY_BIT, 0, 0));
  }

  /** Pages of the tally, of those states that have the bit, in one of the inode's places. */
  #withAt(bit: number, own: number): number {
    const tally = this.#tally;
    const from = own << PLACE_SHIFT;
    const states = STATES[bit] as Uint8Array;
    let sum = 0;
    for (let i = 0; i < states.length; i++) sum += tally[from | (states[i] as number)] as number;
    return sum;
  }

  /** Posts the pages of the tally that have the bit, of that range; returns how many. */
  #postWith(
    kind: OperationKind,
    inode: Inode,
    bit: number,
    start: number,
    end: number,
    folio_pages = inode.folioPagesAt(start),
  ): number {
    let sum = 0;
    for (let own = 0; own < inode.places.length; own++) {
      const pages = this.#withAt(bit, own);
      if (pages === 0) continue;
      this.#post(kind, this.#holder(inode, own), pages, folio_pages, inode, start, end);
      sum += pages;
    }
    return sum;
  }

  /** Dirty pages were cleaned without an event; those under writeback came back before. */
  #impliedWrite(holder: number, pages: number, overWriteback: number): void {
    if (overWriteback > 0) {
      this.#post('end-writeback', holder, overWriteback);
      this.evidence.add(E_WRITTEN_AGAIN, overWriteback);
    }
    this.#post('claim', holder, pages);
    this.#post('start-writeback', holder, pages);
    this.evidence.add(E_DIRTIED_AGAIN, pages);
    this.implied += pages;
    // Of pages that stay marked as under writeback, the end is still to come.
    const ended = pages - overWriteback;
    this.#post('end-writeback', holder, ended);
    this.evidence.add(E_WRITTEN_AGAIN, ended);
  }

  /** dirty → claimed for the dirty pages of [start, end); returns how many. */
  claim(inode: Inode, start: number, end: number, evidence: number): number {
    const tally = this.#clean(inode);
    inode.pages.change(start, end, DIRTY_BIT, DIRTY_BIT | WRITEBACK_BIT, CLAIMED_BIT, tally);
    // A page is claimed only after its writeback has ended.
    const ended = this.#postWith('end-writeback', inode, WRITEBACK_BIT, start, end);
    if (ended > 0) this.evidence.add(E_WRITTEN_AGAIN, ended);
    const pages = this.#postWith('claim', inode, DIRTY_BIT, start, end);
    this.evidence.add(evidence, pages);
    return pages;
  }

  /**
   * Claims pages that an event names although nothing said that they were dirty: those of before.
   * Returns how many there were not enough of.
   */
  claimUnseen(inode: Inode, start: number, end: number, evidence: number): number {
    let pages = end - start;
    inode.pages.visit(start, end, (from, to) => {
      pages -= to - from;
      return true;
    });
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
    const holder = this.#holder(inode, 0);
    if (known > 0) this.ledger.transfer(UNKNOWN_HOLDER, holder, 'dirty', known);
    const missing = pages - own - known;
    this.#post('find-dirty', holder, missing);
    this.#post('claim', holder, pages);
    this.evidence.add(evidence, pages);
    return missing;
  }

  /**
   * Dirty pages that are under writeback as well: their writer gave them back and writes of them
   * what it can. NR_DIRTIED counts them once, NR_WRITTEN will twice.
   */
  writeGiven(inode: Inode, start: number, end: number): void {
    const tally = this.#clean(inode);
    inode.pages.change(start, end, DIRTY_BIT, WRITEBACK_BIT, DIRTY_BIT | WRITEBACK_BIT, tally);
    for (let own = 0; own < inode.places.length; own++) {
      const already = tally[(own << PLACE_SHIFT) | DIRTY_BIT | WRITEBACK_BIT] as number;
      const holder = this.#holder(inode, own);
      this.#post('find-writeback', holder, this.#withAt(DIRTY_BIT, own) - already);
    }
  }

  /** claimed → writeback */
  start(inode: Inode, start: number, end: number): number {
    const tally = this.#clean(inode);
    inode.pages.change(start, end, CLAIMED_BIT, CLAIMED_BIT, WRITEBACK_BIT, tally);
    inode.starts++;
    return this.#postWith('start-writeback', inode, CLAIMED_BIT, start, end);
  }

  /** Is anything of the inode under writeback? */
  isWriting(inode: Inode): boolean {
    let found = inode.anonymous > 0;
    inode.pages.visit(0, Number.POSITIVE_INFINITY, (_start, _end, value) => {
      found ||= (value & (CLAIMED_BIT | WRITEBACK_BIT)) !== 0;
      return !found;
    });
    return found;
  }

  /** writeback → clean (or dirty, when it was dirtied meanwhile); returns how many. */
  end(inode: Inode, start: number, end: number, evidence: number): number {
    const tally = this.#clean(inode);
    inode.pages.change(start, end, WRITEBACK_BIT, WRITEBACK_BIT, 0, tally);
    const pages = this.#postWith('end-writeback', inode, WRITEBACK_BIT, start, end);
    this.ended_folios += Math.ceil(pages / (inode.folioPagesAt(start) ?? 1));
    this.evidence.add(evidence, pages);
    return pages;
  }

  /** Pages came back that were under writeback before the replay began. */
  endUnseen(pages: number, evidence: number): void {
    const known = Math.max(0, Math.min(pages, this.unseenWriteback));
    this.#post('end-writeback', UNKNOWN_HOLDER, known);
    this.evidence.add(evidence, known);
  }

  /** Dirty pages of before the replay were cancelled. */
  cancelUnseen(pages: number, evidence: number): void {
    this.#post('cancel', UNKNOWN_HOLDER, pages);
    this.evidence.add(evidence, pages);
  }

  /**
   * The range left the page cache: dirty pages are cancelled, others had been written. Returns
   * pages of which nothing was known.
   */
  remove(inode: Inode, start: number, end: number): number {
    if (inode.pages.isEmpty) return end - start;
    const tally = this.#clean(inode);
    inode.pages.change(start, end, 0, ALL_BITS, 0, tally);
    const size = end - start;
    this.#postWith('start-writeback', inode, CLAIMED_BIT, 0, 0, size);
    const under = CLAIMED_BIT | WRITEBACK_BIT;
    const written = this.#postWith('end-writeback', inode, under, 0, 0, size);
    this.evidence.add(E_DELETED_END, written);
    const cancelled = this.#postWith('cancel', inode, DIRTY_BIT, 0, 0, size);
    this.evidence.add(E_DELETED, cancelled);
    return Math.max(0, size - written - cancelled);
  }

  /** What is known of the inode's pages becomes a number of unknown ones. */
  forget(inode: Inode): void {
    const tally = this.#clean(inode);
    inode.pages.change(0, Number.POSITIVE_INFINITY, 0, ALL_BITS, 0, tally);
    for (let own = 0; own < inode.places.length; own++) {
      const of = this.#holder(inode, own);
      for (const [bit, account] of LEVELS) this.#giveUp(of, account, this.#withAt(bit, own));
    }
    const holder = this.#holder(inode, 0);
    this.#giveUp(holder, 'dirty', inode.misplaced);
    this.#giveUp(holder, 'writeback', inode.anonymous);
    inode.misplaced = 0;
    inode.guessed = 0;
  }

  #giveUp(holder: number, account: Account, pages: number): void {
    if (pages !== 0) this.ledger.transfer(holder, UNKNOWN_HOLDER, account, pages);
  }

  /** The counters as recorded become those of the ledger: unknown pages make up the difference. */
  anchor(nr_dirty: number, nr_writeback: number): void {
    const { ledger } = this;
    ledger.post('find-dirty', UNKNOWN_HOLDER, nr_dirty - ledger.total('dirty'));
    ledger.post('find-writeback', UNKNOWN_HOLDER, nr_writeback - ledger.total('writeback'));
  }
}
