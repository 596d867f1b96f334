/** Growing columns hold what was written last, however much is written before and over it. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ColumnLists } from '../../src/derive/column-lists.ts';
import { exactAt } from '../../src/trace/column.ts';

const KINDS = { number: 'pages', seq: 'seq', text: 'text', id: 'id64' } as const;
const row = fc.record({
  number: fc.double(),
  seq: fc.nat(),
  text: fc.constantFrom('', 'a', 'b', 'c'),
  id: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
});

test('cells come out as they went in', () => {
  fc.assert(
    fc.property(fc.array(row, { maxLength: 200 }), fc.nat({ max: 100 }), (rows, reserved) => {
      const lists = new ColumnLists(KINDS, reserved);
      for (const given of rows) lists.push({ ...given, text: `${given.text}, written over` });
      for (const [at, { text }] of rows.entries()) lists.lists.text.set(at, text);
      const { columns } = lists.finish('made');
      const cells = (id: keyof typeof KINDS) =>
        rows.map((_, at) => exactAt(columns[id] as NonNullable<(typeof columns)[string]>, at));
      expect(cells('seq')).toEqual(rows.map(({ seq }) => seq));
      expect(cells('id')).toEqual(rows.map(({ id }) => id));
      expect(cells('text')).toEqual(rows.map(({ text }) => text));
      const { text, number } = columns;
      expect(text?.kind === 'text' && text.dictionary).toEqual([...new Set(cells('text'))]);
      const numbers = number?.kind === 'number' ? [...number.values] : [];
      expect(numbers).toEqual(rows.map((given) => given.number));
    }),
  );
});
