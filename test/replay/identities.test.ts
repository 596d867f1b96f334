/** The laws of kernel-core C.9 on mini-traces: each is held, broken, unpaired and lost once. */
import { describe, expect, test } from 'vitest';
import { checkIdentities, IDENTITIES, type IdentityName } from '../../src/replay/identities.ts';
import { lossIndex } from '../../src/replay/losses.ts';
import { type EventRow, makeTrace, type TraceFacts } from '../helpers/trace-builder.ts';

/** 64 and 32 MiB in pages of 4 KiB: freerun 12288, limit 16384, setpoint 14336. */
const state = (ts_ns: number, more: Record<string, number | bigint | string> = {}): EventRow => ({
  event: 'global_dirty_state',
  ts_ns,
  nr_dirty_pages: 12_000,
  nr_writeback_pages: 3_000,
  dirty_thresh_pages: 16_384,
  background_thresh_pages: 8_192,
  dirty_limit_pages: 16_384,
  nr_dirtied_pages: 0,
  nr_written_pages: 0,
  ...more,
});
const throttle = (
  ts_ns: number,
  more: Record<string, number | bigint | string> = {},
): EventRow => ({
  event: 'balance_dirty_pages',
  ts_ns,
  bdi: '7:0',
  limit_pages: 16_384,
  setpoint_pages: 14_336,
  dirty_pages: 15_000,
  period_ms: 20,
  pause_ms: 20,
  dirtied_pages: 32,
  task_ratelimit_kibps: 6_000,
  dirty_ratelimit_kibps: 8_000,
  ...more,
});
// min(1500·5000/(2000|1), 5000) = 3748 pages/s
const update = (ts_ns: number, more: Record<string, number | bigint | string> = {}): EventRow => ({
  event: 'bdi_dirty_ratelimit',
  ts_ns,
  bdi: '7:0',
  task_ratelimit_kibps: 6_000,
  avg_write_bw_kibps: 20_000,
  dirty_rate_kibps: 8_000,
  dirty_ratelimit_kibps: 8_000,
  balanced_dirty_ratelimit_kibps: 3_748 * 4,
  ...more,
});

const OWN_FIELDS: readonly IdentityName[] = [
  'limit',
  'setpoint',
  'dirty',
  'period',
  'dirty_ratelimit',
  'balanced_dirty_ratelimit',
];
const HOST = { hz: 250 };
const check = (rows: EventRow[], facts: TraceFacts = {}) =>
  checkIdentities(makeTrace(rows, { host: HOST, ...facts }));
/** Checked, exact and unchecked events of a law. */
const tally = (rows: EventRow[], law: IdentityName, facts?: TraceFacts) => {
  const { n, exact, unchecked } = check(rows, facts).results[law];
  return [n, exact, unchecked];
};

describe('laws that hold', () => {
  test('each is checked once and exact', () => {
    const { results } = check([update(1), state(2), throttle(3)]);
    // Those of rates and sleeps need more fields: throttle-laws.test.ts.
    for (const law of OWN_FIELDS)
      expect({ law, ...results[law] }).toMatchObject({
        n: 1,
        exact: 1,
        unchecked: 0,
        mismatches: [],
      });
  });

  test('a rate of zero: period and pause are the longest pause', () => {
    expect(
      tally([throttle(1, { task_ratelimit_kibps: 0, period_ms: 200, pause_ms: 200 })], 'period'),
    ).toEqual([1, 1, 0]);
    expect(
      tally([throttle(1, { task_ratelimit_kibps: 0, period_ms: 48, pause_ms: 48 })], 'period'),
    ).toEqual([1, 1, 0]);
    expect(
      tally([throttle(1, { task_ratelimit_kibps: 0, period_ms: 400, pause_ms: 400 })], 'period'),
    ).toEqual([1, 0, 0]);
  });
});

