/** Private state of pages: who gives it back, and what that leaves behind. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  PrivateState,
  RELEASE_MODES,
  type ReleaseMode,
} from '../../../src/model/policies/private/private-state.ts';
import type { ShrinkerEra } from '../../../src/model/shrinker.ts';
import {
  ShrinkerCalls,
  scannedOf,
  superblockSplit,
  vfsPressure,
} from '../../../src/model/shrinker-calls.ts';

const NODE = 16 * 1024;
const PAGE = 4096;

function buffer(mode: ReleaseMode, pages = NODE / PAGE) {
  const state = new PrivateState({
    mode,
    page_size: PAGE,
    object_pages: pages,
    object_bytes: pages * PAGE,
  });
  for (let page = 0; page < pages; page++) state.attach(1, page);
  return state;
}

describe('one page of a 16 KiB extent buffer is asked for', () => {
  test('its state goes for all four, three stay without it', () => {
    const state = buffer('releasepage');
    expect(state.reclaim(1, 0)).toBe(true);
    expect(state.counts).toMatchObject({
      private_held: 0,
      private_released: 1,
      page_freed: 1,
      orphaned_clean: 3,
    });
  });

  test('someone takes a reference after the release: all four stay', () => {
    const state = buffer('releasepage');
    expect(state.reclaim(1, 0, { page: true })).toBe(false);
    expect(state.counts).toMatchObject({ private_released: 1, page_freed: 0, orphaned_clean: 4 });
  });

  test.each([{ state: true }, { dirty: true }, { writeback: true }])('%o refuses', (hold) => {
    const state = buffer('releasepage');
    expect(state.reclaim(1, 0, hold)).toBe(false);
    expect(state.counts).toEqual({
      ...buffer('releasepage').counts,
      release_refused: 1,
    });
  });

  test('a pinned 64 KiB buffer keeps sixteen pages', () => {
    const state = buffer('releasepage', 16);
    for (let page = 0; page < 16; page++) state.reclaim(1, page, { state: true });
    expect(state.counts).toMatchObject({ private_held: 1, page_freed: 0, release_refused: 16 });
  });

  test('released at removal only, a referenced page keeps its state', () => {
    const state = new PrivateState({
      mode: 'releasepage',
      page_size: PAGE,
      object_pages: 1,
      object_bytes: 104,
      at_removal: true,
    });
    state.attach(1, 0);
    expect(state.reclaim(1, 0, { page: true })).toBe(false);
    expect(state.counts).toMatchObject({ private_held: 1, orphaned_clean: 0 });
  });
});

test('three of four blocks up to date: the whole page is read again, or just the fourth', () => {
  const state = buffer('releasepage', 1);
  state.remove(1, 0);
  state.attach(1, 0, 1, 3072);
  state.reclaim(1, 0, { page: true });
  expect(state.read(1, 0)).toBe(4096);
  expect(state.counts.reread_bytes).toBe(4096);
  const kept = buffer('inode-lifetime', 1);
  kept.attach(2, 0, 1, 3072);
  expect(kept.read(2, 0)).toBe(1024);
});

test('state that comes back to a page is counted as built again', () => {
  const state = buffer('releasepage', 1);
  state.reclaim(1, 0, { page: true });
  expect(state.isOrphan(1, 0)).toBe(true);
  state.attach(1, 0);
  expect(state.counts).toMatchObject({ rebuilt: 1, orphaned_clean: 0, private_held: 1 });
});

test('a shrinker gives pages back with their state, and never leaves one without', () => {
  const state = buffer('shrinker');
  expect(state.reclaim(1, 0)).toBe(false);
  expect(state.shrink(1)).toBe(1);
  expect(state.counts).toMatchObject({ private_released: 1, page_freed: 4, orphaned_clean: 0 });
});

test('state of an inode outlives its pages, and goes with it', () => {
  const state = buffer('inode-lifetime');
  for (let page = 0; page < 4; page++) expect(state.reclaim(1, page)).toBe(true);
  expect(state.counts).toMatchObject({ page_freed: 4, private_held: 1 });
  state.evict(1);
  expect(state.held_bytes).toBe(0);
});

test('whatever happens, objects are held, released or gone, and no count runs below zero', () => {
  const step = fc.record({
    what: fc.constantFrom('attach', 'reclaim', 'remove', 'shrink', 'evict', 'read'),
    inode: fc.nat(2),
    page: fc.nat(15),
    hold: fc.record({ dirty: fc.boolean(), state: fc.boolean(), page: fc.boolean() }),
  });
  const property = fc.property(
    fc.constantFrom(...RELEASE_MODES),
    fc.constantFrom(1, 4),
    fc.array(step, { maxLength: 200 }),
    (mode, object_pages, steps) => {
      const state = new PrivateState({ mode, page_size: PAGE, object_pages, object_bytes: 104 });
      for (const { what, inode, page, hold } of steps) {
        if (what === 'attach') state.attach(inode, page);
        else if (what === 'reclaim') state.reclaim(inode, page, hold);
        else if (what === 'remove') state.remove(inode, page);
        else if (what === 'shrink') state.shrink(page);
        else if (what === 'evict') state.evict(inode);
        else state.read(inode, page);
        for (const value of Object.values(state.counts)) expect(value).toBeGreaterThanOrEqual(0);
        if (mode !== 'releasepage') expect(state.counts.orphaned_clean).toBe(0);
      }
      for (const inode of [0, 1, 2]) state.evict(inode);
      expect(state.counts).toMatchObject({ private_held: 0, orphaned_clean: 0 });
    },
  );
  fc.assert(property, { numRuns: 200 });
});

describe('calls of a shrinker', () => {
  const call = (freeable: number, priority: number) => ({
    freeable,
    priority,
    scanned_pages: Number.NaN,
    eligible_pages: Number.NaN,
  });

  /** The first call of a constant cache that scans, at most `most` of them. */
  function firstScan(era: ShrinkerEra, freeable: number, priority: number, most = 5000) {
    const calls = new ShrinkerCalls(era, 2, 1024);
    for (let at = 1; at <= most; at++) {
      const { scanned, deferred } = calls.call(call(freeable, priority));
      if (scanned > 0) return { at, scanned, deferred };
    }
    return undefined;
  }

  test.each([
    ['priority', 100_000, 12, { at: 22, scanned: 1024, deferred: 32 }],
    ['priority-deferred', 100_000, 12, undefined],
    ['priority', 100_000, 8, { at: 2, scanned: 1024, deferred: 536 }],
    ['priority-deferred', 100_000, 8, { at: 82 }],
    ['priority-deferred', 10_000_000, 12, { at: 1, scanned: 4096, deferred: 786 }],
  ] as const)('%s, %i objects at priority %i: %o', (era, freeable, priority, expected) => {
    const first = firstScan(era, freeable, priority);
    if (expected === undefined) expect(first).toBeUndefined();
    else expect(first).toMatchObject(expected);
  });

  test('an allocation without __GFP_FS scans nothing and puts all of it off', () => {
    const calls = new ShrinkerCalls('priority-deferred', 2, 1024);
    for (let at = 1; at <= 3; at++) {
      expect(calls.call(call(100_000, 12), false)).toMatchObject({
        delta: 48,
        scanned: 0,
        deferred: 48 * at,
      });
    }
  });

  test('a small cache is only met by what was put off', () => {
    expect(firstScan('priority-deferred', 4095, 12)).toBeUndefined();
    expect(new ShrinkerCalls('priority').call(call(4096, 12)).delta).toBe(2);
  });

  test.each([
    [100, 50, 128, 100],
    [127, 1000, 128, 0],
    [300, 1000, 128, 256],
    [300, 40, 128, 300],
  ])('of %i with %i in the cache and batches of %i, %i', (total, freeable, batch, scanned) => {
    expect(scannedOf(total, freeable, batch)).toBe(scanned);
  });

  test('objects that are met twice before they go: 10000 passes at 2000 of 10 million', () => {
    // A thousandth of it: 10,000 objects, 2 a pass.
    const state = new PrivateState({
      mode: 'shrinker',
      page_size: PAGE,
      object_pages: 1,
      object_bytes: 104,
    });
    const laps = new Map<number, number>();
    for (let page = 0; page < 10_000; page++) state.attach(1, page);
    const isReferenced = (_: number, page: number) => {
      const met = (laps.get(page) ?? 0) + 1;
      laps.set(page, met);
      return met <= 2;
    };
    let passes = 0;
    while (state.shrink(2, isReferenced) === 0) passes++;
    expect(passes).toBe(10_000);
  });

  test('1024 of a superblock with a million dentries', () => {
    const objects = { dentries: 1_000_000, inodes: 500_000, fs_objects: 500_000 };
    expect(superblockSplit(1024, objects, 0)).toEqual({
      dentries: 512 + 1,
      inodes: 256 + 1,
      fs_objects: 256 + 1,
    });
    // The kernel divides by one more, which here costs each of them one.
    expect(superblockSplit(1024, objects)).toEqual({
      dentries: 511 + 1,
      inodes: 255 + 1,
      fs_objects: 255 + 1,
    });
    expect(superblockSplit(1024, { dentries: 0, inodes: 0, fs_objects: 0 })).toEqual({
      dentries: 1,
      inodes: 1,
      fs_objects: 0,
    });
  });

  test('vfs_cache_pressure of 200 counts twice', () => {
    expect(vfsPressure(100_001, 200)).toBe(200_002);
    expect(vfsPressure(150, 50)).toBe(75);
  });
});
