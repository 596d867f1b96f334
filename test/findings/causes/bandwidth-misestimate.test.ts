import { expect, test } from 'vitest';
import { describeCause, judgementOf, statusOf } from '../../helpers/cause-tests.ts';
import { level, sceneTrace, throttled } from '../../helpers/scenes.ts';

const ID = 'bandwidth-misestimate';

/** Busy for half a second at 200 MiB/s, then idle while its writer is held to 1 MiB/s. */
const idle = (rate_kibps: number, writeback = 0) => [
  ...Array.from({ length: 6 }, (_, nth) =>
    level(nth / 10, { dirty: 10, writeback: 20, written: nth * 20 }),
  ),
  ...throttled({ dirty: 200, writeback, rate_kibps, written_mibps: 100 }),
];

describeCause(ID, {
  found: {
    scene: sceneTrace(idle(1024)),
    victims: ['writer'],
    bdi: '7:0',
    lost_s: 7.2,
    culprits: ['7:0'],
    summary: /while nothing was under writeback: held to 1\sMiB\/s, although the device writes/,
  },
  clear: sceneTrace(idle(190 * 1024)),
});

test('a device at work is no misestimate, however slow it is', () => {
  expect(statusOf(sceneTrace(idle(1024, 100)), ID)).toBe('clear');
});

test('its stalls are taken from the device that is slower than its writers', () => {
  const judgement = judgementOf(sceneTrace(idle(1024)), 'device-slower-than-writers');
  expect(judgement.ranked).toMatchObject({ own_s: 0, explained_by: ID, severity: 'info' });
});

test('a device that was never seen busy has no known speed', () => {
  expect(statusOf(sceneTrace(throttled({ writeback: 0 })), ID)).toBe('unknown');
});
