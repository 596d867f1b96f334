/**
 * Text read fast, in pieces and by several threads: the same tables, byte for byte, as by the plain
 * versions of all parsers, line by line. Threads are played by calls in this one.
 */
import { mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterAll, describe, expect, test } from 'vitest';
import { fileSource, memorySource } from '../../parsers/bytes/source.ts';
import {
  readTextInThreads,
  readTextLead,
  readTextPart,
  type TextJob,
  type TextLead,
  type TextReader,
} from '../../parsers/decode/text-threads.ts';
import {
  finishFtraceText,
  readFtraceText,
  startFtraceText,
} from '../../parsers/formats/ftrace-text/index.ts';
import {
  finishPerfScript,
  readPerfScript,
  startPerfScript,
} from '../../parsers/formats/perf-script/index.ts';
import type { ImportContext, Imported } from '../../parsers/importer.ts';
import type { WorkerPool } from '../../parsers/workers/pool.ts';
import { DICTIONARY } from '../../src/events/index.ts';
import { DiagnosticCollector } from '../../src/trace/diagnostics.ts';
import { FIXTURES, filesBelow, fixtureBytes, randomSource } from '../helpers/bytes.ts';

const folder = mkdtempSync(join(tmpdir(), 'tidemark-text-'));
afterAll(() => rmSync(folder, { recursive: true }));

type Read = Omit<Imported, 'neverBelowZero'> & { readonly diagnostics: unknown };
type Way = 'fast' | 'plain' | 'threads';

async function read(
  bytes: Uint8Array,
  isPerf: boolean,
  way: Way,
  keep?: ImportContext['keep'],
  threads: Partial<Threads> = {},
): Promise<Read> {
  const diagnostics = new DiagnosticCollector();
  const pageSize = 4096;
  const context = { dictionary: DICTIONARY, diagnostics, pageSize, keep, progress: () => {} };
  const imported =
    way === 'threads' ? await inThreads(bytes, isPerf, context, { ...FEW, ...threads }) : alone();
  const { neverBelowZero = new Set(), ...rest } = imported;
  // What is said of columns holds; which ones it is said of is a matter of how they were read.
  for (const column of neverBelowZero) {
    expect(column.kind === 'number' && column.values.some((value) => value < 0)).toBe(false);
  }
  return { ...rest, diagnostics: diagnostics.list() };

  function alone(): Imported {
    const source = memorySource('text', bytes);
    const options = way === 'plain' ? { plain: true, chunkBytes: 1 << 16 } : { chunkBytes: 5000 };
    return isPerf
      ? readPerfScript(source, context, options)
      : readFtraceText(source, context, options);
  }
}

/** Threads that are played one after the other: each takes so many chunks, the rest is left over. */
type Threads = {
  readonly size: number;
  readonly most: number;
  readonly leadBytes: number;
  readonly chunkBytes: number;
  /** Of each time that threads are asked, those that are not there. */
  readonly late: (thread: number) => boolean;
  readonly failing: (thread: number) => boolean;
};

const FEW: Threads = {
  ...{ size: 3, most: 2, leadBytes: 4000, chunkBytes: 3000 },
  late: () => false,
  failing: () => false,
};

let chunksElsewhere = 0;

async function inThreads(
  bytes: Uint8Array,
  isPerf: boolean,
  context: ImportContext,
  { size, most, leadBytes, chunkBytes, late, failing }: Threads,
): Promise<Imported> {
  const path = join(folder, 'text');
  writeFileSync(path, bytes);
  const source = fileSource('text', { fd: openSync(path, 'r'), start: 0 }, bytes.length);
  const readers: TextReader[] = [];
  const start = isPerf ? startPerfScript : startFtraceText;
  const pool: WorkerPool = {
    size,
    run: async <Output>(name: string, input: unknown) => {
      if (name === 'text-lead') {
        const lead = structuredClone(input as TextLead);
        readers.push(readTextLead(lead, (own) => start({ dictionary: DICTIONARY, ...own })));
        return undefined as Output;
      }
      const job = input as TextJob;
      if (late(job.thread)) return new Promise(() => {});
      const { output } = readTextPart({ ...job, most }, readers[job.thread] as TextReader);
      chunksElsewhere += output.chunks.length;
      if (failing(job.thread)) throw new Error('a thread ended');
      return structuredClone(output) as Output;
    },
    close() {},
  };
  const sizes = { leadBytes, chunkBytes };
  try {
    if (isPerf) {
      const format = startPerfScript(context);
      await readTextInThreads(source, context, format, pool, sizes);
      return finishPerfScript(format.facts, context);
    }
    const format = startFtraceText(context);
    await readTextInThreads(source, context, format, pool, sizes);
    return finishFtraceText(format.facts, context);
  } finally {
    source.close();
  }
}

