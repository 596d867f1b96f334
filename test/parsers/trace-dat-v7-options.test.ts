/** Options, tracer records and damage, in both versions of trace.dat. */
import { describe, expect, test } from 'vitest';
import { FormatError } from '../../src/trace/errors.ts';
import { ByteWriter } from '../helpers/bytes.ts';
import { rowsOf } from '../helpers/trace-builder.ts';
import {
  buildTraceDat,
  type EventSpec,
  type Page,
  readDat,
  recordBytes,
  type TraceDatSpec,
} from '../helpers/trace-dat-builder.ts';
import { toVersion7, type Version7Options } from '../helpers/trace-dat-v7.ts';

const tick: EventSpec = { id: 300, name: 'tick', system: 'test', fields: { n: 'u32' } };
const at = (after: number, n: number) => ({ event: 'tick', after, values: { n } });
const page = (time: bigint, items: Page['items'], more: Partial<Page> = {}) => ({
  time,
  items,
  ...more,
});
const text = (value: string) => new TextEncoder().encode(`${value}\0`);

function read(spec: Partial<TraceDatSpec>, how: Version7Options = {}) {
  const cpus = [[page(1_000n, [at(0, 1), at(500, 2)])]];
  return readDat(toVersion7(buildTraceDat({ events: [tick], cpus, ...spec }).bytes, how));
}

const statistics = (cpu: number, overrun: number, commit = 0, dropped = 0) =>
  text(
    `CPU: ${cpu}\nentries: 1\noverrun: ${overrun}\ncommit overrun: ${commit}\nbytes: 9\ndropped events: ${dropped}\nread events: 2\n`,
  );

describe('statistics of the ring buffers', () => {
  const gaps = (...missed: (number | 'unknown')[]) => [
    [
      page(1n, [at(0, 0)]),
      ...missed.map((count, nth) => page(10n + BigInt(nth), [at(0, nth)], { missed: count })),
    ],
  ];
  const seen = (cpus: TraceDatSpec['cpus'], ...options: Uint8Array[]) => {
    const { losses, diagnostics } = read(
      { cpus },
      { options: options.map((data) => [2, data] as const) },
    );
    return {
      counts: losses.map(({ count }) => count),
      codes: diagnostics.map(({ code, count }) => [code, count]),
    };
  };

  test('losses that pages carry are not counted again', () => {
    expect(seen(gaps(5, 7), statistics(0, 12))).toEqual({
      counts: [5, 7],
      codes: [['events_lost', 12]],
    });
  });

  test('the one gap without a count gets what is left', () => {
    expect(seen(gaps(5, 'unknown'), statistics(0, 12)).counts).toEqual([5, 7]);
    expect(seen(gaps('unknown', 'unknown'), statistics(0, 12)).counts).toEqual([
      undefined,
      undefined,
    ]);
  });

  test('what no page tells was overwritten before the first one', () => {
    expect(seen(gaps(5), statistics(0, 12)).codes).toEqual([
      ['events_overwritten', 7],
      ['events_lost', 5],
    ]);
  });

  test('dropped events are lost, wherever; other CPUs and instances do not concern it', () => {
    expect(seen(gaps(), statistics(0, 0, 2, 40)).codes).toEqual([['events_lost', 42]]);
    expect(seen(gaps(), statistics(9, 50)).codes).toEqual([]);
    expect(seen(gaps(), text('\nBuffer: side\n\n'), statistics(0, 50)).codes).toEqual([]);
  });
});

describe('clocks', () => {
  const tsc = (mult: number, shift: number) =>
    new ByteWriter('little').u32(mult).u32(shift).u64(999).finish();

  test.each([
    [3_355_443_200, 31],
    [1_000, 10],
    [1, 0],
    [4_294_967_295, 32],
  ])('tsc2nsec: (count * %i) >> %i, each as a whole', (mult, shift) => {
    const base = 987_654_321_987_654n;
    const counts = [0n, 1_001n, 5_000_003n, 123_456_789_013n];
    const items = counts.map((count, nth): Page['items'] => {
      const before = counts[nth - 1] ?? 0n;
      return [{ extend: count - before }, at(0, nth)];
    });
    const result = read(
      { clock: 'x86-tsc', cpus: [[page(base, items.flat())]] },
      { options: [[14, tsc(mult, shift)]] },
    );
    const ns = counts.map((count) => ((base + count) * BigInt(mult)) >> BigInt(shift));
    const first = ns[0] ?? 0n;
    expect(result.meta.origin_ns).toBe(first);
    expect(rowsOf(result.tables.get('tick'), ['ts_ns']).map(({ ts_ns }) => ts_ns)).toEqual(
      ns.map((value) => Number(value - first)),
    );
    expect(result.diagnostics).toEqual([]);
  });

  test('without tsc2nsec the clock is pointed out', () => {
    expect(read({ clock: 'x86-tsc' }).diagnostics.map(({ code }) => code)).toEqual([
      'clock_not_nanoseconds',
    ]);
  });

  test('the offset moves the origin; a date does not', () => {
    const options = [
      [7, text('-400')],
      [1, text('0x5f5e100')],
    ] as const;
    expect(read({}, { options }).meta.origin_ns).toBe(600n);
  });

  test('what cannot be used is said', () => {
    const messages = (kind: number, data: Uint8Array) =>
      read({}, { options: [[kind, data]] }).diagnostics.map(({ message }) => message);
    expect(messages(7, text('soon'))[0]).toMatch(/option 7/);
    expect(messages(12, new Uint8Array(16))[0]).toMatch(/times of a guest/);
    expect(messages(14, new Uint8Array(4))[0]).toMatch(/option 14/);
  });
});

