/** Files that lie: claims beyond the file, formats that contradict records, damage at any byte. */
import { describe, expect, test } from 'vitest';
import { FormatError, UsageError } from '../../src/trace/errors.ts';
import { fixturesOf, randomSource, unpackedFixture } from '../helpers/bytes.ts';
import { rowsOf } from '../helpers/trace-builder.ts';
import {
  buildAndRead,
  buildTraceDat,
  type EventSpec,
  falsify,
  readDat,
} from '../helpers/trace-dat-builder.ts';

const tick: EventSpec = {
  id: 300,
  name: 'tick',
  system: 'test',
  fields: { n: 'u32', s: 'data_loc' },
};
const record = (n: number) => ({ event: 'tick', after: 1, values: { n, s: 'x' } });
const SPEC = {
  events: [tick],
  cpus: [[{ time: 1n, items: [record(1), record(2)] }], [{ time: 5n, items: [record(3)] }]],
  tasks: { 1: 'writer' },
  clock: 'mono',
  uname: 'Linux host 6.6.0 x86_64',
};
const built = buildTraceDat(SPEC);

/** The error, or undefined; anything but the two kinds that the contract names fails the test. */
function refusal(bytes: Uint8Array): FormatError | UsageError | undefined {
  try {
    readDat(bytes);
    return undefined;
  } catch (error) {
    if (error instanceof FormatError || error instanceof UsageError) return error;
    throw error;
  }
}

describe('claims that no file can keep are refused with their place', () => {
  test.each<[string, bigint | number, number, RegExp]>([
    ['long', 16, 1, /long of 16 bytes/],
    ['page size', 4095, 4, /pages of 4095 bytes/],
    ['page size', 0, 4, /pages of 0 bytes/],
    ['page size', 2 ** 31, 4, /pages of 2147483648 bytes/],
    ['header_page size', 2n ** 63n, 8, /impossible/],
    ['header_page size', 2n ** 40n, 8, /ends inside its page header/],
    ['format tick size', 2n ** 31n, 8, /ends inside its format 1 of 1 of test/],
    ['tracer formats', 2 ** 32 - 1, 4, /./],
    ['systems', 2 ** 32 - 1, 4, /./],
    ['formats of test', 2 ** 32 - 1, 4, /./],
    ['symbols size', 2 ** 32 - 1, 4, /ends inside its kernel symbols/],
    ['printk size', 2 ** 32 - 1, 4, /ends inside its trace_printk formats/],
    ['tasks size', 2n ** 52n, 8, /ends inside its task names/],
    ['cpus', 2 ** 32 - 1, 4, /claims 4294967295 CPUs/],
    ['cpus', 16000, 4, /ends inside|trace data|overlap|impossible/],
    ['cpu 0 offset', 2n ** 60n, 8, /impossible/],
    ['cpu 1 size', 2n ** 64n - 1n, 8, /impossible/],
  ])('%s = %s', (where, value, size, message) => {
    const error = refusal(falsify(built, where, value, size));
    expect(error).toBeInstanceOf(FormatError);
    expect(error?.message).toMatch(message);
    expect(error instanceof FormatError && error.offset).toBeTypeOf('number');
  });

  test('an option that is longer than the file', () => {
    const bytes = falsify(built, 'option 4', (2n ** 32n - 1n) * 65536n + 4n, 8);
    expect(refusal(bytes)?.message).toMatch(/ends inside its options/);
  });

  test('other versions are named, with the way out', () => {
    expect(refusal(buildTraceDat({ ...SPEC, version: '8' }).bytes)?.message).toMatch(
      /version 8.*--file-version 7/,
    );
  });

  test('data of several CPUs at one place is refused before it is read', () => {
    const at = built.at.get('cpu 0 data') ?? 0;
    const many = buildTraceDat({ ...SPEC, cpus: Array.from({ length: 3000 }, () => []) });
    const bytes = new Uint8Array(many.bytes.length + 8192);
    bytes.set(many.bytes);
    const view = new DataView(bytes.buffer);
    for (let cpu = 0; cpu < 3000; cpu++) {
      view.setBigUint64(many.at.get(`cpu ${cpu} offset`) ?? 0, BigInt(at), true);
      view.setBigUint64(many.at.get(`cpu ${cpu} size`) ?? 0, BigInt(bytes.length - at), true);
    }
    expect(refusal(bytes)?.message).toMatch(/data of its CPUs overlap/);
  });

  test('16 MiB pages of thousands of CPUs cost no memory that the file does not have', () => {
    const headerPage = [
      '\tfield: u64 timestamp;\toffset:0;\tsize:8;\tsigned:0;\n',
      '\tfield: local_t commit;\toffset:8;\tsize:8;\tsigned:1;\n',
      `\tfield: char data;\toffset:16;\tsize:${(1 << 24) - 16};\tsigned:1;\n`,
    ].join('');
    const many = buildTraceDat({
      ...SPEC,
      headerPage,
      cpus: Array.from({ length: 2000 }, () => []),
    });
    const bytes = new Uint8Array(many.bytes.length + 2000 * 24);
    bytes.set(many.bytes);
    const view = new DataView(bytes.buffer);
    for (let cpu = 0; cpu < 2000; cpu++) {
      view.setBigUint64(
        many.at.get(`cpu ${cpu} offset`) ?? 0,
        BigInt(many.bytes.length + cpu * 24),
        true,
      );
      view.setBigUint64(many.at.get(`cpu ${cpu} size`) ?? 0, 24n, true);
    }
    expect(readDat(bytes).tables.size).toBe(0);
  });

  test('a page header that puts its fields outside of it is not believed', () => {
    for (const [commit, data] of [
      [32, 16],
      [8, 13],
      [8, 4_000_000],
      [0, 16],
    ]) {
      const headerPage = [
        `\tfield: local_t commit;\toffset:${commit};\tsize:8;\tsigned:1;\n`,
        `\tfield: char data;\toffset:${data};\tsize:4080;\tsigned:1;\n`,
      ].join('');
      const read = buildAndRead({ ...SPEC, headerPage });
      expect(rowsOf(read.tables.get('tick'), ['n']).map(({ n }) => n)).toEqual([1, 2, 3]);
    }
  });
});

