import { expect, test } from 'vitest';
import { describeCause, judgementOf, statusOf, withoutEvents } from '../../helpers/cause-tests.ts';
import {
  dirtying,
  flushing,
  fsync,
  readings,
  sceneTrace,
  throttled,
} from '../../helpers/scenes.ts';

const ID = 'device-slower-than-writers';
const SLOW = [...throttled({}), ...dirtying({ mib: 320, until_s: 9 })];

describeCause(ID, {
  found: {
    scene: sceneTrace(SLOW),
    victims: ['writer'],
    bdi: '7:0',
    lost_s: 7.2,
    culprits: ['7:0', 'writer (pid 110)', 'inode 12 on 7:0'],
    summary: /writer \(pid 100\) lost 7\.2\ss on bdi 7:0: the device took 40\sMiB\/s/,
  },
  clear: sceneTrace(throttled({ pause_ms: 0 })),
});

test('a device that is idle meanwhile makes it doubtful', () => {
  const idle = judgementOf(
    sceneTrace([...throttled({ writeback: 0 }), ...dirtying({ mib: 320, until_s: 9 })]),
    ID,
  );
  const busy = judgementOf(sceneTrace(SLOW), ID);
  expect(idle.ranked?.confidence).toBeLessThan(busy.ranked?.confidence ?? 0);
  expect(idle.found?.counter_evidence[0]).toMatchObject({ result: 'against' });
});

test('a few pauses are few, and it says so', () => {
  const { found } = judgementOf(sceneTrace(throttled({ until_s: 1.2 })), ID);
  expect(found?.confidence).toBeLessThan(0.7);
  expect(found?.confidence_reasons[0]).toBe('Only 1\u00a0pause recorded.');
});

test('a sync of much data of its own waits for the device, too', () => {
  const own = sceneTrace([
    ...readings({ written_mibps: 40 }),
    ...dirtying({ mib: 200, ino: 50, pid: 200, comm: 'db' }),
    ...fsync({ from_s: 2, for_s: 5 }),
    ...flushing({ from_s: 2, for_s: 5, mib: 200, ino: 50, reason: 'background' }),
  ]);
  const { found, victims } = judgementOf(own, ID);
  expect(victims).toMatchObject([{ comm: 'db', stalls: 1, bdi: '7:0' }]);
  expect(found?.summary).toMatch(/syncing their own data on bdi 7:0: .* for 200\sMiB/);
});

test('without what could contradict it, it is less sure, and says what is missing', () => {
  const without = (name: string) => judgementOf(withoutEvents(sceneTrace(SLOW), [name]), ID);
  const whole = judgementOf(sceneTrace(SLOW), ID).ranked?.confidence ?? 0;
  expect(without('writeback_dirty_folio').ranked?.confidence).toBeCloseTo(0.9 * whole, 5);
  const reasons = without('global_dirty_state').confidence_reasons.join();
  expect(reasons).toContain('global_dirty_state was not recorded: it would tell whether');
});

test('pauses of a cgroup, of a strict bdi or for the excess of others are not its', () => {
  expect(statusOf(sceneTrace(throttled({ domain: { dirty: 20, limit: 24 } })), ID)).toBe('clear');
  expect(statusOf(sceneTrace(throttled({ dirty: 30 })), ID)).toBe('clear');
});

test('a thread of the kernel that is paused writes for somebody: a loop device, nfsd', () => {
  const loop = sceneTrace(throttled({ comm: 'kworker/u4:3' }));
  expect(judgementOf(loop, ID).victims.map(({ comm }) => comm)).toEqual(['kworker/u4:3']);
});