describe('laws that are broken', () => {
  test.each<[IdentityName, EventRow[], number, number]>([
    ['limit', [state(1), throttle(2, { limit_pages: 16_385 })], 16_385, 16_384],
    ['setpoint', [state(1), throttle(2, { setpoint_pages: 14_335 })], 14_335, 14_336],
    ['dirty', [state(1), throttle(2, { dirty_pages: 15_272 })], 15_272, 15_000],
    ['period', [throttle(1, { period_ms: 24 })], 24, 20],
    ['dirty_ratelimit', [update(1), throttle(2, { dirty_ratelimit_kibps: 8_004 })], 8_004, 8_000],
    [
      'balanced_dirty_ratelimit',
      [update(1, { balanced_dirty_ratelimit_kibps: 15_000 })],
      3_750,
      3_748,
    ],
  ])('%s', (law, rows, recorded, expected) => {
    const result = check(rows).results[law];
    expect(result).toMatchObject({ n: 1, exact: 0, max_abs: Math.abs(recorded - expected) });
    const [mismatch] = result.mismatches;
    expect(mismatch).toMatchObject({
      ts_ns: rows.at(-1)?.ts_ns,
      seq: rows.length - 1,
      recorded,
      expected,
    });
  });

  test('five mismatches are kept, all are counted', () => {
    const rows = Array.from({ length: 9 }, (_, at) => throttle(at, { period_ms: 21 }));
    const { n, exact, mismatches } = check(rows).results.period;
    expect([n, exact, mismatches.length]).toEqual([9, 0, 5]);
  });
});

describe('pairing', () => {
  test('with the last state of the same task, not of another', () => {
    const other = state(2, { pid: 2, nr_dirty_pages: 1 });
    expect(tally([state(1), other, throttle(3)], 'dirty')).toEqual([1, 1, 0]);
    expect(tally([other, throttle(3)], 'dirty')).toEqual([0, 0, 1]);
    expect(tally([state(1, { nr_dirty_pages: 1 }), state(2), throttle(3)], 'dirty')).toEqual([
      1, 1, 0,
    ]);
  });

  test('at one time, the order of recording decides', () => {
    expect(tally([state(5), throttle(5)], 'dirty')).toEqual([1, 1, 0]);
    expect(tally([throttle(5), state(5)], 'dirty')).toEqual([0, 0, 1]);
  });

  test('not across lost events of any CPU', () => {
    const losses = [{ cpu: 1, from_ns: 2, ts_ns: 3, count: undefined }];
    const rows = [update(1), state(1), throttle(4), state(5), throttle(6)];
    expect(tally(rows, 'limit', { losses })).toEqual([1, 1, 1]);
    // The rate of the event after the gap is what the next one must have.
    expect(tally(rows, 'dirty_ratelimit', { losses })).toEqual([1, 1, 1]);
    expect(tally([...rows, update(7), throttle(8)], 'dirty_ratelimit', { losses })).toEqual([
      2, 2, 1,
    ]);
  });

  test('a rate belongs to its bdi and cgroup', () => {
    const group = (cgroup_ino: bigint) => ({ cgroup_ino });
    expect(tally([update(1, { bdi: '8:0' }), throttle(2)], 'dirty_ratelimit')).toEqual([0, 0, 1]);
    expect(tally([update(1, group(1n)), throttle(2, group(1n << 40n))], 'dirty_ratelimit')).toEqual(
      [0, 0, 1],
    );
    expect(
      tally(
        [
          update(1, group(1n << 40n)),
          update(2, { ...group(1n), dirty_ratelimit_kibps: 4 }),
          throttle(3, group(1n << 40n)),
        ],
        'dirty_ratelimit',
      ),
    ).toEqual([1, 1, 0]);
  });

  test('without the events that a law needs nothing is checked', () => {
    expect(tally([throttle(1)], 'limit')).toEqual([0, 0, 1]);
    expect(tally([throttle(1)], 'dirty_ratelimit')).toEqual([0, 0, 1]);
    expect(tally([throttle(1)], 'period', { host: {} })).toEqual([0, 0, 1]);
    expect(tally([state(1)], 'limit')).toEqual([0, 0, 0]);
    for (const law of IDENTITIES) expect(tally([], law)).toEqual([0, 0, 0]);
  });

  test('an event without one of the columns is checked by the laws that do not need it', () => {
    const { limit_pages: _, ...rest } = throttle(2) as EventRow & { limit_pages: number };
    const rows = [state(1), rest as EventRow];
    expect(tally(rows, 'period')).toEqual([1, 1, 0]);
    expect(check(rows).results.limit).toMatchObject({
      n: 0,
      unchecked: 1,
      unchecked_because: { 'not-recorded': 1 },
    });
  });

  test('values that a text lacks or that ran below zero are not checked, and break nothing', () => {
    const { dirtied_pages: _, ...rest } = throttle(2) as EventRow & { dirtied_pages: number };
    expect(tally([throttle(1), rest as EventRow], 'period')).toEqual([1, 1, 1]);
    expect(tally([update(1, { dirty_rate_kibps: -37_665 })], 'balanced_dirty_ratelimit')).toEqual([
      0, 0, 1,
    ]);
    expect(tally([update(1, { dirty_rate_kibps: 2 ** 63 })], 'balanced_dirty_ratelimit')).toEqual([
      1, 0, 0,
    ]);
  });
});

