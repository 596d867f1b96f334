/**
 * Every generation of the events becomes the same columns: records by the layouts of each kernel,
 * lines of text as each kernel printed them, and the names of flags by era.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { columnsOf } from '../parsers/decode/event-columns.ts';
import { type EventFormat, parseEventFormat } from '../parsers/decode/event-format.ts';
import { parseNameTables, printNames } from '../parsers/decode/print-format.ts';
import { byteWindow } from '../parsers/decode/record-window.ts';
import { DICTIONARY, generationOf } from '../src/events/index.ts';
import { exactAt } from '../src/trace/column.ts';
import { GENERATION_LAYOUTS } from './events/generation-layouts.ts';
import { CAPTURES, ROOT } from './helpers/bytes.ts';
import { expectGolden, goldenJson } from './helpers/golden.ts';
import { readText, rowsOf } from './parsers/ftrace-text-support.ts';

const generations = Object.entries(GENERATION_LAYOUTS).flatMap(([kernel, events]) =>
  Object.entries(events).map(([event, layout]) => ({ kernel, event, layout })),
);

type Place = { name: string; offset: number; size: number; mark: string };

// pause@84+4*
function placesOf(layout: string): Place[] {
  return layout.split(' ').map((part) => {
    const [, name = '', offset, size, mark = ''] = /^(\w+)@(\d+)\+(\d+)(.*)$/.exec(part) ?? [];
    return { name, offset: Number(offset), size: Number(size), mark };
  });
}

function formatOf(event: string, layout: string, print = '""'): EventFormat {
  const lines = placesOf(layout).map(({ name, offset, size, mark }) => {
    const types: Readonly<Record<string, string>> = {
      '[]': `char ${name}[${size}]`,
      '->': `__data_loc char[] ${name}`,
    };
    const signed = mark === '*' ? 1 : 0;
    const type = types[mark] ?? `long ${name}`;
    return `\tfield:${type};\toffset:${offset};\tsize:${size};\tsigned:${signed};`;
  });
  const text = `name: ${event}\nID: 1\nformat:\n${lines.join('\n')}\n\nprint fmt: ${print}\n`;
  const format = parseEventFormat(text, 'test');
  if (format === undefined) throw new Error(`the layout of ${event} is unreadable`);
  return format;
}

/** Field n holds n + 1, or `text n`. */
function recordOf(format: EventFormat): Uint8Array {
  const bytes = new Uint8Array(format.minSize + 64);
  const view = new DataView(bytes.buffer);
  let end = format.minSize;
  format.fields.forEach(({ shape, offset }, nth) => {
    if (shape === 'scalar') bytes[offset] = nth + 1;
    const text = new TextEncoder().encode(`text ${nth + 1}\0`);
    if (shape === 'string') bytes.set(text, offset);
    if (shape !== 'data_loc') return;
    view.setUint32(offset, (text.length << 16) | end, true);
    bytes.set(text, end);
    end += text.length;
  });
  return bytes;
}

function decode(format: EventFormat): Record<string, string> {
  const { readers, missing } = columnsOf(format, DICTIONARY.get(format.name), () => 'symbol');
  expect(missing, format.name).toEqual([]);
  const bytes = recordOf(format);
  const records = { count: 1, start: Uint32Array.of(0), end: Uint32Array.of(bytes.length) };
  return Object.fromEntries(
    [...readers].map(([name, reader]) => {
      reader.append(byteWindow(bytes, true), records);
      return [name, String(exactAt(reader.finish(), 0))];
    }),
  );
}

test('records of each generation land in the same columns', () => {
  const all: Record<string, Record<string, string>> = {};
  for (const { kernel, event, layout } of generations) {
    const values = decode(formatOf(event, layout));
    const shown = Object.entries(values).map((pair) => pair.join('='));
    all[kernel] = { ...all[kernel], [event]: shown.join(' ') };
  }
  expectGolden(`${ROOT}test/events/kernel-history.golden.json`, goldenJson(all));
});

