import { expect, test } from 'vitest';
import { describeCause, judgementOf, statusOf } from '../../helpers/cause-tests.ts';
import { dirtying, level, sceneTrace, throttled } from '../../helpers/scenes.ts';

const ID = 'dirtyable-memory-collapse';
const PERCENT = {
  sysctl: {
    'vm.dirty_bytes': '0',
    'vm.dirty_ratio': '20',
    'vm.dirty_background_bytes': '0',
    'vm.dirty_background_ratio': '10',
  },
};

/** Both thresholds sink together, a little at each reading, then a writer is paused. */
const sinking = (to: number) => {
  const at = (nth: number) => 500 - ((500 - to) * nth) / 100;
  return [
    ...Array.from({ length: 100 }, (_, nth) =>
      level(nth / 25, { thresh: at(nth), background: at(nth) / 2, dirty: 100 }),
    ),
    ...throttled({ thresh: to, background: to / 2, dirty: to * 0.9, from_s: 4, until_s: 9 }),
    ...dirtying({ mib: 100, until_s: 9 }),
  ];
};

describeCause(ID, {
  found: {
    scene: sceneTrace(sinking(120), { host: PERCENT }),
    victims: ['writer'],
    bdi: '7:0',
    lost_s: 4.5,
    culprits: ['vm.dirty_ratio'],
    summary: /sank from 500\sMiB to 120\sMiB with the memory/,
  },
  clear: sceneTrace(sinking(450), { host: PERCENT }),
  notApplicable: sceneTrace(throttled({}), {
    host: {
      sysctl: {
        'vm.dirty_bytes': String(256 * 2 ** 20),
        'vm.dirty_background_bytes': String(128 * 2 ** 20),
      },
    },
  }),
});

test('it comes before the small limit that it leads to', () => {
  const { found } = judgementOf(sceneTrace(sinking(120), { host: PERCENT }), ID);
  expect(found?.advice[0]?.command).toBe(`sysctl -w vm.dirty_bytes=${500 * 2 ** 20}`);
  expect(statusOf(sceneTrace(sinking(120), { host: PERCENT }), 'threshold-lowered')).toBe('clear');
});
