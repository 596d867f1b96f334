/** Values of every width, sign and place come out with all their bits. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Column, exactAt } from '../../src/trace/column.ts';
import type { Table } from '../../src/trace/table.ts';
import type { ByteOrder } from '../helpers/bytes.ts';
import { buildAndRead, type EventSpec, type FieldType } from '../helpers/trace-dat-builder.ts';

type Value = bigint | number | string;

function readBack(
  spec: EventSpec,
  rows: readonly Record<string, Value>[],
  order: ByteOrder = 'little',
): Table {
  const items = rows.map((values) => ({ event: spec.name, after: 1, values }));
  const pages = items.map((item, at) => ({ time: BigInt(at), items: [item] }));
  const table = buildAndRead({ events: [spec], cpus: [pages], order }).tables.get(spec.name);
  if (table === undefined) throw new Error('no table');
  return table;
}

function column(table: Table, name: string): Column {
  const found = table.columns[name];
  if (found === undefined) throw new Error(`no column ${name}: ${Object.keys(table.columns)}`);
  return found;
}

const valuesOf = (table: Table, name: string) =>
  Array.from({ length: table.rows }, (_, row) => exactAt(column(table, name), row));

const STATE_FIELDS = {
  nr_dirty: 'ulong',
  nr_writeback: 'ulong',
  background_thresh: 'ulong',
  dirty_thresh: 'ulong',
  dirty_limit: 'ulong',
  nr_dirtied: 'ulong',
  nr_written: 'ulong',
} as const;
const state: EventSpec = { id: 301, name: 'global_dirty_state', fields: STATE_FIELDS };

describe.each<ByteOrder>(['little', 'big'])('quantities, %s-endian', (order) => {
  test.each([
    [0n, 0, 0],
    [5n, 5, 5],
    [(1n << 32n) + 1n, 2 ** 32 + 1, 2 ** 32 + 1],
    [(1n << 53n) - 1n, 2 ** 53 - 1, 2 ** 53 - 1],
    [(1n << 53n) + 1n, 2 ** 53, (1n << 53n) + 1n],
    [(1n << 63n) - 1n, 2 ** 63, (1n << 63n) - 1n],
    [1n << 63n, -(2 ** 63), 1n << 63n],
    [(1n << 63n) + 1n, -(2 ** 63), (1n << 63n) + 1n],
    // A counter that ran below zero, as a 4.x kernel printed it.
    [(1n << 64n) - 37665n, -37665, (1n << 64n) - 37665n],
    [(1n << 64n) - 1n, -1, (1n << 64n) - 1n],
  ])('%s is %s in sums and prints exactly', (written, value, printed) => {
    const table = readBack(state, [{ nr_dirty: 1n }, { nr_dirty: written }], order);
    const dirty = column(table, 'nr_dirty_pages');
    expect(dirty.kind === 'number' && dirty.values[1]).toBe(value);
    expect(exactAt(dirty, 0)).toBe(1);
    expect(exactAt(dirty, 1)).toBe(printed);
  });

  test('signed quantities print with their sign', () => {
    const spec: EventSpec = { id: 9, name: 'writeback_pages_written', fields: { pages: 'long' } };
    const written = [-5n, 1n - (1n << 63n), (1n << 63n) - 1n, 7n];
    expect(
      valuesOf(
        readBack(
          spec,
          written.map((pages) => ({ pages })),
          order,
        ),
        'written_pages',
      ),
    ).toEqual([-5, 1n - (1n << 63n), (1n << 63n) - 1n, 7]);
  });

  test('identities keep all bits, narrower ones are widened', () => {
    const wide: EventSpec = {
      id: 9,
      name: 'writeback_dirty_folio',
      fields: { name: 'char[32]', ino: 'u64', index: 'ulong' },
    };
    const inodes = [(1n << 64n) - 1n, 0x8123456789abcdefn, 1n, 1n << 63n];
    expect(
      valuesOf(
        readBack(
          wide,
          inodes.map((ino) => ({ ino, name: '8:0', index: 0 })),
          order,
        ),
        'ino',
      ),
    ).toEqual(inodes);
    const narrow = { ...wide, fields: { ...wide.fields, ino: 'u32' as const } };
    expect(
      valuesOf(readBack(narrow, [{ ino: 0xffffffffn, name: '8:0', index: 0 }], order), 'ino'),
    ).toEqual([0xffffffffn]);
  });
});

describe('any width at any place', () => {
  const SIZES: Record<string, [bits: number, signed: boolean]> = {
    u8: [8, false],
    s8: [8, true],
    u16: [16, false],
    s16: [16, true],
    u32: [32, false],
    s32: [32, true],
    u64: [64, false],
    s64: [64, true],
  };
  test('reads back what was written', () => {
    const run = fc.record({
      type: fc.constantFrom(...Object.keys(SIZES)),
      offset: fc.integer({ min: 8, max: 19 }),
      values: fc.array(fc.bigInt({ min: 0n, max: (1n << 64n) - 1n }), {
        minLength: 1,
        maxLength: 6,
      }),
      order: fc.constantFrom<ByteOrder>('little', 'big'),
    });
    fc.assert(
      fc.property(run, ({ type, offset, values, order }) => {
        const [bits, signed] = SIZES[type] ?? [8, false];
        const spec: EventSpec = {
          id: 9,
          name: 'raw',
          system: 'test',
          fields: { v: type as FieldType },
          offsets: { v: offset },
        };
        const expected = values.map((value) =>
          signed ? BigInt.asIntN(bits, value) : BigInt.asUintN(bits, value),
        );
        const read = valuesOf(
          readBack(
            spec,
            values.map((v) => ({ v })),
            order,
          ),
          'v',
        );
        expect(read.map((value) => BigInt(value ?? 0))).toEqual(expected);
      }),
      { numRuns: 150, seed: 5 },
    );
  });
});

describe('texts', () => {
  const fields = { a: 'data_loc', b: 'rel_loc', c: 'char[8]', d: 'tail' } as const;
  const spec: EventSpec = {
    id: 9,
    name: 'raw',
    system: 'test',
    fields: { a: fields.a, b: fields.b, c: fields.c },
  };

  test('data_loc and rel_loc strings, fixed arrays with and without their NUL', () => {
    const rows = [
      { a: 'first', b: 'relative', c: '12345678' },
      { a: '', b: '', c: '' },
      { a: 'ä€😀', b: 'x'.repeat(300), c: 'ab' },
    ];
    const table = readBack(spec, rows);
    for (const name of ['a', 'b', 'c'] as const)
      expect(valuesOf(table, name)).toEqual(rows.map((row) => row[name]));
  });

  test('a text that runs to the end of the record loses its newline only', () => {
    const print: EventSpec = {
      id: 5,
      name: 'print',
      system: 'ftrace',
      fields: { ip: 'ulong', buf: 'tail' },
    };
    const texts = ['hello\n', 'two\nlines\n', 'none', '', '\n\n'];
    expect(
      valuesOf(
        readBack(
          print,
          texts.map((buf) => ({ buf, ip: 1 })),
        ),
        'text',
      ),
    ).toEqual(['hello', 'two\nlines', 'none', '', '\n']);
  });

  test('arrays of numbers as their elements, long ones cut with a mark', () => {
    const array: EventSpec = { id: 9, name: 'raw', system: 'test', fields: { v: 'u32[70]' } };
    const items = Array.from({ length: 70 }, (_, at) => at);
    const cpus = [[{ time: 1n, items: [{ event: 'raw', after: 0, values: { v: items } }] }]];
    const table = buildAndRead({ events: [array], cpus }).tables.get('raw');
    expect(table && valuesOf(table, 'v')).toEqual([`{${items.slice(0, 64).join(',')},…}`]);
  });
});

describe('names', () => {
  const reason = {
    print: '"%s", __print_symbolic(REC->reason, {0, "background"}, {3, "periodic"})',
  };
  test('of symbols, with the number beside them', () => {
    const spec: EventSpec = {
      id: 9,
      name: 'writeback_start',
      fields: { reason: 's32' },
      ...reason,
    };
    const table = readBack(spec, [{ reason: 3 }, { reason: 9 }, { reason: 3 }, { reason: 0 }]);
    expect(valuesOf(table, 'reason')).toEqual(['periodic', '0x9', 'periodic', 'background']);
    expect(valuesOf(table, 'reason_bits')).toEqual([3, 9, 3, 0]);
  });

  test.each<FieldType>(['u32', 's32', 'u64', 's64', 'ulong', 'long', 'u8', 'u16'])(
    'of flags in a %s, upper bits too',
    (type) => {
      const spec: EventSpec = {
        id: 9,
        name: 'mm_vmscan_kswapd_wake',
        system: 'vmscan',
        fields: {},
      };
      const wake: EventSpec = {
        ...spec,
        name: 'mm_vmscan_wakeup_kswapd',
        fields: { nid: 's32', order: 's32', gfp_flags: type },
        print:
          '__print_flags(REC->gfp_flags, "|", {0x80000000, "TOP"}, {0x80, "LOW"}, {1ULL << 63, "HIGHEST"})',
      };
      const wide = type.includes('64') || type.includes('long');
      const narrow = type === 'u8' || type === 'u16';
      const table = readBack(wake, [
        { gfp_flags: 0x80 },
        { gfp_flags: narrow ? 0x81 : 0x80000080 },
        { gfp_flags: wide ? (1n << 63n) + 0x80n : 0x80 },
      ]);
      expect(valuesOf(table, 'gfp_flags')).toEqual([
        'LOW',
        narrow ? 'LOW|0x1' : 'TOP|LOW',
        wide ? 'LOW|HIGHEST' : 'LOW',
      ]);
    },
  );

  test('a format without a table of names leaves the bits', () => {
    const spec: EventSpec = { id: 9, name: 'writeback_start', fields: { reason: 'u32' } };
    const table = readBack(spec, [{ reason: 3 }]);
    expect(Object.keys(table.columns)).toContain('reason_bits');
    expect(Object.keys(table.columns)).not.toContain('reason');
  });

  test('functions: the symbol at or below the address, without one the address', () => {
    const spec: EventSpec = {
      id: 9,
      name: 'mm_shrink_slab_end',
      system: 'vmscan',
      fields: { shr: 'ulong', shrink: 'ulong' },
    };
    const symbols =
      'ffffffff81000000 T _text\nffffffff811d3e60 T super_cache_scan\nffffffffc0000000 t other\t[mod]\n';
    const items = [0xffffffff811d3e60n, 0xffffffff811d3f00n, 0xffffffffc0000001n, 5n].map(
      (shrink) => ({ event: spec.name, after: 1, values: { shr: 1, shrink } }),
    );
    const table = buildAndRead({
      events: [spec],
      cpus: [[{ time: 1n, items }]],
      symbols,
    }).tables.get(spec.name);
    expect(table && valuesOf(table, 'shrink')).toEqual([
      'super_cache_scan',
      'super_cache_scan',
      'other',
      '0x5',
    ]);
  });
});

describe('columns of unknown events', () => {
  test('keep the fields as they are; those called like a base column are told apart', () => {
    const spec: EventSpec = {
      id: 9,
      name: 'told_apart',
      system: 'test',
      fields: { pid: 's32', comm: 'char[16]', cpu: 'u64', seq: 'u8' },
    };
    const table = readBack(spec, [{ pid: -1, comm: 'bash', cpu: (1n << 64n) - 2n, seq: 7 }]);
    expect(table.known).toBe(false);
    expect(
      ['field_pid', 'field_comm', 'field_cpu', 'field_seq'].map((name) => valuesOf(table, name)[0]),
    ).toEqual([-1, 'bash', (1n << 64n) - 2n, 7]);
  });

  test('of hostile names stay columns', () => {
    const hostile: Record<string, FieldType> = Object.fromEntries(
      ['constructor', '__proto__', 'toString'].map((name) => [name, 'u32']),
    );
    const spec: EventSpec = { id: 9, name: 'raw', system: 'test', fields: hostile };
    const table = readBack(spec, [{ constructor: 1 }]);
    expect(Object.keys(table.columns)).toEqual([
      'ts_ns',
      'cpu',
      'pid',
      'comm',
      'seq',
      'constructor',
      '__proto__',
      'toString',
    ]);
  });
});
