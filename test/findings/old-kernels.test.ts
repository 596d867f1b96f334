/**
 * Excerpts such as people send to mailing lists: a few lines of text of an old kernel, without
 * thresholds, without counts. The lines are made here, in the formats of those kernels.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openTrace } from '../../parsers/index.ts';
import type { Diagnosis } from '../../src/findings/diagnose.ts';
import { soundly } from '../helpers/sound-diagnosis.ts';

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'excerpt-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function diagnosed(lines: readonly string[]): Promise<Diagnosis> {
  const path = join(folder, 'excerpt.txt');
  writeFileSync(path, `${lines.join('\n')}\n`);
  return soundly(await openTrace(path));
}

/** balance_dirty_pages as 3.3 to 6.13 print it; the setpoint is that of a limit of 800 MiB. */
function pause(s: number, given: Readonly<Record<string, number | string>> = {}): string {
  const fields = {
    limit: 204800,
    setpoint: 179200,
    dirty: 190000,
    bdi_setpoint: 90000,
    bdi_dirty: 100000,
    dirty_ratelimit: 400,
    task_ratelimit: 360,
    dirtied: 32,
    dirtied_pause: 32,
    paused: 0,
    pause: 100,
    period: 100,
    think: 0,
    ...given,
  };
  const text = Object.entries(fields).map(([key, value]) => `${key}=${value}`);
  const time = (1000 + s).toFixed(6);
  return `    dd-4321  [002] ....  ${time}: balance_dirty_pages: bdi 8:16: ${text.join(' ')}`;
}

describe('pauses', () => {
  test('a counter below zero, in a single line', async () => {
    const below = '18446744073709550000';
    const { verdict } = await diagnosed([pause(0, { dirty: below, task_ratelimit: 0 })]);
    expect(verdict.root_cause).toBe('counter-underflow');
    expect(verdict.summary).toMatch(/dirty_pages = 18446744073709550000, which is -1,6\d\d pages/);
    expect(verdict.summary).toMatch(/dd \(pid 4321\) was told to sleep 100\sms/);
  });

  test('negative pauses are none', async () => {
    const wrapped = { pause: -4294824000, think: 4294824002, period: 2 };
    const { verdict, facts } = await diagnosed([
      pause(0, { pause: 0 }),
      pause(0.5, wrapped),
      pause(3, { pause: 7 }),
      pause(6, { pause: 0 }),
    ]);
    expect(facts.stalls.map(({ duration_ns }) => duration_ns)).toEqual([7e6]);
    expect(verdict).toMatchObject({ root_cause: 'none', severity: 'info' });
  });

  test('a FUSE bdi whose part of the limit is 0', async () => {
    const idle = { dirty: 500, bdi_setpoint: 0, bdi_dirty: 33, task_ratelimit: 0, pause: 4 };
    const { verdict } = await diagnosed([0, 0.008, 0.016, 0.024].map((s) => pause(s, idle)));
    expect(verdict.root_cause).toBe('bdi-limited');
    expect(verdict.summary).toContain('(wb_thresh) is 0');
    expect(verdict.confidence_reasons.join()).toMatch(/no more than 24\sms/);
  });

  test('without thresholds, the setpoint tells who held too much', async () => {
    const mine = { dirty: 165000, bdi_setpoint: 120000, bdi_dirty: 40000 };
    const { verdict } = await diagnosed([0, 0.2, 0.4, 0.6, 2].map((s) => pause(s, mine)));
    expect(verdict.root_cause).toBe('slow-bdi-shares-limit');
  });
});

describe('reclaim', () => {
  const line = (s: number, text: string) =>
    `<...>-4719  [005] ....  ${(57 + s).toFixed(6)}: ${text}`;
  const begin = line(
    0,
    'mm_vmscan_direct_reclaim_begin: order=0 may_writepage=1 gfp_flags=GFP_KERNEL classzone_idx=1',
  );
  const end = line(250, 'mm_vmscan_direct_reclaim_end: nr_reclaimed=99');
  const shrink =
    'mm_vmscan_lru_shrink_inactive: nid=0 nr_scanned=5 nr_reclaimed=0 priority=12 ' +
    'flags=RECLAIM_WB_ANON|RECLAIM_WB_ASYNC';
  const congested = 'writeback_congestion_wait: usec_timeout=100000 usec_delayed=104000';

  test('minutes in one reclaim of a kernel that does not count dirty pages', async () => {
    const { verdict, judgements } = await diagnosed([
      begin,
      line(11, congested),
      line(14, shrink),
      end,
    ]);
    expect(verdict).toMatchObject({
      root_cause: 'inconclusive',
      most_likely: 'global-reclaim-dirty',
      severity: 'critical',
    });
    expect(verdict.confidence).toBeLessThan(0.5);
    const found = judgements.find(({ status }) => status === 'found');
    expect(found?.victims[0]).toMatchObject({ pid: 4719, time_lost_s: expect.closeTo(250, 0) });
  });

  test('without any sign of writeback nothing is guessed', async () => {
    const { verdict } = await diagnosed([begin, line(14, shrink), end]);
    expect(verdict).toMatchObject({ root_cause: 'inconclusive', most_likely: undefined });
    expect(verdict.summary).toMatch(/waited 250\ss .* of <\.\.\.> \(pid 4719\) in memory reclaim/);
  });

  test('short throttling of 5.16 is little, and what was not recorded is said', async () => {
    const throttled = (s: number) =>
      line(
        s,
        'mm_vmscan_throttled: nid=0 usec_timeout=100000 usect_delayed=60000 ' +
          'reason=VMSCAN_THROTTLE_WRITEBACK',
      );
    const { verdict } = await diagnosed([throttled(1), throttled(60)]);
    expect(verdict.root_cause).toBe('none');
    expect(verdict.summary).toMatch(/^Little stalled in 59\ss: the longest wait was 60\sms/);
    expect(verdict.confidence).toBeLessThan(0.6);
  });
});
