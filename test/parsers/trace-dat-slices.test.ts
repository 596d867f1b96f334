/**
 * Slices of time, read side by side, give what reading from the first to the last event gives. The
 * threads here are calls with copied inputs; those of the built program are tested at the end.
 */
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import fc from 'fast-check';
import { afterAll, describe, expect, test } from 'vitest';
import { openSource } from '../../parsers/bytes/source.ts';
import { readInOrder } from '../../parsers/formats/trace-dat/in-order.ts';
import { readInSlices } from '../../parsers/formats/trace-dat/in-slices.ts';
import { finishImport, openTraceDat } from '../../parsers/formats/trace-dat/index.ts';
import { runSlices, type SliceJob } from '../../parsers/formats/trace-dat/slice-job.ts';
import type { Imported, KeepEvents } from '../../parsers/importer.ts';
import { MIN_BYTES_FOR_WORKERS, type WorkerPool } from '../../parsers/workers/pool.ts';
import { DICTIONARY } from '../../src/events/index.ts';
import { type Diagnostic, DiagnosticCollector } from '../../src/trace/diagnostics.ts';
import { FIXTURES, fixturesOf, randomSource, unpackedFixture } from '../helpers/bytes.ts';
import { expectSameTables } from '../helpers/same-tables.ts';
import { buildTraceDat, type EventSpec, type Page, pagesOf } from '../helpers/trace-dat-builder.ts';
import { toVersion7 } from '../helpers/trace-dat-v7.ts';

const folder = mkdtempSync(`${tmpdir()}/tidemark-slices-`);
afterAll(() => rmSync(folder, { recursive: true }));

type Read = Imported & { readonly diagnostics: readonly Diagnostic[] };

/** What calls in place of threads have done; a call that fails is no thread that came too late. */
const done: { readonly tasks: number }[] = [];
const failed: unknown[] = [];

/** Eager threads take all the work there is, others come when the caller has done it. */
function callsAsThreads(size: number, isEager: boolean): WorkerPool {
  return {
    size,
    run: async <Output>(_job: string, input: unknown) => {
      if (!isEager) await new Promise((resolve) => setTimeout(resolve));
      try {
        const job = structuredClone(input) as SliceJob;
        const output = structuredClone(runSlices(job).output) as { tasks: number };
        done.push({ tasks: output.tasks });
        return output as Output;
      } catch (error) {
        failed.push(error);
        throw error;
      }
    },
    close() {},
  };
}

const COLUMNS: KeepEvents = () => 'columns';

async function readFile(
  path: string,
  pool: WorkerPool | undefined,
  keep: KeepEvents,
  sliceBytes?: number,
): Promise<Read | undefined> {
  const source = await openSource(path);
  const diagnostics = new DiagnosticCollector();
  const progress = () => {};
  const context = { dictionary: DICTIONARY, diagnostics, pageSize: undefined, progress, keep };
  const opened = openTraceDat(source, context);
  if (opened.text !== undefined) return undefined;
  const { recording } = opened;
  const read =
    pool === undefined
      ? readInOrder(recording, context, undefined)
      : await readInSlices(recording, context, pool, sliceBytes);
  const imported = read && finishImport(opened, read, context);
  source.close();
  return imported && { ...imported, diagnostics: diagnostics.list() };
}

function expectSame(got: Read | undefined, wanted: Read | undefined): void {
  if (got === undefined || wanted === undefined) throw new Error('not read');
  expectSameTables(got.tables, wanted.tables);
  const { tables, ...rest } = wanted;
  const { neverBelowZero = new Set(), ...own } = got;
  expect({ ...own, tables }).toEqual({ ...rest, tables });
  for (const column of neverBelowZero) {
    expect(column.kind).toBe('number');
    if (column.kind === 'number') expect(column.values.some((value) => value < 0)).toBe(false);
  }
}

function inFile(name: string, bytes: Uint8Array): string {
  const path = `${folder}/${name.replaceAll('/', '-')}`;
  writeFileSync(path, bytes);
  return path;
}

/** A few slices of few pages each. */
const SLICE_BYTES = 1 << 15;
/** Captures of guests are read in order, by one thread. */
const IN_ORDER = /guest/;

const PACKED = fixturesOf('trace-dat', '.v7-zstd.dat');

