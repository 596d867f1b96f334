/**
 * Where pages are: counted by holder and account, as double-entry postings. A holder is whoever
 * pages belong to in every respect that counters ask for (bdi, class, cgroups, node), so that each
 * counter is a sum over holders and no page is posted twice. Every posting takes from one account
 * what it gives to another, and the conservation law of `operations.ts` is checked after each one,
 * for the holder and in total; hence it holds along every axis, which `along` checks again. Nothing
 * is clamped: an account that runs below zero stays there for the caller to see.
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
  type PageClass,
  UNSEEN,
  WRITEBACK,
  WRITTEN,
} from './operations.ts';

const WIDTH = 8;

export type Levels = { readonly dirty: number; readonly writeback: number };
export type Balances = Readonly<Record<Account, number>>;

/** Whose pages they are. Numbers are the caller's; 0 (and class `unknown`) is what is not known. */
export type Holder = {
  /** The writeback domain: the bdi. */
  readonly wb: number;
  readonly pageClass: PageClass;
  /** The cgroup whose part of the bdi (struct bdi_writeback) counts them: WB_*. */
  readonly wb_cgroup: number;
  /** The cgroup that they are charged to: NR_FILE_DIRTY and NR_WRITEBACK of memory.stat. */
  readonly memcg: number;
  /** The memory node that they are in: the counters of its vmstat. */
  readonly node: number;
};
export type Axis = keyof Holder;

/** The holder of pages of which nothing is known but their number. */
export const UNKNOWN_HOLDER = 0;
const NOBODY: Holder = { wb: 0, pageClass: 'unknown', wb_cgroup: 0, memcg: 0, node: 0 };

export class Ledger {
  /** [holder][account] */
  #cells = new Float64Array(16 * WIDTH);
  readonly #total = new Float64Array(WIDTH);
  readonly #holders: Holder[] = [NOBODY];
  readonly #numbers = new Map<string, number>([[keyOf(NOBODY), UNKNOWN_HOLDER]]);

  /** All holders by number. */
  get holders(): readonly Holder[] {
    return this.#holders;
  }

  /** The number of a holder, under which pages are posted. */
  holder(of: Partial<Holder> & Pick<Holder, 'wb'>): number {
    const holder: Holder = { ...NOBODY, pageClass: 'file-data', ...of };
    const key = keyOf(holder);
    let number = this.#numbers.get(key);
    if (number === undefined) {
      number = this.#holders.length;
      this.#holders.push(holder);
      this.#numbers.set(key, number);
      if (this.#holders.length * WIDTH > this.#cells.length) this.#grow();
    }
    return number;
  }

  #grow(): void {
    const larger = new Float64Array(2 * this.#cells.length);
    larger.set(this.#cells);
    this.#cells = larger;
  }

  apply({ kind, pages, ...of }: Operation): void {
    this.post(kind, this.holder(of), pages);
  }

  post(kind: OperationKind, holder: number, pages: number): void {
    const { from, to } = OPERATIONS[kind];
    this.#checkPages(pages);
    this.#add(holder, from, isSource(from) ? pages : -pages);
    this.#add(holder, to, pages);
    this.#check(holder);
  }

  /** The same pages under another holder: it was recognised, or it changed. */
  transfer(fromHolder: number, toHolder: number, account: Account, pages: number): void {
    this.#checkPages(pages);
    const at = ACCOUNTS.indexOf(account);
    assert(!isSource(at), 'pages are transferred with where they came from');
    this.#add(fromHolder, at, -pages);
    this.#add(fromHolder, UNSEEN, -pages);
    this.#add(toHolder, at, pages);
    this.#add(toHolder, UNSEEN, pages);
    this.#check(fromHolder);
    this.#check(toHolder);
  }

  #checkPages(pages: number): void {
    // The text is made only when it is needed: with it, a posting takes twice as long.
    if (!Number.isSafeInteger(pages)) assert(false, `whole pages are posted, not ${pages}`);
  }

  #add(holder: number, account: number, pages: number): void {
    const cell = holder * WIDTH + account;
    this.#cells[cell] = (this.#cells[cell] as number) + pages;
    this.#total[account] = (this.#total[account] as number) + pages;
  }

