/**
 * Captures that nobody recorded, made by running the model forward: the laws must hold on them to
 * the last unit, whatever HZ, page size and kernel, with HZ and page size found, not told.
 */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  checkIdentities,
  IDENTITIES,
  type Identities,
  type IdentityName,
} from '../../src/replay/identities.ts';
import { textAt } from '../../src/trace/column.ts';
import { type Scenario, ThrottleSimulator } from '../helpers/throttle-simulator.ts';
import { type EventRow, makeTrace, type TraceFacts } from '../helpers/trace-builder.ts';

const BASE: Scenario = {
  hz: 250,
  page_size: 4096,
  strictlimit: false,
  modern: true,
  writers: 2,
  device_mib_per_s: 40,
  thresh_mib: 64,
  limit_mib: 64,
  share_percent: 90,
  seconds: 8,
  hidden: false,
};

function check(change: Partial<Scenario>) {
  const scenario = { ...BASE, ...change };
  const simulator = new ThrottleSimulator(scenario);
  const rows = simulator.run();
  const kernel = scenario.modern ? '6.18.0' : '6.12.0';
  const trace = makeTrace(rows, { page_size: undefined, kernel, cpus: 4 });
  const written = scenario.seen ? [simulator.written] : [];
  return { scenario, rows, found: checkIdentities(trace, undefined, written) };
}

function evidenceOf({ avg_write_bandwidth: { columns, rows } }: Identities): string[] {
  const { evidence } = columns;
  if (evidence?.kind !== 'text') return [];
  return Array.from({ length: rows }, (_, row) => textAt(evidence, row));
}

function expectExact(change: Partial<Scenario>): void {
  const { scenario, found } = check(change);
  const { results, timebase } = found;
  expect(timebase).toMatchObject({ hz: scenario.hz, page_size: scenario.page_size });
  for (const law of IDENTITIES) {
    const { n, exact, unchecked, mismatches, unchecked_because } = results[law];
    const told = JSON.stringify({ law, n, exact, unchecked, mismatches, unchecked_because });
    expect(n, told).toBeGreaterThan(10);
    if (law === 'task_ratelimit') {
      expect(results[law].inside, told).toBe(n);
      expect(exact / n, told).toBeGreaterThanOrEqual(0.99);
    } else expect(exact, told).toBe(n);
    expect(unchecked / (n + unchecked), told).toBeLessThan(0.05);
  }
  expect(found.domains).toEqual([{ bdi: '8:0', cgroup: '1', strictlimit: scenario.strictlimit }]);
}

describe('every law is exact on events of the model itself', () => {
  test.each([100, 250, 300, 1000])('HZ %i', (hz) => expectExact({ hz }));
  test.each([16384, 65536])('pages of %i', (page_size) => expectExact({ page_size }));
  test.each([100, 300, 1000])('HZ %i with pages of 64 KiB', (hz) =>
    expectExact({ hz, page_size: 65536, thresh_mib: 512 }),
  );
  test('strictlimit', () => expectExact({ strictlimit: true, share_percent: 30 }));
  test('a device far too slow', () => expectExact({ device_mib_per_s: 2, thresh_mib: 16 }));
  test('eight writers', () => expectExact({ writers: 8 }));
  test('a threshold that was lowered', () => expectExact({ limit_mib: 256 }));
  test('a threshold that was raised', () => expectExact({ limit_mib: 16 }));
});

describe('kernels until 6.12', () => {
  test('the tracked limit below the threshold', () =>
    expectExact({ modern: false, limit_mib: 32 }));
  test('a device whose share is raised unseen', () =>
    expectExact({ modern: false, share_percent: 1 }));
  test('strictlimit', () =>
    expectExact({ modern: false, strictlimit: true, share_percent: 40, hz: 1000 }));
});

