/** The throttle's formulas against plain BigInt arithmetic, and inversions against the formulas. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  ilog2,
  jiffiesOfPrinted,
  orOne,
  printedMs,
  roundUpPowerOfTwo,
  shiftRight,
  truncDivide,
} from '../../src/kernel/arithmetic.ts';
import { throttleConstants } from '../../src/kernel/constants.ts';
import { bandwidthsGiving, taskRatelimit } from '../../src/model/bandwidth-inversion.ts';
import { dirtyableMemory, domainDirtyLimits, trackDirtyLimit } from '../../src/model/limits.ts';
import {
  afterSkip,
  bandwidthsPausing,
  decidePause,
  longestPause,
  planPause,
  pollInterval,
} from '../../src/model/pause.ts';
import {
  type DomainPoint,
  positionPolynomial,
  positionRatio,
} from '../../src/model/position-ratio.ts';
import { nextDirtyRatelimit } from '../../src/model/ratelimit.ts';
import {
  addCompletions,
  highestWbThreshold,
  lowestWbThreshold,
  newPeriod,
  printedWbSetpoint,
  propFraction,
  RATIO_SCALE,
  wbBackground,
  wbThreshold,
} from '../../src/model/wb-share.ts';
import { updateWriteBandwidth, writtenBetween } from '../../src/model/write-bandwidth.ts';
import { asPages } from '../../src/trace/units.ts';

const big = BigInt;
const int = (min: number, max: number) => fc.integer({ min, max });
const pages = int(0, 2 ** 26);
const rate = int(1, 2 ** 22);
const C250 = throttleConstants(250, 4096);

describe('arithmetic', () => {
  test('signed division and shifts are those of C', () => {
    fc.assert(
      fc.property(int(-(2 ** 40), 2 ** 40), int(1, 2 ** 20), int(0, 12), (value, by, bits) => {
        expect(big(truncDivide(value, by))).toBe(big(value) / big(by));
        expect(big(shiftRight(value, bits))).toBe(big(value) >> big(bits));
        expect(big(orOne(value))).toBe(big(value) | 1n);
      }),
      { seed: 21 },
    );
  });

  test.each([
    [1, 0, 1],
    [2, 1, 2],
    [3, 1, 4],
    [2 ** 31 - 1, 30, 2 ** 31],
    [2 ** 31, 31, 2 ** 31],
    [2 ** 48 - 1, 47, 2 ** 48],
    [2 ** 48 + 1, 48, 2 ** 49],
  ])('%i: ilog2 %i, rounded up %i', (value, log, up) => {
    expect([ilog2(value), roundUpPowerOfTwo(value)]).toEqual([log, up]);
  });

  test('printed times lead back to jiffies, also before zero', () => {
    for (const hz of [100, 250, 300, 1000]) {
      for (let jiffies = -700; jiffies <= 700; jiffies++) {
        expect(jiffiesOfPrinted(printedMs(jiffies, hz), hz)).toBe(jiffies);
      }
    }
    expect(jiffiesOfPrinted(3, 250)).toBeNaN();
  });
});

// kernel-core, table of constants.
test.each([
  [100, 20, 512, 16, 128],
  [250, 50, 1024, 32, 256],
  [300, 60, 1024, 64, 512],
  [1000, 200, 4096, 128, 1024],
])('HZ %i', (hz, max_pause, bandwidth_period, pause_divisor, second) => {
  const expected = { max_pause, bandwidth_interval: max_pause, bandwidth_period, pause_divisor };
  expect(throttleConstants(hz, 4096)).toMatchObject({ ...expected, second, poll_pages: 32 });
  expect(throttleConstants(hz, 65536)).toMatchObject({ poll_pages: 2, initial_bandwidth: 1600 });
});

/** wb_position_ratio as one reads it, in BigInt, with a floor in wb_thresh and no strictlimit. */
function referenceRatio(at: DomainPoint, bandwidth: number): bigint {
  const [thresh, limit, dirty] = [big(at.thresh), big(at.limit), big(at.dirty)];
  if (dirty >= limit) return 0n;
  const setpoint = ((thresh + big(at.background)) / 2n + limit) / 2n;
  const x0 = ((setpoint - dirty) << 10n) / ((limit - setpoint) | 1n);
  let ratio = (((x0 * x0) >> 10n) * x0) >> 10n;
  ratio += 1024n;
  if (ratio < 0n) ratio = 0n;
  if (ratio > 2048n) ratio = 2048n;
  const share = big(Math.min(at.wb_thresh, at.thresh));
  const wbDirty = big(at.wb_dirty);
  const x = (share << 16n) / (thresh | 1n);
  const middle = (setpoint * x) >> 16n;
  const span = ((thresh - share + 8n * big(bandwidth)) * x) >> 16n;
  const end = middle + span;
  if (wbDirty < end - span / 4n) ratio = (ratio * (end - wbDirty)) / ((end - middle) | 1n);
  else ratio /= 4n;
  const half = share / 2n;
  if (wbDirty >= half) return ratio;
  return wbDirty > half / 8n ? (ratio * half) / wbDirty : ratio * 8n;
}

