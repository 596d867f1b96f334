/** How dirty memory moved against the limits, with the model's prediction beside it. */
import { assertExists } from '../trace/assert.ts';
import { numbers, optionalNumbers } from '../trace/table.ts';
import type { Context } from './context.ts';
import type { Series, Timeline } from './detail.ts';
import type { Outcome } from './finding.ts';
import { bytes, percent } from './format.ts';
import { lostIntervals, pauseBands } from './intervals.ts';
import type { FindingDefinition } from './run.ts';

export const dirtyLevels: FindingDefinition = {
  id: 'dirty-levels',
  title: 'Dirty memory against the limits',
  question: 'How close did dirty and writeback pages come to the limit, and when?',
  needs: ['global_dirty_state'],
  evaluate,
};

function evaluate(context: Context): Outcome {
  const state = assertExists(context.dirty, 'dirty state');
  const toBytes = (pages: Float64Array) => pages.map((value) => value * context.pageSize);
  const peak = peakOf(state.level_pages);
  const limit = state.limit_pages[peak] as number;
  const level = state.level_pages[peak] as number;
  const above = state.level_pages.filter((value, row) => value > (state.freerun_pages[row] ?? 0));
  const summary =
    `Dirty and writeback memory peaked at ${bytes(level * context.pageSize)}, ` +
    `${percent(level / Math.max(1, limit))} of the limit of ${bytes(limit * context.pageSize)}; ` +
    `${percent(above.length / state.level_pages.length)} of ${state.level_pages.length} samples ` +
    `lie above the freerun level, where writers begin to be paused.`;
  const recorded = (
    id: string,
    label: string,
    role: Series['role'],
    pages: Float64Array,
  ): Series => ({
    id,
    label,
    role,
    shape: 'step',
    t_ns: state.ts_ns,
    values: toBytes(pages),
  });
  const series: Series[] = [
    recorded('level', 'dirty + writeback', 'recorded', state.level_pages),
    recorded('writeback', 'of it writeback', 'recorded', state.writeback_pages),
    ...predictedSeries(context),
    ...sampledSeries(context),
    recorded('limit', 'limit', 'limit', state.limit_pages),
    recorded('setpoint', 'setpoint', 'limit', state.setpoint_pages),
    recorded('freerun', 'freerun', 'limit', state.freerun_pages),
    recorded('background', 'background threshold', 'limit', state.background_pages),
  ];
  const chart: Timeline = {
    kind: 'timeline',
    id: 'dirty-levels',
    title: `Dirty + writeback peaked at ${percent(level / Math.max(1, limit))} of the limit`,
    subtitle: 'recorded by global_dirty_state; predicted from folios dirtied by events',
    unit: 'bytes',
    window_ns: [0, context.trace.meta.duration_ns],
    series,
    bands: pauseBands(context),
    lost: lostIntervals(context),
  };
  return { status: 'found', summary, details: [chart], weakenedBy: [], level: 'b' };
}

function peakOf(values: Float64Array): number {
  let best = 0;
  for (let row = 1; row < values.length; row++) {
    if ((values[row] as number) > (values[best] as number)) best = row;
  }
  return best;
}

function predictedSeries(context: Context): Series[] {
  const { replay, pageSize } = context;
  if (replay === undefined) return [];
  return [
    {
      id: 'predicted',
      label: 'predicted dirty + writeback',
      role: 'predicted',
      shape: 'step',
      t_ns: Float64Array.from(numbers(replay.samples, 'ts_ns').values),
      values: replay.predicted_dirty_plus_writeback_pages.map((value) => value * pageSize),
      errorBound: replay.dirty_plus_writeback.drift_bound_pages * pageSize,
    },
  ];
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
