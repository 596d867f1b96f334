/** perf.data: every layout of samples, both byte orders, files and pipes, names, losses, order. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type ByteOrder, ByteWriter, randomSource } from '../helpers/bytes.ts';
import { rowsOf } from '../helpers/trace-builder.ts';
import type { EventSpec } from '../helpers/trace-dat-builder.ts';
import {
  type AttrSpec,
  buildPerfData,
  type PerfRead,
  type PerfSpec,
  type RecordSpec,
  readPerf,
  record,
  recordBytes,
  SAMPLE,
  USUAL,
} from './perf-data-builder.ts';

const tick: EventSpec = {
  id: 300,
  name: 'tick',
  system: 'test',
  fields: { n: 'u32', s: 'char[8]', big: 'u64' },
};
const tock: EventSpec = { id: 301, name: 'tock', system: 'test', fields: { n: 'u32' } };
const FORMATS = [tick, tock];

function tickRaw(n: number, order: ByteOrder = 'little'): Uint8Array {
  const out = new ByteWriter(order).u16(300).u8(0).u8(0).u32(1).u32(n);
  return out
    .text('word\0\0\0\0')
    .zeros(4)
    .u64(2n ** 63n + BigInt(n))
    .finish();
}
const tockRaw = (n: number, order: ByteOrder = 'little') =>
  new ByteWriter(order).u16(301).u8(0).u8(0).u32(1).u32(n).finish();

const ATTRS: AttrSpec[] = [
  { config: 300, ids: [10, 11], name: 'test:tick', clockId: 1 },
  { config: 301, ids: [12, 2 ** 40], name: 'test:tock', clockId: 1 },
];
const sample = (time: number, n: number, more: object = {}): RecordSpec => ({
  sample: { attr: 0, time, raw: tickRaw(n), ...more },
});
const read = (records: readonly RecordSpec[], more: Partial<PerfSpec> = {}): PerfRead =>
  readPerf(buildPerfData({ attrs: ATTRS, formats: FORMATS, records, ...more }));
const ticks = (got: PerfRead, columns = ['ts_ns', 'cpu', 'n']) =>
  rowsOf(got.tables.get('tick'), columns).map((row) => columns.map((name) => row[name]));
const codes = (got: PerfRead) => got.diagnostics.map(({ code }) => code);

describe('layouts of samples', () => {
  const places: ByteOrder[] = ['little', 'big'];
  const types: [string, number, number][] = [
    ['what perf asks for tracepoints', USUAL, 4],
    ['id instead of identifier', SAMPLE.TID | SAMPLE.TIME | SAMPLE.ID | SAMPLE.CPU | SAMPLE.RAW, 4],
    ['everything before the raw data', 0x10000 | 0x7ff, 4],
    ['a read with times and losses', USUAL | SAMPLE.READ, 1 | 2 | 4 | 16],
    ['a group read', USUAL | SAMPLE.READ, 1 | 2 | 4 | 8 | 16],
    ['a callchain', USUAL | SAMPLE.CALLCHAIN, 4],
    ['group read and callchain', USUAL | SAMPLE.READ | SAMPLE.CALLCHAIN, 8],
  ];
  const modes: [string, boolean][] = [
    ['file', false],
    ['pipe', true],
  ];
  for (const order of places) {
    for (const [mode, pipe] of modes) {
      test.each(types)(`${order}-endian ${mode}: %s`, (_, sampleType, readFormat) => {
        const attrs = ATTRS.map((attr) => ({ ...attr, sampleType, readFormat }));
        const got = read(
          [
            {
              sample: {
                attr: 0,
                time: 1000,
                cpu: 3,
                tid: 42,
                raw: tickRaw(1, order),
                callchain: 3,
                group: 2,
              },
            },
            {
              sample: { attr: 1, time: 1005, cpu: 2, tid: 43, raw: tockRaw(5, order), id: 2 ** 40 },
            },
            { sample: { attr: 0, time: 1010, cpu: 3, tid: 42, raw: tickRaw(2, order), id: 11 } },
          ],
          { attrs, order, pipe },
        );
        // Of the three that the first sample has, one is no address.
        const callers = got.diagnostics.map(({ code, count }) => [code, count]);
        const hasCallers = (sampleType & SAMPLE.CALLCHAIN) !== 0;
        expect(callers).toEqual(hasCallers ? [['callers_left_out', 2]] : []);
        const cpu = (sampleType & SAMPLE.CPU) === 0 ? -1 : 3;
        expect(ticks(got, ['ts_ns', 'cpu', 'pid', 'n', 's', 'big', 'seq'])).toEqual([
          [0, cpu, 42, 1, 'word', 2n ** 63n + 1n, 0],
          [10, cpu, 42, 2, 'word', 2n ** 63n + 2n, 2],
        ]);
        expect(rowsOf(got.tables.get('tock'), ['ts_ns', 'n'])).toEqual([{ ts_ns: 5, n: 5 }]);
        expect(got.meta).toMatchObject({
          clock: 'mono',
          origin_ns: 1000n,
          duration_ns: 10,
          page_size: 65536,
          cpus: 4,
          kernel: '6.6.0-test',
          machine: 'riscv64',
        });
      });
    }
  }

  test.each([64, 72, 80, 96, 112, 120, 136, 200])('an attr of %i bytes', (bytes) => {
    const attrs = ATTRS.map((attr) => ({ ...attr, bytes }));
    const got = read([sample(5, 1)], { attrs });
    expect(ticks(got)).toEqual([[0, 0, 1]]);
    // The clock's number came with version 3 of the attr.
    expect(got.meta.clock).toBe(bytes < 96 ? 'perf' : 'mono');
  });

  test('clocks by their number; perf has its own', () => {
    const clock = (clockId?: number) =>
      read([sample(5, 1)], {
        attrs: [{ config: 300, ids: [10], ...(clockId === undefined ? {} : { clockId }) }],
      }).meta.clock;
    expect([clock(), clock(1), clock(4), clock(7), clock(99)]).toEqual([
      'perf',
      'mono',
      'mono_raw',
      'boot',
      'clock 99',
    ]);
  });

  test('an event without a record of its own has address and period', () => {
    const attrs: AttrSpec[] = [
      { type: 1, config: 0, ids: [9], name: 'cpu-clock:u', sampleType: USUAL & ~SAMPLE.RAW },
    ];
    const got = read([{ sample: { attr: 0, time: 3, cpu: 1 } }], { attrs });
    expect(rowsOf(got.tables.get('cpu-clock:u'), ['ts_ns', 'cpu', 'ip', 'period'])).toEqual([
      { ts_ns: 0, cpu: 1, ip: 0xffffffff81000000n, period: 7 },
    ]);
    expect(got.tables.get('cpu-clock:u')?.known).toBe(false);
  });

  test('a tracepoint whose format is missing is kept without its fields', () => {
    const got = readPerf(buildPerfData({ attrs: ATTRS, records: [sample(3, 1)] }));
    expect(rowsOf(got.tables.get('tick'), ['ts_ns', 'period'])).toEqual([{ ts_ns: 0, period: 7 }]);
    expect(codes(got)).toEqual(['event_format_missing']);
  });

  test('two attrs of one tracepoint share its table; one without samples is silent', () => {
    const attrs: AttrSpec[] = [...ATTRS, { config: 300, ids: [77], name: 'test:tick' }];
    const got = read([sample(1, 1), { sample: { attr: 2, time: 2, raw: tickRaw(2) } }], { attrs });
    expect(ticks(got)).toEqual([
      [0, 0, 1],
      [1, 0, 2],
    ]);
    expect(got.meta.events).toEqual([{ name: 'tick', system: 'test', count: 2 }]);
    expect(got.meta.silent_events).toEqual(['tock']);
  });
});

describe('order', () => {
  const event = fc.record({
    step: fc.integer({ min: -3, max: 6 }),
    cpu: fc.nat(3),
    which: fc.nat(1),
    jump: fc.nat(40),
  });

  test('rows are sorted by time, CPU and position, whatever the window', () => {
    fc.assert(
      fc.property(
        fc.array(event, { maxLength: 300 }),
        fc.constantFrom(1, 1 << 17),
        (events, windowBytes) => {
          let now = 1_000_000;
          const written = events.map(({ step, cpu, which, jump }, n) => {
            now += jump === 0 ? -60 : step;
            return { time: now, cpu, which, n };
          });
          const records = written.map(
            ({ time, cpu, which, n }): RecordSpec => ({
              // Some kilobytes of callchain let 300 records fill more than one window.
              sample: {
                attr: which,
                time,
                cpu,
                callchain: 300,
                raw: which === 0 ? tickRaw(n) : tockRaw(n),
              },
            }),
          );
          const attrs = ATTRS.map((attr) => ({ ...attr, sampleType: USUAL | SAMPLE.CALLCHAIN }));
          const got = readPerf(buildPerfData({ attrs, formats: FORMATS, records }), windowBytes);
          const sorted = written.toSorted((a, b) => a.time - b.time || a.cpu - b.cpu || a.n - b.n);
          const first = sorted[0]?.time ?? 0;
          ['tick', 'tock'].forEach((name, which) => {
            const expected = sorted.flatMap(({ time, cpu, n, which: own }, seq) =>
              own === which ? [{ ts_ns: time - first, cpu, n, seq }] : [],
            );
            expect(rowsOf(got.tables.get(name), ['ts_ns', 'cpu', 'n', 'seq'])).toEqual(expected);
          });
        },
      ),
      { numRuns: 60 },
    );
  });

  test('20,000 samples: several batches in one window, and several windows', () => {
    const below = randomSource(7);
    const written = Array.from({ length: 20_000 }, (_, n) => {
      // Chunks of 500 per CPU, as perf writes them: each goes back to where the last one began.
      const time = 1_000_000 + Math.floor(n / 1000) * 5000 + (n % 500) * 10 + below(12);
      return { time, cpu: Math.floor(n / 500) % 2, n };
    });
    const records = written.map(({ time, cpu, n }) => sample(time, n, { cpu }));
    const bytes = buildPerfData({ attrs: ATTRS, formats: FORMATS, records });
    const sorted = written.toSorted((a, b) => a.time - b.time || a.cpu - b.cpu || a.n - b.n);
    const expected = sorted.map(({ time, cpu, n }, seq) => [
      time - (sorted[0]?.time ?? 0),
      cpu,
      n,
      seq,
    ]);
    for (const windowBytes of [1, 1 << 24]) {
      const got = ticks(readPerf(bytes, windowBytes), ['ts_ns', 'cpu', 'n', 'seq']);
      expect(got).toEqual(expected);
    }
  });

  test('values that no double holds move with their rows', () => {
    const spec: EventSpec = { id: 300, name: 'writeback_pages_written', fields: { pages: 'long' } };
    const raw = (pages: bigint) => new ByteWriter('little').u16(300).zeros(6).u64(pages).finish();
    // The first window ends before the second sample: 130 kB of records between them.
    const padding: RecordSpec[] = Array.from({ length: 3 }, () => ({
      bytes: record('little', 5, new Uint8Array(65520)),
    }));
    const records = [
      { sample: { attr: 0, time: 9, raw: raw(2n ** 63n - 1n) } },
      ...padding,
      { sample: { attr: 0, time: 4, raw: raw(3n) } },
    ];
    const got = readPerf(
      buildPerfData({ attrs: [{ config: 300, ids: [10] }], formats: [spec], records }),
      1,
    );
    expect(rowsOf(got.tables.get('writeback_pages_written'), ['ts_ns', 'written_pages'])).toEqual([
      { ts_ns: 0, written_pages: 3 },
      { ts_ns: 5, written_pages: 2n ** 63n - 1n },
    ]);
  });
});

describe('names of tasks', () => {
  const by = (tid: number, time: number) => sample(time, time, { tid });

  test('the last name before the event; what perf made up holds from the start', () => {
    const got = read([
      by(5, 10),
      { comm: 'first', tid: 5, time: 0 },
      { comm: 'second', tid: 5, time: 20 },
      by(5, 19),
      by(5, 20),
      by(0, 30),
      by(6, 40),
    ]);
    expect(ticks(got, ['ts_ns', 'comm'])).toEqual([
      [0, 'first'],
      [9, 'first'],
      [10, 'second'],
      [20, '<idle>'],
      [30, '<...>'],
    ]);
  });

  test('a forked task has the name of its parent at that time, until it gets its own', () => {
    const got = read([
      { comm: 'shell', tid: 5, time: 1 },
      { fork: 8, parent: 5, time: 10 },
      { comm: 'later', tid: 5, time: 15 },
      by(8, 16),
      { comm: 'child', tid: 8, time: 20 },
      by(8, 21),
      { fork: 9, parent: 77, time: 22 },
      by(9, 23),
    ]);
    expect(ticks(got, ['comm'])).toEqual([['shell'], ['child'], ['<...>']]);
  });
});

describe('losses', () => {
  test('a LOST record lies between the samples of its CPU', () => {
    const got = read([
      sample(10, 1),
      sample(12, 2, { cpu: 1 }),
      { lost: 5, cpu: 0, time: 20 },
      { lost: 2, cpu: 0, time: 21 },
      sample(30, 3, { cpu: 1 }),
      sample(40, 4),
      { lost: 1, cpu: 1, time: 50 },
    ]);
    expect(got.losses).toEqual([
      { cpu: 0, from_ns: 0, ts_ns: 30, count: 7 },
      { cpu: 1, from_ns: 20, ts_ns: 30, count: 1 },
    ]);
    expect(got.diagnostics.map(({ code, count }) => [code, count])).toEqual([['events_lost', 8]]);
  });

  test('totals that perf adds at the end count only what the records did not', () => {
    const got = read([
      sample(10, 1),
      { lost: 5, cpu: 0, time: 20 },
      sample(30, 3),
      { lost: 4, cpu: 0, time: 0, samples: true },
      { lost: 3, cpu: 0, time: 0, samples: true },
      { lost: 9, cpu: 1, time: 0, samples: true, misc: 1 << 15 },
    ]);
    expect(got.losses).toEqual([
      { cpu: 0, from_ns: 0, ts_ns: 20, count: 5 },
      { cpu: 0, from_ns: 0, ts_ns: 20, count: 2 },
    ]);
  });
});

describe('damage', () => {
  test('perf was killed: the records up to the end, and why there is no more', () => {
    const got = read([sample(10, 1), sample(11, 2)], { unclosed: true });
    expect(codes(got)).toEqual(['input_truncated', 'event_format_missing']);
    expect([...got.tables.values()].map(({ name, rows }) => [name, rows])).toEqual([
      ['tracepoint-300', 2],
    ]);
    expect(got.diagnostics[0]?.message).toContain('perf was killed');
  });

  test('reading goes on behind bytes that are no records', () => {
    const junk: RecordSpec = {
      bytes: Uint8Array.from({ length: 4000 }, (_, at) => (at * 97) & 255),
    };
    const got = read([sample(1, 1), junk, sample(2, 2), sample(3, 3), sample(4, 4), sample(5, 5)]);
    expect(ticks(got, ['n']).flat()).toEqual([1, 2, 3, 4, 5]);
    expect(codes(got)).toContain('record_damaged');
  });

  test('samples that are too short, foreign or of no event are counted', () => {
    const short = recordBytes('little', ATTRS, sample(1, 1)).slice(0, 40);
    new DataView(short.buffer).setUint16(6, 40, true);
    const got = read([
      { bytes: short },
      sample(2, 2, { rawSize: 12 }),
      sample(3, 3, { rawSize: 2 ** 32 - 1 }),
      sample(4, 4, { raw: tockRaw(1) }),
      sample(5, 5, { id: 99 }),
      {
        sample: { attr: 0, time: 6, raw: Uint8Array.from([...tockRaw(1), ...new Uint8Array(24)]) },
      },
      sample(7, 7),
    ]);
    expect(ticks(got, ['n'])).toEqual([[7]]);
    const counts = Object.fromEntries(got.diagnostics.map(({ code, count }) => [code, count]));
    expect(counts).toEqual({ record_too_short: 4, record_damaged: 2 });
  });

  test('a hardware trace beside the records is passed over', () => {
    const aux = new ByteWriter('little').u64(96).zeros(32).finish();
    const got = read([
      sample(1, 1),
      { bytes: record('little', 71, aux) },
      { bytes: new Uint8Array(96).fill(255) },
      sample(2, 2),
    ]);
    expect(ticks(got, ['n'])).toEqual([[1], [2]]);
    expect(got.diagnostics).toEqual([]);
  });
});
