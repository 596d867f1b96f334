import { expect, test } from 'vitest';
import { describeCause, judgementOf, statusOf } from '../../helpers/cause-tests.ts';
import { dirtying, sceneTrace, throttled } from '../../helpers/scenes.ts';

const ID = 'slow-bdi-shares-limit';
const FAST = { bdi: '7:1', pid: 101, comm: 'victim', dirty: 210, wb_dirty: 60, wb_setpoint: 200 };
const SLOW = { bdi: '7:0', pid: 100, comm: 'hog', dirty: 210, wb_dirty: 150, wb_setpoint: 24 };
const BOTH = [
  ...throttled(FAST),
  ...throttled({ ...SLOW, from_s: 1.05 }),
  ...dirtying({ mib: 160, pid: 100, comm: 'hog', until_s: 9 }),
];

describeCause(ID, {
  found: {
    scene: sceneTrace(BOTH),
    victims: ['victim'],
    bdi: '7:1',
    lost_s: 7.2,
    culprits: ['7:0', 'hog (pid 100)'],
    summary: /on bdi 7:1, which held only 60\sMiB of its part of 200\sMiB: bdi 7:0 held 150\sMiB/,
  },
  clear: sceneTrace(throttled({})),
});

test('writers of the slow device are paused by their own device, others are victims', () => {
  const { victims } = judgementOf(sceneTrace(BOTH), 'device-slower-than-writers');
  expect(victims.map(({ comm, bdi }) => `${comm} on ${bdi}`)).toEqual(['hog on 7:0']);
});

test('without the holder’s own events, what it dirtied tells who it is', () => {
  const alone = [...throttled(FAST), ...dirtying({ mib: 160, comm: 'hog', until_s: 9 })];
  const { found } = judgementOf(sceneTrace(alone), ID);
  expect(found?.culprits[0]).toMatchObject({ kind: 'bdi', name: '7:0' });
});

test('when nothing tells who holds the excess, it says so', () => {
  const { found } = judgementOf(sceneTrace(throttled(FAST)), ID);
  expect(found?.confidence_reasons).toContain('Which bdi holds the excess could not be told.');
});

test('what the cap would have done counts the pauses that were for other reasons', () => {
  const some = [
    ...throttled({ ...FAST, until_s: 5 }),
    ...throttled({ ...FAST, from_s: 5, wb_dirty: 208 }),
    ...throttled({ ...SLOW, from_s: 1.05 }),
  ];
  const { found } = judgementOf(sceneTrace(some), ID);
  expect(found?.advice[0]?.predicted).toMatch(/^without the excess of the others, 50% of the 40/);
});

test('an excess within the error of a reading makes nobody a victim', () => {
  // Above free run by 0.2 MiB, and others hold 64 pages more than their part.
  const edge = { thresh: 8, background: 4, dirty: 6.2, wb_dirty: 5.85, wb_setpoint: 6.9 };
  const one = { zoneinfo: 'Node 0, zone Normal\n  vm stats threshold: 4\n' };
  const two = { zoneinfo: 'Node 0, zone Normal\n  vm stats threshold: 64\n' };
  const scene = (host: object) => sceneTrace(throttled(edge), { cpus: 2, host });
  expect(statusOf(scene(one), ID)).toBe('found');
  expect(statusOf(scene(two), ID)).toBe('clear');
});
