/** Decoding of trace.dat version 6: every feature of the ring buffer, in every byte order. */
import { describe, expect, test } from 'vitest';
import type { ByteOrder } from '../helpers/bytes.ts';
import { rowsOf } from '../helpers/trace-builder.ts';
import {
  buildAndRead,
  type EventSpec,
  type Page,
  type TraceDatSpec,
} from '../helpers/trace-dat-builder.ts';

const tick: EventSpec = { id: 300, name: 'tick', system: 'test', fields: { n: 'u32' } };
const state: EventSpec = {
  id: 301,
  name: 'global_dirty_state',
  fields: {
    nr_dirty: 'ulong',
    nr_writeback: 'ulong',
    background_thresh: 'ulong',
    dirty_thresh: 'ulong',
    dirty_limit: 'ulong',
    nr_dirtied: 'ulong',
    nr_written: 'ulong',
  },
};

const at = (after: number, n: number, more: object = {}) => ({
  event: 'tick',
  after,
  values: { n },
  ...more,
});
const page = (time: bigint, items: Page['items'], more: Partial<Page> = {}): Page => ({
  time,
  items,
  ...more,
});
const ticks = (cpus: TraceDatSpec['cpus'], more: Partial<TraceDatSpec> = {}) =>
  buildAndRead({ events: [tick], cpus, ...more });
const seen = (read: ReturnType<typeof buildAndRead>) =>
  rowsOf(read.tables.get('tick'), ['ts_ns', 'cpu', 'n']).map(({ ts_ns, cpu, n }) => [
    ts_ns,
    cpu,
    n,
  ]);
const codes = (read: ReturnType<typeof buildAndRead>) => read.diagnostics.map(({ code }) => code);

const TARGETS: [ByteOrder, 4 | 8, number][] = [
  ['little', 8, 4096],
  ['little', 4, 4096],
  ['big', 8, 4096],
  ['big', 4, 4096],
  ['little', 8, 65536],
  ['big', 8, 16384],
];

describe('records of a page', () => {
  const T = 5_000_000_000n;
  test.each<[string, Page['items'], number[][]]>([
    [
      'deltas add up',
      [at(10, 1), at(5, 2), at(0, 3)],
      [
        [0, 0, 1],
        [5, 0, 2],
        [5, 0, 3],
      ],
    ],
    [
      'a record with its length in its own word',
      [at(1, 1), at(2, 2, { long: true }), at(3, 3)],
      [
        [0, 0, 1],
        [2, 0, 2],
        [5, 0, 3],
      ],
    ],
    [
      'a time extend reaches beyond 27 bits',
      [at(0, 1), { extend: 1n << 40n }, at(7, 2)],
      [
        [0, 0, 1],
        [2 ** 40 + 7, 0, 2],
      ],
    ],
    [
      'two extends in a row add up',
      [at(0, 1), { extend: 1n << 27n }, { extend: 1n }, at(0, 2)],
      [
        [0, 0, 1],
        [2 ** 27 + 1, 0, 2],
      ],
    ],
    [
      'an absolute time replaces the sum',
      [at(3, 1), { absolute: T + 1_000n }, at(4, 2)],
      [
        [0, 0, 1],
        [1_001, 0, 2],
      ],
    ],
    [
      'a discarded record takes its time, not a row',
      [at(0, 1), { discard: 24, after: 9 }, at(1, 2)],
      [
        [0, 0, 1],
        [10, 0, 2],
      ],
    ],
    ['nothing after the end mark is read', [at(0, 1), { endOfPage: true }, at(1, 2)], [[0, 0, 1]]],
  ])('%s', (_, items, rows) => {
    const read = ticks([[page(T, items)]]);
    expect(seen(read)).toEqual(rows);
    expect(read.diagnostics).toEqual([]);
  });

  test('times count from the first event; the origin keeps every bit', () => {
    const read = ticks([[page((1n << 58n) + 3n, [at(4, 1), at(1, 2)])]]);
    expect(read.meta.origin_ns).toBe((1n << 58n) + 7n);
    expect(read.meta.duration_ns).toBe(1);
    expect(seen(read)).toEqual([
      [0, 0, 1],
      [1, 0, 2],
    ]);
  });

  test('an absolute time keeps the upper five bits of the page time', () => {
    const T59 = (3n << 59n) + 1_000n;
    const read = ticks([
      [page(T59, [at(0, 1), { absolute: (T59 & ((1n << 59n) - 1n)) + 50n }, at(0, 2)])],
    ]);
    expect(seen(read)).toEqual([
      [0, 0, 1],
      [50, 0, 2],
    ]);
    expect(read.meta.origin_ns).toBe(T59);
  });

  test('an absolute time that rolled over its 59 bits goes on counting', () => {
    const read = ticks([[page((1n << 59n) - 10n, [at(0, 1), { absolute: 5n }, at(0, 2)])]]);
    expect(seen(read)).toEqual([
      [0, 0, 1],
      [15, 0, 2],
    ]);
  });
});

