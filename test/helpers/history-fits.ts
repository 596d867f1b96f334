/** The history's counters as figures of the fidelity test, against events and against samples. */
import { COUNTERS } from '../../src/model/view.ts';
import type { CounterFit } from '../../src/replay/counter-fit.ts';
import { replayHistory } from '../../src/replay/history/replay-history.ts';
import type { Trace } from '../../src/trace/trace.ts';

export const HISTORY_FITS: readonly string[] = ['history', 'vmstat'].flatMap((source) =>
  COUNTERS.map((name) => `${source}_${name}`),
);

/** `2386 of 2400, 3 skipped` inside the kernel's error; words where that is not to be measured. */
export function historyFits(trace: Trace): Record<string, string> {
  const replay = replayHistory(trace);
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
