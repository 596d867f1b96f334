/** The grammar of lines, of payloads and of what is no event: one row a case. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { makeLineHead, parseLine } from '../../parsers/formats/ftrace-text/line.ts';
import { sniff } from '../../parsers/formats/ftrace-text/sniff.ts';
import { placesOf, readText, rowsOf, unpacked } from './ftrace-text-support.ts';

type Parsed = { comm: string; pid: number; cpu: number; ns: number; name: string; payload: string };

function parsed(line: string): Parsed | undefined {
  const bytes = new Uint8Array(Buffer.from(`${line}\n`, 'latin1'));
  const head = makeLineHead();
  if (!parseLine(bytes, 0, bytes.length - 1, head)) return undefined;
  const text = (from: number, to: number) => line.slice(from, to);
  return {
    comm: text(head.commStart, head.commEnd),
    pid: head.pid,
    cpu: head.cpu,
    ns: head.seconds * 1e9 + head.fraction,
    name: text(head.nameStart, head.nameEnd),
    payload: text(head.payload, line.length),
  };
}

/** The plain version. */
const LINE = new RegExp(
  [
    /^\s*(.*?)-(\d+)\s+(?:\(\s*[-\d]+\)\s+)?\[(\d+)\]\s+/,
    /(?:\S{1,16}\s+)?(\d+)\.(\d{6,9}):\s+([\w.]+):(?: (.*)|)$/,
  ]
    .map(({ source }) => source)
    .join(''),
);

function oracle(line: string): Parsed | undefined {
  const match = LINE.exec(line);
  if (match === null) return undefined;
  const [, comm = '', pid, cpu, seconds, fraction = '', name = '', payload = ''] = match;
  const ns = Number(seconds) * 1e9 + Number(fraction.padEnd(9, '0'));
  return { comm, pid: Number(pid), cpu: Number(cpu), ns, name, payload };
}