describe('pages', () => {
  test('empty pages between others, and a CPU without data, change nothing', () => {
    const read = ticks([
      [page(1n, [at(0, 1)]), page(2n, []), page(9n, [at(0, 2)])],
      [],
      [page(5n, [])],
    ]);
    expect(seen(read)).toEqual([
      [0, 0, 1],
      [8, 0, 2],
    ]);
    expect(read.meta.cpus).toBe(3);
    expect(read.diagnostics).toEqual([]);
  });

  test('a trace without any event has no tables and no duration', () => {
    const read = ticks([[], []]);
    expect([read.tables.size, read.meta.duration_ns, read.meta.silent_events]).toEqual([
      0,
      0,
      ['tick'],
    ]);
  });

  test.each(TARGETS)(
    'missed events with a stored count (%s, %i-byte long, %i)',
    (order, longBytes, pageSize) => {
      const cpus = [[page(100n, [at(0, 1)]), page(200n, [at(50, 2)], { missed: 77 })]];
      const read = ticks(cpus, { order, longBytes, pageSize });
      expect(read.losses).toEqual([{ cpu: 0, count: 77, from_ns: 0, ts_ns: 150 }]);
      expect(read.diagnostics).toMatchObject([
        { code: 'events_lost', count: 77, severity: 'data_loss' },
      ]);
      expect(seen(read)).toEqual([
        [0, 0, 1],
        [150, 0, 2],
      ]);
    },
  );

  test('missed events whose count was not stored are an unknown number', () => {
    const read = ticks([[page(1n, [at(0, 1)]), page(2n, [at(0, 2)], { missed: 'unknown' })]]);
    expect(read.losses).toMatchObject([{ cpu: 0, count: undefined }]);
    expect(read.diagnostics).toMatchObject([{ code: 'events_lost', count: undefined }]);
  });

  test('known and unknown numbers add up to "at least"', () => {
    const read = ticks([
      [page(1n, [at(0, 1)]), page(2n, [at(0, 2)], { missed: 'unknown' })],
      [page(3n, [at(0, 3)], { missed: 5 })],
    ]);
    expect(read.diagnostics[0]?.message).toMatch(/^At least 5 events lost\./);
    expect(read.losses.map(({ cpu, count }) => [cpu, count])).toEqual([
      [0, undefined],
      [1, 5],
    ]);
  });

  test('a page lost before it that holds no row ends its gap at the next row', () => {
    const read = ticks([
      [page(10n, [at(0, 1)]), page(20n, [], { missed: 3 }), page(30n, [at(0, 2)])],
    ]);
    expect(read.losses).toEqual([{ cpu: 0, count: 3, from_ns: 0, ts_ns: 20 }]);
  });

  test('a page that announces more than it can hold keeps what it has', () => {
    const read = ticks([[page(1n, [at(0, 1)], { commit: 5000 }), page(9n, [at(0, 2)])]]);
    expect(seen(read).map((row) => row[2])).toEqual([1, 2]);
    expect(read.diagnostics).toMatchObject([{ code: 'page_damaged', count: 1 }]);
    expect(read.diagnostics[0]?.places[0]?.offset).toBeGreaterThan(0);
  });

  test.each<[string, number[]]>([
    ['a record longer than its page', [28 | (1 << 5), 0, 0, 0]],
    ['a length that is not of whole words', [0, 0, 0, 0, 18, 0, 0, 0, 44, 1, 0, 0, 0, 0, 0, 0]],
    ['a length shorter than itself', [0, 0, 0, 0, 0, 0, 0, 0]],
    ['a discarded record without a length', [29 | (1 << 5), 0, 0, 0, 0, 0, 0, 0]],
    ['a discarded record longer than its page', [29 | (1 << 5), 0, 0, 0, 0, 255, 0, 0]],
    ['a time extend without its second word', [30, 0, 0, 0]],
  ])('%s ends the page as damaged, the rows before stay', (_, raw) => {
    const read = ticks([
      [page(1n, [at(0, 1), { raw: Uint8Array.from(raw) }]), page(9n, [at(0, 2)])],
    ]);
    expect(seen(read).map((row) => row[2])).toEqual([1, 2]);
    expect(codes(read)).toEqual(['page_damaged']);
  });

  test('pages of the ring buffer may be larger than those of the machine', () => {
    const many = Array.from({ length: 500 }, (_, n) => at(1, n));
    const read = ticks([[page(1n, many), page(900n, [at(0, 500)])]], { pageBytes: 16384 });
    expect(read.tables.get('tick')?.rows).toBe(501);
    expect(read.meta.page_size).toBe(4096);
  });

  test('a decreasing time is noticed and the order kept', () => {
    const read = ticks([[page(100n, [at(0, 1)]), page(50n, [at(0, 2)])]]);
    expect(seen(read).map((row) => row[2])).toEqual([1, 2]);
    expect(codes(read)).toEqual(['time_went_backwards']);
  });
});

