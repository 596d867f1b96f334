/** The bounded window: whatever its size, the same rows in the same order as a naive sort gives. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { randomSource, unpackedFixture } from '../helpers/bytes.ts';
import { describeTable } from '../helpers/golden.ts';
import { rowsOf } from '../helpers/trace-builder.ts';
import {
  buildTraceDat,
  type EventSpec,
  type Page,
  pagesOf,
  readDat,
} from '../helpers/trace-dat-builder.ts';

const tick: EventSpec = { id: 300, name: 'tick', system: 'test', fields: { n: 'u32' } };
const text: EventSpec = {
  id: 301,
  name: 'text',
  system: 'test',
  fields: { n: 'u32', s: 'data_loc' },
};
const PAGE_BYTES = 256;
/** One region holds 16 pages at least, so that 16 * 256 bytes are the smallest window of a CPU. */
const SMALLEST = 1;

type Written = { ts: bigint; event: string; values: { n: number; s: string } };

/**
 * Long streams from a seed, as small ones fit into one window. Times are mostly equal, also between
 * CPUs and across the ends of windows: ties are the hard part.
 */
const stream = fc.record({
  seed: fc.nat(),
  records: fc.oneof(fc.nat(40), fc.integer({ min: 100, max: 500 })),
  /** A step forward happens once in so many records, far ahead or just by one. */
  steadiness: fc.integer({ min: 1, max: 60 }),
  longest: fc.constantFrom(1, 3, 2 ** 28),
  emptyPages: fc.constantFrom(0, 0, 0, 40),
});
type Stream = typeof stream extends fc.Arbitrary<infer T> ? T : never;

function writtenBy(cpu: number, { seed, records, steadiness, longest }: Stream): Written[] {
  const below = randomSource(seed);
  let ts = 1_000n;
  return Array.from({ length: records }, (_, at) => {
    if (below(steadiness) === 0) ts += BigInt(1 + below(longest));
    const n = cpu * 1000 + at;
    return { ts, event: below(3) === 0 ? 'text' : 'tick', values: { n, s: `s${n % 7}` } };
  });
}

describe('windows', () => {
  test('tiny windows = one big window = a naive sort', () => {
    fc.assert(
      fc.property(fc.array(stream, { minLength: 1, maxLength: 4 }), (streams) => {
        const written = streams.map((steps, cpu) => writtenBy(cpu, steps));
        const cpus = written.map((records, cpu): Page[] => {
          const pages = pagesOf(records, 5);
          const empty = streams[cpu]?.emptyPages ?? 0;
          const gap = Array.from(
            { length: empty },
            (): Page => ({ time: pages[0]?.time ?? 0n, items: [] }),
          );
          return [...pages.slice(0, 1), ...gap, ...pages.slice(1)];
        });
        const { bytes } = buildTraceDat({
          events: [tick, text],
          cpus,
          pageSize: 4096,
          pageBytes: PAGE_BYTES,
        });
        const oracle = written
          .flatMap((records, cpu) => records.map((record, at) => ({ cpu, at, ...record })))
          .sort((a, b) => Number(a.ts - b.ts) || a.cpu - b.cpu || a.at - b.at)
          .map(({ cpu, ts, values }, seq) => ({ seq, cpu, ts, n: values.n }));
        for (const window of [SMALLEST, undefined]) {
          const read = readDat(bytes, window);
          const rows = [...read.tables.values()]
            .flatMap((table) => rowsOf(table, ['seq', 'cpu', 'ts_ns', 'n']))
            .sort((a, b) => Number(a.seq) - Number(b.seq))
            .map(({ seq, cpu, ts_ns, n }) => ({
              seq,
              cpu,
              ts: read.meta.origin_ns + BigInt(ts_ns ?? 0),
              n,
            }));
          expect(rows).toEqual(oracle);
          const texts = rowsOf(read.tables.get('text'), ['n', 's']);
          expect(texts.every(({ n, s }) => s === `s${Number(n) % 7}`)).toBe(true);
        }
      }),
      { numRuns: 60, seed: 20261121 },
    );
  });

  test('a gap whose page is the last of its window ends at the next row all the same', () => {
    const late = { time: 5_000n, items: [{ event: 'tick', after: 0, values: { n: 99 } }] };
    const before = Array.from(
      { length: 14 },
      (_, at): Page => ({
        time: BigInt(at),
        items: [{ event: 'tick', after: 0, values: { n: at } }],
      }),
    );
    const lost: Page = { time: 20n, items: [], missed: 7 };
    const cpus = [[...before, { time: 15n, items: [] }, lost, late]];
    const { bytes } = buildTraceDat({ events: [tick], cpus, pageBytes: PAGE_BYTES });
    const expected = [{ cpu: 0, count: 7, from_ns: 13, ts_ns: 5_000 }];
    expect(readDat(bytes, SMALLEST).losses).toEqual(expected);
    expect(readDat(bytes).losses).toEqual(expected);
  });

  test.each(['6.18-ext4/lossy', '6.18-xfs/two-writers'])(
    '%s gives the same tables through a 64 KiB window',
    (name) => {
      const bytes = unpackedFixture(`trace-dat/${name}.dat.gz`);
      const whole = readDat(bytes);
      const pieces = readDat(bytes, SMALLEST);
      expect(pieces.meta).toEqual(whole.meta);
      expect(pieces.losses).toEqual(whole.losses);
      expect(pieces.diagnostics).toEqual(whole.diagnostics);
      for (const [table, expected] of whole.tables) {
        expect(describeTable(pieces.tables.get(table) ?? expected)).toEqual(
          describeTable(expected),
        );
      }
      expect([...pieces.tables.keys()]).toEqual([...whole.tables.keys()]);
    },
  );
});
