import { expect, test } from 'vitest';
import { describeCause, judgementOf, statusOf } from '../../helpers/cause-tests.ts';
import { dirtying, sceneTrace, throttled } from '../../helpers/scenes.ts';

const ID = 'dirty-limit-too-small';
const TINY = { thresh: 8, background: 4, dirty: 7, pause_ms: 10, every_ms: 20 };

describeCause(ID, {
  found: {
    scene: sceneTrace([
      ...throttled({ ...TINY, written_mibps: 300 }),
      ...dirtying({ mib: 2400, from_s: 1, until_s: 9 }),
    ]),
    victims: ['writer'],
    bdi: '7:0',
    lost_s: 4,
    culprits: ['vm.dirty_bytes or vm.dirty_ratio', 'writer (pid 110)'],
    summary: /the limit is 8\sMiB, which the device writes in 26\.7\sms at 300\sMiB\/s/,
  },
  clear: sceneTrace(throttled({})),
});

test('the same limit on a device as slow as that is the device’s fault', () => {
  expect(statusOf(sceneTrace(throttled({ ...TINY, written_mibps: 1 })), ID)).toBe('clear');
});

test('the setting that is too small is named where meta.json tells', () => {
  const host = { sysctl: { 'vm.dirty_bytes': String(8 * 2 ** 20) } };
  const { found } = judgementOf(
    sceneTrace(throttled({ ...TINY, written_mibps: 300 }), { host }),
    ID,
  );
  expect(found?.culprits[0]?.name).toBe('vm.dirty_bytes');
});

test('how fast the device writes must be known', () => {
  const bare = sceneTrace(throttled({ ...TINY, sampled: false }));
  expect(statusOf(bare, ID)).toBe('unknown');
});

test('an estimate of when the device was faster does not make it fast', () => {
  const slow = throttled({ thresh: 80, background: 40, dirty: 70, written_mibps: 35 });
  const estimates = Array.from({ length: 9 }, (_, at) => ({
    event: 'bdi_dirty_ratelimit',
    ts_ns: (at + 0.5) * 1e9,
    pid: 100,
    bdi: '7:0',
    avg_write_bw_kibps: 270_000 - at * 20_000,
  }));
  expect(statusOf(sceneTrace([...slow, ...estimates]), ID)).toBe('clear');
});
