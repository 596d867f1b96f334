/** What is not known when the replay begins, and how later events and samples tell it. */
import { describe, expect, test } from 'vitest';
import { replayHistory } from '../../../src/replay/history/replay-history.ts';
import { type EventRow, makeTrace } from '../../helpers/trace-builder.ts';

const MS = 1_000_000;
const LOOP = 7 * 2 ** 20;

const sample = (at_ms: number, dirty: number, dirtied = 0, written = 0): EventRow => ({
  event: 'global_dirty_state',
  ts_ns: at_ms * MS,
  nr_dirty_pages: dirty,
  nr_writeback_pages: 0,
  nr_dirtied_pages: dirtied,
  nr_written_pages: written,
});
const cached = (event: 'add_to' | 'delete_from', at_ms: number, index: number, order: number) => ({
  event: `mm_filemap_${event}_page_cache`,
  ts_ns: at_ms * MS,
  dev: LOOP,
  ino: 9n,
  index,
  order,
});
const dirty = (at_ms: number, index: number, pid = 1): EventRow => ({
  event: 'writeback_dirty_folio',
  ts_ns: at_ms * MS,
  pid,
  bdi: '7:0',
  ino: 9n,
  index,
});
/** Events of each kind that a prediction needs, of nothing that counts. */
const needed: readonly EventRow[] = [
  { ...dirty(0, 0), bdi: '(unknown)' },
  { event: 'ext4_writepages_result', ts_ns: 0, dev: LOOP, ino: 1n, pages_written_pages: 0 },
  { event: 'block_rq_complete', ts_ns: 0, dev: LOOP, sector: 0, nr_sectors: 0, rwbs: 'W' },
];
const host = { zoneinfo: 'Node 0, zone Normal\n  vm stats threshold: 20\n' };
const replay = (rows: readonly EventRow[]) => {
  const found = replayHistory(makeTrace([...needed, ...rows], { cpus: 1, host }));
  if (found === undefined) throw new Error('nothing to replay');
  return found;
};
const residuals = ({ traced }: ReturnType<typeof replay>) =>
  [...traced.predicted.nr_dirty].map(
    (pages, row) => pages - (traced.recorded.nr_dirty[row] as number),
  );

describe('the first reading is off by what CPUs kept', () => {
  /** 64 pages are dirtied at once; then samples show `hidden` pages more than the first did. */
  const rows = (hidden: number) => [
    cached('add_to', 0, 0, 6),
    sample(1, 100, 100),
    dirty(2, 0),
    ...Array.from({ length: 40 }, (_, at) => sample(50 * (at + 1), 164 + hidden, 164 + hidden)),
  ];

  test('samples after the first second tell by how much, and are compared with nothing', () => {
    const off = residuals(replay(rows(16)));
    // Three quarters of it: readings while pages move are off themselves.
    expect(off.at(-1)).toBe(-4);
    expect(off[1]).toBe(-4);
    const { anchor } = replay(rows(16)).traced;
    const used = [...anchor].flatMap((start, row) => (start === row ? [row] : []));
    expect(used).toEqual([0, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32]);
  });

  test('nr_dirtied only grows: a reading of it may lack pages, never have too many', () => {
    const dirtiedOff = (hidden: number) => {
      const { predicted, recorded } = replay(rows(hidden)).traced;
      return (predicted.nr_dirtied.at(-1) ?? 0) - (recorded.nr_dirtied.at(-1) ?? 0);
    };
    expect(dirtiedOff(16)).toBe(-4);
    expect(dirtiedOff(-16)).toBe(16);
  });

  test('more than readings drift is no matter of the start', () => {
    expect(residuals(replay(rows(300))).at(-1)).toBe(-300);
  });
});

describe('pages of before the replay that leave the page cache', () => {
  const gone = (more: Partial<EventRow> = {}): EventRow[] => [
    sample(1, 1000),
    // Pages move, so that the start is over.
    cached('add_to', 2, 1024, 6) as EventRow,
    dirty(2, 1024),
    sample(3, 1064),
    { ...cached('delete_from', 10, 0, 6), ...more } as EventRow,
    cached('delete_from', 11, 64, 6) as EventRow,
    sample(20, 964),
    sample(100, 964),
    sample(120, 964),
    sample(140, 964),
  ];

  test('were dirty as far as nr_dirty fell with them', () => {
    const found = replay(gone());
    expect(found.evidence.cancel).toMatchObject({ 'counter-delta': 100 });
    expect(residuals(found)).toEqual([0, 0, 0, 0, 0, 0]);
    expect(found.balances).toMatchObject({ dirty: 964, cancelled: 100 });
  });

  test('no more of them than there were', () => {
    const found = replay(gone().filter(({ index }) => index !== 64));
    expect(found.evidence.cancel).toMatchObject({ 'counter-delta': 64 });
    expect(residuals(found).at(-1)).toBe(36);
  });

  test('what reclaim takes is clean', () => {
    const found = replay(gone({ comm: 'kswapd0' }).filter(({ index }) => index !== 64));
    expect(found.evidence.cancel).toMatchObject({ 'counter-delta': 0 });
  });
});

describe('a writer that gives a folio back', () => {
  const call = (event: string, at_ms: number, more: Partial<EventRow>): EventRow =>
    ({ event, ts_ns: at_ms * MS, pid: 7, dev: LOOP, ino: 9n, ...more }) as EventRow;
  const rows = [
    cached('add_to', 1, 0, 3),
    sample(2, 0),
    dirty(3, 0),
    sample(4, 8, 8),
    call('ext4_writepages', 5, { nr_to_write_pages: 100 }),
    dirty(6, 0, 7),
    call('ext4_writepages_result', 7, { pages_written_pages: 8 }),
    sample(8, 8, 8, 8),
  ];

  test('is counted dirtied once, and written although nothing went to the device', () => {
    const found = replay(rows);
    expect(found.traced.predicted.nr_dirtied.at(-1)).toBe(8);
    expect(found.traced.predicted.nr_written.at(-1)).toBe(8);
    expect(residuals(found).at(-1)).toBe(0);
    expect(found.evidence.claim).toMatchObject({ 'given-back': 8 });
    expect(found.evidence.end).toMatchObject({ 'nothing-written': 8 });
    expect(found.balances).toMatchObject({ dirty: 8, writeback: 0 });
  });
});

test('the bound is wider by what is in flight, which is said', () => {
  const { fits } = replay([
    cached('add_to', 0, 0, 6) as EventRow,
    sample(1, 0),
    { ...dirty(2, 0), cpu: 1 } as EventRow,
    { ...sample(2.01, 0), cpu: 0 } as EventRow,
    sample(3, 64, 64),
  ]);
  expect(fits.nr_dirtied).toMatchObject({ most_in_flight_pages: 64, drift_bound_pages: 20 });
});

test.each([
  [0.1, 64],
  [1, 0],
])('a state without dirty pages says nothing of a folio dirtied %s ms before', (ms, left) => {
  const { balances } = replay([
    cached('add_to', 0, 0, 6) as EventRow,
    sample(1, 0),
    dirty(5, 0),
    {
      ...{ event: 'writeback_single_inode', ts_ns: (5 + ms) * MS, pid: 7, bdi: '7:0', ino: 9n },
      ...{ state: 'I_SYNC', wrote_pages: 0 },
    } as EventRow,
    sample(9, left, 64),
  ]);
  expect(balances.dirty).toBe(left);
});
