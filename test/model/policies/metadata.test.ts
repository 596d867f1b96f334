/** Metadata in bytes against pages of a hidden inode: each row of the reference's table. */
import { describe, expect, test } from 'vitest';
import { throttleConstants } from '../../../src/kernel/constants.ts';
import { asLong32 } from '../../../src/model/policies/metadata-bytes.ts';
import { ThrottleEntry } from '../../../src/model/policies/throttle-entry.ts';
import { dirtyRate } from '../../../src/model/ratelimit.ts';
import { updateWriteBandwidth } from '../../../src/model/write-bandwidth.ts';
import { eachNode, KIB, limits, MIB, nodes, nrDirty, PID, runOf, WB } from './tree-history.ts';

const BYTES = 'btrfs-metadata-bytes';
const INODE = 'btrfs';

/** nr_dirty of both forms after so many nodes were dirtied. */
function both(count: number, node: number, page: number, stride = node): [number, number] {
  return [BYTES, INODE].map((id) => {
    const run = runOf(id, { page_size: page, node_size: node });
    eachNode(run, 'dirty', count, node, stride);
    return nrDirty(run);
  }) as [number, number];
}

describe('dirty pages as the throttle counts them', () => {
  test('10,000 nodes of 16 KiB on pages of 4 KiB: 40,000 in both forms', () => {
    expect(both(10_000, 16 * KIB, 4 * KIB)).toEqual([40_000, 40_000]);
    const run = runOf(BYTES);
    eachNode(run, 'dirty', 10_000, 16 * KIB);
    expect(run.book.get('NR_METADATA_DIRTY_BYTES')).toBe(163_840_000);
  });

  test('1000 nodes of 16 KiB on pages of 64 KiB: 250, and 1000 scattered or 250 packed', () => {
    expect(both(1000, 16 * KIB, 64 * KIB, 64 * KIB)).toEqual([250, 1000]);
    expect(both(1000, 16 * KIB, 64 * KIB)).toEqual([250, 250]);
    const run = runOf(BYTES, { page_size: 64 * KIB });
    eachNode(run, 'dirty', 1000, 16 * KIB, 64 * KIB);
    expect(run.book.get('NR_METADATA_DIRTY_BYTES')).toBe(16_384_000);
  });

  test('1000 nodes of 4 KiB scattered on pages of 64 KiB: 62 (floored), and 1000', () => {
    expect(both(1000, 4 * KIB, 64 * KIB, 64 * KIB)).toEqual([62, 1000]);
  });

  test('3 inodes of 1 KiB: nothing, and 1 to 3 pages', () => {
    expect(both(3, KIB, 4 * KIB)).toEqual([0, 1]);
    expect(both(3, KIB, 4 * KIB, 4 * KIB)).toEqual([0, 3]);
  });

  test('each term is floored by itself: 4095 dirty and 4095 under writeback are nothing', () => {
    const run = runOf(BYTES);
    run.feed(nodes('dirty', 0, 8190));
    run.feed(nodes('claim', 0, 4095));
    run.feed(nodes('start-writeback', 0, 4095));
    expect(run.book.get('NR_METADATA_DIRTY_BYTES')).toBe(4095);
    expect(run.book.get('NR_METADATA_WRITEBACK_BYTES')).toBe(4095);
    expect(run.inputs()).toMatchObject({ nr_dirty: 0, nr_writeback: 0 });
  });

  test('the switch for the page size does what another machine would', () => {
    const run = runOf(INODE, { node_size: 16 * KIB }, { 'metadata.page-size': 64 * KIB });
    eachNode(run, 'dirty', 1000, 16 * KIB, 64 * KIB);
    // In pages of the recorded size, which thresholds are in.
    expect(nrDirty(run)).toBe(16 * 1000);
  });
});

describe('what tasks are charged', () => {
  const charged = (id: string, count: number, set = {}) => {
    const run = runOf(id, {}, { 'btrfs.balance-gate': 0, ...set });
    eachNode(run, 'dirty', count, 16 * KIB);
    return run.entries().find(({ pid }) => pid === PID);
  };

  test('10,000 nodes: 10,000 or 40,000', () => {
    expect(charged(BYTES, 10_000)?.charged).toBe(10_000);
    expect(charged(INODE, 10_000)?.charged).toBe(40_000);
    expect(charged(BYTES, 10_000, { 'metadata.charge': 'pages' })?.charged).toBe(40_000);
  });

  test('an allowance of 32 is used up after 32 nodes (512 KiB), or after 8 (128 KiB)', () => {
    for (const [id, first] of [
      [BYTES, 32],
      [INODE, 8],
    ] as const) {
      expect(charged(id, first - 1)?.entries).toBe(0);
      expect(charged(id, first)?.entries).toBe(1);
    }
  });

  test('CPUs overshoot by 1/32 of the threshold in charges: 12.5 % and 50 % of it in bytes', () => {
    const thresh = 32 * 1000;
    for (const [node, share] of [
      [4 * KIB, 1 / 32],
      [16 * KIB, 0.125],
      [64 * KIB, 0.5],
    ] as const) {
      const entry = new ThrottleEntry(4 * KIB, 1);
      const level = { dirty: thresh, thresh, freerun: 0 };
      let count = 0;
      // No task reaches its own allowance; the CPU's comes first.
      do {
        const charge = { pid: count++, cpu: 0, ts_ns: 0, wb: WB, pages: 1 } as const;
        entry.charge({ ...charge, pageClass: 'metadata', balances: true }, () => level);
      } while (entry.list().every(({ entries }) => entries === 0));
      expect((count * node) / (thresh * 4 * KIB)).toBe(share);
    }
  });

  test('pauses are 4 times too short, until the rate that bytes feed is 4 times lower', () => {
    const period = (pages: number) => Math.floor((250 * pages) / 1000);
    expect(period(4 * 32) / period(32)).toBe(4);
    const run = runOf(BYTES);
    eachNode(run, 'dirty', 10_000, 16 * KIB);
    const { dirtied } = run.bandwidth(WB);
    const nodesOnly = charged(BYTES, 10_000)?.charged ?? 0;
    expect(dirtyRate(dirtied, 250, 250) / dirtyRate(nodesOnly, 250, 250)).toBe(4);
  });
});