const EVENT = 'foo: a b';
const rows: [string, Partial<Parsed> | undefined][] = [
  [`             dd-5563  [025] ....   165.504338: ${EVENT}`, { comm: 'dd', pid: 5563, cpu: 25 }],
  [`dd-1206590 [003] .... 62988.324049: ${EVENT}`, { pid: 1206590, ns: 62988324049000 }],
  [`          <idle>-0     [000]  7114.244030: ${EVENT}`, { comm: '<idle>', pid: 0, cpu: 0 }],
  [`<...>-4719  [005] ....    57.341146: ${EVENT}`, { comm: '<...>', pid: 4719 }],
  [`    kworker/u8:1-32      [001] d..2.  1365.614853: ${EVENT}`, { comm: 'kworker/u8:1' }],
  [
    ` npm i csv-parse-28794 [001] .....  1.000001: ${EVENT}`,
    { comm: 'npm i csv-parse', pid: 28794 },
  ],
  [`          a [0] b-12 [003] ...1  1.000001: ${EVENT}`, { comm: 'a [0] b', pid: 12, cpu: 3 }],
  [`           (x) y--34 [003]  1.000001: ${EVENT}`, { comm: '(x) y-', pid: 34 }],
  [`            -7 -34 [003]  1.000001: ${EVENT}`, { comm: '-7 ', pid: 34 }],
  [`                -34 [003]  1.000001: ${EVENT}`, { comm: '', pid: 34 }],
  [`            bash-1977  (   1977) [000] ....  1.000001: ${EVENT}`, { comm: 'bash', pid: 1977 }],
  [`            bash-1977  (-----) [000] ....  1.000001: ${EVENT}`, { comm: 'bash', pid: 1977 }],
  [`fio-1 [000] d..h3..  7114.234588555: ${EVENT}`, { ns: 7114234588555 }],
  [`fio-1 [000]  1732199999.234588: ${EVENT}`, { ns: 1732199999234588000 }],
  ['fio-1 [000] 1.000001: block_bio_queue:      254,0 RM', { name: 'block_bio_queue' }],
  ['fio-1 [000] 1.000001: foo:', { name: 'foo', payload: '' }],
  ['fio-1 [000] 1.000001: sys_fsync(fd: 3)', { name: 'sys_fsync', payload: 'fd: 3)' }],
  ['fio-1 [000] 1.000001: sys_fsync -> 0x0', { name: 'sys_fsync', payload: ' 0x0' }],
  ['fio-1 [000] 1.000001: vfs_read <-ksys_read', { name: 'vfs_read' }],
  ['fio-1 [000] 1.000001: vfs_read+0x0/0x340 <-ksys_read+0x65/0xe0', { name: 'vfs_read' }],
  ['fio-1 [000] 1.000001: vfs_read [ext4] <ffff8149ab1a> <-x', { name: 'vfs_read' }],
  // what others put before the line: trace-cmd for a buffer instance, the journal, grep
  [`side:               dd-5563  [025]   165.504338: ${EVENT}`, { comm: 'dd', pid: 5563, cpu: 25 }],
  [`side:  npm i csv-parse-28794 [001]  1.000001: ${EVENT}`, { comm: 'npm i csv-parse' }],
  [`Nov 22 00:11:54 host cat[412]:            <...>-7 [000] 1.000001: ${EVENT}`, { comm: '<...>' }],
  [`2026-11-22T00:11:54.5+00:00 host dd-5563 [025] 165.504338: ${EVENT}`, { comm: 'dd' }],
  // sym-offset, sym-addr, a symbol of a module; stacks
  ['a-1 [000] 1.000001: marked+0x12/0x1e0: a b', { name: 'marked', payload: 'a b' }],
  ['a-1 [000] 1.000001: marked <ffffffff8149ab1a>: a b', { name: 'marked', payload: 'a b' }],
  ['a-1 [000] 1.000001: marked+0x1/0x2 [mod] <ffffffff8149ab1a>: a', { name: 'marked' }],
  ['a-1 [000] 1.000001: marked <x: a', undefined],
  ['a-1 [000] 1.000001: <stack trace>', { name: '<stack trace>' }],
  ['a-1 [000] 1.000001: <user stack trace>', { name: '<user stack trace>' }],
  ['a-1 [000] 1.000001: <stack', undefined],
  // trace-cmd report --ts-diff, and what only looks like it
  [`fio-1 [000]  1.000001: (+12)     ${EVENT}`, { name: 'foo', payload: 'a b', ns: 1000001000 }],
  ['fio-1 [000]  1.000001: (+x) foo: a', undefined],
  // clocks that are no nanoseconds, and trace-cmd report --raw-ts
  [`fio-1 [000] d..1.     12345: ${EVENT}`, { name: 'foo', ns: 12345 }],
  [`fio-1 [000]7114234591259: ${EVENT}`, { ns: 7114234591259 }],
  [`fio-1 [000] 4 18446744073709551615: ${EVENT}`, { ns: 2 ** 64 }],
  [`fio-1 [000] 184467440737095516150: ${EVENT}`, undefined],
  // perf script
  ['fio-1 21183 [001]  7121.155421:   writeback:global_dirty_state: dirty=10', undefined],
  ['fio-1 [001]  7121.155421:   writeback:global_dirty_state: dirty=10', undefined],
  // no pid, no CPU, CPU out of range, too few decimals, no time, no name
  [`fio [000] 1.000001: ${EVENT}`, undefined],
  [`gnome-system-mo-4201 553.073386: ${EVENT}`, undefined],
  [`fio-1 [65536] 1.000001: ${EVENT}`, undefined],
  [`fio-1 [000] 1.00001: ${EVENT}`, undefined],
  [`fio-1 [000] ${EVENT}`, undefined],
  ['fio-1 [000] 1.000001: : x', undefined],
];