describe('updates that print nothing', () => {
  test('are inferred: the rates stay inside what they can have done', () => {
    const { found } = check({ hidden: true, device_mib_per_s: 20 });
    const { n, exact, inside } = found.results.task_ratelimit;
    expect(inside).toBe(n);
    expect(exact / n).toBeGreaterThanOrEqual(0.95);
    expect(found.results.bdi_task_ratelimit.exact).toBe(found.results.bdi_task_ratelimit.n);
  });

  test('are predicted where the events are there after which they happen', () => {
    const scenario = fc.record({
      device_mib_per_s: fc.integer({ min: 20, max: 90 }),
      writers: fc.integer({ min: 1, max: 4 }),
      hz: fc.constantFrom(250, 1000),
    });
    const predicted = fc.property(scenario, (change) => {
      const { found, rows } = check({ ...change, hidden: true, seen: true });
      const { n, exact, mismatches } = found.results.task_ratelimit;
      // What the first printed update took in began before the trace.
      const times = (name: string) =>
        rows.filter(({ event }) => event === name).map(({ ts_ns }) => ts_ns);
      const [, second = Number.POSITIVE_INFINITY] = times('bdi_dirty_ratelimit');
      const before = times('balance_dirty_pages').filter((ts_ns) => ts_ns < second).length;
      const told = JSON.stringify({ change, before, mismatches });
      expect(n - exact, told).toBeLessThanOrEqual(before);
    });
    fc.assert(predicted, { numRuns: 25 });
  });

  test('are shown as inferred', () => {
    const { found } = check({ device_mib_per_s: 7, writers: 1, hidden: true, seen: true });
    expect(evidenceOf(found)).toContain('hidden-update');
  });

  test('the inferred bandwidths are steps in order of time, low before high', () => {
    const { found } = check({ hidden: true });
    const { columns, rows } = found.avg_write_bandwidth;
    const values = (name: string) => {
      const column = columns[name];
      return column?.kind === 'number' ? Array.from(column.values) : [];
    };
    const ts = values('ts_ns');
    expect(rows).toBeGreaterThan(20);
    expect(ts).toEqual([...ts].sort((left, right) => left - right));
    const high = values('high_pages_per_s');
    for (const [row, low] of values('low_pages_per_s').entries()) {
      expect(low).toBeLessThanOrEqual(high[row] as number);
    }
  });
});

describe('a changed number is found by the law that it breaks', () => {
  const fields: readonly [string, string, number, IdentityName][] = [
    ['balance_dirty_pages', 'limit_pages', 1, 'limit'],
    ['balance_dirty_pages', 'setpoint_pages', 1, 'setpoint'],
    ['balance_dirty_pages', 'dirty_pages', 1, 'dirty'],
    ['balance_dirty_pages', 'wb_setpoint_pages', 20_000, 'wb_thresh'],
    ['balance_dirty_pages', 'task_ratelimit_kibps', 400_000, 'task_ratelimit'],
    ['balance_dirty_pages', 'dirty_ratelimit_kibps', 4, 'dirty_ratelimit'],
    ['balance_dirty_pages', 'period_ms', 4, 'period'],
    ['balance_dirty_pages', 'pause_ms', 4, 'pause'],
    ['balance_dirty_pages', 'dirtied_pause_pages', 1, 'dirtied_pause'],
    ['balance_dirty_pages', 'paused_ms', 4, 'paused'],
    ['balance_dirty_pages', 'think_ms', 4, 'think'],
    ['bdi_dirty_ratelimit', 'task_ratelimit_kibps', 4, 'bdi_task_ratelimit'],
    ['bdi_dirty_ratelimit', 'dirty_ratelimit_kibps', 4, 'dirty_ratelimit_step'],
    ['bdi_dirty_ratelimit', 'balanced_dirty_ratelimit_kibps', 4, 'balanced_dirty_ratelimit'],
  ];
  const rows = new ThrottleSimulator({ ...BASE, device_mib_per_s: 20 }).run();
  const middle = (event: string) => {
    const of = rows.flatMap((row, at) => (row.event === event ? [at] : []));
    return of[of.length >> 1] as number;
  };

  test.each(fields)('%s.%s by %i: %s', (event, field, by, law) => {
    const at = middle(event);
    const changed = rows.map((row, index) =>
      index === at ? ({ ...row, [field]: Number(row[field]) + by } as EventRow) : row,
    );
    const before = checkIdentities(makeTrace(rows)).results[law];
    const after = checkIdentities(makeTrace(changed)).results[law];
    expect(after.n - after.exact).toBeGreaterThan(before.n - before.exact);
    if (law === 'task_ratelimit') expect(after.inside).toBeLessThan(after.n);
  });
});

