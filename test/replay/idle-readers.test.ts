/** Who reads /proc/vmstat prints states as if it were in balance_dirty_pages, and dirties little. */
import { expect, test } from 'vitest';
import { lossIndex } from '../../src/replay/losses.ts';
import { stateColumns, throttleColumns } from '../../src/replay/throttle/columns.ts';
import { idleReaders } from '../../src/replay/throttle/idle-readers.ts';
import { type EventRow, makeTrace, type TraceFacts } from '../helpers/trace-builder.ts';

const MS = 1e6;
const READER = 7;
const WRITER = 8;

const state = (at: number, pid: number): EventRow => ({
  event: 'global_dirty_state',
  ts_ns: at * MS,
  pid,
  nr_dirty_pages: 10,
  nr_writeback_pages: 0,
  dirty_thresh_pages: 1000,
  background_thresh_pages: 500,
});
const dirty = (at: number, pid: number): EventRow => ({
  event: 'writeback_dirty_folio',
  ts_ns: at * MS,
  pid,
  bdi: '7:0',
  ino: 9n,
  index: at,
});
const throttled = (at: number, pid: number): EventRow => ({
  event: 'balance_dirty_pages',
  ts_ns: at * MS,
  pid,
  bdi: '7:0',
  pause_ms: 0,
});

function readersOf(rows: EventRow[], facts: TraceFacts = {}): number[] {
  const { tables, losses } = makeTrace(rows, { cpus: 1, ...facts });
  const dirtied = tables.get('writeback_dirty_folio');
  const columns = [throttleColumns(tables), stateColumns(tables), dirtied] as const;
  return [...idleReaders(...columns, lossIndex(losses))];
}

/** Both come by every 10 ms; the reader dirties a page now and then, the writer each time. */
const rows = Array.from({ length: 8 }, (_, nth) => 10 * nth + 1).flatMap((at) => [
  state(at, READER),
  dirty(at + 1, WRITER),
  state(at + 2, WRITER),
  ...(at === 31 ? [dirty(at + 3, READER)] : []),
]);
const ends = [throttled(85, READER), throttled(86, WRITER)];

test('a task that dirties nothing between its states reads them', () => {
  expect(readersOf([...rows, ...ends])).toEqual([READER]);
});

test('of a task that is never throttled nothing is asked', () => {
  expect(readersOf([...rows, throttled(86, WRITER)])).toEqual([]);
});

test('states with a throttle event, or a loss, in between tell nothing', () => {
  const paused = Array.from({ length: 8 }, (_, nth) => 10 * nth + 1).flatMap((at) => [
    state(at, READER),
    throttled(at + 1, READER),
  ]);
  expect(readersOf([...paused, dirty(90, WRITER)])).toEqual([]);
  const gap = { cpu: 0, from_ns: 0, ts_ns: 100 * MS, count: 9 };
  expect(readersOf([...rows, ...ends], { losses: [gap] })).toEqual([]);
});
