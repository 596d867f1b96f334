/** Other systems beside the recorded history, in the walk that replays it. */
import { describe, expect, test } from 'vitest';
import { openTrace } from '../../parsers/index.ts';
import { SYSTEMS, systemOf } from '../../src/model/systems.ts';
import { replayAlternatives } from '../../src/replay/compare/alternatives.ts';
import { type Chosen, replaySystems } from '../../src/replay/compare/compare.ts';
import { LevelRecorder } from '../../src/replay/compare/level-recorder.ts';
import { Recorder } from '../../src/replay/compare/recorder.ts';
import { replayHistory } from '../../src/replay/history/replay-history.ts';
import type { Trace } from '../../src/trace/trace.ts';
import { FIXTURES } from '../helpers/bytes.ts';
import { fuseRows, treeTrace } from '../helpers/system-traces.ts';
import { makeTrace } from '../helpers/trace-builder.ts';

const whole = (trace: Trace) => [0, trace.meta.duration_ns] as const;
const fixture = (path: string) => openTrace(`${FIXTURES}${path}`);
const LOST = { cpu: 0, from_ns: 8e6, ts_ns: 9e6, count: 5 };
const TRACES: readonly (readonly [string, () => Promise<Trace>])[] = [
  ['tree nodes', async () => treeTrace()],
  ['FUSE', async () => makeTrace(fuseRows(500))],
  ['large folios', async () => await fixture('trace-dat/6.18-ext4/slow-writer.dat.gz')],
  ['lost events', async () => treeTrace({ losses: [LOST] })],
];

describe.each(TRACES)('%s', (_, open) => {
  test('told in sums, systems show the same as told one by one', async () => {
    const trace = await open();
    const chosen = SYSTEMS.map((system): Chosen => ({ system, set: {} }));
    const recorder = (...[run, points]: ConstructorParameters<typeof Recorder>) =>
      new Recorder(run, points);
    const [singly, sums] = [true, false].map(
      (tasks) => replaySystems(trace, chosen, { tasks, points: 200, recorder }).results,
    );
    for (const [at, result] of (singly ?? []).entries()) {
      const other = sums?.[at];
      expect(other?.status, result.id).toBe(result.status);
      if (result.status !== 'replayed' || other?.status !== 'replayed') continue;
      expect(other.series, result.id).toEqual(result.series);
      expect(other.throttling).toEqual(result.throttling);
      expect(other.written_bytes).toBe(result.written_bytes);
    }
  }, 60_000);

  test('the history is replayed as if nobody else were there', async () => {
    const trace = await open();
    const { history, counterfactuals } = replayAlternatives(trace, whole(trace));
    const alone = replayHistory(trace);
    expect(counterfactuals).toBeDefined();
    expect(history?.fits).toEqual(alone?.fits);
    expect(history?.traced).toEqual(alone?.traced);
    expect(history?.timeline).toEqual(alone?.timeline);
    expect(history?.balances).toEqual(alone?.balances);
  }, 60_000);
});

test('what is compared follows from the trace and its kernel', () => {
  const of = (trace: Trace) =>
    [...(replayAlternatives(trace, whole(trace)).counterfactuals?.of ?? [])].map(
      ([topic, { recorded, others }]) => [topic, recorded.id, ...others.map(({ id }) => id)],
    );
  const forms = ['btrfs-metadata-bytes', 'btrfs-metadata-pages'];
  expect(of(treeTrace())).toEqual([['trees', 'btrfs', ...forms, 'btrfs-gate']]);
  // Nothing was written although nodes were dirty, and the release has a gate.
  expect(of(treeTrace({ kernel: '5.4.0' }, 0))).toEqual([
    ['trees', 'btrfs', ...forms, 'btrfs-no-gate'],
  ]);
  const fuse = (kernel: string) => of(makeTrace(fuseRows(500), { kernel }));
  expect(fuse('6.12.0')).toEqual([['fuse', 'fuse-temp-pages', 'fuse-in-place']]);
  expect(fuse('6.17.0')).toEqual([['fuse', 'fuse-per-entry', 'fuse-temp-pages']]);
  expect(fuse('7.0.0')).toEqual([['fuse', 'fuse-in-place', 'fuse-temp-pages']]);
  expect(of(makeTrace([]))).toEqual([]);
});

test('how far systems are apart is known at every look, within the window only', () => {
  const trace = makeTrace(fuseRows(500));
  const apart = (window: readonly [number, number]) =>
    replayAlternatives(trace, window).counterfactuals?.of.get('fuse')?.furthest;
  expect(apart(whole(trace))?.get('fuse-temp-pages')).toEqual({ pages: -4, at_ns: 11e6 });
  expect(apart([0, 9e6])?.get('fuse-temp-pages')).toEqual({ pages: 0, at_ns: 0 });
});

test('a level that lasts for a moment is the highest of its stretch', () => {
  const trace = makeTrace(fuseRows(1));
  const system = systemOf('fuse-temp-pages');
  if (system === undefined) throw new Error('no such system');
  const recorders: LevelRecorder[] = [];
  const { results } = replaySystems(trace, [{ system, set: {} }], {
    tasks: false,
    points: 2,
    recorder(run, points) {
      const recorder = new LevelRecorder(run, points);
      recorders.push(recorder);
      return recorder;
    },
    onLook() {
      for (const recorder of recorders) recorder.look();
    },
  });
  const [result] = results;
  if (result?.status !== 'replayed') throw new Error('not replayed');
  const temp = result.series.find(({ counter }) => counter === 'NR_WRITEBACK_TEMP');
  expect([...(temp?.values ?? [])]).toEqual([0, 4]);
});
