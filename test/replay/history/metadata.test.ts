/** Nodes of btrfs's trees by the address of their bios: logs, copies, superblocks. Rows by hand. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { replayHistory } from '../../../src/replay/history/replay-history.ts';
import { type EventRow, makeTrace } from '../../helpers/trace-builder.ts';

const MS = 1_000_000;
const LOOP = 7 * 2 ** 20;
const BTRFS = 39;
const NODE = 4;
/** Sectors by which nodes lie behind their place in the file, and their second copies. */
const [FIRST, SECOND] = [16384, 540672];

type Line = readonly [event: string, cells: Record<string, number | string | bigint>];

const START: Line = [
  'global_dirty_state',
  {
    pid: 1,
    nr_dirty_pages: 0,
    nr_writeback_pages: 0,
    nr_dirtied_pages: 0,
    nr_written_pages: 0,
  },
];
const dirtyNode = (index: number): Line[] =>
  Array.from({ length: NODE }, (_, page): Line[] => {
    const of = { pid: 1, ino: 1n, index: index + page };
    return [
      ['mm_filemap_add_to_page_cache', { ...of, dev: BTRFS, order: 0 }],
      ['writeback_dirty_folio', { ...of, bdi: 'btrfs-1' }],
    ];
  }).flat();
const bio = (event: string, sector: number, nr_sectors: number, rwbs = 'WSM'): Line => [
  event,
  { pid: 2, dev: LOOP, sector, nr_sectors, rwbs, comm: 'fio' },
];
const writeNode = (index: number): Line[] =>
  ['block_bio_queue', 'block_rq_complete'].flatMap((event) =>
    [FIRST, SECOND].map((shift) => bio(event, shift + index * 8, NODE * 8)),
  );
const writeSuper: Line[] = ['block_bio_queue', 'block_rq_complete'].map((event) =>
  bio(event, 128, 8, 'WFSM'),
);

/** Dirty and written pages at the end. */
function replay(lines: readonly Line[]) {
  const rows: EventRow[] = [START, ...lines].map(([event, cells], at) => ({
    event,
    ts_ns: (at + 1) * MS,
    ...cells,
  }));
  const host = { zoneinfo: 'Node 0, zone Normal\n  vm stats threshold: 0\n' };
  const found = replayHistory(makeTrace(rows, { cpus: 1, host }));
  if (found === undefined) throw new Error('nothing to replay');
  const { dirty, written } = found.balances;
  return { dirty, written, diagnostics: found.diagnostics };
}

describe('an fsync of btrfs', () => {
  test('writes the nodes of its log, not the first dirty ones', () => {
    const tree = [7472, 7476, 7480].flatMap(dirtyNode);
    const log = (index: number) => [...dirtyNode(index), ...writeNode(index)];
    const lines = [...tree, ...log(7484), ...log(7488), ...log(7492)];
    expect(replay(lines)).toEqual({ dirty: 12, written: 12, diagnostics: [] });
    // The tree's own nodes are still known by their places: each can be written once.
    const after = replay([...lines, ...[7472, 7476, 7480].flatMap(writeNode)]);
    expect(after).toMatchObject({ dirty: 0, written: 24 });
  });

  test('writes a superblock, which is no node', () => {
    const lines = [...dirtyNode(7472), ...writeSuper, ...dirtyNode(7476), ...writeNode(7476)];
    expect(replay(lines)).toMatchObject({ dirty: NODE, written: NODE });
    expect(replay([...lines, ...writeSuper])).toMatchObject({ dirty: NODE, written: NODE });
  });

  const index = (node: number) => 7472 + node * NODE;
  const dirtied = (nodes: readonly number[]) => nodes.flatMap((node) => dirtyNode(index(node)));
  const written = (nodes: readonly number[]) =>
    nodes.flatMap((node) => [...writeNode(index(node)), ...writeSuper]);
  const nodes = fc.uniqueArray(fc.integer({ min: 0, max: 63 }), { minLength: 1, maxLength: 30 });
  const some = nodes.chain((all) =>
    fc.record({ all: fc.constant(all), chosen: fc.shuffledSubarray(all) }),
  );

  test('writes any nodes in any order once it is known where nodes lie', () => {
    fc.assert(
      fc.property(some, ({ all, chosen }) => {
        const lines = [...dirtied([64]), ...written([64]), ...dirtied(all), ...written(chosen)];
        expect(replay(lines)).toMatchObject({
          dirty: (all.length - chosen.length) * NODE,
          written: (1 + chosen.length) * NODE,
        });
      }),
      { numRuns: 50 },
    );
  });

  test('of which the first node can be mistaken still loses and makes no page', () => {
    fc.assert(
      fc.property(some, ({ all, chosen }) => {
        const { dirty, written: done } = replay([...dirtied(all), ...written(chosen)]);
        expect(dirty + done).toBe(all.length * NODE);
        expect(done).toBeLessThanOrEqual(chosen.length * NODE);
      }),
      { numRuns: 50 },
    );
  });
});