const point = fc
  .record({ thresh: int(64, 2 ** 24), more: pages, dirty: pages, share: pages, wb_dirty: pages })
  .map(({ thresh, more, dirty, share, wb_dirty }): DomainPoint => {
    const wb_thresh = share % (thresh + 1);
    const background = Math.floor(thresh / 2);
    return {
      thresh,
      background,
      limit: thresh + (more % thresh),
      dirty: dirty % (2 * thresh),
      wb_thresh,
      wb_background: wbBackground(wb_thresh, thresh, background),
      wb_dirty: wb_dirty % (2 * thresh),
    };
  });
const PLAIN = { strictlimit: false, floored: true };

describe('position', () => {
  test('the ratio is the kernel`s expression', () => {
    fc.assert(
      fc.property(point, rate, (at, bandwidth) => {
        expect(big(positionRatio(at, bandwidth, PLAIN))).toBe(referenceRatio(at, bandwidth));
      }),
      { seed: 22, numRuns: 2000 },
    );
  });

  test('the polynomial is 2 far below, 1 at and 0 at the limit', () => {
    expect([0, 100, 150, 200].map((dirty) => positionPolynomial(100, dirty, 200))).toEqual([
      2015, 1024, 900, 32,
    ]);
    expect(positionPolynomial(100, 100, 101)).toBe(1024);
  });

  test('strictlimit takes the smaller of both, and nothing at its own threshold', () => {
    const at = {
      thresh: 1000,
      background: 500,
      limit: 1000,
      dirty: 875,
      wb_thresh: 100,
      wb_background: 50,
      wb_dirty: 90,
    };
    const strict = { strictlimit: true, floored: true };
    expect(positionRatio(at, 0, strict)).toBe(positionPolynomial(75, 90, 100));
    expect(positionRatio({ ...at, wb_dirty: 10 }, 0, strict)).toBe(1024);
    expect(positionRatio({ ...at, wb_dirty: 100 }, 0, strict)).toBe(0);
    expect(positionRatio({ ...at, wb_thresh: 0, wb_dirty: 0 }, 0, strict)).toBe(0);
    // Until 6.12, nearly nothing dirty is never paused.
    const old = { strictlimit: true, floored: false };
    expect(positionRatio({ ...at, wb_thresh: 0, wb_dirty: 7 }, 0, old)).toBe(2048);
  });

  test('the bandwidths that give a rate hold the one it was made with', () => {
    fc.assert(
      fc.property(point, rate, rate, (at, bandwidth, dirtyRatelimit) => {
        const task = taskRatelimit(dirtyRatelimit, at, bandwidth, PLAIN);
        const within = { low: 1, high: 2 ** 31 };
        const found = bandwidthsGiving(task, dirtyRatelimit, at, PLAIN, within);
        expect(found).toBeDefined();
        expect(found?.low).toBeLessThanOrEqual(bandwidth);
        expect(found?.high).toBeGreaterThanOrEqual(bandwidth);
      }),
      { seed: 23, numRuns: 2000 },
    );
  });
});

