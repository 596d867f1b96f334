import { expect, test } from 'vitest';
import { describeCause, judgementOf, statusOf } from '../../helpers/cause-tests.ts';
import { commit, dirtying, flushing, fsync, readings, sceneTrace } from '../../helpers/scenes.ts';

const ID = 'journal-commit';
const waiting = [
  ...readings({ written_mibps: 40 }),
  ...dirtying({ mib: 200, pid: 100, comm: 'copier', until_s: 2 }),
  ...fsync({ from_s: 3, for_s: 2 }),
];

describeCause(ID, {
  found: {
    scene: sceneTrace([...waiting, ...commit({ from_s: 3.05, for_s: 1.9, data_s: 1.8 })]),
    victims: ['db'],
    bdi: '7:0',
    lost_s: 2,
    culprits: ['copier (pid 100)'],
    summary: /95% of it in commits of the journal, which first wrote the data of other files/,
  },
  clear: sceneTrace([
    ...readings({}),
    ...fsync({ from_s: 3, for_s: 0.02 }),
    ...commit({ from_s: 3, for_s: 0.01 }),
  ]),
});

test('without data that it orders, the journal itself took long', () => {
  const { found } = judgementOf(
    sceneTrace([...waiting, ...commit({ from_s: 3.05, for_s: 1.9 })]),
    ID,
  );
  expect(found?.summary).not.toContain('other files');
  expect(found?.advice.map(({ command }) => command).join()).not.toContain('delalloc');
});

test('a commit that queues behind the flusher’s data is not the cause', () => {
  const scene = sceneTrace([
    ...waiting,
    ...commit({ from_s: 3.05, for_s: 1.9 }),
    ...flushing({ from_s: 3, for_s: 1.9, mib: 76, reason: 'background' }),
  ]);
  expect(statusOf(scene, ID)).toBe('clear');
  expect(statusOf(scene, 'fsync-behind-bulk-writeback')).toBe('found');
});

test('a commit on another device explains nothing here', () => {
  const elsewhere = sceneTrace([
    ...readings({ written_mibps: 40 }),
    ...fsync({ from_s: 3, for_s: 2, bdi: '8:0' }),
    ...commit({ from_s: 3.05, for_s: 1.9, data_s: 1.8 }),
  ]);
  expect(statusOf(elsewhere, ID)).toBe('clear');
});
