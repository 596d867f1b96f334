/** Compressed input: every format, cut, damaged, nested, and bombs. */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { memorySource, openSource, readBytes, readHead } from '../../parsers/bytes/source.ts';
import { compressionOf, DEFAULT_LIMITS, unpack } from '../../parsers/bytes/unpack.ts';
import { unpackBzip2 } from '../../parsers/bytes/unpack-bzip2.ts';
import { unpackZstd } from '../../parsers/bytes/unpack-zstd.ts';
import { FormatError, UsageError } from '../../src/trace/errors.ts';

/** `hello tidemark` packed by each tool, so that no tool is needed. */
const HELLO = 'hello tidemark\n';
const SMALL: Readonly<Record<string, string>> = {
  gzip: 'H4sIAAAAAAAAA8tIzcnJVyjJTEnNTSzK5gIARVPA8Q8AAAA=',
  zstd: 'KLUv/QRYeQAAaGVsbG8gdGlkZW1hcmsKZqwTjw==',
  xz: '/Td6WFoAAATm1rRGAgAhARYAAAB0L+WjAQAOaGVsbG8gdGlkZW1hcmsKAACe7suMuo8h2QABJw/fGvxqH7bzfQEAAAAABFla',
  bzip2: 'QlpoOTFBWSZTWc6l40YAAANRgAAQQAAmbpQAIAAxANABTAmHqnsy7qQ0RA+LuSKcKEhnUvGjAA==',
};
const TOOLS: readonly (readonly [string, string, readonly string[]])[] = [
  ['gzip', 'gzip', ['-c']],
  ['zstd', 'zstd', ['-q', '-c', '-3']],
  ['zstd', 'zstd', ['-q', '-c', '-19', '--no-check']],
  ['xz', 'xz', ['-c', '-2']],
  ['xz', 'xz', ['-c', '-0', '--check=crc32', '-T2', '--block-size=100000']],
  ['bzip2', 'bzip2', ['-c', '-1']],
  ['bzip2', 'bzip2', ['-c', '-9']],
];
const available = TOOLS.filter(
  ([, tool]) => spawnSync(tool, ['--version'], { input: '' }).error === undefined,
);

/** Text-like, with runs and a stretch that no packer makes smaller. */
const DATA = Buffer.concat([
  Buffer.from(Array.from({ length: 20_000 }, (_, at) => `line ${at * at} of ${at % 7}\n`).join('')),
  Buffer.alloc(100_000, 65),
  Buffer.from(
    Uint8Array.from({ length: 150_000 }, (_, at) => (Math.imul(at, 2654435761) >>> 13) & 255),
  ),
]);

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'tidemark-unpack-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

function pack(tool: string, args: readonly string[], data: Uint8Array): Buffer {
  return execFileSync(tool, args, { input: data, maxBuffer: 1 << 30 });
}

async function opened(bytes: Uint8Array, limits = {}) {
  const path = join(folder, 'packed');
  writeFileSync(path, bytes);
  const source = await openSource(path, { limits });
  const content = Buffer.from(readBytes(source, 0, source.size));
  source.close();
  return { content, compression: source.compression, damage: source.damage };
}