const texts = filesBelow(FIXTURES).filter((path) => /\.txt\.gz$/.test(path));

describe('fast, plain and in threads', () => {
  test.each(texts)('%s', async (path) => {
    const bytes = new Uint8Array(gunzipSync(fixtureBytes(path)));
    const isPerf = path.includes('perf-script');
    const plain = await read(bytes, isPerf, 'plain');
    expect(await read(bytes, isPerf, 'fast')).toEqual(plain);
    expect(await read(bytes, isPerf, 'threads')).toEqual(plain);
    expect(chunksElsewhere).toBeGreaterThan(0);
  });

  test.each(texts)('%s, damaged and out of order', async (path) => {
    const whole = new Uint8Array(gunzipSync(fixtureBytes(path)));
    const isPerf = path.includes('perf-script');
    for (let seed = 1; seed <= 6; seed++) {
      const bytes = damaged(whole, seed);
      const plain = await read(bytes, isPerf, 'plain');
      expect(await read(bytes, isPerf, 'fast'), `seed ${seed}`).toEqual(plain);
      expect(await read(bytes, isPerf, 'threads'), `seed ${seed}`).toEqual(plain);
    }
  });

  test.each(texts)('%s, with other values in it', async (path) => {
    const text = gunzipSync(fixtureBytes(path)).toString('latin1');
    const isPerf = path.includes('perf-script');
    for (let seed = 1; seed <= 3; seed++) {
      const bytes = new Uint8Array(Buffer.from(withOddValues(text, seed), 'latin1'));
      const plain = await read(bytes, isPerf, 'plain');
      expect(await read(bytes, isPerf, 'fast'), `seed ${seed}`).toEqual(plain);
      expect(await read(bytes, isPerf, 'threads'), `seed ${seed}`).toEqual(plain);
    }
  });

  test.each(texts)('%s, in chunks of any size', async (path) => {
    const whole = new Uint8Array(gunzipSync(fixtureBytes(path)));
    const isPerf = path.includes('perf-script');
    const bytes = damaged(whole, 7);
    const plain = await read(bytes, isPerf, 'plain');
    for (const chunkBytes of [150, 331, 1501, 5000, 1 << 20]) {
      for (const [leadBytes, size, most] of [
        [1, 40, 1],
        [4000, 5, 3],
        [20_000, 1, 1000],
      ] as const) {
        const threads = { chunkBytes, leadBytes, size, most };
        const own = await read(bytes, isPerf, 'threads', undefined, threads);
        expect(own, JSON.stringify(threads)).toEqual(plain);
      }
    }
  });

  test.each(texts)('%s, with threads that come too late or fail', async (path) => {
    const whole = new Uint8Array(gunzipSync(fixtureBytes(path)));
    const isPerf = path.includes('perf-script');
    const bytes = damaged(whole, 3);
    const plain = await read(bytes, isPerf, 'plain');
    const late = (thread: number) => thread !== 1;
    expect(await read(bytes, isPerf, 'threads', undefined, { late })).toEqual(plain);
    const failing = (thread: number) => thread === 2;
    expect(await read(bytes, isPerf, 'threads', undefined, { failing })).toEqual(plain);
  });

  test('more rows of an event than its first lines made believe, and then new ones', async () => {
    const path = texts.find((own) => own.includes('ftrace-text')) as string;
    const lines = gunzipSync(fixtureBytes(path)).toString('latin1').split('\n').slice(0, 400);
    const usual = lines.find((line) => line.includes('writeback_mark_inode_dirty')) as string;
    const many = Array.from({ length: 9000 }, (_, nth) =>
      usual.replace(/ino=\d+/, `ino=${nth % 7}`).replace(/\d{6}: /, '999999: '),
    );
    const news = Array.from({ length: 900 }, (_, nth) =>
      (many[nth] as string).replace('writeback_mark_inode_dirty', `own_event_${nth >> 6}`),
    );
    const text = [...lines, ...many, ...news, ...many].join('\n');
    const bytes = new Uint8Array(Buffer.from(text, 'latin1'));
    const plain = await read(bytes, false, 'plain');
    const threads = { leadBytes: 20_000, chunkBytes: 30_000, size: 6, most: 9 };
    expect(await read(bytes, false, 'threads', undefined, threads)).toEqual(plain);
  });

  test('periods before events and addresses behind them', async () => {
    const path = texts.find((own) => own.endsWith('slow-writer.ns.txt.gz')) as string;
    const lines = gunzipSync(fixtureBytes(path)).toString('latin1').split('\n').slice(0, 800);
    const changed = lines.map((line, at) =>
      line
        .replace(/(?<=\.\d{9}:)(?= )/, `${String(at * at).padStart(11, ' ')}`)
        .replace(/$/, ` ffffffff8159c${(at % 900) + 100} do_${at % 7}+0x1 ([kernel.kallsyms])`),
    );
    const bytes = new Uint8Array(Buffer.from(changed.join('\n'), 'latin1'));
    const plain = await read(bytes, true, 'plain');
    const { columns } = plain.tables.get('balance_dirty_pages') ?? {};
    expect(Object.keys(columns ?? {})).toEqual(expect.arrayContaining(['period', 'ip', 'sym']));
    expect(await read(bytes, true, 'fast')).toEqual(plain);
    expect(await read(bytes, true, 'threads')).toEqual(plain);
  });

  test.each(texts)('%s, with half of it kept', async (path) => {
    const bytes = new Uint8Array(gunzipSync(fixtureBytes(path)));
    const isPerf = path.includes('perf-script');
    const keep = (name: string) =>
      (['columns', 'base', 'count'] as const)[name.length % 3] ?? 'columns';
    const whole = await read(bytes, isPerf, 'plain');
    for (const way of ['fast', 'threads'] as const) {
      const part = await read(bytes, isPerf, way, keep);
      expect(part.meta.events.map(({ name, count }) => [name, count])).toEqual(
        whole.meta.events.map(({ name, count }) => [name, count]),
      );
      expect(part.diagnostics).toEqual(whole.diagnostics);
      expect(part.losses).toEqual(whole.losses);
      for (const [name, table] of whole.tables) {
        const own = part.tables.get(name);
        const detail = keep(name);
        if (detail === 'columns') expect(own).toEqual(table);
        else if (detail === 'count') expect(own).toBeUndefined();
        else expect(own?.columns).toEqual(baseOf(table.columns));
      }
    }
  });
});

