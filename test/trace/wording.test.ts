import { expect, test } from 'vitest';
import { bytesText, capital, changeText, shareText, thousands } from '../../src/trace/wording.ts';

test.each([
  [0, '0'],
  [-1234, '-1,234'],
  [1234567, '1,234,567'],
  [1234.5678, '1,234.5678'],
])('%d with its thousands apart is %s', (value, text) => {
  expect(thousands(value)).toBe(text);
});

test.each([
  [0, '0 B'],
  [1023, '1,023 B'],
  [4096, '4 KiB'],
  [1.5 * 2 ** 30, '1.5 GiB'],
  [2 ** 60, '1,048,576 TiB'],
])('%d bytes are %s', (bytes, text) => {
  expect(bytesText(bytes)).toBe(text);
});

test.each([
  [0, 0, ''],
  [397, 397, '100.00%'],
  // One of a million failed: never all of them.
  [999_999, 1_000_000, '99.99%'],
  [1, 3, '33.33%'],
])('%d of %d is %s', (part, whole, text) => {
  expect(shareText(part, whole)).toBe(text);
});

test.each([
  [8.2, 0.2, '−98%'],
  [1, 4.2, '4.2 times'],
  [100, 150, '+50%'],
  [5, 5, 'the same'],
  [5, 0, '−100%'],
  [0, 5, ''],
  [undefined, 5, ''],
])('%s became %s: %s', (before, after, text) => {
  expect(changeText(before, after)).toBe(text);
});

test('a sentence begins with a capital', () => {
  expect([capital('no sync call'), capital('')]).toEqual(['No sync call', '']);
});
