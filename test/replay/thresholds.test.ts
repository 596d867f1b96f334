/** Settings found and dated, thresholds and the tracked limit recomputed, on mini-traces. */
import { describe, expect, test } from 'vitest';
import { trackLimit } from '../../src/replay/limit-tracking.ts';
import { thresholdRows } from '../../src/replay/threshold-rows.ts';
import { replayThresholds } from '../../src/replay/thresholds.ts';
import { numberColumn } from '../../src/trace/column.ts';
import { makeTable } from '../../src/trace/table.ts';
import { type EventRow, makeTrace, type TraceFacts } from '../helpers/trace-builder.ts';

type Cells = Record<string, number | bigint | string>;
const MS = 1e6;
const MIB = 2 ** 20;

const reading = (
  ts_ms: number,
  thresh: number,
  background: number,
  more: Cells = {},
): EventRow => ({
  event: 'global_dirty_state',
  ts_ns: ts_ms * MS,
  nr_dirty_pages: 12_000,
  nr_writeback_pages: 3_000,
  dirty_thresh_pages: thresh,
  background_thresh_pages: background,
  dirty_limit_pages: 16_384,
  ...more,
});
const update = (ts_ms: number, more: Cells = {}): EventRow => ({
  event: 'bdi_dirty_ratelimit',
  ts_ns: ts_ms * MS,
  bdi: '7:0',
  ...more,
});
const bytes = (dirty: number, background: number) => ({
  'vm.dirty_bytes': String(dirty),
  'vm.dirty_ratio': '0',
  'vm.dirty_background_bytes': String(background),
  'vm.dirty_background_ratio': '0',
});
const ratios = (dirty: number, background: number) => ({
  'vm.dirty_bytes': '0',
  'vm.dirty_ratio': String(dirty),
  'vm.dirty_background_bytes': '0',
  'vm.dirty_background_ratio': String(background),
});
const replay = (rows: EventRow[], facts: TraceFacts = {}) =>
  replayThresholds(makeTrace(rows, facts));
const tally = ({ n, exact, unchecked }: { n: number; exact: number; unchecked: number }) =>
  [n, exact, unchecked] as const;
const share = (percent: number, memory: number) =>
  Math.floor((Math.floor((percent * 4096) / 100) * memory) / 4096);

