import { expect, test } from 'vitest';
import { describeCause, judgementOf } from '../../helpers/cause-tests.ts';
import { level, PAGES_PER_MIB, sceneTrace, throttled } from '../../helpers/scenes.ts';

const ID = 'counter-underflow';
const BELOW = -37665 / PAGES_PER_MIB;
const UNDER = { domain: { dirty: BELOW, limit: 900 }, dirty: 40, wb_dirty: 1 };

describeCause(ID, {
  found: {
    scene: sceneTrace(throttled(UNDER)),
    victims: ['writer'],
    lost_s: 7.2,
    culprits: ['balance_dirty_pages dirty_pages'],
    // As the kernel printed it: 2^64 - 37665.
    summary: /40\sevents carry .*dirty_pages = 18446744073709513951, which is -37,665 pages/,
  },
  clear: sceneTrace(throttled({})),
});

test('one event is enough, even as the last of a capture, where its pause shows no time', () => {
  const pause = throttled({ ...UNDER, from_s: 1, until_s: 1.1, sampled: false });
  const trace = sceneTrace(pause, { end_s: 1 });
  const { ranked, summary } = judgementOf(trace, ID);
  expect(ranked).toMatchObject({ severity: 'warning' });
  expect(summary).toMatch(/1\sevent carries .* was told to sleep 180\sms for it/);
});

test('a counter that nobody was paused by is a notice', () => {
  const trace = sceneTrace([
    level(1, { writeback: -3 / PAGES_PER_MIB }),
    ...throttled({ pause_ms: 0 }),
  ]);
  const { ranked, summary, victims } = judgementOf(trace, ID);
  expect(ranked?.severity).toBe('notice');
  expect(victims).toEqual([]);
  expect(summary).toMatch(/nr_writeback_pages = 18446744073709551613.*nobody was paused by it/);
});

test('its pauses are not blamed on the bdi', () => {
  expect(judgementOf(sceneTrace(throttled(UNDER)), 'bdi-limited').status).toBe('clear');
});
