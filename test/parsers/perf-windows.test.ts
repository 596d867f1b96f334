/**
 * The fast way of reading perf.data against the plain one, which is its oracle: samples that are
 * listed window by window and dealt out by several give the same tables, whatever is kept.
 */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { readPerfData, readPerfDataAlone } from '../../parsers/formats/perf-data/index.ts';
import type { Detail, KeepEvents } from '../../parsers/importer.ts';
import { ByteWriter, randomSource, unpackedFixture } from '../helpers/bytes.ts';
import type { EventSpec } from '../helpers/trace-dat-builder.ts';
import {
  type AttrSpec,
  buildPerfData,
  type RecordSpec,
  record,
  SAMPLE,
  USUAL,
} from './perf-data-builder.ts';
import { expectSame, outcome, printed, type Read } from './perf-data-outcome.ts';

/** A known event with a counter, an unknown one with a text, and one that is seldom. */
const FORMATS: EventSpec[] = [
  { id: 300, name: 'writeback_pages_written', system: 'writeback', fields: { pages: 'long' } },
  { id: 301, name: 'tick', system: 'test', fields: { n: 'u32', s: 'char[8]', big: 'u64' } },
  {
    id: 302,
    name: 'global_dirty_state',
    system: 'writeback',
    fields: {
      ...{ nr_dirty: 'ulong', nr_writeback: 'ulong', background_thresh: 'ulong' },
      ...{ dirty_thresh: 'ulong', dirty_limit: 'ulong', nr_dirtied: 'ulong', nr_written: 'ulong' },
    },
  },
];
const ATTRS: AttrSpec[] = FORMATS.map(({ id, name, system }, nth) => ({
  config: id,
  ids: [10 + nth, 20 + nth],
  name: `${system}:${name}`,
}));
/** The end of a round, where windows may end. */
const ROUND = record('little', 68, new Uint8Array(0));
const TEXTS = ['one', 'two', 'three', 'four', 'seventy'];

const MOST = 2n ** 64n - 1n;

function rawOf(which: number, value: bigint): Uint8Array {
  const out = new ByteWriter('little')
    .u16(300 + which)
    .zeros(2)
    .u32(1);
  if (which === 0) return out.u64(value).finish();
  if (which === 2) {
    out
      .u64(value)
      .u64(5n)
      .u64(MOST - value)
      .u64(value >> 11n);
    return out
      .u64(0n)
      .u64(value >> 1n)
      .u64(MOST)
      .finish();
  }
  const text = TEXTS[Number(value % 5n)] as string;
  return out
    .u32(Number(value & 0xffffn))
    .text(text.padEnd(8, '\0'))
    .zeros(4)
    .u64(value)
    .finish();
}

const DETAILS: Detail[] = ['columns', 'base', 'count'];
const everything: KeepEvents = () => 'columns';

