import { describe, expect, test } from 'vitest';
import { findTimebase } from '../../src/replay/timebase.ts';
import { type EventRow, makeTrace, type TraceFacts } from '../helpers/trace-builder.ts';

/** Throttle events as a kernel with this HZ and page size would print them. */
function periods(hz: number, pageSize: number, count = 60): EventRow[] {
  return Array.from({ length: count }, (_, at) => {
    const dirtied = 16 + ((at * 7) % 90);
    const rate = 300 + ((at * 131) % 2000);
    const jiffies = Math.floor((hz * dirtied) / rate);
    return {
      event: 'balance_dirty_pages',
      ts_ns: at,
      dirtied_pages: dirtied,
      task_ratelimit_kibps: rate * (pageSize / 1024),
      period_ms: Math.floor((jiffies * 1000) / hz),
    };
  });
}
const base = (rows: EventRow[], facts: TraceFacts = {}) => findTimebase(makeTrace(rows, facts));
const UNSAID = { page_size: undefined };

describe.each([100, 250, 300, 1000])('HZ %i', (hz) => {
  test.each([4096, 16384, 65536])('and pages of %i are found from the periods', (page_size) => {
    expect(base(periods(hz, page_size), UNSAID)).toEqual({
      hz,
      hz_because: 'periods',
      page_size,
      page_size_because: 'periods',
    });
    expect(base(periods(hz, page_size), { page_size })).toEqual({
      hz,
      hz_because: 'periods',
      page_size,
      page_size_because: 'recorded',
    });
    expect(base(periods(hz, page_size), { ...UNSAID, host: { hz } })).toEqual({
      hz,
      hz_because: 'meta',
      page_size,
      page_size_because: 'periods',
    });
  });
});

test('what was written down is believed, even where the periods say otherwise', () => {
  expect(base(periods(250, 4096), { page_size: 16384, host: { hz: 1000 } })).toEqual({
    hz: 1000,
    hz_because: 'meta',
    page_size: 16384,
    page_size_because: 'recorded',
  });
});

describe('nothing is guessed', () => {
  const unknown = {
    hz: undefined,
    hz_because: 'unknown',
    page_size: 4096,
  };
  const assumed = { ...unknown, page_size_because: 'assumed' };
  // Rates that are no multiple of 16 KiB/s: only pages of 4 KiB print them.
  const rated = { ...unknown, page_size_because: 'rates' };
  test('without throttle events, or with too few', () => {
    expect(base([], UNSAID)).toEqual(assumed);
    expect(base(periods(250, 4096, 19), UNSAID)).toEqual(rated);
  });

  test('from periods that follow no law', () => {
    const rows = periods(250, 4096).map((row, at) => ({ ...row, period_ms: 4 * (at + 3) }));
    expect(base(rows, UNSAID)).toEqual(rated);
  });

  test('where two answers explain the periods equally well', () => {
    // 20 ms is a whole number of ticks of 100, 250 and 1000 Hz, and 10·dirtied/rate alike.
    const rows = periods(250, 4096).map((row) => ({
      ...row,
      dirtied_pages: 20,
      task_ratelimit_kibps: 4000,
      period_ms: 20,
    }));
    expect(base(rows, UNSAID)).toEqual(assumed);
  });

  test('rates of zero and periods below one tick say nothing', () => {
    const idle = periods(250, 4096).map((row, at) => ({
      ...row,
      period_ms: at % 2 === 0 ? 0 : 200,
      task_ratelimit_kibps: at % 2 === 0 ? 4000 : 0,
    }));
    expect(base(idle, UNSAID)).toMatchObject({ hz: undefined });
    expect(base([...idle, ...periods(300, 65536)], UNSAID)).toMatchObject({
      hz: 300,
      page_size: 65536,
    });
  });
});

describe('jiffies that events print', () => {
  const enqueued = (hz: number, count: number): EventRow[] =>
    Array.from({ length: count }, (_, at) => {
      const ts_ns = at * 7_300_000 + ((at * 613_211) % 5_000_000);
      return {
        event: 'writeback_dirty_inode_enqueue',
        ts_ns,
        dirtied_when_jiffies: 4_295_000_000 + Math.floor((ts_ns * hz) / 1e9 + 0.3),
      };
    });

  test.each([100, 200, 250, 300, 500, 1000])('tell HZ %i', (hz) => {
    expect(base(enqueued(hz, 200))).toMatchObject({ hz, hz_because: 'jiffies' });
  });

  test('also where a tenth of the inodes kept an older time', () => {
    const rows = enqueued(250, 200).map((row, at) =>
      at % 10 === 0
        ? { ...row, dirtied_when_jiffies: Number(row.dirtied_when_jiffies) - 900 }
        : row,
    );
    expect(base(rows)).toMatchObject({ hz: 250, hz_because: 'jiffies' });
  });

  test('are not believed when they are few, or all of one moment', () => {
    expect(base(enqueued(250, 4))).toMatchObject({ hz: undefined });
    const once = enqueued(250, 50).map((row) => ({ ...row, ts_ns: 1, dirtied_when_jiffies: 5 }));
    expect(base(once)).toMatchObject({ hz: undefined });
  });
});