describe('a line', () => {
  for (const [line, expected] of rows) {
    it(line, () => {
      if (expected === undefined) expect(parsed(line)).toBeUndefined();
      else expect(parsed(line)).toMatchObject(expected);
    });
  }

  it('agrees with the regular expression on the fixtures', () => {
    const text = Buffer.from(unpacked('fixtures/ftrace-text/6.18-xfs/two-writers.txt.gz'));
    const lines = text.toString('latin1').split('\n').slice(12, -1);
    expect(lines.length).toBe(9373);
    for (const line of lines) expect(parsed(line)).toEqual(oracle(line));
  });

  it('agrees with the regular expression on any command', () => {
    const comm = fc.string({ unit: fc.constantFrom(...'ab[]():-<>.01 '), maxLength: 15 });
    const parts = fc.record({
      comm,
      pid: fc.nat(4194304),
      tgid: fc.constantFrom('', ' (  123)', ' (-----)'),
      cpu: fc.nat(511),
      flags: fc.constantFrom('', '.... ', 'd..1. ', '4 ', 'dNh3..5 '),
      seconds: fc.nat(),
      fraction: fc.constantFrom('000000', '123456', '000000001', '999999999'),
      payload: fc.string({ unit: 'grapheme-ascii', maxLength: 40 }),
    });
    fc.assert(
      fc.property(parts, ({ comm: name, pid, tgid, cpu, flags, seconds, fraction, payload }) => {
        const padded = `${String(cpu).padStart(3, '0')}`;
        const time = `${seconds}.${fraction}`;
        const task = `${name.padStart(16)}-${pid}${tgid} [${padded}]`;
        const line = `${task} ${flags}${time}: foo: ${payload}`;
        expect(parsed(line)).toEqual(oracle(line));
        expect(parsed(line)?.comm).toBe(name.trimStart());
      }),
      { numRuns: 2000, seed: 1 },
    );
  });
});

/** The only row that a payload of the event gives, without the base columns. */
function fieldsOf(event: string, payload: string, pageSize = 4096): Record<string, unknown> {
  const read = readText(`a-1 [000] 1.000000: ${event}: ${payload}\n`, { pageSize });
  const row = [...read.tables.values()].flatMap(rowsOf)[0] ?? {};
  const { ts_ns: _ts, cpu: _cpu, pid: _pid, comm: _comm, seq: _seq, ...fields } = row;
  return fields;
}

