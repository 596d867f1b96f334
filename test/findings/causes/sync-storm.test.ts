import { expect, test } from 'vitest';
import { describeCause, judgementOf } from '../../helpers/cause-tests.ts';
import { dirtying, flushing, readings, sceneTrace, sync } from '../../helpers/scenes.ts';

const ID = 'sync-storm';
const writing = [
  ...readings({ dirty: 200, written_mibps: 40 }),
  ...dirtying({ mib: 200, pid: 100, comm: 'writer' }),
  ...flushing({ from_s: 2, for_s: 4, mib: 160, reason: 'sync' }),
];

describeCause(ID, {
  found: {
    scene: sceneTrace([
      ...writing,
      ...sync({ from_s: 2, for_s: 4, pid: 301 }),
      ...sync({ from_s: 2.2, for_s: 3.8, pid: 302 }),
      ...sync({ from_s: 2.4, for_s: 3.6, pid: 303 }),
    ]),
    victims: ['sync'],
    lost_s: 11.4,
    culprits: ['sync (pid 301)', 'sync (pid 302)', 'sync (pid 303)'],
    summary: /sync \(pid 301\) and 2 more lost 11\.4\ss in 3\scalls of sync \(3 at once\)/,
  },
  clear: sceneTrace([...readings({}), ...sync({ from_s: 2, for_s: 0.03 })]),
});

test('a single call is less sure', () => {
  const { found } = judgementOf(sceneTrace([...writing, ...sync({ from_s: 2, for_s: 4 })]), ID);
  expect(found?.confidence).toBe(0.75);
  expect(found?.confidence_reasons).toContain('It was a single call.');
});

test('nothing dirty: something else held the call up', () => {
  const { found } = judgementOf(
    sceneTrace([...readings({ dirty: 0 }), ...sync({ from_s: 2, for_s: 4 })]),
    ID,
  );
  expect(found?.counter_evidence[0]?.result).toBe('against');
  expect(found?.confidence).toBeLessThan(0.5);
});

test('how much was dirty is left out where it was not recorded', () => {
  const { found } = judgementOf(sceneTrace(sync({ from_s: 2, for_s: 4 })), ID);
  expect(found?.summary).not.toContain('dirty');
  expect(found?.numbers.map(({ name }) => name)).toEqual(['calls at the same time']);
});
