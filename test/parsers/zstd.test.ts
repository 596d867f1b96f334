/** Our own zstd decoder: against the specification, and against frames made to mislead it. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { BlockDecoder } from '../../parsers/bytes/unpack-zstd-block.ts';
import { ZstdDecoder } from '../../parsers/bytes/unpack-zstd-frames.ts';
import { plainXxh64 } from '../helpers/plain-xxh64.ts';

const TEXT = Array.from({ length: 400 }, (_, at) => `line ${at * at} of ${at % 7}\n`).join('');
/** TEXT by `zstd --ultra -22`: Huffman in four streams, three codes of its own, a checksum. */
const PACKED = [
  'KLUv/QSIrA8AhnVgEbBXcn0EMUkQaYlsWYHFEXMJXQBZAFgAcmwadcTLcCyECu+8hlXgZErCqayCF+mNQtHxvbM6bONJ',
  '3ihruzvmc0LOsn20UpsvfZ1OOIODhXaQUzpdK3WOMj60UEh/99qNk7apXztEWC/ObgAKGDgIUICAAUFBnDRuM1vt7e3m',
  '4CbU5o12WauqTdQkadO88q/e44W6Y+b11J0NR9qMD20ItwQ/gpDBovAZl8GzWKpXuiOfF4cgQotD5QzpTFaJ9M6hpftp',
  'LVEh66v3o50YQyi8GqwWnIaUhJxIVh8vj16MQo2OIL4V64mb+SR/Y3ytvjvM/M6EnFke9nFY2bB5YdK91V4nvHOew8iE',
  'ljmE7JysM93qTmo3rysf+zhmaUzImH/uDlwr3BgBXieEmnA4xMsQ9Tg2dUhzjEGiDYn7DV8aQjYsE/FpRLmIOTCkMlYx',
  'Ol6csXC4QmiFAxXnz46cK0/pw1mGJYefCbRIoJCB/pi3mC3N8ULJwg2F9cvXpSNKoUovRIDLqBAQgizfDrCTFAcQEEKE',
  '+YWk+/P+Xf/evu/X+7f9e/08a1ljhfVVV9v59LDV4NNi1tCnga+DTQcfY/c66kgnOs9ttnmby9zGZX5LmmQeWZEOySD7',
  '0XW8HN1tXAeC6wC40QEAlwMAOAAABw4AvzYFbRAAi0RAB3IAdwBvAFJYEnoSXcl8afZEFkp2yOXVpZaRjUYkBxkXpLXl',
  'nsW3iJAillD5sFJOyBwh0ilrKZ1PTpk4aCK0xGGSM7wdvutMpU7nh5YS+lGoxa6Qrh+kd0jbt6O00tqNozWj77COskKx',
  'nteLazXqVFWSOvlR8XHNRI4LFffKX7NX3CfrkvSpn2pmLs54DiNUGEc978jUlNm4I60zSkx7zh0cP2yE3Fis+UhTysP8',
  'CVInrBNChyGcwcFhDkJLcJCEUxo6j7A2gnSGORjKWfhwwRIUhFTwfd+7W4/HjSUHbxRci/3KdohYKLEn9aW6kvACl8tV',
  'D25icJKQm2ZctXFXxXnhm1DfHDHb67DV97ahN8myje/WststsfnDTUhuFtn2GW0ltc1yTfpoK0frSNDOW3OgNaFFc3i1',
  'M6p1HNqq0KRSm8O0ctM+lWaZX8jfl/n98DbCx+BL8zeV19O/7B0BvKzqyC4HmTeWCWWZgyJ7W1ntkG2GMmmUjTFZK5Ld',
  '4Z3/6YScztLQfeyuvHTzpJPabnV0nWF3jp1DrBNancM8du6xTkxsdYhJd2yeY2Ul9nFjlkdMyIj5ZewOi7VabAzFJJ/b',
  'zHD1hnsbOEcwJ5Q5L4QLgMuoEEbQB/B15hBOhH52Mu2pmnrapz71rE+96lOfhi7LZVy+5W2pltIRMjQsKVZY0dCiaGFR',
  'wxpdntgs4g==',
].join('');
const packed = new Uint8Array(Buffer.from(PACKED, 'base64'));

// One for all, as what was before must not matter.
const decoder = new ZstdDecoder();

function unpacked(bytes: Uint8Array, step = bytes.length): Buffer {
  decoder.reset();
  const all: Buffer[] = [];
  for (let at = 0; at < bytes.length; at += step) {
    for (const part of decoder.push(bytes.subarray(at, at + step))) all.push(Buffer.from(part));
  }
  if (!decoder.isBetweenFrames) throw new Error('unexpected end');
  return Buffer.concat(all);
}