describe('a device`s share', () => {
  test('wb_setpoint leads back to wb_thresh', () => {
    fc.assert(
      fc.property(point, (at) => {
        const setpoint = Math.floor((at.thresh + at.limit) / 2);
        const printed = printedWbSetpoint(setpoint, at.wb_thresh, at.thresh);
        const low = lowestWbThreshold(printed, setpoint, at.thresh);
        const high = highestWbThreshold(printed, setpoint, at.thresh);
        expect(low).toBeLessThanOrEqual(at.wb_thresh);
        expect(high).toBeGreaterThanOrEqual(at.wb_thresh);
        for (const end of [low, high]) {
          expect(printedWbSetpoint(setpoint, end, at.thresh)).toBe(printed);
        }
      }),
      { seed: 24, numRuns: 1000 },
    );
  });

  const all = { min_ratio: 0, max_ratio: RATIO_SCALE, all_min_ratio: 0, strictlimit: false };
  const half = { numerator: 1, denominator: 2 };
  test('is its part of the completions, floored and capped', () => {
    expect(wbThreshold(8000, 7000, half, all)).toBe(4000);
    expect(wbThreshold(8000, 4000, { numerator: 0, denominator: 9 }, all)).toBe(500);
    const strict = { ...all, strictlimit: true, max_ratio: 5000 };
    expect(wbThreshold(8000, 4000, { numerator: 0, denominator: 9 }, strict)).toBe(40);
    expect(wbThreshold(8000, 4000, half, { ...all, max_ratio: 40_000 })).toBe(320);
    expect(wbThreshold(8000, undefined, { numerator: 0, denominator: 9 }, all)).toBe(0);
  });

  test('min_ratio of others is taken off first, its own put on', () => {
    const mine = { ...all, min_ratio: 100_000, all_min_ratio: 200_000 };
    expect(wbThreshold(8000, 7999, half, mine)).toBe(3200 + 800);
    // A cgroup with a quarter of the bandwidth has a quarter of the minimum.
    expect(wbThreshold(8000, 7999, half, mine, { own: 1, all: 4 })).toBe(3200 + 200);
  });

  test('completions decay by half every period', () => {
    const local = { events: 0, period: 0 };
    const global = { events: 1, period: 0 };
    expect(addCompletions(local, global, 1023)).toBe(1023);
    expect(propFraction(local, global)).toEqual({ numerator: 1023, denominator: 1024 });
    expect(newPeriod(global, 2)).toBe(true);
    expect(global).toEqual({ events: 256, period: 2 });
    expect(propFraction(local, global)).toEqual({ numerator: 255, denominator: 256 });
    newPeriod(global, 64);
    expect(propFraction(local, global).numerator).toBe(0);
    expect(newPeriod({ events: 1, period: 0 }, 1)).toBe(false);
  });

  test('a device may not complete more than its share counts', () => {
    const local = { events: 0, period: 0 };
    const global = { events: 1000, period: 0 };
    for (let i = 0; i < 100; i++) addCompletions(local, global, 50, 256);
    const { numerator, denominator } = propFraction(local, global);
    expect(numerator / denominator).toBeLessThanOrEqual(0.26);
    expect(numerator / denominator).toBeGreaterThan(0.24);
  });
});

describe('write bandwidth', () => {
  test('one update is the kernel`s expression, and tells what was written', () => {
    fc.assert(
      fc.property(rate, rate, pages, int(1, 3000), (write_bw, avg_write_bw, written, elapsed) => {
        const next = updateWriteBandwidth({ write_bw, avg_write_bw }, written, elapsed, C250);
        const amount = big(written) * 250n;
        const expected =
          elapsed > 1024
            ? amount / big(elapsed)
            : (amount + big(write_bw) * big(1024 - elapsed)) >> 10n;
        expect(big(next.write_bw)).toBe(expected);
        const back = writtenBetween(write_bw, next.write_bw, elapsed, C250);
        expect(back.low).toBeLessThanOrEqual(written);
        expect(back.high).toBeGreaterThanOrEqual(written);
      }),
      { seed: 25, numRuns: 1000 },
    );
  });

  test('the average follows only beyond the old estimate', () => {
    const at = (write_bw: number, avg_write_bw: number, written: number) =>
      updateWriteBandwidth({ write_bw, avg_write_bw }, written, 50, C250).avg_write_bw;
    expect(at(1000, 1800, 0)).toBe(1700);
    expect(at(1000, 1800, 1e6)).toBe(1800);
    expect(at(1000, 200, 1e6)).toBe(300);
    expect(at(1000, 200, 0)).toBe(200);
  });
});

