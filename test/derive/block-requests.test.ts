/** Requests of block devices: issue to completion, also in parts, and what is kept of many. */
import { expect, test } from 'vitest';
import { blockRequests } from '../../src/derive/stalls/block-requests.ts';
import { type EventRow, makeTrace } from '../helpers/trace-builder.ts';

const MS = 1e6;
const DEV = 7 << 20;

const step = (name: string, ms: number, sector: number, more: object = {}): EventRow => ({
  event: `block_${name}`,
  ts_ns: ms * MS,
  dev: DEV,
  sector,
  nr_sectors: 8,
  rwbs: 'WS',
  ...more,
});

const requestsOf = (rows: readonly EventRow[]) => blockRequests(makeTrace(rows).tables);

test('latency by device and kind, and the time before in the queue', () => {
  const [writes, reads] = requestsOf([
    step('bio_queue', 0, 100),
    step('rq_issue', 4, 100),
    step('rq_complete', 10, 100),
    step('rq_issue', 20, 300, { rwbs: 'RA' }),
    step('rq_complete', 21, 300, { rwbs: 'RA' }),
  ]);
  expect(writes).toMatchObject({ dev: '7:0', kind: 'write', unfinished: 0 });
  expect(writes?.device).toMatchObject({ count: 1, max_ns: 6 * MS });
  expect(writes?.queued).toMatchObject({ count: 1, max_ns: 4 * MS });
  expect(reads).toMatchObject({ kind: 'read' });
  expect(reads?.device.max_ns).toBe(MS);
});

test('a request that completes in parts ends with its last part', () => {
  const [writes] = requestsOf([
    step('rq_issue', 0, 100, { nr_sectors: 16 }),
    step('rq_complete', 5, 100),
    step('rq_complete', 9, 108),
  ]);
  expect(writes?.device).toMatchObject({ count: 1, max_ns: 9 * MS });
});

test('flushes have no sector; a flush before data is a write', () => {
  const none = { sector: -1, nr_sectors: 0 };
  const kinds = requestsOf([
    step('rq_issue', 0, -1, { ...none, rwbs: 'FF' }),
    step('rq_complete', 5, -1, { ...none, rwbs: 'FF' }),
    step('rq_issue', 6, 100, { rwbs: 'FWS' }),
    step('rq_complete', 7, 100, { rwbs: 'FWS' }),
    step('rq_issue', 8, 100, { rwbs: 'D' }),
    step('rq_complete', 8.5, 100, { rwbs: 'D' }),
  ]).map(({ kind, device }) => [kind, device.count]);
  expect(kinds).toEqual([
    ['flush', 1],
    ['write', 1],
    ['discard', 1],
  ]);
});

test('what was requeued begins anew; what is left is unfinished; the slowest are kept', () => {
  const many = Array.from({ length: 30 }, (_, at) => [
    step('rq_issue', 100 * at, 1000 + 8 * at),
    step('rq_complete', 100 * at + at + 1, 1000 + 8 * at),
  ]).flat();
  const [writes] = requestsOf([
    ...many,
    step('rq_issue', 5000, 1),
    step('rq_requeue', 5100, 1),
    step('rq_issue', 5200, 1),
    step('rq_complete', 5201, 1),
    step('rq_issue', 6000, 9),
  ]);
  expect(writes?.device).toMatchObject({ count: 31, max_ns: 30 * MS });
  expect(writes?.slowest.map(({ duration_ns }) => duration_ns / MS)).toEqual([
    30, 29, 28, 27, 26, 25, 24, 23, 22, 21,
  ]);
  expect(writes?.unfinished).toBe(1);
});