test('every field of a known event has a column of the dictionary', () => {
  for (const { kernel, event, layout } of generations) {
    const definition = DICTIONARY.get(event);
    expect(definition, event).toBeDefined();
    const names = Object.keys(definition?.columns ?? {}).flatMap((name) => [name, `${name}_bits`]);
    const own = [...columnsOf(formatOf(event, layout), definition, () => '').readers.keys()];
    expect(
      own.filter((name) => !names.includes(name)),
      `${kernel} ${event}`,
    ).toEqual([]);
  }
});

// The lines of reference/kernel-core.md F.3.
const LINES: [line: string, table: string, values: Record<string, unknown>][] = [
  [
    'ld-27008 [000] ...1 88895.190770: balance_dirty_pages: bdi 8:0: limit=234545 setpoint=204851 dirty=18446744073709513951 bdi_setpoint=184364 bdi_dirty=33 dirty_ratelimit=24 task_ratelimit=0 dirtied=1 dirtied_pause=0 paused=0 pause=136 period=136 think=0 cgroup=/user/1000.user/c2.session',
    'balance_dirty_pages',
    {
      bdi: '8:0',
      dirty_pages: 18446744073709513951n,
      wb_setpoint_pages: 184364,
      pause_ms: 136,
      cgroup: '/user/1000.user/c2.session',
    },
  ],
  [
    'dd-5563  [025] ....   165.504703: balance_dirty_pages: bdi 8:144: limit=1048576 setpoint=917504 dirty=950942 bdi_setpoint=83005 bdi_dirty=81088 dirty_ratelimit=63408 task_ratelimit=63528 dirtied=32 dirtied_pause=32 paused=0 pause=-4294824915 period=2 think=4294824917',
    'balance_dirty_pages',
    { bdi: '8:144', wb_dirty_pages: 81088, pause_ms: -4294824915, think_ms: 4294824917 },
  ],
  [
    'dd-5592  [049] ....   171.845210: bdi_dirty_ratelimit: bdi 8:144: write_bw=64504 awrite_bw=63908 dirty_rate=22072 dirty_ratelimit=63400 task_ratelimit=63960 balanced_dirty_ratelimit=63908',
    'bdi_dirty_ratelimit',
    { write_bw_kibps: 64504, avg_write_bw_kibps: 63908, balanced_dirty_ratelimit_kibps: 63908 },
  ],
  [
    'kworker/u16:2-5968  [000] .n.1  6888.121226: global_dirty_state: dirty=2 writeback=0 unstable=0 bg_thresh=52194 thresh=209545 limit=352521 dirtied=22058 written=21975',
    'global_dirty_state',
    { nr_dirty_pages: 2, nr_unstable_pages: 0, nr_written_pages: 21975 },
  ],
  [
    'kworker/u16:2-5968  [000] ...1  6888.107473: wbc_writepage: bdi 8:0: towrt=13312 skip=0 mode=0 kupd=1 bgrd=0 reclm=0 cyclic=1 start=0x0 end=0x7fffffffffffffff cgroup=/',
    'wbc_writepage',
    { nr_to_write_pages: 13312, for_reclaim: 0, range_end_bytes: 9223372036854775807n },
  ],
  [
    'flush-8:0-4272 [002] .... 8251.858866: wbc_writeback_start: bdi 8:0: towrt=1024 skip=0 mode=0 kupd=0 bgrd=1 reclm=0 cyclic=1 more=0 older=0x0 start=0x0 end=0x0',
    'wbc_writeback_start',
    { nr_to_write_pages: 1024, more_io: 0, older_jiffies: 0 },
  ],
  [
    'kworker/u16:2-5968  [000] ...1  6888.108259: writeback_single_inode: bdi 8:0: ino=0 state=I_SYNC dirtied_when=4295625605 age=5 index=25952258 to_write=13312 wrote=1 cgroup=/',
    'writeback_single_inode',
    {
      state: 'I_SYNC',
      dirtied_when_jiffies: 4295625605,
      writeback_index: 25952258,
      wrote_pages: 1,
    },
  ],
  [
    'flush-8:0-4272 [002] .... 8251.858866: writeback_queue_io: bdi 8:0: older=4302923541 age=0 enqueue=0 reason=background',
    'writeback_queue_io',
    { older_jiffies: 4302923541, moved: 0, reason: 'background' },
  ],
  [
    'fio-28045 [000] 1197.839493: writeback_queue: bdi 7:0: sb_dev 0:0 nr_pages=9223372036854775807 sync_mode=0 kupdate=0 range_cyclic=1 background=1 reason=0x8 cgroup_ino=1',
    'writeback_queue',
    { nr_pages: 9223372036854775807n, for_background: 1, reason: '0x8', cgroup_ino: 1n },
  ],
  [
    '<...>-4719  [007] ....    71.696033: mm_vmscan_writepage: page=f5d0b720 pfn=20153 flags=RECLAIM_WB_ANON|RECLAIM_WB_ASYNC',
    'mm_vmscan_write_folio',
    { page: 0xf5d0b720n, pfn: 20153n, flags: 'RECLAIM_WB_ANON|RECLAIM_WB_ASYNC' },
  ],
  [
    'kswapd0-32 [000] ....    71.696033: mm_vmscan_write_folio: pfn=0x4eb9 flags=RECLAIM_WB_ANON',
    'mm_vmscan_write_folio',
    { pfn: 0x4eb9n, flags: 'RECLAIM_WB_ANON' },
  ],
  [
    'kswapd0-32 [000] .... 12.000001: mm_vmscan_lru_shrink_inactive: nid=0 nr_scanned=13 nr_reclaimed=13 nr_dirty=0 nr_writeback=0 nr_congested=0 nr_immediate=0 nr_activate=0 nr_ref_keep=0 nr_unmap_fail=0 priority=11 flags=RECLAIM_WB_FILE|RECLAIM_WB_ASYNC',
    'mm_vmscan_lru_shrink_inactive',
    { nr_scanned_pages: 13, nr_activate_pages: 0, priority: 11 },
  ],
  [
    'kswapd1-86 [001] dN.. 118023.987475: mm_vmscan_lru_isolate: isolate_mode=0 classzone=0 order=0 nr_requested=32 nr_scanned=4239830 nr_taken=0 file=1',
    'mm_vmscan_lru_isolate',
    { isolate_mode: 0, nr_scanned_pages: 4239830, file: 1 },
  ],
  [
    'kswapd0-32 [000] .... 12.000001: mm_vmscan_lru_isolate: isolate_mode=2 order=0 nr_requested=32 nr_scanned=32 nr_taken=32 contig_taken=1 contig_dirty=2 contig_failed=3',
    'mm_vmscan_lru_isolate',
    { contig_taken_pages: 1, contig_dirty_pages: 2, contig_failed_pages: 3 },
  ],
  [
    'Timer-10841 [006] ..... 14341.639496: mm_vmscan_throttled: nid=0 usec_timeout=100000 usect_delayed=100000 reason=VMSCAN_THROTTLE_WRITEBACK',
    'mm_vmscan_throttled',
    { usec_delayed_us: 100000, reason: 'VMSCAN_THROTTLE_WRITEBACK' },
  ],
  [
    'fio-28045 [000] 1197.839493: mm_vmscan_direct_reclaim_begin: order=0 gfp_flags=GFP_KERNEL pid=28045 memcg_id=77 ',
    'mm_vmscan_direct_reclaim_begin',
    { order: 0, gfp_flags: 'GFP_KERNEL', reclaim_pid: 28045, memcg_id: 77n },
  ],
  [
    'npm-28989 [001] 1280.203733: track_foreign_dirty: bdi 254:0[9]: ino=2253187 memcg_id=1 cgroup_ino=1 page_cgroup_ino=5091',
    'track_foreign_dirty',
    { bdi: '254:0', bdi_id: 9n, ino: 2253187n, page_cgroup_ino: 5091n },
  ],
];

