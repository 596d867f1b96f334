/** Who asked for a work: writeback_queue for queued ones, writeback_wake_background for the rest. */
import type { WorkRecord } from './flusher-worker.ts';

export type Requester = {
  readonly ts: number;
  readonly pid: number;
  readonly comm: string;
};

export class WorkRequests {
  readonly #queued = new Map<string, Requester[]>();
  /** Per domain: the first wake that no run of a worker answered. */
  readonly #woken = new Map<number, Requester>();

  queued(record: WorkRecord, requester: Requester): void {
    const key = keyOf(record);
    const list = this.#queued.get(key);
    if (list === undefined) this.#queued.set(key, [requester]);
    else list.push(requester);
  }

  /** The oldest request for such a work. */
  taken(record: WorkRecord): Requester | undefined {
    return this.#queued.get(keyOf(record))?.shift();
  }

  isWoken(domain: number): boolean {
    return this.#woken.has(domain);
  }

  /** Of a domain that is not woken yet. */
  woken(domain: number, requester: Requester): void {
    this.#woken.set(domain, requester);
  }

  /**
   * A worker ran and had nothing to do, so that a wake came to nothing. It does not say whose: the
   * oldest, because workqueues keep the order.
   */
  ranEmpty(): void {
    if (this.#woken.size === 0) return;
    // A Map keeps the order of insertion.
    const oldest = this.#woken.keys().next().value;
    if (oldest !== undefined) this.#woken.delete(oldest);
  }

  wakeOf(record: WorkRecord): Requester | undefined {
    if (record.for_background !== 1) return undefined;
    const requester = this.#woken.get(record.domain);
    this.#woken.delete(record.domain);
    return requester;
  }
}

function keyOf({ domain, reason, sb_dev, exact, sync_mode }: WorkRecord): string {
  return `${domain} ${reason} ${sb_dev} ${exact} ${sync_mode}`;
}
