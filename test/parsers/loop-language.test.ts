/** The language of hot loops: what it says, and what is not in it. */
import { describe, expect, test } from 'vitest';
import { compileLoops } from '../../parsers/wasm/loop-language.ts';
import { instantiate, sharedMemory } from '../../parsers/wasm/memory.ts';

function run(body: string, ...values: number[]): number {
  const bytes = compileLoops(`function f(a, b): i32 {${body}}`, { FIVE: 5 });
  return instantiate<'f'>(bytes, sharedMemory(65536), {}).f(...values, 0, 0);
}

describe('expressions', () => {
  test.each<[string, number]>([
    ['1 + 2 * 3 - FIVE', 2],
    ['(1 + 2) * 3', 9],
    ['0xff & 0x0f | 0x30 ^ 1', 0x3f],
    ['1 << 4 >>> 2', 4],
    ['-1 < 0', 1],
    ['!(3 >= 4) && 2 != 3', 1],
    ['0 && u8(-1)', 0],
    ['1 || u8(-1)', 1],
    ['1 || 1 && 0', 1],
    ['0 && 0 || 1', 1],
    ['low(0x100000007n)', 7],
    ['low(wide(-1) >>> 32n)', 0],
    ['1e3 / 2.5 == 4e2', 1],
    ['negated(double(3n)) < 0.5', 1],
    ['zerosBelow(8) + low(zerosBelowWide(0n))', 67],
    ['zerosAbove(8) + zerosAbove(0)', 60],
    ['low(rotated(0x8000000000000001n, 4n))', 24],
  ])('%s', (expression, value) => {
    expect(run(`return ${expression};`)).toBe(value);
  });
});

describe('statements', () => {
  test('loops, and ways out of them', () => {
    const body = `
      let sum = 0; // of 1, 2, 5
      let i = 0;
      while (1) {
        i += 1;
        if (i > 5) { break; } else if (i == 3 || i == 4) { continue; }
        sum += i;
      }
      return sum;`;
    expect(run(body)).toBe(8);
  });

  test('memory, and bytes that are looked for', () => {
    expect(run('setI32(100, 0x0a0000); return bytesEqual(100, 10);')).toBe(4);
    expect(run('setI64(8, 5n << 40n); return u8(13) + i32(8);')).toBe(5);
    expect(run('setI64(8, 7n); setU8(20, 9); copy16(100, 8); return i32(100) + u8(112);')).toBe(16);
    expect(run('setU16(a, 0x10203); setF64(b, 0.5); return u16(a) + (f64(b) == 0.5);', 8, 16)).toBe(
      0x204,
    );
  });

  test('functions that become part of others', () => {
    const bytes = compileLoops(
      `inline function twice(x): i32 { return x * 2; }
       function f(x): i32 { let y = twice(twice(x) + 1); return y + twice(x); }`,
      {},
    );
    expect(instantiate<'f'>(bytes, sharedMemory(65536), {}).f(3)).toBe(20);
  });
});

test.each([
  ['return x;', 'no x'],
  ['x = 1; return 1;', 'no x to set'],
  ['return other(1);', 'no function other'],
  ['return 1n + 1;', 'i32 for i64'],
  ['return 1.5 & 2.5;', '& for f64'],
  ['if (1) return 1;', 'return, not {'],
])('%s is refused', (body, what) => {
  expect(() => run(body)).toThrow(what);
});
