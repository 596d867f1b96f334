/**
 * 20,000 damaged inputs over all formats: every outcome is tables with diagnostics, or a
 * FormatError or UsageError of one sentence. Never another exception, never a hang, never memory
 * without bound.
 * Seeds are in the test's name; FUZZ_INPUTS and FUZZ_SEED change how many and which.
 */
import { gunzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { memorySource } from '../parsers/bytes/source.ts';
import { IMPORTERS } from '../parsers/importers.ts';
import { DICTIONARY } from '../src/events/index.ts';
import { DiagnosticCollector } from '../src/trace/diagnostics.ts';
import { FormatError, UsageError } from '../src/trace/errors.ts';
import { FIXTURES, filesBelow, fixtureBytes, randomSource } from './helpers/bytes.ts';
import { buildTraceDat } from './helpers/trace-dat-builder.ts';

const INPUTS = Number(process.env.FUZZ_INPUTS ?? 20_000);
const SEED = Number(process.env.FUZZ_SEED ?? 20_261_121);
const SLOWEST_MS = 2000;
const MOST_DIAGNOSTICS = 100;

type Seed = { readonly name: string; readonly bytes: Uint8Array };

/** Small inputs of every format, so that most damage hits something that matters. */
function seeds(): Seed[] {
  const texts = filesBelow(FIXTURES)
    .filter((path) => /\.txt\.gz$/.test(path))
    .map((path) => ({ name: path, bytes: firstLines(gunzipSync(fixtureBytes(path)), 40) }));
  const binaries = filesBelow(FIXTURES)
    .filter((path) => /perf-data.*\.gz$/.test(path))
    .map((path) => ({ name: path, bytes: new Uint8Array(gunzipSync(fixtureBytes(path))) }));
  const built = (['little', 'big'] as const).flatMap((order) =>
    ([4, 8] as const).map((longBytes) => ({
      name: `trace.dat ${order} ${longBytes}`,
      bytes: smallTraceDat(order, longBytes),
    })),
  );
  return [...built, ...built, ...built, ...texts, ...binaries];
}

function firstLines(bytes: Uint8Array, lines: number): Uint8Array {
  let end = 0;
  for (let line = 0; line < lines && end < bytes.length; line++) {
    const next = bytes.indexOf(10, end);
    end = next < 0 ? bytes.length : next + 1;
  }
  return bytes.slice(0, end);
}

function smallTraceDat(order: 'little' | 'big', longBytes: 4 | 8): Uint8Array {
  const fields = { n: 'u32', wide: 's64', name: 'char[16]', text: 'data_loc' } as const;
  const values = (n: number) => ({ n, wide: BigInt(-n), name: 'eight', text: `text ${n}` });
  const event = (n: number) => ({ event: 'tick', after: 3, values: values(n) });
  return buildTraceDat({
    order,
    longBytes,
    pageSize: 1024,
    events: [{ id: 300, name: 'tick', system: 'test', fields }],
    cpus: [
      [
        { time: 10n, items: [event(1), { extend: 9n }, event(2), { discard: 12, after: 2 }] },
        { time: 90n, items: [event(3)], missed: 7 },
      ],
      [{ time: 12n, items: [event(4), { absolute: 40n }, event(5), { endOfPage: true }] }],
    ],
    tasks: { 1: 'writer' },
    clock: 'mono',
    uname: 'Linux host 6.18.0 x86_64',
  }).bytes;
}

type Random = (below: number) => number;

/** One to a few of: flipped bits, extreme numbers, cuts, doubled, moved or removed stretches. */
function damage(bytes: Uint8Array, random: Random): Uint8Array {
  let out: Uint8Array = new Uint8Array(bytes);
  for (let times = 1 + random(4); times > 0; times--)
    out = DAMAGES[random(6)]?.(out, random) ?? out;
  return out;
}

const DAMAGES: readonly ((bytes: Uint8Array, random: Random) => Uint8Array)[] = [
  (bytes, random) => {
    for (let flips = 1 + random(8); flips > 0; flips--) {
      bytes[random(bytes.length)] = random(256);
    }
    return bytes;
  },
  (bytes, random) => {
    const at = random(bytes.length);
    bytes.fill(random(2) === 0 ? 0xff : 0x00, at, at + 1 + random(9));
    return bytes;
  },
  (bytes, random) => {
    const extremes = [0x7fffffff, 0x80000000, 0xffffffff, 1 << 20, 29, 30, 31];
    const view = new DataView(bytes.buffer);
    if (bytes.length > 8) {
      const value = extremes[random(extremes.length)] ?? 0;
      view.setUint32(random(bytes.length - 4), value, random(2) === 0);
    }
    return bytes;
  },
  (bytes, random) => bytes.slice(0, 1 + random(bytes.length)),
  (bytes, random) => {
    const from = random(bytes.length);
    const piece = bytes.slice(from, from + random(200));
    return splice(bytes, random(bytes.length), 0, piece);
  },
  (bytes, random) => splice(bytes, random(bytes.length), random(60), new Uint8Array()),
];

function splice(bytes: Uint8Array, at: number, remove: number, insert: Uint8Array): Uint8Array {
  const head = bytes.subarray(0, at);
  const tail = bytes.subarray(Math.min(bytes.length, at + remove));
  const out = new Uint8Array(head.length + insert.length + tail.length);
  out.set(head);
  out.set(insert, head.length);
  out.set(tail, head.length + insert.length);
  return out;
}

type Outcome = 'tables' | 'refused' | 'unknown';

function read(bytes: Uint8Array): Outcome {
  const source = memorySource('damaged', bytes);
  const head = bytes.subarray(0, 64 << 10);
  const importer = IMPORTERS.find((candidate) => candidate.sniff(head));
  if (importer === undefined) return 'unknown';
  const diagnostics = new DiagnosticCollector();
  try {
    const { tables, meta } = importer.read(source, {
      dictionary: DICTIONARY,
      diagnostics,
      pageSize: undefined,
      progress() {},
    });
    for (const table of tables.values()) {
      // A row needs at least a byte of input: output cannot grow beyond what came in.
      if (table.rows > bytes.length) throw new Error(`${table.name} has ${table.rows} rows`);
    }
    if (!Number.isFinite(meta.duration_ns)) throw new Error('the duration is no number');
    if (diagnostics.list().length > MOST_DIAGNOSTICS) throw new Error('endless diagnostics');
    return 'tables';
  } catch (error) {
    if (!(error instanceof FormatError || error instanceof UsageError)) throw error;
    if (error.message.includes('\n')) throw new Error('more than one line');
    return 'refused';
  }
}

describe(`damaged inputs, seed ${SEED}`, () => {
  const all = seeds();

  test('the seeds themselves are read', () => {
    for (const { name, bytes } of all) expect([name, read(bytes)]).toEqual([name, 'tables']);
  });

  test(`${INPUTS} of them end in tables or in one sentence`, { timeout: 300_000 }, () => {
    const random = randomSource(SEED);
    const outcomes: Record<Outcome, number> = { tables: 0, refused: 0, unknown: 0 };
    for (let nth = 0; nth < INPUTS; nth++) {
      const seed = all[nth % all.length] as Seed;
      const input = damage(seed.bytes, random);
      const before = performance.now();
      try {
        outcomes[read(input)]++;
      } catch (error) {
        throw new Error(`input ${nth} of seed ${SEED} (${seed.name})`, { cause: error });
      }
      expect(performance.now() - before, `time of input ${nth}`).toBeLessThan(SLOWEST_MS);
    }
    // Damage that is always refused, or never, would test nothing.
    expect(outcomes.tables).toBeGreaterThan(INPUTS / 4);
    expect(outcomes.refused).toBeGreaterThan(INPUTS / 50);
  });
});
