/** How well the kernel's numbers obey its own laws, and the prediction the record. */
import { IDENTITIES } from '../replay/identities.ts';
import { numbers } from '../trace/table.ts';
import type { Context } from './context.ts';
import type { Detail, DetailTable, Timeline } from './detail.ts';
import type { Outcome } from './finding.ts';
import { bytes, count, percent } from './format.ts';
import { lostIntervals } from './intervals.ts';
import type { FindingDefinition } from './run.ts';

/** Level (a): counters given, the law checked. */
export const throttleIdentities: FindingDefinition = {
  id: 'throttle-identities',
  title: 'The throttle against its own laws',
  question: 'Do the numbers of each throttle decision follow from each other as in the source?',
  needs: ['balance_dirty_pages'],
  evaluate(context) {
    const { results } = context.identities;
    const checked = IDENTITIES.map((name) => results[name]);
    const n = checked.reduce((sum, result) => sum + result.n, 0);
    const exact = checked.reduce((sum, result) => sum + result.exact, 0);
    const wrong = IDENTITIES.filter((name) => results[name].exact < results[name].n);
    if (n === 0) {
      const summary = 'No throttle event could be paired with what its law needs.';
      return { status: 'unknown', summary, details: [], weakenedBy: [] };
    }
    // The two readings of `dirty` are a few instructions apart, so that now and then one differs.
    const { dirty } = results;
    const raced = dirty.n - dirty.exact;
    const isRace = n - exact === raced && raced <= RACES_EXPECTED * dirty.n;
    const agree =
      exact === n
        ? `All ${count(n, 'check')} agree to the last page: trace and kernel are understood.`
        : `${percent(exact / n, 5)} of ${count(n, 'check')} agree exactly`;
    const rest = isRace
      ? `; ${raced} of dirty differ by up to ${count(dirty.max_abs, 'page')}, dirtied in between.`
      : `; not all of ${wrong.join(', ')}.`;
    return {
      status: exact === n || isRace ? 'clear' : 'found',
      summary: exact === n ? agree : agree + rest,
      details: [identityTable(context)],
      weakenedBy: [],
      level: 'a',
    };
  },
};

/** Measured: 1 of 6144 events. */
const RACES_EXPECTED = 0.001;

const LAWS: Readonly<Record<(typeof IDENTITIES)[number], string>> = {
  limit: 'max(threshold, dirty_limit), or dirty_limit before 6.14',
  setpoint: '(limit + (threshold + background) / 2) / 2',
  dirty: 'nr_dirty + nr_writeback of the same decision',
  period: 'HZ · dirtied / task_ratelimit',
  dirty_ratelimit: 'what the last update of the bdi set',
  balanced_dirty_ratelimit: 'task_ratelimit · write_bw / dirty_rate, at most write_bw',
};

function identityTable(context: Context): DetailTable {
  return {
    kind: 'table',
    id: 'identities',
    title: 'Laws checked on every throttle event and rate update',
    columns: [
      { key: 'field', label: 'Field', unit: 'none' },
      { key: 'law', label: 'Law', unit: 'none' },
      { key: 'n', label: 'Checked', unit: 'count' },
      { key: 'exact', label: 'Exact', unit: 'count' },
      { key: 'share', label: 'Share', unit: 'percent' },
      { key: 'max_abs', label: 'Largest difference', unit: 'count' },
      { key: 'unchecked', label: 'Not checkable', unit: 'count' },
    ],
    rows: IDENTITIES.map((name) => {
      const { n, exact, max_abs, unchecked } = context.identities.results[name];
      const share = n > 0 ? (100 * exact) / n : undefined;
      return { field: name, law: LAWS[name], n, exact, share, max_abs, unchecked };
    }),
    omitted: 0,
  };
}

/** Level (b): events given, the counter predicted. */
export const replayFit: FindingDefinition = {
  id: 'replay-fit',
  title: 'Prediction against the record',
  question: 'Do the folios that events show dirtied add up to the counter that the kernel kept?',
  needs: ['global_dirty_state', 'writeback_dirty_folio'],
  evaluate: evaluateReplay,
};

