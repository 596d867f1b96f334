/** How well the kernel's numbers obey its own laws, and the prediction the record. */
import type { HistoryReplay } from '../../replay/history/replay-history.ts';
import { IDENTITIES } from '../../replay/identities.ts';
import type { Context } from '../context.ts';
import type { DetailTable, Note, Series, Timeline } from '../detail.ts';
import type { Outcome } from '../finding.ts';
import { bytes, count, percent } from '../format.ts';
import { lostIntervals } from '../intervals.ts';
import type { FindingDefinition } from '../run.ts';

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
  wb_thresh: 'at least 1/8 (strictlimit: 1/100) of the free room, at most max_ratio',
  period: 'HZ · dirtied / task_ratelimit',
  dirty_ratelimit: 'what the last update of the bdi set',
  balanced_dirty_ratelimit: 'task_ratelimit · write_bw / dirty_rate, at most write_bw',
  dirty_ratelimit_step: 'a step from the one before towards balanced_dirty_ratelimit',
  bdi_task_ratelimit: 'dirty_ratelimit before the update · position ratio + 1',
  task_ratelimit: 'dirty_ratelimit · position ratio at the inferred write bandwidth',
  pause: 'period - time since the last pause, between min_pause and max_pause',
  dirtied_pause: 'what the last decision allowed the task',
  paused: 'time since the task came to be throttled',
  think: 'time since the end of the last pause',
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

/** Level (b): events given, the counters predicted. */
export const replayFit: FindingDefinition = {
  id: 'replay-fit',
  title: 'Prediction against the record',
  question: 'Do the pages that events show dirtied and written add up to the kernel’s counters?',
  needs: ['global_dirty_state', 'writeback_dirty_folio'],
  evaluate: evaluateReplay,
};

const SHOWN = ['nr_dirty', 'nr_writeback'] as const;
const COUNTERS = ['nr_dirty', 'nr_writeback', 'nr_dirtied', 'nr_written'] as const;

function evaluateReplay(context: Context): Outcome {
  const { history, pageSize } = context;
  const samples = history?.fits.nr_dirty.n ?? 0;
  if (history === undefined || samples === 0) {
    const summary = 'No stretch without lost events holds two samples to compare.';
    return { status: 'unknown', summary, details: [], weakenedBy: [] };
  }
  const { fits, drift, sizes } = history;
  const inside = SHOWN.reduce((sum, name) => sum + fits[name].within_drift, 0);
  const compared = SHOWN.reduce((sum, name) => sum + fits[name].n, 0);
  const worst = Math.max(...SHOWN.map((name) => fits[name].max_abs_pages));
  const flying = Math.max(...SHOWN.map((name) => fits[name].most_in_flight_pages));
  const share = inside / Math.max(1, compared);
  const summary =
    `${percent(share, 4)} of ${count(compared, 'comparison')} of nr_dirty and nr_writeback lie ` +
    `within the kernel’s own error of ±${count(drift.bound_pages, 'page')} ` +
    `(${drift.cpus} CPUs × ${drift.threshold_pages}) and the folios in flight, up to ` +
    `${count(flying, 'page')} at once; the largest ` +
    `residual is ${count(worst, 'page')} (${bytes(worst * pageSize)}).`;
  const assumed = sizes.counts.assumed;
  const weakenedBy = [
    ...(assumed > 0
      ? [`${count(assumed, 'folio')} of unknown size counted as one page each.`]
      : []),
    ...(fits.nr_writeback.n === 0
      ? ['No event of this capture shows when writeback ends: nr_writeback is not predicted.']
      : []),
  ];
  return {
    status: share >= 0.99 ? 'clear' : 'found',
    summary,
    details: [residualChart(context, history), fitTable(history), FIT_WORDS],
    weakenedBy,
    level: 'b',
  };
}

const FIT_WORDS: Note = {
  kind: 'note',
  id: 'fit-words',
  text:
    'Within: samples inside the bound. Drift: pages that CPUs may keep to themselves before a ' +
    'counter shows them. In flight: pages whose event came and whose counters may not have ' +
    'moved. WAPE: the sum of all errors over the sum of what was read; of drift alone: what ' +
    'readings that are off by the drift and nothing else would make it.',
};

function residualChart(context: Context, { traced, drift, fits }: HistoryReplay): Timeline {
  const t_ns = Float64Array.from(traced.ts_ns);
  const bound = drift.bound_pages;
  const inside = SHOWN.reduce((sum, name) => sum + fits[name].within_drift, 0);
  const compared = SHOWN.reduce((sum, name) => sum + fits[name].n, 0);
  const common = { shape: 'step', t_ns } as const;
  const residual = (name: (typeof SHOWN)[number]): Series => ({
    ...common,
    id: `residual_${name}`,
    label: `${name} residual`,
    role: 'predicted',
    values: traced.predicted[name].map(
      (value, row) => value - (traced.recorded[name][row] as number),
    ),
  });
  const { nr_dirty, nr_writeback } = traced.in_flight;
  const allowed = nr_dirty.map(
    (pages, row) => bound + Math.max(0, pages || 0, nr_writeback[row] || 0),
  );
  const lowest = allowed.map((pages) => -pages);
  return {
    kind: 'timeline',
    id: 'residual',
    title: `${percent(inside / Math.max(1, compared), 4)} of the predictions lie within the bound`,
    subtitle:
      `residual: predicted − read; the bound is the kernel’s own error of ±${bound} pages ` +
      'per reading, and folios in flight',
    unit: 'pages',
    window_ns: context.window_ns,
    series: [
      ...SHOWN.filter((name) => fits[name].n > 0).map(residual),
      { ...common, id: 'highest', label: 'highest allowed', role: 'limit', values: allowed },
      { ...common, id: 'lowest', label: 'lowest allowed', role: 'limit', values: lowest },
    ],
    bands: [],
    lost: lostIntervals(context),
  };
}

function fitTable({ fits, vmstat_fits }: HistoryReplay): DetailTable {
  const compared = [
    { against: 'global_dirty_state', of: fits },
    ...(vmstat_fits === undefined ? [] : [{ against: '/proc/vmstat', of: vmstat_fits }]),
  ];
  return {
    kind: 'table',
    id: 'replay-fit',
    title: 'Predicted from events, compared with what the kernel counted',
    columns: [
      { key: 'counter', label: 'Counter', unit: 'none' },
      { key: 'against', label: 'Against', unit: 'none' },
      { key: 'n', label: 'Samples', unit: 'count' },
      { key: 'share', label: 'Within', unit: 'percent' },
      { key: 'max_abs', label: 'Largest', unit: 'pages' },
      { key: 'bound', label: 'Drift', unit: 'pages' },
      { key: 'in_flight', label: 'In flight', unit: 'pages' },
      { key: 'wape', label: 'WAPE', unit: 'percent' },
      { key: 'wape_floor', label: 'WAPE of drift alone', unit: 'percent' },
    ],
    rows: compared.flatMap(({ against, of }) =>
      COUNTERS.map((counter) => {
        const fit = of[counter];
        return {
          counter,
          against,
          n: fit.n,
          share: fit.n > 0 ? (100 * fit.within_drift) / fit.n : undefined,
          max_abs: fit.max_abs_pages,
          bound: fit.drift_bound_pages,
          in_flight: fit.most_in_flight_pages,
          wape: fit.wape === undefined ? undefined : 100 * fit.wape,
          wape_floor: fit.wape_floor === undefined ? undefined : 100 * fit.wape_floor,
        };
      }),
    ),
    omitted: 0,
  };
}
