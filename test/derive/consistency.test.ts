/** Captures that contradict themselves: each way has its diagnostic with its row. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { consistencyOf } from '../../src/derive/consistency.ts';
import { stepsBack } from '../../src/derive/counter-steps.ts';
import { diagnose } from '../../src/findings/diagnose.ts';
import { replay } from '../../src/replay/replay.ts';
import { numberColumn } from '../../src/trace/column.ts';
import { makeTable } from '../../src/trace/table.ts';
import type { Trace } from '../../src/trace/trace.ts';
import { type EventRow, makeTrace, type TraceFacts } from '../helpers/trace-builder.ts';

const S = 1e9;
const EXACT: TraceFacts = {
  cpus: 1,
  host: { zoneinfo: 'Node 0, zone Normal\n  vm stats threshold: 0\n', hz: 250 },
};
const LARGE = 64;

/** A writer that dirties a folio a second, of which every second one is sampled after it. */
function writer(seconds: readonly number[], dirtied: (at: number) => number): EventRow[] {
  const add = { event: 'mm_filemap_add_to_page_cache', dev: 7 * 2 ** 20, ino: 9n, order: 6 };
  return seconds.flatMap((second, at): EventRow[] => [
    { ...add, ts_ns: second * S, index: at * LARGE },
    {
      event: 'writeback_dirty_folio',
      ts_ns: second * S + 1,
      bdi: '7:0',
      ino: 9n,
      index: at * LARGE,
    },
    {
      event: 'writeback_dirty_inode_enqueue',
      ts_ns: second * S + 2,
      dev: 7 * 2 ** 20,
      ino: 9n,
      dirtied_when_jiffies: 1000 + at * 250,
    },
    {
      event: 'global_dirty_state',
      ts_ns: second * S + 3,
      nr_dirty_pages: (at + 1) * LARGE,
      nr_writeback_pages: 0,
      nr_dirtied_pages: dirtied(at),
      nr_written_pages: 50,
    },
  ]);
}

const seconds = (count: number) => Array.from({ length: count }, (_, at) => at);
const usual = (at: number) => 1000 + (at + 1) * LARGE;
const codes = (trace: Trace) => consistencyOf(trace).diagnostics.map(({ code }) => code);
const largest = (trace: Trace) => replay(trace).history?.fits.nr_dirtied.max_abs_pages;

test('a capture in order has nothing to say', () => {
  const trace = makeTrace(writer(seconds(20), usual), EXACT);
  expect(consistencyOf(trace).diagnostics).toEqual([]);
  expect(replay(trace).diagnostics).toEqual([]);
  expect(largest(trace)).toBe(0);
});

