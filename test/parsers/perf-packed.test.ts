/**
 * Files of `perf record -z`, read in windows as their records are unpacked, against the plain way:
 * the same tables, or none where only the plain way knows what to do.
 */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { readPerfDataAlone } from '../../parsers/formats/perf-data/index.ts';
import type { Detail, KeepEvents } from '../../parsers/importer.ts';
import { ByteWriter, randomSource, unpackedFixture } from '../helpers/bytes.ts';
import type { EventSpec } from '../helpers/trace-dat-builder.ts';
import {
  type AttrSpec,
  buildPerfData,
  type RecordSpec,
  record,
  recordBytes,
  SAMPLE,
  USUAL,
} from './perf-data-builder.ts';
import { expectSame, outcome, type Read } from './perf-data-outcome.ts';

const FORMATS: EventSpec[] = [
  { id: 300, name: 'writeback_pages_written', system: 'writeback', fields: { pages: 'long' } },
  { id: 301, name: 'tick', system: 'test', fields: { n: 'u32', s: 'char[8]' } },
];
const ATTRS: AttrSpec[] = FORMATS.map(({ id, name, system }, nth) => ({
  config: id,
  ids: [10 + nth, 20 + nth],
  name: `${system}:${name}`,
  sampleType: USUAL | SAMPLE.CALLCHAIN,
}));
const COMPRESSED = 81;
const COMPRESSED2 = 83;
const ROUND = { bytes: record('little', 68, new Uint8Array(0)) };
const DETAILS: Detail[] = ['columns', 'base', 'count'];
const everything: KeepEvents = () => 'columns';

const rawOf = (which: number, value: number): Uint8Array => {
  const out = new ByteWriter('little')
    .u16(300 + which)
    .zeros(2)
    .u32(1);
  if (which === 0) return out.u64(value).finish();
  return out
    .u32(value)
    .text(`task${value % 5}`.padEnd(8, '\0'))
    .finish();
};

/** One zstd frame that never ends, as perf's does not: of blocks that are as they were. */
class Packer {
  #isStarted = false;

  pack(content: Uint8Array, type: number): RecordSpec {
    const out = new ByteWriter('little');
    // A window of 1 MiB.
    if (!this.#isStarted) out.raw(Uint8Array.of(0x28, 0xb5, 0x2f, 0xfd, 0, 10 << 3));
    this.#isStarted = true;
    const word = content.length << 3;
    out.raw(Uint8Array.of(word & 255, (word >> 8) & 255, word >> 16)).raw(content);
    const packed = out.finish();
    if (type === COMPRESSED) return { bytes: record('little', type, packed) };
    const padded = new ByteWriter('little').u64(packed.length).raw(packed);
    padded.zeros(-packed.length & 7);
    return { bytes: record('little', type, padded.finish()) };
  }
}

/** A stretch of records in packed ones, cut where `cuts` say: in parts of 1,000. */
function packed(packer: Packer, records: readonly RecordSpec[], cuts: readonly number[]) {
  const parts = records.map((one) => recordBytes('little', ATTRS, one));
  const whole = new Uint8Array(Buffer.concat(parts));
  const places = cuts.map((cut) => Math.floor((cut * whole.length) / 1000));
  const ends = [...places.sort((one, other) => one - other), whole.length];
  return ends.map((end, nth) => {
    const part = whole.subarray(nth === 0 ? 0 : ends[nth - 1], end);
    return packer.pack(part, (end & 1) === 0 ? COMPRESSED : COMPRESSED2);
  });
}

const sample = fc.record({
  step: fc.integer({ min: -3, max: 6 }),
  cpu: fc.nat(3),
  which: fc.nat(1),
  value: fc.nat(2 ** 31),
  rare: fc.nat(40),
});
const stretch = fc.record({
  samples: fc.array(sample, { minLength: 1, maxLength: 12 }),
  cuts: fc.array(fc.nat(1000), { maxLength: 3 }),
  more: fc.nat(6),
});
type Stretch = typeof stretch extends fc.Arbitrary<infer T> ? T : never;

function fileOf(stretches: readonly Stretch[]): Uint8Array {
  const packer = new Packer();
  let now = 1_000_000;
  const records = stretches.flatMap(({ samples, cuts, more }): RecordSpec[] => {
    const own = samples.flatMap(({ step, cpu, which, value, rare }): RecordSpec[] => {
      now += step;
      const tid = value % 7;
      const raw = rawOf(which, value);
      const one = { sample: { attr: which, time: now, cpu, tid, raw, callchain: 400 } };
      if (rare === 0) return [{ lost: 3, cpu, time: now }, one];
      if (rare === 1) return [{ comm: `task${value}`, tid, time: now }, one];
      return rare === 2 ? [{ fork: tid, parent: 1, time: now }, one] : [one];
    });
    const after: RecordSpec[] = more === 0 ? [] : [ROUND];
    if (more === 1) after.push({ lost: 2, cpu: 0, time: 0, samples: true });
    return [...packed(packer, own, cuts), ...after];
  });
  const first: RecordSpec = { comm: 'first', tid: 1, time: 0 };
  return buildPerfData({
    attrs: ATTRS,
    formats: FORMATS,
    records: [first, ...records],
    packed: true,
  });
}

/** Changes bytes of the records. */
function damage(bytes: Uint8Array, changes: readonly (readonly [number, number])[]): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  const [from, size] = [40, 48].map((at) => Number(view.getBigUint64(at, true)));
  for (const [place, value] of changes) bytes[(from ?? 0) + (place % (size ?? 1))] = value;
}

