import { expect, test } from 'vitest';
import { describeCause, judgementOf, statusOf, withoutEvents } from '../../helpers/cause-tests.ts';
import { dirtying, sceneTrace, throttled } from '../../helpers/scenes.ts';

const ID = 'memcg-dirty-limit';
const GROUP = { dirty: 60, domain: { dirty: 22, limit: 24 }, wb_dirty: 22, wb_setpoint: 20 };

describeCause(ID, {
  found: {
    scene: sceneTrace([...throttled(GROUP), ...dirtying({ mib: 60, until_s: 9 })]),
    victims: ['writer'],
    bdi: '7:0',
    lost_s: 7.2,
    culprits: ['memory.high or memory.max of the cgroup'],
    summary: /of a cgroup: 22\sMiB dirty of its 24\sMiB, while the machine had 60\sMiB/,
  },
  clear: sceneTrace(throttled({})),
});

test('a few folios between the reading and the event are no cgroup', () => {
  const near = { dirty: 220, domain: { dirty: 221, limit: 256 } };
  expect(statusOf(sceneTrace(throttled(near)), ID)).toBe('clear');
});

test('pauses without a reading of their own tell nothing', () => {
  const trace = sceneTrace([
    ...throttled({ ...GROUP, sampled: false }),
    ...throttled({ pid: 5, comm: 'other', pause_ms: 0 }),
  ]);
  expect(statusOf(trace, ID)).toBe('unknown');
});

test('who dirtied how much makes it surer', () => {
  const scene = sceneTrace([...throttled(GROUP), ...dirtying({ mib: 60 })]);
  const bare = withoutEvents(scene, ['writeback_dirty_folio']);
  const [more, less] = [scene, bare].map((trace) => judgementOf(trace, ID).ranked?.confidence);
  expect(less).toBeLessThan(more ?? 0);
});
