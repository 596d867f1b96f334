/**
 * Real recordings: the binary file and the text that `perf script` makes of it give equal tables,
 * the counts are those of perf itself, and damage anywhere never does more than cost rows.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { gunzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { memorySource } from '../../parsers/bytes/source.ts';
import { readPerfScript } from '../../parsers/formats/perf-script/index.ts';
import { IMPORTERS } from '../../parsers/importers.ts';
import { DICTIONARY } from '../../src/events/index.ts';
import { type Column, columnLength, exactAt } from '../../src/trace/column.ts';
import { DiagnosticCollector } from '../../src/trace/diagnostics.ts';
import { FormatError } from '../../src/trace/errors.ts';
import type { Tables } from '../../src/trace/table.ts';
import { FIXTURES, fixturesOf, ROOT, randomSource, unpackedFixture } from '../helpers/bytes.ts';
import { type PerfRead, readPerf } from './perf-data-builder.ts';

const SHARED = `${ROOT}../shared/captures/formats/`;
const BINARY = fixturesOf('perf-data', '.perf.data.gz');

function readScript(bytes: Uint8Array, chunkBytes?: number): PerfRead {
  const diagnostics = new DiagnosticCollector();
  const context = { dictionary: DICTIONARY, diagnostics, pageSize: 4096, progress: () => {} };
  const options = chunkBytes === undefined ? {} : { chunkBytes };
  const imported = readPerfScript(memorySource('text', bytes), context, options);
  return { ...imported, diagnostics: diagnostics.list() };
}

const unpacked = (path: string) => new Uint8Array(gunzipSync(readFileSync(path)));

/** Pairs of (binary, text) with the same events. */
const PAIRS: [string, () => Uint8Array, () => Uint8Array][] = [
  ...BINARY.flatMap((name): typeof PAIRS => {
    const stem = name.replace('.perf.data.gz', '');
    return ['txt', 'ns.txt']
      .map((kind) => `perf-script/${stem}.${kind}.gz`)
      .filter((path) => existsSync(`${FIXTURES}${path}`))
      .map((path) => [
        path,
        () => unpackedFixture(`perf-data/${name}`),
        () => unpackedFixture(path),
      ]);
  }),
  ...['perf-script', 'perf-script-ns']
    .map((kind) => `${SHARED}ext4-throttle.${kind}.txt.gz`)
    .filter((path) => existsSync(path))
    .map((path): (typeof PAIRS)[number] => [
      path.slice(SHARED.length),
      () => unpacked(`${SHARED}ext4-throttle.perf.data.gz`),
      () => unpacked(path),
    ]),
];

function differences(binary: PerfRead, script: PerfRead): string[] {
  const found: string[] = [];
  const step = BigInt(script.meta.resolution_ns);
  for (const [name, own] of binary.tables) {
    const other = script.tables.get(name);
    if (other === undefined || other.rows !== own.rows) {
      found.push(`${name}: ${own.rows} rows, ${other?.rows} in the text`);
      continue;
    }
    if (other.system !== own.system || other.known !== own.known) found.push(`${name}: system`);
    for (const [id, column] of Object.entries(own.columns)) {
      const printed = other.columns[id];
      // Of unknown events the text may be taken apart in other words; most bits are not in it.
      if (printed === undefined) continue;
      for (let row = 0; row < columnLength(column); row++) {
        const isSame =
          id === 'ts_ns'
            ? absolute(binary, column, row) / step === absolute(script, printed, row) / step
            : exactAt(column, row) === exactAt(printed, row);
        if (!isSame)
          found.push(
            `${name}.${id} row ${row}: ${exactAt(column, row)} ≠ ${exactAt(printed, row)}`,
          );
      }
    }
  }
  return found.slice(0, 10);
}

const absolute = (read: PerfRead, column: Column, row: number): bigint =>
  read.meta.origin_ns + BigInt(exactAt(column, row) ?? 0);

const shape = (tables: Tables) =>
  [...tables.values()].map(({ name, rows, columns }) => [name, rows, Object.keys(columns)]);

const callersOf = ({ diagnostics }: PerfRead) =>
  diagnostics.find(({ code }) => code === 'callers_left_out')?.count;