/** A frame with a window of 1 MiB: blocks of [kind, size, content]. */
function frame(...blocks: readonly (readonly [number, number, readonly number[]])[]): Uint8Array {
  const bytes = [0x28, 0xb5, 0x2f, 0xfd, 0, 10 << 3];
  blocks.forEach(([kind, size, content], nth) => {
    const word = (size << 3) | (kind << 1) | Number(nth === blocks.length - 1);
    bytes.push(word & 255, (word >> 8) & 255, word >> 16, ...content);
  });
  return Uint8Array.from(bytes);
}

const packedBlock = (content: readonly number[]) => [2, content.length, content] as const;

describe('a frame', () => {
  test('whole and in pieces of any size', () => {
    for (const step of [1, 2, 3, 7, 100, packed.length]) {
      expect(unpacked(packed, step).toString()).toBe(TEXT);
    }
  });

  test('one changed bit never gives other bytes in silence', { timeout: 60_000 }, () => {
    // Behind magic number and descriptor, which say how it is checked.
    for (let at = 5; at < packed.length; at++) {
      for (let bit = 0; bit < 8; bit++) {
        const changed = packed.slice();
        changed[at] = (changed[at] as number) ^ (1 << bit);
        let got: string | undefined;
        try {
          got = unpacked(changed).toString();
        } catch (error) {
          expect((error as Error).message).toMatch(/^(incorrect data|unexpected end|a window of)/);
        }
        if (got !== undefined) expect(got === TEXT, `byte ${at}, bit ${bit}`).toBe(true);
      }
    }
  });

  test('cut anywhere it is not whole', () => {
    for (let length = 1; length < packed.length; length++) {
      expect(() => unpacked(packed.subarray(0, length))).toThrow('unexpected end');
    }
  });

  test('blocks as they are, of one byte, and copied from the block before', () => {
    // Literals "!", one sequence in codes of one symbol each: take 1, then 5 from 3 before it.
    const copy = [0x08, 0x21, 1, 0x54, 1, 2, 2, 0b110];
    const text = unpacked(frame([0, 3, [97, 98, 99]], [1, 4, [120]], packedBlock(copy)));
    expect(text.toString()).toBe('abcxxxx!xx!xx');
  });
});

// Symbols of lengths: symbol, what it stands for, bits that are added (RFC 8878, 3.1.1.3.2.1.1).
const TAKES = [
  [0, 0, 0],
  [1, 1, 0],
  [9, 9, 0],
  [17, 18, 1],
  [22, 32, 3],
  [25, 64, 6],
] as const;
const MATCHES = [
  [0, 3, 0],
  [7, 10, 0],
  [20, 23, 0],
  [36, 43, 2],
  [40, 67, 4],
  [43, 131, 7],
] as const;

type Run = { take: number; offset: number; match: number; extras: readonly number[] };

/** Sequences in codes of one symbol each, and the bytes that follow from the specification. */
function runsOf({ take, offset, match, extras }: Run) {
  const [takeSymbol, takeBase, takeBits] = TAKES[take] as (typeof TAKES)[number];
  const [matchSymbol, matchBase, matchBits] = MATCHES[match] as (typeof MATCHES)[number];
  let bits = 1n;
  const extra = (value: number, count: number) => {
    const own = value & ((1 << count) - 1);
    bits = (bits << BigInt(count)) | BigInt(own);
    return own;
  };
  const literals: number[] = [];
  let recent: readonly [number, number, number] = [1, 4, 8];
  let bytes: number[] | undefined = [...Buffer.from('0123456789abcdef'.repeat(5))];
  const before = [...bytes];
  for (const seed of extras) {
    const value = 2 ** offset + extra(seed, offset);
    const length = matchBase + extra(seed >> 3, matchBits);
    const count = takeBase + extra(seed >> 5, takeBits);
    const taken = Array.from({ length: count }, (_, at) => (seed + at) & 255);
    literals.push(...taken);
    const which = value - 1 + Number(count === 0);
    const [one, two, three] = recent;
    const found = value > 3 ? value - 3 : ([one, two, three, one - 1][which] as number);
    if (value > 3 || which > 1) recent = [found, one, two];
    else if (which === 1) recent = [found, one, three];
    bytes?.push(...taken);
    if (found === 0 || found > (bytes?.length ?? 0)) bytes = undefined;
    for (let at = 0; at < length; at++) bytes?.push(bytes.at(-found) as number);
  }
  const stream: number[] = [];
  for (; bits > 0n; bits >>= 8n) stream.push(Number(bits & 255n));
  const head = (literals.length << 4) | 0b1100;
  const content = [
    ...[head & 255, (head >> 8) & 255, head >> 16, ...literals],
    ...[extras.length, 0x54, takeSymbol, offset, matchSymbol, ...stream],
  ];
  return { packed: frame([0, before.length, before], packedBlock(content)), bytes };
}

