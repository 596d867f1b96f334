/**
 * The limit of the first FUSE design: so many pages (a request each) may wait for an answer, the
 * writer of the next one waits (fc->numwrite, mail of 15 November 2007; dropped before 2.6.26).
 * Takes recorded starts and answers, gives them in an order in which no more are in flight.
 */

import type { DataEvent } from '../history.ts';
import { NUMWRITE_LIMIT } from './fuse-limits.ts';

export class NumwriteGate {
  readonly #page_size: number;
  readonly #limit: number;
  #inFlight = 0;
  readonly #waiting: DataEvent[] = [];
  /** Pages whose writer had to wait. */
  waited = 0;

  constructor(page_size: number, limit = NUMWRITE_LIMIT) {
    this.#page_size = page_size;
    this.#limit = limit;
  }

  get inFlight(): number {
    return this.#inFlight;
  }

  start(event: DataEvent, emit: (event: DataEvent) => void): void {
    this.#waiting.push(event);
    const before = this.#inFlight;
    this.#fill(event.ts_ns, emit);
    this.waited += event.bytes / this.#page_size - (this.#inFlight - before);
  }

  /** Answers to more than is in flight follow each other, each making room for the next. */
  answer(event: DataEvent, emit: (event: DataEvent) => void): void {
    let left = event.bytes / this.#page_size;
    while (left > 0) {
      const pages = Math.min(left, this.#inFlight);
      // What never started in this trace was found under writeback: it is answered as recorded.
      if (pages <= 0) {
        emit({ ...event, bytes: left * this.#page_size });
        return;
      }
      emit({ ...event, bytes: pages * this.#page_size });
      this.#inFlight -= pages;
      left -= pages;
      this.#fill(event.ts_ns, emit);
    }
  }

  #fill(ts_ns: number, emit: (event: DataEvent) => void): void {
    for (;;) {
      const [next] = this.#waiting;
      const room = this.#limit - this.#inFlight;
      if (next === undefined || room <= 0) return;
      const pages = Math.min(room, next.bytes / this.#page_size);
      const bytes = pages * this.#page_size;
      emit({ ...next, ts_ns, bytes });
      this.#inFlight += pages;
      if (bytes < next.bytes) this.#waiting[0] = { ...next, bytes: next.bytes - bytes };
      else this.#waiting.shift();
    }
  }
}