describe('pauses', () => {
  test('bandwidths and the longest pause lead to each other', () => {
    fc.assert(
      fc.property(pages, rate, (wbDirty, bandwidth) => {
        const pause = longestPause(wbDirty, bandwidth, C250);
        const range = bandwidthsPausing(wbDirty, pause, C250);
        expect(range?.low).toBeLessThanOrEqual(bandwidth);
        expect(range?.high).toBeGreaterThanOrEqual(bandwidth);
      }),
      { seed: 26, numRuns: 1000 },
    );
  });

  // Recorded: slow-device, a single writer at its rate.
  test('a plan of a recorded event', () => {
    const rates = { avg_write_bw: 9014, dirty_ratelimit: 8616, task_ratelimit: 4291 };
    const plan = { max_pause: 0, min_pause: 0, next_dirtied_pause: 0 };
    planPause(47_676, rates, C250, plan);
    expect(plan).toEqual({ max_pause: 50, min_pause: 2, next_dirtied_pause: 67 });
  });

  const empty = { sleeps: false, printed_pause: 0, period: 0, now_advance: 0, raw_pause: 0 };
  const plan = { max_pause: 10, min_pause: 3, next_dirtied_pause: 64 };
  test.each([
    // dirtied, rate, since; sleeps, printed, advance
    [32, 0, 5, true, 10, 0],
    [32, 2000, 0, true, 4, 0],
    [32, 2000, 2, false, 0, 0],
    [32, 2000, 9, false, -5, 0],
    [32, 500, 0, true, 10, 6],
    [320, 500, 0, true, 10, 10],
  ])('%i pages at %i/s, %i jiffies after', (dirtied, task, since, sleeps, printed, advance) => {
    const decision = decidePause(dirtied, task, since, plan, 250, { ...empty });
    expect([decision.sleeps, decision.printed_pause, decision.now_advance]).toEqual([
      sleeps,
      printed,
      advance,
    ]);
  });

  test('without a sleep the time is charged, forgiven, or the next check put off', () => {
    const left = (raw_pause: number, period: number) => {
      const task = { paused_when: 1000, nr_dirtied_pause: 32 };
      afterSkip(task, { ...empty, raw_pause, period }, 5000, 40, 250);
      return [task.paused_when, task.nr_dirtied_pause];
    };
    expect(left(-3, 4)).toEqual([1004, 32]);
    expect(left(-251, 4)).toEqual([5000, 32]);
    expect(left(-3, 0)).toEqual([1000, 72]);
  });

  test.each([
    [100, 100, 1],
    [0, 1, 1],
    [0, 4096, 64],
    [0, 8191, 64],
    [200, 100, 1],
  ])('%i of %i dirty: asked again after %i', (dirty, thresh, expected) => {
    expect(pollInterval(dirty, thresh)).toBe(expected);
  });
});

test('a rate steps only as far as all three rates agree', () => {
  const before = { dirty_ratelimit: 1000, balanced_dirty_ratelimit: 3000 };
  const below = { dirty: 1, setpoint: 2 };
  const above = { dirty: 2, setpoint: 1 };
  // need = 1000, shift = ⌊1000/2001⌋ = 0, step = 125
  expect(nextDirtyRatelimit(before, 2000, 2500, below)).toBe(1125);
  expect(nextDirtyRatelimit(before, 2000, 900, below)).toBe(1000);
  expect(nextDirtyRatelimit(before, 400, 300, above)).toBe(1000);
  const falling = { dirty_ratelimit: 1000, balanced_dirty_ratelimit: 200 };
  expect(nextDirtyRatelimit(falling, 400, 300, above)).toBe(1000 - 75);
  expect(nextDirtyRatelimit({ ...falling, dirty_ratelimit: 1 }, 0, 0, above)).toBe(1);
});

describe('thresholds', () => {
  const ratio = { dirty_ratio: 20, background_ratio: 10, dirty_bytes: 0, background_bytes: 0 };
  const none = { page_size: 4096, boost: 'none' } as const;
  test('ratios are parts of the page size first', () => {
    const { thresh, background } = domainDirtyLimits(ratio, asPages(1_000_000), asPages(0), none);
    expect([thresh, background]).toEqual([199_951, 99_853]);
  });

  test('bytes round up, and a background above the threshold is half of it', () => {
    const bytes = { ...ratio, dirty_bytes: 8193, background_bytes: 1e9 };
    expect(domainDirtyLimits(bytes, asPages(9), asPages(0), none)).toEqual({
      thresh: 3,
      background: 1,
    });
  });

  test('real-time tasks get a quarter and a 32nd of the limit more', () => {
    const rules = { page_size: 4096, boost: 'quarter-and-limit' } as const;
    const bytes = { ...ratio, dirty_bytes: 4096 * 1000, background_bytes: 4096 * 400 };
    expect(domainDirtyLimits(bytes, asPages(9), asPages(3200), rules)).toEqual({
      thresh: 1350,
      background: 600,
    });
  });

  test('the tracked limit rises at once and falls by a 32nd', () => {
    const track = (limit: number, thresh: number, dirty: number) =>
      trackDirtyLimit(asPages(limit), asPages(thresh), asPages(dirty));
    expect([track(100, 200, 0), track(200, 200, 0), track(3400, 200, 0)]).toEqual([200, 200, 3300]);
    // Recorded: two writers with a ratio, thresh 118543, dirty 105129.
    expect(track(119_211, 118_543, 105_129)).toBe(119_191);
  });

  test('memory that may be dirtied is never below one', () => {
    const at = (...values: number[]) =>
      dirtyableMemory(...(values.map(asPages) as unknown as Parameters<typeof dirtyableMemory>));
    expect([at(100, 200, 0, 0), at(300, 200, 10, 20)]).toEqual([1, 131]);
  });
});
