import { expect, test } from 'vitest';
import { describeCause, judgementOf } from '../../helpers/cause-tests.ts';
import { reclaiming, sceneTrace } from '../../helpers/scenes.ts';
import type { EventRow } from '../../helpers/trace-builder.ts';

const ID = 'shrinker-stall';
const shrinking = (for_s: number, task = {}): EventRow[] => {
  const call = { pid: 400, comm: 'eater', shrink: 'xfs_buftarg_shrink_scan', ...task };
  return [
    { event: 'mm_shrink_slab_start', ts_ns: 2.1e9, ...call },
    { event: 'mm_shrink_slab_end', ts_ns: 2.1e9 + for_s * 1e9, ...call, retval: 128 },
  ];
};
const reclaim = reclaiming({ from_s: 2, for_s: 3, dirty: 0 });

describeCause(ID, {
  found: {
    scene: sceneTrace([...reclaim, ...shrinking(2.5)]),
    victims: ['eater'],
    lost_s: 2.5,
    culprits: ['xfs_buftarg_shrink_scan'],
    summary: /lost 2\.5\ss inside of 1\sshrinker; xfs_buftarg_shrink_scan took 2\.5\ss at once/,
  },
  clear: sceneTrace([...reclaim, ...shrinking(0.001)]),
});

test('kswapd inside of a shrinker keeps nobody waiting', () => {
  const kswapd = shrinking(2.5, { pid: 45, comm: 'kswapd0' });
  expect(judgementOf(sceneTrace(kswapd), ID).status).toBe('clear');
});

test('the rest of the reclaim around it is not claimed', () => {
  const { ranked } = judgementOf(sceneTrace([...reclaim, ...shrinking(1)]), ID);
  expect(ranked?.claimed_s).toBeCloseTo(1, 3);
});
