import { expect, test } from 'vitest';
import { describeCause, judgementOf, statusOf } from '../../helpers/cause-tests.ts';
import { dirtying, flushing, reclaiming, sceneTrace } from '../../helpers/scenes.ts';

const ID = 'memcg-reclaim-dirty';
const GROUP = { kind: 'memcg', from_s: 2, for_s: 3, scanned: 100 } as const;
const woken = flushing({ from_s: 2.1, for_s: 1, mib: 8, reason: 'vmscan' });

describeCause(ID, {
  found: {
    scene: sceneTrace([
      ...reclaiming({ ...GROUP, dirty: 60 }),
      ...woken,
      ...dirtying({ mib: 90, comm: 'eater', pid: 400 }),
    ]),
    victims: ['eater'],
    bdi: '7:0',
    lost_s: 3,
    culprits: ['eater (pid 400)'],
    summary: /A cgroup is at its memory limit: reclaim met 60\sMiB dirty among 100\sMiB/,
  },
  clear: sceneTrace([...reclaiming({ ...GROUP, dirty: 1 }), ...woken]),
});

test('what direct reclaim met is not the cgroup’s', () => {
  const direct = sceneTrace([
    ...reclaiming({ ...GROUP, kind: 'direct', dirty: 60 }),
    ...reclaiming({ ...GROUP, from_s: 6, dirty: 0 }),
  ]);
  expect(statusOf(direct, ID)).toBe('clear');
  expect(statusOf(direct, 'global-reclaim-dirty')).toBe('found');
});

test('throttled reclaim inside of it is claimed with it', () => {
  const throttled = {
    event: 'mm_vmscan_throttled',
    ts_ns: 4e9,
    pid: 400,
    comm: 'eater',
    usec_timeout_us: 100_000,
    usec_delayed_us: 100_000,
    reason: 'VMSCAN_THROTTLE_WRITEBACK',
  };
  const { ranked, victims } = judgementOf(
    sceneTrace([...reclaiming({ ...GROUP, dirty: 60 }), throttled]),
    ID,
  );
  expect(ranked?.claimed_s).toBeCloseTo(3, 3);
  expect(victims).toMatchObject([{ comm: 'eater', stalls: 1 }]);
});
