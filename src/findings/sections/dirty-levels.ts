/** How dirty memory moved against the limits, with the model's prediction beside it. */
import type { DirtyState } from '../../derive/dirty-state.ts';
import { assertExists } from '../../trace/assert.ts';
import { numbers, optionalNumbers } from '../../trace/table.ts';
import type { Context } from '../context.ts';
import type { Series, Timeline } from '../detail.ts';
import type { Outcome } from '../finding.ts';
import { bytes, count, percent } from '../format.ts';
import { lostIntervals, pauseBands } from '../intervals.ts';
import type { FindingDefinition } from '../run.ts';
import { scaled, scaledSum } from '../scaled.ts';

export const dirtyLevels: FindingDefinition = {
  id: 'dirty-levels',
  title: 'Dirty memory against the limits',
  question: 'How close did dirty and writeback pages come to the limit, and when?',
  needs: ['global_dirty_state'],
  evaluate,
};

function evaluate(context: Context): Outcome {
  const state = assertExists(context.dirty, 'dirty state');
  const { rows, above, peak } = summed(state, context.window_ns);
  if (rows === 0) {
    const summary = 'No sample of the dirty state lies in this window.';
    return { status: 'unknown', summary, details: [], weakenedBy: [] };
  }
  const limit = state.limit_pages[peak] as number;
  const level = state.level_pages[peak] as number;
  const share = percent(level / Math.max(1, limit));
  const summary =
    `Dirty and writeback memory peaked at ${bytes(level * context.pageSize)}, ` +
    `${share} of the limit of ${bytes(limit * context.pageSize)}; ` +
    `${percent(above / rows)} of ${count(rows, 'sample')} ` +
    `lie above the freerun level, where writers begin to be paused.`;
  const series = [
    ...recordedSeries(context, state),
    ...predictedSeries(context),
    ...sampledSeries(context),
    ...limitSeries(context, state),
  ];
  const isPredicted = series.some(({ role }) => role === 'predicted');
  const chart: Timeline = {
    kind: 'timeline',
    id: 'dirty-levels',
    title: `Dirty + writeback peaked at ${share} of the limit`,
    subtitle: isPredicted
      ? 'recorded by global_dirty_state; predicted from single events (open loop), page by page'
      : 'recorded by global_dirty_state',
    unit: 'bytes',
    window_ns: context.window_ns,
    series,
    bands: pauseBands(context),
    lost: lostIntervals(context),
  };
  const level_b = isPredicted ? { level: 'b' as const } : {};
  return { status: 'shown', summary, details: [chart], weakenedBy: [], ...level_b };
}

/** Rows inside the window, how many of them above freerun, and the first of the highest. */
function summed(
  { ts_ns, level_pages, freerun_pages }: DirtyState,
  [from_ns, to_ns]: readonly [number, number],
): { rows: number; above: number; peak: number } {
  const sums = { rows: 0, above: 0, peak: 0 };
  for (let row = 0; row < ts_ns.length; row++) {
    const ts = ts_ns[row] as number;
    if (!(ts >= from_ns && ts <= to_ns)) continue;
    const level = level_pages[row] as number;
    if (sums.rows === 0 || level > (level_pages[sums.peak] as number)) sums.peak = row;
    if (level > (freerun_pages[row] as number)) sums.above++;
    sums.rows++;
  }
  return sums;
}

function stepOf(
  { pageSize }: Context,
  { ts_ns }: DirtyState,
  [id, label, role]: readonly [id: string, label: string, role: Series['role']],
  pages: Float64Array,
): Series {
  return { id, label, role, shape: 'step', t_ns: ts_ns, values: scaled(pages, pageSize) };
}

function recordedSeries(context: Context, state: DirtyState): Series[] {
  return [
    stepOf(context, state, ['level', 'dirty + writeback', 'recorded'], state.level_pages),
    stepOf(context, state, ['writeback', 'of it writeback', 'recorded'], state.writeback_pages),
  ];
}

function limitSeries(context: Context, state: DirtyState): Series[] {
  return [
    stepOf(context, state, ['limit', 'limit', 'limit'], state.limit_pages),
    stepOf(context, state, ['setpoint', 'setpoint', 'limit'], state.setpoint_pages),
    stepOf(context, state, ['freerun', 'freerun', 'limit'], state.freerun_pages),
    stepOf(context, state, ['background', 'background threshold', 'limit'], state.background_pages),
  ];
}

/**
 * What the replay of single events says, with what the kernel's counters may be off themselves. The
 * end of writeback is in few captures: without it the sum takes the writeback that was read.
 */
function predictedSeries({ history, pageSize }: Context): Series[] {
  if (history === undefined || history.fits.nr_dirty.n === 0) return [];
  const { ts_ns, predicted, recorded } = history.traced;
  const knowsWriteback = history.fits.nr_writeback.n > 0;
  const writeback = knowsWriteback ? predicted.nr_writeback : recorded.nr_writeback;
  const bound = history.drift.bound_pages * pageSize;
  const common = { role: 'predicted', shape: 'step', t_ns: new Float64Array(ts_ns) } as const;
  const sum: Series = {
    ...common,
    id: 'predicted',
    label: knowsWriteback ? 'predicted sum' : 'sum with predicted dirty',
    values: scaledSum(predicted.nr_dirty, writeback, pageSize),
    // Two counters, each off by as much.
    errorBound: (knowsWriteback ? 2 : 1) * bound,
  };
  if (!knowsWriteback) return [sum];
  const values = scaled(writeback, pageSize);
  const label = 'predicted writeback';
  return [sum, { ...common, id: 'predicted_writeback', label, values, errorBound: bound }];
}

/** What a sampler read from /proc/vmstat: independent of the trace. */
function sampledSeries(context: Context): Series[] {
  const { samples } = context.trace;
  const dirty = samples && optionalNumbers(samples, 'nr_dirty');
  const writeback = samples && optionalNumbers(samples, 'nr_writeback');
  if (samples === undefined || dirty === undefined || writeback === undefined) return [];
  const values = scaledSum(dirty.values, writeback.values, context.pageSize);
  const t_ns = new Float64Array(numbers(samples, 'ts_ns').values);
  return [{ id: 'sampled', label: '/proc/vmstat', role: 'sampled', shape: 'point', t_ns, values }];
}