async function* inPieces(bytes: Uint8Array, size: number) {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

async function collect(chunks: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const all: Uint8Array[] = [];
  for await (const chunk of chunks) all.push(chunk);
  return Buffer.concat(all);
}

const failure = (promise: Promise<unknown>) =>
  promise.then(
    () => undefined,
    (error: unknown) => error,
  );

describe('bytes made in code', () => {
  test.each(Object.entries(SMALL))('%s is recognised and unpacked', async (id, base64) => {
    const bytes = Buffer.from(base64, 'base64');
    expect(compressionOf(bytes)).toBe(id);
    expect(await opened(bytes)).toMatchObject({
      compression: id,
      damage: undefined,
      content: Buffer.from(HELLO),
    });
    expect((await opened(Buffer.concat([bytes, bytes]))).content.toString()).toBe(HELLO + HELLO);
  });

  test('one packed in the other, from the outside in', async () => {
    const twice = gzipSync(Buffer.from(SMALL.xz ?? '', 'base64'));
    expect(await opened(twice)).toMatchObject({
      compression: 'gzip, xz',
      content: Buffer.from(HELLO),
    });
  });

  test('but not without end', async () => {
    let bytes = Buffer.from(HELLO);
    for (let layer = 0; layer < 6; layer++) bytes = gzipSync(bytes);
    expect(await failure(opened(bytes))).toMatchObject({
      message: expect.stringMatching(/packed more than 4 times over/),
    });
  });

  test('zstd: frames that are to be skipped, and bytes that come alone', async () => {
    const bytes = Buffer.from(SMALL.zstd ?? '', 'base64');
    expect((await collect(unpackZstd(inPieces(bytes, 1)))).toString()).toBe(HELLO);
    const skippable = Buffer.concat([
      Buffer.from('5a2a4d180400000001020304', 'hex'),
      bytes,
      Buffer.from('502a4d1800000000', 'hex'),
      bytes,
    ]);
    expect(await opened(skippable)).toMatchObject({
      compression: 'zstd',
      content: Buffer.from(HELLO + HELLO),
    });
  });
});

describe.each(available)('%s made by %s %j', (id, tool, args) => {
  let packed: Buffer;
  beforeAll(() => {
    packed = pack(tool, args, DATA);
  });

  test('whole, twice, and in small pieces', async () => {
    const whole = await opened(packed);
    expect(whole).toMatchObject({ compression: id, damage: undefined });
    expect(whole.content.equals(DATA)).toBe(true);
    const two = await opened(Buffer.concat([packed, packed]));
    expect(two.content.equals(Buffer.concat([DATA, DATA]))).toBe(true);
    for (const size of [1000, 4093]) {
      const { segments } = await unpack(
        'x',
        packed.subarray(0, 6),
        inPieces(packed, size),
        DEFAULT_LIMITS,
      );
      expect(Buffer.from(segments.head(segments.size)).equals(DATA)).toBe(true);
    }
  });

  test('only the head, without the rest', async () => {
    const head = await readHead(memorySource('x', packed), 1000);
    expect(Buffer.from(head).equals(DATA.subarray(0, 1000))).toBe(true);
    const cut = await readHead(memorySource('x', packed.subarray(0, packed.length >> 1)), 1000);
    expect(Buffer.from(cut).equals(DATA.subarray(0, cut.length))).toBe(true);
  });

  test('cut anywhere: what could be unpacked is right, and the end is told', async () => {
    let most = 0;
    for (let part = 0; part < 40; part++) {
      const length = Math.max(6, Math.floor((packed.length * part) / 40));
      const result = await opened(packed.subarray(0, length)).catch((error: unknown) => error);
      if (result instanceof FormatError) {
        expect(result.message).toMatch(new RegExp(`nothing of the ${id} data`));
        continue;
      }
      const { content, damage } = result as Awaited<ReturnType<typeof opened>>;
      expect(damage).toMatch(/unexpected end/);
      expect(content.equals(DATA.subarray(0, content.length))).toBe(true);
      most = Math.max(most, content.length);
    }
    // A block of bzip2 is given whole or not at all, and here one holds everything.
    if (args.includes('-9')) expect(most).toBe(0);
    else expect(most).toBeGreaterThan(DATA.length / 4);
  });
});

const SLOWEST_MS = 5000;

describe('damage', () => {
  const seed = Number(process.env.SEED ?? Math.floor(Math.random() * 2 ** 31));
  test(`1,000 mutations end well (SEED=${seed})`, { timeout: 120_000 }, async () => {
    const random = mulberry(seed);
    const small = DATA.subarray(300_000, 330_000);
    const archives = available.map(([, tool, args]) => pack(tool, args, small));
    archives.push(...Object.values(SMALL).map((text) => Buffer.from(text, 'base64')));
    for (let round = 0; round < 1000; round++) {
      const bytes = Buffer.from(archives[round % archives.length] ?? []);
      for (let changes = 1 + random() * 4; changes > 0; changes--) {
        // The first bytes decide more, so they are hit more often.
        const reach = random() < 0.5 ? 40 : bytes.length;
        bytes[Math.floor(random() * Math.min(reach, bytes.length))] = Math.floor(random() * 256);
      }
      const before = performance.now();
      const result = await opened(bytes).catch((error: unknown) => error);
      expect(performance.now() - before, `SEED=${seed} round ${round}`).toBeLessThan(SLOWEST_MS);
      const isRefusal = result instanceof FormatError || result instanceof UsageError;
      if (result instanceof Error && !isRefusal)
        throw new Error(`SEED=${seed} round ${round}`, { cause: result });
    }
  });

  test('bzip2: a run longer than a block ends at once, as does a wrong checksum', async () => {
    const bytes = Buffer.from(SMALL.bzip2 ?? '', 'base64');
    for (const at of [10, 12, bytes.length - 4]) {
      const wrong = Buffer.from(bytes);
      wrong[at] = (wrong[at] ?? 0) ^ 1;
      await expect(collect(unpackBzip2(inPieces(wrong, 7)))).rejects.toThrow(/incorrect data/);
    }
    await expect(collect(unpackBzip2(inPieces(endlessRun(), 100)))).rejects.toThrow(
      /incorrect data/,
    );
  });

  test('zstd: a window that no memory holds is refused before it is made', async () => {
    const header = Buffer.from('28b52ffd00f80100002a', 'hex');
    await expect(collect(unpackZstd(inPieces(header, 3)))).rejects.toThrow(
      /window of \d+ bytes is too large/,
    );
  });
});

describe('bombs', () => {
  test('5 GB of zeros in gzip: stopped early, in little memory', { timeout: 60_000 }, async () => {
    const piece = gzipSync(Buffer.alloc(50_000_000), { level: 9 });
    const bomb = Buffer.concat(Array.from({ length: 100 }, () => piece));
    const [before, start] = [process.memoryUsage().rss, Date.now()];
    const error = await failure(opened(bomb));
    expect(error).toBeInstanceOf(UsageError);
    expect((error as Error).message).toMatch(/more than 250 times its size .*--max-unpacked 4G/);
    expect(Date.now() - start).toBeLessThan(10_000);
    expect(process.memoryUsage().rss - before).toBeLessThan(300 << 20);
  });

  test.each(['zstd', 'xz', 'bzip2'])('the same in %s', { timeout: 60_000 }, async (id) => {
    const [, tool, args] = available.find(([name]) => name === id) ?? [];
    if (tool === undefined || args === undefined) return;
    const bomb = pack(tool, args, Buffer.alloc(200_000_000));
    const error = await failure(opened(bomb));
    expect((error as Error | undefined)?.message).toMatch(/more than 250 times its size/);
  });

  test('limits can be set', async () => {
    const packed = gzipSync(DATA);
    const error = await failure(opened(packed, { maxUnpackedBytes: DATA.length - 1 }));
    expect(error).toBeInstanceOf(UsageError);
    expect((error as Error).message).toMatch(
      /unpacks to more than the limit of \d+ bytes.*--max-unpacked/,
    );
    expect((await opened(packed, { maxUnpackedBytes: DATA.length })).content.equals(DATA)).toBe(
      true,
    );
    const zeros = gzipSync(Buffer.alloc(80_000_000));
    expect((await opened(zeros, { maxRatio: 2000 })).content).toHaveLength(80_000_000);
  });
});

describe('standard input', () => {
  async function* stdin(bytes: Uint8Array, size = 5) {
    yield* inPieces(bytes, size);
  }

  test.each([
    ['plain', undefined],
    ['packed', 'gzip'],
  ])('%s', async (_, compression) => {
    const bytes = compression === undefined ? DATA : gzipSync(DATA);
    const source = await openSource('-', { stdin: stdin(bytes, 1000) });
    expect([source.name, source.compression, source.size]).toEqual([
      'standard input',
      compression,
      DATA.length,
    ]);
    expect(Buffer.from(readBytes(source, 0, source.size)).equals(DATA)).toBe(true);
  });

  test('one byte at a time, empty, failing, too long', async () => {
    const packed = Buffer.from(SMALL.xz ?? '', 'base64');
    const source = await openSource('-', { stdin: stdin(packed, 1) });
    expect(Buffer.from(readBytes(source, 0, 100)).toString()).toBe(HELLO);
    await expect(openSource('-', { stdin: stdin(Buffer.alloc(0)) })).rejects.toThrow(
      'standard input is empty (0 bytes)',
    );
    const broken = (async function* () {
      yield Buffer.from('half a');
      throw new Error('gone');
    })();
    await expect(openSource('-', { stdin: broken })).rejects.toThrow(
      /cannot read standard input: gone/,
    );
    const limits = { maxUnpackedBytes: 100 };
    await expect(openSource('-', { stdin: stdin(DATA, 90), limits })).rejects.toThrow(
      /holds more than the limit of 100/,
    );
  });
});

test('a file that says no size is read all the same', async () => {
  const source = await openSource('/proc/self/status');
  expect(Buffer.from(readBytes(source, 0, 5)).toString()).toBe('Name:');
  expect(readFileSync('/proc/self/status').length).toBeGreaterThan(0);
});

function mulberry(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** A block whose first run has forty digits: more than 32 bits hold. */
function endlessRun(): Buffer {
  const bits: number[] = [];
  const put = (value: number, width: number) => {
    for (let bit = width - 1; bit >= 0; bit--) bits.push(Math.floor(value / 2 ** bit) % 2);
  };
  for (const byte of Buffer.from('BZh9')) put(byte, 8);
  put(0x314159, 24);
  put(0x265359, 24);
  put(0, 32); // checksum of the block
  put(0, 1); // not randomised
  put(0, 24); // origin
  put(0x8000, 16); // only bytes below 16,
  put(0x8000, 16); // of them byte 0
  put(2, 3); // codes
  put(2, 15); // selectors, both the first code
  put(0, 2);
  for (let code = 0; code < 2; code++) {
    // RUNA has 1 bit, RUNB and the end 2.
    put(1, 5);
    put(0, 1);
    put(0b100, 3);
    put(0, 1);
  }
  for (let digit = 0; digit < 40; digit++) put(0, 1);
  put(0b11, 2);
  while (bits.length % 8 !== 0) bits.push(0);
  return Buffer.from(
    Array.from({ length: bits.length / 8 }, (_, at) =>
      Number.parseInt(bits.slice(at * 8, at * 8 + 8).join(''), 2),
    ),
  );
}