describe('counters that only grow', () => {
  test('and begin again: the prediction does, too, and the row is named', () => {
    const rows = writer(seconds(12), (at) => (at < 6 ? usual(at) : at * LARGE));
    const trace = makeTrace(rows, EXACT);
    const [found] = replay(trace).diagnostics;
    expect(found).toMatchObject({
      code: 'counter_backwards',
      severity: 'error',
      count: 1,
      places: [{ table: 'global_dirty_state', row: 6, subject: 'nr_dirtied_pages' }],
    });
    expect(found?.message).toMatch(/^1 step back of counters \(nr_dirtied_pages; row 6 of global/);
    expect(replay(trace).history?.starts).toBe(2);
    expect(largest(trace)).toBe(0);
  });

  test.each([
    ['less', 3],
    ['more', 10 ** 9],
  ])('and are %s once: the sample is left out, the prediction goes on', (_, odd) => {
    const rows = writer(seconds(12), (at) => (at === 6 ? odd : usual(at)));
    const trace = makeTrace(rows, EXACT);
    expect(replay(trace).diagnostics).toMatchObject([
      { code: 'counter_backwards', places: [{ row: 6 }] },
    ]);
    const { starts, fits } = replay(trace).history ?? {};
    expect([starts, fits?.nr_dirtied.skipped, largest(trace)]).toEqual([1, 1, 0]);
  });

  test('in samples beside the trace are held to the same', () => {
    const rows = writer(seconds(12), usual);
    const column = (value: (at: number) => number, unit: 'ns' | 'pages') =>
      numberColumn(Float64Array.from(seconds(12), value), unit);
    const samples = makeTable('vmstat', {
      ts_ns: column((at) => at * S + 10, 'ns'),
      nr_dirty: column((at) => (at + 1) * LARGE, 'pages'),
      nr_writeback: column(() => 0, 'pages'),
      nr_dirtied: column((at) => (at === 5 ? 7 : usual(at)), 'pages'),
      nr_written: column(() => 50, 'pages'),
    });
    const trace = makeTrace(rows, { ...EXACT, samples });
    expect(replay(trace).diagnostics).toMatchObject([
      { code: 'counter_backwards', places: [{ table: 'vmstat', row: 5 }] },
    ]);
    expect(replay(trace).history?.vmstat_fits?.nr_dirtied.max_abs_pages).toBe(0);
  });

  test('of any damage: rows that are left are in order, but where counting begins anew', () => {
    const readings = fc.array(fc.oneof(fc.nat(50), fc.constantFrom(Number.NaN, 10 ** 6)), {
      maxLength: 40,
    });
    fc.assert(
      fc.property(readings, fc.nat(5), (values, tolerance) => {
        const { wrong, anew } = stepsBack([{ name: 'n', values }], values.length, tolerance);
        let last = Number.NEGATIVE_INFINITY;
        values.forEach((value, row) => {
          if (Number.isNaN(value) || wrong.has(row)) return;
          if (!anew.has(row)) expect(value).toBeGreaterThanOrEqual(last - tolerance);
          last = value;
        });
      }),
    );
  });
});

/** Rows in the order in which they are given: readers keep it where time goes back. */
function recorded(rows: readonly EventRow[]): Trace {
  const inOrder = rows.map((row, at) => ({ ...row, ts_ns: at }));
  const trace = makeTrace(inOrder, EXACT);
  const tables = new Map(
    [...trace.tables].map(([name, table]) => {
      const own = rows.filter(({ event }) => event === name);
      const ts_ns = numberColumn(
        Float64Array.from(own, (row) => row.ts_ns),
        'ns',
      );
      return [name, makeTable(name, { ...table.columns, ts_ns })] as const;
    }),
  );
  const duration_ns = Math.max(...rows.map(({ ts_ns }) => ts_ns));
  return { ...trace, tables, meta: { ...trace.meta, duration_ns } };
}

describe('a clock', () => {
  test('that goes back is told once, and the prediction begins again behind it', () => {
    const times = seconds(20).map((second) => (second < 10 ? second : second - 7));
    const trace = recorded(writer(times, usual));
    expect(replay(trace).diagnostics).toMatchObject([
      { code: 'clock_jumped', count: 1, amount: expect.closeTo(-6 * S, -1), places: [{ row: 10 }] },
    ]);
    expect(replay(trace).history?.starts).toBe(2);
    expect(largest(trace)).toBe(0);
  });

  test('that goes ahead of jiffies jumped', () => {
    const times = seconds(20).map((second) => (second < 10 ? second : second + 3600));
    const trace = makeTrace(writer(times, usual), EXACT);
    const [found] = consistencyOf(trace).diagnostics;
    expect(found).toMatchObject({ code: 'clock_jumped', count: 1, places: [{ row: 10 }] });
    expect(found?.message).toContain('by 3601.000 s');
    // No page moved meanwhile: what was predicted still holds.
    expect([replay(trace).history?.starts, largest(trace)]).toEqual([1, 0]);
  });

  test('and jiffies that go on together were idle', () => {
    const times = seconds(20).map((second) => (second < 10 ? second : second + 3600));
    const rows = writer(times, usual).map((row): EventRow => {
      const jiffies = 1000 + Math.floor(row.ts_ns / S) * 250;
      return 'dirtied_when_jiffies' in row ? { ...row, dirtied_when_jiffies: jiffies } : row;
    });
    expect(codes(makeTrace(rows, EXACT))).toEqual([]);
    const { hz: _, ...host } = EXACT.host ?? {};
    expect(codes(makeTrace(rows, { ...EXACT, host }))).toEqual([]);
  });

  test('of which nothing tells is a silence; where counters moved, predictions end', () => {
    const times = seconds(20).map((second) => (second < 10 ? second : second + 3600));
    const rows = writer(times, (at) => usual(at) + (at < 10 ? 0 : 5000)).filter(
      ({ event }) => event !== 'writeback_dirty_inode_enqueue',
    );
    const trace = makeTrace(rows, EXACT);
    expect(codes(trace)).toEqual(['recording_silent']);
    expect([replay(trace).history?.starts, largest(trace)]).toEqual([2, 0]);
    // Whoever went on sampling shows that time passed.
    const samples = makeTable('vmstat', {
      ts_ns: numberColumn(Float64Array.of(1800 * S), 'ns'),
      nr_dirty: numberColumn(Float64Array.of(1), 'pages'),
    });
    expect(codes(makeTrace(rows, { ...EXACT, samples }))).toEqual([]);
  });
});

test('events that no one kernel prints are of two', () => {
  const trace = makeTrace(writer(seconds(5), usual), EXACT);
  const generation = 'writeback events of mixed age, some of 4.1 or earlier';
  const mixed = { ...trace, tables: new Map(trace.tables), meta: { ...trace.meta, generation } };
  expect(consistencyOf(mixed).diagnostics).toMatchObject([{ code: 'kernels_differ' }]);
});

test('a number that no counter can be is told, and its sample left out', () => {
  const trace = makeTrace(
    writer(seconds(12), (at) => (at === 11 ? 2 ** 60 : usual(at))),
    EXACT,
  );
  expect(replay(trace).diagnostics).toMatchObject([
    { code: 'impossible_value', places: [{ table: 'global_dirty_state', row: 11 }] },
  ]);
  expect(largest(trace)).toBe(0);
});

test('a write of pages that nobody dirtied is told with its row', () => {
  const rows = [
    ...writer(seconds(5), usual),
    {
      event: 'writeback_single_inode',
      ts_ns: 6 * S,
      bdi: '7:0',
      ino: 11n,
      wrote_pages: 32,
      state: 'I_DIRTY_PAGES',
    },
  ];
  const [found] = replay(makeTrace(rows, EXACT)).diagnostics;
  expect(found).toMatchObject({
    code: 'clean_without_dirty',
    amount: 32,
    places: [{ table: 'writeback_single_inode', row: 0, amount: 32 }],
  });
});

test('a diagnosis says what is inconsistent, and is less sure', () => {
  const rows = (anew: boolean) =>
    writer(seconds(12), (at) => (at < 6 || !anew ? usual(at) : at * LARGE));
  const whole = diagnose(makeTrace(rows(false), EXACT));
  const broken = diagnose(makeTrace(rows(true), EXACT));
  expect(broken.trace.diagnostics).toMatchObject([{ code: 'counter_backwards' }]);
  expect(broken.verdict.confidence).toBeLessThan(whole.verdict.confidence + 1e-9);
  expect(diagnose(broken.trace).trace.diagnostics).toHaveLength(1);
});