describe('bad input', () => {
  const rows = new ThrottleSimulator({ ...BASE, seconds: 3 }).run();
  const NASTY = [Number.NaN, -1, -(2 ** 62), 2 ** 63, 0, 1, 2 ** 53, 2 ** 40];
  const nasty = fc.constantFrom(...NASTY);

  /** Every event is checked or counted as unchecked, whatever it holds. */
  function expectAccounted(changed: readonly EventRow[], facts: TraceFacts = {}): void {
    const { results } = checkIdentities(makeTrace(changed, facts));
    const count = (event: string) => changed.filter((row) => row.event === event).length;
    for (const law of IDENTITIES) {
      const { n, unchecked, exact, unchecked_because } = results[law];
      const isUpdate = /^(bdi_|balanced_|dirty_ratelimit_step)/.test(law);
      const events = count(isUpdate ? 'bdi_dirty_ratelimit' : 'balance_dirty_pages');
      expect(n + unchecked, law).toBe(events);
      expect(exact).toBeLessThanOrEqual(n);
      const reasons = Object.values(unchecked_because).reduce((sum, each) => sum + each, 0);
      expect(reasons, law).toBe(unchecked);
    }
  }

  test('any field of any event may hold anything', () => {
    const fields = [...new Set(rows.flatMap((row) => Object.keys(row)))].filter((id) =>
      /_(pages|kibps|ms|jiffies)$/.test(id),
    );
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(rows.length - 1), fc.constantFrom(...fields), nasty), {
          maxLength: 200,
        }),
        (changes) => {
          const changed = rows.map((row) => ({ ...row }) as Record<string, unknown>);
          for (const [at, field, value] of changes) {
            const row = changed[at];
            if (row !== undefined && field in row) row[field] = value;
          }
          expectAccounted(changed as EventRow[]);
        },
      ),
      { numRuns: 25, seed: 11 },
    );
  });

  test('any field may be missing, as in texts of old kernels', () => {
    for (const field of [
      'wb_setpoint_pages',
      'think_ms',
      'bdi',
      'nr_written_pages',
      'cgroup_ino',
    ]) {
      const { [field]: _, ...first } = rows[0] as EventRow;
      const without = [first, ...rows.slice(1)].map((row) => {
        const { [field]: _gone, ...rest } = row as EventRow;
        return rest as EventRow;
      });
      expectAccounted(without);
    }
  });

  test('clocks that jump, states that are missing, events that were lost', () => {
    const jumping = rows.map((row, at) =>
      at % 97 === 0 ? ({ ...row, ts_ns: 5e9 - row.ts_ns } as EventRow) : row,
    );
    expectAccounted(jumping);
    expectAccounted(rows.filter((row) => row.event !== 'global_dirty_state'));
    expectAccounted(rows.filter((row, at) => row.event !== 'balance_dirty_pages' || at % 3 > 0));
    const losses = [{ cpu: 0, from_ns: 1e9, ts_ns: 1.5e9, count: 3 }];
    expectAccounted(rows, { losses });
    const { results } = checkIdentities(makeTrace(rows, { losses }));
    for (const law of IDENTITIES) {
      const { exact, n, mismatches } = results[law];
      expect(exact / n, `${law} ${JSON.stringify(mismatches)}`).toBeGreaterThan(
        law === 'task_ratelimit' ? 0.95 : 0.99,
      );
    }
  });
});

