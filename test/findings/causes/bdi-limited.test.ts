import { expect, test } from 'vitest';
import { describeCause, judgementOf } from '../../helpers/cause-tests.ts';
import { dirtying, sceneTrace, throttled } from '../../helpers/scenes.ts';

const ID = 'bdi-limited';
/** The machine is far below free run (192 MiB); the bdi may hold 18 MiB. */
const STRICT = { dirty: 17, wb_setpoint: 9, wb_dirty: 17 };

describeCause(ID, {
  found: {
    scene: sceneTrace([...throttled(STRICT), ...dirtying({ mib: 60, until_s: 9 })]),
    victims: ['writer'],
    bdi: '7:0',
    lost_s: 7.2,
    culprits: ['/sys/class/bdi/7:0/strict_limit', 'writer (pid 110)'],
    summary: /strict_limit of bdi 7:0: it may hold 10\.3\sMiB while the machine had 17\sMiB dirty/,
  },
  clear: sceneTrace(throttled({})),
});

test('max_ratio above free run, where meta.json has it', () => {
  const host = { bdi: { '7:0': { max_ratio: '4' } } };
  const capped = { dirty: 210, wb_setpoint: 9, wb_dirty: 12 };
  const { found } = judgementOf(sceneTrace(throttled(capped), { host }), ID);
  expect(found?.culprits[0]?.name).toBe('/sys/class/bdi/7:0/max_ratio');
  expect(found?.numbers.find(({ unit }) => unit === 'percent')?.value).toBe(4);
});

test('a part of zero (FUSE at first, up to 6.13) is said, also without thresholds', () => {
  const fuse = { bdi: '0:51', dirty: 2, wb_setpoint: 0, wb_dirty: 1, pause_ms: 4, every_ms: 8 };
  const short = { from_s: 0.001, until_s: 0.03, sampled: false };
  const trace = sceneTrace(throttled({ ...fuse, ...short }), { end_s: 0.032 });
  const { found, ranked } = judgementOf(trace, ID);
  expect(found?.summary).toContain('wb_thresh) is 0');
  expect(found?.advice[0]?.command).toBe('echo 1 > /sys/class/bdi/0:51/min_ratio');
  // Half of so short an excerpt: nothing in it could last longer.
  expect(ranked?.severity).toBe('critical');
  expect(ranked?.confidence).toBeLessThan(0.8);
});

test('free run follows from the setpoint where no reading was paired', () => {
  const { found } = judgementOf(sceneTrace(throttled({ ...STRICT, sampled: false })), ID);
  expect(found?.numbers[0]).toMatchObject({ relation: '≤', threshold: 192 * 2 ** 20 });
});
