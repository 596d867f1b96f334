/** Lines of perf script in every form that -F, --ns and --show-lost-events give them. */
import { describe, expect, test } from 'vitest';
import { memorySource } from '../../parsers/bytes/source.ts';
import { perfScript } from '../../parsers/formats/perf-script/importer.ts';
import { readPerfScript } from '../../parsers/formats/perf-script/index.ts';
import { DICTIONARY } from '../../src/events/index.ts';
import { DiagnosticCollector } from '../../src/trace/diagnostics.ts';
import { FormatError } from '../../src/trace/errors.ts';
import { rowsOf } from '../helpers/trace-builder.ts';

function read(text: string) {
  const diagnostics = new DiagnosticCollector();
  const context = { dictionary: DICTIONARY, diagnostics, pageSize: 4096, progress: () => {} };
  const imported = readPerfScript(memorySource('text', Buffer.from(text)), context);
  return { ...imported, diagnostics: diagnostics.list() };
}

const EVENT = 'writeback:writeback_pages_written: 12';
const rows = (text: string, columns = ['ts_ns', 'cpu', 'pid', 'comm', 'written_pages']) =>
  rowsOf(read(text).tables.get('writeback_pages_written'), columns).map((row) =>
    columns.map((name) => row[name]),
  );

describe('the parts before the event', () => {
  test.each<[string, number, number, string]>([
    ['             fio 21192 [001]  7123.155421:', 1, 21192, 'fio'],
    ['             fio 21142/21192 [001]  7123.155421567:', 1, 21192, 'fio'],
    ['             fio 21192  7123.155421:', -1, 21192, 'fio'],
    ['             fio [003]  7123.155421:', 3, -1, 'fio'],
    ['21192 [001]  7123.155421:', 1, 21192, '<...>'],
    [' 7123.155421:', -1, -1, '<...>'],
    ['             fio 21192 [001]  7123.155421:          1', 1, 21192, 'fio'],
    ['             fio 21192 [001]  7123.155421:          1                ', 1, 21192, 'fio'],
    ['fio 21192 [001]  7123.155421:', 1, 21192, 'fio'],
    [' kworker/u8:1+fl    32 [000]     0.000001:', 0, 32, 'kworker/u8:1+fl'],
    ['      Web 12 [7] 21192 [001]  7123.155421:', 1, 21192, 'Web 12 [7]'],
    ['     a 1.000000: 77 21192 [001]  7123.155421:', 1, 21192, 'a 1.000000: 77'],
    ['          :21183 21183 [001]  7121.155421:', 1, 21183, '<...>'],
    ['             :-1    -1 [001]  7121.155421:', 1, -1, '<...>'],
    ['         swapper     0 [001]  7121.155421:', 1, 0, '<idle>'],
    ['         swapper     0/0 [001]  7121.155421:', 1, 0, '<idle>'],
    ['       #!/bin/sh     5 [001]  7121.155421:', 1, 5, '#!/bin/sh'],
    ['            x-12 21192 [001]  7121.155421:', 1, 21192, 'x-12'],
    ['             fio 21192 [001] K      7121.155421:', 1, 21192, 'fio'],
    ['            x] K 21192  7121.155421:', -1, 21192, 'x] K'],
  ])('%s', (head, cpu, pid, comm) => {
    expect(rows(`${head} ${EVENT}\n`)).toEqual([[0, cpu, pid, comm, 12]]);
    expect(perfScript.sniff(Buffer.from(`${head} ${EVENT}\n`))).toBe(true);
  });

  test('times in microseconds and nanoseconds', () => {
    const at = (time: string) => `fio 1 [000] ${time}: ${EVENT}\n`;
    const micro = read(at('7.000001') + at('8.5000010').replace('10:', '1:'));
    expect(micro.meta).toMatchObject({
      origin_ns: 7000001000n,
      duration_ns: 1.5e9,
      resolution_ns: 1000,
    });
    const nano = read(at('7.000000001') + at('7.000000004'));
    expect(nano.meta).toMatchObject({ origin_ns: 7000000001n, duration_ns: 3, resolution_ns: 1 });
  });
});

