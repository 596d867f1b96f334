/** Predicted against recorded counters, over all samples that can be compared. */
import type { CounterFit } from '../counter-fit.ts';
import { NR_DIRTIED } from './flight.ts';
import type { SampleLog } from './sample-log.ts';

/**
 * `bound_pages` is the drift of one reading. Levels are compared with themselves, counters that
 * only grow with their growth since the prediction started.
 */
export function fitOf(log: SampleLog, counter: number, bound_pages: number): CounterFit {
  const predicted = log.predicted[counter] as Float64Array;
  const recorded = log.recorded[counter] as Float64Array;
  const in_flight = log.in_flight[counter] as Float64Array;
  const grows = counter >= NR_DIRTIED;
  let n = 0;
  let within = 0;
  let maxAbs = 0;
  let flying = 0;
  let sumError = 0;
  let sumRecorded = 0;
  let starts = 0;
  // No number beside undefined: that would be an object for each row.
  let end = Number.NaN;
  for (let row = 0; row < log.rows; row++) {
    const start = log.anchor[row] as number;
    if (start === row) starts++;
    // The row that a prediction starts from agrees by construction.
    if (start < 0 || start === row) continue;
    const now = recorded[row] as number;
    const residual = (predicted[row] as number) - now;
    if (Number.isNaN(residual)) continue;
    const error = Math.abs(residual);
    n++;
    if (error <= bound_pages + (in_flight[row] as number)) within++;
    flying = Math.max(flying, in_flight[row] as number);
    maxAbs = Math.max(maxAbs, error);
    sumError += error;
    sumRecorded += Math.abs(now - (grows ? (recorded[start] as number) : 0));
    end = residual;
  }
  return {
    n,
    within_drift: within,
    max_abs_pages: maxAbs,
    drift_bound_pages: bound_pages,
    most_in_flight_pages: flying,
    wape: sumRecorded > 0 ? sumError / sumRecorded : undefined,
    wape_floor: sumRecorded > 0 ? (n * bound_pages) / sumRecorded : undefined,
    skipped: log.rows - n - starts,
    end_residual_pages: Number.isNaN(end) ? undefined : end,
  };
}