describe('claims beyond the data are damage, not an end', () => {
  test.each<[string, bigint]>([
    ['cpu 1 size', 2n ** 30n],
    ['cpu 1 offset', 2n ** 40n],
  ])('%s = %s: what is there is read', (where, value) => {
    const read = readDat(falsify(built, where, value, 8));
    expect(rowsOf(read.tables.get('tick'), ['n'])[0]).toEqual({ n: 1 });
    expect(read.diagnostics.map(({ code }) => code)).toContain('input_truncated');
  });

  test('records without a format and records shorter than theirs are counted and left out', () => {
    const unknown = { event: 'tick', after: 1, bytes: Uint8Array.of(9, 9, 0, 0, 1, 0, 0, 0) };
    const short = {
      event: 'tick',
      after: 1,
      bytes: Uint8Array.of(44, 1, 0, 0, 1, 0, 0, 0, 5, 0, 0, 0),
    };
    const read = buildAndRead({
      ...SPEC,
      cpus: [[{ time: 1n, items: [record(1), unknown, short, short, record(2)] }]],
    });
    expect(rowsOf(read.tables.get('tick'), ['n', 'ts_ns'])).toEqual([
      { n: 1, ts_ns: 0 },
      { n: 2, ts_ns: 4 },
    ]);
    expect(read.diagnostics.map(({ code, count }) => [code, count])).toEqual([
      ['record_too_short', 2],
      ['event_format_missing', 1],
    ]);
    expect(read.diagnostics[1]?.message).toContain('id 2313');
  });

  test('strings that point outside of their record end with it', () => {
    const location = (offset: number, length: number) => {
      const bytes = new Uint8Array(20);
      const view = new DataView(bytes.buffer);
      view.setUint16(0, 300, true);
      view.setUint32(12, ((length << 16) | offset) >>> 0, true);
      bytes.set([0x61, 0x62, 0x63, 0x64], 16);
      return { event: 'tick', after: 1, bytes };
    };
    const items = [
      location(16, 4),
      location(16, 60000),
      location(60000, 8),
      location(20, 4),
      location(18, 2),
    ];
    const read = buildAndRead({ ...SPEC, cpus: [[{ time: 1n, items }]] });
    expect(rowsOf(read.tables.get('tick'), ['s']).map(({ s }) => s)).toEqual([
      'abcd',
      'abcd',
      '',
      '',
      'cd',
    ]);
  });

  test('a format with a field beyond any record is left out, the others are read', () => {
    const huge: EventSpec = {
      id: 5,
      name: 'huge',
      system: 'test',
      fields: { a: 'u32' },
      offsets: { a: 65535 },
    };
    const read = buildAndRead({ ...SPEC, events: [tick, huge] });
    expect(read.diagnostics).toMatchObject([{ code: 'event_format_unreadable' }]);
    expect(read.tables.get('tick')?.rows).toBe(3);
  });

  test('a rejected id in the last place of the format still leaves no table for it', () => {
    const read = buildAndRead({ ...SPEC, events: [tick, { ...tick, id: 65536, name: 'wide' }] });
    expect(read.meta.silent_events).toEqual([]);
    expect(read.diagnostics).toMatchObject([{ code: 'event_format_unreadable' }]);
  });
});

