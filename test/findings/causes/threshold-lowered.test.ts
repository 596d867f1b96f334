import { expect, test } from 'vitest';
import { describeCause, judgementOf } from '../../helpers/cause-tests.ts';
import { dirtying, level, sceneTrace, throttled } from '../../helpers/scenes.ts';

const ID = 'threshold-lowered';
const HIGH = { thresh: 512, background: 256 };
const LOW = { thresh: 64, background: 32 };

/** Readings under the high threshold, then pauses under the low one. */
const lowered = (paused_before: boolean) => [
  ...(paused_before
    ? throttled({ ...HIGH, dirty: 450, from_s: 0.1, until_s: 4.9 })
    : Array.from({ length: 50 }, (_, nth) => level(nth / 10, { ...HIGH, dirty: 55 }))),
  level(5, { ...LOW, dirty: 55, pid: 77, comm: 'sysctl' }),
  ...throttled({ ...LOW, dirty: 55, from_s: 5.1, until_s: 9.9 }),
  ...dirtying({ mib: 200, until_s: 9 }),
];

describeCause(ID, {
  found: {
    scene: sceneTrace(lowered(false)),
    victims: ['writer'],
    bdi: '7:0',
    lost_s: 4.3,
    culprits: ['vm.dirty_bytes', 'sysctl (pid 77), first seen with the new value'],
    summary: /lowered from 512\sMiB to 64\sMiB at 5\ss; from then on writer \(pid 100\) lost/,
  },
  clear: sceneTrace(throttled({})),
});

test('the window begins with the change', () => {
  const { found } = judgementOf(sceneTrace(lowered(false)), ID);
  expect(found?.window_ns[0]).toBe(5e9);
});

test('who was paused as much before was not made to wait by the change', () => {
  const { status, summary } = judgementOf(sceneTrace(lowered(true)), ID);
  expect(status).toBe('clear');
  expect(summary).toMatch(/lowered from 512\sMiB to 64\sMiB, but writers were paused as much/);
});

test('raised is not lowered', () => {
  const raised = sceneTrace([
    ...Array.from({ length: 40 }, (_, nth) => level(nth / 10, { ...LOW, dirty: 40 })),
    ...throttled({ ...HIGH, dirty: 450, from_s: 4.5 }),
  ]);
  expect(judgementOf(raised, ID).status).toBe('clear');
});

test('a change right at the beginning shows little of before', () => {
  const early = sceneTrace([
    ...Array.from({ length: 30 }, (_, nth) => level(nth / 100, { ...HIGH, dirty: 55 })),
    ...throttled({ ...LOW, dirty: 55, from_s: 0.4, until_s: 9 }),
  ]);
  const { found } = judgementOf(early, ID);
  expect(found?.confidence).toBeLessThan(0.8);
  expect(found?.confidence_reasons.join()).toMatch(/^Only \d+\sms before the change/);
});