describe('dirtyable memory', () => {
  const GIB = 1024 * MIB;
  const run = (set: object) => {
    const facts = { dirty_ratio: 20, background_ratio: 10 };
    const system = runOf(BYTES, facts, set);
    system.feed({
      ...{ type: 'cache', change: 'added', ts_ns: 0, wb: WB, pageClass: 'metadata', file: 0 },
      ...{ start: 0, bytes: GIB },
    });
    system.feed(limits(800_000, 400_000));
    return system;
  };

  test('1 GiB that leaves the LRU: unchanged if counted, else 52,416 pages less threshold', () => {
    expect(run({}).inputs().dirtyable_delta).toBe(0);
    expect(run({}).level()?.thresh).toBe(800_000);
    const uncounted = run({ 'metadata.dirtyable': false });
    expect(uncounted.inputs().dirtyable_delta).toBe(-262_144);
    expect(uncounted.level()?.thresh).toBe(800_000 - 52_416);
    expect((52_416 * 4) / 1024).toBe(204.75);
  });
});

describe('bandwidth and shares', () => {
  const written = (id: string) => {
    const run = runOf(id);
    for (const kind of ['dirty', 'claim', 'start-writeback', 'end-writeback'] as const) {
      eachNode(run, kind, 10_000, 16 * KIB);
    }
    return run;
  };

  test('the page form counts nodes written by the node, but not by the bdi', () => {
    const run = written('btrfs-metadata-pages');
    expect(run.book.get('NR_WRITTEN')).toBe(40_000);
    expect(run.book.of('WB_WRITTEN', WB)).toBe(0);
    expect(run.book.get('completions')).toBe(0);
    expect(written(INODE).book.of('WB_WRITTEN', WB)).toBe(40_000);
    expect(written(BYTES).bandwidth(WB).written).toBe(40_000);
  });

  test('so that its estimate of the bandwidth decays to nothing', () => {
    const hz = throttleConstants(250, 4 * KIB);
    let bandwidth = { write_bw: 25_600, avg_write_bw: 25_600 };
    const { written: pages } = written('btrfs-metadata-pages').bandwidth(WB);
    for (let step = 0; step < 400; step++) {
      bandwidth = updateWriteBandwidth(bandwidth, pages, hz.bandwidth_interval, hz);
    }
    expect(bandwidth.write_bw).toBeLessThan(25_600 / 100);
  });

  test('a node counts with its bytes for the share of the limit, or as one (October 2016)', () => {
    expect(written(BYTES).book.of('completions', WB)).toBe(163_840_000);
    const one = runOf(BYTES, {}, { 'metadata.completions': 'one' });
    for (const kind of ['dirty', 'claim', 'start-writeback', 'end-writeback'] as const) {
      eachNode(one, kind, 10, 16 * KIB);
    }
    expect(one.book.of('completions', WB)).toBe(10);
  });

  test('bdis share by bytes: 3 data pages and a node of 16 KiB are 3 to 4', () => {
    const run = runOf(BYTES);
    for (const kind of ['dirty', 'claim', 'start-writeback', 'end-writeback'] as const) {
      run.feed(nodes(kind, 0, 16 * KIB));
      run.feed(nodes(kind, 0, 12 * KIB, { pageClass: 'file-data', wb: 2, file: 1 }));
    }
    expect([1, 2].map((wb) => run.book.of('WB_WRITTEN_BYTES', wb))).toEqual([16384, 12288]);
    expect(run.completionShare(1)).toBeCloseTo(16384 / (16384 + 3), 6);
  });
});

test('32 bits overflow at 131,072 nodes of 16 KiB', () => {
  expect(asLong32(131_071 * 16 * KIB)).toBe(131_071 * 16 * KIB);
  expect(asLong32(131_072 * 16 * KIB)).toBe(-(2 ** 31));
  for (const [count, expected] of [
    [131_071, 524_284],
    [131_072, 0],
  ] as const) {
    const run = runOf(BYTES, {}, { 'metadata.long-bits': 32 });
    run.feed(nodes('dirty', 0, count * 16 * KIB));
    expect(nrDirty(run)).toBe(expected);
  }
});

test('metadata in bytes is in no page counter', () => {
  const run = runOf(BYTES);
  for (const kind of ['dirty', 'claim', 'start-writeback', 'end-writeback'] as const) {
    eachNode(run, kind, 10, 16 * KIB);
    for (const name of ['NR_FILE_DIRTY', 'NR_WRITEBACK', 'NR_DIRTIED', 'NR_WRITTEN'] as const) {
      expect(run.book.get(name)).toBe(0);
    }
    expect(run.book.get('NR_ZONE_WRITE_PENDING')).toBe(0);
    expect(run.book.of('WB_RECLAIMABLE', WB)).toBe(0);
  }
});
