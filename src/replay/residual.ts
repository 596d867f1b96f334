/** Tallies of predicted against recorded values. */

export type Mismatch = {
  readonly ts_ns: number;
  readonly seq: number;
  readonly recorded: number;
  readonly expected: number;
};

/** One law, checked on every event that it speaks of. */
export type IdentityResult = {
  /** Events that could be checked, and how many of them agreed to the last unit. */
  readonly n: number;
  readonly exact: number;
  /** Events that could not be checked: what the law needs was not recorded or was lost. */
  readonly unchecked: number;
  readonly max_abs: number;
  /** The first disagreements, to be looked up in the table. */
  readonly mismatches: readonly Mismatch[];
};

const MISMATCHES_KEPT = 5;

export class IdentityTally {
  #n = 0;
  #exact = 0;
  #unchecked = 0;
  #maxAbs = 0;
  readonly #mismatches: Mismatch[] = [];

  check(recorded: number, expected: number, ts_ns: number, seq: number): void {
    // A value that the event does not have (a text without the field).
    if (Number.isNaN(recorded) || Number.isNaN(expected)) {
      this.#unchecked++;
      return;
    }
    this.#n++;
    if (recorded === expected) {
      this.#exact++;
      return;
    }
    this.#maxAbs = Math.max(this.#maxAbs, Math.abs(recorded - expected));
    if (this.#mismatches.length < MISMATCHES_KEPT) {
      this.#mismatches.push({ ts_ns, seq, recorded, expected });
    }
  }

  skip(): void {
    this.#unchecked++;
  }

  result(): IdentityResult {
    return {
      n: this.#n,
      exact: this.#exact,
      unchecked: this.#unchecked,
      max_abs: this.#maxAbs,
      mismatches: this.#mismatches,
    };
  }
}