describe('records of the tracer', () => {
  const bprint: EventSpec = {
    id: 6,
    name: 'bprint',
    system: 'ftrace',
    fields: { ip: 'ulong', fmt: 'ulong', buf: 'u32[0]' },
  };
  const bputs: EventSpec = {
    id: 14,
    name: 'bputs',
    system: 'ftrace',
    fields: { ip: 'ulong', str: 'ulong' },
  };
  const raw: EventSpec = {
    id: 16,
    name: 'raw_data',
    system: 'ftrace',
    fields: { id: 'u32', buf: 'tail' },
  };
  const print: EventSpec = {
    id: 5,
    name: 'print',
    system: 'ftrace',
    fields: { ip: 'ulong', buf: 'tail' },
  };
  const target = { order: 'little', longBytes: 8 } as const;

  function bprintText(format: string, args: Uint8Array): unknown {
    const head = recordBytes(bprint, 1, { ip: 5, fmt: 0x1000, buf: [] }, target).slice(0, 24);
    const padded = new Uint8Array(Math.ceil(args.length / 4) * 4);
    padded.set(args);
    const bytes = new Uint8Array([...head, ...padded]);
    const printk = `0x1000 : "${format}"\n`;
    const spec = { events: [bprint], cpus: [[page(1n, [{ event: 'bprint', after: 0, bytes }])]] };
    const v6 = buildTraceDat({ ...spec, printk });
    const both = [readDat(v6.bytes), readDat(toVersion7(v6.bytes, { packing: 'zlib' }))];
    const [first, second] = both.map(
      ({ tables }) => rowsOf(tables.get('bprint'), ['text', 'ip'])[0],
    );
    expect(second).toEqual(first);
    expect(first?.ip).toBe(5n);
    return first?.text;
  }
  const packed = (fill: (writer: ByteWriter) => void) => {
    const writer = new ByteWriter('little');
    fill(writer);
    return writer.finish();
  };

  test.each<[string, (writer: ByteWriter) => void, string]>([
    ['plain %% text\\n', () => {}, 'plain % text'],
    ['%d %u', (w) => w.integer(-3, 4).u32(4_000_000_000), '-3 4000000000'],
    ['%x %#X %o', (w) => w.u32(255).u32(255).u32(8), 'ff 0xFF 10'],
    [
      '%lx %llu',
      (w) => w.u64(2n ** 60n).u64(2n ** 64n - 1n),
      '1000000000000000 18446744073709551615',
    ],
    ['%ld after %d', (w) => w.u32(1).u64(-5n), '1 after -5'],
    [
      '%s|%-4s|%4s|%.2s',
      (w) => w.cstring('abc').cstring('x').cstring('y').cstring('long'),
      'abc|x   |   y|lo',
    ],
    ['%c%c', (w) => w.u8(0x48).u8(0x69), 'Hi'],
    ['%p', (w) => w.u64(0xffff_8000_0000_1000n), '0xffff800000001000'],
    ['%pI4 %d', (w) => w.cstring('10.0.0.1').zeros(3).u32(7), '10.0.0.1 7'],
    ['%s %d', (w) => w.cstring('ab').zeros(1).u32(9), 'ab 9'],
    ['%05d %+d %5d', (w) => w.u32(42).u32(7).u32(3), '00042 +7     3'],
    ['%*d|%.3d', (w) => w.u32(4).u32(7).u32(5), '   7|005'],
    ['%d %d', (w) => w.u32(1), '1 ?'],
    ['\\"quoted\\" \\\\ %d', (w) => w.u32(1), '"quoted" \\ 1'],
  ])('bprint %s', (format, fill, expected) => {
    if (format.startsWith('%ld after')) {
      // A long lies at a multiple of four, not of eight.
      expect(bprintText('%d after %ld', packed(fill))).toBe(expected);
      return;
    }
    expect(bprintText(format, packed(fill))).toBe(expected);
  });

  test('bputs, print and raw_data', () => {
    const events = [bputs, raw, print];
    const items = [
      { event: 'bputs', after: 0, values: { ip: 1, str: 0x2000 } },
      { event: 'bputs', after: 1, values: { ip: 1, str: 0x3000 } },
      { event: 'raw_data', after: 1, values: { id: 7, buf: 'AB' } },
      { event: 'print', after: 1, values: { ip: 1, buf: 'hello\n' } },
    ];
    const printk = '0x2000 : "a text\\n"\n';
    const built = buildTraceDat({ events, printk, cpus: [[page(1n, items)]] });
    const { tables, diagnostics } = readDat(toVersion7(built.bytes));
    const texts = (name: string) => rowsOf(tables.get(name), ['text']).map((row) => row.text);
    expect(texts('bputs')).toEqual(['a text', '(text at 0x3000)']);
    expect(texts('raw_data')).toEqual(['41 42 00 00']);
    expect(texts('print')).toEqual(['hello']);
    expect(diagnostics).toEqual([]);
  });
});

