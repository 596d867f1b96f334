/** When tree nodes are written and throttled: each row of the reference's table. */
import { describe, expect, test } from 'vitest';
import {
  compareTreeCounter,
  decodeTreeCounter,
  encodeTreeCounter,
  migrateTreePage,
  nodesToGate,
  skipsInhibited,
  TREE_THRESHOLD,
  treeBalances,
  treeCounterBand,
  treeCounterBatch,
  treeWrites,
} from '../../../src/model/policies/btree-rules.ts';
import { TreeCounter } from '../../../src/model/policies/tree-counter.ts';
import { call, eachNode, KIB, limits, MIB, nrDirty, PID, runOf, WB } from './tree-history.ts';

const GATE = {
  gate: TREE_THRESHOLD,
  gate_other: TREE_THRESHOLD,
  kupdate_skip: true,
  background_skip: false,
};
const BACKGROUND = { sync: false, kupdate: false, background: true };
const NODE = 16 * KIB;

describe('the gate of 32 MiB has two edges', () => {
  const EDGES = [
    [4 * KIB, 8192],
    [16 * KIB, 2048],
    [64 * KIB, 512],
  ] as const;
  for (const [size, count] of EDGES) {
    test(`${count} nodes of ${size >> 10} KiB: written, not throttled`, () => {
      const edges = [count - 1, count, count + 1].map((n) => [
        treeWrites(BACKGROUND, n * size, GATE),
        treeBalances(n * size, TREE_THRESHOLD),
      ]);
      expect(edges).toEqual([
        [false, false],
        [true, false],
        [true, true],
      ]);
    });
  }

  test('a system behaves so', () => {
    for (const [size, edge] of EDGES) {
      for (const [count, written, looks] of [
        [edge - 1, 0, 0],
        [edge, edge, 0],
        [edge + 1, edge + 1, 1],
      ] as const) {
        const run = runOf('btrfs-gate', { node_size: size });
        run.feed(limits(1000, 500));
        eachNode(run, 'dirty', count, size);
        const task = run.entries().find(({ pid }) => pid === PID);
        expect(Math.min(1, task?.throttled ?? 0)).toBe(looks);
        run.feed(call('start', BACKGROUND));
        run.feed(call('end', BACKGROUND));
        expect(run.book.get('NR_WRITEBACK')).toBe((written * size) / (4 * KIB));
      }
    }
  });
});

describe('the case of 2026: 1750 nodes, a limit of 16 MB', () => {
  const bytes = 1750 * NODE;

  test('is below the gate by 298 nodes', () => {
    expect(bytes).toBe(28_672_000);
    expect(bytes / 4096).toBe(7000);
    expect(TREE_THRESHOLD - bytes).toBe(4_882_432);
    expect(nodesToGate(bytes, TREE_THRESHOLD, NODE)).toBe(298);
  });

  test('is above the limit of its cgroup all the same: tasks wait, and nothing is written', () => {
    // What the cgroup's wb counted of them: 5712 pages.
    const seen = 5712;
    const limit = Math.floor(16_000_000 / 4096);
    const run = runOf('btrfs-gate');
    eachNode(run, 'dirty', seen / 4, NODE);
    run.feed(limits(limit, limit / 2));
    expect(nrDirty(run) * 4096).toBe(23_396_352);
    expect(run.level()?.dirty).toBeGreaterThan(run.level()?.thresh ?? Number.NaN);
    expect(run.throttled).toHaveLength(1);
    for (let round = 0; round < 10; round++) {
      run.feed(call('start', BACKGROUND));
      run.feed(call('end', BACKGROUND));
    }
    expect(nrDirty(run)).toBe(seen);
  });

  test('never makes progress with the gate, and writes 256 nodes at once without', () => {
    for (const [id, written] of [
      ['btrfs-gate', 0],
      ['btrfs-no-gate', 256],
    ] as const) {
      const run = runOf(id);
      eachNode(run, 'dirty', 1750, NODE);
      const request = { ...BACKGROUND, budget_bytes: 1024 * 4096 };
      run.feed(call('start', request));
      run.feed(call('end', request));
      expect(run.book.get('NR_WRITEBACK') / 4).toBe(written);
      expect(nrDirty(run)).toBe(7000 - 4 * written);
    }
  });

  test('2008: the flusher skips below 96 MiB, everybody else writes from 8 MiB on', () => {
    const run = runOf('btrfs-2008', {}, { 'btrfs.kupdate-skip': false });
    eachNode(run, 'dirty', 1750, NODE);
    for (const request of [BACKGROUND, { ...BACKGROUND, kupdate: true, background: false }]) {
      run.feed(call('start', request));
      run.feed(call('end', request));
      expect(run.book.get('NR_WRITEBACK')).toBe(0);
    }
    run.feed(call('start'));
    run.feed(call('end'));
    expect(run.book.get('NR_WRITEBACK')).toBe(7000);
    expect((8 * MIB) / NODE).toBe(512);
  });
});

