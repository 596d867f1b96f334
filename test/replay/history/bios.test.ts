/** Which bios carry pages of files, and which ones only look like it. Rows by hand. */
import { describe, expect, test } from 'vitest';
import { Inode } from '../../../src/replay/history/inodes.ts';
import { replayHistory } from '../../../src/replay/history/replay-history.ts';
import { Scene } from '../../../src/replay/history/scene.ts';
import { WriteQueue } from '../../../src/replay/history/write-queue.ts';
import { type EventRow, makeTrace, type TraceFacts } from '../../helpers/trace-builder.ts';
import { waitingRun } from '../../helpers/waiting-run.ts';

const MS = 1_000_000;
const LOOP = 7 * 2 ** 20;
const DISK = 8 * 2 ** 20;

type Cells = Record<string, number | string | bigint>;
type Line = readonly [event: string, pid: number, cells: Cells];

const state = (dirty: number, writeback: number, dirtied: number, written: number): Line => [
  'global_dirty_state',
  1,
  {
    nr_dirty_pages: dirty,
    nr_writeback_pages: writeback,
    nr_dirtied_pages: dirtied,
    nr_written_pages: written,
  },
];
const add = (index: number, ino = 9n, dev = LOOP): Line => [
  'mm_filemap_add_to_page_cache',
  1,
  { dev, ino, index, order: 0 },
];
const dirty = (index: number, bdi = '7:0', ino = 9n): Line => [
  'writeback_dirty_folio',
  1,
  { bdi, ino, index },
];
const block = (event: string, dev: number, sector: number, pages: number, comm: string): Line => [
  event,
  3,
  { dev, sector, nr_sectors: pages * 8, rwbs: 'W', comm },
];

const rowsOf = (lines: readonly Line[]): EventRow[] =>
  lines.map(([event, pid, cells], at) => ({ event, ts_ns: (at + 1) * MS, pid, ...cells }));

function replay(lines: readonly Line[], facts: TraceFacts = {}) {
  const rows = rowsOf(lines);
  const host = { zoneinfo: 'Node 0, zone Normal\n  vm stats threshold: 0\n' };
  const found = replayHistory(makeTrace(rows, { cpus: 1, host, ...facts }));
  if (found === undefined) throw new Error('nothing to replay');
  return found;
}

describe('what was claimed', () => {
  /** Runs that wait for their bios at the end, over all devices. */
  function waitingAfter(lines: readonly Line[]): number {
    let scene: Scene | undefined;
    replayHistory(makeTrace(rowsOf(lines), { cpus: 1 }), {
      scene(...args) {
        scene = new Scene(...args);
        return scene;
      },
      follow: () => ({ first: [], after: [], clocks: [] }),
    });
    return [...(scene?.queues().values() ?? [])].reduce((sum, queue) => sum + queue.waiting, 0);
  }
  // Apart, so that no two runs become one.
  const written = [0, 5, 11].flatMap((index): Line[] => [
    dirty(index),
    ['writeback_single_inode', 2, { bdi: '7:0', ino: 9n, wrote_pages: 1, state: 'I_SYNC' }],
  ]);

  test('waits for bios only where events tell of some', () => {
    expect(waitingAfter([state(0, 0, 0, 0), ...written])).toBe(0);
    const other = block('block_bio_queue', DISK, 0, 1, 'dd');
    expect(waitingAfter([state(0, 0, 0, 0), ...written, other])).toBe(3);
  });
});

describe('a throttled queue', () => {
  const inode = new Inode(0, LOOP, 9);
  const run = (start: number, end: number, extent: number) => waitingRun(inode, start, end, extent);
  const place = (start: number, pages: number, later: Readonly<Record<number, number>>) => ({
    start,
    end: start + pages * 8,
    pages,
    laterAt: (sector: number) => later[sector] ?? 0,
    goesOnAt: () => false,
  });
  const anyone = () => true;
  const taken = (queue: WriteQueue, bio: ReturnType<typeof place>) =>
    queue.take(bio.pages, anyone, bio).map(({ start, end }) => [start, end]);

  test('holds an extent back for the bio that goes on where its first part ended', () => {
    const queue = new WriteQueue(8);
    queue.push(run(0, 20, 1));
    expect(taken(queue, place(800, 10, {}))).toEqual([[0, 10]]);
    expect(taken(queue, place(80, 5, { 880: 10 }))).toEqual([]);
    expect(taken(queue, place(880, 10, {}))).toEqual([[10, 20]]);
  });

  test('holds a new extent back for a bio of its size behind the file', () => {
    const queue = new WriteQueue(8);
    queue.push(run(0, 20, 1));
    queue.push(run(20, 60, 2));
    expect(taken(queue, place(800, 20, {}))).toEqual([[0, 20]]);
    expect(taken(queue, place(80, 5, { 960: 40 }))).toEqual([]);
    // Nothing shows that it belongs elsewhere: then the order decides.
    expect(taken(queue, place(80, 5, {}))).toEqual([[20, 25]]);
  });
});