const payloads: [string, string, Record<string, unknown>][] = [
  ['writeback_dirty_folio', 'bdi 7:0: ino=12 index=3', { bdi: '7:0', ino: 12n, index: 3 }],
  [
    'writeback_dirty_page',
    'bdi (unknown): ino=1 index=0  ',
    { bdi: '(unknown)', ino: 1n, index: 0 },
  ],
  ['writeback_wake_background', 'bdi btrfs-1: cgroup_ino=1', { bdi: 'btrfs-1', cgroup_ino: 1n }],
  ['writeback_wake_background', 'bdi 0:41:', { bdi: '0:41' }],
  ['writeback_wake_background', 'bdi mtd-0', { bdi: 'mtd-0' }],
  [
    'track_foreign_dirty',
    'bdi 254:0[9]: ino=2253187 memcg_id=1 cgroup_ino=1 page_cgroup_ino=5091',
    {
      bdi: '254:0',
      bdi_id: 9n,
      ino: 2253187n,
      memcg_id: 1,
      cgroup_ino: 1n,
      page_cgroup_ino: 5091n,
    },
  ],
  [
    'balance_dirty_pages',
    'bdi 8:0: limit=1 setpoint=2 dirty=18446744073709513951 bdi_setpoint=3 bdi_dirty=4 ' +
      'dirty_ratelimit=5 task_ratelimit=6 dirtied=7 dirtied_pause=8 paused=9 pause=-4294824915 ' +
      'period=2 think=4294824917 cgroup=/user/1000.user',
    {
      bdi: '8:0',
      limit_pages: 1,
      setpoint_pages: 2,
      dirty_pages: 18446744073709513951n,
      wb_setpoint_pages: 3,
      wb_dirty_pages: 4,
      dirty_ratelimit_kibps: 5,
      task_ratelimit_kibps: 6,
      dirtied_pages: 7,
      dirtied_pause_pages: 8,
      paused_ms: 9,
      pause_ms: -4294824915,
      period_ms: 2,
      think_ms: 4294824917,
      cgroup: '/user/1000.user',
    },
  ],
  [
    'writeback_start',
    'bdi 7:0: sb_dev 8:1 nr_pages=9223372036854775807 sync_mode=0 kupdate=1 range_cyclic=1 ' +
      'background=0 reason=periodic cgroup_ino=1',
    {
      bdi: '7:0',
      sb_dev: 8388609,
      nr_pages: 9223372036854775807n,
      sync_mode: 0,
      for_kupdate: 1,
      range_cyclic: 1,
      for_background: 0,
      reason: 'periodic',
      cgroup_ino: 1n,
    },
  ],
  [
    'wbc_writepage',
    'bdi 8:0: towrt=1 skip=0 mode=0 kupd=1 bgrd=0 reclm=0 cyclic=1 start=0x0 ' +
      'end=0x7fffffffffffffff',
    {
      bdi: '8:0',
      nr_to_write_pages: 1,
      pages_skipped_pages: 0,
      sync_mode: 0,
      for_kupdate: 1,
      for_background: 0,
      for_reclaim: 0,
      range_cyclic: 1,
      range_start_bytes: 0,
      range_end_bytes: 9223372036854775807n,
    },
  ],
  [
    'writeback_single_inode',
    'bdi 7:0: ino=12 state=0x20052 dirtied_when=4296670930 age=73786976277651522 index=2048 ' +
      'to_write=2048 wrote=0 cgroup_ino=1',
    {
      bdi: '7:0',
      ino: 12n,
      state: 'I_DIRTY_SYNC|I_DIRTY_PAGES|I_SYNC|I_SYNC_QUEUED',
      state_bits: 0x20052,
      dirtied_when_jiffies: 4296670930,
      writeback_index: 2048,
      nr_to_write_pages: 2048,
      wrote_pages: 0,
      cgroup_ino: 1n,
    },
  ],
  [
    'writeback_mark_inode_dirty',
    'bdi 7:0: ino=12 state= flags=',
    { bdi: '7:0', ino: 12n, state: '', flags: '' },
  ],
  [
    'sb_clear_inode_writeback',
    'dev 7,0 ino 133 dirtied 4295236965 state  mode 0100644',
    { dev: 7340032, ino: 133n, dirtied_when_jiffies: 4295236965, state: '', mode: 0o100644 },
  ],
  [
    'mm_filemap_add_to_page_cache',
    'dev 0:3 ino fe00000 pfn=0x3dd440 ofs=35701919744 order=6',
    { dev: 3, ino: 0xfe00000n, pfn: 0x3dd440n, index: 35701919744 / 4096, order: 6 },
  ],
  [
    'mm_filemap_add_to_page_cache',
    ' pfn=0x3dd440 i_ino=fe00000 index=0x850001 s_dev=3 order=0',
    { dev: 3, ino: 0xfe00000n, pfn: 0x3dd440n, index: 0x850001, order: 0 },
  ],
  [
    'mm_shrink_slab_end',
    'super_cache_scan+0x0/0x1b0 000000007e2ff2b3: nid: 0 unused scan count 1 new scan count -2 ' +
      'total_scan 3 last shrinker return val 4',
    {
      shrinker_id: 0x7e2ff2b3n,
      shrink: 'super_cache_scan',
      nid: 0,
      unused_scan: 1,
      new_scan: -2,
      total_scan: 3,
      retval: 4,
    },
  ],
  [
    'mm_vmscan_throttled',
    'nid=0 usec_timeout=20000 usect_delayed=4000 reason=VMSCAN_THROTTLE_ISOLATED',
    {
      nid: 0,
      usec_timeout_us: 20000,
      usec_delayed_us: 4000,
      reason: 'VMSCAN_THROTTLE_ISOLATED',
    },
  ],
  ['writeback_pages_written', '-5', { written_pages: -5 }],
  [
    'iomap_add_to_ioend',
    'dev 7:0 ino 0x83 bdev 7:0 pos 0x172000 dirty len 0x1000 addr 0xa000 offset 0x172000 ' +
      'length 0x1000 type UNWRITTEN (0x3) flags NEW|DIRTY (0x3)',
    {
      dev: 7340032,
      ino: 0x83n,
      bdev: 7340032,
      pos_bytes: 0x172000,
      dirty_len_bytes: 4096,
      addr_bytes: 0xa000,
      offset_bytes: 0x172000,
      length_bytes: 4096,
      type: 'UNWRITTEN',
      type_bits: 3,
      flags: 'NEW|DIRTY',
      flags_bits: 3,
    },
  ],
  [
    'iomap_iter_dstmap',
    'dev 7:0 ino 0x83 bdev 7:0 addr 0xffffffffffffffff offset 0x0 length 0x172000 ' +
      'type HOLE (0x0) flags  (0x0)',
    {
      dev: 7340032,
      ino: 0x83n,
      bdev: 7340032,
      addr_bytes: 2n ** 64n - 1n,
      offset_bytes: 0,
      length_bytes: 0x172000,
      type: 'HOLE',
      type_bits: 0,
      flags: '',
      flags_bits: 0,
    },
  ],
  [
    'fuse_request_send',
    'connection 39 req 4 opcode 3 (FUSE_GETATTR) len 56',
    { connection: 39n, unique: 4n, opcode: 'FUSE_GETATTR', opcode_bits: 3, len_bytes: 56 },
  ],
  ['tracing_mark_write', ' two  words dirty=3 ', { text: ' two  words dirty=3 ' }],
  ['print', '               lazy_rcu_shrink_scan: x=1 y', { text: 'x=1 y' }],
  ['new_event', 'a=1 b=-2 c=0x10 d=x', { a: 1, b: -2, c: 16, d: 'x', text: 'a=1 b=-2 c=0x10 d=x' }],
  [
    'new_event',
    'pid=18446744073709551615',
    { field_pid: 2n ** 64n - 1n, text: 'pid=18446744073709551615' },
  ],
  ['new_event', '254,0 RM 69730312 + 8 [a=b]', { text: '254,0 RM 69730312 + 8 [a=b]' }],
  ['new_event', '', { text: '' }],
];