describe('windows', () => {
  const event = fc.record({
    step: fc.integer({ min: -3, max: 6 }),
    cpu: fc.nat(3),
    which: fc.nat(2),
    jump: fc.nat(30),
    value: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
    lost: fc.nat(40),
  });

  test('are the tables of the plain way: order, texts, large values, losses, counters', () => {
    const cases = fc.tuple(
      fc.array(event, { minLength: 1, maxLength: 200 }),
      fc.array(fc.constantFrom(...DETAILS), { minLength: 3, maxLength: 3 }),
      fc.integer({ min: 1, max: 6 }),
    );
    fc.assert(
      fc.property(cases, ([events, details, dealers]) => {
        let now = 1_000_000;
        const records = events.flatMap(
          ({ step, cpu, which, jump, value, lost }, n): RecordSpec[] => {
            now += jump === 0 ? -40 : step;
            const tid = n % 7;
            const raw = rawOf(which, value);
            // Some kilobytes of callchain let 200 records fill more than one window.
            const one = { attr: which, time: now, cpu, tid, raw, callchain: 400 };
            const comm: RecordSpec = { comm: `task${n}`, tid, time: now };
            return [
              ...(lost === 0 ? [{ lost: 3, cpu, time: now }] : []),
              ...(lost === 1 ? [comm] : []),
              ...(lost < 4 ? [{ bytes: ROUND }] : []),
              { sample: one },
            ];
          },
        );
        const attrs = ATTRS.map((attr) => ({ ...attr, sampleType: USUAL | SAMPLE.CALLCHAIN }));
        const bytes = buildPerfData({ attrs, formats: FORMATS, records });
        const byName = new Map(FORMATS.map(({ name }, nth) => [name, details[nth] as Detail]));
        expectSame(bytes, (name) => byName.get(name) ?? 'columns', dealers);
      }),
      { numRuns: 60 },
    );
  });

  test.each([1, 2, 5])('a recording by %i dealers', (dealers) => {
    const bytes = unpackedFixture('perf-data/6.18-ext4/slow-writer.perf.data.gz');
    expectSame(bytes, everything, dealers);
    expectSame(bytes, (name) => DETAILS[name.length % 3] as Detail, dealers);
    expectSame(bytes, () => 'count', dealers);
  });

  test('of a damaged recording are those of the plain way, where there are any', () => {
    const whole = unpackedFixture('perf-data/6.18-ext4/slow-writer.perf.data.gz');
    let readFast = 0;
    for (let seed = 0; seed < 12; seed++) {
      const below = randomSource(seed);
      const bytes = whole.slice();
      for (let change = 0; change < 4; change++) {
        const at = Math.floor(bytes.length / 4) + below(bytes.length >> 2);
        bytes[at] = below(256);
      }
      const read: Read = (source, context) => readPerfDataAlone(source, context, { dealers: 3 });
      if (outcome(bytes, everything, read) === undefined) continue;
      readFast++;
      expectSame(bytes, everything, 3);
    }
    expect(readFast).toBeGreaterThan(2);
  }, 60_000);

  test('texts get their codes in the order of the file, however many dealers', () => {
    const records = Array.from({ length: 3000 }, (_, n): RecordSpec => {
      const raw = rawOf(1, BigInt(n < 1500 ? n % 2 : 4 - (n % 3)));
      return { sample: { attr: 1, time: n, raw, callchain: 20 } };
    });
    const attrs = ATTRS.map((attr) => ({ ...attr, sampleType: USUAL | SAMPLE.CALLCHAIN }));
    const bytes = buildPerfData({ attrs, formats: FORMATS, records });
    const dictionaries = [1, 2, 7].map((dealers) => {
      const got = outcome(bytes, undefined, (source, context) =>
        readPerfDataAlone(source, context, { dealers, windowBytes: 1 }),
      );
      const column = got?.imported.tables.get('tick')?.columns.s;
      return column?.kind === 'text' ? [column.dictionary, [...column.codes]] : undefined;
    });
    expect(dictionaries[0]).toBeDefined();
    expect(dictionaries[1]).toEqual(dictionaries[0]);
    expect(dictionaries[2]).toEqual(dictionaries[0]);
  });

  test('columns that were thought to be shorter are as long as they must be', () => {
    const records = Array.from({ length: 9000 }, (_, n): RecordSpec => {
      const time = n % 500 === 0 ? n - 300 : n;
      return { sample: { attr: n % 3, time, raw: rawOf(n % 3, BigInt(n) ** 5n), tid: n % 5 } };
    });
    const bytes = buildPerfData({ attrs: ATTRS, formats: FORMATS, records });
    const plain = outcome(bytes, undefined, (source, context) => readPerfData(source, context));
    const fast = outcome(bytes, undefined, (source, context) =>
      readPerfDataAlone(source, context, { dealers: 2, windowBytes: 1, guess: () => 0 }),
    );
    if (plain === undefined || fast === undefined) throw new Error('not read');
    expect(printed(fast, everything)).toEqual(printed(plain, everything));
    expect(fast.diagnostics).toEqual(plain.diagnostics);
  });

  test('are not made of files with more than records one after the other', () => {
    const alone = (bytes: Uint8Array) =>
      outcome(bytes, undefined, (source, context) =>
        readPerfDataAlone(source, context, { dealers: 2 }),
      );
    const pipe = unpackedFixture('perf-data/6.18-ext4/pipe-callchains.perf.data.gz');
    expect(alone(pipe)).toBeUndefined();
    const sample = (time: number): RecordSpec => ({
      sample: { attr: 0, time, raw: rawOf(0, 1n) },
    });
    const build = (bytes: Uint8Array) =>
      buildPerfData({
        attrs: ATTRS,
        formats: FORMATS,
        records: [sample(1), { bytes }, sample(2)],
      });
    const auxiliary = record('little', 71, new ByteWriter('little').u64(0).zeros(32).finish());
    expect(alone(build(auxiliary))).toBeUndefined();
    expect(alone(build(new Uint8Array(40).fill(255)))).toBeUndefined();
    expect(alone(build(record('little', 3, new Uint8Array(4))))).toBeUndefined();
    // Records that say nothing of events are passed over: a group, an end of a round.
    expect(alone(build(record('little', 68, new Uint8Array(0))))).toBeDefined();
  });
});
