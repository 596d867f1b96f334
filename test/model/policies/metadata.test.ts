/** Metadata in bytes against pages of a hidden inode: each row of the reference's table. */
import { describe, expect, test } from 'vitest';
import { throttleConstants } from '../../../src/kernel/constants.ts';
import { balancedDirtyRatelimit } from '../../../src/model/control.ts';
import { decidePause } from '../../../src/model/pause.ts';
import { positionRatio } from '../../../src/model/position-ratio.ts';
import {
  dirtyRate,
  nextDirtyRatelimit,
  updateTaskRatelimit,
} from '../../../src/model/ratelimit.ts';
import { updateWriteBandwidth } from '../../../src/model/write-bandwidth.ts';
import { asPagesPerSecond } from '../../../src/trace/units.ts';
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
    const overshoot = (id: string, node: number) => {
      const run = runOf(id, { cpus: 1, node_size: node }, { 'btrfs.balance-gate': 0 });
      run.feed(limits(thresh, 0));
      // No task reaches its own allowance; the CPU's comes first.
      let count = 0;
      do run.feed(nodes('dirty', count * node, node, { pid: count++ }));
      while (run.entries().every(({ entries }) => entries === 0));
      return (count * node) / (thresh * 4 * KIB);
    };
    expect(overshoot(BYTES, 4 * KIB)).toBe(1 / 32);
    expect(overshoot(BYTES, 16 * KIB)).toBe(0.125);
    expect(overshoot(BYTES, 64 * KIB)).toBe(0.5);
    expect(overshoot(INODE, 16 * KIB)).toBe(1 / 32);
    expect(overshoot(INODE, 64 * KIB)).toBeCloseTo(1 / 32, 3);
  });

  test('pauses for the same dirtied bytes are 4 times too short', () => {
    const plan = { max_pause: 1000, min_pause: 0, next_dirtied_pause: 32 };
    const paused = (id: string) => {
      const pages = charged(id, 512)?.charged ?? 0;
      const empty = { sleeps: false, printed_pause: 0, period: 0, now_advance: 0, raw_pause: 0 };
      return decidePause(pages, 1024, 0, plan, 250, empty).printed_pause;
    };
    expect([paused(BYTES), paused(INODE)]).toEqual([125, 500]);
  });

  test('until the rate, which bytes feed, has come down to a quarter', () => {
    const rates = [BYTES, INODE].map((id) => ratesOf(id, 4096));
    // The first interval: both may dirty at the same rate, in charges.
    expect(rates.map((own) => own[0])).toEqual([8192, 8192]);
    const [bytes, pages] = rates.map((own) => own.at(-1) ?? 0);
    expect((pages ?? 0) / (bytes ?? 1)).toBeGreaterThan(3.8);
    expect((pages ?? 0) / (bytes ?? 1)).toBeLessThan(4.2);
  });
});

const THRESH = 40_000;
const BACKGROUND = 20_000;
const SETPOINT = 35_000;

/**
 * The loop of dirty_ratelimit, every 200 ms, for a task that always dirties what it may in charges:
 * the level follows from real pages, of which the device writes `write_bw` per second. Returns
 * dirty_ratelimit over time.
 */
function ratesOf(id: string, write_bw: number): number[] {
  const run = runOf(id, {}, { 'btrfs.balance-gate': 0 });
  const perNode = id === BYTES ? 1 : 4;
  const limits = { thresh: THRESH, background: BACKGROUND, limit: THRESH };
  let rates = { dirty_ratelimit: 8192, balanced_dirty_ratelimit: 8192 };
  let dirty = SETPOINT;
  let node = 0;
  const seen: number[] = [];
  for (let interval = 0; interval < 150; interval++) {
    seen.push(rates.dirty_ratelimit);
    const wb = { wb_thresh: THRESH, wb_background: BACKGROUND, wb_dirty: dirty };
    const rules = { strictlimit: false, floored: true };
    const ratio = positionRatio({ ...limits, ...wb, dirty }, write_bw, rules);
    const task = updateTaskRatelimit(rates.dirty_ratelimit, ratio);
    const before = run.bandwidth(WB).dirtied;
    const count = Math.floor(task / 5 / perNode);
    for (let at = 0; at < count; at++) run.feed(nodes('dirty', node++ * 16 * KIB, 16 * KIB));
    const dirtied = run.bandwidth(WB).dirtied - before;
    dirty = Math.max(0, dirty + dirtied - Math.floor(write_bw / 5));
    const balanced = balancedDirtyRatelimit(
      asPagesPerSecond(task),
      asPagesPerSecond(write_bw),
      asPagesPerSecond(dirtyRate(dirtied, 50, 250)),
    );
    const level = { dirty, setpoint: SETPOINT };
    const dirty_ratelimit = nextDirtyRatelimit(rates, balanced, task, level);
    rates = { dirty_ratelimit, balanced_dirty_ratelimit: balanced };
  }
  return seen;
}

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
    // Pages of the hidden inode are on the LRU as before.
    expect(runOf(INODE).inputs().dirtyable_delta).toBe(0);
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

describe('counters of 32 bits overflow', () => {
  const dirty = (id: string, bytes: number) => {
    const run = runOf(id, {}, { 'metadata.long-bits': 32 });
    // How many there are matters, not where.
    run.feed(nodes('dirty', -1, bytes, { file: -1 }));
    return nrDirty(run);
  };

  test('in bytes at 131,072 nodes of 16 KiB', () => {
    expect(dirty(BYTES, 131_071 * 16 * KIB)).toBe(524_284);
    expect(dirty(BYTES, 131_072 * 16 * KIB)).toBe(0);
  });

  test('in pages at 2^31 of them', () => {
    expect(dirty('btrfs-gate', (2 ** 31 - 1) * 4 * KIB)).toBe(2 ** 31 - 1);
    expect(dirty('btrfs-gate', 2 ** 31 * 4 * KIB)).toBe(0);
    expect(dirty(INODE, 131_072 * 16 * KIB)).toBe(524_288);
  });
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
