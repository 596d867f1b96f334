/** trace.dat version 7: the same tables as version 6, whatever it is packed with. */
import { existsSync, readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { type BlockUnpacker, blockUnpacker } from '../../parsers/bytes/unpack-block.ts';
import { type ByteOrder, CAPTURES, unpackedFixture } from '../helpers/bytes.ts';
import { describeTable } from '../helpers/golden.ts';
import { rowsOf } from '../helpers/trace-builder.ts';
import {
  buildTraceDat,
  type EventSpec,
  type ReadDat,
  readDat,
  type TraceDatSpec,
} from '../helpers/trace-dat-builder.ts';
import { toVersion7, type Version7Options } from '../helpers/trace-dat-v7.ts';

const tick: EventSpec = { id: 300, name: 'tick', system: 'test', fields: { n: 'u32' } };
const item = (after: number, n: number) => ({ event: 'tick', after, values: { n } });
const SPEC: TraceDatSpec = {
  events: [tick],
  tasks: { 1: 'init' },
  uname: 'Linux 6.1.0 x86_64',
  clock: 'mono',
  symbols: 'ffffffff81000000 T here\n',
  cpus: [
    Array.from({ length: 9 }, (_, nth) => ({
      time: 1_000n + BigInt(100 * nth),
      items: [item(1, nth), item(2, 100 + nth)],
      ...(nth === 4 ? { missed: 7 } : {}),
    })),
    [],
    [{ time: 1_150n, items: [item(0, 1_000)] }],
  ],
};

const described = (read: ReadDat) => [...read.tables.values()].map(describeTable);
const facts = ({ meta, losses, diagnostics }: ReadDat) => ({
  meta: { ...meta, format_title: '' },
  losses,
  diagnostics,
});

function expectEqual(actual: ReadDat, expected: ReadDat): void {
  expect(described(actual)).toEqual(described(expected));
  expect(facts(actual)).toEqual(facts(expected));
}

const PACKINGS: [string, Version7Options][] = [
  ['not packed', {}],
  ['zlib', { packing: 'zlib' }],
  ['zlib in chunks of one page', { packing: 'zlib', chunkBytes: 4096 }],
  ['without a page size in the option', { packing: 'zlib', noPageSize: true }],
];

describe.each(PACKINGS)('%s', (_, how) => {
  test.each<[ByteOrder, 4 | 8]>([
    ['little', 8],
    ['little', 4],
    ['big', 8],
    ['big', 4],
  ])('%s-endian with longs of %i bytes', (order, longBytes) => {
    const v6 = buildTraceDat({ ...SPEC, order, longBytes }).bytes;
    expectEqual(readDat(toVersion7(v6, how)), readDat(v6));
  });

  test('a window of a few pages gives the same rows', () => {
    const v6 = buildTraceDat(SPEC).bytes;
    expectEqual(readDat(toVersion7(v6, how), 4096), readDat(v6));
  });
});

test.each(['slow-writer', 'lossy', 'calm'])('%s, packed with zlib', (name) => {
  const v6 = unpackedFixture(`trace-dat/6.18-ext4/${name}.dat.gz`);
  const read = readDat(toVersion7(v6, { packing: 'zlib', chunkBytes: 40_960, clock: 'mono' }));
  expectEqual(read, readDat(v6));
  expect(read.meta.format_title).toBe('trace.dat version 7 (zlib)');
});

test('slow-writer as trace-cmd converts it, packed with zstd', () => {
  const v6 = readDat(unpackedFixture('trace-dat/6.18-ext4/slow-writer.dat.gz'));
  const v7 = readDat(unpackedFixture('trace-dat/6.18-ext4/slow-writer.v7-zstd.dat'));
  expectEqual(v7, v6);
  expect(v7.meta.events.reduce((sum, { count }) => sum + count, 0)).toBe(7_625);
});

const throttle = `${CAPTURES}/formats/ext4-throttle`;
test.skipIf(!existsSync(`${throttle}.v6.dat.gz`))('the captures that were given', () => {
  const open = (path: string) => {
    const bytes = readFileSync(`${throttle}.${path}`);
    return readDat(new Uint8Array(path.endsWith('.gz') ? gunzipSync(bytes) : bytes));
  };
  const v6 = open('v6.dat.gz');
  expectEqual(open('v7-none.dat.gz'), v6);
  expectEqual(open('v7-zstd.dat'), v6);
});

describe('buffer instances', () => {
  const folder = 'trace-dat/6.18-ext4/two-instances';
  const v7 = readDat(unpackedFixture(`${folder}.v7-zstd.dat`));

  test('all events of all instances, as both versions hold them', () => {
    expectEqual(v7, readDat(unpackedFixture(`${folder}.v6.gz`)));
    expect(v7.meta.events).toEqual([
      { name: 'global_dirty_state', system: 'writeback', count: 2 },
      { name: 'writeback_dirty_folio', system: 'writeback', count: 849 },
      { name: 'writeback_mark_inode_dirty', system: 'writeback', count: 907 },
    ]);
    expect(v7.diagnostics).toEqual([]);
  });

  test('name their instance where there is more than one', () => {
    const names = (table: string) =>
      new Set(rowsOf(v7.tables.get(table), ['instance']).map(({ instance }) => instance));
    expect(names('global_dirty_state')).toEqual(new Set(['quiet']));
    expect(names('writeback_dirty_folio')).toEqual(new Set(['extra']));
    const single = readDat(buildTraceDat(SPEC).bytes).tables.get('tick');
    expect(single?.columns).not.toHaveProperty('instance');
  });

  test('losses belong to an instance and a CPU', () => {
    const v6 = buildTraceDat(SPEC).bytes;
    const read = readDat(toVersion7(v6, { copies: ['side'], packing: 'zlib' }));
    expect(read.losses).toEqual([
      { cpu: 0, count: 7, ts_ns: 400, from_ns: 302, instance: '' },
      { cpu: 0, count: 7, ts_ns: 400, from_ns: 302, instance: 'side' },
    ]);
    const rows = rowsOf(read.tables.get('tick'), ['instance', 'cpu', 'n']);
    expect(rows.slice(0, 2)).toEqual([
      { instance: '', cpu: 0, n: 0 },
      { instance: 'side', cpu: 0, n: 0 },
    ]);
    expect(rows).toHaveLength(2 * 19);
  });
});

test.each(['none', 'zlib'] as const)('a buffer is where its option says (%s)', (packing) => {
  const bytes = toVersion7(buildTraceDat(SPEC).bytes, { packing });
  const section = Buffer.from(bytes).indexOf(
    Uint8Array.of(3, 0, packing === 'none' ? 0 : 1, 0, 0, 0, 0, 0),
  );
  bytes[section] = 0x77;
  const read = readDat(bytes);
  expect(described(read)).toEqual(described(readDat(buildTraceDat(SPEC).bytes)));
  expect(read.diagnostics.map(({ code }) => code)).toContain('option_unreadable');
});

test('a buffer whose option cannot be read is a loss of data', () => {
  const bytes = Buffer.from(toVersion7(buildTraceDat(SPEC).bytes, { copies: ['side'] }));
  const section = bytes.indexOf(Uint8Array.of(3, 0, 0, 0, 0, 0, 0, 0));
  const pointer = Buffer.alloc(8);
  pointer.writeUInt32LE(section);
  // Its name and clock are empty; then follow the size of pages and the number of CPUs.
  bytes.fill(0xff, bytes.indexOf(pointer) + 14, bytes.indexOf(pointer) + 18);
  const read = readDat(bytes);
  expect(read.tables.get('tick')?.rows).toBe(19);
  const [lost] = read.diagnostics.filter(({ code }) => code === 'buffer_left_out');
  expect(lost).toMatchObject({ severity: 'data_loss', count: 1 });
  expect(lost?.message).toContain('CPUs');
});

test('a latency tracer leaves text', () => {
  const text =
    '# tracer: nop\n     fio-28045   [000] ..... 1197.839493: writeback_pages_written: 12\n';
  const v6 = buildTraceDat({ ...SPEC, cpus: [[]] }).bytes;
  for (const packing of ['none', 'zlib'] as const) {
    const read = readDat(toVersion7(v6, { packing, text }));
    expect(rowsOf(read.tables.get('writeback_pages_written'), ['cpu', 'pid'])).toEqual([
      { cpu: 0, pid: 28_045 },
    ]);
    expect(read.meta).toMatchObject({ format: 'trace-dat', kernel: '6.1.0', clock: 'mono' });
  }
});

test('a block of zstd has the size that is announced, or is damaged', () => {
  // printf 'pages of zeros and ones' | zstd --no-check
  const packed = Buffer.from(
    '28b52ffd2017b900007061676573206f66207a65726f7320616e64206f6e6573',
    'hex',
  );
  const unpack = blockUnpacker('zstd') as BlockUnpacker;
  const filled = (size: number, bytes: Uint8Array = packed) => {
    const target = new Uint8Array(size);
    unpack(bytes, target);
    return target;
  };
  for (let twice = 0; twice < 2; twice++) {
    expect(new TextDecoder().decode(filled(23))).toBe('pages of zeros and ones');
    expect(() => filled(22)).toThrow(/more than 22 bytes/);
    expect(() => filled(24)).toThrow(/23 bytes instead of 24/);
    expect(() => filled(23, packed.subarray(0, 20))).toThrow(/unexpected end/);
  }
});
