import { expect, test } from 'vitest';
import { describeCause, judgementOf, statusOf } from '../../helpers/cause-tests.ts';
import { dirtying, fsync, readings, sceneTrace, sync } from '../../helpers/scenes.ts';

const ID = 'metadata-dirty-flood';
const METADATA = { bdi: 'btrfs-1', ino: 1, pid: 100, comm: 'creator' };
const FILES = { bdi: 'btrfs-1', ino: 300, pid: 101, comm: 'copier' };
const scene = (metadata: number, files: number) =>
  sceneTrace([
    ...readings({ dirty: 60 }),
    ...dirtying({ ...METADATA, mib: metadata, single: true, until_s: 2 }),
    ...dirtying({ ...FILES, mib: files, until_s: 2 }),
    ...sync({ from_s: 2, for_s: 3, pid: 100, comm: 'creator' }),
  ]);

describeCause(ID, {
  found: {
    scene: scene(4, 1),
    victims: ['creator'],
    bdi: 'btrfs-1',
    lost_s: 3,
    culprits: ['creator (pid 100)', 'inode 1 on btrfs-1'],
    summary: /80% of the 5\sMiB that became dirty was metadata of bdi btrfs-1/,
  },
  clear: scene(1, 40),
});

test('buffers of a block device are metadata, too; inode 1 of another bdi is a file', () => {
  const on = (bdi: string, ino: number) =>
    statusOf(
      sceneTrace([
        ...dirtying({ bdi, ino, mib: 2, single: true }),
        ...sync({ from_s: 2, for_s: 3 }),
      ]),
      ID,
    );
  expect(on('7:0', 7 * 2 ** 20)).toBe('found');
  // Kernels before 5.18 print no number for it.
  expect(on('7:0', 0)).toBe('found');
  expect(on('7:0', 1)).toBe('clear');
  expect(on('0:40', 0)).toBe('clear');
});

test('what a sync before has written counts no more', () => {
  const later = sceneTrace([
    ...dirtying({ ...METADATA, mib: 4, single: true, until_s: 1 }),
    ...sync({ from_s: 1.5, for_s: 1, pid: 5, comm: 'cron' }),
    ...dirtying({ ...FILES, mib: 3, from_s: 2.6, until_s: 3 }),
    ...fsync({ from_s: 4, for_s: 2, ino: 300, bdi: '0:40' }),
  ]);
  expect(judgementOf(later, ID).victims.map(({ comm }) => comm)).toEqual(['cron']);
});