  #check(holder: number): void {
    assert(holder < this.#holders.length, 'pages are posted to holders that were named');
    assert(
      isBalanced(this.#cells, holder * WIDTH) && isBalanced(this.#total, 0),
      'pages are conserved',
    );
  }

  /** Pages of an account of one holder. */
  at(holder: number, account: Account): number {
    return this.#cells[holder * WIDTH + ACCOUNTS.indexOf(account)] as number;
  }

  /** Pages of an account of all holders. */
  total(account: Account): number {
    return this.totalAt(ACCOUNTS.indexOf(account));
  }

  /** The same by the account's number (operations.ts). */
  totalAt(account: number): number {
    return this.#total[account] as number;
  }

  /** Pages of an account, of those holders that are so. */
  sum(account: Account, of: Partial<Holder>): number {
    let sum = 0;
    this.#holders.forEach((holder, number) => {
      if (matches(holder, of)) sum += this.at(number, account);
    });
    return sum;
  }

  balances(of: Partial<Holder> = {}): Balances {
    return Object.fromEntries(ACCOUNTS.map((name) => [name, this.sum(name, of)])) as Record<
      Account,
      number
    >;
  }

  /** Dirty and writeback pages of each holder, without making anything: for those who ask often. */
  eachLevel(visit: (holder: number, dirty: number, writeback: number) => void): void {
    for (let holder = 0; holder < this.#holders.length; holder++) {
      const at = holder * WIDTH;
      visit(holder, this.#cells[at + DIRTY] as number, this.#cells[at + WRITEBACK] as number);
    }
  }

  /** Dirty and writeback pages of a bdi, or of one cgroup's part of it: likewise. */
  levelOf(wb: number, wb_cgroup?: number): number {
    let sum = 0;
    for (let holder = 0; holder < this.#holders.length; holder++) {
      const of = this.#holders[holder] as Holder;
      if (of.wb !== wb || (wb_cgroup !== undefined && of.wb_cgroup !== wb_cgroup)) continue;
      const at = holder * WIDTH;
      sum += (this.#cells[at + DIRTY] as number) + (this.#cells[at + WRITEBACK] as number);
    }
    return sum;
  }

  /** Dirty and writeback pages along an axis: what charts show of it at one moment. */
  levels<A extends Axis>(axis: A): ReadonlyMap<Holder[A], Levels> {
    const sums = new Map<Holder[A], { dirty: number; writeback: number }>();
    this.#holders.forEach((holder, number) => {
      const sum = sums.get(holder[axis]) ?? { dirty: 0, writeback: 0 };
      sums.set(holder[axis], sum);
      sum.dirty += this.#cells[number * WIDTH + DIRTY] as number;
      sum.writeback += this.#cells[number * WIDTH + WRITEBACK] as number;
    });
    return sums;
  }

  /**
   * The projection along an axis: balances by its values, in the order in which these were met.
   * Asserts that each conserves its pages and that together they are all pages.
   */
  along<A extends Axis>(axis: A): ReadonlyMap<Holder[A], Balances> {
    const sums = new Map<Holder[A], Float64Array>();
    const check = new Float64Array(WIDTH);
    this.#holders.forEach((holder, number) => {
      const sum = sums.get(holder[axis]) ?? new Float64Array(WIDTH);
      sums.set(holder[axis], sum);
      for (let account = 0; account < ACCOUNTS.length; account++) {
        const pages = this.#cells[number * WIDTH + account] as number;
        sum[account] = (sum[account] as number) + pages;
        check[account] = (check[account] as number) + pages;
      }
    });
    for (const sum of sums.values()) assert(isBalanced(sum, 0), `pages are conserved by ${axis}`);
    assert(
      check.every((pages, account) => pages === this.#total[account]),
      `the parts by ${axis} are all pages`,
    );
    return new Map([...sums].map(([value, sum]) => [value, balancesOf(sum)]));
  }
}

const keyOf = ({ wb, pageClass, wb_cgroup, memcg, node }: Holder): string =>
  `${wb} ${pageClass} ${wb_cgroup} ${memcg} ${node}`;

function matches(holder: Holder, of: Partial<Holder>): boolean {
  return (Object.keys(of) as Axis[]).every((axis) => holder[axis] === of[axis]);
}

function balancesOf(sum: Float64Array): Balances {
  return Object.fromEntries(ACCOUNTS.map((name, at) => [name, sum[at]])) as Record<Account, number>;
}

function isBalanced(cells: Float64Array, at: number): boolean {
  const come = (cells[at + DIRTIED] as number) + (cells[at + UNSEEN] as number);
  const there =
    (cells[at + DIRTY] as number) +
    (cells[at + CLAIMED] as number) +
    (cells[at + WRITEBACK] as number);
  return come === there + (cells[at + WRITTEN] as number) + (cells[at + CANCELLED] as number);
}
