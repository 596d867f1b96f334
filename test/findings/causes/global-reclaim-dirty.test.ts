import { expect, test } from 'vitest';
import { describeCause, judgementOf, statusOf } from '../../helpers/cause-tests.ts';
import { dirtying, flushing, reclaiming, sceneTrace } from '../../helpers/scenes.ts';
import type { EventRow } from '../../helpers/trace-builder.ts';

const ID = 'global-reclaim-dirty';
const woken = flushing({ from_s: 2.1, for_s: 1, mib: 8, reason: 'vmscan' });
const DIRECT = { from_s: 2, for_s: 3, scanned: 100 };

describeCause(ID, {
  found: {
    scene: sceneTrace([
      ...reclaiming({ ...DIRECT, dirty: 30 }),
      ...woken,
      ...dirtying({ mib: 90, comm: 'hog', pid: 401 }),
    ]),
    victims: ['eater'],
    bdi: '7:0',
    lost_s: 3,
    culprits: ['hog (pid 401)'],
    summary: /Memory ran short while the cache was dirty: .*started writeback 1\stime/,
  },
  clear: sceneTrace([...reclaiming({ ...DIRECT, dirty: 1 }), ...woken]),
});

test('kswapd waits for nobody, but that it had writeback started is harm enough to name', () => {
  const scene = sceneTrace([
    ...reclaiming({ ...DIRECT, dirty: 30, pid: 45, comm: 'kswapd0' }),
    ...woken,
  ]);
  const { ranked, victims } = judgementOf(scene, ID);
  expect(victims).toEqual([]);
  expect(ranked?.severity).toBe('warning');
});

test('without flushers woken it is less sure', () => {
  const { found } = judgementOf(sceneTrace(reclaiming({ ...DIRECT, dirty: 30 })), ID);
  expect(found?.confidence).toBe(0.65);
  expect(found?.counter_evidence[1]?.result).toBe('against');
});

const congested = (ms: number): EventRow => ({
  event: 'writeback_congestion_wait',
  ts_ns: 4e9,
  pid: 400,
  comm: 'eater',
  usec_timeout_us: 100_000,
  usec_delayed_us: ms * 1000,
});

test('kernels that do not print what was dirty: a guess where reclaim slept for writeback', () => {
  const old = [...reclaiming(DIRECT), congested(108)];
  const { status, ranked, victims, confidence_reasons } = judgementOf(sceneTrace(old), ID);
  expect(status).toBe('found');
  expect(victims).toMatchObject([{ comm: 'eater', time_lost_s: expect.closeTo(3, 2) }]);
  expect(ranked?.confidence).toBeLessThan(0.5);
  expect(confidence_reasons.join()).toContain('how many of the pages that reclaim met were dirty');
  expect(statusOf(sceneTrace(reclaiming(DIRECT)), ID)).toBe('unknown');
});

test('most of the time asleep makes it likelier', () => {
  const asleep = (ms: number) =>
    judgementOf(sceneTrace([...reclaiming(DIRECT), congested(ms)]), ID).ranked?.confidence ?? 0;
  expect(asleep(1900)).toBeGreaterThan(asleep(100));
});
