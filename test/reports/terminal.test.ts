import fc from 'fast-check';
import { expect, test } from 'vitest';
import { LabelledRows } from '../../reports/render/labelled-rows.ts';
import { hanging, NBSP, tableLines, textTable, wrap } from '../../reports/terminal.ts';

test('numbers stay with their units', () => {
  expect(wrap('it took 340 ms', 11)).toEqual(['it took', `340${NBSP}ms`]);
  expect(hanging('it took 340 ms', 11, '')).toBe('it took\n  340 ms\n');
});

test('names stay whole on a narrow screen; what is no name is shortened', () => {
  const name = 'mm_filemap_delete_from_page_cache';
  expect(wrap(`needs ${name}`, 20)).toEqual(['needs', name]);
  expect(wrap('x'.repeat(4000), 20)).toEqual([expect.stringMatching(/^x+…x+$/)]);
});

test('text of a list is indented below its first line', () => {
  expect(hanging('one two three four', 14, '  - ')).toBe('  - one two\n    three four\n');
  expect(hanging('one two three', 10, '  ')).toBe('  one\n    two\n    three\n');
});

test('no line of words is longer than the screen, and no word is lost', () => {
  const word = fc.string({ unit: fc.constantFrom('a', 'b', 'µ'), minLength: 1 });
  const words = fc.array(word, { minLength: 1 });
  fc.assert(
    fc.property(words, fc.integer({ min: 20, max: 98 }), (given, columns) => {
      const text = given.join(' ');
      const lines = hanging(text, columns, '  - ').trimEnd().split('\n');
      expect(lines.every((line) => line.length <= columns)).toBe(true);
      expect(lines.join(' ').replace('  - ', '').trim().split(/ +/).join(' ')).toBe(text);
    }),
  );
});

test('numbers of a table stand to the right, words to the left', () => {
  const rows = [
    ['fio', '4.27 s'],
    ['postgres', '12 ms'],
  ];
  expect(textTable(['task', 'lost'], rows)).toBe(
    '  task        lost\n  fio       4.27 s\n  postgres   12 ms\n',
  );
  const right = tableLines(['', 'before'], [['a', 'found, no time lost']], {
    isNumeric: (column) => column === 1,
  });
  expect(right).toEqual(['                before', 'a  found, no time lost']);
});

test('a table that is wider than the screen goes on below itself', () => {
  const rows = [
    ['limit', '452', '0', ''],
    ['pause', '45', '12', '12 lost-events'],
  ];
  const head = ['law', 'checked', 'largest', 'why'];
  const whole = '  law    checked  largest  why\n';
  expect(textTable(head, rows, { labels: 1 })).toContain(whole);
  expect(textTable(head, rows, { labels: 1, columns: 56 })).toContain(whole);
  expect(textTable(head, rows, { labels: 1, columns: 26 })).toBe(
    '  law    checked  largest\n  limit      452        0\n  pause       45       12\n' +
      '\n  law    why\n  pause  12 lost-events\n',
  );
});

test('every cell of a table is shown once, on a screen of any width', () => {
  const cell = fc.string({ unit: fc.constantFrom('a', 'b'), minLength: 1, maxLength: 12 });
  const rows = fc.array(fc.array(cell, { minLength: 5, maxLength: 5 }), { minLength: 1 });
  fc.assert(
    fc.property(rows, fc.integer({ min: 40, max: 98 }), (given, columns) => {
      const head = ['name', 'c1', 'c2', 'c3', 'c4'];
      const text = textTable(head, given, { columns, labels: 1 });
      const lines = text.split('\n').filter((line) => line !== '');
      expect(lines.every((line) => line.length <= columns)).toBe(true);
      for (const name of head.slice(1)) expect(text.split(name)).toHaveLength(2);
      const shown = lines.flatMap((line) => line.trim().split(/ +/).slice(1)).sort();
      expect(shown).toEqual([...head.slice(1), ...given.flatMap((row) => row.slice(1))].sort());
    }),
  );
});

test('a last cell that is too long goes on below itself', () => {
  const cells = ['ts_ns', 'cpu', 'pid', 'comm', 'seq', 'bdi', 'limit_pages', 'setpoint_pages'];
  const lines = tableLines(['event', 'columns'], [['e', cells.join(' ')]], { columns: 40 });
  expect(lines).toEqual([
    'event  columns',
    'e      ts_ns cpu pid comm seq bdi',
    '       limit_pages setpoint_pages',
  ]);
});

test('a command is broken between words only, and can be pasted', () => {
  const command = 'sysctl -w vm.dirty_bytes=2147483648 vm.dirty_background_bytes=1073741824';
  for (const columns of [40, 60, 80, 98]) {
    const lines = new LabelledRows(columns).shell(command);
    const pasted = lines.map((line) => line.trim().replace(/^\$ /, '').replace(/ \\$/, ''));
    expect(pasted.join(' ')).toBe(command);
    expect(lines.slice(0, -1).every((line) => line.endsWith(' \\'))).toBe(true);
  }
});
