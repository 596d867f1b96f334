/** The shape of a finding: one question asked of a capture, and the answer with its evidence. */
import type { Detail } from './detail.ts';

/**
 * `shown` is data to look at without a judgement. `clear` (looked, and it is not so),
 * `not-applicable` (this capture cannot have it) and `unknown` (the evidence is missing or lost)
 * are three different answers; `error` is a fault of ours.
 */
export type Status = 'found' | 'shown' | 'clear' | 'not-applicable' | 'unknown' | 'error';

/** Which comparison a number comes from; the three are never mixed (see ARCHITECTURE.md). */
export type ComparisonLevel = 'a' | 'b' | 'c';

export type Outcome = {
  readonly status: Status;
  /** The answer in one or two sentences, with numbers and units. */
  readonly summary: string;
  readonly details: readonly Detail[];
  /** Reasons that make this answer less certain, each a sentence. */
  readonly weakenedBy: readonly string[];
  readonly level?: ComparisonLevel;
};

export type Finding = Outcome & {
  readonly id: string;
  readonly title: string;
  readonly question: string;
  /** Of two captures: the answer of each; `summary` is both. */
  readonly summaries?: readonly [before: string, after: string];
};
