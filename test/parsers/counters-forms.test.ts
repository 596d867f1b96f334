/** Counter samples as people write them: headers, clocks, and the kernel's files behind a time. */
import { describe, expect, test } from 'vitest';
import { memorySource } from '../../parsers/bytes/source.ts';
import { readCounters, sniffCounters } from '../../parsers/formats/counters-csv/index.ts';
import { FormatError } from '../../src/trace/errors.ts';
import { rowsOf } from '../helpers/trace-builder.ts';

const bytesOf = (text: string) => new Uint8Array(Buffer.from(text));
const read = (text: string, origin = 0n, name = 's.csv') =>
  readCounters(memorySource(name, bytesOf(text)), origin);

/** 2026-11-21 13:03:51 UTC */
const EPOCH_S = 1_795_266_231n;
const EPOCH_NS = EPOCH_S * 1_000_000_000n;

describe('the time column', () => {
  test.each<[string, string, string | undefined, bigint]>([
    ['timestamp', '1795266231.25', 'real', EPOCH_NS],
    ['Timestamp', '1795266231250', 'real', EPOCH_NS],
    ['time', '1795266231250000', 'real', EPOCH_NS],
    ['ts', '1795266231250000000', 'real', EPOCH_NS],
    ['@timestamp', '2026-11-21T13:03:51.250Z', 'real', EPOCH_NS],
    ['time', '2026-11-21 13:03:51.25', 'real', EPOCH_NS],
    ['datetime', '2026-11-21T14:03:51.250000+01:00', 'real', EPOCH_NS],
    ['date', '2026/11/21 08:03:51.25 -0500', 'real', EPOCH_NS],
    ['date', 'Sat Nov 21 13:03:51.25 UTC 2026', 'real', EPOCH_NS],
    ['date', 'Sat 21 Nov 2026 01:03:51.250 PM UTC', 'real', EPOCH_NS],
    ['time (s)', '6550.25', undefined, 6_550_000_000_000n],
    ['time [ms]', '6550250', undefined, 6_550_000_000_000n],
    ['epoch_ms', '1795266231250', 'real', EPOCH_NS],
    ['unix_time', '1795266231.250', 'real', EPOCH_NS],
    ['monotonic_ns', '6550250000000', 'mono', 6_550_000_000_000n],
    ['monotonic', '6550250000000', 'mono', 6_550_000_000_000n],
    ['CLOCK_MONOTONIC', '6550.25', 'mono', 6_550_000_000_000n],
    ['mono_time_us', '6550250000', 'mono', 6_550_000_000_000n],
    ['ts_boot_ns', '6550250000000', 'boot', 6_550_000_000_000n],
    ['uptime', '6550.25', 'boot', 6_550_000_000_000n],
    ['time', '00:00:07.25', undefined, 7_000_000_000n],
  ])('%s of %s', (header, time, clock, origin) => {
    const samples = read(`${header},nr_dirty\n${time},5\n`, origin);
    expect([samples.clock, rowsOf(samples.table)]).toEqual([
      clock,
      [{ ts_ns: 250_000_000, nr_dirty: 5 }],
    ]);
    expect(sniffCounters(bytesOf(`${header},nr_dirty\n`))).toBe('samples');
  });

  test('of two, the one that traces use', () => {
    const { clock, table } = read('timestamp,mono_s,nr_dirty\n2026-11-21T13:03:51Z,7,5\n');
    expect([clock, rowsOf(table)]).toEqual(['mono', [{ ts_ns: 7e9, nr_dirty: 5 }]]);
  });

  test('what is no date is no time', () => {
    for (const time of ['2026-13-21 00:00:00', 'yesterday', '1969-12-31T00:00:00Z']) {
      expect(() => read(`time,a\n${time},1\n`)).toThrow(/line 2: ".*" is not a time/);
    }
  });
});

