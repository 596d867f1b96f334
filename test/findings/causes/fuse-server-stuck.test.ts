import { expect, test } from 'vitest';
import { describeCause, judgementOf, statusOf } from '../../helpers/cause-tests.ts';
import { fuseRequest, sceneTrace, throttled } from '../../helpers/scenes.ts';

const ID = 'fuse-server-stuck';
/** Ten quick requests, one that is answered late, ten quick ones. */
const served = (late_s: number, task = {}) => [
  ...Array.from({ length: 10 }, (_, nth) =>
    fuseRequest({ at_s: 1 + nth / 10, for_s: 0.001, unique: 2 * nth }),
  ).flat(),
  ...fuseRequest({ at_s: 2.5, for_s: late_s, unique: 100, ...task }),
  ...Array.from({ length: 10 }, (_, nth) =>
    fuseRequest({ at_s: 8.6 + nth / 10, for_s: 0.001, unique: 200 + 2 * nth }),
  ).flat(),
];

describeCause(ID, {
  found: {
    scene: sceneTrace(served(6)),
    victims: ['reader'],
    lost_s: 6,
    culprits: ['FUSE connection 0:39'],
    summary: /connection 0:39 answered nothing for 6\ss while 1\srequest waited/,
  },
  clear: sceneTrace(served(0.2)),
});

test('the window is the silence', () => {
  const { found } = judgementOf(sceneTrace(served(6)), ID);
  expect(found?.window_ns).toEqual([2.5e9, 8.5e9]);
});

test('no answer until the capture ends', () => {
  const rows = [...served(0.001).slice(0, 20), ...fuseRequest({ at_s: 3, unique: 99 })];
  const { found } = judgementOf(sceneTrace(rows), ID);
  expect(found?.summary).toContain('until the capture ended');
});

test('a server that never answered: only where the event is known to have been recorded', () => {
  const rows = fuseRequest({ at_s: 3, unique: 99 });
  expect(statusOf(sceneTrace(rows), ID)).toBe('unknown');
  expect(statusOf(sceneTrace(rows, { silent: ['fuse_request_end'] }), ID)).toBe('found');
});

test('a slow server is not stuck', () => {
  const slow = Array.from({ length: 9 }, (_, nth) =>
    fuseRequest({ at_s: 0.5 + nth, for_s: 0.7, unique: nth }),
  ).flat();
  expect(statusOf(sceneTrace(slow), ID)).toBe('clear');
});

test('a request that waits by nature, and one that the flusher sent, keep nobody waiting', () => {
  expect(statusOf(sceneTrace(served(6, { opcode: 'FUSE_SETLKW' })), ID)).toBe('clear');
  const flusher = judgementOf(sceneTrace(served(6, { pid: 7, comm: 'kworker/u4:2' })), ID);
  expect(flusher.victims).toEqual([]);
});

test('writers that its bdi paused meanwhile waited for it, too', () => {
  const paused = throttled({ bdi: '0:39', dirty: 30, from_s: 3, until_s: 8 });
  const { victims } = judgementOf(sceneTrace([...served(6), ...paused]), ID);
  expect(victims.map(({ comm }) => comm)).toEqual(['reader', 'writer']);
});

test('silence across a loss is no silence', () => {
  const losses = [{ cpu: 0, from_ns: 4e9, ts_ns: 5e9, count: 1 }];
  expect(statusOf(sceneTrace(served(6), { losses }), ID)).toBe('clear');
});
