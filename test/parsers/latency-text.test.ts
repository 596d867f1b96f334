/** The text of latency tracers, by itself and inside a trace.dat. */
import { describe, expect, test } from 'vitest';
import { memorySource } from '../../parsers/bytes/source.ts';
import { readLatencyText } from '../../parsers/formats/ftrace-text/latency.ts';
import { IMPORTERS } from '../../parsers/importers.ts';
import { DICTIONARY } from '../../src/events/index.ts';
import { DiagnosticCollector } from '../../src/trace/diagnostics.ts';
import { rowsOf } from '../helpers/trace-builder.ts';
import { buildTraceDat, readDat } from '../helpers/trace-dat-builder.ts';
import { toVersion7 } from '../helpers/trace-dat-v7.ts';

/** As print_trace_header() and trace_print_lat_context() of Linux 6.18 write it. */
const HEADER = `# tracer: wakeup
#
# wakeup latency trace v1.1.5 on 6.18.44
# --------------------------------------------------------------------
# latency: 15 us, #4/4, CPU#3 | (M:preempt VP:0, KP:0, SP:0 HP:0 #P:4)
#    -----------------
#    | task: kworker/3:1H-312 (uid:0 nice:-20 policy:0 rt_prio:0)
#    -----------------
#
#                    _------=> CPU#
#                   / _-----=> irqs-off/BH-disabled
#                  | / _----=> need-resched
#                  || / _---=> hardirq/softirq
#                  ||| / _--=> preempt-depth
#                  |||| / _-=> migrate-disable
#                  ||||| /     delay
#  cmd     pid     |||||| time  |   caller
#     \\   /        ||||||  \\    |    /
`;
const LINES = `  <idle>-0         3dNs7.    0us :      0:120:R   + [003]     312:100:R kworker/3:1H
  <idle>-0         3dNs7.    1us+: ttwu_do_activate <-try_to_wake_up
   <...>-1234      1d..3.   12us : writeback_pages_written: 12
 a b: -2-77       12d..2.  150us!: writeback_pages_written: 7
  <idle>-0         3d..3. 1000015us : writeback_pages_written: 3
  <idle>-0         3d..3. 1000016us : __schedule
`;

const bytesOf = (text: string) => new TextEncoder().encode(text);
const columns = ['ts_ns', 'cpu', 'pid', 'comm', 'written_pages'];

const EVENTS = [
  { ts_ns: 11_000, cpu: 1, pid: 1234, comm: '<...>', written_pages: 12 },
  { ts_ns: 149_000, cpu: 12, pid: 77, comm: 'a b: -2', written_pages: 7 },
  { ts_ns: 1_000_014_000, cpu: 3, pid: 0, comm: '<idle>', written_pages: 3 },
];

async function readText(text: string) {
  const bytes = bytesOf(text);
  const importer = IMPORTERS.find(({ sniff }) => sniff(bytes));
  expect(importer?.id).toBe('ftrace-text');
  const diagnostics = new DiagnosticCollector();
  const imported = await importer?.read(memorySource('latency.txt', bytes), {
    dictionary: DICTIONARY,
    diagnostics,
    pageSize: undefined,
    progress() {},
  });
  const told = diagnostics.list().map(({ code, count }) => [code, count]);
  const rows = rowsOf(imported?.tables.get('writeback_pages_written'), columns);
  return { meta: imported?.meta, rows, told };
}