/** Recorded on 6.18.44: the second task updates before the first has printed its event. */
test('two tasks update one bdi at once', () => {
  const state = (pid: number, ts_ns: number, background: number, thresh: number): EventRow => ({
    event: 'global_dirty_state',
    ts_ns,
    pid,
    nr_dirty_pages: 12_988,
    nr_writeback_pages: 32_432,
    background_thresh_pages: background,
    dirty_thresh_pages: thresh,
    dirty_limit_pages: 54_845,
    nr_written_pages: 8_393_223,
  });
  const update = (pid: number, ts_ns: number, writeBw: number, rates: number[]): EventRow => ({
    event: 'bdi_dirty_ratelimit',
    ts_ns,
    pid,
    bdi: '7:1',
    write_bw_kibps: writeBw,
    avg_write_bw_kibps: 45_960,
    dirty_rate_kibps: rates[0] as number,
    dirty_ratelimit_kibps: rates[1] as number,
    task_ratelimit_kibps: rates[2] as number,
    balanced_dirty_ratelimit_kibps: rates[3] as number,
  });
  const throttle = (
    pid: number,
    ts_ns: number,
    setpoints: number[],
    rates: number[],
  ): EventRow => ({
    event: 'balance_dirty_pages',
    ts_ns,
    pid,
    bdi: '7:1',
    limit_pages: 54_845,
    setpoint_pages: setpoints[0] as number,
    dirty_pages: 45_420,
    wb_setpoint_pages: setpoints[1] as number,
    wb_dirty_pages: 45_248,
    dirty_ratelimit_kibps: rates[0] as number,
    task_ratelimit_kibps: rates[1] as number,
    dirtied_pages: 16,
    dirtied_pause_pages: 86,
    paused_ms: 0,
    pause_ms: 0,
    period_ms: 4,
    think_ms: 4,
  });
  const { results } = checkIdentities(
    makeTrace(
      [
        state(1, 100, 21_253, 42_506),
        state(2, 200, 27_422, 54_845),
        update(1, 11_700, 39_000, [32_920, 14_752, 14_308, 19_972]),
        update(2, 12_700, 39_016, [0, 14_756, 15_908, 45_960]),
        throttle(1, 13_100, [43_362, 43_018], [14_752, 14_304]),
        throttle(2, 13_600, [47_989, 47_609], [14_756, 15_908]),
      ],
      { kernel: '6.18.44', host: { hz: 250 } },
    ),
  );
  for (const law of ['limit', 'dirty_ratelimit', 'bdi_task_ratelimit', 'task_ratelimit'] as const) {
    expect(results[law].exact, law).toBe(results[law].n);
  }
  expect(results.dirty_ratelimit.n).toBe(2);
  expect(results.task_ratelimit.n).toBe(2);
});

test('a task that also reads /proc/vmstat is not held to have left unthrottled', () => {
  const rows = new ThrottleSimulator({ ...BASE, writers: 2 }).run();
  const reads = rows.filter(
    (row, at) => row.event === 'global_dirty_state' && row.pid === 101 && at % 7 === 0,
  );
  // Long after the decision before, as a sampler does, and of whatever level.
  const more = reads.flatMap((row, at): EventRow[] => {
    const ts_ns = row.ts_ns - 15_000;
    return [{ ...row, ts_ns, nr_dirty_pages: at % 2 === 0 ? 100 : 15_000 }];
  });
  const { results } = checkIdentities(makeTrace([...rows, ...more]));
  for (const law of ['think', 'dirtied_pause'] as const) {
    const { n, exact, unchecked_because } = results[law];
    expect(exact, law).toBe(n);
    expect(unchecked_because['reads-statistics'], law).toBeGreaterThan(10);
  }
});
