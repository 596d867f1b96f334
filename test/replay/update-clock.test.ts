/** When the write bandwidth is updated without an event, and what such an update takes in. */
import { describe, expect, test } from 'vitest';
import { UpdateClock } from '../../src/replay/throttle/update-clock.ts';

const TICK = 4_000_000;
/** A page every tick. */
const clock = () =>
  new UpdateClock({
    hz: 250,
    interval: 50,
    jiffyAt: (ts_ns) => Math.floor(ts_ns / TICK),
    timeOf: (jiffies) => jiffies * TICK,
    writtenAt: (ts_ns) => Math.floor(ts_ns / TICK),
  });
const at = (jiffies: number) => jiffies * TICK + TICK / 2;

describe('an update', () => {
  test('takes in what was written since the one before; the first one is not known', () => {
    const own = clock();
    expect(own.update(at(100))).toEqual({ elapsed: Number.NaN, written: Number.NaN });
    expect(own.update(at(130))).toEqual({ elapsed: 30, written: 30 });
  });

  test('ends do_writepages only after more than the interval', () => {
    const own = clock();
    own.update(at(100));
    expect(own.isOver(at(150))).toBe(false);
    expect(own.isOver(at(151))).toBe(true);
  });

  test('follows an inode that came back whole, by an interval and a tick; one work for all', () => {
    const own = clock();
    own.update(at(100));
    own.markInode();
    own.clearInode(at(110));
    own.clearInode(at(120));
    expect(own.due_ns).toBeGreaterThanOrEqual(161 * TICK);
    expect(own.due_ns).toBeLessThan(162 * TICK);
    expect(own.runDelayed()).toEqual({ elapsed: 61, written: 61 });
    expect(own.due_ns).toBe(Number.POSITIVE_INFINITY);
  });

  test('counts from the beginning of writing after a second of rest', () => {
    const own = clock();
    own.update(at(100));
    own.beginWriting(at(350));
    own.beginWriting(at(351));
    expect(own.update(at(360))).toEqual({ elapsed: 9, written: 9 });
  });

  test('does not where an inode is still under writeback', () => {
    const own = clock();
    own.update(at(100));
    own.markInode();
    own.beginWriting(at(351));
    expect(own.update(at(360))).toEqual({ elapsed: 260, written: 260 });
  });
});

describe('an update of a task', () => {
  test('proves that delayed work in the interval before has not run yet', () => {
    const own = clock();
    own.update(at(100));
    own.clearInode(at(99));
    own.runDelayed();
    expect(own.updateOfTask(at(151))).toEqual({ elapsed: 51, written: 51 });
    // It runs as soon as there is a CPU.
    expect(own.due_ns).toBeGreaterThan(at(151));
    expect(own.runDelayed()).toMatchObject({ elapsed: 1 });
  });

  test('is no contradiction an interval later', () => {
    const own = clock();
    own.update(at(100));
    own.hidden(at(160), false);
    expect(own.updateOfTask(at(211))).toEqual({ elapsed: 51, written: 51 });
    expect(own.due_ns).toBe(Number.POSITIVE_INFINITY);
  });
});

test('after lost events nothing is known', () => {
  const own = clock();
  own.update(at(100));
  own.clearInode(at(110));
  own.forget();
  expect(own.due_ns).toBe(Number.POSITIVE_INFINITY);
  expect(own.update(at(120)).elapsed).toBeNaN();
});