test.each(LINES)('%s', (line, table, values) => {
  const { tables, diagnostics } = readText(`${line}\n`);
  expect(rowsOf(tables.get(table))[0]).toMatchObject(values);
  expect(diagnostics).toEqual([]);
});

describe('names of flags and reasons', () => {
  const namesOf = (event: string, field: string, print: string, ...bits: bigint[]) => {
    const column = Object.values(DICTIONARY.get(event)?.columns ?? {}).find((one) =>
      one.field.includes(field),
    );
    const table = parseNameTables(print, column?.constants ?? {}).get(field);
    return bits.map((value) => table && printNames(table, value));
  };
  const state = (print: string, ...bits: bigint[]) =>
    namesOf(
      'writeback_single_inode',
      'state',
      `"%s", __print_flags(REC->state, "|", ${print})`,
      ...bits,
    );

  test('inode states by number (to 6.11)', () => {
    const print =
      '{(1 << 0), "I_DIRTY_SYNC"}, {(1 << 1), "I_DIRTY_DATASYNC"}, {(1 << 2), "I_DIRTY_PAGES"}, {(1 << 3), "I_NEW"}, {(1 << 7), "I_SYNC"}, {(1 << 11), "I_DIRTY_TIME"}';
    expect(state(print, 0n, 7n, 0x80n, 0x1804n)).toEqual([
      '',
      'I_DIRTY_SYNC|I_DIRTY_DATASYNC|I_DIRTY_PAGES',
      'I_SYNC',
      'I_DIRTY_PAGES|I_DIRTY_TIME|0x1000',
    ]);
  });

  test('inode states by bit number (6.12 to 6.17)', () => {
    const print =
      '{(1U << __I_NEW), "I_NEW"}, {(1U << __I_SYNC), "I_SYNC"}, {(1 << 3), "I_DIRTY_SYNC"}, {(1 << 5), "I_DIRTY_PAGES"}, {(1 << 16), "I_SYNC_QUEUED"}';
    expect(state(print, 3n, 0x28n, 0x10002n)).toEqual([
      'I_NEW|I_SYNC',
      'I_DIRTY_SYNC|I_DIRTY_PAGES',
      'I_SYNC|I_SYNC_QUEUED',
    ]);
  });

  test('inode states by name (since 6.18)', () => {
    const names = [
      'I_DIRTY_SYNC',
      'I_DIRTY_DATASYNC',
      'I_DIRTY_PAGES',
      'I_NEW',
      'I_SYNC',
      'I_SYNC_QUEUED',
    ];
    const print = names.map((name) => `{${name}, "${name}"}`).join(', ');
    expect(state(print, 0x70n, 0x20052n)).toEqual([
      'I_DIRTY_SYNC|I_DIRTY_DATASYNC|I_DIRTY_PAGES',
      'I_DIRTY_SYNC|I_DIRTY_PAGES|I_SYNC|I_SYNC_QUEUED',
    ]);
  });

  test('reasons: numbers that the kernel does not name stay numbers (5.4 to 5.13)', () => {
    const print =
      '__print_symbolic(REC->reason, {0, "background"}, {1, "vmscan"}, {2, "sync"}, {3, "periodic"}, {4, "laptop_timer"}, {5, "free_more_memory"}, {6, "fs_free_space"}, {7, "forker_thread"})';
    expect(namesOf('writeback_queue', 'reason', print, 1n, 3n, 8n)).toEqual([
      'vmscan',
      'periodic',
      '0x8',
    ]);
  });

  test('reasons of a throttle by name and shift', () => {
    const print =
      '__print_flags(REC->reason, "|", {(1 << VMSCAN_THROTTLE_WRITEBACK), "VMSCAN_THROTTLE_WRITEBACK"}, {(1 << VMSCAN_THROTTLE_CONGESTED), "VMSCAN_THROTTLE_CONGESTED"})';
    expect(namesOf('mm_vmscan_throttled', 'reason', print, 1n, 8n, 9n)).toEqual([
      'VMSCAN_THROTTLE_WRITEBACK',
      'VMSCAN_THROTTLE_CONGESTED',
      'VMSCAN_THROTTLE_WRITEBACK|VMSCAN_THROTTLE_CONGESTED',
    ]);
  });

  test('gfp flags with and without the shift, and none', () => {
    const gfp = (print: string, ...bits: bigint[]) =>
      namesOf('mm_vmscan_direct_reclaim_begin', 'gfp_flags', print, ...bits);
    const old =
      '(REC->gfp_flags) ? __print_flags(REC->gfp_flags, "|", {(unsigned long)((( gfp_t)0x10u) | (( gfp_t)0x40u) | (( gfp_t)0x80u)), "GFP_KERNEL"}, {(unsigned long)(( gfp_t)0x40u), "GFP_IO"}) : "GFP_NOWAIT"';
    expect(gfp(old, 0xd0n, 0x40n, 0n)).toEqual(['GFP_KERNEL', 'GFP_IO', 'GFP_NOWAIT']);
    const shifted =
      '(REC->gfp_flags) ? __print_flags(REC->gfp_flags, "|", {( unsigned long)((( gfp_t)(((((1UL))) << (10))|((((1UL))) << (11)))) | (( gfp_t)((((1UL))) << (6))) | (( gfp_t)((((1UL))) << (7)))), "GFP_KERNEL"}, {( unsigned long)(( gfp_t)((((1UL))) << (6))), "__GFP_IO"}, { 0, ((void *)0) } ) : "none"';
    expect(gfp(shifted, 0xcc0n, 0x40n, 0n)).toEqual(['GFP_KERNEL', '__GFP_IO', 'none']);
  });
});

