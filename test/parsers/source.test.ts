import { execFileSync, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  fileExists,
  fileSource,
  memorySource,
  openSource,
  readBytes,
} from '../../parsers/bytes/source.ts';
import { unpackGzip } from '../../parsers/bytes/unpack-gzip.ts';
import { FormatError, UsageError } from '../../src/trace/errors.ts';

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'tidemark-source-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

function written(name: string, bytes: Uint8Array): string {
  const path = join(folder, name);
  writeFileSync(path, bytes);
  return path;
}

const DATA = Uint8Array.from({ length: 3_000_000 }, (_, at) => (at * 7 + (at >> 9)) & 255);

async function wholeOf(path: string) {
  const source = await openSource(path);
  const bytes = readBytes(source, 0, source.size + 10);
  source.close();
  return {
    bytes: Buffer.from(bytes),
    compression: source.compression,
    damage: source.damage,
    size: source.size,
  };
}

describe('reading a file', () => {
  test('in place, any part of it, short only at the end', async () => {
    const source = await openSource(written('plain', DATA));
    expect([source.size, source.compression, source.damage]).toEqual([
      DATA.length,
      undefined,
      undefined,
    ]);
    const part = new Uint8Array(1000);
    expect(source.readInto(part, 2_000_000)).toBe(1000);
    expect(Buffer.from(part).equals(Buffer.from(DATA.subarray(2_000_000, 2_001_000)))).toBe(true);
    expect(source.readInto(part, DATA.length - 10)).toBe(10);
    expect(readBytes(source, DATA.length + 5, 10)).toHaveLength(0);
    source.close();
  });

  test('gzip by its bytes, whatever the name; members are joined', async () => {
    const read = await wholeOf(written('packed.dat', gzipSync(DATA)));
    expect(read).toMatchObject({ compression: 'gzip', damage: undefined, size: DATA.length });
    expect(read.bytes.equals(Buffer.from(DATA))).toBe(true);
    const two = await wholeOf(written('two', Buffer.concat([gzipSync('one'), gzipSync('two')])));
    expect(two.bytes.toString()).toBe('onetwo');
  });

  test.each(['utf-16le', 'utf-16be'])('text in %s by its mark', async (encoding) => {
    const text = '\ufefffio-1 [000] 1.000001: foo: \u00e9\u4e2d\r\n'.repeat(9000);
    const bytes = Buffer.from(text, 'utf16le');
    const packed = encoding === 'utf-16be' ? bytes.swap16() : bytes;
    const read = await wholeOf(written('wide', packed));
    expect([read.compression, read.bytes.toString() === text.slice(1)]).toEqual(['utf-16', true]);
  });

  test('gzip with damage: all that small chunks of output have before it', async () => {
    const packed = gzipSync(DATA.map((value, at) => value ^ (at % 251)));
    for (const share of [0.1, 0.5, 0.9]) {
      const bytes = packed.slice();
      const at = Math.floor(share * bytes.length);
      bytes.fill(0xff, at, at + 40);
      const read = await wholeOf(written('damaged', bytes));
      async function* once() {
        yield bytes;
      }
      const parts: Uint8Array[] = [];
      try {
        for await (const part of unpackGzip(once())) parts.push(part);
      } catch (error) {
        expect(read.damage).toBe((error as Error).message);
      }
      expect(read.damage).toBeDefined();
      expect(read.bytes.equals(Buffer.concat(parts))).toBe(true);
    }
  });

  test('what was packed is in memory that threads can share', async () => {
    const source = await openSource(written('shared', gzipSync(DATA)));
    const file = structuredClone(source.file);
    if (file === undefined) throw new Error('not shared');
    const other = fileSource('copy', { ...file, start: file.start + 5 }, source.size - 5);
    expect(readBytes(other, 1, 100)).toEqual(DATA.slice(6, 106));
    expect(readBytes(other, source.size - 7, 100)).toEqual(DATA.slice(-2));
  });

  test('a file called .gz that is none is read as it is', async () => {
    expect((await wholeOf(written('x.gz', Buffer.from('plain')))).bytes.toString()).toBe('plain');
  });

  test('damaged gzip gives what comes before the damage, and says why', async () => {
    const packed = gzipSync(DATA);
    const cut = await wholeOf(written('cut.gz', packed.subarray(0, packed.length >> 1)));
    expect(cut.size).toBeGreaterThan(0);
    expect(cut.size).toBeLessThan(DATA.length);
    expect(cut.damage).toMatch(/unexpected end/);
    expect(cut.bytes.equals(Buffer.from(DATA.subarray(0, cut.size)))).toBe(true);
    const checksum = Uint8Array.from(packed);
    checksum[packed.length - 8] = (checksum[packed.length - 8] ?? 0) ^ 1;
    const summed = await wholeOf(written('sum.gz', checksum));
    expect(summed.damage).toBe('incorrect data check');
    expect(summed.size).toBeGreaterThan(DATA.length - (1 << 16));
  });

  test('a pipe is read to its end', async () => {
    const path = join(folder, 'pipe');
    execFileSync('mkfifo', [path]);
    // Opening a pipe blocks this thread until somebody writes, so another process does.
    const child = spawn('sh', ['-c', `printf 'through a pipe' > '${path}'`]);
    expect((await wholeOf(path)).bytes.toString()).toBe('through a pipe');
    child.kill();
  });
});

describe('what cannot be read', () => {
  test.each<[string, () => string, RegExp]>([
    [
      'a file that is not there',
      () => join(folder, 'none'),
      /^cannot open .*none: no such file or folder$/,
    ],
    [
      'a directory',
      () => {
        mkdirSync(join(folder, 'dir'));
        return join(folder, 'dir');
      },
      /is a directory/,
    ],
    ['an empty file', () => written('empty', new Uint8Array()), /is empty \(0 bytes\)/],
    ['an empty device', () => '/dev/null', /is empty \(0 bytes\)/],
  ])('%s', async (_, path, message) => {
    const error = await openSource(path()).then(
      () => undefined,
      (reason: unknown) => reason,
    );
    expect(error).toBeInstanceOf(UsageError);
    expect(String((error as Error).message)).toMatch(message);
  });

  test('gzip of which nothing can be unpacked has its offset', async () => {
    for (const bytes of [
      gzipSync(''),
      gzipSync('text').subarray(0, 10),
      Uint8Array.of(0x1f, 0x8b, 9, 9),
    ]) {
      const error = await openSource(written('bad.gz', bytes)).then(
        () => undefined,
        (reason: unknown) => reason,
      );
      expect(error).toBeInstanceOf(FormatError);
      expect(error instanceof FormatError && error.offset).toBe(0);
    }
  });
});

test('memory behaves like a file', () => {
  const source = memorySource('m', Uint8Array.of(1, 2, 3), { damage: 'cut' });
  const target = new Uint8Array(2);
  expect([
    source.readInto(target, 2),
    [...target],
    source.readInto(target, 9),
    source.damage,
  ]).toEqual([1, [3, 0], 0, 'cut']);
  source.close();
});

test('existence is asked without opening', () => {
  expect([fileExists(folder), fileExists(join(folder, 'never'))]).toEqual([true, false]);
});