describe('by itself', () => {
  test('events count from the first line, the rest is counted', async () => {
    const { rows, told, meta } = await readText(HEADER + LINES);
    expect(rows).toEqual(EVENTS);
    expect(told).toEqual([['line_unreadable', 2]]);
    expect(meta).toMatchObject({ origin_ns: 1_000n, clock: undefined, resolution_ns: 1000 });
  });

  test('with CR LF, without an end, and after lines of another reader', async () => {
    const { rows } = await readText((HEADER + LINES).replaceAll('\n', '\r\n').trimEnd());
    expect(rows).toEqual(EVENTS);
  });

  test('verbose lines have the time of the trace clock', async () => {
    const line = (task: string, time: string, pages: number) =>
      `${task} 0 00000001 00000000 ${time} (+0.003ms): writeback_pages_written: ${pages}\n`;
    const text = [
      HEADER.replace('wakeup', 'nop'),
      line('            bash    1994   1', '[00000a2b] 0.012ms', 4),
      line(' kworker/u8:1-wr      32   0', '[3b9aca00] 998.003ms', 5),
    ];
    const { rows, told, meta } = await readText(text.join(''));
    expect(rows).toEqual([
      { ts_ns: 0, cpu: 1, pid: 1994, comm: 'bash', written_pages: 4 },
      { ts_ns: 999_997_397_000, cpu: 0, pid: 32, comm: 'kworker/u8:1-wr', written_pages: 5 },
    ]);
    expect([told, meta?.origin_ns]).toEqual([[], 2_603_000n]);
  });

  test('verbose lines of a clock that counts no time', async () => {
    const line = (count: string) =>
      `   a   77   1 0 00000001 00000000 [${count}] 12 (+3): writeback_pages_written: 4\n`;
    const { rows, told } = await readText(
      HEADER.replace('wakeup', 'nop') + line('0000660381ff4602') + line('0000660381ff4612'),
    );
    expect(rows.map(({ ts_ns }) => ts_ns)).toEqual([0, 16]);
    expect(told).toEqual([['clock_not_nanoseconds', undefined]]);
  });

  test('the header says what was overwritten', async () => {
    const { told } = await readText(HEADER.replace('#4/4', '#4/104') + LINES);
    expect(told).toContainEqual(['events_overwritten', 100]);
  });

  test('trace-cmd report -l has the trace clock, and flags of any width', async () => {
    const { rows, told, meta } = await readText(`cpus=13
   <...>-1234    1d..3.  7114.234591: writeback_pages_written: 12
 a b: -2-77     12d..2.  7114.234729: writeback_pages_written: 7
  <idle>-0       3.....  7115.234594: writeback_pages_written: 3
`);
    expect(rows).toEqual(EVENTS.map((row) => ({ ...row, ts_ns: row.ts_ns - 11_000 })));
    expect([told, meta?.origin_ns, meta?.cpus]).toEqual([[], 7_114_234_591_000n, 13]);
  });

  test.each([
    ['dmesg', (line: string, at: number) => `[  150.37${1000 + at}] ${line}`],
    ['with levels and tasks', (line: string, at: number) => `<4>[ 9.37${1000 + at}][ T12] ${line}`],
    ['dmesg -T', (line: string) => `[Sat Nov 21 18:33:10 2026] ${line}`],
    ['a journal', (line: string) => `Nov 21 18:33:10 host-1 kernel: ${line}`],
    ['as it is', (line: string) => line],
  ])('dumped into the kernel log: %s', async (_, prefix) => {
    const text = `INFO: task fio:1234 blocked for more than 122 seconds.
Dumping ftrace buffer:
---------------------------------
${LINES}CPU:3 [LOST 17 EVENTS]
---------------------------------
Kernel panic - not syncing: hung_task: blocked tasks`;
    const { rows, told } = await readText(text.split('\n').map(prefix).join('\n'));
    expect(rows).toEqual(EVENTS);
    // Two lines of the function tracer; those of the log around it are no part of the dump.
    expect(told).toEqual([
      ['events_lost', 17],
      ['line_unreadable', 2],
    ]);
  });

  test('a log that only speaks of a dump is none', () => {
    const log = '[    1.000000] Dumping ftrace buffer:\n[    1.000001]    (ftrace buffer empty)\n';
    expect(IMPORTERS.find(({ sniff }) => sniff(bytesOf(log)))).toBeUndefined();
  });

  test('one line too long is one that cannot be read', async () => {
    const { told } = await readText(`${HEADER}${LINES}${'x'.repeat(100_000)}\n`);
    expect(told).toEqual([['line_unreadable', 3]]);
  });

  test('other text is left alone', () => {
    expect(readLatencyText(memorySource('x', bytesOf(LINES)))).toBeUndefined();
  });
});

describe('inside a trace.dat', () => {
  const v6 = buildTraceDat({
    events: [],
    cpus: [[]],
    clock: 'mono',
    uname: 'Linux h 6.18.44 x86_64',
  });

  /** As trace-cmd writes version 6: the text in place of the data. */
  function withText(text: string): Uint8Array {
    const at = Buffer.from(v6.bytes).indexOf('flyrecord\0');
    return Buffer.concat([v6.bytes.subarray(0, at), Buffer.from('latency  \0'), Buffer.from(text)]);
  }

  test.each([
    ['6', withText(HEADER + LINES)],
    ['7', toVersion7(v6.bytes, { text: HEADER + LINES })],
    ['7, packed', toVersion7(v6.bytes, { text: HEADER + LINES, packing: 'zlib' })],
  ])('version %s', (_, bytes) => {
    const { tables, diagnostics, meta } = readDat(bytes);
    expect(rowsOf(tables.get('writeback_pages_written'), columns)).toEqual(EVENTS);
    expect(diagnostics.map(({ code, count }) => [code, count])).toEqual([['line_unreadable', 2]]);
    expect(meta).toMatchObject({ format: 'trace-dat', kernel: '6.18.44' });
    // Its times count from the start of the latency.
    expect([meta.clock, meta.format_title]).toEqual([
      undefined,
      expect.stringMatching(/^trace.dat version \d.*, text of a latency tracer$/),
    ]);
  });

  test('text of the usual form is on the clock of the recording', () => {
    const text = '     fio-28045   [000] ..... 1197.839493: writeback_pages_written: 12\n';
    expect(readDat(withText(`# tracer: nop\n${text}`)).meta.clock).toBe('mono');
  });
});