test("a loop device's own bios to its disk end no pages of before a loss", () => {
  const { fits } = replay([
    state(0, 100, 1000, 500),
    ...Array.from({ length: 20 }, (_, at) => [add(at), dirty(at)]).flat(),
    ['writeback_single_inode_start', 4, { bdi: '7:0', ino: 8n }],
    ['writeback_single_inode', 4, { bdi: '7:0', ino: 8n }],
    block('block_bio_queue', LOOP, 80, 40, 'kworker/0:1'),
    block('block_bio_queue', DISK, 8000, 40, 'kworker/u8:1'),
    block('block_rq_complete', DISK, 8000, 40, '<idle>'),
    state(20, 100, 1020, 500),
    block('block_rq_complete', LOOP, 80, 40, '<idle>'),
    state(20, 60, 1020, 540),
  ]);
  expect([fits.nr_writeback.n, fits.nr_writeback.max_abs_pages]).toEqual([2, 0]);
  expect(fits.nr_written.max_abs_pages).toBe(0);
});

describe('bios that a throttle held before the replay', () => {
  const call = (event: string, cells: Cells): Line => [event, 4, { dev: LOOP, ino: 9n, ...cells }];
  /** 20 pages are claimed while others, of before, are under writeback; then bios come. */
  const claimed = (writeback: number): Line[] => [
    state(0, writeback, 1000, 500),
    ...Array.from({ length: 20 }, (_, at) => [add(at), dirty(at)]).flat(),
    call('ext4_writepages', { nr_to_write_pages: 100 }),
    call('ext4_da_write_folios_start', { nr_to_write_pages: 100, start_pos_bytes: 0 }),
    call('ext4_da_write_pages_extent', { lblk: 0, len: 20 }),
    call('ext4_da_write_folios_end', { nr_to_write_pages: 80 }),
    call('ext4_writepages_result', { pages_written_pages: 20 }),
  ];
  const through = (sector: number, pages: number): Line[] => [
    block('block_bio_queue', LOOP, sector, pages, 'kworker/0:1'),
    block('block_rq_complete', LOOP, sector, pages, '<idle>'),
  ];

  test('come before those of what was claimed since', () => {
    const { traced } = replay([
      ...claimed(60),
      ...through(800, 40),
      ...through(1120, 20),
      state(0, 20, 1020, 560),
      ...through(1280, 20),
      state(0, 0, 1020, 580),
      state(0, 0, 1020, 580),
      state(0, 0, 1020, 580),
    ]);
    expect([...traced.predicted.nr_writeback].slice(-1)).toEqual([0]);
    expect([...traced.predicted.nr_written].slice(-1)).toEqual([580]);
  });

  test('are told by what is left: the bio at the border belongs where most of it does', () => {
    const queue = new WriteQueue(8);
    expect([queue.wasHeld(40, 100), queue.wasHeld(40, 20), queue.wasHeld(40, 19)]).toEqual([
      true,
      true,
      false,
    ]);
    // Whatever comes back later: the order is known by then.
    expect(queue.wasHeld(1, 19)).toBe(false);
    queue.clear();
    expect(queue.wasHeld(1, 19)).toBe(true);
  });
});

test('what was dirtied before a loss at the beginning is not known to be dirty behind it', () => {
  const lines = [
    ...Array.from({ length: 30 }, (_, at) => [add(at), dirty(at)]).flat(),
    state(2, 0, 1000, 500),
    ...Array.from({ length: 20 }, (_, at) => [add(100 + at), dirty(100 + at)]).flat(),
    state(22, 0, 1020, 500),
  ];
  const gap = { cpu: 0, from_ns: 0, ts_ns: 60.5 * MS, count: 9 };
  const { timeline, fits } = replay(lines, { losses: [gap] });
  expect(fits.nr_dirty.max_abs_pages).toBe(0);
  expect(timeline.bdis.map(({ bdi, dirty_pages }) => [bdi, dirty_pages.at(-1)])).toEqual([
    ['(unseen)', 2],
    ['7:0', 20],
  ]);
});

