/** FUSE, block-state and reclaim systems on traces: what feeds them, and what they need. */
import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { openTrace } from '../../parsers/index.ts';
import type { CounterName } from '../../src/model/policies/counters.ts';
import type { HistoryEvent } from '../../src/model/policies/history.ts';
import type { SwitchValues } from '../../src/model/switches.ts';
import { type System, systemOf } from '../../src/model/systems.ts';
import { compareSystems } from '../../src/replay/compare/compare.ts';
import { feedHistory } from '../../src/replay/compare/feed.ts';
import type { Comparison, Replayed } from '../../src/replay/compare/result.ts';
import { fuseConnections, stuckServers } from '../../src/replay/fuse-connections.ts';
import type { Trace } from '../../src/trace/trace.ts';
import { bytesText } from '../../src/trace/wording.ts';
import { CAPTURES } from '../helpers/bytes.ts';
import { answer, FUSE, fuseLevel, fuseRows, send } from '../helpers/system-traces.ts';
import { type EventRow, makeTrace } from '../helpers/trace-builder.ts';

const MS = 1e6;
const PAGE = 4096;

const system = (id: string): System => {
  const found = systemOf(id);
  if (found === undefined) throw new Error(`no system ${id}`);
  return found;
};
const compare = (trace: Trace, a: string, b: string, set: SwitchValues = {}): Comparison =>
  compareSystems(trace, [
    { system: system(a), set },
    { system: system(b), set },
  ]);
function replayed({ systems }: Comparison, which: 0 | 1): Replayed {
  const result = systems[which];
  if (result.status !== 'replayed') throw new Error(`${result.id} is not applicable`);
  return result;
}
const most = (result: Replayed, counter: CounterName, bdi?: string): number => {
  const found = result.series.find((one) => one.counter === counter && one.bdi === bdi);
  return Math.max(...(found?.values ?? [Number.NaN]));
};
function fed(trace: Trace): HistoryEvent[] {
  const events: HistoryEvent[] = [];
  const options = {
    pageSize: PAGE,
    nodeSize: PAGE,
    onTime: () => Number.POSITIVE_INFINITY,
  };
  feedHistory(trace, options, (event) => events.push(event));
  return events;
}

describe('FUSE', () => {
  test('copies are counted apart until the answer, pages in place as writeback', () => {
    const comparison = compare(makeTrace(fuseRows(500)), 'fuse-temp-pages', 'fuse-in-place');
    const [temp, place] = [replayed(comparison, 0), replayed(comparison, 1)];
    expect(most(temp, 'NR_WRITEBACK_TEMP')).toBe(4);
    expect(most(temp, 'NR_WRITEBACK')).toBe(0);
    expect(temp.memory_bytes.peak).toBe(4 * PAGE);
    expect(most(place, 'NR_WRITEBACK')).toBe(4);
    expect(place.memory_bytes.peak).toBe(0);
    for (const result of [temp, place]) {
      expect(most(result, 'WB_WRITTEN', '0:39')).toBe(4);
      expect(most(result, 'fuse_request_bytes', '0:39')).toBe(4 * PAGE + 80);
    }
  });

  test('what the trace lacks is named, with what to record', () => {
    const rows = fuseRows(500).filter(({ event }) => !event.startsWith('fuse_'));
    const { systems } = compare(makeTrace(rows), 'fuse-temp-pages', 'fuse-2007');
    for (const result of systems) {
      expect(result).toMatchObject({
        status: 'not-applicable',
        needs: [{ events: ['fuse_request_send', 'fuse_request_end'] }],
      });
    }
  });

  test('a server is stuck while nothing is answered and its oldest request is far too old', () => {
    const rows: EventRow[] = [];
    for (let at = 0; at < 100; at++) {
      rows.push(send(10 * MS * at, at + 1, 'FUSE_GETATTR', 56), answer(10 * MS * at + MS, at + 1));
    }
    rows.push(send(1000 * MS, 500, 'FUSE_WRITE', 4176), send(1005 * MS, 501, 'FUSE_READ', 80));
    const ended = makeTrace([...rows, answer(4000 * MS, 500), answer(4001 * MS, 501)]);
    const [connection] = fuseConnections(ended);
    const interval = { from_ns: 1000 * MS, to_ns: 4000 * MS, open: false };
    const pending = { pending_after: 2, pending_bytes: 4256 };
    expect(connection?.silences).toMatchObject([{ ...interval, ...pending }]);
    expect(stuckServers(ended)[0]).toContain('answered nothing from 1.000 s to 4.000 s');
    const open = makeTrace([...rows, { event: 'print', ts_ns: 3000 * MS }]);
    expect(fuseConnections(open)[0]?.silences).toMatchObject([{ to_ns: 3000 * MS, open: true }]);
  });

  test('a slow server, one without work and one that needs no answer are not stuck', () => {
    const rows: EventRow[] = [];
    for (let at = 0; at < 20; at++) {
      rows.push(
        send(400 * MS * at, at + 1, 'FUSE_WRITE', 4176),
        answer(400 * MS * at + 300 * MS, at + 1),
      );
    }
    rows.push(send(9000 * MS, 900, 'FUSE_FORGET', 48), { event: 'print', ts_ns: 20_000 * MS });
    expect(fuseConnections(makeTrace(rows))[0]?.silences).toEqual([]);
  });

  test('requests without numbers are answered in order', () => {
    const rows = [1, 2, 3].map((at) => send(MS * at, 0, 'FUSE_WRITE', 100 * at));
    const trace = makeTrace([...rows, answer(10 * MS, 7), answer(11 * MS, 8)]);
    expect(fuseConnections(trace)[0]?.pending_bytes).toEqual([100, 300, 600, 500, 300]);
  });

  test('with lost events nothing is concluded from a missing answer', () => {
    const rows = [send(MS, 1, 'FUSE_WRITE', 4176), answer(5000 * MS, 1)];
    const losses = [{ cpu: 0, from_ns: 100 * MS, ts_ns: 200 * MS, count: 5 }];
    expect(fuseConnections(makeTrace(rows, { losses }))[0]?.silences).toEqual([]);
  });
});

