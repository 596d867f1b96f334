import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  type Demand,
  type Limits,
  runWriters,
  type Writers,
} from '../../../src/replay/what-if/writers.ts';

const MIB = 256;
const S = 1e9;

/** Goes on as soon as it may: `mib` in `own_s` seconds of its own time. */
const eager = (mib: number, own_s: number): Demand => ({
  start_ns: 0,
  own_ns: [0, own_s * S],
  pages: [0, mib * MIB],
  pace_pages_per_s: undefined,
});

const writersOf = (demands: readonly Demand[], drain_mibps: number): Writers => ({
  demands,
  drain_pages_per_s: drain_mibps * MIB,
  level_pages: 0,
  duration_ns: 20 * S,
});

const limit =
  (thresh: number, background = thresh / 2) =>
  (): Limits => {
    return { thresh: thresh * MIB, background: background * MIB, limit: thresh * MIB };
  };

test('in free run nobody is paused', () => {
  const outcome = runWriters(writersOf([eager(100, 1)], 40), limit(512));
  expect(outcome.paused_ns).toBe(0);
  expect(outcome.peak_pages / MIB).toBeCloseTo(100, 0);
});

test('what a limit holds is dirtied at once, the rest at the pace of the device', () => {
  // 900 MiB in 1 s of its own, 40 MiB/s, setpoint 224: (900 - 224) / 40 s and its own second.
  const outcome = runWriters(writersOf([eager(900, 1)], 40), limit(256));
  expect(outcome.done_ns / S).toBeGreaterThan(16);
  expect(outcome.done_ns / S).toBeLessThan(18.5);
  expect(outcome.paused_ns / S).toBeCloseTo(outcome.done_ns / S - 1, 0);
  expect(outcome.peak_pages / MIB).toBeGreaterThan(192);
  expect(outcome.peak_pages / MIB).toBeLessThanOrEqual(256);
});

test('one that has a pace is due what it was kept from', () => {
  const paced: Demand = { ...eager(400, 1), pace_pages_per_s: 50 * MIB };
  const free = runWriters(writersOf([paced], 60), limit(512));
  expect(free.paused_ns).toBe(0);
  expect(free.done_ns / S).toBeCloseTo(8, 0);
  const held = runWriters(writersOf([paced], 25), limit(64));
  expect(held.done_ns / S).toBeGreaterThan(13);
});

test('a light writer keeps its pace beside a heavy one', () => {
  const light: Demand = { ...eager(40, 8), pace_pages_per_s: 5 * MIB };
  const alone = runWriters(writersOf([eager(400, 1)], 40), limit(128));
  const both = runWriters(writersOf([eager(400, 1), light], 40), limit(128));
  expect(both.paused_ns).toBeGreaterThanOrEqual(alone.paused_ns * 0.95);
});

test('a device that writes nothing ends the run, not the program', () => {
  const outcome = runWriters(writersOf([eager(900, 1)], 0), limit(64));
  expect(outcome.peak_pages / MIB).toBeLessThanOrEqual(64);
  expect(Number.isFinite(outcome.paused_ns)).toBe(true);
});

test('a higher limit and a faster device never pause more', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 16, max: 512 }),
      fc.integer({ min: 50, max: 900 }),
      fc.integer({ min: 10, max: 200 }),
      (thresh, mib, drain_mibps) => {
        const run = (high: number, rate: number) =>
          runWriters(writersOf([eager(mib, 1)], rate), limit(high)).paused_ns;
        const tick = 2e7;
        expect(run(2 * thresh, drain_mibps)).toBeLessThanOrEqual(run(thresh, drain_mibps) + tick);
        expect(run(thresh, 2 * drain_mibps)).toBeLessThanOrEqual(run(thresh, drain_mibps) + tick);
      },
    ),
    { numRuns: 40 },
  );
});
