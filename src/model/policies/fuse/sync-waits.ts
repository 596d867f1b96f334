/**
 * How long syncs wait for a server, from when its data is gone. A sync writes what is dirty and
 * waits for it, so it waits at least until the server answers again, and at most until all that was
 * dirty then had been written as recorded.
 */

export type SyncCall = 'sync' | 'fsync';

export type SyncWait = {
  readonly call: SyncCall;
  readonly pid: number;
  readonly ts_ns: number;
  /** NaN while the trace does not show it. */
  least_ns: number;
  most_ns: number;
};

export type Exposure = { readonly from_ns: number; readonly to_ns: number };

type Waiter = SyncWait & { readonly target: number };

export class SyncWaits {
  #dirtied = 0;
  #gone = 0;
  readonly #waiters: Waiter[] = [];
  readonly #all: SyncWait[] = [];
  #pending = 0;
  /** Since when requests have waited without any answer. */
  #silentSince = Number.NaN;
  #silentWithData = false;
  #longest: Exposure | undefined;

  get isIdle(): boolean {
    return this.#gone >= this.#dirtied;
  }

  /** Data that a sync would have to wait for, in any unit. */
  add(amount: number): void {
    this.#dirtied += amount;
    if (this.#pending > 0) this.#silentWithData ||= !this.isIdle;
  }

  remove(amount: number, ts_ns: number): void {
    this.#gone += amount;
    for (const waiter of this.#waiters) {
      if (Number.isNaN(waiter.most_ns) && this.#gone >= waiter.target) {
        waiter.most_ns = ts_ns - waiter.ts_ns;
        if (Number.isNaN(waiter.least_ns)) waiter.least_ns = waiter.most_ns;
      }
    }
    const open = this.#waiters.filter(({ most_ns }) => Number.isNaN(most_ns));
    if (open.length < this.#waiters.length) this.#waiters.splice(0, this.#waiters.length, ...open);
  }

  send(ts_ns: number): void {
    if (this.#pending === 0) {
      this.#silentSince = ts_ns;
      this.#silentWithData = !this.isIdle;
    }
    this.#pending++;
  }

  answer(ts_ns: number): void {
    this.#note(ts_ns);
    this.#pending = Math.max(0, this.#pending - 1);
    this.#silentSince = this.#pending > 0 ? ts_ns : Number.NaN;
    this.#silentWithData = !this.isIdle;
    for (const waiter of this.#waiters) {
      if (Number.isNaN(waiter.least_ns)) waiter.least_ns = ts_ns - waiter.ts_ns;
    }
  }

  #note(ts_ns: number): void {
    if (Number.isNaN(this.#silentSince) || !this.#silentWithData) return;
    const span = ts_ns - this.#silentSince;
    if (this.#longest !== undefined && span <= this.#longest.to_ns - this.#longest.from_ns) return;
    this.#longest = { from_ns: this.#silentSince, to_ns: ts_ns };
  }

  ask(call: SyncCall, pid: number, ts_ns: number): void {
    const open = this.isIdle ? 0 : Number.NaN;
    const wait = { call, pid, ts_ns, least_ns: open, most_ns: open, target: this.#dirtied };
    this.#all.push(wait);
    if (!this.isIdle) this.#waiters.push(wait);
  }

  get asked(): readonly SyncWait[] {
    return this.#all;
  }

  /** The longest stretch without an answer, up to `now_ns`, while there was data to wait for. */
  longest(now_ns: number): Exposure | undefined {
    this.#note(now_ns);
    return this.#longest;
  }
}