describe('columns', () => {
  const names = (text: string) => Object.keys(read(text).table.columns).slice(1);

  test.each([
    ['time\tnr_dirty\tnr_writeback\n1\t2\t3\n', ['nr_dirty', 'nr_writeback']],
    ['time;nr_dirty;nr_writeback\n1;2;3\n', ['nr_dirty', 'nr_writeback']],
    ['# time,nr_dirty\n1,2\n', ['nr_dirty']],
    ['time,MemTotal:,Dirty (kB),Active(file)\n1,2,3,4\n', ['MemTotal', 'Dirty', 'Active(file)']],
    ['time,"some avg10",full.avg10\n1,2,3\n', ['some_avg10', 'full_avg10']],
    ['Time,io.some.total,io-full-total\n1,2,3\n', ['io_some_total', 'io_full_total']],
  ])('%j', (text, expected) => expect(names(text)).toEqual(expected));

  test.each<[string, string]>([
    ['blanks', 'mono_s   nr_dirty nr_writeback\n 7.5       12288         3\n'],
    ['|', 'mono_s | nr_dirty | nr_writeback\n7.5 | 12288 | 3\n'],
    ['; and separators of thousands', 'mono_s;nr_dirty;nr_writeback\n7,5;12.288;3\n'],
    ['thousands in quotes', 'mono_s,nr_dirty,nr_writeback\n7.5,"12,288",3\n'],
    ['thousands with blanks', 'mono_s;nr_dirty;nr_writeback\n7.5;12 288;3\n'],
    ['a number for each row', ',mono_s,nr_dirty,nr_writeback\n0,7.5,12288,3\n'],
    ['a comma at the end', 'mono_s,nr_dirty,nr_writeback,\n7.5,12288,3,\n'],
    ['names with the file', 'mono_s,vmstat.nr_dirty,vmstat.nr_writeback\n7.5,12288,3\n'],
    ['names in capitals', 'mono_s,NR_DIRTY,NR_WRITEBACK\n7.5,12288,3\n'],
    ['names of an exporter', 'mono_s,node_vmstat_nr_dirty,node_vmstat_nr_writeback\n7.5,12288,3\n'],
    [
      'the header again',
      'mono_s,nr_dirty,nr_writeback\nmono_s,nr_dirty,nr_writeback\n7.5,12288,3\n',
    ],
  ])('%s', (_, text) => {
    const { kind, table, unreadable } = read(text);
    expect([kind, unreadable, rowsOf(table)]).toEqual([
      'vmstat',
      0,
      [{ ts_ns: 75e8, nr_dirty: 12288, nr_writeback: 3 }],
    ]);
    expect(sniffCounters(bytesOf(text))).toBe('samples');
  });

  test('cells without a value, and columns of words', () => {
    const text = 'mono_s,nr_dirty,host,nr_free_pages\n1,NA,web-1,-\n2,5,web-1,null\n3,,web-2,7\n';
    const { table, ignored } = read(text);
    expect(ignored).toEqual(['host']);
    expect(rowsOf(table, ['nr_dirty', 'nr_free_pages']).map(Object.values)).toEqual([
      [undefined, undefined],
      [5, undefined],
      [undefined, 7],
    ]);
    expect(() => read('mono_s,nr_dirty\n1,none yet\n')).toThrow(
      /nr_dirty: "none yet" is not a num/,
    );
    expect(() => read('mono_s;nr_dirty\n1;5.738.306\n')).toThrow(/"5.738.306" is not a number/);
  });

  test('what a sampler says before the header is counted', () => {
    const { table, unreadable } = read('sampler v1.2\n\nevery 50 ms\nmono_s,nr_dirty\n1,5\n');
    expect([table.rows, unreadable]).toEqual([1, 2]);
    expect(() => read('sampler\nmono_s,nr_dirty\n1,x\n')).toThrow(/line 3, nr_dirty: "x" is not/);
    expect(sniffCounters(bytesOf('the time of day\nis not a counter\n'))).toBeUndefined();
    expect(sniffCounters(bytesOf('# a file for the UNIX system\n'))).toBeUndefined();
  });

  test('times whose unit nothing says are near those of the trace', () => {
    const near = 6_550_000_000_000n;
    for (const time of ['6550.25', '6550250', '6550250000', '6550250000000']) {
      expect(rowsOf(read(`time,nr_dirty\n${time},1\n`, near).table)[0]?.ts_ns).toBe(25e7);
    }
    expect(rowsOf(read('time,nr_dirty\n12,1\n', near).table)[0]?.ts_ns).toBe(-6_538e9);
  });

  test('JSON is told', () => {
    expect(() => read('{"mono_s": 1, "nr_dirty": 5}\n')).toThrow('s.csv is JSON; samples are read');
  });

  test('decimals with a comma, where ; divides', () => {
    expect(rowsOf(read('time;some_avg10\n1;0,25\n2;1\n').table)).toEqual([
      { ts_ns: 1e9, some_avg10: 0.25 },
      { ts_ns: 2e9, some_avg10: 1 },
    ]);
  });

  test.each([
    'time,psi_io_some_avg10,psi_io_some_total\n1,0.5,77\n',
    'time,pressure_io_some_avg10,io_pressure_some_total_us\n1,0.5,77\n',
    'time,resource,kind,avg10,avg60,avg300,total\n1,io,some,0.5,0,0,77\n',
    'time,stall,metric,value\n1,some,avg10,0.5\n1,some,total,77\n',
    'timestamp,resource,metric,value\n1,io,some avg10,0.5\n1,io,some.total,77\n',
  ])('pressure as %j', (text) => {
    const { kind, table } = read(text, 0n, 'psi-io.csv');
    expect([kind, table.name]).toEqual(['psi', 'psi_io']);
    const columns = Object.entries(table.columns);
    const total = columns.find(([name]) => /total/.test(name))?.[1];
    expect([total?.unit, total?.kind === 'number' && total.values[0]]).toEqual(['us', 77]);
  });

  test('memory.stat in the long form', () => {
    const text = 'timestamp,stat,value\n1795266231,anon,4096\n1795266231,file_dirty,8192\n';
    expect(rowsOf(read(text, EPOCH_NS).table)).toEqual([
      { ts_ns: 0, anon: 4096, file_dirty: 8192 },
    ]);
    expect(read(text).table.name).toBe('memory_stat');
  });
});