describe('settings', () => {
  const still = (from: number, to: number, thresh: number, background: number) =>
    Array.from({ length: (to - from) / 50 }, (_, nth) =>
      reading(from + 50 * nth, thresh, background, { dirty_limit_pages: thresh }),
    );

  test('as meta.json says, as long as the thresholds follow from it', () => {
    const rows = still(0, 2000, 16_384, 8_192);
    const host = { sysctl: bytes(64 * MIB, 32 * MIB) };
    const { steps, thresh, background } = replay(rows, { host });
    expect(steps).toMatchObject([{ because: 'meta', thresh: { low_bytes: 64 * MIB } }]);
    expect([tally(thresh), tally(background)]).toEqual([
      [40, 40, 0],
      [40, 40, 0],
    ]);
    const wrong = replay(rows, { host: { sysctl: bytes(65 * MIB, 32 * MIB) } });
    expect(wrong.steps).toMatchObject([{ because: 'inferred', thresh: { kind: 'bytes' } }]);
  });

  test('a change in the middle is found, and dated by the readings around it', () => {
    const rows = [...still(0, 1000, 16_384, 8_192), ...still(1000, 2000, 4_096, 2_048)];
    const { steps, thresh } = replay(rows);
    expect(steps).toHaveLength(2);
    expect(steps[1]).toMatchObject({
      because: 'changed',
      after_ns: 950 * MS,
      from_ns: 1000 * MS,
      limit_written: true,
      thresh: { kind: 'bytes', low_bytes: 4_095 * 4096 + 1, high_bytes: 4_096 * 4096 },
    });
    // The two readings from which the settings were inferred prove nothing.
    expect(tally(thresh)).toEqual([38, 38, 2]);
  });

  test('a background of more than the threshold becomes its half', () => {
    const { background, steps } = replay(still(0, 2000, 16_384, 8_192), {
      host: { sysctl: bytes(64 * MIB, 900 * MIB) },
    });
    expect(steps[0]?.because).toBe('meta');
    expect(tally(background)).toEqual([40, 40, 0]);
  });

  test('ratios drift with memory, keep their quotient, and are told from it', () => {
    const rows = Array.from({ length: 200 }, (_, nth) => {
      const memory = 4_000_000 - 997 * nth;
      return reading(50 * nth, share(70, memory), share(55, memory));
    });
    const { steps, background } = replay(rows);
    expect(steps).toMatchObject([
      { because: 'inferred', thresh: { percents: [70] }, background: { percents: [55] } },
    ]);
    expect(tally(background)).toEqual([199, 199, 1]);
    const changed = rows.map((row, nth) =>
      nth < 120 ? row : { ...row, background_thresh_pages: share(60, 4_000_000 - 997 * nth) },
    );
    expect(replay(changed as EventRow[]).steps[1]).toMatchObject({
      changed: ['background'],
      from_ns: 6000 * MS,
      thresh: { percents: [70] },
      background: { percents: [60] },
    });
  });

  test('memory that is taken at once changes no setting', () => {
    const rows = Array.from({ length: 200 }, (_, nth) => {
      const memory = nth < 100 ? 4_000_000 - 11 * nth : 3_500_000 + 11 * nth;
      return reading(50 * nth, share(70, memory), share(55, memory));
    });
    expect(replay(rows).steps).toHaveLength(1);
  });

  test('with samples the memory is recomputed, too', () => {
    const memory = (nth: number) => 2_000_000 - 5000 * nth;
    const at = Array.from({ length: 40 }, (_, nth) => nth);
    const rows = at.map((nth) =>
      reading(50 * nth, share(20, memory(nth) - 7_777 + 1), share(10, memory(nth) - 7_777 + 1)),
    );
    const column = (value: (nth: number) => number) =>
      numberColumn(Float64Array.from(at, value), 'pages');
    const samples = makeTable('vmstat', {
      ts_ns: numberColumn(
        Float64Array.from(at, (nth) => 50 * nth * MS),
        'ns',
      ),
      nr_free_pages: column((nth) => memory(nth) - 100_000),
      nr_inactive_file: column(() => 60_000),
      nr_active_file: column(() => 40_000),
      nr_dirty_threshold: column((nth) => share(20, memory(nth) - 7_777 + 1)),
    });
    const found = replay(rows, { samples, host: { sysctl: ratios(20, 10) } });
    expect(found.reserve?.because).toBe('observed');
    expect(Math.abs((found.reserve?.pages ?? 0) - 7_777)).toBeLessThanOrEqual(5);
    expect(found.steps[0]?.because).toBe('meta');
    expect(found.sampled.n).toBe(40);
    expect(found.sampled.exact).toBeGreaterThanOrEqual(30);
    expect(found.memory?.rows).toBe(40);
  });
});