describe('a payload', () => {
  for (const [event, payload, expected] of payloads) {
    it(`${event}: ${payload}`, () => {
      expect(fieldsOf(event, payload)).toEqual(expected);
    });
  }

  it('counts pages of the size that was given', () => {
    const line = 'dev 0:3 ino a pfn=0x1 ofs=131072 order=1';
    expect(fieldsOf('mm_filemap_add_to_page_cache', line, 65536).index).toBe(2);
  });

  it('keeps rows of several shapes, and counts what fits none', () => {
    const line = (payload: string) => `a-1 [000] 1.000000: writeback_wake_background: ${payload}`;
    const lines = ['bdi 7:0: cgroup_ino=5', 'bdi 8:0', 'junk', 'bdi 9:0: cgroup_ino=6', 'bdi'];
    const read = readText(lines.map(line).join('\n'));
    const table = rowsOf(read.tables.get('writeback_wake_background'));
    expect(table.map((row) => [row.seq, row.bdi, row.cgroup_ino])).toEqual([
      [0, '7:0', 5n],
      [1, '8:0', 0n],
      [3, '9:0', 6n],
    ]);
    const subject = 'writeback_wake_background';
    expect(placesOf(read, 'payload_unreadable')).toEqual([
      { line: 3, subject },
      { line: 5, subject },
    ]);
    expect(read.meta.events).toEqual([{ name: subject, system: 'writeback', count: 3 }]);
  });

  it('keeps a field that the dictionary does not know', () => {
    const fields = fieldsOf('writeback_dirty_folio', 'bdi 7:0: ino=12 index=3 order=4');
    expect(fields).toEqual({ bdi: '7:0', ino: 12n, index: 3, order: 4 });
  });
});