describe('texts made to be slow', () => {
  const quickly = (spec: Partial<typeof SPEC> & { headerPage?: string; events?: EventSpec[] }) => {
    const started = performance.now();
    const error = refusal(buildTraceDat({ ...SPEC, ...spec }).bytes);
    expect(performance.now() - started).toBeLessThan(1_500);
    return error;
  };
  const names: EventSpec = { id: 301, name: 'writeback_start', fields: { reason: 'u32' } };

  test.each<[string, object]>([
    [
      'blanks in a field line',
      { events: [{ ...tick, print: `"\n\tfield:${' '.repeat(300_000)}x` }] },
    ],
    [
      'unclosed calls in a print format',
      { events: [tick, { ...names, print: '__print_flags('.repeat(60_000) }] },
    ],
    [
      'nested parentheses',
      {
        events: [
          tick,
          { ...names, print: `__print_symbolic(REC->reason, {${'('.repeat(100_000)}1` },
        ],
      },
    ],
    ['brackets in the clock option', { clock: '['.repeat(300_000) }],
    ['fields in the page header', { headerPage: 'field:'.repeat(100_000) }],
  ])('%s', (_, spec) => {
    quickly({
      ...spec,
    });
  });
});

const POSITIONS = 50;

describe.each(fixturesOf('trace-dat', '.dat.gz'))('%s cut off', (name) => {
  const bytes = unpackedFixture(`trace-dat/${name}`);
  const whole = readDat(bytes);
  const wholeRows = whole.meta.events.reduce((sum, { count }) => sum + count, 0);

  test(`at ${POSITIONS} positions: tables and a diagnostic, or a refusal with its offset`, () => {
    let rowsBefore = 0;
    for (let part = 1; part <= POSITIONS; part++) {
      const cut = Math.floor((bytes.length * part) / (POSITIONS + 1));
      let read: ReturnType<typeof readDat> | undefined;
      try {
        read = readDat(bytes.subarray(0, cut));
      } catch (error) {
        if (!(error instanceof FormatError)) throw error;
        expect(error.offset).toBeLessThanOrEqual(cut);
        expect(rowsBefore).toBe(0);
        continue;
      }
      expect(read.diagnostics.map(({ code }) => code)).toContain('input_truncated');
      const rows = read.meta.events.reduce((sum, { count }) => sum + count, 0);
      expect(rows).toBeGreaterThanOrEqual(rowsBefore);
      expect(rows).toBeLessThanOrEqual(wholeRows);
      rowsBefore = rows;
    }
    expect(rowsBefore).toBeGreaterThan(0);
  });
});

const SEED = 0x71de;
const MUTATIONS = 3_000;

describe('damage', () => {
  test(`${MUTATIONS} damaged copies (seed ${SEED}): a result or a refusal, each in bounded time`, {
    timeout: 120_000,
  }, () => {
    const original = unpackedFixture('trace-dat/6.18-ext4/calm.dat.gz');
    const below = randomSource(SEED);
    const headerEnd = original.length - 32 * 4096;
    let refused = 0;
    let longest = 0;
    for (let run = 0; run < MUTATIONS; run++) {
      const bytes = original.slice();
      const changes = 1 + below(8);
      for (let change = 0; change < changes; change++) {
        // Half of them in the header, where one byte can change everything.
        const at = below(2) === 0 ? below(headerEnd) : below(bytes.length);
        bytes[at] = below(4) === 0 ? 0xff : below(256);
      }
      const started = performance.now();
      if (refusal(bytes) !== undefined) refused++;
      longest = Math.max(longest, performance.now() - started);
    }
    expect(longest).toBeLessThan(3_000);
    // Both outcomes occur, or the mutations test nothing.
    expect(refused).toBeGreaterThan(MUTATIONS / 100);
    expect(refused).toBeLessThan(MUTATIONS / 2);
  });
});
