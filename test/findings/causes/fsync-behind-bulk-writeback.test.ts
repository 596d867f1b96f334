import { expect, test } from 'vitest';
import { describeCause, judgementOf, statusOf } from '../../helpers/cause-tests.ts';
import { commit, dirtying, flushing, fsync, readings, sceneTrace } from '../../helpers/scenes.ts';

const ID = 'fsync-behind-bulk-writeback';
const DB = { ino: 50, pid: 200, comm: 'db' };
const behind = (reason: string) => [
  ...readings({ written_mibps: 40 }),
  ...dirtying({ mib: 1, ...DB, single: true, from_s: 2.5, until_s: 2.9 }),
  ...dirtying({ mib: 300, pid: 100, comm: 'backup', until_s: 2 }),
  ...fsync({ from_s: 3, for_s: 4 }),
  ...flushing({ from_s: 2.9, for_s: 4, mib: 160, reason }),
  ...commit({ from_s: 6.9, for_s: 0.05 }),
];

describeCause(ID, {
  found: {
    scene: sceneTrace(behind('background')),
    victims: ['db'],
    bdi: '7:0',
    lost_s: 4,
    culprits: ['backup (pid 100)', 'inode 12 on 7:0'],
    summary: /db \(pid 200\) lost 4\ss in 1\sfsync on bdi 7:0: .* for 1\sMiB of its own/,
  },
  clear: sceneTrace([...readings({}), ...fsync({ from_s: 3, for_s: 0.01 })]),
});

test('the same data written for its age is a periodic burst', () => {
  expect(statusOf(sceneTrace(behind('periodic')), ID)).toBe('clear');
  expect(statusOf(sceneTrace(behind('periodic')), 'periodic-flush-burst')).toBe('found');
});

test('a commit that took most of the wait, with no flusher at work, is the journal’s', () => {
  const scene = sceneTrace([
    ...readings({ written_mibps: 40 }),
    ...dirtying({ mib: 1, ...DB, single: true }),
    ...fsync({ from_s: 3, for_s: 4 }),
    ...commit({ from_s: 3.1, for_s: 3.8, data_s: 3.5 }),
  ]);
  expect(statusOf(scene, ID)).toBe('clear');
  expect(statusOf(scene, 'journal-commit')).toBe('found');
});

test('the file’s own data is nobody else’s fault', () => {
  const own = sceneTrace([
    ...readings({ written_mibps: 40 }),
    ...dirtying({ mib: 150, ...DB }),
    ...fsync({ from_s: 3, for_s: 4 }),
    ...flushing({ from_s: 3, for_s: 4, mib: 150, ino: 50, reason: 'background' }),
  ]);
  expect(statusOf(own, ID)).toBe('clear');
  expect(judgementOf(own, 'device-slower-than-writers').victims[0]?.comm).toBe('db');
});

test('when nothing tells what was written meanwhile, it cannot be told', () => {
  const { status, summary } = judgementOf(sceneTrace(fsync({ from_s: 3, for_s: 4 })), ID);
  expect(status).toBe('unknown');
  expect(summary).toMatch(/^1\sfsync took 4\ss, and nothing recorded tells/);
});

test('a sync that ends as the next one begins is one wait each', () => {
  const two = sceneTrace([...behind('background'), ...fsync({ from_s: 7, for_s: 0.2 })]);
  const { found, victims } = judgementOf(two, ID);
  expect(found?.summary).toContain('the longest took 4\u00a0s');
  expect(victims).toMatchObject([{ comm: 'db', time_lost_s: expect.closeTo(4.2, 2) }]);
});