test('Hellwig: background writes nothing even of 1 GiB; reclaim and sync do', () => {
  const rules = { gate: 0, gate_other: 0, kupdate_skip: true, background_skip: true };
  expect(treeWrites(BACKGROUND, 1024 * MIB, rules)).toBe(false);
  expect(treeWrites({ ...BACKGROUND, background: false, kupdate: true }, 1024 * MIB, rules)).toBe(
    false,
  );
  expect(treeWrites({ ...BACKGROUND, background: false }, NODE, rules)).toBe(true);
  expect(treeWrites({ ...BACKGROUND, sync: true }, 0, rules)).toBe(true);
  const run = runOf('btrfs-background-skip');
  eachNode(run, 'dirty', 65_536, NODE);
  run.feed(call('start', BACKGROUND));
  run.feed(call('end', BACKGROUND));
  expect(run.book.get('NR_WRITEBACK')).toBe(0);
});

describe('counters', () => {
  test('a length of 32 bits leaves 2^32 for each node cleaned', () => {
    const counter = new TreeCounter(NODE, 4 * KIB);
    counter.dirty(0);
    counter.clean(0);
    expect(counter.wrapped).toBe(4_294_967_296);
    for (let node = 1; node < 100; node++) {
      counter.dirty(node);
      counter.clean(node);
    }
    for (let node = 0; node < 3; node++) counter.dirty(node);
    expect(counter.wrapped).toBe(429_496_778_752);
    expect(decodeTreeCounter(counter.wrapped)).toEqual({ dirty_bytes: 49_152, cleaned_nodes: 100 });
    expect(encodeTreeCounter(49_152, 100)).toBe(counter.wrapped);
  });

  test('a recorded kernel with such a counter throttles from the first node written on', () => {
    for (const [wraps, looks] of [
      [false, 0],
      [true, 1],
    ] as const) {
      const kernel = { tree_gate: true, tree_counter_wraps: wraps };
      const run = runOf('btrfs', { kernel });
      run.feed(limits(10, 5));
      eachNode(run, 'dirty', 1, NODE);
      eachNode(run, 'claim', 1, NODE);
      eachNode(run, 'dirty', 20, NODE);
      const throttled = run.entries().find(({ pid }) => pid === PID)?.throttled ?? 0;
      expect(Math.min(1, throttled)).toBe(looks);
    }
  });

  test('2010: a redirty in reclaim adds a page where cleaning takes a node away', () => {
    const counter = new TreeCounter(NODE, 4 * KIB);
    const before = { shown: 0, real: 0 };
    counter.dirty(0);
    for (let turn = 0; turn < 2731; turn++) {
      counter.clean(0);
      counter.redirtyInReclaim(0);
      if (turn === 0) expect(counter.bytes - counter.trueBytes).toBe(-12_288);
    }
    expect(counter.trueBytes - counter.bytes + before.shown).toBe(33_558_528);
    expect(2731 * 12_288).toBe(33_558_528);
  });

  test('the band in which the decision is exact', () => {
    expect([8, 64, 256].map((cpus) => treeCounterBatch(NODE, cpus))).toEqual([
      65_536, 114_688, 147_456,
    ]);
    expect([8, 64, 256].map((cpus) => treeCounterBand(NODE, cpus))).toEqual([
      524_288, 7_340_032, 37_748_736,
    ]);
    const band = treeCounterBand(NODE, 8);
    const unasked = () => expect.fail('the cheap value is far enough');
    expect(compareTreeCounter(TREE_THRESHOLD + band + 1, unasked, TREE_THRESHOLD, band)).toBe(1);
    const exact = () => TREE_THRESHOLD - 1;
    expect(compareTreeCounter(TREE_THRESHOLD + band, exact, TREE_THRESHOLD, band)).toBe(-1);
    // With 256 CPUs the band is wider than the threshold: an empty counter is summed up.
    expect(compareTreeCounter(0, () => TREE_THRESHOLD, TREE_THRESHOLD, 37_748_736)).toBe(0);
  });
});

test('migration is put off while a page is dirty or its state is held', () => {
  expect(migrateTreePage(true, true)).toBe('again');
  expect(migrateTreePage(false, false)).toBe('again');
  expect(migrateTreePage(false, true)).toBe('moved');
});

test('inhibited nodes are written only for those who wait', () => {
  expect(skipsInhibited({ sync: false }, 1)).toBe(true);
  expect(skipsInhibited({ sync: false }, 0)).toBe(false);
  expect(skipsInhibited({ sync: true }, 3)).toBe(false);
});

test('reclaim does not balance', () => {
  expect(treeBalances(64 * MIB, TREE_THRESHOLD, true)).toBe(false);
});

describe('write_metadata, and what reviewers would have had instead', () => {
  const written = (rule: 'always' | 'not-sync' | 'background' | 'off', request: object) => {
    const run = runOf('btrfs-metadata-bytes', {}, { 'metadata.write-hook': rule });
    eachNode(run, 'dirty', 10, NODE);
    run.feed(call('start', request));
    run.feed(call('end', request));
    return run.book.of('WB_METADATA_WRITEBACK_BYTES', WB) / NODE;
  };
  test.each([
    ['always', 10, 10, 10],
    ['not-sync', 10, 10, 0],
    ['background', 10, 0, 0],
    ['off', 0, 0, 0],
  ] as const)('%s: background %i, reclaim %i, sync %i', (rule, background, other, sync) => {
    expect(written(rule, BACKGROUND)).toBe(background);
    expect(written(rule, {})).toBe(other);
    expect(written(rule, { sync: true })).toBe(sync);
  });
});