describe('iomap', () => {
  const step = (
    ts_ns: number,
    pos_bytes: number,
    length_bytes: number,
    flags = 'WRITE',
  ): EventRow => ({
    event: 'iomap_iter',
    ts_ns,
    pid: 10,
    dev: FUSE,
    ino: 14n,
    pos_bytes,
    length_bytes,
    flags,
  });
  const map = (ts_ns: number, type = 'MAPPED'): EventRow => ({
    event: 'iomap_iter_dstmap',
    ts_ns,
    pid: 10,
    dev: FUSE,
    ino: 14n,
    type,
  });
  const ranges = (rows: readonly EventRow[]) =>
    fed(makeTrace([...fuseRows(1), ...rows]))
      .filter((event) => event.type === 'range' || event.type === 'mapping')
      .map((event) =>
        event.type === 'range' ? [event.start, event.bytes] : event.inline ? 'inline' : 'mapped',
      );

  test('two mappings of one write', () => {
    const rows = [step(1, 100, 0), map(2), step(3, 5000, 0), map(4), step(5, 9000, 0)];
    expect(ranges(rows)).toEqual(['mapped', [100, 4900], 'mapped', [5000, 4000]]);
  });

  test('events that come before the step is taken', () => {
    expect(ranges([step(1, 100, 0), map(2), step(3, 100, 700)])).toEqual(['mapped', [100, 700]]);
  });

  test('inline data is seen; direct I/O and page faults tell no ranges', () => {
    const rows = [
      ...[step(1, 0, 0), map(2, 'INLINE'), step(3, 50, 0)],
      ...[step(4, 0, 0, 'WRITE|DIRECT'), map(5), step(6, 4096, 0, 'WRITE|DIRECT')],
      ...[step(7, 0, 0, 'WRITE|FAULT'), map(8), step(9, 4096, 0, 'WRITE|FAULT')],
    ];
    expect(ranges(rows)).toEqual(['inline', [0, 50]]);
  });
});

