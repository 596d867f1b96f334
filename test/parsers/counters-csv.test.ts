import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { memorySource } from '../../parsers/bytes/source.ts';
import { overlapsTrace, readCounters } from '../../parsers/formats/counters-csv/index.ts';
import { type Column, exactAt } from '../../src/trace/column.ts';
import { FormatError } from '../../src/trace/errors.ts';
import { rowsOf } from '../helpers/trace-builder.ts';

const read = (text: string, origin = 0n) =>
  readCounters(memorySource('s.csv', new Uint8Array(Buffer.from(text))), origin);
function refusal(text: string): string {
  try {
    read(text);
  } catch (error) {
    if (error instanceof FormatError) return error.message;
    throw error;
  }
  return 'none';
}

describe('counter samples', () => {
  test('times count from the trace, to the nanosecond', () => {
    const { table, clock } = read(
      'mono_s,nr_dirty,pgpgout\n6550.439895,5,7\n6550.489895001,6,8\n',
      6550_000_000_000n,
    );
    expect(clock).toBe('mono');
    expect(rowsOf(table)).toEqual([
      { ts_ns: 439_895_000, nr_dirty: 5, pgpgout: 7 },
      { ts_ns: 489_895_001, nr_dirty: 6, pgpgout: 8 },
    ]);
    expect([table.columns.nr_dirty?.unit, table.columns.pgpgout?.unit]).toEqual(['pages', 'kib']);
  });

  test.each([
    ['mono_s', 'mono'],
    ['boot_s', 'boot'],
    ['time_s', undefined],
  ])('%s names the clock %s', (column, clock) => {
    expect(read(`nr_dirty,${column}\n1,2\n`)).toMatchObject({ clock });
    expect(Object.keys(read(`nr_dirty,${column}\n1,2\n`).table.columns)[0]).toBe('ts_ns');
  });

  test('byte order mark, CRLF, blanks, comments and a half last line', () => {
    const { table } = read(
      '\ufeffmono_s, nr_dirty,nr_writeback\r\n# sampler\r\n1,2,3\r\n\r\n2,4,5\r\n3,6',
    );
    expect(rowsOf(table, ['nr_dirty', 'nr_writeback'])).toEqual([
      { nr_dirty: 2, nr_writeback: 3 },
      { nr_dirty: 4, nr_writeback: 5 },
      { nr_dirty: 6, nr_writeback: undefined },
    ]);
  });

  test('a header alone is a table without rows', () => {
    expect(read('mono_s,nr_dirty\n').table.rows).toBe(0);
  });

  test('node counters with brackets and mixed case are names', () => {
    expect(Object.keys(read('mono_s,Active(file)\n1,2\n').table.columns)).toEqual([
      'ts_ns',
      'Active(file)',
    ]);
  });
});

describe('what is no such table', () => {
  test.each([
    ['', /line 1: .*at least one counter/],
    ['mono_s\n1\n', /line 1: .*at least one counter/],
    ['nr_dirty,nr_writeback\n1,2\n', /a time column is needed/],
    // Names that every JavaScript object has are no time columns.
    ['constructor,nr_dirty\n1,2\n', /a time column is needed/],
    ['mono_s,a,a\n1,2,3\n', /stands twice/],
    ['mono_s,=cmd()\n1,2\n', /not the name of a counter/],
    ['mono_s,a\nsoon,2\n', /line 2: "soon" is not a time/],
    ['mono_s,a\n1,2\n-1,2\n', /line 3: "-1" is not a time/],
    ['mono_s,a\n1,2\n2,many\n', /line 3, a: "many" is not a number/],
    ['mono_s,a\n1,Infinity\n', /line 2, a: "Infinity" is not a number/],
    ['mono_s,a\n1,2,3\n', /line 2: 3 cells, but the header has 2/],
    ['mono_s,a\n"1,2\n', /Quote/],
    [`mono_s,a\n1,${'9'.repeat(2 << 20)}\n`, /Max Record Size/],
  ])('%.30j', (text, message) => {
    expect(refusal(text)).toMatch(message);
    expect(refusal(text)).toMatch(/^s\.csv/);
  });

  test('`constructor` beside a time column is a counter like any other', () => {
    expect(rowsOf(read('mono_s,constructor\n1,2\n').table)).toEqual([
      { ts_ns: 1e9, constructor: 2 },
    ]);
  });
});

