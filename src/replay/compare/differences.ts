/** Where two systems differ, counter by counter, with the fit of what was recorded beside it. */
import type { Counter } from '../../model/view.ts';
import type { CounterFit } from '../counter-fit.ts';
import type { CounterSeries, Difference, FitWords, SystemResult } from './result.ts';

type Fits = Readonly<Record<Counter, CounterFit>>;

/** Which recorded counter a counter rests on. */
function restsOn(name: CounterSeries['counter']): Counter {
  if (/WRITTEN|written|completions/.test(name)) return 'nr_written';
  if (/DIRTIED|task_write/.test(name)) return 'nr_dirtied';
  return /WRITEBACK/.test(name) ? 'nr_writeback' : 'nr_dirty';
}

export function fitWords(of: Counter, fits: Fits | undefined): FitWords | undefined {
  if (fits === undefined) return undefined;
  const { n, within_drift, drift_bound_pages, max_abs_pages } = fits[of];
  return { of, n, within_drift, drift_bound_pages, max_abs_pages };
}

/** Sums over all bdis; a counter that one system lacks counts as 0 there. */
export function differencesOf(
  [first, second]: readonly [SystemResult, SystemResult],
  t_ns: Float64Array,
  fits: Fits | undefined,
): readonly Difference[] {
  if (first.status !== 'replayed' || second.status !== 'replayed') return [];
  const sums = (series: readonly CounterSeries[]) =>
    new Map(series.filter(({ bdi }) => bdi === undefined).map((one) => [one.counter, one]));
  const [left, right] = [sums(first.series), sums(second.series)];
  const names = [...new Set([...left.keys(), ...right.keys()])];
  return names.map((counter) => {
    const [a, b] = [left.get(counter), right.get(counter)];
    const unit = (a ?? b)?.unit ?? 'pages';
    const between = differenceOf(a?.values, b?.values, t_ns);
    return { counter, unit, ...between, fit: fitWords(restsOn(counter), fits) };
  });
}

function differenceOf(
  a: Float64Array | undefined,
  b: Float64Array | undefined,
  t_ns: Float64Array,
): Pick<Difference, 'largest' | 'at_ns' | 'mean' | 'end'> {
  let largest = 0;
  let at_ns = 0;
  let sum = 0;
  let n = 0;
  let end = 0;
  for (let at = 0; at < t_ns.length; at++) {
    const difference = (b?.[at] ?? 0) - (a?.[at] ?? 0);
    // Before the first sample there are no thresholds.
    if (Number.isNaN(difference)) continue;
    if (Math.abs(difference) > Math.abs(largest)) {
      largest = difference;
      at_ns = t_ns[at] as number;
    }
    sum += difference;
    n++;
    end = difference;
  }
  return { largest, at_ns, mean: n === 0 ? 0 : sum / n, end };
}
