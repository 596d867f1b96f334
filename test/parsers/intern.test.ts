import { describe, expect, test } from 'vitest';
import { TextInterner } from '../../parsers/decode/intern.ts';

const bytes = (text: string) => new Uint8Array(Buffer.from(text, 'utf8'));

describe('dictionary encoding', () => {
  test('equal texts get equal codes, in order of first sight', () => {
    const interner = new TextInterner();
    expect(['b', 'a', 'b', '', 'a'].map((text) => interner.code(text))).toEqual([0, 1, 0, 2, 1]);
    expect(interner.dictionary).toEqual(['b', 'a', '']);
  });

  test('bytes end at their NUL or limit, and agree with strings', () => {
    const interner = new TextInterner();
    const buffer = bytes('7:0\0rest7:0');
    expect(interner.codeOfBytes(buffer, 0, 8)).toBe(interner.code('7:0'));
    expect(interner.codeOfBytes(buffer, 8, 11)).toBe(interner.code('7:0'));
    expect(interner.codeOfBytes(buffer, 0, 2)).toBe(interner.code('7:'));
    expect(interner.codeOfBytes(buffer, 3, 8)).toBe(interner.code(''));
  });

  test('texts longer than the comparison buffer, one a prefix of the other', () => {
    const interner = new TextInterner();
    const long = bytes('x'.repeat(200));
    const codes = [100, 200, 100, 64, 65, 200].map((limit) => interner.codeOfBytes(long, 0, limit));
    expect(codes).toEqual([0, 1, 0, 2, 3, 1]);
    expect(interner.dictionary.map((text) => text.length)).toEqual([100, 200, 64, 65]);
  });

  test('bytes that are no UTF-8 stay a text', () => {
    const interner = new TextInterner();
    expect(interner.dictionary[interner.codeOfBytes(Uint8Array.of(0x61, 0xff, 0xfe), 0, 3)]).toBe(
      'a\ufffd\ufffd',
    );
  });

  // FNV-1a of 32 bits: "costarring" and "liquid" collide.
  test('different texts of one hash stay different', () => {
    const interner = new TextInterner();
    const codes = ['costarring', 'liquid', 'costarring', 'liquid'].map((text) =>
      interner.codeOfBytes(bytes(text), 0, 20),
    );
    expect(codes).toEqual([0, 1, 0, 1]);
  });

  test('a flood of different texts ends in one word for all', () => {
    const interner = new TextInterner(4);
    const codes = Array.from({ length: 9 }, (_, at) => interner.codeOfBytes(bytes(`v${at}`), 0, 9));
    expect(codes).toEqual([0, 1, 2, 3, 3, 3, 3, 3, 3]);
    expect(interner.dictionary).toEqual(['v0', 'v1', 'v2', '(too many different values)']);
    expect(interner.code('v1')).toBe(1);
  });
});