describe('real-time tasks', () => {
  const boosted = (ts: number) =>
    reading(ts, 16_384 + 4_096 + 512, 6_144 + 1_536 + 512, { pid: 99 });
  const own = (ts: number) => reading(ts, 16_384, 6_144);

  test('are recognised, and no change of settings', () => {
    const rows = [own(0), boosted(10), own(20), boosted(30), own(40)];
    const { rows: found, steps, thresh } = replay(rows);
    expect(found).toMatchObject({ boosted_rows: 2, boosted_pids: [99] });
    expect(found?.rule).toBe('quarter-and-limit');
    expect(steps).toHaveLength(1);
    expect(tally(thresh)).toEqual([4, 4, 1]);
  });

  test('also when they were the first to read', () => {
    const state = makeTrace([boosted(0), boosted(10), own(20)]).tables.get('global_dirty_state');
    expect(state && [...thresholdRows(state).thresh]).toEqual([16_384, 16_384, 16_384]);
  });

  test('also where the background is half of the threshold', () => {
    const half = (ts: number, limit: number) => {
      const thresh = 56_831 + Math.floor(56_831 / 4) + Math.floor(limit / 32);
      const limits = { dirty_limit_pages: limit, pid: 99 };
      return reading(ts, thresh, Math.floor(thresh / 2), limits);
    };
    const plain = (ts: number) => reading(ts, 56_831, 28_415, { dirty_limit_pages: 56_582 });
    const { rows, steps } = replay([plain(0), half(10, 56_582), plain(20), half(30, 72_806)]);
    expect([rows?.boosted_rows, steps.length]).toEqual([2, 1]);
  });

  test('of kernels that give them only the quarter', () => {
    const { rows } = replay([own(0), reading(10, 20_480, 7_680, { pid: 99 }), own(20)]);
    expect(rows).toMatchObject({ boosted_rows: 1, rule: 'quarter' });
  });
});

describe('the tracked limit', () => {
  // Lowered to 8192: from 16384 a 32nd of the way to max(8192, dirty + writeback = 15000).
  const before = reading(0, 8_192, 4_096);
  const step = (limit: number) => reading(301, 8_192, 4_096, { dirty_limit_pages: limit });

  test('falls by a 32nd at an update', () => {
    const { dirty_limit, steps } = trackLimit(makeTrace([before, update(300), step(16_341)]));
    expect(tally(dirty_limit)).toEqual([1, 1, 0]);
    expect(steps.lowered).toBe(1);
  });

  test('not by more, not without one, not twice within 200 ms', () => {
    const wrong = trackLimit(makeTrace([before, update(300), step(16_300)]));
    expect(wrong.dirty_limit.mismatches).toMatchObject([{ recorded: 16_300, expected: 16_341 }]);
    const none = trackLimit(makeTrace([before, update(1000), step(16_341)]));
    expect(tally(none.dirty_limit)).toEqual([1, 0, 0]);
    const twice = [before, update(300), update(350), step(16_300)];
    expect(trackLimit(makeTrace(twice)).dirty_limit.exact).toBe(0);
    const slowly = [before, update(99), update(300), step(16_300)];
    expect(trackLimit(makeTrace(slowly, { host: { hz: 250 } })).dirty_limit.exact).toBe(1);
  });

  test('rises to the threshold at once', () => {
    const rows = [
      reading(0, 20_000, 4_096),
      update(300),
      reading(301, 20_000, 4_096, { dirty_limit_pages: 20_000 }),
    ];
    expect(trackLimit(makeTrace(rows)).steps).toMatchObject({ raised: 1, unexplained: 0 });
  });

  test('a reading between the move and its event belongs to it', () => {
    const rows = [before, { ...step(16_341), pid: 2 }, update(301.1)];
    expect(tally(trackLimit(makeTrace(rows)).dirty_limit)).toEqual([1, 1, 0]);
  });

  test('nothing is concluded across lost events', () => {
    const losses = [{ cpu: 0, from_ns: 1, ts_ns: 250 * MS, count: 9 }];
    const { dirty_limit } = trackLimit(makeTrace([before, update(300), step(1)], { losses }));
    expect(dirty_limit.unchecked_because).toEqual({ 'lost-events': 1 });
  });
});

test('wrapped counters are counted, and what is missing is no crash', () => {
  const { thresh, steps } = replay([]);
  expect([tally(thresh), steps]).toEqual([[0, 0, 0], []]);
  const odd = [reading(0, Number.NaN, -5), reading(1, 2 ** 63, 0), reading(2, 0, 2 ** 60)];
  expect(() => replay(odd, { host: { sysctl: { 'vm.dirty_ratio': 'x' } } })).not.toThrow();
});
