/** Words, curves and rows for systems in the place of the recorded one, as reports show them. */
import type { CounterSeries, FitWords, Replayed, SystemResult } from '../replay/compare/result.ts';
import { thousands } from '../trace/wording.ts';
import type { Series } from './detail.ts';
import { duration, percent } from './format.ts';

/** The fit where no sample could be compared. */
export const FIT_UNKNOWN = 'unknown';

/** How many samples the recorded system's prediction is right for, up to the kernel's own error. */
export function fitText(fit: FitWords | undefined): string {
  if (fit === undefined || fit.n === 0) return FIT_UNKNOWN;
  return `${percent(fit.within_drift / fit.n)} ±${thousands(fit.drift_bound_pages)} pages`;
}

/** `at 1.2 s` or `never`. */
export const whenText = (ns: number | undefined): string =>
  ns === undefined ? 'never' : `at ${duration(ns)}`;

/** A counter of the node, or the sum over all bdis; undefined if the system has none. */
export function valuesOf(
  { series }: Replayed,
  counter: CounterSeries['counter'],
): Float64Array | undefined {
  return series.find((one) => one.counter === counter && one.bdi === undefined)?.values;
}

export type CurveLook = Pick<Series, 'id' | 'label' | 'role'> & {
  /** What each value is multiplied by. */
  readonly times?: number;
  readonly errorBound?: number;
};

/** A counter of a system as a curve; none if the system lacks it. */
export function curveOf(
  result: SystemResult,
  counter: CounterSeries['counter'],
  t_ns: Float64Array,
  { times = 1, ...look }: CurveLook,
): Series[] {
  if (result.status !== 'replayed') return [];
  const values = valuesOf(result, counter);
  if (values === undefined) return [];
  const scaled = times === 1 ? values : values.map((value) => value * times);
  return [{ ...look, shape: 'step', t_ns, values: scaled }];
}

/** The highest value; 0 if there is none. */
export function highest(values: Float64Array | undefined): number {
  return values?.reduce((most, value) => (value > most ? value : most), 0) ?? 0;
}