describe('the event', () => {
  test('unknown events keep their system, their text and what can be taken apart', () => {
    const { tables, meta } = read(
      'fio 1 [000] 1.000000: test:thing: n=5 name=x\nfio 1 [000] 1.000001: cycles:u:  7fd6 main+0x1 (/bin/x)\n',
    );
    expect(rowsOf(tables.get('thing'), ['n', 'name'])).toEqual([{ n: 5, name: 'x' }]);
    expect(tables.get('thing')).toMatchObject({ system: 'test', known: false });
    expect(tables.get('cycles:u')).toMatchObject({ system: '', rows: 1 });
    expect(meta.events.map(({ name }) => name)).toEqual(['cycles:u', 'thing']);
  });

  test('a period before it and an address behind its payload are columns', () => {
    const line = (at: number, period: string, behind: string) =>
      `fio 1 [000] 1.00000${at}: ${period}writeback:writeback_pages_written: ${at}${behind}\n`;
    const columns = ['written_pages', 'period', 'ip', 'sym', 'dso'];
    const address = 0xffffffff8159cbaen;
    const text =
      line(1, '       4001 ', ' ffffffff8159cbae balance_dirty_pages+0x47e ([kernel.kallsyms])') +
      line(2, '         20 ', ' ffffffff8159cbae wb_workfn ([kernel.kallsyms])');
    expect(rows(text, columns)).toEqual([
      [1, 4001, address, 'balance_dirty_pages+0x47e', '[kernel.kallsyms]'],
      [2, 20, address, 'wb_workfn', '[kernel.kallsyms]'],
    ]);
    expect(rows(line(1, '', ' ffffffff8159cbae wb_workfn'), ['ip', 'sym'])).toEqual([
      [address, 'wb_workfn'],
    ]);
    // Lines without them, and other words, have none.
    const none = read(line(1, '', '') + line(2, '', ' 12345678 word'));
    const names = Object.keys(none.tables.get('writeback_pages_written')?.columns ?? {});
    expect(names).toEqual(['ts_ns', 'cpu', 'pid', 'comm', 'seq', 'written_pages']);
  });

  test('a sample of what is no tracepoint has its address as columns', () => {
    const { tables } = read(
      'fio 1 [000] 1.000000:   20000000 cpu-clock:      7fd6 main+0x1 (/bin/x)\n' +
        'fio 1 [000] 1.000001:        500 cpu-clock:  ffffffff8159cbae [unknown] ([unknown])\n',
    );
    expect(rowsOf(tables.get('cpu-clock'), ['period', 'ip', 'sym', 'dso'])).toEqual([
      { period: 20000000, ip: 0x7fd6n, sym: 'main+0x1', dso: '/bin/x' },
      { period: 500, ip: 0xffffffff8159cbaen, sym: '[unknown]', dso: '[unknown]' },
    ]);
  });

  test('events of one name in two systems are two tables', () => {
    const { tables } = read(
      'a 1 [000] 1.000000: one:same: x=1\na 1 [000] 1.000000: two:same: x=2\n',
    );
    expect([...tables].map(([name, { system }]) => [name, system])).toEqual([
      ['same', 'one'],
      ['two:same', 'two'],
    ]);
  });

  test('callchains, blank lines and headers are passed over', () => {
    const text = [
      '# ========',
      '# os release : 6.6.0-x',
      '# arch : aarch64',
      '# nrcpus avail : 8',
      '# event : name = x, , id = { 1 }, use_clockid = 1, clockid = 7',
      '#',
      `fio 1 [000] 1.000000: ${EVENT}`,
      '\tffffffff81707138 __mark_inode_dirty+0x328 ([kernel.kallsyms])',
      '\t           f838f __GI___libc_write+0x4f (/usr/lib/libc.so.6)',
      '',
      `fio 1 [000] 1.000001: ${EVENT}`,
      '',
    ].join('\n');
    const got = read(text);
    expect(got.diagnostics.map(({ code, count }) => [code, count])).toEqual([
      ['callers_left_out', 2],
    ]);
    expect(got.meta).toMatchObject({
      kernel: '6.6.0-x',
      machine: 'aarch64',
      cpus: 8,
      clock: 'boot',
    });
    expect(got.tables.get('writeback_pages_written')?.rows).toBe(2);
  });

  test.each<[string, boolean]>([
    ['\tffffffff81707138 __mark_inode_dirty+0x328 ([kernel.kallsyms])', true],
    ['\t           f838f __GI___libc_write+0x4f (/usr/lib/libc.so.6)', true],
    ['ffffffff81707138 __mark_inode_dirty+0x328', true],
    ['\t7f48a8b30adf', true],
    ['  fs-writeback.c:2549', true],
    ['  [kernel.kallsyms][ffffffff81700bff]', true],
    // commands that look like numbers, and lines that are broken
    ['dd 5563', false],
    ['              dd     0 [000]', false],
    ['208936960 + 7680 0x2,0,4 [dd]', false],
    ['  a b:12', false],
  ])('a line of a call chain: %j', (line, isCaller) => {
    const { diagnostics } = read(`fio 1 [000] 1.000000: ${EVENT}\n${line}\n`);
    const code = isCaller ? 'callers_left_out' : 'line_unreadable';
    expect(diagnostics).toMatchObject([{ code, count: 1 }]);
  });

  test('records of perf are no events, also those with a colon', () => {
    const record = 'PERF_RECORD_COMM: chromium:6375/6375';
    const { meta } = read(`a 1 [000] 0.000000: ${record}\na 1 [000] 7.000000: ${EVENT}\n`);
    expect([meta.origin_ns, meta.events.length]).toEqual([7_000_000_000n, 1]);
  });

  test('tabs for blanks, and columns of -F that are empty', () => {
    const event = 'block:block_rq_issue: 254,0 WSM 4096 () 82313248 + 8 [dd]';
    const plain = `dd 17121 [000] 43315.887995: ${event}\n`;
    for (const said of [
      plain.replace(/ (?=block:)/, '\t').replace(/^/, '\t'),
      plain.replace('issue: ', 'issue:                   '),
    ]) {
      const got = read(said);
      expect([got.tables, got.diagnostics]).toEqual([read(plain).tables, []]);
    }
  });

  test('lost events between those of their CPU; other records are known', () => {
    const got = read(
      [
        `a 1 [000] 1.000000: ${EVENT}`,
        'a 1 [000] 1.000002: PERF_RECORD_LOST lost 7',
        'a 1 [001] 1.000003: PERF_RECORD_COMM: fio:3/3',
        `a 1 [001] 1.000004: ${EVENT}`,
        `a 1 [000] 1.000005: ${EVENT}`,
        '',
      ].join('\n'),
    );
    expect(got.losses).toEqual([{ cpu: 0, from_ns: 0, ts_ns: 5000, count: 7 }]);
    expect(got.diagnostics.map(({ code }) => code)).toEqual(['events_lost']);
  });
});