test('copies of every length from every distance are those of the specification', () => {
  let whole = 0;
  const run = fc.record({
    take: fc.nat(TAKES.length - 1),
    offset: fc.nat(7),
    match: fc.nat(MATCHES.length - 1),
    extras: fc.array(fc.nat(1 << 12), { minLength: 1, maxLength: 30 }),
  });
  fc.assert(
    fc.property(run, (one) => {
      const { packed: bytes, bytes: wanted } = runsOf(one);
      if (wanted === undefined) expect(() => unpacked(bytes)).toThrow(/^incorrect data/);
      else expect([...unpacked(bytes)]).toEqual(wanted);
      if (wanted !== undefined) whole++;
    }),
    { numRuns: 500, seed: 1 },
  );
  expect(whole).toBeGreaterThan(250);
});

describe('what misleads is refused at once', () => {
  const refused = (...content: readonly number[]) =>
    expect(() => unpacked(frame([0, 3, [97, 98, 99]], packedBlock(content)))).toThrow(/^incorrect/);

  test('98,000 copies of 34 bytes each', () => {
    const start = performance.now();
    refused(0x08, 0x21, 255, 0xff, 0xff, 0x54, 0, 0, 31, 1);
    expect(performance.now() - start).toBeLessThan(200);
  });

  test('a copy from before the frame', () => refused(0x08, 0x21, 1, 0x54, 1, 7, 2, 0b10000000));

  test('more literals than there are', () => refused(0x08, 0x21, 1, 0x54, 9, 2, 2, 0b100));

  test('bits that are left over, and none', () => {
    refused(0x08, 0x21, 1, 0x54, 1, 2, 2, 0b1100);
    refused(0x08, 0x21, 1, 0x54, 1, 2, 2, 0b1);
    refused(0x08, 0x21, 1, 0x54, 1, 2, 2, 0);
  });

  test('a code of the block before, where there is none', () => {
    refused(0x08, 0x21, 1, 0xfc, 0b100);
    refused(0x13, 0x00, 0x00, 0x00);
  });

  test('literals that are larger than a block may be', () => refused(0x3d | 0x40, 0xff, 0xff, 0));

  test('a block that is larger, or of no kind', () => {
    expect(() => unpacked(frame([1, (128 << 10) + 1, [0]]))).toThrow(/block is too large/);
    expect(() => unpacked(frame([3, 1, [0]]))).toThrow(/^incorrect data/);
  });

  test('a dictionary, which nobody has', () => {
    const bytes = Uint8Array.of(0x28, 0xb5, 0x2f, 0xfd, 1, 10 << 3, 7, 1, 0, 0);
    expect(() => unpacked(bytes)).toThrow(/with a dictionary/);
  });

  test('a size that is not that of the content', () => {
    const bytes = Uint8Array.of(0x28, 0xb5, 0x2f, 0xfd, 32, 4, (3 << 3) | 1, 0, 0, 97, 98, 99);
    expect(() => unpacked(bytes)).toThrow(/3 bytes instead of 4/);
  });
});

describe('XXH64', () => {
  const blocks = new BlockDecoder(1 << 16);
  blocks.reserve(1 << 10);
  const low = (...parts: readonly Uint8Array[]): number => {
    blocks.startFrame();
    let end = 0;
    for (const part of parts) {
      blocks.made.set(part, end);
      blocks.addToHash(end, end + part.length);
      end += part.length;
    }
    return blocks.hash();
  };

  test.each([
    ['', 0x51d8e999],
    ['a', 0xa98c6e5b],
    ['abc', 0xad770999],
  ])('of %j', (text, expected) => {
    expect(low(Buffer.from(text))).toBe(expected);
  });

  test('is that of 64-bit integers, however the bytes come', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.nat(200), (bytes, at) => {
        const expected = Number(plainXxh64(bytes) & 0xffffffffn);
        expect(low(bytes)).toBe(expected);
        expect(low(bytes.subarray(0, at), bytes.subarray(at))).toBe(expected);
      }),
      { numRuns: 500, seed: 1 },
    );
  });
});