describe.each([...fixturesOf('trace-dat', '.dat.gz'), ...PACKED])('%s', (name) => {
  const path = inFile(name, unpackedFixture(`trace-dat/${name}`));

  test.each<[string, number, boolean]>([
    ['one thread', 0, true],
    ['three that take all', 3, true],
    ['two that come too late', 2, false],
  ])('in slices by %s', async (_, size, isEager) => {
    const wanted = await readFile(path, undefined, COLUMNS);
    if (wanted === undefined) return;
    done.splice(0);
    const got = await readFile(path, callsAsThreads(size, isEager), COLUMNS, SLICE_BYTES);
    expect(failed).toEqual([]);
    const tasks = done.map((one) => one.tasks);
    if (got !== undefined && isEager && size > 0) expect(Math.max(...tasks)).toBeGreaterThan(1);
    if (IN_ORDER.test(name) && got === undefined) return;
    expectSame(got, wanted);
  });

  test('what is kept is the same whatever is not', async () => {
    const whole = await readFile(path, undefined, COLUMNS);
    if (whole === undefined) return;
    const keep: KeepEvents = (event) => {
      const rest = event.length % 3;
      return rest === 0 ? 'columns' : rest === 1 ? 'base' : 'count';
    };
    for (const pool of [undefined, callsAsThreads(2, true)]) {
      const got = await readFile(path, pool, keep, SLICE_BYTES);
      if (IN_ORDER.test(name) && got === undefined) continue;
      if (got === undefined) throw new Error('not read');
      expect(got.meta).toEqual(whole.meta);
      expect(got.losses).toEqual(whole.losses);
      const kept = new Map([...whole.tables].filter(([event]) => keep(event) === 'columns'));
      const columns = new Map([...got.tables].filter(([event]) => keep(event) === 'columns'));
      expectSameTables(columns, kept);
      for (const [event, table] of got.tables) {
        if (keep(event) !== 'base') continue;
        expect(Object.keys(table.columns).slice(0, 5)).toEqual([
          'ts_ns',
          'cpu',
          'pid',
          'comm',
          'seq',
        ]);
        expect(table.rows).toBe(whole.tables.get(event)?.rows);
      }
      expect([...whole.tables.keys()].filter((event) => keep(event) !== 'count')).toEqual([
        ...got.tables.keys(),
      ]);
    }
  });
});

const tick: EventSpec = { id: 300, name: 'tick', system: 'test', fields: { n: 'u32' } };
const text: EventSpec = {
  id: 301,
  name: 'text',
  system: 'test',
  fields: { n: 'u32', s: 'data_loc' },
};

/** Times are mostly equal, also between CPUs and where slices meet: ties are the hard part. */
function pagesOfCpu(cpu: number, seed: number, records: number, steadiness: number): Page[] {
  const below = randomSource(seed);
  let ts = 1_000n;
  const written = Array.from({ length: records }, (_, at) => {
    if (below(steadiness) === 0) ts += BigInt(1 + below(3));
    const values = { n: cpu * 1000 + at, s: `s${below(9)}` };
    return { ts, event: below(3) === 0 ? 'text' : 'tick', values };
  });
  return pagesOf(written, 5);
}

test('random streams of several CPUs, cut anywhere', async () => {
  const stream = fc.record({
    seed: fc.nat(),
    records: fc.integer({ min: 0, max: 400 }),
    steadiness: fc.integer({ min: 1, max: 60 }),
  });
  const run = fc.record({
    streams: fc.array(stream, { minLength: 1, maxLength: 4 }),
    sliceBytes: fc.integer({ min: 512, max: 8192 }),
    threads: fc.integer({ min: 0, max: 3 }),
  });
  let sliced = 0;
  await fc.assert(
    fc.asyncProperty(run, async ({ streams, sliceBytes, threads }) => {
      const cpus = streams.map(({ seed, records, steadiness }, cpu) =>
        pagesOfCpu(cpu, seed, records, steadiness),
      );
      const { bytes } = buildTraceDat({ events: [tick, text], cpus, pageBytes: 256 });
      const path = inFile('random', bytes);
      const wanted = await readFile(path, undefined, COLUMNS);
      const pool = callsAsThreads(threads, true);
      const got = await readFile(path, pool, COLUMNS, sliceBytes);
      if (got === undefined) return;
      sliced++;
      expectSame(got, wanted);
    }),
    { numRuns: 60 },
  );
  expect(sliced).toBeGreaterThan(20);
});

test('damage is found in slices as in order', async () => {
  const whole = unpackedFixture('trace-dat/6.18-ext4/lossy.dat.gz');
  let sliced = 0;
  for (let seed = 0; seed < 16; seed++) {
    const below = randomSource(seed);
    const bytes = whole.slice();
    // Behind the header: pages, their lengths and records alike.
    for (let change = 0; change < 8; change++) {
      const at = bytes.length - 1 - below(bytes.length >> 1);
      bytes[at] = below(256);
    }
    const path = inFile('damaged', bytes);
    const wanted = await readFile(path, undefined, COLUMNS);
    const got = await readFile(path, callsAsThreads(1, true), COLUMNS, SLICE_BYTES);
    if (got === undefined) continue;
    sliced++;
    expectSame(got, wanted);
  }
  expect(sliced).toBeGreaterThan(3);
}, 60_000);

