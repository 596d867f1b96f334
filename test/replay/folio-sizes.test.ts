/** How many pages a dirty event stands for, by everything that can hide it (kernel-core A.1). */
import { describe, expect, test } from 'vitest';
import { findFolioSizes, SIZE_EVIDENCE } from '../../src/replay/folio-sizes.ts';
import { type EventRow, makeTrace } from '../helpers/trace-builder.ts';

const device = (major: number, minor: number) => major * 2 ** 20 + minor;
const LOOP = device(7, 0);
let clock = 0;
const next = () => ++clock;

const dirtied = (index: number, more: Record<string, number | bigint | string> = {}): EventRow => ({
  event: 'writeback_dirty_folio',
  ts_ns: next(),
  bdi: '7:0',
  ino: 12n,
  index,
  ...more,
});
const added = (
  index: number,
  order: number,
  more: Record<string, number | bigint | string> = {},
): EventRow => ({
  event: 'mm_filemap_add_to_page_cache',
  ts_ns: next(),
  dev: LOOP,
  ino: 12n,
  index,
  order,
  ...more,
});
const deleted = (
  index: number,
  order: number,
  more: Record<string, number | bigint | string> = {},
): EventRow => ({ ...added(index, order, more), event: 'mm_filemap_delete_from_page_cache' });

/** `[pages, evidence]` of every dirty event, in order. */
function sizes(...rows: EventRow[]): [number, string][] {
  const found = findFolioSizes(makeTrace(rows).tables);
  if (found === undefined) return [];
  return Array.from(found.pages, (pages, row) => [
    pages,
    SIZE_EVIDENCE[found.evidence[row] ?? 0] ?? '',
  ]);
}

describe('folios that were seen entering the page cache', () => {
  test('indexes that no page has are passed over, and end', () => {
    const far = 2 ** 62;
    expect(sizes(added(far, 10), deleted(far, 10), added(3, 0), dirtied(3))).toEqual([
      [1, 'added'],
    ]);
  });

  test.each([0, 1, 4, 9])('of order %i, at their index', (order) => {
    expect(sizes(added(1024, order), dirtied(1024))).toEqual([[2 ** order, 'added']]);
  });

  test('covering the index: folios are aligned to their size', () => {
    const rows = [added(512, 5), dirtied(512), dirtied(543), dirtied(544)];
    expect(sizes(...rows)).toEqual([
      [32, 'added'],
      [32, 'added'],
      [1, 'assumed'],
    ]);
  });

  test('the smallest covering folio is the one that is there', () => {
    const rows = [added(0, 4), deleted(0, 4), added(8, 2), dirtied(9), dirtied(3)];
    expect(sizes(...rows)).toEqual([
      [4, 'added'],
      [1, 'assumed'],
    ]);
  });

  test('replaced by one of another size at the same index', () => {
    const rows = [added(0, 2), dirtied(0), deleted(0, 2), added(0, 0), dirtied(0)];
    expect(sizes(...rows)).toEqual([
      [4, 'added'],
      [1, 'added'],
    ]);
  });

  test('dirtied again count again', () => {
    expect(sizes(added(0, 3), dirtied(0), dirtied(0))).toEqual([
      [8, 'added'],
      [8, 'added'],
    ]);
  });

  test('of another inode are none of its business, also where only the upper bits differ', () => {
    const rows = [
      added(0, 3, { ino: 13n }),
      added(0, 2, { ino: 12n + (1n << 32n) }),
      dirtied(0),
      dirtied(0, { ino: 12n + (1n << 32n) }),
    ];
    expect(sizes(...rows)).toEqual([
      [1, 'assumed'],
      [4, 'added'],
    ]);
  });
});

describe('the device of a bdi', () => {
  test('the same device wins over another with the same inode number', () => {
    const rows = [added(0, 5, { dev: device(8, 1) }), added(0, 2), dirtied(0)];
    expect(sizes(...rows)).toEqual([[4, 'added']]);
  });

  test.each([
    ['a partition behind the bdi of its disk', '8:0', device(8, 1)],
    ['btrfs, whose bdi has a name', 'btrfs-1', device(0, 42)],
    ['FUSE and NFS', '0:57', device(0, 57)],
  ])('%s', (_, bdi, dev) => {
    expect(sizes(added(64, 3, { dev }), dirtied(66, { bdi }))).toEqual([[8, 'added']]);
  });

  test('the inode of a block device: its number is the device', () => {
    const ino = BigInt(LOOP);
    expect(sizes(added(5, 0, { dev: device(0, 2), ino }), dirtied(5, { ino }))).toEqual([
      [1, 'added'],
    ]);
  });

  test('mappings without writeback are in no counter', () => {
    expect(sizes(added(0, 9), dirtied(0, { bdi: '(unknown)' }), dirtied(0))).toEqual([
      [0, 'assumed'],
      [512, 'added'],
    ]);
  });
});