describe('several CPUs', () => {
  test('rows are in order of time, ties in order of CPU, then of writing', () => {
    const cpus = [
      [page(10n, [at(0, 1), at(0, 2), at(10, 3)])],
      [page(5n, [at(0, 4), at(5, 5), at(10, 6)])],
      [page(10n, [at(0, 7)])],
    ];
    expect(seen(ticks(cpus))).toEqual([
      [0, 1, 4],
      [5, 0, 1],
      [5, 0, 2],
      [5, 1, 5],
      [5, 2, 7],
      [15, 0, 3],
      [15, 1, 6],
    ]);
  });

  test('seq is the position in the whole trace, over all events', () => {
    const other: EventSpec = { id: 400, name: 'tock', system: 'test', fields: { n: 'u32' } };
    const read = buildAndRead({
      events: [tick, other],
      cpus: [
        [page(1n, [at(0, 1), { event: 'tock', after: 4, values: { n: 2 } }])],
        [page(3n, [at(0, 3), { event: 'tock', after: 0, values: { n: 4 } }])],
      ],
    });
    const seqs = (name: string) =>
      rowsOf(read.tables.get(name), ['n', 'seq']).map(({ n, seq }) => [n, seq]);
    expect(seqs('tick')).toEqual([
      [1, 0],
      [3, 1],
    ]);
    expect(seqs('tock')).toEqual([
      [4, 2],
      [2, 3],
    ]);
  });
});

describe('byte orders and word sizes', () => {
  const spec = (order: ByteOrder, longBytes: 4 | 8, pageSize: number): TraceDatSpec => ({
    order,
    longBytes,
    pageSize,
    events: [
      state,
      {
        id: 302,
        name: 'mixed',
        system: 'test',
        fields: {
          a: 'u8',
          b: 's16',
          c: 's32',
          d: 's64',
          e: 'char[12]',
          f: 'data_loc',
          g: 'u32[3]',
        },
      },
    ],
    tasks: { 7: 'fio', 8: 'kworker/u8:1' },
    uname: 'Linux host 6.1.0-9-amd64 x86_64',
    clock: 'boot',
    cpus: [
      [
        page(1_000n, [
          {
            event: 'global_dirty_state',
            after: 1,
            pid: 7,
            values: { nr_dirty: 5, nr_writeback: 6, dirty_limit: 4_000_000_000 },
          },
          {
            event: 'mixed',
            after: 2,
            pid: 8,
            values: {
              a: 200,
              b: -3,
              c: -70_000,
              d: -(2n ** 60n),
              e: 'seven',
              f: 'a string',
              g: [1, 2, 4_000_000_000],
            },
          },
        ]),
      ],
      [
        page(
          900n,
          [{ event: 'global_dirty_state', after: 200, pid: 0, values: { nr_dirtied: 9 } }],
          { missed: 2 },
        ),
      ],
    ],
  });
  const tablesOf = (read: ReturnType<typeof buildAndRead>) =>
    Object.fromEntries([...read.tables].map(([name, table]) => [name, rowsOf(table)]));
  const [first, ...others] = TARGETS;
  const reference = buildAndRead(spec(...(first as (typeof TARGETS)[0])));

  test('the reference has the values that were written', () => {
    expect(rowsOf(reference.tables.get('mixed'))).toEqual(
      [
        {
          ts_ns: 0,
          cpu: 0,
          pid: 8,
          comm: 'kworker/u8:1',
          seq: 1,
          a: 200,
          b: -3,
          c: -70_000,
          d: -(2n ** 60n),
          e: 'seven',
          f: 'a string',
          g: '{1,2,4000000000}',
        },
      ].map((row) => ({ ...row, ts_ns: 2 })),
    );
    expect(
      rowsOf(reference.tables.get('global_dirty_state'), [
        'pid',
        'comm',
        'nr_dirty_pages',
        'dirty_limit_pages',
      ]),
    ).toEqual([
      { pid: 7, comm: 'fio', nr_dirty_pages: 5, dirty_limit_pages: 4_000_000_000 },
      { pid: 0, comm: '<idle>', nr_dirty_pages: 0, dirty_limit_pages: 0 },
    ]);
    expect(reference.meta).toMatchObject({
      clock: 'boot',
      kernel: '6.1.0-9-amd64',
      machine: 'x86_64',
      origin_ns: 1_001n,
    });
  });

  test.each(others)(
    '%s-endian, %i-byte long, pages of %i give equal tables',
    (order, longBytes, pageSize) => {
      const read = buildAndRead(spec(order, longBytes, pageSize));
      expect(tablesOf(read)).toEqual(tablesOf(reference));
      expect(read.losses).toEqual(reference.losses);
      expect(read.meta).toEqual({ ...reference.meta, page_size: pageSize });
    },
  );
});

