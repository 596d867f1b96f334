import { describe, expect, test } from 'vitest';
import {
  expectText,
  makeReader,
  readCString,
  readSize,
  readText,
  readU8,
  readU16,
  readU32,
  skip,
} from '../../parsers/bytes/reader.ts';
import { memorySource } from '../../parsers/bytes/source.ts';
import { FormatError } from '../../src/trace/errors.ts';

const BYTES = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8, 0x61, 0x62, 0, 0x63);
const reader = (littleEndian = true, offset = 0) =>
  makeReader(memorySource('in.dat', BYTES), offset, littleEndian);

function thrown(run: () => unknown): FormatError {
  try {
    run();
  } catch (error) {
    if (error instanceof FormatError) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
}

describe('reading in order', () => {
  test('text keeps every byte, also those that windows-1252 has other characters for', () => {
    const bytes = Uint8Array.from({ length: 256 }, (_, byte) => byte);
    const text = readText(makeReader(memorySource('in.dat', bytes), 0, true), 256, 'text');
    expect(Uint8Array.from(text, (char) => char.charCodeAt(0))).toEqual(bytes);
    expect(text.charCodeAt(0x9c)).toBe(0x9c);
  });

  test.each([
    [true, 1, 0x0302, 0x07060504],
    [false, 1, 0x0203, 0x04050607],
  ])('little-endian %s', (littleEndian, first, second, third) => {
    const from = reader(littleEndian);
    expect([readU8(from, 'a'), readU16(from, 'b'), readU32(from, 'c'), from.offset]).toEqual([
      first,
      second,
      third,
      7,
    ]);
  });

  test('sizes, texts and skipping', () => {
    const size = makeReader(
      memorySource('s', Uint8Array.of(255, 255, 255, 255, 255, 255, 31, 0)),
      0,
      true,
    );
    expect(readSize(size, 'size')).toBe(Number.MAX_SAFE_INTEGER);
    const from = reader();
    skip(from, 8, 'numbers');
    expect(readCString(from, 8, 'name')).toBe('ab');
    expect(readText(from, 1, 'rest')).toBe('c');
    expect(from.offset).toBe(BYTES.length);
  });

  test('windows: values far apart and across the window end are read from where they are', () => {
    const large = new Uint8Array(3 << 20).fill(7);
    large.set([1, 0, 0, 0], (1 << 20) - 2);
    const from = makeReader(memorySource('large', large), 0, true);
    expect(readU8(from, 'first')).toBe(7);
    from.offset = (1 << 20) - 2;
    expect(readU32(from, 'across')).toBe(1);
    from.offset = (3 << 20) - 1;
    expect(readU8(from, 'last')).toBe(7);
    from.offset = 0;
    expect(readText(from, 2 << 20, 'longer than a window')).toHaveLength(2 << 20);
  });
});

describe('never past the end', () => {
  test.each<[string, (from: ReturnType<typeof reader>) => unknown, number]>([
    ['u8', (from) => readU8(from, 'tail'), 12],
    ['u16', (from) => readU16(from, 'tail'), 11],
    ['u32', (from) => readU32(from, 'tail'), 10],
    ['size', (from) => readSize(from, 'tail'), 5],
    ['text', (from) => readText(from, 100, 'tail'), 3],
    ['skip', (from) => skip(from, 100, 'tail'), 3],
  ])('%s names what and where', (_, read, offset) => {
    const error = thrown(() => read(reader(true, offset)));
    expect(error.offset).toBe(offset);
    expect(error.message).toMatch(
      /^in\.dat ends inside its tail: \d+ of \d+ bytes are missing \(at byte \d+\)$/,
    );
  });

  test('a file that became shorter is noticed', () => {
    const shrunk = { ...memorySource('in.dat', BYTES), size: 100 };
    expect(thrown(() => readText(makeReader(shrunk, 0, true), 50, 'tail')).message).toMatch(
      /ends inside its tail/,
    );
  });

  test('a size that no file can have, a string without end, a wrong literal', () => {
    const size = makeReader(memorySource('s', new Uint8Array(8).fill(255)), 0, true);
    expect(thrown(() => readSize(size, 'task names')).message).toMatch(
      /task names of 18446744073709551615 bytes is impossible/,
    );
    expect(thrown(() => readCString(reader(), 4, 'name')).message).toMatch(/no end within 4 bytes/);
    expect(thrown(() => expectText(reader(true, 8), 'xy', 'mark')).message).toMatch(
      /"xy" expected as mark, found "ab".*byte 8/,
    );
  });
});
