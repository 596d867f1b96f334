/**
 * How well the model explains what the kernel recorded, per capture. The floor is fixed here; the
 * figures themselves are in fidelity.golden.json, and a figure that got worse fails
 * (UPDATE_GOLDEN=1 stores better ones). The captures outside of the repository are hold-outs.
 */
import { existsSync } from 'node:fs';
import { afterAll, describe, expect, test } from 'vitest';
import { openTrace } from '../parsers/index.ts';
import { IDENTITIES } from '../src/replay/identities.ts';
import { replay } from '../src/replay/replay.ts';
import { FIXTURES, fixturesOf, ROOT } from './helpers/bytes.ts';
import { readGolden, UPDATE_GOLDEN, writeGolden } from './helpers/golden.ts';
import { HISTORY_ERRORS, HISTORY_FITS, historyFits } from './helpers/history-fits.ts';
import { REPLAY_LAWS, replayLaws } from './helpers/replay-laws.ts';

const GOLDEN = new URL('fidelity.golden.json', import.meta.url).pathname;
const SHARED = `${ROOT}../shared/captures/incidents/`;
const INCIDENTS = [
  'bdi-limit',
  'btrfs-meta',
  'fsync-bulk',
  'fuse-stuck',
  'healthy',
  'journal',
  'knob',
  'lossy',
  'memcg',
  'noisy-bdi',
  'periodic',
  'pressure',
  'slow-device',
  'small-limit',
  'sync-storm',
];

/** Throttle events whose rate lies in the interval stated before them. */
const INSIDE = 'task_ratelimit_inside';

type Figures = Readonly<Record<string, string | number>>;

/** `checked/exact/unchecked` of each law, and the fits of the replayed counters. */
async function measure(path: string): Promise<Figures> {
  const trace = await openTrace(path);
  const found = replay(trace);
  const { results } = found.identities;
  const laws = IDENTITIES.map(
    (law) =>
      [
        law,
        `${results[law].exact} of ${results[law].n}, ${results[law].unchecked} unchecked`,
      ] as const,
  );
  return {
    ...Object.fromEntries(laws),
    [INSIDE]: `${results.task_ratelimit.inside ?? 0} of ${results.task_ratelimit.n}, 0 unchecked`,
    ...replayLaws(found),
    ...historyFits(found.history),
  };
}

/** `681 of 700, 3 unchecked` as share of what was checked and as number of what was not. */
function parsed(figure: string | number | undefined): {
  share: number;
  checked: number;
  left: number;
} {
  const match = /^(\d+) of (\d+), (\d+)/.exec(String(figure));
  if (match === null) return { share: 1, checked: 0, left: 0 };
  const [good, all, left] = match.slice(1).map(Number) as [number, number, number];
  return { share: all === 0 ? 1 : good / all, checked: all, left };
}

const FLOOR: Readonly<Record<string, number>> = {
  dirty: 0.999,
  // What depends on a bandwidth that may have been updated unseen; few events weigh much.
  task_ratelimit: 0.95,
  pause: 0.995,
  dirtied_pause: 0.995,
  // A tick may fall just beside the event.
  paused: 0.99,
  think: 0.98,
  // Inside the drift of per-CPU counters and of folios on their way, for every sample or nearly.
  history_nr_dirty: 0.99,
  history_nr_dirtied: 0.99,
  history_nr_writeback: 0.95,
  history_nr_written: 0.95,
  vmstat_nr_dirty: 0.99,
  vmstat_nr_dirtied: 0.99,
  vmstat_nr_writeback: 0.95,
  vmstat_nr_written: 0.95,
  // With the bandwidth carried forward over updates without event.
  to_write: 0.95,
  // Inodes may be queued again or deleted without an event.
  moved_inodes: 0.75,
};
const stored = readGolden<Record<string, Figures>>(GOLDEN) ?? {};
const measured: Record<string, Figures> = {};

function register(name: string, path: string): void {
  test(name, async () => {
    const figures = await measure(path);
    measured[name] = figures;
    for (const law of [...IDENTITIES, INSIDE, ...REPLAY_LAWS, ...HISTORY_FITS]) {
      const { share } = parsed(figures[law]);
      expect(share, `${law}: ${figures[law]}`).toBeGreaterThanOrEqual(FLOOR[law] ?? 1);
    }
    if (UPDATE_GOLDEN) return;
    const before = stored[name];
    expect(before, 'no stored figures: run UPDATE_GOLDEN=1').toBeDefined();
    for (const law of [...IDENTITIES, INSIDE, ...REPLAY_LAWS, ...HISTORY_FITS]) {
      const now = parsed(figures[law]);
      const then = parsed(before?.[law]);
      expect(now.share, `${law} got worse: ${before?.[law]} before`).toBeGreaterThanOrEqual(
        then.share,
      );
      // Fewer checks would hide mistakes as well as more mistakes do.
      expect(now.checked, `${law} checks less: ${before?.[law]} before`).toBeGreaterThanOrEqual(
        then.checked,
      );
      expect(now.left, `${law} leaves more out: ${before?.[law]} before`).toBeLessThanOrEqual(
        then.left,
      );
    }
    for (const measure of HISTORY_ERRORS) {
      expect(Number(figures[measure]), `${measure} got worse`).toBeLessThanOrEqual(
        Number(before?.[measure]),
      );
    }
  });
}

describe('captures of the project', () => {
  for (const name of fixturesOf('trace-dat', '.dat.gz')) {
    register(name.replace('.dat.gz', ''), `${FIXTURES}trace-dat/${name}`);
  }
});

const present = INCIDENTS.filter((name) => existsSync(`${SHARED}${name}/trace.dat.gz`));
describe('hold-out captures', () => {
  for (const name of present) register(`incidents/${name}`, `${SHARED}${name}/trace.dat.gz`);
  if (present.length < INCIDENTS.length) {
    test(`absent here: ${INCIDENTS.length - present.length} captures NOT checked`, () => {
      expect(present.length).toBeLessThan(INCIDENTS.length);
    });
  }
});

afterAll(() => {
  if (!UPDATE_GOLDEN) return;
  const all = { ...stored, ...measured };
  const names = Object.keys(all).sort();
  writeGolden(
    GOLDEN,
    `${JSON.stringify(Object.fromEntries(names.map((name) => [name, all[name]])), undefined, 1)}\n`,
  );
});
