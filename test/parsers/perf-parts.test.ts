/** The folder of `perf record --threads`: a recording dealt out to its files is the recording. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { memorySource } from '../../parsers/bytes/source.ts';
import { readHeader } from '../../parsers/formats/perf-data/header.ts';
import { openTrace } from '../../parsers/index.ts';
import { exactAt } from '../../src/trace/column.ts';
import type { Tables } from '../../src/trace/table.ts';
import { unpackedFixture } from '../helpers/bytes.ts';

const WHOLE = unpackedFixture('perf-data/6.18-ext4/slow-writer.perf.data.gz');
const DIRECTORY = 24;
const SAMPLE = 9;
const DATA_SIZE_AT = 48;
const FEATURES_AT = 72;

/** Every third sample stays, and what perf knew at its start; the others go to two threads. */
function deal(whole: Uint8Array): { main: Uint8Array; parts: Uint8Array[] } {
  const { data, features } = readHeader(memorySource('whole', whole));
  const view = new DataView(whole.buffer, whole.byteOffset, whole.byteLength);
  const dealt: Uint8Array[][] = [[], [], []];
  const end = data.offset + data.size;
  for (let at = data.offset, record = 0; at < end; record++) {
    const bytes = view.getUint16(at + 6, true);
    const isSample = view.getUint32(at, true) === SAMPLE;
    dealt[isSample ? record % dealt.length : 0]?.push(whole.subarray(at, at + bytes));
    at += bytes;
  }
  const [kept, ...parts] = dealt.map((records) => new Uint8Array(Buffer.concat(records)));
  const head = whole.slice(0, data.offset);
  const facts = new DataView(head.buffer);
  facts.setBigUint64(DATA_SIZE_AT, BigInt(kept?.length ?? 0), true);
  facts.setUint8(FEATURES_AT + 3, facts.getUint8(FEATURES_AT + 3) | 1);
  // One entry more in the table of features, and all behind the records moved to the front.
  const moved = (kept?.length ?? 0) - data.size + 16;
  const entries = [...features, [DIRECTORY, { offset: end, size: 0 }] as const]
    .sort(([left], [right]) => left - right)
    .flatMap(([, { offset, size }]) => [BigInt(offset + moved), BigInt(size)]);
  const table = new Uint8Array(new BigUint64Array(entries).buffer);
  const rest = whole.subarray(end + 16 * features.size);
  const main = new Uint8Array(Buffer.concat([head, kept ?? new Uint8Array(), table, rest]));
  return { main, parts };
}

const folder = mkdtempSync(join(tmpdir(), 'tidemark-parts-'));
afterAll(() => rmSync(folder, { recursive: true }));

const { main, parts } = deal(WHOLE);
const rowsOf = (tables: Tables) =>
  [...tables].map(([name, { rows, columns }]) => [
    name,
    Array.from({ length: rows }, (_, row) =>
      Object.entries(columns)
        .filter(([id]) => id !== 'seq')
        .map(([, column]) => String(exactAt(column, row))),
    ),
  ]);

describe('a recording in several files', () => {
  writeFileSync(join(folder, 'whole.perf.data'), WHOLE);
  writeFileSync(join(folder, 'data'), main);

  test('without the others, it says what is missing', async () => {
    const { diagnostics } = await openTrace(join(folder, 'data'));
    const told = diagnostics.find(({ code }) => code === 'input_truncated');
    expect(JSON.stringify(told)).toContain('data.0 and so on, are not beside it');
  });

  test('has the same rows, whether the folder or the file is named', async () => {
    const whole = await openTrace(join(folder, 'whole.perf.data'));
    rmSync(join(folder, 'whole.perf.data'));
    for (const [index, part] of parts.entries()) writeFileSync(join(folder, `data.${index}`), part);
    for (const name of [folder, join(folder, 'data')]) {
      const { tables, meta } = await openTrace(name);
      expect(rowsOf(tables)).toEqual(rowsOf(whole.tables));
      expect(meta).toMatchObject({
        kernel: whole.meta.kernel,
        duration_ns: whole.meta.duration_ns,
      });
    }
  });

  test('a thread that saw nothing leaves an empty file', async () => {
    const [first = new Uint8Array(0), second = first] = parts;
    const busy = await openTrace(folder);
    const dealt = [first, new Uint8Array(0), second];
    for (const [index, part] of dealt.entries()) writeFileSync(join(folder, `data.${index}`), part);
    for (const name of [folder, join(folder, 'data')]) {
      const { tables, diagnostics } = await openTrace(name);
      expect(rowsOf(tables)).toEqual(rowsOf(busy.tables));
      expect(diagnostics).toEqual(busy.diagnostics);
    }
    rmSync(join(folder, 'data.2'));
    writeFileSync(join(folder, 'data.1'), second);
  });

  test('a cut part costs its end alone', async () => {
    writeFileSync(join(folder, 'data.0'), parts[0]?.subarray(0, 1001) ?? '');
    const { meta, diagnostics } = await openTrace(folder);
    const events = meta.events.reduce((sum, { count }) => sum + count, 0);
    expect(events).toBeGreaterThan(600);
    const told = diagnostics.find(({ code }) => code === 'input_truncated');
    expect(JSON.stringify(told)).toMatch(/data\.0 ends inside a record, at byte \d+/);
  });
});
