/** The shape of a comparison: what is different between a capture and one made after a change. */
import type { DetailUnit, Side } from '../detail.ts';
import type { Finding } from '../finding.ts';

/**
 * What became of a number. `changed`: neither better nor worse by itself; `same`: no difference
 * beyond what the numbers can tell; `unclear`: a difference that they cannot prove; `unknown`: one
 * of the captures does not tell it.
 */
export type Judged = 'better' | 'worse' | 'changed' | 'same' | 'unclear' | 'unknown';

export type Answer =
  /** Both are the same recording. */
  | 'same-capture'
  | 'better'
  | 'worse'
  | 'mixed'
  | 'no-difference'
  /** Different tasks did different things: nothing can be called better or worse. */
  | 'other-work'
  /** Too much was lost, or not recorded, to compare. */
  | 'unknown';

export type ComparedNumber = {
  readonly group: string;
  readonly name: string;
  readonly unit: DetailUnit;
  readonly before: number | undefined;
  readonly after: number | undefined;
  readonly judged: Judged;
  /** What both values rest on, and why a difference is none where it is none. */
  readonly basis: string;
  /** On the first screen. */
  readonly isKey: boolean;
};

export type CauseStatus = 'found' | 'clear' | 'not-applicable' | 'unknown' | 'error' | 'off';

export type ComparedCause = {
  readonly id: string;
  readonly title: string;
  readonly before: CauseStatus;
  readonly after: CauseStatus;
  /** Task-seconds that it cost; undefined where it was not judged. */
  readonly before_s: number | undefined;
  readonly after_s: number | undefined;
  readonly judged: Judged;
};

/** Something that was not the same when the two were recorded. */
export type SetupDifference = {
  readonly name: string;
  readonly before: string;
  readonly after: string;
  /** `knob`: what somebody may have changed on purpose; the others make captures hard to compare. */
  readonly kind: 'machine' | 'knob' | 'work' | 'recording';
};

export type Alignment = {
  readonly by: 'workload' | 'start' | 'given';
  /** What zero is on the axis, to stand after "seconds since". */
  readonly zero: string;
  readonly sentence: string;
  /** Time of each capture, nanoseconds since its beginning, that is zero on the axis. */
  readonly origins_ns: Readonly<Record<Side, number>>;
  /** The axis, from the first to the last moment of both. */
  readonly window_ns: readonly [number, number];
};

export type Comparison = {
  readonly answer: Answer;
  /** Did it help, and by how much. */
  readonly sentence: string;
  /** What a second and a GiB cost, what became worse, what remains; may be empty. */
  readonly detail: string;
  /** What that rests on, and what weakens it. */
  readonly reasons: readonly string[];
  readonly setup: readonly SetupDifference[];
  readonly numbers: readonly ComparedNumber[];
  readonly causes: readonly ComparedCause[];
  readonly alignment: Alignment;
  /** Charts and lists show a part of the axis only. */
  readonly isPart: boolean;
  /** Charts and lists of both; times of charts are on the axis. */
  readonly sections: readonly Finding[];
};
