import { expect, test } from 'vitest';
import { describeCause, judgementOf, statusOf } from '../../helpers/cause-tests.ts';
import { flushing, sceneTrace, throttled } from '../../helpers/scenes.ts';

const ID = 'btree-gate-livelock';
const BTRFS = { bdi: 'btrfs-1', ino: 1, reason: 'background', for_s: 0.01 };
const turns = (mib: number) =>
  Array.from({ length: 8 }, (_, nth) =>
    flushing({ ...BTRFS, from_s: 1.1 + nth, mib, state_after: 'I_SYNC|I_DIRTY_PAGES' }),
  ).flat();
const paused = (dirty: number) =>
  throttled({ bdi: 'btrfs-1', dirty: 60, domain: { dirty, limit: dirty + 2 }, wb_dirty: dirty });

describeCause(ID, {
  found: {
    scene: sceneTrace([...turns(0), ...paused(22)]),
    victims: ['writer'],
    bdi: 'btrfs-1',
    lost_s: 6.6,
    within_s: 0.4,
    culprits: ['btree_writepages'],
    summary: /turned to its metadata 8\stimes and wrote none of it: 22\sMiB is below the 32\sMiB/,
  },
  clear: sceneTrace([...turns(4), ...paused(22)]),
  notApplicable: sceneTrace([
    ...flushing({ from_s: 1, for_s: 1, mib: 4, reason: 'background' }),
    ...throttled({}),
  ]),
});

test('it is surer below the gate than above', () => {
  const confidence = (dirty: number) =>
    judgementOf(sceneTrace([...turns(0), ...paused(dirty)]), ID).ranked?.confidence ?? 0;
  expect(confidence(22)).toBeGreaterThan(confidence(40));
});

test('turns without pauses cost nobody time', () => {
  const calm = throttled({ bdi: 'btrfs-1', pause_ms: 0 });
  expect(statusOf(sceneTrace([...turns(0), ...calm]), ID)).toBe('clear');
});