test('btrfs sets nr_to_write anew, which writes no pages', () => {
  const folio = (index: number, nr: number): Line => [
    'extent_writepage',
    4,
    { ino: 257n, index, nr_to_write_pages: nr },
  ];
  const { fits, evidence } = replay([
    state(0, 0, 1000, 500),
    ...Array.from({ length: 40 }, (_, at) => [
      add(at, 257n, 45),
      dirty(at, 'btrfs-8', 257n),
    ]).flat(),
    ['writeback_single_inode_start', 4, { bdi: 'btrfs-8', ino: 257n }],
    folio(0, 100),
    // 30 of the 100 were taken away, not written.
    folio(1, 69),
    folio(2, 68),
    ['writeback_single_inode', 4, { bdi: 'btrfs-8', ino: 257n, wrote_pages: 33 }],
    state(37, 3, 1040, 500),
  ]);
  expect([fits.nr_dirty.n, fits.nr_dirty.max_abs_pages]).toEqual([1, 0]);
  expect(evidence.claim['folio-event']).toBe(3);
  expect(evidence.claim['inode-wrote']).toBe(0);
});

test('the file that is being written is found behind all that waits', () => {
  const queue = new WriteQueue(8);
  const run = (inode: Inode, start: number) => ({
    inode,
    generation: 0,
    start,
    end: start + 1,
    anonymous: 0,
    sync: false,
    extent: 0,
    sector: undefined,
    ioEnd: undefined,
    copies: undefined,
  });
  const [waiting, own] = [new Inode(1, LOOP, 1), new Inode(2, LOOP, 2)];
  for (let at = 0; at < 100; at++) queue.push(run(waiting, 2 * at));
  queue.push(run(own, 5));
  expect(queue.takeOf(own, 1)).toMatchObject([{ inode: own, start: 5, end: 6 }]);
  expect(queue.waiting).toBe(100);

  // All writeback of the file that waits has ended, by what bio ever.
  waiting.generation++;
  queue.push(run(own, 8));
  expect(queue.take(1, () => true)).toMatchObject([{ inode: own, start: 8 }]);
});

test('pages of one round of ext4 come back with the last of its bios', () => {
  const own = { dev: LOOP, ino: 9n };
  const call = (event: string, cells: Cells): Line => [event, 3, { ...own, ...cells }];
  const back = (sector: number) => block('block_rq_complete', LOOP, sector, 1, 'swapper');
  const { traced } = replay([
    add(0),
    add(1),
    state(0, 0, 0, 0),
    dirty(0),
    dirty(1),
    call('ext4_writepages', { nr_to_write_pages: 100 }),
    call('ext4_da_write_folios_start', { nr_to_write_pages: 100, start_pos_bytes: 0 }),
    call('ext4_da_write_pages_extent', { lblk: 0, len: 2 }),
    block('block_bio_queue', LOOP, 800, 1, 'kworker/u8:1'),
    block('block_bio_queue', LOOP, 808, 1, 'kworker/u8:1'),
    call('ext4_da_write_folios_end', { nr_to_write_pages: 98 }),
    call('ext4_writepages_result', { pages_written_pages: 2 }),
    back(800),
    ...Array.from({ length: 5 }, () => state(0, 2, 2, 0)),
    back(808),
    ...Array.from({ length: 5 }, () => state(0, 0, 2, 2)),
  ]);
  expect([...traced.predicted.nr_writeback].slice(-6)).toEqual([2, 0, 0, 0, 0, 0]);
});

test('what the journal writes goes under writeback and ends within the call', () => {
  const own = { dev: LOOP, ino: 9n };
  const call = (event: string, cells: Cells = {}): Line => [event, 3, { ...own, ...cells }];
  const written = (between: readonly Line[]) => {
    const { fits } = replay([
      state(0, 0, 1000, 500),
      ...Array.from({ length: 20 }, (_, at) => [add(at), dirty(at)]).flat(),
      call('ext4_writepages', { nr_to_write_pages: 1024 }),
      ...between,
      call('ext4_writepages_result', { pages_written_pages: 20 }),
      state(0, 0, 1020, 520),
      // Something that comes back is needed for a prediction.
      block('block_rq_complete', DISK, 80, 1, '<idle>'),
    ]);
    return fits.nr_writeback.max_abs_pages;
  };
  const mark = call('sb_mark_inode_writeback');
  const clear = call('sb_clear_inode_writeback');
  expect(written([mark, clear, mark, clear])).toBe(0);
  // The last one is still under way.
  expect(written([mark, clear, mark])).toBe(20);
});