function evaluateReplay(context: Context): Outcome {
  const { replay, pageSize } = context;
  if (replay === undefined || replay.nr_dirtied.n === 0) {
    const summary = 'No stretch without lost events holds two samples to compare.';
    return { status: 'unknown', summary, details: [], weakenedBy: [] };
  }
  const { nr_dirtied: fit, sizes, drift } = replay;
  const share = fit.within_drift / fit.n;
  const summary =
    `${percent(share, 5)} of ${count(fit.n, 'sample')} of nr_dirtied lie within the kernel's own ` +
    `error of ±${fit.drift_bound_pages} pages (${drift.cpus} CPUs × ${drift.threshold_pages}); ` +
    `the largest residual is ${count(fit.max_abs_pages, 'page')} (${bytes(fit.max_abs_pages * pageSize)}).`;
  const details: Detail[] = [residualChart(context), fitTable(context)];
  const assumed = sizes.counts.assumed;
  const weakenedBy =
    assumed > 0 ? [`${count(assumed, 'folio')} of unknown size counted as one page each.`] : [];
  return { status: share >= 0.99 ? 'clear' : 'found', summary, details, weakenedBy, level: 'b' };
}

function residualChart(context: Context): Timeline {
  const { replay, trace } = context;
  const samples = replay?.samples;
  const t_ns = samples ? Float64Array.from(numbers(samples, 'ts_ns').values) : new Float64Array();
  const recorded = samples && numbers(samples, 'nr_dirtied_pages').values;
  const predicted = replay?.predicted_dirtied_pages ?? new Float64Array();
  const bound = replay?.nr_dirtied.drift_bound_pages ?? 0;
  return {
    kind: 'timeline',
    id: 'residual',
    title: `Predicted minus recorded nr_dirtied stays within ${replay?.nr_dirtied.max_abs_pages} pages`,
    subtitle: `the band is the kernel's own error of ±${bound} pages per reading`,
    unit: 'pages',
    window_ns: [0, trace.meta.duration_ns],
    series: [
      {
        id: 'residual',
        label: 'predicted − recorded',
        role: 'predicted',
        shape: 'step',
        t_ns,
        values: predicted.map((value, row) => value - (recorded?.[row] as number)),
      },
      {
        id: 'zero',
        label: "kernel's error",
        role: 'limit',
        shape: 'linear',
        t_ns: Float64Array.of(0, trace.meta.duration_ns),
        values: Float64Array.of(0, 0),
        errorBound: bound,
      },
    ],
    bands: [],
    lost: lostIntervals(context),
  };
}

function fitTable(context: Context): DetailTable {
  const { replay } = context;
  const rows = [
    { name: 'nr_dirtied', fit: replay?.nr_dirtied },
    { name: 'dirty + writeback (with nr_written as recorded)', fit: replay?.dirty_plus_writeback },
  ];
  return {
    kind: 'table',
    id: 'replay-fit',
    title: 'Predicted from events, compared with global_dirty_state',
    columns: [
      { key: 'counter', label: 'Counter', unit: 'none' },
      { key: 'n', label: 'Samples', unit: 'count' },
      { key: 'share', label: 'Within the bound', unit: 'percent' },
      { key: 'max_abs', label: 'Largest residual', unit: 'pages' },
      { key: 'bound', label: 'Bound', unit: 'pages' },
      { key: 'wape', label: 'WAPE', unit: 'percent' },
    ],
    rows: rows.map(({ name, fit }) => ({
      counter: name,
      n: fit?.n,
      share: fit && fit.n > 0 ? (100 * fit.within_drift) / fit.n : undefined,
      max_abs: fit?.max_abs_pages,
      bound: fit?.drift_bound_pages,
      wape: fit?.wape === undefined ? undefined : 100 * fit.wape,
    })),
    omitted: 0,
  };
}