describe('other lines', () => {
  const event = (cpu: number, time: string) => `a-1 [00${cpu}] ${time}: foo: x`;

  it('lost events end at the next event of their CPU', () => {
    const read = readText(
      [
        event(1, '1.000000'),
        'CPU:1 [LOST 12 EVENTS]',
        'CPU:0 [5 EVENTS DROPPED]',
        event(1, '3.000000'),
        event(0, '4.000000'),
        'CPU:1 [EVENTS DROPPED]',
      ].join('\n'),
    );
    expect(read.losses).toEqual([
      { cpu: 1, count: 12, from_ns: 0, ts_ns: 2e9 },
      { cpu: 0, count: 5, from_ns: 0, ts_ns: 3e9 },
      { cpu: 1, count: undefined, from_ns: 2e9, ts_ns: 2e9 },
    ]);
    expect(read.diagnostics[0]).toMatchObject({ code: 'events_lost', count: 17 });
    expect(read.meta.format_title).toBe('trace-cmd report text');
  });

  it('overwritten events come from the header, late CPUs are places', () => {
    const header = '# entries-in-buffer/entries-written: 2/102   #P:8';
    const start = '##### CPU 1 buffer started ####';
    const lines = [header, event(0, '1.000000'), start, event(1, '2.000000')];
    const read = readText(lines.join('\n'));
    expect(read.meta.cpus).toBe(8);
    expect(read.diagnostics).toMatchObject([
      { code: 'events_overwritten', count: 100, places: [{ line: 1 }, { cpu: 1, ts_ns: 1e9 }] },
    ]);
    const unknown = readText(lines.slice(1).join('\n'));
    expect(unknown.diagnostics[0]).toMatchObject({ count: undefined });
  });

  it('counts lines that are nothing, with their numbers', () => {
    const lines = ['# tracer: nop', '', 'hello', event(0, '1.000000'), '   ', 'world'];
    const read = readText(lines.join('\n'));
    expect(placesOf(read, 'line_unreadable')).toEqual([{ line: 3 }, { line: 6 }]);
  });

  it('time starts at the earliest event, also when it is not the first', () => {
    const read = readText([event(0, '5.000000'), event(0, '2.5000001')].join('\n'));
    expect(read.meta).toMatchObject({ origin_ns: 2500000100n, resolution_ns: 1 });
    expect(rowsOf(read.tables.get('foo')).map((row) => row.ts_ns)).toEqual([2499999900, 0]);
    expect(read.diagnostics[0]).toMatchObject({ code: 'time_went_backwards', count: 1 });
  });
});

describe('sniff', () => {
  const line = '             dd-5563  [025] ....   165.504338: foo: x';
  const cases: [string, boolean][] = [
    ['# tracer: nop\n#\n', true],
    [line, true],
    [`${line}\r\n`, true],
    [`cpus=2\n${line}\n`, true],
    [`Hello,\n\nhere is the trace:\n${line}\n`, true],
    [`<...>-4719  [005] ....    57.341146: foo: x\n`, true],
    [`<idle>-0  [005] ....    57.341146: foo: x\n`, true],
    [`{"traceEvents": "\n${line}\n"}`, false],
    [`[{"a": 1},\n"${line}\n"]`, false],
    [`<!DOCTYPE html>\n<html><script>\n# tracer: nop\n${line}\n`, false],
    ['mono_s,nr_dirty\n1.000000,2\n', false],
    ['fio  21183 [001]  7121.155421:  writeback:global_dirty_state: dirty=10\n', false],
    ['fio-1 21183/21183 [001]  7121.155421:  writeback:foo: dirty=10\n', false],
    [`${line}\0`, false],
    ['', false],
  ];
  for (const [text, expected] of cases) {
    it(JSON.stringify(text.slice(0, 60)), () => {
      expect(sniff(new Uint8Array(Buffer.from(text, 'latin1')))).toBe(expected);
    });
  }
});