describe('files of the kernel behind the time of their reading', () => {
  const VMSTAT = (dirty: number) => `nr_free_pages 5586987\nnr_dirty ${dirty}\nnr_dirtied 100\n`;
  const PSI = (total: number) =>
    `some avg10=0.25 avg60=0.10 avg300=0.00 total=${total}\n` +
    'full avg10=0.00 avg60=0.00 avg300=0.00 total=12\n';

  test.each<[string, (second: number) => string, string | undefined]>([
    ['date +%s.%N', (second) => `179526623${second}.000000000`, 'real'],
    ['date', (second) => `Sat Nov 21 13:03:5${second} UTC 2026`, 'real'],
    ['date -Is', (second) => `2026-11-21T13:03:5${second}+00:00`, 'real'],
    ['date -R', (second) => `Sat, 21 Nov 2026 13:03:5${second} +0000`, 'real'],
    ['date -u "+%F %T"', (second) => `2026-11-21 13:03:5${second}`, 'real'],
    ['echo ===', (second) => `=== 179526623${second} ===`, 'real'],
    ['echo #', (second) => `# time: 179526623${second}`, 'real'],
    ['date +%Y%m%dT%H%M%S', (second) => `20261121T13035${second}`, 'real'],
    ['date +%F_%T', (second) => `2026-11-21_13:03:5${second}`, 'real'],
    ['[…]', (second) => `[2026-11-21 13:03:5${second}]`, 'real'],
    ['zzz', (second) => `zzz ***Sat Nov 21 13:03:5${second} UTC 2026`, 'real'],
    ['timestamp=', (second) => `timestamp=179526623${second}000`, 'real'],
  ])('%s', (_, time, clock) => {
    const text = [1, 2].map((second) => `${time(second)}\n${VMSTAT(second)}\n`).join('');
    const samples = read(text, EPOCH_NS);
    expect(samples).toMatchObject({ clock, kind: 'vmstat', unreadable: 0 });
    expect(rowsOf(samples.table, ['ts_ns', 'nr_dirty'])).toEqual([
      { ts_ns: 0, nr_dirty: 1 },
      { ts_ns: 1e9, nr_dirty: 2 },
    ]);
    expect(sniffCounters(bytesOf(text))).toBe('samples');
  });

  test('/proc/uptime', () => {
    const { clock, table } = read(`6550.25 13000.10\n${VMSTAT(3)}`, 6_550_000_000_000n);
    expect([clock, rowsOf(table, ['ts_ns', 'nr_dirty'])]).toEqual([
      'boot',
      [{ ts_ns: 250_000_000, nr_dirty: 3 }],
    ]);
    expect(read(`mono: 6550.25\n${VMSTAT(3)}`).clock).toBe('mono');
  });

  test('uptime; and a time that is none is quoted', () => {
    const text = ` 00:00:07 up 5 days,  1:02,  3 users,  load average: 0.1, 0.2, 0.3\n${VMSTAT(3)}`;
    expect(rowsOf(read(text).table, ['ts_ns'])).toEqual([{ ts_ns: 7e9 }]);
    expect(() => read(`11/21/2026, 1:03 PM\n${VMSTAT(3)}`)).toThrow(
      /without the time at which they were read \(line 1, "11\/21\/2026, 1:03 PM", is none known\)/,
    );
  });

  test('pressure, of the resource that the file is called after', () => {
    const text = `1795266231.5\n${PSI(70)}1795266232.5\n${PSI(80)}`;
    const { table, kind } = read(text, EPOCH_NS, 'io.txt');
    expect([kind, table.name]).toEqual(['psi', 'psi_io']);
    expect(rowsOf(table, ['ts_ns', 'some_avg10', 'some_total', 'full_total'])).toEqual([
      { ts_ns: 5e8, some_avg10: 0.25, some_total: 70, full_total: 12 },
      { ts_ns: 15e8, some_avg10: 0.25, some_total: 80, full_total: 12 },
    ]);
  });

  test.each([
    ['grep . /proc/pressure/*', PSI(70).replaceAll(/^/gm, '/proc/pressure/io:').slice(0, -18)],
    ['head /proc/pressure/*', `==> /proc/pressure/io <==\n${PSI(70)}`],
    ['grep . of a cgroup', PSI(70).replaceAll(/^(?=.)/gm, 'io.pressure:')],
    ['all in a line', `io: ${PSI(70).replaceAll('\n', ' ')}\n`],
  ])('pressure of several resources: %s', (_, lines) => {
    const other = lines.replaceAll('io', 'memory').replaceAll('70', '71');
    const { table } = read(`1795266231\n${lines}${other}`, EPOCH_NS);
    expect(rowsOf(table, ['io_some_total', 'memory_some_total', 'io_full_total'])).toEqual([
      { io_some_total: 70, memory_some_total: 71, io_full_total: 12 },
    ]);
  });

  test('the time before each line', () => {
    const text =
      '1795266231.5 some avg10=0.25 avg60=0 avg300=0 total=70 full avg10=0 avg60=0 avg300=0 total=9\n';
    expect(rowsOf(read(text, EPOCH_NS).table, ['ts_ns', 'some_total', 'full_total'])).toEqual([
      { ts_ns: 5e8, some_total: 70, full_total: 9 },
    ]);
    const long = '1795266231 nr_dirty 5\n1795266231 nr_writeback 6\n1795266232 nr_dirty 7\n';
    expect(rowsOf(read(long, EPOCH_NS).table, ['ts_ns', 'nr_dirty'])).toEqual([
      { ts_ns: 0, nr_dirty: 5 },
      { ts_ns: 1e9, nr_dirty: 7 },
    ]);
  });

  test('meminfo and memory.stat', () => {
    const meminfo = read('1795266231\nMemTotal:  16 kB\nDirty:   4 kB\nActive(file):  1 kB\n');
    expect(rowsOf(meminfo.table, ['MemTotal', 'Active(file)'])).toEqual([
      { MemTotal: 16384, 'Active(file)': 1024 },
    ]);
    expect(read('1795266231\nanon 4096\nfile 0\nfile_dirty 8192\n').kind).toBe('memory_stat');
  });

  test('other lines between them are counted', () => {
    const text = `round one\n1795266231\n${VMSTAT(1)}done, sleeping\n1795266232\n${VMSTAT(2)}`;
    const { table, unreadable } = read(text, EPOCH_NS);
    expect([table.rows, unreadable]).toEqual([2, 2]);
  });

  test('the time behind each sample; a sample that has lost its time', () => {
    const times = (text: string) => {
      const { table, unreadable } = read(text, EPOCH_NS);
      return [unreadable, ...rowsOf(table, ['ts_ns', 'nr_dirty']).map(Object.values)];
    };
    const behind = `${VMSTAT(1)}1795266231\n${VMSTAT(2)}1795266232\n`;
    expect(times(behind)).toEqual([0, [0, 1], [1e9, 2]]);
    expect(times(`nr_dirty 9\n1795266231\n${VMSTAT(2)}`)).toEqual([1, [0, 2]]);
  });

  test.each(['io:', 'io', '--- io ---', '/proc/pressure/io', '[io.pressure]'])(
    'pressure of what %j says',
    (heading) => {
      const text = `1795266231\n${heading}\n${PSI(70)}${heading.replace('io', 'cpu')}\n${PSI(7)}`;
      const { table, unreadable } = read(text, EPOCH_NS);
      expect([unreadable, rowsOf(table, ['io_some_total', 'cpu_some_total'])]).toEqual([
        0,
        [{ io_some_total: 70, cpu_some_total: 7 }],
      ]);
    },
  );

  test.each(['', 'host sampler[12]: '])('lines as a log has them: %j', (by) => {
    const line = (second: number, said: string) => `Nov 21 13:03:5${second} ${by}${said}\n`;
    const text = line(1, 'nr_dirty 5') + line(1, 'nr_writeback 6') + line(2, 'nr_dirty 7');
    const { clock, table } = read(text);
    const [first, second] = rowsOf(table, ['ts_ns', 'nr_dirty', 'nr_writeback']);
    expect([clock, first?.nr_writeback, second?.nr_dirty]).toEqual([undefined, 6, 7]);
    expect(Number(second?.ts_ns) - Number(first?.ts_ns)).toBe(1e9);
    expect(sniffCounters(bytesOf(text))).toBe('samples');
  });

  test('a file without a time is a snapshot, which says nothing of the trace', () => {
    expect(sniffCounters(bytesOf(VMSTAT(1)))).toBe('snapshot');
    expect(sniffCounters(bytesOf(PSI(1)))).toBe('snapshot');
    expect(() => read(VMSTAT(1))).toThrow(/without the time at which they were read; .*date/);
  });

  test('two resources that nothing tells apart', () => {
    expect(() => read(`1795266231\n${PSI(1)}${PSI(2)}`)).toThrow(
      /line 4: some_avg10 stands twice in one sample .*grep/,
    );
  });

  test.each([
    'Nov 21 13:03:51 host kernel: nr_dirty is 5\nNov 21 13:03:52 host sshd: hello 12\n',
    'time flies 5\nlike 7\n',
    '{"nr_dirty": 5}\n',
    '1795266231\n1795266232\n1795266233\n',
    'pid 7\nage 5\nheight 180\n',
    '',
    '\0\0\0',
  ])('%j is none of these', (text) => {
    expect(sniffCounters(bytesOf(text))).toBeUndefined();
    expect(() => read(text)).toThrow(FormatError);
  });
});
