/**
 * Allocating tasks that sleep while much is under writeback: throttle_vm_writeout of 2.6.10 to 4.8
 * (removed by bf48438354a7), a tenth over the limit; and the alternative of 4 October 2007
 * (Zijlstra): three quarters of a zone. Looks at NR_WRITEBACK alone.
 * Not modelled: who allocates (a sleep is 100 ms for whoever does), NR_UNSTABLE_NFS, the limit that
 * follows a lowered threshold slowly.
 */

import type { HistoryEvent } from '../history.ts';
import type { Desk, RunFacts } from '../policy.ts';
import { Stretches } from '../stretches.ts';
import { vmWriteoutLimit, zoneWriteoutLimit } from './fuse-limits.ts';

export class VmWriteout {
  readonly #rule: 'limit' | 'zone';
  readonly #zone_pages: number | undefined;
  readonly stretches = new Stretches();

  constructor(rule: 'limit' | 'zone', { switches }: Pick<RunFacts, 'switches'>) {
    this.#rule = rule;
    this.#zone_pages = switches['vm.zone-pages'];
  }

  /** The zone's rule cannot be told without its size. */
  get isFed(): boolean {
    return this.#rule === 'limit' || this.#zone_pages !== undefined;
  }

  observe(event: HistoryEvent, { book }: Pick<Desk, 'book'>): void {
    if (event.type !== 'limits') return;
    const pending = book.get('NR_WRITEBACK');
    const sleeps =
      this.#rule === 'limit'
        ? pending > vmWriteoutLimit(event.thresh, event.thresh)
        : this.#zone_pages !== undefined && pending >= zoneWriteoutLimit(this.#zone_pages);
    this.stretches.look(event.ts_ns, sleeps);
  }
}
