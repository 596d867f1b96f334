import { describe, expect, test } from 'vitest';
import { evaluate, parseNameTables, printNames } from '../../parsers/decode/print-format.ts';
import { DICTIONARY } from '../../src/events/index.ts';

describe('constant expressions', () => {
  test.each<[string, bigint | undefined]>([
    ['0', 0n],
    ['0x10', 16n],
    ['0X1fUL', 31n],
    ['010', 8n],
    ['1UL << 3', 8n],
    ['(1 << 3)', 8n],
    ['((1UL) << (10))', 1024n],
    ['( gfp_t)((((1UL))) << (11))', 2048n],
    ['( gfp_t)(0x400u|0x800u)', 0xc00n],
    ['(unsigned int)1 | 2', 3n],
    ['1 + 2 << 1', 6n],
    ['1 << 2 | 1 & 3', 5n],
    ['10 - 3 - 2', 5n],
    ['1ULL << 63', 1n << 63n],
    ['~0', (1n << 64n) - 1n],
    ['~(1 | 2) & 0xff', 0xfcn],
    ['-1 + 2', 1n],
    ['TEN', 10n],
    ['1 << TEN', 1024n],
    ['(TEN)', 10n],
    ['1 << 64', undefined],
    ['1 <<', undefined],
    ['', undefined],
    ['UNKNOWN', undefined],
    ['1 2', undefined],
    ['(1', undefined],
    ['sizeof(int)', undefined],
    ['1 ? 2 : 3', undefined],
    // Names that every JavaScript object has are no constants.
    ['toString', undefined],
    ['constructor', undefined],
    ['__proto__', undefined],
    ['( constructor)1', 1n],
  ])('%s = %s', (expression, value) => {
    expect(evaluate(expression, { TEN: 10 })).toBe(value);
  });

  test.each([
    ['parentheses', `${'('.repeat(50_000)}1${')'.repeat(50_000)}`],
    ['unclosed parentheses', '('.repeat(3_000)],
    ['complements', `${'~'.repeat(3_000)}1`],
    ['casts', `${'( int)'.repeat(1_000)}1`],
    ['operators', `1${'+1'.repeat(100_000)}`],
  ])('nested %s are refused, not followed', (_, expression) => {
    expect(evaluate(expression, {})).toBeUndefined();
  });
});

const only = (format: string, constants = {}) => parseNameTables(format, constants).get('flags');

describe('tables of names', () => {
  test('flags with casts as 4.x to 6.x print them', () => {
    const table = only(
      '"%s", (REC->flags) ? __print_flags(REC->flags, "|", {( unsigned long)((( gfp_t)(0x400u|0x800u)) | ( gfp_t)0x40u), "GFP_KERNEL"}, {( unsigned long)(( gfp_t)0x40u), "__GFP_IO"}) : "none"',
    );
    expect(table).toMatchObject({ kind: 'flags', delimiter: '|', zero: 'none' });
    expect(
      table &&
        ['GFP_KERNEL', '__GFP_IO', 'none', 'GFP_KERNEL|0x1', '0x2'].map((_, at) =>
          printNames(table, [0xc40n, 0x40n, 0n, 0xc41n, 2n][at] ?? 0n),
        ),
    ).toEqual(['GFP_KERNEL', '__GFP_IO', 'none', 'GFP_KERNEL|0x1', '0x2']);
  });

  test('symbols: the name, or the number in hex', () => {
    const table = only(
      '"reason=%s", __print_symbolic(REC->flags, { 0, "background" }, { 4, "periodic" })',
    );
    expect(table && [0n, 4n, 10n].map((value) => printNames(table, value))).toEqual([
      'background',
      'periodic',
      '0xa',
    ]);
  });

  test('6.18: names of the enum go through the constants of the dictionary', () => {
    const state = DICTIONARY.get('writeback_mark_inode_dirty')?.columns.state;
    const table = only(
      '"%s", __print_flags(REC->flags, "|", {I_DIRTY_SYNC, "I_DIRTY_SYNC"}, {I_DIRTY_PAGES, "I_DIRTY_PAGES"}, {I_NEVER_HEARD_OF, "X"})',
      state?.constants,
    );
    expect(table?.entries).toEqual([
      [0x10n, 'I_DIRTY_SYNC'],
      [0x40n, 'I_DIRTY_PAGES'],
    ]);
    expect(table && printNames(table, 0x51n)).toBe('I_DIRTY_SYNC|I_DIRTY_PAGES|0x1');
  });

  test('6.12 to 6.17: bit numbers', () => {
    const state = DICTIONARY.get('writeback_single_inode')?.columns.state;
    const table = only(
      '__print_flags(REC->flags, "|", {(1U << __I_NEW), "I_NEW"}, {(1U << __I_LRU_ISOLATING), "I_LRU_ISOLATING"})',
      state?.constants,
    );
    expect(table && printNames(table, 5n)).toBe('I_NEW|I_LRU_ISOLATING');
  });

  test('entries apply in their order and take their bits away', () => {
    const table = only(
      '__print_flags(REC->flags, "", {3, "AB"}, {1, "A"}, {2, "B"}, {0, "never"})',
    );
    expect(table && [3n, 2n, 7n, 0n].map((value) => printNames(table, value))).toEqual([
      'AB',
      'B',
      'AB0x4',
      '',
    ]);
  });

  test('several tables, by field; strings with commas, braces and parentheses stay whole', () => {
    const tables = parseNameTables(
      '__print_symbolic(REC->a, {1, "x, {y}) z"}), __print_flags_u64(REC->b, ",", {1ULL, "one"}), __print_symbolic(REC->a, {1, "later"})',
      {},
    );
    expect([...tables.keys()]).toEqual(['a', 'b']);
    expect(tables.get('a')?.entries).toEqual([[1n, 'x, {y}) z']]);
    expect(tables.get('b')?.delimiter).toBe(',');
  });

  test.each([
    ['a name without a number', '{UNHEARD_OF, "x"}', []],
    ['no pair', '7', []],
    ['nothing', '', []],
    ['more than a pair', '{7, "x", 8}', [[7n, 'x']]],
    ['a list in the number', '{7 + (1, 2), "x"}', []],
    ['braces in the name', '{7, "{x}, y"}', [[7n, '{x}, y']]],
  ])('%s among entries', (_, odd, found) => {
    const table = only(`__print_symbolic(REC->flags, {1, "a"}, ${odd}, { (1 << 1), "b" })`);
    expect(table?.entries).toEqual([[1n, 'a'], ...found, [2n, 'b']]);
  });

  test.each([
    ['no closing parenthesis', '__print_flags(REC->flags, "|", {1, "a"}'],
    ['no field', '__print_flags(5, "|", {1, "a"})'],
    ['a function of the field', '__print_symbolic(hash(1), {1, "a"})'],
    ['an object name in place of a number', '__print_symbolic(REC->x, {toString, "a"})'],
  ])('%s gives no entries', (_, format) => {
    expect(parseNameTables(format, {}).get('flags')?.entries ?? []).toEqual([]);
    expect(parseNameTables(format, {}).get('x')?.entries ?? []).toEqual([]);
  });

  test('thousands of calls cost no time', () => {
    const started = performance.now();
    parseNameTables(`${'__print_flags('.repeat(20_000)}`, {});
    expect(performance.now() - started).toBeLessThan(1_000);
  });
});
