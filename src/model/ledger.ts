/**
 * Where pages are: counted by writeback domain (bdi), class and account, as double-entry postings.
 * Every posting takes from one account what it gives to another, and the conservation law of
 * `operations.ts` is checked after each one, for the domain and in total. Nothing is clamped: an
 * account that runs below zero stays there for the caller to see.
 */
import { assert } from '../trace/assert.ts';
import {
  ACCOUNTS,
  type Account,
  CANCELLED,
  CLAIMED,
  DIRTIED,
  DIRTY,
  isSource,
  OPERATIONS,
  type Operation,
  type OperationKind,
  PAGE_CLASSES,
  type PageClass,
  UNSEEN,
  WRITEBACK,
  WRITTEN,
} from './operations.ts';

const WIDTH = 8;
const CLASSES = PAGE_CLASSES.length;
const ROW = CLASSES * WIDTH;

export type Balances = Readonly<Record<Account, number>>;

export class Ledger {
  /** [wb][class][account] */
  #cells = new Float64Array(ROW);
  #domains = 1;
  readonly #total = new Float64Array(WIDTH);

  /** Number of writeback domains that were posted to, counted from 0. */
  get domains(): number {
    return this.#domains;
  }

  apply(operation: Operation): void {
    this.post(operation.kind, operation.wb, operation.pages, operation.pageClass);
  }

  post(kind: OperationKind, wb: number, pages: number, pageClass: PageClass = 'file-data'): void {
    const { from, to } = OPERATIONS[kind];
    const at = pageClass === 'file-data' ? 0 : PAGE_CLASSES.indexOf(pageClass);
    this.#move(wb, at, from, to, pages);
  }

  /** The same pages under another domain: one of unknown owner was recognised. */
  transfer(fromWb: number, toWb: number, account: Account, pages: number): void {
    this.#checkPages(pages);
    this.#grow(Math.max(fromWb, toWb));
    const at = ACCOUNTS.indexOf(account);
    assert(!isSource(at), 'pages are transferred with where they came from');
    this.#add(fromWb, 0, at, -pages);
    this.#add(fromWb, 0, UNSEEN, -pages);
    this.#add(toWb, 0, at, pages);
    this.#add(toWb, 0, UNSEEN, pages);
    this.#check(fromWb, 0);
    this.#check(toWb, 0);
  }

  #move(wb: number, pageClass: number, from: number, to: number, pages: number): void {
    this.#checkPages(pages);
    this.#grow(wb);
    this.#add(wb, pageClass, from, isSource(from) ? pages : -pages);
    this.#add(wb, pageClass, to, pages);
    this.#check(wb, pageClass);
  }

  #checkPages(pages: number): void {
    // The text is made only when it is needed: with it, a posting takes twice as long.
    if (!Number.isSafeInteger(pages)) assert(false, `whole pages are posted, not ${pages}`);
  }

  #add(wb: number, pageClass: number, account: number, pages: number): void {
    const cell = wb * ROW + pageClass * WIDTH + account;
    this.#cells[cell] = (this.#cells[cell] as number) + pages;
    this.#total[account] = (this.#total[account] as number) + pages;
  }

  #check(wb: number, pageClass: number): void {
    assert(
      isBalanced(this.#cells, wb * ROW + pageClass * WIDTH) && isBalanced(this.#total, 0),
      'pages are conserved',
    );
  }

  #grow(wb: number): void {
    if (wb < this.#domains) return;
    this.#domains = wb + 1;
    if (this.#domains * ROW <= this.#cells.length) return;
    const larger = new Float64Array(this.#domains * 2 * ROW);
    larger.set(this.#cells);
    this.#cells = larger;
  }

  /** Pages of an account in all domains and classes. */
  total(account: Account): number {
    return this.#total[ACCOUNTS.indexOf(account)] as number;
  }

  /** Pages of an account of one domain, of one class or of all. */
  of(wb: number, account: Account, pageClass?: PageClass): number {
    if (wb >= this.#domains) return 0;
    const at = wb * ROW + ACCOUNTS.indexOf(account);
    if (pageClass !== undefined) {
      return this.#cells[at + PAGE_CLASSES.indexOf(pageClass) * WIDTH] as number;
    }
    let sum = 0;
    for (let i = 0; i < CLASSES; i++) sum += this.#cells[at + i * WIDTH] as number;
    return sum;
  }

  balances(wb?: number): Balances {
    return Object.fromEntries(
      ACCOUNTS.map((name) => [name, wb === undefined ? this.total(name) : this.of(wb, name)]),
    ) as Record<Account, number>;
  }
}

function isBalanced(cells: Float64Array, at: number): boolean {
  const come = (cells[at + DIRTIED] as number) + (cells[at + UNSEEN] as number);
  const there =
    (cells[at + DIRTY] as number) +
    (cells[at + CLAIMED] as number) +
    (cells[at + WRITEBACK] as number);
  return come === there + (cells[at + WRITTEN] as number) + (cells[at + CANCELLED] as number);
}