describe('folios that were cached before the trace began', () => {
  test('show their size when they leave', () => {
    const rows = [dirtied(32), dirtied(32), deleted(32, 4), dirtied(32)];
    expect(sizes(...rows)).toEqual([
      [16, 'deleted-later'],
      [16, 'deleted-later'],
      [1, 'assumed'],
    ]);
  });

  test('do not take the size of a folio that came after them', () => {
    const rows = [dirtied(0), added(0, 6), deleted(0, 6)];
    expect(sizes(...rows)).toEqual([[1, 'assumed']]);
  });

  test('are single pages if they never leave', () => {
    expect(sizes(dirtied(7))).toEqual([[1, 'assumed']]);
  });
});

describe('other traces', () => {
  test('before 5.17 page-cache events have no order: single pages', () => {
    const { order: _, ...old } = added(3, 0) as EventRow & { order: number };
    expect(sizes(old as EventRow, dirtied(3), dirtied(99))).toEqual([
      [1, 'added'],
      [1, 'single-pages'],
    ]);
  });

  test('without page-cache events all sizes are assumed', () => {
    const found = findFolioSizes(makeTrace([dirtied(1), dirtied(2)]).tables);
    expect(found?.counts).toEqual({
      added: 0,
      'deleted-later': 0,
      'single-pages': 0,
      'index-stride': 0,
      assumed: 2,
    });
  });

  test('without page-cache events, steps that repeat show the size', () => {
    // The last folio of a run has the size of those before it; one alone has none.
    const rows = [
      dirtied(0),
      dirtied(64),
      dirtied(128),
      dirtied(192),
      dirtied(1000),
      dirtied(1003),
    ];
    expect(sizes(...rows)).toEqual([
      [64, 'index-stride'],
      [64, 'index-stride'],
      [64, 'index-stride'],
      [64, 'index-stride'],
      [1, 'assumed'],
      [1, 'assumed'],
    ]);
  });

  test('after a truncation the parts of a split folio have their own sizes', () => {
    const rows = [added(0, 3), deleted(6, 1), dirtied(5), dirtied(0), dirtied(4)];
    expect(sizes(...rows)).toEqual([
      [1, 'added'],
      [4, 'added'],
      [1, 'added'],
    ]);
  });

  test.each([
    // A folio of 16 pages loses 2 to 4 of them; then pages before and behind are dirtied again.
    [
      'from a page on',
      [
        [6, 0],
        [7, 0],
      ],
      [0, 4, 8, 9, 10, 12],
      [4, 2, 1, 1, 2, 4],
    ],
    ['within a page', [[6, 1]], [0, 4, 5, 8, 9, 10, 12], [4, 1, 1, 1, 1, 2, 4]],
    ['up to within a piece', [[8, 1]], [0, 4, 6, 7, 10, 11, 12], [4, 2, 1, 1, 1, 1, 4]],
  ])('a hole %s leaves the rest of a folio in pieces', (_, holes, heads, expected) => {
    const folio = added(0, 4);
    const left = holes.map(([index, order]) => deleted(index as number, order as number));
    const found = sizes(folio, ...left, ...heads.map((index) => dirtied(index)));
    expect(found).toEqual(expected.map((pages) => [pages, 'added']));
  });

  test('where parts of a file left, a folio that begins inside of another shows a split', () => {
    const rows = [added(0, 3), added(16, 2), deleted(6, 1), dirtied(17), dirtied(18), dirtied(16)];
    expect(sizes(...rows)).toEqual([
      [1, 'added'],
      [2, 'added'],
      [1, 'added'],
    ]);
  });

  test('without dirty events there is nothing to size', () => {
    expect(findFolioSizes(makeTrace([added(0, 0)]).tables)).toBeUndefined();
  });

  test('an impossible order is not believed', () => {
    expect(sizes(added(0, 60), dirtied(0))).toEqual([[65536, 'added']]);
  });
});
