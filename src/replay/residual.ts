/** Tallies of predicted against recorded values. */

/** Why an event could not be checked. Each is counted, so that none can hide a disagreement. */
const UNCHECKED = {
  'not-recorded': 'the capture lacks an event or a field that the law needs',
  'lost-events': 'events were lost between this one and what the law needs',
  'out-of-range': 'a value ran below zero or is larger than any memory',
  'first-of-task': 'the first throttle event of its task: what the task remembered is unknown',
  'first-of-bdi': 'the first event of its bdi: the rate before it is unknown',
  'no-bandwidth': 'nothing has told the write bandwidth of the bdi yet',
  'memcg-domain': 'the limits of a memory cgroup decided, which no event prints',
  'wb-freerun': 'the task left below the limits of the device, which no event prints',
  'reads-statistics':
    'the task also reads /proc/vmstat, which prints what leaving unthrottled does',
  'hz-unknown': 'HZ is unknown',
  'no-memory': 'the setting is a share of a memory that the reading does not tell',
  'first-of-setting': 'the setting was inferred from this reading',
  'two-rules': 'kernels of this record format did either, and nothing tells which',
  'outside-work': 'it belongs to no work of a flusher that was recorded from its beginning',
  'no-tick-phase': 'no event tells when the timer tick falls',
} as const;
export type Unchecked = keyof typeof UNCHECKED;

/** Why a law may be off by what it is off by. */
const CAUSES = {
  'tick-boundary': 'a timer tick fell within microseconds of the event',
  'hidden-update': 'the write bandwidth was updated in between, which no event shows',
  race: 'the counter moved between two readings',
} as const;
export type Cause = keyof typeof CAUSES;

export type Mismatch = {
  readonly ts_ns: number;
  readonly seq: number;
  readonly recorded: number;
  readonly expected: number;
  readonly cause?: Cause;
};

/** One law, checked on every event that it speaks of. */
export type IdentityResult = {
  /** Events that could be checked, and how many of them agreed to the last unit. */
  readonly n: number;
  readonly exact: number;
  /** For a law with a hidden input: events inside the interval stated before the event was read. */
  readonly inside?: number;
  /** Events that could not be checked: what the law needs was not recorded or was lost. */
  readonly unchecked: number;
  readonly unchecked_because: Readonly<Partial<Record<Unchecked, number>>>;
  readonly max_abs: number;
  /** Disagreements with a known cause, by cause. */
  readonly causes: Readonly<Partial<Record<Cause, number>>>;
  /** The first disagreements, to be looked up in the table. */
  readonly mismatches: readonly Mismatch[];
};

const MISMATCHES_KEPT = 5;

export class IdentityTally {
  #n = 0;
  #exact = 0;
  #inside: number | undefined;
  #unchecked = 0;
  readonly #because = new Map<Unchecked, number>();
  readonly #causes = new Map<Cause, number>();
  #maxAbs = 0;
  readonly #mismatches: Mismatch[] = [];

  check(recorded: number, expected: number, ts_ns: number, seq: number, cause?: Cause): void {
    // A value that the event does not have (a text without the field).
    if (Number.isNaN(recorded) || Number.isNaN(expected)) {
      this.skip('not-recorded');
      return;
    }
    this.#n++;
    if (recorded === expected) {
      this.#exact++;
      return;
    }
    this.#maxAbs = Math.max(this.#maxAbs, Math.abs(recorded - expected));
    if (cause !== undefined) this.#causes.set(cause, (this.#causes.get(cause) ?? 0) + 1);
    if (this.#mismatches.length < MISMATCHES_KEPT) {
      const found = { ts_ns, seq, recorded, expected };
      this.#mismatches.push(cause === undefined ? found : { ...found, cause });
    }
  }

  /** For an event that was checked: it also lay inside the interval stated for it, or not. */
  noteInside(inside: boolean): void {
    this.#inside = (this.#inside ?? 0) + (inside ? 1 : 0);
  }

  skip(because: Unchecked = 'not-recorded', count = 1): void {
    this.#unchecked += count;
    this.#because.set(because, (this.#because.get(because) ?? 0) + count);
  }

  /** Counts as unchecked what was not seen at all of `rows` events. */
  complete(rows: number, because: Unchecked = 'not-recorded'): void {
    const missing = rows - this.#n - this.#unchecked;
    if (missing > 0) this.skip(because, missing);
  }

  result(): IdentityResult {
    return {
      n: this.#n,
      exact: this.#exact,
      ...(this.#inside === undefined ? {} : { inside: this.#inside }),
      unchecked: this.#unchecked,
      unchecked_because: Object.fromEntries(this.#because),
      max_abs: this.#maxAbs,
      causes: Object.fromEntries(this.#causes),
      mismatches: this.#mismatches,
    };
  }
}