function baseOf(columns: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const { ts_ns, cpu, pid, comm, seq } = columns;
  return { ts_ns, cpu, pid, comm, seq };
}

/** Lines moved, doubled or with other bytes, and lines that tell of losses between them. */
/** What a field may hold where a number is expected, by a kernel's mistake or a cut line. */
const ODD_VALUES = [
  ...['', '-', '-5', '-0', '+5', ' 5', 'x5', '5x', '1.5', '0755', '1,234', '(null)'],
  ...['0x', '0xg', '0x1f', '0x1fffffffffffff', '0x20000000000001', '0xffffffffffffffff'],
  ...['0x1ffffffffffffffff', '999999999999999', '9007199254740993', '9223372036854775808'],
  ...['18446744073709551615', '18446744073709551616', '99999999999999999999', '-9007199254740993'],
];

/** A number behind `=` or a space is another thing in one line of ten. */
function withOddValues(text: string, seed: number): string {
  const random = randomSource(seed);
  const change = (line: string): string => {
    const places = [...line.matchAll(/(?<=[= ])-?(?:0x[0-9a-f]+|\d+)(?=[ ,]|$)/g)].slice(2);
    const place = places[random(Math.max(1, places.length))];
    if (place === undefined || random(10) > 0) return line;
    const value = ODD_VALUES[random(ODD_VALUES.length)] as string;
    return line.slice(0, place.index) + value + line.slice(place.index + place[0].length);
  };
  return text.split('\n').map(change).join('\n');
}

function damaged(whole: Uint8Array, seed: number): Uint8Array {
  const random = randomSource(seed);
  const lines = Buffer.from(whole).toString('latin1').split('\n').slice(0, 600);
  for (let times = 1 + random(30); times > 0; times--) {
    const at = random(lines.length);
    const line = lines[at] as string;
    const middle = random(line.length + 1);
    const change = random(5);
    if (change === 0) lines.splice(random(lines.length), 0, line);
    if (change === 1) lines.splice(at, 1);
    if (change === 2) lines[at] = `${line.slice(0, middle)}${random(1000)}${line.slice(middle)}`;
    if (change === 3) lines.splice(at, 0, `CPU:${random(3)} [LOST ${random(99)} EVENTS]`);
    if (change === 4) lines.splice(at, 0, ...lines.splice(random(lines.length), random(40)));
  }
  return new Uint8Array(Buffer.from(lines.join('\n'), 'latin1'));
}