describe('reclaim', () => {
  const cache = (change: 'add_to' | 'delete_from', ts_ns: number, index: number): EventRow => ({
    event: `mm_filemap_${change}_page_cache`,
    ts_ns,
    pid: 10,
    dev: FUSE,
    ino: 14n,
    index,
    order: 0,
  });
  const reclaiming = (which: 'begin' | 'end', ts_ns: number): EventRow => ({
    event: `mm_vmscan_direct_reclaim_${which}`,
    ts_ns,
    pid: 10,
  });

  /** Of 8 pages read into the cache, reclaim takes 4, truncation 2. */
  const rows: EventRow[] = [
    ...fuseRows(1),
    ...Array.from({ length: 8 }, (_, at) => cache('add_to', 20 * MS + at, 100 + at)),
    reclaiming('begin', 30 * MS),
    ...Array.from({ length: 4 }, (_, at) => cache('delete_from', 30 * MS + 1 + at, 100 + at)),
    reclaiming('end', 31 * MS),
    ...Array.from({ length: 2 }, (_, at) => cache('delete_from', 32 * MS + at, 106 + at)),
    fuseLevel(40 * MS, 0),
  ];

  test('pages that reclaim took give their state back, under an inode it stays', () => {
    const comparison = compare(makeTrace(rows), 'reclaim-releasepage', 'reclaim-inode');
    const [page, inode] = [replayed(comparison, 0), replayed(comparison, 1)];
    const end = (result: Replayed, counter: CounterName) =>
      result.series.find((one) => one.counter === counter)?.values.at(-1);
    expect([end(page, 'page_freed'), end(inode, 'page_freed')]).toEqual([4, 4]);
    expect([end(page, 'private_released'), end(inode, 'private_released')]).toEqual([4, 0]);
    // Four more pages are those that were written to.
    expect([end(page, 'private_held'), end(inode, 'private_held')]).toEqual([6, 10]);
  });

  test('a shrinker needs to know of passes over the shrinkers', () => {
    const { systems } = compare(makeTrace(rows), 'reclaim-releasepage', 'reclaim-shrinker');
    expect(systems[0].status).toBe('replayed');
    expect(systems[1]).toMatchObject({
      status: 'not-applicable',
      needs: [{ events: ['mm_shrink_slab_start'] }],
    });
  });

  test('state released while the page stays is an orphan', () => {
    const release: EventRow = {
      event: 'iomap_release_folio',
      ts_ns: 35 * MS,
      pid: 10,
      dev: FUSE,
      ino: 14n,
      offset_bytes: 104 * PAGE,
      length_bytes: PAGE,
    };
    const later = [cache('add_to', 60 * MS, 200), fuseLevel(70 * MS, 0)];
    const trace = makeTrace([...rows, release, ...later]);
    const ids = ['reclaim-releasepage', 'reclaim-at-removal'] as const;
    const comparison = compare(trace, ...ids);
    expect(most(replayed(comparison, 0), 'orphaned_clean')).toBe(1);
    expect(most(replayed(comparison, 1), 'orphaned_clean')).toBe(0);
  });
});

test('arithmetic that the records do not feed says so instead of scanning nothing', () => {
  const gone = { dev: FUSE, ino: 14n, index: 0, order: 0 };
  const pass = (ts_ns: number): EventRow => ({
    event: 'mm_shrink_slab_start',
    ts_ns,
    shrink: 'super_cache_scan',
    nr_objects_to_shrink: 0,
    cache_items: 100_000,
    delta: 48,
    total_scan: 48,
    priority: 12,
  });
  const trace = makeTrace([
    ...fuseRows(1),
    { event: 'mm_filemap_delete_from_page_cache', ts_ns: 29 * MS, ...gone },
    pass(30 * MS),
    pass(31 * MS),
    fuseLevel(40 * MS, 0),
  ]);
  const notes = (set: SwitchValues) =>
    replayed(compare(trace, 'reclaim-releasepage', 'reclaim-shrinker', set), 1).notes.join(' ');
  expect(notes({ 'reclaim.era': 'scanned-share' })).toContain('is not applicable: 2 passes');
  expect(notes({})).not.toContain('not applicable');
});

const STUCK = `${CAPTURES}/incidents/fuse-stuck`;

