/** The history's counters as figures of the fidelity test, against events and against samples. */
import { COUNTERS, type Counter } from '../../src/model/view.ts';
import type { CounterFit } from '../../src/replay/counter-fit.ts';
import type { HistoryReplay } from '../../src/replay/history/replay-history.ts';

export const HISTORY_FITS: readonly string[] = ['history', 'vmstat'].flatMap((source) =>
  COUNTERS.map((name) => `${source}_${name}`),
);

/** By how much predictions are off, where less is better. */
export const HISTORY_ERRORS: readonly string[] = [
  'drift_bound_pages',
  ...COUNTERS.map((name) => `wape_${name}`),
];

/** `2386 of 2400, 3 skipped` inside the kernel's error; words where that is not to be measured. */
export function historyFits(replay: HistoryReplay | undefined): Record<string, string | number> {
  const wape = (name: Counter) => Number((replay?.fits[name].wape ?? 0).toPrecision(3));
  const errors = Object.fromEntries(COUNTERS.map((name) => [`wape_${name}`, wape(name)]));
  return { ...fitsOf(replay), drift_bound_pages: replay?.drift.bound_pages ?? 0, ...errors };
}

function fitsOf(replay: HistoryReplay | undefined): Record<string, string> {
  return Object.fromEntries(
    HISTORY_FITS.map((figure) => {
      const name = COUNTERS.find((counter) => figure.endsWith(counter));
      const fits = figure.startsWith('vmstat') ? replay?.vmstat_fits : replay?.fits;
      const fit = name === undefined ? undefined : fits?.[name];
      if (fit === undefined || fit.n === 0) return [figure, 'not replayed'];
      // What was under way when events were lost is not known.
      if ((replay?.starts ?? 0) > 1) return [figure, `started ${replay?.starts} times`];
      return [figure, textOf(fit)];
    }),
  );
}

const textOf = ({ within_drift, n, skipped }: CounterFit) =>
  `${within_drift} of ${n}, ${skipped} skipped`;
