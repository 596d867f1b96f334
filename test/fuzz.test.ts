/**
 * 20,000 damaged inputs over all formats: every outcome is tables with diagnostics, or a
 * FormatError or UsageError of one sentence. Never another exception, never a hang, never memory
 * without bound.
 * Seeds are in the test's name; FUZZ_INPUTS and FUZZ_SEED change how many and which.
 */
import { gunzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { memorySource } from '../parsers/bytes/source.ts';
import { readCounters, sniffCounters } from '../parsers/formats/counters-csv/index.ts';
import { IMPORTERS } from '../parsers/importers.ts';
import { DICTIONARY } from '../src/events/index.ts';
import { DiagnosticCollector } from '../src/trace/diagnostics.ts';
import { FormatError, UsageError } from '../src/trace/errors.ts';
import { FIXTURES, filesBelow, fixtureBytes, randomSource } from './helpers/bytes.ts';
import { buildTraceDat } from './helpers/trace-dat-builder.ts';
import { toVersion7 } from './helpers/trace-dat-v7.ts';

const INPUTS = Number(process.env.FUZZ_INPUTS ?? 20_000);
const SEED = Number(process.env.FUZZ_SEED ?? 20_261_121);
/** Of counter samples, which have fewer ways to be wrong. */
const SAMPLE_INPUTS = Math.ceil(INPUTS / 4);
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
  const packed = (['none', 'zlib'] as const).map((packing) => ({
    name: `trace.dat 7 ${packing}`,
    bytes: toVersion7(smallTraceDat('little', 8), { packing }),
  }));
  const dat = [...built, ...packed];
  return [...dat, ...dat, ...dat, LATENCY, MAIL, ...texts, ...binaries];
}

const LATENCY: Seed = {
  name: 'text of a latency tracer',
  bytes: new TextEncoder().encode(`# tracer: irqsoff
# irqsoff latency trace v1.1.5 on 6.18.44
${Array.from({ length: 20 }, (_, n) => `  <...>-${n}  1d..3.  ${n}us+: tick: n=${n}\n`).join('')}`),
};

const MAIL: Seed = {
  name: 'a mail that breaks lines',
  bytes: new TextEncoder().encode(
    Array.from({ length: 20 }, (_, n) =>
      [
        `>    dd-5563  [025] ....   165.50470${n % 10}: tick: bdi 8:144: first=1048576 second=9175`,
        `> third=950942 fourth=${n} \x1b[31mfifth\x1b[m=81088`,
        n % 5 === 0 ? '> So it is.\n\n' : '',
      ].join('\n'),
    ).join(''),
  ),
};

/** Samples of counters in each form. */
const SAMPLES: readonly Seed[] = [
  ['wide', 'mono_s,nr_dirty,nr_written\n', (n: number) => `${n}.5,${n},7\n`],
  ['dates', 'timestamp;MemTotal;Dirty\n', (n: number) => `2026-11-21T13:03:${10 + n}Z;"1 kB";4\n`],
  ['long', 'time,resource,type,avg10,total\n', (n: number) => `${n},io,some,0.25,${n}\n`],
  ['blocks', '', (n: number) => `=== 17000000${10 + n}.25\nnr_dirty ${n}\nnr_written 9\n`],
  [
    'pressure',
    '',
    (n: number) => `12.${10 + n} 9.00\n/proc/pressure/io:some avg10=0.1 total=${n}\n`,
  ],
].map(([name, header, row]) => ({
  name: String(name),
  bytes: new TextEncoder().encode(
    header + Array.from({ length: 20 }, (_, n) => (row as (n: number) => string)(n)).join(''),
  ),
}));

/** The number of rows, or undefined for a refusal in one sentence. */
function readSamples(bytes: Uint8Array): number | undefined {
  try {
    sniffCounters(bytes);
    return readCounters(memorySource('samples', bytes), 0n).table.rows;
  } catch (error) {
    if (!(error instanceof FormatError) || error.message.includes('\n')) throw error;
    return undefined;
  }
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

async function read(bytes: Uint8Array): Promise<Outcome> {
  const source = memorySource('damaged', bytes);
  const head = bytes.subarray(0, 64 << 10);
  const importer = IMPORTERS.find((candidate) => candidate.sniff(head));
  if (importer === undefined) return 'unknown';
  const diagnostics = new DiagnosticCollector();
  try {
    const { tables, meta } = await importer.read(source, {
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

  test('the seeds themselves are read', async () => {
    for (const { name, bytes } of all) expect([name, await read(bytes)]).toEqual([name, 'tables']);
  });

  test(`${INPUTS} of them end in tables or in one sentence`, { timeout: 300_000 }, async () => {
    const random = randomSource(SEED);
    const outcomes: Record<Outcome, number> = { tables: 0, refused: 0, unknown: 0 };
    for (let nth = 0; nth < INPUTS; nth++) {
      const seed = all[nth % all.length] as Seed;
      const input = damage(seed.bytes, random);
      const before = performance.now();
      try {
        outcomes[await read(input)]++;
      } catch (error) {
        throw new Error(`input ${nth} of seed ${SEED} (${seed.name})`, { cause: error });
      }
      expect(performance.now() - before, `time of input ${nth}`).toBeLessThan(SLOWEST_MS);
    }
    // Damage that is always refused, or never, would test nothing.
    expect(outcomes.tables).toBeGreaterThan(INPUTS / 4);
    expect(outcomes.refused).toBeGreaterThan(INPUTS / 50);
  });

  test(`${SAMPLE_INPUTS} damaged samples end in rows or in one sentence`, {
    timeout: 120_000,
  }, () => {
    for (const { name, bytes } of SAMPLES) expect([name, readSamples(bytes)]).toEqual([name, 20]);
    const random = randomSource(SEED);
    let kept = 0;
    for (let nth = 0; nth < SAMPLE_INPUTS; nth++) {
      const seed = SAMPLES[nth % SAMPLES.length] as Seed;
      const before = performance.now();
      const rows = readSamples(damage(seed.bytes, random));
      expect(performance.now() - before, `time of input ${nth}`).toBeLessThan(SLOWEST_MS);
      if (rows !== undefined && rows > 0) kept++;
    }
    expect(kept).toBeGreaterThan(SAMPLE_INPUTS / 10);
    expect(kept).toBeLessThan(SAMPLE_INPUTS);
  });
});
