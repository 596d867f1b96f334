import { expect, test } from 'vitest';
import { describeCause, judgementOf } from '../../helpers/cause-tests.ts';
import { dirtying, flushing, fsync, readings, sceneTrace } from '../../helpers/scenes.ts';

const ID = 'periodic-flush-burst';
const burst = (works: readonly { reason: string; mib: number }[]) => [
  ...readings({ written_mibps: 40 }),
  ...dirtying({ mib: 300, pid: 100, comm: 'logger', until_s: 2 }),
  ...fsync({ from_s: 3, for_s: 4 }),
  ...works.flatMap((work, nth) => flushing({ from_s: 3 + nth, for_s: 1, ...work })),
];

describeCause(ID, {
  found: {
    scene: sceneTrace(
      burst([
        { reason: 'periodic', mib: 150 },
        { reason: 'background', mib: 20 },
      ]),
      { host: { sysctl: { 'vm.dirty_expire_centisecs': '600' } } },
    ),
    victims: ['db'],
    bdi: '7:0',
    lost_s: 4,
    culprits: ['vm.dirty_expire_centisecs, vm.dirty_background_bytes', 'logger (pid 100)'],
    summary: /behind periodic writeback, which wrote 150\sMiB that was 6\ss old in one burst/,
  },
  clear: sceneTrace([
    ...burst([{ reason: 'periodic', mib: 4 }]).filter(({ pid }) => pid !== 200),
    ...fsync({ from_s: 3, for_s: 0.02 }),
  ]),
});

test('mostly background writeback is not a burst of old data', () => {
  const scene = sceneTrace(
    burst([
      { reason: 'periodic', mib: 20 },
      { reason: 'background', mib: 150 },
    ]),
  );
  expect(judgementOf(scene, ID).status).toBe('clear');
});
