/** Stacks, which the tracer writes as long as they are, whatever their format says. */
import { describe, expect, test } from 'vitest';
import { type ByteOrder, ByteWriter } from '../helpers/bytes.ts';
import { rowsOf } from '../helpers/trace-builder.ts';
import { buildTraceDat, type EventSpec, readDat } from '../helpers/trace-dat-builder.ts';

const SYMBOLS = '0000000000001000 T vfs_write\n0000000000002000 T ksys_write\n';

describe.each([
  ['little', 8],
  ['big', 8],
  ['little', 4],
  ['big', 4],
] as const)('%s-endian with longs of %i bytes', (order: ByteOrder, longBytes: 4 | 8) => {
  const callers = longBytes === 8 ? 'u32[16]' : 'u32[8]';
  const kernel: EventSpec = {
    id: 4,
    name: 'kernel_stack',
    system: 'ftrace',
    fields: { size: 's32', caller: callers },
    offsets: { caller: 16 },
  };
  const user: EventSpec = {
    id: 12,
    name: 'user_stack',
    system: 'ftrace',
    fields: { tgid: 'u32', caller: callers },
    offsets: { caller: 16 },
  };
  const tick: EventSpec = { id: 300, name: 'tick', system: 'test', fields: { n: 'u32' } };

  const record = (id: number, first: number, addresses: readonly number[], more = 0) => {
    const writer = new ByteWriter(order).u16(id).u8(0).u8(0).u32(77).u32(first).zeros(4);
    for (const address of addresses) writer.integer(address, longBytes);
    return writer.zeros(more).finish();
  };
  const stack = (...addresses: number[]) => record(4, addresses.length, addresses);
  const read = (...records: [string, Uint8Array][]) => {
    const items = records.map(([event, bytes]) => ({ event, after: 1, bytes }));
    const { bytes } = buildTraceDat({
      order,
      longBytes,
      symbols: SYMBOLS,
      events: [kernel, user, tick],
      cpus: [[{ time: 5n, items: [...items, { event: 'tick', after: 1, values: { n: 1 } }] }]],
    });
    const { tables, diagnostics } = readDat(bytes);
    const rows = (name: string, columns: string[]) => rowsOf(tables.get(name), columns);
    return { rows, codes: diagnostics.map(({ code }) => code), ticks: tables.get('tick')?.rows };
  };

  test('shorter and longer than eight callers', () => {
    const ten = Array.from({ length: 10 }, (_, nth) => 0x1000 + nth);
    const { rows, codes, ticks } = read(
      ['kernel_stack', stack(0x1004, 0x2008)],
      ['kernel_stack', stack()],
      ['kernel_stack', stack(...ten)],
    );
    expect(rows('kernel_stack', ['pid', 'caller'])).toEqual([
      { pid: 77, caller: 'vfs_write < ksys_write' },
      { pid: 77, caller: '' },
      { pid: 77, caller: ten.map(() => 'vfs_write').join(' < ') },
    ]);
    expect([codes, ticks]).toEqual([[], 1]);
  });

  test('a record of fixed length ends where its number or its addresses do', () => {
    const { rows } = read(
      ['kernel_stack', record(4, 1, [0x1000, 0x2000, 0x2000])],
      ['kernel_stack', record(4, 8, [0x2000], 7 * longBytes)],
      ['kernel_stack', record(4, -1, [0x2000])],
      ['kernel_stack', record(4, 9, [0x2000])],
    );
    expect(rows('kernel_stack', ['caller']).map(({ caller }) => caller)).toEqual([
      'vfs_write',
      'ksys_write',
      '',
      'ksys_write',
    ]);
  });

  test('of a program, with its addresses', () => {
    const { rows } = read(['user_stack', record(12, 70, [0x401000, 0x402000])]);
    expect(rows('user_stack', ['tgid', 'caller'])).toEqual([
      { tgid: 70, caller: '0x401000 < 0x402000' },
    ]);
  });

  test('one that ends before its callers is too short', () => {
    const { codes, ticks } = read(['kernel_stack', record(4, 1, []).slice(0, 12)]);
    expect([codes, ticks]).toEqual([['record_too_short'], 1]);
  });
});
