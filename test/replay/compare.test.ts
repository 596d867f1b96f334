/** One history under two systems: what a trace tells of tree nodes, and what follows from it. */
import { existsSync, readdirSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { openTrace } from '../../parsers/index.ts';
import type { HistoryEvent } from '../../src/model/policies/history.ts';
import { SystemRun } from '../../src/model/policies/system-run.ts';
import type { SwitchValues } from '../../src/model/switches.ts';
import { SYSTEMS, type System, systemOf } from '../../src/model/systems.ts';
import { compareSystems } from '../../src/replay/compare/compare.ts';
import { feedHistory } from '../../src/replay/compare/feed.ts';
import { machineFacts } from '../../src/replay/compare/machine.ts';
import { missingFor } from '../../src/replay/compare/needs.ts';
import type { Comparison, Replayed } from '../../src/replay/compare/result.ts';
import { treeLivelocks } from '../../src/replay/compare/tree-livelock.ts';
import { nodeSizeOf, usualSize } from '../../src/replay/compare/tree-nodes.ts';
import type { Trace } from '../../src/trace/trace.ts';
import { CAPTURES, FIXTURES } from '../helpers/bytes.ts';
import { NODES, onTrees, PAGES, treeLevel, treeTrace, treeWork } from '../helpers/system-traces.ts';
import { type EventRow, makeTrace } from '../helpers/trace-builder.ts';

const MS = 1e6;

function system(id: string): System {
  const found = systemOf(id);
  if (found === undefined) throw new Error(`no system ${id}`);
  return found;
}

function compared(trace: Trace, a: string, b: string, set: SwitchValues = {}): Comparison {
  return compareSystems(trace, [
    { system: system(a), set: {} },
    { system: system(b), set },
  ]);
}

function replayed({ systems }: Comparison, at: 0 | 1): Replayed {
  const one = systems[at];
  if (one.status !== 'replayed') throw new Error(`${one.id} is ${one.status}`);
  return one;
}

const highest = (one: Replayed, name: string): number =>
  Math.max(
    ...(one.series.find(({ counter, bdi }) => counter === name && bdi === undefined)?.values ?? []),
  );

describe('tree nodes in a trace', () => {
  test('their size is that of most writes of the flusher, else of stretches, else assumed', () => {
    expect(usualSize([...Array(10).fill(16384), 4096])).toBe(16384);
    expect(usualSize([16384, 16384])).toBeUndefined();
    expect(usualSize(Array(10).fill(12288))).toBeUndefined();
    expect(nodeSizeOf([4, 4, 8, 4], 4096)).toBe(16384);
    expect(nodeSizeOf([1, 2, 1, 3], 4096)).toBe(4096);
    expect(nodeSizeOf([], 4096)).toBeUndefined();
    const { facts, assumptions } = machineFacts(treeTrace());
    expect(facts).toMatchObject({ node_size: 16384, node_copies: 1 });
    expect(assumptions[0]).toContain('inferred');
    const told = machineFacts(treeTrace({ host: { node_size: 32768 } }));
    expect(told.facts.node_size).toBe(32768);
    expect(told.assumptions[0]).toContain('from meta.json');
  });

  test('a call that writes below 32 MiB proves that there is no gate, whatever the release', () => {
    const facts = (wrote: number) => machineFacts(treeTrace({ kernel: '5.4.0' }, wrote)).facts;
    expect(facts(NODES * PAGES).kernel.tree_gate).toBe(false);
    expect(facts(0).kernel.tree_gate).toBe(true);
    expect(machineFacts(treeTrace({ kernel: '6.8.0' })).facts.kernel.tree_counter_wraps).toBe(true);
    expect(machineFacts(treeTrace({ kernel: '6.1.0' })).facts.kernel.tree_counter_wraps).toBe(
      false,
    );
  });
});

describe('the mini history', () => {
  test('is the same for the throttle in bytes, and other counters see it', () => {
    const comparison = compared(treeTrace(), 'btrfs', 'btrfs-metadata-bytes');
    const [pages, bytes] = [replayed(comparison, 0), replayed(comparison, 1)];
    expect(highest(pages, 'NR_FILE_DIRTY')).toBe(80);
    expect(highest(bytes, 'NR_FILE_DIRTY')).toBe(0);
    expect(highest(bytes, 'NR_METADATA_DIRTY_BYTES')).toBe(80 * 4096);
    for (const one of [pages, bytes]) expect(highest(one, 'throttle_dirty')).toBe(80);
    expect(highest(pages, 'metadata_share')).toBe(100);
    for (const one of [pages, bytes]) expect(one.memory_bytes.peak).toBe(80 * 4096);
    expect(pages.throttling).toEqual(bytes.throttling);
    // Freerun is 70 pages: passed with the 18th node.
    expect(pages.throttling.first_ns).toBe(18 * MS + 5000);
    const [task] = pages.tasks;
    expect(task).toMatchObject({ pid: 10, charged: 80 });
    expect(bytes.tasks[0]).toMatchObject({ pid: 10, charged: 20 });
    expect(
      comparison.differences.find(({ counter }) => counter === 'throttle_dirty'),
    ).toMatchObject({ largest: 0, fit: { of: 'nr_dirty' } });
  });

  test('written by the record, not under the gate, nor where no call of the gate writes', () => {
    const trace = treeTrace();
    const gated = compared(trace, 'btrfs', 'btrfs-gate');
    expect(replayed(gated, 0).written_bytes).toBe(80 * 4096);
    expect(replayed(gated, 1).written_bytes).toBe(0);
    expect(replayed(gated, 1).notes[0]).toContain('1 of 1 calls');
    const open = compared(trace, 'btrfs', 'btrfs-gate', { 'btrfs.gate': 0 });
    expect(replayed(open, 1).written_bytes).toBe(80 * 4096);
    expect(replayed(open, 1).series).toEqual(
      replayed(compared(trace, 'btrfs', 'btrfs-no-gate'), 1).series,
    );
  });

  test('not written by the record, written without the gate', () => {
    const comparison = compared(treeTrace({}, 0), 'btrfs', 'btrfs-no-gate');
    expect(replayed(comparison, 0).written_bytes).toBe(0);
    expect(replayed(comparison, 1).written_bytes).toBe(80 * 4096);
    const asked = compared(treeTrace({}, 0), 'btrfs', 'btrfs', { 'btrfs.gate': 0 });
    expect(replayed(asked, 1).written_bytes).toBe(80 * 4096);
  });
});

describe('a trace that cannot feed a system', () => {
  const without = (...events: string[]) => {
    const trace = treeTrace();
    const tables = new Map([...trace.tables].filter(([name]) => !events.includes(name)));
    return { ...trace, tables };
  };

  test.each([
    ['btrfs', ['global_dirty_state'], 'counters'],
    ['btrfs', ['writeback_dirty_folio'], 'dirtied'],
    ['btrfs-gate', ['writeback_single_inode', 'writeback_single_inode_start'], 'tree-writes'],
    ['btrfs-metadata-bytes', ['mm_filemap_add_to_page_cache'], 'sizes'],
  ] as const)('%s without %j: not-applicable, with what to record', (id, events, need) => {
    const comparison = compared(without(...events), id, id);
    for (const one of comparison.systems) {
      if (one.status !== 'not-applicable') throw new Error(`${id} was replayed`);
      expect(one.needs.map((missing) => missing.need)).toContain(need);
      for (const missing of one.needs) expect(missing.events.length).toBeGreaterThan(0);
    }
    expect(comparison.differences).toEqual([]);
  });

  test('no btrfs at all', () => {
    const rows: EventRow[] = [
      treeLevel(0, 0, 0),
      { event: 'writeback_dirty_folio', ts_ns: 1, bdi: '7:0', ino: 1n, index: 1 },
    ];
    const needs = missingFor(makeTrace(rows), system('btrfs-gate')).map(({ need }) => need);
    expect(needs).toContain('tree-nodes');
  });
});

describe('the livelock', () => {
  const stuck = (rounds: number, wrote: number): Trace => {
    const rows: EventRow[] = [];
    const group = { cgroup_ino: 77n };
    for (let round = 0; round < rounds; round++) {
      const ts_ns = round * 500 * MS;
      rows.push({ event: 'writeback_start', ts_ns, ...treeWork, bdi: 'btrfs-1', ...group });
      rows.push({
        ...{ event: 'writeback_single_inode', ts_ns: ts_ns + 1000, ...onTrees, ...group },
        ...{ pid: 20, state_bits: 0x40, wrote_pages: wrote, nr_to_write_pages: 1024 },
      });
      rows.push({
        ...{ event: 'balance_dirty_pages', ts_ns: ts_ns + 2000, bdi: 'btrfs-1', ...group },
        ...{ pause_ms: 200, wb_dirty_pages: 7000, limit_pages: 3906 },
      });
    }
    return makeTrace(rows);
  };
  const facts = { page_size: 4096, node_size: 16384 };

  test('of 2026 is found, with the gap in nodes', () => {
    expect(treeLivelocks(stuck(30, 0), facts)).toMatchObject([
      {
        ...{ bdi: 'btrfs-1', cgroup: '77', rounds: 29, pauses: 29 },
        ...{ dirty_bytes: 28_672_000, nodes_missing: 298, limit_pages: 3906 },
      },
    ]);
  });

  test('is none when something is written, or for a short time', () => {
    expect(treeLivelocks(stuck(30, 4), facts)).toEqual([]);
    expect(treeLivelocks(stuck(10, 0), facts)).toEqual([]);
  });
});

/** What every system is told adds up to what the replay's ledger holds. */
async function checkAgainstLedger(file: string): Promise<void> {
  const trace = await openTrace(file);
  const { facts } = machineFacts(trace);
  const run = new SystemRun(system('btrfs').choice, facts);
  let claimed = 0;
  const sink = (event: HistoryEvent) => {
    run.feed(event);
    if (event.type !== 'data') return;
    const leaves = ['start-writeback', 'redirty', 'discard'].includes(event.kind);
    if (event.kind === 'claim') claimed += event.bytes;
    else if (leaves) claimed -= event.bytes;
  };
  const options = { pageSize: facts.page_size, nodeSize: 65536, onTime: () => Infinity };
  const fed = feedHistory(trace, options, sink);
  if (fed === undefined) throw new Error('nothing to replay');
  const { book } = run;
  expect({
    dirty: book.get('NR_FILE_DIRTY'),
    writeback: book.get('NR_WRITEBACK'),
    dirtied: book.get('NR_DIRTIED'),
    written: book.get('NR_WRITTEN'),
    claimed: claimed / facts.page_size,
  }).toEqual({
    dirty: fed.balances.dirty,
    writeback: fed.balances.writeback,
    dirtied: fed.balances.dirtied,
    written: fed.balances.written,
    claimed: fed.balances.claimed,
  });
}

describe('events add up to the ledger', () => {
  test.each([
    'trace-dat/6.18-ext4/slow-writer.dat.gz',
    'trace-dat/6.18-ext4/lossy.dat.gz',
    'trace-dat/6.18-xfs/two-writers.dat.gz',
  ])('%s', async (name) => {
    await checkAgainstLedger(`${FIXTURES}${name}`);
  });

  const INCIDENTS = `${CAPTURES}/incidents`;
  const folders = existsSync(INCIDENTS) ? readdirSync(INCIDENTS).sort() : [];
  test.skipIf(folders.length === 0).each(['btrfs-meta', 'journal', 'fsync-bulk', 'memcg', 'lossy'])(
    'incident %s',
    async (name) => {
      await checkAgainstLedger(`${INCIDENTS}/${name}`);
    },
    60_000,
  );
});

const FLOOD = `${CAPTURES}/incidents/btrfs-meta`;

describe.skipIf(!existsSync(FLOOD))('the flood of metadata', () => {
  test('tree pages are predicted inside the drift bound for 95 % of samples and more', async () => {
    const trace = await openTrace(FLOOD);
    const comparison = compared(trace, 'btrfs', 'btrfs-metadata-bytes');
    const fit = comparison.fits?.nr_dirty;
    expect(fit?.n).toBeGreaterThan(500);
    expect((fit?.within_drift ?? 0) / (fit?.n ?? 1)).toBeGreaterThanOrEqual(0.95);
    const [pages, bytes] = [replayed(comparison, 0), replayed(comparison, 1)];
    // Nearly all that is dirty at any peak are tree nodes.
    expect(highest(pages, 'dirty_metadata_bytes')).toBeGreaterThan(
      0.98 * 4096 * highest(pages, 'NR_FILE_DIRTY'),
    );
    expect(highest(pages, 'metadata_share')).toBeGreaterThan(98);
    const level = (one: Replayed) =>
      one.series.find(({ counter }) => counter === 'throttle_dirty')?.values;
    expect(level(bytes)).toEqual(level(pages));
    const [a, b] = [pages, bytes].map(({ tasks }) => tasks.find(({ comm }) => comm === 'python3'));
    expect(a?.charged).toBe(4 * (b?.charged ?? 0));
    expect(comparison.assumptions[0]).toContain('Node size 16 KiB');
  }, 60_000);
});

test('systems have names of their own, listen to switches that exist, and can be made', () => {
  const ids = SYSTEMS.map(({ id }) => id);
  expect(new Set(ids).size).toBe(ids.length);
  const { facts } = machineFacts(treeTrace());
  for (const { choice, switches, sources, modelled, notModelled } of SYSTEMS) {
    expect(() => new SystemRun(choice, { ...facts, switches })).not.toThrow();
    expect([sources.length > 0, modelled !== '', notModelled !== '']).toEqual([true, true, true]);
  }
});
