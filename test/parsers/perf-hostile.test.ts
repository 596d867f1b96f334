/** perf.data that lies: claims beyond the file, bombs, endless lists. */
import { describe, expect, test } from 'vitest';
import { memorySource } from '../../parsers/bytes/source.ts';
import { ZstdStream } from '../../parsers/bytes/zstd-stream.ts';
import { readPerfData } from '../../parsers/formats/perf-data/index.ts';
import { DICTIONARY } from '../../src/events/index.ts';
import { DiagnosticCollector } from '../../src/trace/diagnostics.ts';
import { FormatError } from '../../src/trace/errors.ts';
import { ByteWriter } from '../helpers/bytes.ts';
import {
  type AttrSpec,
  buildPerfData,
  type RecordSpec,
  readPerf,
  record,
} from './perf-data-builder.ts';

const ATTRS: AttrSpec[] = [{ config: 300, ids: [10, 11], name: 'test:tick' }];
const TICK = { id: 300, name: 'tick', system: 'test', fields: { n: 'u32' } } as const;
const raw = new ByteWriter('little').u16(300).zeros(6).u32(7).finish();
const sample: RecordSpec = { sample: { attr: 0, time: 5, raw } };
const build = (records: readonly RecordSpec[] = [sample], pipe = false): Uint8Array =>
  buildPerfData({ attrs: ATTRS, formats: [TICK], records, pipe });

function changed(at: number, value: bigint, bytes = build()): Uint8Array {
  new DataView(bytes.buffer).setBigUint64(at, value, true);
  return bytes;
}

describe('a header that claims what no file can hold is refused with its place', () => {
  // Size at 8, attr entry 16, attrs 24 and 32, data 40 and 48; behind it two ids, then the attr.
  const IDS_OF_ATTR = 104 + 16 + 136;
  test.each<[string, number, bigint, RegExp]>([
    ['an attr entry of 0 bytes', 16, 0n, /claims/],
    ['an attr entry of 2^63 bytes', 16, 2n ** 63n, /impossible/],
    ['2^52 bytes of attrs', 32, 2n ** 52n, /claims .* attrs/],
    ['attrs behind the end', 24, 2n ** 40n, /ends inside its attrs/],
    ['data behind the end', 40, 2n ** 40n, /makes no sense/],
    ['2^50 ids', IDS_OF_ATTR + 8, 2n ** 53n - 8n, /claims .* ids/],
    ['ids behind the end', IDS_OF_ATTR, 2n ** 50n, /claims .* ids/],
  ])('%s', (_, at, value, message) => {
    let error: unknown;
    try {
      readPerf(changed(at, value));
    } catch (caught) {
      error = caught;
    }
    expect(error).toBeInstanceOf(FormatError);
    expect(String(error)).toMatch(message);
    expect((error as FormatError).offset).toBeDefined();
  });

  test('more data than the file has: what is there is read', () => {
    const got = readPerf(changed(48, 2n ** 50n));
    expect(got.diagnostics.map(({ code }) => code)).toContain('input_truncated');
    expect([...got.tables.values()].map(({ rows }) => rows)).toEqual([1]);
  });
});

test('every 4 bytes of a small file as 255, and as 0', () => {
  for (const pipe of [false, true]) {
    const whole = build([sample, { comm: 'x', tid: 1, time: 1 }, sample], pipe);
    for (let at = 8; at + 4 <= whole.length; at += 4) {
      for (const fill of [255, 0]) {
        try {
          readPerf(whole.slice().fill(fill, at, at + 4));
        } catch (error) {
          if (!(error instanceof FormatError)) throw error;
        }
      }
    }
  }
}, 60_000);

test('a pipe without events is refused', () => {
  const empty = build([], true).slice(0, 16);
  expect(() => readPerf(empty)).toThrow(FormatError);
});

describe('packed records', () => {
  /** A frame of `blocks` runs of 128 KiB of one byte: 4 packed bytes each. */
  function bomb(blocks: number): Uint8Array {
    const out = new ByteWriter('little')
      .u32(0xfd2fb528)
      .u8(0)
      .u8(7 << 3);
    for (let block = 0; block < blocks; block++) {
      const word = ((128 << 10) << 3) | (1 << 1);
      out
        .u16(word & 0xffff)
        .u8(word >>> 16)
        .u8(0);
    }
    return out.finish();
  }

  test('a bomb is stopped at its ratio', () => {
    let unpacked = 0;
    const stream = new ZstdStream((bytes) => {
      unpacked += bytes.length;
    });
    expect(() => stream.push(bomb(5000))).toThrow(/more than 250 times/);
    expect(unpacked).toBeLessThan(80 << 20);
  });

  test('the limits are those of every packed input, and can be changed', () => {
    const push = (limits: object) => () => new ZstdStream(() => {}, limits).push(bomb(1000));
    expect(push({ maxRatio: Number.POSITIVE_INFINITY })).not.toThrow();
    expect(push({ maxUnpackedBytes: 1 << 20 })).toThrow(/the limit of 1048576 bytes/);
    const packed: RecordSpec = { bytes: record('little', 81, bomb(1000)) };
    const context = { dictionary: DICTIONARY, pageSize: undefined, progress() {} };
    const open = (limits: object) => {
      const diagnostics = new DiagnosticCollector();
      const source = memorySource('perf.data', build([sample, packed, sample]));
      readPerfData(source, { ...context, diagnostics, limits });
      return diagnostics.list().map(({ message }) => message);
    };
    expect(open({}).join()).toMatch(/250 times .*--max-unpacked/);
    expect(open({ maxRatio: Number.POSITIVE_INFINITY }).join()).not.toMatch(/max-unpacked/);
  });

  test('in a recording, it costs what would have come out of it', () => {
    const packed: RecordSpec = { bytes: record('little', 81, bomb(3000)) };
    const got = readPerf(build([sample, packed, packed, sample]));
    expect(got.tables.get('tick')?.rows).toBe(2);
    expect(got.diagnostics.map(({ code }) => code)).toContain('input_truncated');
  });

  test('garbage and windows that are too large are refused', () => {
    const stream = () => new ZstdStream(() => {});
    expect(() => stream().push(new Uint8Array(100).fill(7))).toThrow(FormatError);
    const large = Uint8Array.of(0x28, 0xb5, 0x2f, 0xfd, 0, 31 << 3, 0, 0, 0);
    expect(() => stream().push(large)).toThrow(/window/);
  });
});