const alone: Read = (source, context) =>
  readPerfDataAlone(source, context, { dealers: 3, windowBytes: 1 });

describe('packed records', () => {
  const files = fc.array(stretch, { minLength: 1, maxLength: 30 });

  test('give the tables of the plain way', () => {
    const details = fc.array(fc.constantFrom(...DETAILS), { minLength: 2, maxLength: 2 });
    const cases = fc.tuple(files, details, fc.integer({ min: 1, max: 4 }));
    fc.assert(
      fc.property(cases, ([stretches, wanted, dealers]) => {
        const byName = new Map(FORMATS.map(({ name }, nth) => [name, wanted[nth] as Detail]));
        expectSame(fileOf(stretches), (name) => byName.get(name) ?? 'columns', dealers);
      }),
      { numRuns: 60 },
    );
  });

  test('with damage do so too, where they give any', () => {
    let readFast = 0;
    fc.assert(
      fc.property(files, fc.array(fc.tuple(fc.nat(), fc.nat(255))), (stretches, changes) => {
        const bytes = fileOf(stretches);
        damage(bytes, changes);
        const known = outcome(bytes, everything, alone);
        if (known === undefined) return;
        readFast++;
        expectSame(bytes, everything, 3);
      }),
      { numRuns: 50 },
    );
    expect(readFast).toBeGreaterThan(5);
  }, 60_000);

  test('of a recording', () => {
    const bytes = unpackedFixture('perf-data/6.18-ext4/zstd-lossy.perf.data.gz');
    for (const dealers of [1, 3]) {
      expectSame(bytes, everything, dealers);
      expectSame(bytes, () => 'count', dealers);
    }
    const below = randomSource(7);
    for (let run = 0; run < 12; run++) {
      const damaged = bytes.slice();
      damage(damaged, [[below(2 ** 31), below(256)]]);
      if (outcome(damaged, everything, alone) !== undefined) expectSame(damaged, everything, 2);
    }
  }, 60_000);

  test('are left to the plain way where others stand in them, or names behind them', () => {
    const one = (time: number): RecordSpec => ({
      sample: { attr: 0, time, raw: rawOf(0, 5), callchain: 1 },
    });
    const file = (records: readonly RecordSpec[]) =>
      outcome(
        buildPerfData({ attrs: ATTRS, formats: FORMATS, records, packed: true }),
        everything,
        alone,
      );
    const packer = new Packer();
    const [head, tail] = packed(packer, [one(1), one(2)], [300]);
    if (head === undefined || tail === undefined) throw new Error('two parts');
    expect(file([head, tail])).toBeDefined();
    expect(file([head, ROUND, tail])).toBeUndefined();
    expect(file([head])).toBeUndefined();
    expect(file([head, tail, { comm: 'late', tid: 1, time: 3 }])).toBeUndefined();
    expect(file([head, tail, one(3)])).toBeUndefined();
    expect(file([head, tail, { bytes: new Uint8Array(8) }])).toBeUndefined();
    expect(file([one(0), head, tail, ROUND])).toBeDefined();
    const lost = { lost: 2, cpu: 0, samples: true };
    expect(file([head, tail, { ...lost, time: 0 }])).toBeDefined();
    expect(file([head, tail, { ...lost, time: 3 }])).toBeUndefined();
  });
});
