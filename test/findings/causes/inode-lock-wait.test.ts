import { expect, test } from 'vitest';
import { describeCause, judgementOf } from '../../helpers/cause-tests.ts';
import { flushing, sceneTrace, throttled } from '../../helpers/scenes.ts';
import type { EventRow } from '../../helpers/trace-builder.ts';

const ID = 'inode-lock-wait';
const writing = flushing({ from_s: 1.9, for_s: 2.1, mib: 80, reason: 'background' });
const call = (for_s: number, touches: boolean): EventRow[] => {
  const task = { pid: 100, comm: 'logger' };
  return [
    { event: 'sys_enter_write', ts_ns: 2e9, ...task, fd: 3 },
    ...(touches
      ? [
          {
            event: 'writeback_mark_inode_dirty',
            ts_ns: 2e9 + for_s * 1e9 - 1e4,
            ...task,
            bdi: '7:0',
            ino: 12n,
            flags: 'I_DIRTY_SYNC',
          },
        ]
      : []),
    { event: 'sys_exit_write', ts_ns: 2e9 + for_s * 1e9, ...task, ret: 100 },
  ];
};

describeCause(ID, {
  found: {
    scene: sceneTrace([...writing, ...call(2, true)]),
    victims: ['logger'],
    bdi: '7:0',
    lost_s: 2,
    culprits: ['inode 12 on bdi 7:0'],
    summary: /1\swait for an inode under writeback cost 2\ss; .*logger \(pid 100\) for inode 12/,
  },
  clear: sceneTrace([...writing, ...call(0.001, true)]),
  unknown: sceneTrace(writing),
});

test('it is a conclusion, and says so', () => {
  const { found } = judgementOf(sceneTrace([...writing, ...call(2, true)]), ID);
  expect(found?.confidence).toBeLessThan(0.8);
  expect(found?.confidence_reasons[0]).toContain('concluded');
});

test('a call that is explained by pauses is none', () => {
  const paused = throttled({ pid: 100, comm: 'logger', from_s: 2.001, until_s: 4, pause_ms: 199 });
  expect(judgementOf(sceneTrace([...writing, ...call(2, true), ...paused]), ID).status).toBe(
    'clear',
  );
});
