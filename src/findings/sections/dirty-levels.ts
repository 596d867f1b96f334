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

export const dirtyLevels: FindingDefinition = {
  id: 'dirty-levels',
  title: 'Dirty memory against the limits',
  question: 'How close did dirty and writeback pages come to the limit, and when?',
  needs: ['global_dirty_state'],
  evaluate,
};

function evaluate(context: Context): Outcome {
  const state = assertExists(context.dirty, 'dirty state');
  const [from_ns, to_ns] = context.window_ns;
  const rows = [...state.ts_ns.keys()].filter((row) => {
    const ts_ns = state.ts_ns[row] as number;
    return ts_ns >= from_ns && ts_ns <= to_ns;
  });
  if (rows.length === 0) {
    const summary = 'No sample of the dirty state lies in this window.';
    return { status: 'unknown', summary, details: [], weakenedBy: [] };
  }
  const peak = rows.reduce((best, row) =>
    (state.level_pages[row] as number) > (state.level_pages[best] as number) ? row : best,
  );
  const limit = state.limit_pages[peak] as number;
  const level = state.level_pages[peak] as number;
  const above = rows.filter(
    (row) => (state.level_pages[row] as number) > (state.freerun_pages[row] as number),
  );
  const share = percent(level / Math.max(1, limit));
  const summary =
    `Dirty and writeback memory peaked at ${bytes(level * context.pageSize)}, ` +
    `${share} of the limit of ${bytes(limit * context.pageSize)}; ` +
    `${percent(above.length / rows.length)} of ${count(rows.length, 'sample')} ` +
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

function stepOf(
  { pageSize }: Context,
  { ts_ns }: DirtyState,
  [id, label, role]: readonly [id: string, label: string, role: Series['role']],
  pages: Float64Array,
): Series {
  const values = pages.map((value) => value * pageSize);
  return { id, label, role, shape: 'step', t_ns: ts_ns, values };
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
  const common = { role: 'predicted', shape: 'step', t_ns: Float64Array.from(ts_ns) } as const;
  const sum: Series = {
    ...common,
    id: 'predicted',
    label: knowsWriteback ? 'predicted sum' : 'sum with predicted dirty',
    values: predicted.nr_dirty.map((dirty, row) => (dirty + (writeback[row] as number)) * pageSize),
    // Two counters, each off by as much.
    errorBound: (knowsWriteback ? 2 : 1) * bound,
  };
  if (!knowsWriteback) return [sum];
  const values = writeback.map((pages) => pages * pageSize);
  const label = 'predicted writeback';
  return [sum, { ...common, id: 'predicted_writeback', label, values, errorBound: bound }];
}

/** What a sampler read from /proc/vmstat: independent of the trace. */
function sampledSeries(context: Context): Series[] {
  const { samples } = context.trace;
  const dirty = samples && optionalNumbers(samples, 'nr_dirty');
  const writeback = samples && optionalNumbers(samples, 'nr_writeback');
  if (samples === undefined || dirty === undefined || writeback === undefined) return [];
  const values = Float64Array.from(
    { length: samples.rows },
    (_, row) =>
      ((dirty.values[row] as number) + (writeback.values[row] as number)) * context.pageSize,
  );
  const t_ns = Float64Array.from(numbers(samples, 'ts_ns').values);
  return [{ id: 'sampled', label: '/proc/vmstat', role: 'sampled', shape: 'point', t_ns, values }];
}
