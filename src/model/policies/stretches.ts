/** Stretches of time in which something held, from looks at certain times. */

export class Stretches {
  #total = 0;
  #count = 0;
  #since = Number.NaN;
  #last = Number.NaN;
  #first = Number.NaN;

  /** What holds at a look is taken to hold until the next. */
  look(ts_ns: number, holds: boolean): void {
    if (!Number.isNaN(this.#since)) this.#total += ts_ns - this.#last;
    if (holds && Number.isNaN(this.#since)) {
      this.#since = ts_ns;
      this.#count++;
      if (Number.isNaN(this.#first)) this.#first = ts_ns;
    }
    if (!holds) this.#since = Number.NaN;
    this.#last = ts_ns;
  }

  get total_ns(): number {
    return this.#total;
  }

  get count(): number {
    return this.#count;
  }

  /** NaN if it never held. */
  get first_ns(): number {
    return this.#first;
  }
}

/** `3.300 s`: times in sentences of policies. */
export const seconds = (ns: number): string => `${(ns / 1e9).toFixed(3)} s`;