describe('one recording as perf.data and as text', () => {
  test.each(PAIRS)('%s', (path, binary, text) => {
    const fromText = readScript(text());
    const fromRecords = readPerf(binary());
    expect(differences(fromRecords, fromText)).toEqual([]);
    expect(callersOf(fromRecords)).toEqual(callersOf(fromText));
    const codes = fromText.diagnostics.map(({ code }) => code).filter((c) => c !== 'events_lost');
    expect(codes).toEqual(path.includes('callchains') ? ['callers_left_out'] : []);
    // Known events have the same columns, but for those that only a record has.
    expect(shape(readScript(text(), 100).tables)).toEqual(shape(fromText.tables));
  });

  test.each(BINARY)('%s: the window changes nothing', (name) => {
    const bytes = unpackedFixture(`perf-data/${name}`);
    const whole = readPerf(bytes);
    const windows = readPerf(bytes, 1);
    expect(differences(whole, windows)).toEqual([]);
    expect(windows.losses).toEqual(whole.losses);
    const usual = ['events_lost', ...(name.includes('callchains') ? ['callers_left_out'] : [])];
    expect(whole.diagnostics.filter(({ code }) => !usual.includes(code))).toEqual([]);
  });

  test('each file is recognised as what it is', () => {
    const formatOf = (bytes: Uint8Array) =>
      IMPORTERS.find(({ sniff }) => sniff(bytes.subarray(0, 65536)))?.id;
    for (const name of BINARY)
      expect(formatOf(unpackedFixture(`perf-data/${name}`))).toBe('perf-data');
    for (const name of fixturesOf('perf-script', '.txt.gz')) {
      expect(formatOf(unpackedFixture(`perf-script/${name}`))).toBe('perf-script');
    }
    for (const name of fixturesOf('ftrace-text', '.txt.gz')) {
      expect(formatOf(unpackedFixture(`ftrace-text/${name}`))).toBe('ftrace-text');
    }
  });
});

const hasPerf = spawnSync('perf', ['--version']).status === 0;

describe.skipIf(!hasPerf)('counts of perf itself', () => {
  test.each(BINARY)('%s', (name) => {
    const folder = mkdtempSync(`${tmpdir()}/perf-`);
    try {
      const path = `${folder}/perf.data`;
      const bytes = unpackedFixture(`perf-data/${name}`);
      writeFileSync(path, bytes);
      const out = execFileSync('perf', ['script', '-G', '-F', 'event', '-i', path], {
        stdio: ['ignore', 'pipe', 'ignore'],
      });
      const counts: Record<string, number> = {};
      for (const line of out.toString().split('\n')) {
        const event = line.trim().replace(/:$/, '').split(':').at(-1) ?? '';
        if (event !== '') counts[event] = (counts[event] ?? 0) + 1;
      }
      const own = readPerf(bytes).meta.events.map((event) => [event.name, event.count]);
      expect(Object.fromEntries(own)).toEqual(counts);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

/** Reads damaged bytes: tables and diagnostics, or a FormatError that says where. */
function survive(readIt: () => PerfRead): PerfRead | undefined {
  try {
    return readIt();
  } catch (error) {
    if (error instanceof FormatError) return undefined;
    throw error;
  }
}

const rowsIn = (read: PerfRead | undefined) =>
  [...(read?.tables.values() ?? [])].reduce((sum, { rows }) => sum + rows, 0);

describe('damage', () => {
  test.each(BINARY)('%s cut at 50 places', (name) => {
    const bytes = unpackedFixture(`perf-data/${name}`);
    const whole = rowsIn(readPerf(bytes));
    for (let cut = 1; cut <= 50; cut++) {
      const read = survive(() => readPerf(bytes.slice(0, Math.floor((bytes.length * cut) / 51))));
      expect(rowsIn(read)).toBeLessThanOrEqual(whole);
      if (read === undefined) continue;
      expect(read.diagnostics.map(({ severity }) => severity)).not.toEqual([]);
    }
  });

  test('2,000 changed files', () => {
    const seed = Number(process.env.FUZZ_SEED ?? 202_611);
    const inputs: [Uint8Array, (bytes: Uint8Array) => PerfRead][] = [
      ...BINARY.map((name): (typeof inputs)[number] => [
        unpackedFixture(`perf-data/${name}`),
        readPerf,
      ]),
      [unpackedFixture('perf-script/6.18-ext4/slow-writer.txt.gz'), readScript],
    ];
    const below = randomSource(seed);
    for (let round = 0; round < 2000; round++) {
      const [bytes, readIt] = inputs[round % inputs.length] as (typeof inputs)[number];
      const changed = bytes.slice(0, below(4) === 0 ? below(bytes.length) : bytes.length);
      // Headers of file and records are hit as often as all the rest.
      const limit = below(2) === 0 ? Math.min(changed.length, 20_000) : changed.length;
      for (let hit = below(8); hit >= 0 && limit > 0; hit--) {
        const at = below(limit);
        changed[at] = below(3) === 0 ? 255 : (changed[at] as number) ^ (1 << below(8));
      }
      try {
        survive(() => readIt(changed));
      } catch (error) {
        throw new Error(`FUZZ_SEED=${seed}, round ${round}`, { cause: error });
      }
    }
  }, 120_000);
});
