/** Tables compared to the last bit: values, types, codes and dictionaries. */
import { expect } from 'vitest';
import type { Column } from '../../src/trace/column.ts';
import type { Tables } from '../../src/trace/table.ts';

/** Memory is compared at once: a row by row comparison of millions of values takes minutes. */
export function expectSameTables(got: Tables, wanted: Tables): void {
  expect([...got.keys()]).toEqual([...wanted.keys()]);
  for (const [name, table] of wanted) {
    const { system, known, rows, columns } = table;
    expect(got.get(name)).toMatchObject({ system, known, rows });
    const others = got.get(name)?.columns ?? {};
    expect(Object.keys(others)).toEqual(Object.keys(columns));
    const different = Object.entries(columns).filter(
      ([id, column]) => !sameColumn(others[id] as Column, column),
    );
    expect(
      different.map(([id]) => id),
      name,
    ).toEqual([]);
  }
}

function sameColumn(got: Column, wanted: Column): boolean {
  if (got.kind !== wanted.kind || got.unit !== wanted.unit) return false;
  const values = (column: Column) => (column.kind === 'text' ? column.codes : column.values);
  const [mine, theirs] = [values(got), values(wanted)];
  if (mine.constructor !== theirs.constructor) return false;
  const bytes = ({ buffer, byteOffset, byteLength }: typeof mine) =>
    Buffer.from(buffer as ArrayBuffer, byteOffset, byteLength);
  if (!bytes(mine).equals(bytes(theirs))) return false;
  if (got.kind === 'text' && wanted.kind === 'text') {
    return got.dictionary.join('\n') === wanted.dictionary.join('\n');
  }
  if (got.kind !== 'number' || wanted.kind !== 'number') return true;
  const exact = (column: typeof wanted) => [...(column.exact ?? [])].join(' ');
  return got.unsigned === wanted.unsigned && exact(got) === exact(wanted);
}