test('version 6 with the text of a latency tracer', () => {
  const built = buildTraceDat({ events: [tick], uname: 'Linux 4.1.0 armv7l', cpus: [[]] });
  const cut = Buffer.from(built.bytes).indexOf('flyrecord');
  const line = ' fio-28045 [000] ..... 1197.839493: writeback_pages_written: 12\n';
  const bytes = Buffer.concat([built.bytes.subarray(0, cut), Buffer.from(`latency  \0${line}`)]);
  const result = readDat(new Uint8Array(bytes));
  expect(rowsOf(result.tables.get('writeback_pages_written'), ['pid'])).toEqual([{ pid: 28_045 }]);
  expect(result.meta).toMatchObject({ kernel: '4.1.0', machine: 'armv7l', page_size: 4096 });
  expect(result.meta.format_title).toMatch(/version 6, text of a latency tracer/);
});

describe('damage', () => {
  const many = Array.from({ length: 8 }, (_, nth) => page(1n + BigInt(nth), [at(0, nth)]));
  const v6 = buildTraceDat({ events: [tick], cpus: [many] }).bytes;
  const v7 = toVersion7(v6, { packing: 'zlib', chunkBytes: 8192 });

  test('a chunk that cannot be unpacked costs its pages', () => {
    const [first, second] = [...v7.keys()].filter((place) => isChunk(v7, place));
    const broken = v7.slice();
    broken.fill(0xff, (second ?? 0) + 10, (second ?? 0) + 20);
    const { tables, diagnostics } = readDat(broken);
    expect(first).toBeGreaterThan(0);
    expect(tables.get('tick')?.rows).toBe(6);
    expect(diagnostics.map(({ code }) => code)).toContain('page_damaged');
  });

  /** u32 packed size, u32 8192, and the first byte of a zlib stream. */
  function isChunk(bytes: Uint8Array, place: number): boolean {
    if (place + 9 > bytes.length) return false;
    const view = new DataView(bytes.buffer, bytes.byteOffset + place, 8);
    return view.getUint32(4, true) === 8192 && bytes[place + 8] === 0x78;
  }

  test('every cut is an error with a place, or tables that say what is missing', () => {
    for (let length = 0; length < v7.length; length += 37) {
      const bytes = v7.slice(0, length);
      try {
        const { diagnostics } = readDat(bytes);
        expect(diagnostics.map(({ code }) => code)).toContain('input_truncated');
      } catch (error) {
        expect(error).toBeInstanceOf(FormatError);
      }
    }
  });

  test('unknown packings', () => {
    const refuse = (bytes: Uint8Array) => {
      try {
        readDat(bytes);
      } catch (error) {
        return error instanceof FormatError ? error.message : 'no FormatError';
      }
      return 'read';
    };
    expect(refuse(toVersion7(v6, { packing: 'unheard-of' }))).toMatch(
      /packed with unheard-of.*--compression none/,
    );
  });

  test('bytes changed at random never crash the reader', () => {
    let seed = 7;
    const random = (below: number) => {
      seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0;
      return seed % below;
    };
    for (let round = 0; round < 600; round++) {
      const bytes = v7.slice();
      for (let n = 0; n < 1 + random(6); n++) bytes[random(bytes.length)] = random(256);
      try {
        readDat(bytes);
      } catch (error) {
        expect(error).toBeInstanceOf(FormatError);
      }
    }
  });
});