describe.skipIf(!existsSync(STUCK))('a recorded server that was stopped', () => {
  const opened = () => openTrace(`${STUCK}/trace.dat.gz`);

  test('is found to 50 ms', async () => {
    const trace = await opened();
    const truth = JSON.parse(readFileSync(`${STUCK}/truth.json`, 'utf8'));
    const start_ns = Number((trace.host.workload_start_ns ?? 0n) - trace.meta.origin_ns);
    const from_ns = start_ns + truth.stopped_after_s * 1e9;
    const to_ns = from_ns + truth.stopped_for_s * 1e9;
    const [connection] = fuseConnections(trace);
    const [interval, ...others] = connection?.silences ?? [];
    expect(others).toEqual([]);
    expect(Math.abs((interval?.from_ns ?? 0) - from_ns)).toBeLessThan(50 * MS);
    expect(Math.abs((interval?.to_ns ?? 0) - to_ns)).toBeLessThan(50 * MS);
    expect(interval?.pending_bytes).toBeGreaterThan(0);
  }, 60_000);

  test('both ways of writing agree on what the server got, not on who holds it', async () => {
    const comparison = compare(await opened(), 'fuse-temp-pages', 'fuse-in-place');
    const [temp, place] = [replayed(comparison, 0), replayed(comparison, 1)];
    const pages = 400 * 256;
    expect(most(temp, 'WB_WRITTEN', '0:39')).toBe(pages);
    expect(most(place, 'WB_WRITTEN', '0:39')).toBe(pages);
    expect(most(temp, 'fuse_copied_pages')).toBe(pages);
    const of = (result: Replayed, counter: string) =>
      result.series.find((one) => one.counter === counter && one.bdi === '0:39')?.values;
    expect(of(temp, 'WB_WRITEBACK')).toEqual(of(place, 'WB_WRITEBACK'));
    // The peak lies between the points of the series.
    expect(temp.memory_bytes.peak).toBeGreaterThanOrEqual(most(temp, 'NR_WRITEBACK_TEMP') * PAGE);
    expect(temp.notes.join(' ')).toContain(
      `at most ${bytesText(temp.memory_bytes.peak)} at a time`,
    );
    expect(temp.notes.join(' ')).toContain('a sync(2) called then returns');
    expect(comparison.notes.join(' ')).toContain('FUSE connection 39 answered nothing');
  }, 60_000);
});

const SLOW = `${CAPTURES}/incidents/slow-device/trace.dat.gz`;

test.skipIf(!existsSync(SLOW))(
  'a recorded ext4 against iomap, with small blocks',
  async () => {
    const trace = await openTrace(SLOW);
    const comparison = compare(trace, 'ext4', 'xfs', { 'block.size': 1024 });
    const [heads, bits] = [replayed(comparison, 0), replayed(comparison, 1)];
    // 104 bytes for each KiB, against two bits and the 16 bytes that a folio has once.
    expect(heads.memory_bytes.peak).toBeGreaterThan(100 * bits.memory_bytes.peak);
    expect(most(heads, 'NR_FILE_DIRTY')).toBe(most(bits, 'NR_FILE_DIRTY'));
    expect(heads.throttling).toEqual(bits.throttling);
    // Direct reads of the loop device are no writes into folios.
    expect(compare(trace, 'xfs', 'block-statistics').systems[1]).toMatchObject({
      status: 'not-applicable',
      needs: [{ need: 'written-ranges', events: ['iomap_iter', 'iomap_iter_dstmap'] }],
    });
  },
  60_000,
);

const PRESSURE = `${CAPTURES}/incidents/memcg/trace.dat.gz`;

test.skipIf(!existsSync(PRESSURE))(
  'recorded pressure on a shrinker of each era',
  async () => {
    const trace = await openTrace(PRESSURE);
    const held = (['priority', 'priority-deferred'] as const).map((era) => {
      const set = { 'reclaim.era': era };
      const comparison = compare(trace, 'reclaim-releasepage', 'reclaim-shrinker', set);
      const [page, shrinker] = [replayed(comparison, 0), replayed(comparison, 1)];
      expect(most(page, 'private_released')).toBe(most(page, 'page_freed'));
      expect(most(shrinker, 'orphaned_clean')).toBe(0);
      return most(shrinker, 'private_released');
    });
    expect(held.every((released) => released > 0)).toBe(true);
  },
  60_000,
);
