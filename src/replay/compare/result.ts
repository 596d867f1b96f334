/** What a comparison of two systems on one history says. Times in ns since the trace's start. */
import type { CounterName } from '../../model/policies/counters.ts';
import type { SwitchValues } from '../../model/switches.ts';
import type { Counter } from '../../model/view.ts';
import type { CounterFit } from '../counter-fit.ts';
import type { Missing } from './needs.ts';

export type SeriesUnit = 'pages' | 'bytes' | 'events' | 'percent';

/** A value over time: what held at each of the comparison's `t_ns`. */
export type CounterSeries = {
  /** A kernel's counter, or one of the derived values below. */
  readonly counter: CounterName | DerivedName;
  readonly unit: SeriesUnit;
  /** Of one bdi; undefined for the node, or the sum over all bdis. */
  readonly bdi?: string;
  readonly values: Float64Array;
};

/** What follows from the counters: the throttle's inputs and what is taken and written. */
export const DERIVED = {
  nr_dirty: { unit: 'pages', meaning: 'dirty alone, as the throttle adds it' },
  throttle_dirty: { unit: 'pages', meaning: 'dirty + writeback, as the throttle adds them' },
  freerun: { unit: 'pages', meaning: 'above it dirtiers are paused' },
  thresh: { unit: 'pages', meaning: 'the dirty threshold' },
  wb_dirty: { unit: 'pages', meaning: 'dirty + writeback of one bdi' },
  bandwidth_dirtied: { unit: 'pages', meaning: 'dirtied, as the rate of a bdi is estimated from' },
  bandwidth_written: { unit: 'pages', meaning: 'written, as its bandwidth is estimated from' },
  completion_share: { unit: 'percent', meaning: 'part of all completions, without their decay' },
  metadata_share: { unit: 'percent', meaning: 'tree nodes among everything dirty' },
  memory_bytes: { unit: 'bytes', meaning: 'memory that nodes, copies and block state take' },
  written_bytes: { unit: 'bytes', meaning: 'written of what the policies decide about' },
} as const;
export type DerivedName = keyof typeof DERIVED;

export type Stretch = { readonly from_ns: number; readonly to_ns: number };

export type TaskThrottling = {
  readonly pid: number;
  readonly comm: string;
  /** Pages, or nodes where a system charges one for each. */
  readonly charged: number;
  /** How often the task came to balance_dirty_pages, and how often it was above freerun then. */
  readonly entries: number;
  readonly throttled: number;
  readonly first_throttled_ns: number | undefined;
  /** How often it was recorded above freerun: the fit of `throttled` of the recorded system. */
  readonly recorded: number | undefined;
};

export type MemoryTaken = { readonly mean: number; readonly peak: number; readonly end: number };

/** What writes down the values of a run at the points that all systems share. */
export type RunRecorder = {
  record(): void;
  readonly memory: MemoryTaken;
  series(wbNames: readonly string[]): readonly CounterSeries[];
};

export type Replayed = {
  readonly status: 'replayed';
  readonly series: readonly CounterSeries[];
  readonly throttling: {
    readonly first_ns: number | undefined;
    readonly total_ns: number;
    readonly stretches: readonly Stretch[];
  };
  readonly memory_bytes: MemoryTaken;
  readonly written_bytes: number;
  readonly tasks: readonly TaskThrottling[];
  readonly notes: readonly string[];
};

export type SystemResult = {
  readonly id: string;
  readonly title: string;
  /** What was set, by the system or on demand. */
  readonly switches: SwitchValues;
} & (Replayed | { readonly status: 'not-applicable'; readonly needs: readonly Missing[] });

export type Difference = {
  readonly counter: CounterSeries['counter'];
  readonly unit: SeriesUnit;
  /** Second system minus first: where it is largest, on average, and at the end. */
  readonly largest: number;
  readonly at_ns: number;
  readonly mean: number;
  readonly end: number;
  /** Of the recorded system's prediction of what this counter is made of; undefined if unknown. */
  readonly fit: FitWords | undefined;
};

/** How well the recorded system is predicted: no difference is worth more. */
export type FitWords = {
  readonly of: Counter;
  readonly n: number;
  readonly within_drift: number;
  readonly drift_bound_pages: number;
  readonly max_abs_pages: number;
};

export type Comparison = {
  readonly t_ns: Float64Array;
  readonly duration_ns: number;
  readonly page_size: number;
  /** Undefined when the trace has no history to replay. */
  readonly fits: Readonly<Record<Counter, CounterFit>> | undefined;
  readonly systems: readonly [SystemResult, SystemResult];
  readonly differences: readonly Difference[];
  /** What was taken to hold of the machine, and why; each a sentence. */
  readonly assumptions: readonly string[];
  readonly notes: readonly string[];
};