describe('generations', () => {
  const of = (kernel: string) =>
    generationOf(
      new Map(
        Object.entries(GENERATION_LAYOUTS[kernel] ?? {}).map(([event, layout]) => [
          event,
          placesOf(layout).map(({ name }) => name),
        ]),
      ),
    );

  test.each([
    ['3.4', 'writeback and vmscan events as of 3.3 to 3.4'],
    ['3.10', 'writeback and vmscan events as of 3.3 to 4.9'],
    ['4.4', 'writeback and vmscan events as of 4.4'],
    ['5.10', 'writeback and vmscan events as of 5.8 to 5.13'],
    ['7.2', 'writeback and vmscan events as of 7.2 or later'],
  ])('%s: %s', (kernel, text) => {
    expect(of(kernel)).toBe(text);
  });

  test('signs that exclude each other are said; without signs there is nothing to say', () => {
    const seen = new Map([
      ['writeback_dirty_folio', undefined],
      ['writeback_nowork', undefined],
    ]);
    expect(generationOf(seen)).toBe(
      'writeback events of mixed age, some as of 5.17 or later, some of 4.9 or earlier',
    );
    const neighbours = new Map([
      ['sb_mark_inode_writeback', undefined],
      ['writeback_nowork', undefined],
    ]);
    expect(generationOf(neighbours)).toBe('writeback events as of 4.9 to 4.15');
    expect(generationOf(new Map([['sched_switch', undefined]]))).toBeUndefined();
  });

  test('text tells it, too', () => {
    const generation = (line = '') => readText(`${line}\n`).meta.generation;
    expect(generation(LINES[0]?.[0])).toBe('writeback events as of 4.2 to 4.4');
    expect(generation(LINES[3]?.[0])).toBe('writeback events as of 5.6 or earlier');
    expect(generation(LINES[14]?.[0])).toBe('vmscan events as of 5.17 or later');
  });
});

const TREES = `${CAPTURES}/public/formats`;
test.skipIf(!existsSync(TREES))('the format trees that were given', () => {
  const odd: string[] = [];
  for (const tree of readdirSync(TREES)) {
    for (const file of readdirSync(`${TREES}/${tree}`)) {
      const [, system = ''] = /^(\w+?)__/.exec(file) ?? [];
      const format = parseEventFormat(readFileSync(`${TREES}/${tree}/${file}`, 'latin1'), system);
      const definition = DICTIONARY.get(format?.name ?? '');
      if (format === undefined || definition === undefined) {
        odd.push(`${tree}/${file}`);
        continue;
      }
      const { readers, missing } = columnsOf(format, definition, () => '');
      const known = Object.entries(definition.columns);
      const names = known.flatMap(([name]) => [name, `${name}_bits`]);
      const unnamed = known.filter(
        ([name, { type }]) => type === 'names' && readers.has(`${name}_bits`) && !readers.has(name),
      );
      const more = [...readers.keys()].filter((name) => !names.includes(name));
      if (missing.length + unnamed.length + more.length > 0) odd.push(`${tree}/${file}: ${more}`);
    }
  }
  expect(odd).toEqual([]);
});
