import { expect, test } from 'vitest';
import { describeCause, judgementOf, statusOf } from '../../helpers/cause-tests.ts';
import { flushing, fsync, sceneTrace, sync } from '../../helpers/scenes.ts';

const ID = 'flusher-starved';
const SYNC = { pid: 300, comm: 'sync' };
const late = (asked_s: number) => [
  ...sync({ from_s: 1, for_s: 4 }),
  ...flushing({ asked_s, asker: SYNC, from_s: 4, for_s: 0.9, mib: 10, reason: 'sync' }),
];

describeCause(ID, {
  found: {
    scene: sceneTrace(late(1.001)),
    victims: ['sync'],
    bdi: '7:0',
    lost_s: 3,
    culprits: ['flusher of bdi 7:0'],
    summary: /Writeback of bdi 7:0 \(sync\) began 3\ss after it was asked for/,
  },
  clear: sceneTrace(late(3.9)),
});

test('work that had not begun when the capture ended', () => {
  const rows = late(1.001).filter(({ event }) => !/_(?:exec|start|written|inode)$/.test(event));
  const silent = ['writeback_exec', 'writeback_start'];
  const { status, summary, victims } = judgementOf(sceneTrace(rows, { silent }), ID);
  expect(status).toBe('found');
  expect(summary).toMatch(/had not begun when the capture ended, 9\ss after it was asked for/);
  expect(victims).toMatchObject([{ comm: 'sync', time_lost_s: expect.closeTo(4, 1) }]);
  // In text it cannot be told whether they were recorded.
  expect(statusOf(sceneTrace(rows), ID)).toBe('unknown');
});

test('waits on another bdi, and those of threads of the kernel, are not its', () => {
  const rows = [
    ...fsync({ from_s: 1, for_s: 2, bdi: '8:0' }),
    ...fsync({ from_s: 1, for_s: 2, pid: 7, comm: 'kworker/0:1' }),
    ...flushing({ asked_s: 1, from_s: 3, for_s: 1, mib: 10, reason: 'background' }),
  ];
  expect(judgementOf(sceneTrace(rows), ID).victims).toEqual([]);
});

test('what waits behind another work is not starved, as long as that is being done', () => {
  const first = (to_s: number) =>
    flushing({ asked_s: 1, from_s: 1.001, for_s: to_s - 1.001, mib: 500, reason: 'sync' });
  expect(statusOf(sceneTrace([...first(3.999), ...late(1.002)]), ID)).toBe('clear');
  const { status, victims } = judgementOf(sceneTrace([...first(2), ...late(1.002)]), ID);
  expect(status).toBe('found');
  const waited = victims?.find(({ comm }) => comm === SYNC.comm);
  expect(waited?.time_lost_s).toBeCloseTo(2, 1);
});