describe('what `limit` means', () => {
  const above = { dirty_thresh_pages: 20_000, dirty_limit_pages: 16_384 };
  const rows = (limit_pages: number) => [
    state(1, above),
    throttle(2, { limit_pages }),
    state(3),
    throttle(4),
  ];

  test.each([
    [20_000, '5.15.0', true, 'evidence'],
    [16_384, '6.18.0', false, 'evidence'],
    [17_000, '5.15.0', false, 'release'],
    [17_000, '6.18.0', true, 'release'],
    [17_000, undefined, true, 'assumed'],
  ])('recorded %i on %s: of the domain %s by %s', (limit, kernel, on, because) => {
    const facts = kernel === undefined ? {} : { kernel };
    expect(check(rows(limit), facts).limit_of_domain).toMatchObject({ on, because });
  });

  test.each([20_000, 16_384])('the meaning %i explains itself on both sides', (limit) => {
    expect(tally(rows(limit), 'limit')).toEqual([2, 2, 0]);
  });

  test('while the threshold lies below, both meanings agree and the release decides', () => {
    const equal = [state(1), throttle(2)];
    expect(check(equal, { kernel: '5.15.0' }).limit_of_domain).toMatchObject({
      on: false,
      because: 'release',
    });
    const falling = [state(1, { dirty_limit_pages: 30_000 }), throttle(2, { limit_pages: 30_000 })];
    expect(tally(falling, 'limit', { kernel: '5.15.0' })).toEqual([1, 1, 0]);
    expect(tally(falling, 'limit', { kernel: '6.18.0' })).toEqual([1, 1, 0]);
  });
});

test('NFS pages that wait for a commit count as dirty while the kernel prints them', () => {
  const rows = [state(1, { nr_unstable_pages: 500 }), throttle(2, { dirty_pages: 15_500 })];
  expect(tally(rows, 'dirty', { kernel: '5.4.0' })).toEqual([1, 1, 0]);
});

describe('losses', () => {
  const gap = (cpu: number, from_ns: number, ts_ns: number) => ({ cpu, from_ns, ts_ns, count: 1 });
  test('of several CPUs join where they touch', () => {
    expect(
      lossIndex([gap(1, 30, 40), gap(0, 5, 10), gap(0, 10, 12), gap(2, 6, 7)]).intervals,
    ).toEqual([
      { from_ns: 5, to_ns: 12 },
      { from_ns: 30, to_ns: 40 },
    ]);
  });

  test.each([
    [0, 4, false],
    [0, 5, true],
    [12, 12, true],
    [12.5, 29, false],
    [13, 30, true],
    [41, 50, false],
    [0, 99, true],
  ])('[%f, %f] meets a gap: %s', (from, to, expected) => {
    const index = lossIndex([gap(0, 5, 12), gap(1, 30, 40)]);
    expect(index.overlaps(from, to)).toBe(expected);
  });
});