describe('packed pages', () => {
  const lossy = unpackedFixture('trace-dat/6.18-ext4/lossy.dat.gz');

  // Chunks of one page, of several, that end within pages, and larger than a slice.
  test.each([4096, 40_960, 10_000, 1 << 17])('in chunks of %i bytes', async (chunkBytes) => {
    const path = inFile('packed', toVersion7(lossy, { packing: 'zlib', chunkBytes }));
    const wanted = await readFile(path, undefined, COLUMNS);
    for (const threads of [0, 2]) {
      expectSame(await readFile(path, callsAsThreads(threads, true), COLUMNS, SLICE_BYTES), wanted);
    }
  });

  test('damage that only unpacking finds is left to reading in order', async () => {
    const whole = toVersion7(lossy, { packing: 'zlib', chunkBytes: 40_960 });
    let left = 0;
    for (let seed = 0; seed < 12; seed++) {
      const below = randomSource(seed);
      const bytes = whole.slice();
      bytes[bytes.length - 1 - below(bytes.length >> 1)] = below(256);
      const path = inFile('packed-damaged', bytes);
      const wanted = await readFile(path, undefined, COLUMNS);
      const got = await readFile(path, callsAsThreads(1, true), COLUMNS, SLICE_BYTES);
      if (got === undefined) left++;
      else expectSame(got, wanted);
    }
    expect(left).toBeGreaterThan(3);
    failed.splice(0);
  });
});

/** Two CPUs; texts are rare at first, then there is nothing else. */
function unevenFile(): string {
  const cpus = [0, 1].map((cpu) =>
    pagesOf(
      Array.from({ length: 12_000 }, (_, at) => {
        const event = at > 6000 || at % 1000 === 0 ? 'text' : 'tick';
        return { ts: BigInt(1000 + 10 * at + cpu), event, values: { n: at, s: `s${at % 7}` } };
      }),
      5,
    ),
  );
  return inFile('uneven', buildTraceDat({ events: [tick, text], cpus, pageBytes: 256 }).bytes);
}

test('events that become more than was guessed', async () => {
  const path = unevenFile();
  const wanted = await readFile(path, undefined, COLUMNS);
  for (const threads of [0, 2]) {
    expectSame(await readFile(path, callsAsThreads(threads, true), COLUMNS, SLICE_BYTES), wanted);
  }
});

test('where memory is short, events are counted first', async () => {
  const path = unevenFile();
  const wanted = await readFile(path, undefined, COLUMNS);
  const { WebAssembly } = globalThis as unknown as {
    WebAssembly: { Memory: new (limits: { initial: number }) => object };
  };
  const { Memory } = WebAssembly;
  const asked: number[] = [];
  WebAssembly.Memory = class extends Memory {
    constructor(limits: { initial: number }) {
      asked.push(limits.initial);
      if (asked.length === 1) throw new RangeError('no memory');
      super(limits);
    }
  };
  try {
    expectSame(await readFile(path, callsAsThreads(1, true), COLUMNS, SLICE_BYTES), wanted);
  } finally {
    WebAssembly.Memory = Memory;
  }
  // A guess, what counting needs, and what columns need.
  expect(asked).toHaveLength(3);
});

/** The program as it is installed: its threads run what was compiled. */
const PROGRAM = new URL('../../dist/parsers/index.js', import.meta.url);
const REPEAT = new URL('../bench/repeat-trace.mjs', import.meta.url);

test.skipIf(!existsSync(PROGRAM))(
  'the threads of the built program',
  async () => {
    const { openTrace } = (await import(PROGRAM.href)) as typeof import('../../parsers/index.ts');
    const { repeatTrace } = (await import(REPEAT.href)) as {
      repeatTrace: (from: string, to: string, times: number) => number;
    };
    const path = `${folder}/large.dat`;
    repeatTrace(`${FIXTURES}trace-dat/6.18-ext4/lossy.dat.gz`, path, 80);
    expect(statSync(path).size).toBeGreaterThan(MIN_BYTES_FOR_WORKERS);
    const packed = toVersion7(readFileSync(path), { packing: 'zlib', chunkBytes: 40_960 });
    const damaged = packed.slice().fill(0, packed.length >> 1, (packed.length >> 1) + 64);
    for (const bytes of [undefined, packed, damaged]) {
      if (bytes !== undefined) writeFileSync(path, bytes);
      const wanted = await openTrace(path, { threads: 1 });
      const got = await openTrace(path, { threads: 3 });
      expectSameTables(got.tables, wanted.tables);
      expect({ ...got, tables: 0 }).toEqual({ ...wanted, tables: 0 });
      expect(wanted.diagnostics.some(({ code }) => code === 'page_damaged')).toBe(
        bytes === damaged,
      );
    }
  },
  60_000,
);
