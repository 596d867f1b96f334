import { expect, test } from 'vitest';
import { checkValues } from '../../parsers/check-values.ts';
import { DiagnosticCollector } from '../../src/trace/diagnostics.ts';
import { readText } from './ftrace-text-support.ts';

const HEAD = ' fio-1 [000] ..... 12.00000';
const STATE = 'bg_thresh=1 thresh=2 limit=3 dirtied=4 written=5';

test('counters below zero are told by event and column, with their first time', () => {
  const { tables } = readText(
    [
      `${HEAD}0: global_dirty_state: dirty=7 writeback=0 ${STATE}`,
      `${HEAD}1: global_dirty_state: dirty=18446744073709513951 writeback=0 ${STATE}`,
      `${HEAD}2: global_dirty_state: dirty=18446744073709551615 writeback=0 ${STATE}`,
      `${HEAD}3: writeback_queue_io: bdi 8:0: older=18446744073709551615 age=-1 enqueue=0`,
      '',
    ].join('\n'),
  );
  const diagnostics = new DiagnosticCollector();
  checkValues(tables, diagnostics);
  expect(diagnostics.list()).toMatchObject([
    {
      code: 'counter_below_zero',
      count: 2,
      places: [{ ts_ns: 1_000, subject: 'global_dirty_state.nr_dirty_pages' }],
    },
  ]);
});

test('signed values, identities and sentinels of times are no counters', () => {
  const { tables } = readText(
    [
      `${HEAD}0: writeback_pages_written: -5`,
      `${HEAD}1: writeback_queue: bdi 8:0: sb_dev 0:0 nr_pages=-1 sync_mode=0 kupdate=0 range_cyclic=1 background=1 reason=periodic cgroup_ino=18446744073709551615`,
      '',
    ].join('\n'),
  );
  const diagnostics = new DiagnosticCollector();
  checkValues(tables, diagnostics);
  expect(diagnostics.list()).toEqual([]);
});
