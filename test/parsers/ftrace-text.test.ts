/** ftrace text as a whole: against the same events in trace.dat, in pieces, and damaged. */
import { existsSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { openTrace } from '../../parsers/index.ts';
import { DICTIONARY } from '../../src/events/index.ts';
import { FormatError } from '../../src/trace/errors.ts';
import { placesOf, readText, rowsOf, unpacked, valuesOf } from './ftrace-text-support.ts';

const FIXTURES = ['6.18-ext4/slow-writer', '6.18-xfs/two-writers'];
const SHARED = '../shared/captures';

/** Both printers round to microseconds. */
function microseconds(origin: bigint, column: unknown[]): bigint[] {
  return column.map((ts) => (origin + BigInt(ts as number) + 500n) / 1000n);
}

/** Numbers printed as names, and what no definition takes from the text. */
const NOT_PRINTED = /_bits$|^(?:ip|ioprio|cmd|ops|caller|addr|bdev|type|flags)$/;

async function compare(binaryPath: string, textPath: string) {
  const binary = await openTrace(binaryPath);
  const text = await openTrace(textPath);
  expect([...text.tables.keys()]).toEqual([...binary.tables.keys()]);
  for (const [name, expected] of binary.tables) {
    const table = text.tables.get(name);
    expect(table?.rows, name).toBe(expected.rows);
    expect(table?.known, name).toBe(expected.known);
    for (const [id, column] of Object.entries(expected.columns)) {
      const own = table?.columns[id];
      const place = `${name}.${id}`;
      // The text prints no bits of named values and no address of the caller of print; events
      // without a definition are one raw text.
      if (own === undefined && (!expected.known || NOT_PRINTED.test(id))) continue;
      expect(own?.unit, place).toBe(column.unit);
      expect(own?.kind, place).toBe(column.kind);
      if (id === 'ts_ns') {
        const times = microseconds(text.meta.origin_ns, valuesOf(own));
        expect(times, place).toEqual(microseconds(binary.meta.origin_ns, valuesOf(column)));
      } else {
        expect(valuesOf(own), place).toEqual(valuesOf(column));
      }
    }
  }
  return { binary, text };
}

describe('the same events as text and as trace.dat', () => {
  for (const fixture of FIXTURES) {
    it(fixture, async () => {
      const { binary, text } = await compare(
        `fixtures/trace-dat/${fixture}.dat.gz`,
        `fixtures/ftrace-text/${fixture}.txt.gz`,
      );
      const total = text.meta.events.reduce((sum, event) => sum + event.count, 0);
      expect(total).toBe(binary.meta.events.reduce((sum, event) => sum + event.count, 0));
      expect(text.meta.cpus).toBe(binary.meta.cpus);
      expect(text.diagnostics.map(({ code }) => code)).toEqual(['page_size_assumed']);
    });
  }

  const captured = `${SHARED}/formats/ext4-throttle`;
  it.skipIf(!existsSync(`${captured}.v6.dat.gz`))('trace-cmd report', async () => {
    const { text } = await compare(`${captured}.v6.dat.gz`, `${captured}.trace-cmd-report.txt.gz`);
    expect(text.meta.format_title).toBe('trace-cmd report text');
    expect(text.diagnostics).toEqual([]);
  });
});

describe('public captures', () => {
  const folder = `${SHARED}/public`;
  const expected: [string, Record<string, number>][] = [
    ['mails/hansen-2015-09-17-dirty-underflow-4.3-rc1.ftrace.txt', { counter_below_zero: 1 }],
    ['mails/wu-2012-01-28-bdp-negative-pause-3.3.0-rc1.ftrace.txt', {}],
    ['mails/minchan-2016-07-27-direct-reclaim-274s.ftrace.txt', {}],
    ['mails/zhao-2024-10-24-fuse-strictlimit-wbthresh0.ftrace.txt', {}],
    [
      'mails/avramov-gorman-2021-12-01-vmscan-throttled-5.16-rc.ftrace.txt',
      { lines_out_of_order: 1 },
    ],
    ['mails/linux-ext4-b7138bb49a.txt', { line_unreadable: 39 }],
    ['android-4.x/android-4.x-ext4-jbd2.ftrace.txt', { time_went_backwards: 1 }],
  ];
  for (const [path, diagnostics] of expected) {
    it.skipIf(!existsSync(`${folder}/${path}`))(path, async () => {
      const trace = await openTrace(`${folder}/${path}`);
      const found = trace.diagnostics.map(({ code, count }) => [code, count]);
      expect(Object.fromEntries(found)).toEqual(diagnostics);
      expect(trace.meta.events.length).toBeGreaterThan(0);
    });
  }
});

describe('chunks', () => {
  for (const fixture of FIXTURES) {
    it(`${fixture} in chunks of 100 bytes`, () => {
      const bytes = unpacked(`fixtures/ftrace-text/${fixture}.txt.gz`);
      const { tables, meta } = readText(bytes, { chunkBytes: 100 });
      const whole = readText(bytes);
      expect(meta).toEqual(whole.meta);
      expect(tables).toEqual(whole.tables);
    });
  }

  it('skips a line that is longer than 64 KiB and goes on', () => {
    const long = `a-1 [000] 1.000000: foo: ${'x'.repeat(70_000)}`;
    const text = `a-1 [000] 1.000000: foo: a\n${long}\na-1 [000] 2.000000: foo: b`;
    for (const chunkBytes of [100, 1 << 20]) {
      const read = readText(text, { chunkBytes });
      expect(rowsOf(read.tables.get('foo')).map((row) => row.text)).toEqual(['a', 'b']);
      expect(placesOf(read, 'line_unreadable')).toEqual([{ line: 2, offset: 27 }]);
    }
  });

  it('reads the last line without a newline, and lines that end in CR LF', () => {
    const read = readText('# c\r\na-1 [000] 1.000000: foo: x=1\r\na-1 [000] 1.000001: foo: x=23');
    expect(valuesOf(read.tables.get('foo')?.columns.x)).toEqual([1, 23]);
    expect(read.diagnostics).toEqual([]);
  });

  it('the marks of a mail that quotes the text are no part of commands', () => {
    const lines = [
      '   dd-5 [000] 1.000000: foo: x=1',
      'dd-5 [001] 1.000001: foo: x=2',
      '<...>-6 [000] 1.000002: foo: x=3',
      '  <idle>-0 [000] 1.000003: foo: x=4',
    ];
    for (const mark of ['> ', '>', '> > ', '>> ']) {
      const quoted = readText(lines.map((line) => mark + line).join('\n'));
      expect(rowsOf(quoted.tables.get('foo'))).toEqual(
        rowsOf(readText(lines.join('\n')).tables.get('foo')),
      );
    }
    // Not where some lines have none: it may be their name.
    const mixed = readText('>dd-5 [000] 1.000000: foo: x=1\ndd-5 [001] 1.000001: foo: x=2\n');
    expect(valuesOf(mixed.tables.get('foo')?.columns.comm)).toEqual(['>dd', 'dd']);
  });
});

/** A small generator, so that a failure can be run again. */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

describe('damage', () => {
  it('2,000 mutations give tables or a FormatError', () => {
    const whole = unpacked(`fixtures/ftrace-text/${FIXTURES[0]}.txt.gz`);
    for (let seed = 0; seed < 2000; seed++) {
      const next = random(seed);
      const from = Math.floor(next() * (whole.length - 4000));
      const bytes = whole.slice(from, from + 4000);
      const hits = 1 + Math.floor(next() * 60);
      for (let hit = 0; hit < hits; hit++) {
        bytes[Math.floor(next() * bytes.length)] = Math.floor(next() * 256);
      }
      const cut = bytes.subarray(0, Math.floor(next() * bytes.length));
      try {
        const { tables } = readText(cut);
        for (const table of tables.values()) rowsOf(table);
      } catch (error) {
        expect(error, `seed ${seed}`).toBeInstanceOf(FormatError);
      }
    }
  });

  it('a text without an event is an error with its number of lines', () => {
    expect(() => readText('# tracer: nop\n#\nhello\n')).toThrow(
      new FormatError('text has no trace event in its 3 lines'),
    );
  });

  it('times that are counts keep their order and distances, and it is said', () => {
    const line = (count: string) => `a-1 [000] d..1. ${count}: writeback_pages_written: 7\n`;
    const read = readText(line('18446744073709551000') + line('18446744073709555615'));
    expect(read.meta).toMatchObject({ origin_ns: 18446744073709551000n, resolution_ns: 1 });
    expect(valuesOf(read.tables.get('writeback_pages_written')?.columns.ts_ns)).toEqual([0, 4615]);
    expect(read.diagnostics.map(({ code }) => code)).toEqual(['clock_not_nanoseconds']);
  });

  it('gaps that never end and names that never repeat take no long time', () => {
    const lost = Array.from({ length: 20_000 }, (_, at) => `CPU:7 [LOST ${at} EVENTS]`);
    const names = Array.from({ length: 20_000 }, (_, at) => `a-1 [000] 1.000000: e${at}: k${at}=1`);
    const read = readText([...lost, ...names].join('\n'));
    expect(read.losses.length).toBe(20_000);
    expect(read.tables.size).toBe(8192);
    const keys = names.map((line, at) => line.replace(`e${at}`, 'e'));
    const columns = Object.keys(readText(keys.join('\n')).tables.get('e')?.columns ?? {});
    expect(columns.length).toBeLessThan(80);
  });

  it('the dictionary is asked for every name of an event', () => {
    expect(DICTIONARY.get('tracing_mark_write')?.name).toBe('print');
  });
});
