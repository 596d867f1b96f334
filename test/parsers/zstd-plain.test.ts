/**
 * Our zstd loops against the specification followed bit by bit (test/helpers/plain-zstd.ts): the
 * same bytes and the same judgement, of what perf and trace-cmd packed and of what damage makes of
 * it.
 */
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ZstdDecoder } from '../../parsers/bytes/unpack-zstd-frames.ts';
import { unpackedFixture } from '../helpers/bytes.ts';
import { type PlainZstd, plainZstd } from '../helpers/plain-zstd.ts';

const MAGIC = Buffer.of(0x28, 0xb5, 0x2f, 0xfd);
const COMPRESSED = 81;
/** What is compared: the plain version takes a millisecond for each kB. */
const MOST_BYTES = 6000;

/** The frame that the records of a perf.data hold, which has no end. */
function perfStream(): Uint8Array {
  const bytes = Buffer.from(unpackedFixture('perf-data/6.18-ext4/zstd-lossy.perf.data.gz'));
  const from = Number(bytes.readBigUInt64LE(40));
  const end = from + Number(bytes.readBigUInt64LE(48));
  const parts: Uint8Array[] = [];
  for (let at = from; at < end; at += bytes.readUInt16LE(at + 6)) {
    if (bytes.readUInt32LE(at) !== COMPRESSED) continue;
    parts.push(bytes.subarray(at + 8, at + bytes.readUInt16LE(at + 6)));
  }
  return Buffer.concat(parts);
}

/** Frames of pages of trace.dat version 7, and of its head; what follows one is no frame. */
function traceFrames(name: string): Uint8Array[] {
  const bytes = readFileSync(
    new URL(`../../fixtures/trace-dat/6.18-ext4/${name}.v7-zstd.dat`, import.meta.url),
  );
  const frames: Uint8Array[] = [];
  for (let at = bytes.indexOf(MAGIC); at >= 0; at = bytes.indexOf(MAGIC, at + 4)) {
    frames.push(bytes.subarray(at, at + MOST_BYTES));
  }
  return frames;
}

const SOURCES = [perfStream(), ...traceFrames('slow-writer'), ...traceFrames('two-instances')];

const decoder = new ZstdDecoder();

function looped(packed: Uint8Array): PlainZstd {
  const parts: Buffer[] = [];
  decoder.reset();
  try {
    for (const part of decoder.push(packed)) parts.push(Buffer.from(part));
    return { bytes: new Uint8Array(Buffer.concat(parts)), isWhole: decoder.isBetweenFrames };
  } catch {
    return { bytes: new Uint8Array(Buffer.concat(parts)), isWhole: false };
  }
}

function expectSame(packed: Uint8Array): PlainZstd {
  const [wanted, got] = [plainZstd(packed), looped(packed)];
  expect(Buffer.from(got.bytes).equals(wanted.bytes)).toBe(true);
  expect(got.isWhole).toBe(wanted.isWhole);
  return wanted;
}

test('what perf and trace-cmd packed', () => {
  const whole = SOURCES.map((packed) => expectSame(packed).bytes.length);
  expect(SOURCES.length).toBeGreaterThan(10);
  expect(Math.min(...whole)).toBeGreaterThan(0);
}, 60_000);

test('what damage makes of it', () => {
  const change = fc.record({
    place: fc.integer({ min: 0, max: 2 ** 30 }),
    kind: fc.constantFrom('bit', 'byte', 'copy', 'cut'),
    value: fc.nat(255),
    from: fc.nat(2 ** 30),
  });
  const cases = fc.tuple(
    fc.nat(SOURCES.length - 1),
    fc.nat(15_000),
    fc.array(change, { maxLength: 3 }),
  );
  let damaged = 0;
  fc.assert(
    fc.property(cases, ([source, bytes, changes]) => {
      let packed = (SOURCES[source] as Uint8Array).slice(0, 200 + bytes);
      for (const { place, kind, value, from } of changes) {
        const at = place % packed.length;
        if (kind === 'bit') packed[at] = (packed[at] as number) ^ (1 << (value & 7));
        else if (kind === 'byte') packed[at] = value;
        else if (kind === 'copy') packed.copyWithin(at, from % packed.length, value);
        else packed = packed.slice(0, at + 1);
      }
      const { bytes: made } = expectSame(packed);
      if (made.length > 0 && changes.length > 0) damaged++;
    }),
    { numRuns: 3000 },
  );
  expect(damaged).toBeGreaterThan(100);
}, 60_000);

test('blocks of codes that nobody made', () => {
  // Literals as they are, then sequences in codes of the block and bits that mean anything.
  const block = fc.tuple(
    fc.uint8Array({ minLength: 1, maxLength: 31 }),
    fc.nat(7),
    fc.nat(63),
    fc.uint8Array({ minLength: 1, maxLength: 60 }),
    fc.boolean(),
  );
  let whole = 0;
  fc.assert(
    fc.property(fc.array(block, { minLength: 1, maxLength: 4 }), (blocks) => {
      const out = [...MAGIC, 0, 10 << 3];
      blocks.forEach(([literals, count, modes, rest, isPlain], nth) => {
        const codes = isPlain ? 0 : modes << 2;
        const content = [literals.length << 3, ...literals, count, ...(count > 0 ? [codes] : [])];
        if (count > 0) content.push(...rest);
        const word = (content.length << 3) | 4 | Number(nth === blocks.length - 1);
        out.push(word & 255, word >> 8, 0, ...content);
      });
      if (expectSame(Uint8Array.from(out)).isWhole) whole++;
    }),
    { numRuns: 5000 },
  );
  expect(whole).toBeGreaterThan(50);
}, 60_000);