test.each([
  [[-5, -2], false],
  [[-5, -0.5], true],
  [[1, 2], true],
  [[9, 12], true],
  [[10.9, 12], true],
  [[11.1, 12], false],
  [[], false],
])('samples at %j s belong to a trace of 10 s: %s', (times, expected) => {
  const { table } = read(
    `mono_s,a\n${times.map((time) => `${time + 100},1\n`).join('')}`,
    100_000_000_000n,
  );
  expect(overlapsTrace(table, 10e9)).toBe(expected);
});

describe('units by what the kernel counts', () => {
  const unitsOf = (text: string) =>
    Object.fromEntries(
      Object.entries(read(text).table.columns)
        .slice(1)
        .map(([name, column]) => [name, column.unit]),
    );

  test.each<[string, string, Record<string, string>]>([
    [
      'vmstat',
      'nr_dirty,pgpgin,pgscan_kswapd,allocstall_normal,nr_kernel_stack,nr_tlb_remote_flush,workingset_refault_file',
      {
        nr_dirty: 'pages',
        pgpgin: 'kib',
        pgscan_kswapd: 'pages',
        allocstall_normal: 'count',
        nr_kernel_stack: 'kib',
        nr_tlb_remote_flush: 'count',
        workingset_refault_file: 'pages',
      },
    ],
    [
      'meminfo',
      'MemTotal,Active(anon),HugePages_Total,DirectMap4k',
      {
        MemTotal: 'bytes',
        'Active(anon)': 'bytes',
        HugePages_Total: 'count',
        DirectMap4k: 'bytes',
      },
    ],
    [
      'memory_stat',
      'anon,file_dirty,pgscan,pgfault,workingset_refault_file',
      {
        anon: 'bytes',
        file_dirty: 'bytes',
        pgscan: 'pages',
        pgfault: 'count',
        workingset_refault_file: 'pages',
      },
    ],
    [
      'memory_stat',
      'cache,total_dirty,pgpgin',
      { cache: 'bytes', total_dirty: 'bytes', pgpgin: 'count' },
    ],
    ['psi', 'some_avg10,full.total', { some_avg10: 'none', full_total: 'us' }],
  ])('%s: %s', (name, names, units) => {
    const text = `mono_s,${names}\n1${',2'.repeat(names.split(',').length)}\n`;
    expect(unitsOf(text)).toEqual(units);
    expect(read(text)).toMatchObject({ kind: name, table: { name } });
  });

  test('kB become bytes', () => {
    expect(rowsOf(read('mono_s,MemTotal,HugePages_Free\n1,24684096,3\n').table)).toEqual([
      { ts_ns: 1e9, MemTotal: 24684096 * 1024, HugePages_Free: 3 },
    ]);
  });

  test('counters that are none of these are called after their file', () => {
    expect(read('mono_s,apples\n1,2\n')).toMatchObject({ kind: 'other', table: { name: 's' } });
  });
});

describe('the long form', () => {
  test('one row a counter becomes one row a time', () => {
    const text = 'time,name,value\n1.5,nr_dirty,3\n1.5,nr_writeback,4\n2.5,nr_dirty,5\n';
    expect(rowsOf(read(text).table, ['nr_dirty', 'nr_writeback'])).toEqual([
      { nr_dirty: 3, nr_writeback: 4 },
      { nr_dirty: 5, nr_writeback: undefined },
    ]);
    expect(read(text).clock).toBeUndefined();
  });

  test('lines as /proc/meminfo and pressure files have them', () => {
    expect(rowsOf(read('boot_s,name,value\n1,MemTotal:,16 kB\n1,Dirty:,4 kB\n').table)).toEqual([
      { ts_ns: 1e9, MemTotal: 16384, Dirty: 4096 },
    ]);
    const psi = read('mono_s,resource,type,avg10,total\n1,io,some,0.25,77\n1,io,full,0,12\n');
    expect(psi.table.name).toBe('psi_io');
    expect(rowsOf(psi.table)).toEqual([
      { ts_ns: 1e9, io_some_avg10: 0.25, io_some_total: 77, io_full_avg10: 0, io_full_total: 12 },
    ]);
    expect(Object.keys(read('mono_s,name,value\n1,some avg10,0.5\n').table.columns)).toEqual([
      'ts_ns',
      'some_avg10',
    ]);
  });

  test('the same counter twice at one time: the last', () => {
    expect(rowsOf(read('mono_s,name,value\n1,nr_dirty,1\n1,nr_dirty,2\n').table)).toEqual([
      { ts_ns: 1e9, nr_dirty: 2 },
    ]);
  });

  test.each([
    ['mono_s,name,value\n1,=cmd(),2\n', /line 2: "=cmd\(\)" is not the name of a counter/],
    ['mono_s,name,value\n1,nr_dirty,x\n', /line 2, nr_dirty: "x" is not a number/],
    ['mono_s,name\n1,nr_dirty\n', /no column with values/],
    [
      `mono_s,name,value\n${Array.from({ length: 2001 }, (_, at) => `1,c${at},1\n`).join('')}`,
      /more than 2000 counters/,
    ],
    [
      `mono_s,name,value\n${Array.from({ length: 80_000 }, (_, at) => `${at},c${at % 2000},1\n`).join('')}`,
      /too large: \d+ rows of \d+ counters/,
    ],
  ])('%.40j', (text, message) => expect(refusal(text)).toMatch(message));
});

