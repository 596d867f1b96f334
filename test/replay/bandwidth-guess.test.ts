/** The write bandwidth before two updates of it have been recorded. */
import { expect, test } from 'vitest';
import { throttleConstants } from '../../src/kernel/constants.ts';
import { updateWriteBandwidth } from '../../src/model/write-bandwidth.ts';
import { BandwidthGuess } from '../../src/replay/throttle/bandwidth-guess.ts';

const constants = throttleConstants(250, 4096);
const around = (value: number, width: number) => ({ low: value - width, high: value + width });

test('says no more than was seen until an update happens', () => {
  const guess = new BandwidthGuess(constants);
  expect(guess.average).toBeUndefined();
  guess.observe({ low: 1000, high: 1200 });
  expect(guess.average).toBeUndefined();
  guess.update({ elapsed: 51, written: 400 });
  expect(guess.average).toBeDefined();
});

test('learns the estimate from how the average moves', () => {
  const guess = new BandwidthGuess(constants);
  const updates = Array.from({ length: 6 }, () => ({ elapsed: 52, written: 4000 }));
  let truth = { write_bw: 14_000, avg_write_bw: 9000 };
  guess.observe(around(truth.avg_write_bw, 40));
  const errors = updates.map(({ elapsed, written }) => {
    truth = updateWriteBandwidth(truth, written, elapsed, constants);
    guess.update({ elapsed, written });
    const error = Math.abs((guess.average?.middle ?? 0) - truth.avg_write_bw);
    guess.observe(around(truth.avg_write_bw, 40));
    return error;
  });
  // The average itself moves by 600 and more each time.
  expect(Math.max(...errors.slice(3))).toBeLessThan(100);
});

test('after one recorded update, goes on from what was printed', () => {
  const guess = new BandwidthGuess(constants);
  const printed = { write_bw: 8000, avg_write_bw: 7200 };
  guess.restart(printed);
  const { low, middle, high } = guess.average ?? { low: 0, middle: 0, high: 0 };
  expect([low, high]).toEqual([7200, 7300]);
  expect(middle).toBeGreaterThanOrEqual(low);
});

test('is given up where nothing of it is possible', () => {
  const guess = new BandwidthGuess(constants);
  guess.observe(around(5000, 10));
  guess.update({ elapsed: 51, written: 1000 });
  guess.observe(around(90_000, 10));
  expect(guess.average).toBeUndefined();
});