describe('what the header says', () => {
  const one = [[page(1n, [at(0, 1)])]];
  test.each([
    ['Linux localhost 6.18.44-fc-v595 x86_64', '6.18.44-fc-v595', 'x86_64'],
    ['Linux 6.18.44-fc-v595 x86_64', '6.18.44-fc-v595', 'x86_64'],
    ['Linux', undefined, undefined],
  ])('uname %s', (uname, kernel, machine) => {
    expect(ticks(one, { uname }).meta).toMatchObject({ kernel, machine });
  });

  test('without options there is neither clock nor kernel', () => {
    expect(ticks(one, { noOptions: true }).meta).toMatchObject({
      clock: undefined,
      kernel: undefined,
    });
  });

  test('a clock that counts no nanoseconds and a buffer instance are pointed out', () => {
    const read = ticks(one, { clock: 'x86-tsc', instances: ['side'] });
    expect(codes(read)).toEqual(['clock_not_nanoseconds', 'buffer_left_out']);
    expect(read.diagnostics[1]?.message).toContain('side: ');
  });

  test('an unknown task is <...>, task 0 is <idle>', () => {
    const items = [at(0, 1, { pid: 5 }), at(1, 2, { pid: 0 }), at(1, 3, { pid: 6 })];
    const read = ticks([[page(1n, items)]], { tasks: { 5: 'a b-1 [x]' } });
    expect(rowsOf(read.tables.get('tick'), ['comm']).map(({ comm }) => comm)).toEqual([
      'a b-1 [x]',
      '<idle>',
      '<...>',
    ]);
  });

  test('counts by recorded name; formats without a record are silent', () => {
    const dirty: EventSpec = {
      id: 5,
      name: 'writeback_dirty_page',
      fields: { name: 'char[32]', ino: 'ulong', index: 'ulong' },
    };
    const read = buildAndRead({
      events: [tick, state, dirty],
      cpus: [
        [
          page(1n, [
            { event: 'writeback_dirty_page', after: 0, values: { name: '8:0', ino: 1, index: 2 } },
          ]),
        ],
      ],
    });
    expect(read.meta.events).toEqual([
      { name: 'writeback_dirty_page', system: 'writeback', count: 1 },
    ]);
    expect(read.meta.silent_events).toEqual(['global_dirty_state', 'tick']);
    expect([...read.tables.keys()]).toEqual(['writeback_dirty_folio']);
  });

  test('events of one name become tables of their own; even three copies lose nothing', () => {
    const copies = [1, 2, 3].map((id): EventSpec => ({ ...tick, id }));
    const cpus = [
      copies.map(({ id }) =>
        page(BigInt(id), [
          { event: 'tick', after: 0, bytes: Uint8Array.of(id, 0, 0, 0, 1, 0, 0, 0, id, 0, 0, 0) },
        ]),
      ),
    ];
    const read = buildAndRead({ events: copies, cpus });
    expect([...read.tables].map(([name, table]) => [name, rowsOf(table, ['n'])[0]?.n])).toEqual([
      ['test:tick', 2],
      ['test:tick:2', 3],
      ['tick', 1],
    ]);
  });

  test('a known event that lacks fields keeps the others and says which are missing', () => {
    const old: EventSpec = { ...state, fields: { nr_dirty: 'ulong', nr_unstable: 'ulong' } };
    const read = buildAndRead({
      events: [old],
      cpus: [
        [
          page(1n, [
            { event: 'global_dirty_state', after: 0, values: { nr_dirty: 1, nr_unstable: 2 } },
          ]),
        ],
      ],
    });
    expect(
      rowsOf(read.tables.get('global_dirty_state'), ['nr_dirty_pages', 'nr_unstable_pages']),
    ).toEqual([{ nr_dirty_pages: 1, nr_unstable_pages: 2 }]);
    expect(codes(read)).toEqual(['event_fields_missing']);
    expect(read.diagnostics[0]?.message).toContain('dirty_thresh_pages');
  });
});