describe('times', () => {
  test.each([
    ['mono_ns', '6550439895000', 'mono'],
    ['boot_ms', '6550439.895', 'boot'],
    ['epoch_us', '6550439895', 'real'],
    ['timestamp', '6550.439895', undefined],
    ['monotonic_s', '6550.4398950000001', 'mono'],
    ['tai_s', '6550.439895', 'tai'],
  ])('%s of %s', (column, time, clock) => {
    const samples = read(`${column},nr_dirty\n${time},1\n`, 6550_000_000_000n);
    expect([samples.clock, rowsOf(samples.table)]).toEqual([
      clock,
      [{ ts_ns: 439_895_000, nr_dirty: 1 }],
    ]);
  });

  test('rows come in the order of time; a time cut in the middle is dropped', () => {
    expect(rowsOf(read('mono_s,a\n3,1\n1,2\n2,3\n').table).map((row) => row.a)).toEqual([2, 3, 1]);
    expect(read('mono_s,a\n101,1\n102,2\n10').table.rows).toBe(2);
  });

  test('a counter that ran below zero, and one that no double holds', () => {
    const { table } = read('mono_s,nr_dirty,nr_written\n1,18446744073709551611,9007199254740993\n');
    expect(table.columns.nr_dirty).toMatchObject({
      values: Float64Array.of(-5),
      unsigned: true,
    });
    expect(exactAt(table.columns.nr_dirty as Column, 0)).toBe(18446744073709551611n);
    expect(exactAt(table.columns.nr_written as Column, 0)).toBe(9007199254740993n);
  });
});

test('the fast way says what csv-parse says', { timeout: 60_000 }, () => {
  const cell = fc.oneof(
    fc.integer().map(String),
    fc
      .double({ noNaN: true, noDefaultInfinity: true, min: -1e6, max: 1e6 })
      .map((value) => value.toFixed(6)),
    fc.constantFrom(
      '',
      '0',
      '-0',
      '00012',
      '123456789012345',
      '1234567890123456',
      '1.',
      '.5',
      '-',
      '1e3',
      'x',
      ' 7',
      '+1',
      '18446744073709551611',
      '1 kB',
    ),
  );
  const time = fc.oneof(
    fc.nat().map((at) => (at / 1000).toFixed(6)),
    fc.constantFrom('1', '1.5', '0.123456789', '0.1234567891', '', '-1', '4000000000.000000001'),
  );
  const line = fc.oneof(
    {
      weight: 9,
      arbitrary: fc
        .tuple(time, fc.array(cell, { maxLength: 3 }))
        .map(([at, cells]) => [at, ...cells].join(',')),
    },
    { weight: 1, arbitrary: fc.constantFrom('', '# note, 1', '1,2,3,4', '1,2#x', '\r') },
  );
  const outcome = (text: string, quote: string) => {
    try {
      const { table } = read(text + quote, 1_000_000_007n);
      return Object.entries(table.columns).map(([name, column]) => [
        name,
        column.kind === 'number' ? [...column.values] : [],
      ]);
    } catch (error) {
      if (error instanceof FormatError) return error.message;
      throw error;
    }
  };
  fc.assert(
    fc.property(fc.array(line, { maxLength: 8 }), fc.constantFrom('\n', '\r\n'), (lines, end) => {
      const text = `mono_s,a,b\n${lines.map((one) => one + end).join('')}`;
      // A quote, here in a comment, makes the fast way step aside.
      expect(outcome(text, '')).toEqual(outcome(text, '# "\n'));
    }),
    { numRuns: 2000 },
  );
});