describe('what is not of this format', () => {
  test.each([
    '             fio-21192 [001] .....  7123.155421: writeback_pages_written: 12',
    '             fio-21192 [001]  7123.155421: writeback_pages_written: 12',
    '          <idle>-0     [001] d..2.  7123.155421: writeback_pages_written: 12',
    // A damaged line that looks like perf's, below the kernel's own header.
    '# tracer: nop\n#\n dd 5563  [025] 165.504338: foo: x',
    '{"a": 1}',
    '<html>',
    '',
    'mono_s,nr_dirty\n1.000000,5\n',
  ])('%s', (text) => {
    expect(perfScript.sniff(Buffer.from(`${text}\n`))).toBe(false);
  });

  test('times that count from the event before', () => {
    const lines = Array.from({ length: 40 }, (_, at) => {
      const time = at === 0 ? 0 : 1 + (at % 2);
      return `fio 1 [000] 0.00000${time}: ${EVENT}\n`;
    });
    expect(() => read(lines.join(''))).toThrow(/text has times .* without --deltatime/);
    expect(read(lines.slice(0, 3).join('')).meta.duration_ns).toBe(2000);
  });

  test('unknown lines are counted, a text without events is refused', () => {
    const got = read(
      `what is this\nfio 1 [000] 1.000000: ${EVENT}\nfio 1 [000] 1.000001: nothing here\n`,
    );
    expect(got.diagnostics.map(({ code, count }) => [code, count])).toEqual([
      ['line_unreadable', 2],
    ]);
    expect(() => read('# only this\n')).toThrow(FormatError);
    expect(() => read('a 1 [000] 7.000000: writeback:writeback_dirty_folio: \n')).toThrow(
      'text has 1 trace events in its 1 lines, and none can be understood: it was printed without',
    );
  });
});
