/**
 * Large perf.data in gzip, whose records are not held but unpacked once more while they are read:
 * the tables are those of a file that is held.
 */
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { pathToFileURL } from 'node:url';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { NotHeldError, openSource, readBytes } from '../../parsers/bytes/source.ts';
import type { FindHole } from '../../parsers/bytes/unpack-segments.ts';
import { perfData } from '../../parsers/formats/perf-data/importer.ts';
import { readFast } from '../../parsers/formats/perf-data/index.ts';
import type { Detail, KeepEvents } from '../../parsers/importer.ts';
import { DICTIONARY } from '../../src/events/index.ts';
import { DiagnosticCollector } from '../../src/trace/diagnostics.ts';
import { FIXTURES, ROOT } from '../helpers/bytes.ts';

const folder = mkdtempSync(`${tmpdir()}/tidemark-holes-`);
afterAll(() => rmSync(folder, { recursive: true }));

/** Pieces of 4 MiB are held or not. */
const PIECE = 4 << 20;
let bytes = Buffer.alloc(0);
let data = { from: 0, to: 0 };

beforeAll(async () => {
  const { repeatPerf } = (await import(
    pathToFileURL(`${ROOT}test/bench/repeat-perf.mjs`).href
  )) as {
    repeatPerf: (from: string, to: string, times: number) => number;
  };
  // Some 19 MB.
  repeatPerf(`${FIXTURES}perf-data/6.18-ext4/slow-writer.perf.data.gz`, `${folder}/plain`, 110);
  bytes = readFileSync(`${folder}/plain`);
  const from = Number(bytes.readBigUInt64LE(40));
  data = { from, to: from + Number(bytes.readBigUInt64LE(48)) };
}, 60_000);

function gzipped(name: string, content: Uint8Array): string {
  const path = `${folder}/${name}`;
  writeFileSync(path, gzipSync(content, { level: 1 }));
  return path;
}

const DETAILS: Detail[] = ['columns', 'base', 'count'];

/** Everything that is read, with columns as checksums. */
async function read(path: string, findHole: FindHole | undefined, keep?: KeepEvents) {
  const source = await openSource(path, { findHole });
  const diagnostics = new DiagnosticCollector();
  const context = { dictionary: DICTIONARY, diagnostics, pageSize: undefined, progress() {}, keep };
  try {
    const { meta, losses, tables } = await readFast(source, context);
    const columns = [...tables].map(([name, table]) => {
      const hash = createHash('sha256').update(name);
      for (const [id, column] of Object.entries(table.columns)) {
        const { buffer, byteOffset, byteLength } =
          column.kind === 'text' ? column.codes : column.values;
        hash.update(id).update(new Uint8Array(buffer, byteOffset, byteLength));
        if (column.kind === 'text') hash.update(column.dictionary.join());
        if (column.kind === 'number') hash.update([...(column.exact ?? [])].join());
      }
      return [name, table.rows, hash.digest('hex')];
    });
    const isHeld = source.notHeld === undefined;
    return { isHeld, told: { meta, losses, columns, diagnostics: diagnostics.list() } };
  } finally {
    source.close();
  }
}

async function expectSame(path: string, keep?: KeepEvents): Promise<void> {
  const held = await read(path, undefined, keep);
  const notHeld = await read(path, () => data, keep);
  expect([held.isHeld, notHeld.isHeld]).toEqual([true, false]);
  expect(notHeld.told).toEqual(held.told);
}

describe('a hole', () => {
  test('is what lies in whole pieces, but for the first', async () => {
    const path = gzipped('source.gz', bytes);
    const source = await openSource(path, { findHole: () => ({ from: 10, to: 3 * PIECE + 5 }) });
    const { notHeld } = source;
    expect(notHeld?.hole).toEqual({ from: PIECE, to: 3 * PIECE });
    expect(source.size).toBe(bytes.length);
    const part = (from: number, to: number) => bytes.subarray(from, to);
    expect(part(0, PIECE).equals(readBytes(source, 0, PIECE))).toBe(true);
    expect(part(3 * PIECE, bytes.length).equals(readBytes(source, 3 * PIECE, 1e9))).toBe(true);
    expect(() => readBytes(source, PIECE - 1, 2)).toThrow(NotHeldError);
    expect(() => readBytes(source, 3 * PIECE - 1, 1)).toThrow(NotHeldError);
    const chunks: Uint8Array[] = [];
    for await (const chunk of notHeld?.chunks(1000, 3 * PIECE) ?? []) chunks.push(chunk);
    expect(part(1000, 3 * PIECE).equals(Buffer.concat(chunks))).toBe(true);
    const all = await notHeld?.hold();
    expect(all && bytes.equals(readBytes(all, 0, bytes.length))).toBe(true);
    source.close();
  });

  test('is not made where there is damage, or nothing to leave out', async () => {
    const packed = gzipSync(bytes, { level: 1 });
    writeFileSync(`${folder}/cut.gz`, packed.subarray(0, packed.length - 1000));
    const cut = await openSource(`${folder}/cut.gz`, { findHole: () => data });
    expect(cut.notHeld).toBeUndefined();
    expect(cut.damage).toBeDefined();
    expect(bytes.subarray(0, cut.size).equals(readBytes(cut, 0, cut.size))).toBe(true);
    const path = gzipped('whole.gz', bytes);
    for (const hole of [undefined, { from: 0, to: PIECE }, { from: PIECE + 1, to: 2 * PIECE }]) {
      expect((await openSource(path, { findHole: () => hole })).notHeld).toBeUndefined();
    }
  });

  test('is wanted for large files of records that are not packed', () => {
    const head = Buffer.from(bytes.subarray(0, 4096));
    expect(perfData.hole?.(head)).toBeUndefined();
    head.writeBigUInt64LE(1n << 30n, 48);
    expect(perfData.hole?.(head)).toEqual({ from: data.from, to: data.from + 2 ** 30 });
    const changed = (at: number, value: number) => {
      const other = Buffer.from(head);
      other[at] = value;
      return perfData.hole?.(other);
    };
    expect(changed(75, 8)).toBeUndefined();
    expect(changed(8, 16)).toBeUndefined();
    expect(changed(0, 0)).toBeUndefined();
  });
});

describe('records in a hole', () => {
  test('give the same tables, whatever is kept', async () => {
    const path = gzipped('large.gz', bytes);
    await expectSame(path);
    await expectSame(path, (name) => DETAILS[name.length % 3] as Detail);
    await expectSame(path, () => 'count');
  }, 60_000);

  test('that are damaged, or cut, are read as ever', async () => {
    for (const at of [0.3, 0.7]) {
      const damaged = Buffer.from(bytes);
      damaged.fill(255, Math.floor(at * bytes.length), Math.floor(at * bytes.length) + 500);
      await expectSame(gzipped('damaged.gz', damaged));
    }
    await expectSame(gzipped('cut-short.gz', bytes.subarray(0, data.to - 3)));
  }, 60_000);

  test('among which the file says that its features are', async () => {
    const misled = Buffer.from(bytes);
    misled.writeBigUInt64LE(BigInt(2 * PIECE), data.to + 16);
    await expectSame(gzipped('misled.gz', misled));
  }, 60_000);
});
