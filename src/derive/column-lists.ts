/** Growing columns for derived tables: numbers and texts are pushed row by row, then sealed. */
import { bigColumn, type Column, numberColumn, textColumn } from '../trace/column.ts';
import { makeTable, type Table } from '../trace/table.ts';
import type { Unit } from '../trace/units.ts';

/** `seq` keeps a table mergeable with tables of events (visitInOrder), `id` is a 64-bit identity. */
export type ListKind = Unit | 'text' | 'seq' | 'id64';

type Lists<K extends string> = { readonly [id in K]: (number | string | bigint)[] };
export type Row<K extends string> = { readonly [id in K]: number | string | bigint };

export class ColumnLists<K extends string> {
  readonly lists: Lists<K>;
  readonly #kinds: Readonly<Record<K, ListKind>>;
  #rows = 0;

  constructor(kinds: Readonly<Record<K, ListKind>>) {
    this.#kinds = kinds;
    const ids = Object.keys(kinds) as K[];
    this.lists = Object.fromEntries(ids.map((id) => [id, []])) as unknown as Lists<K>;
  }

  get rows(): number {
    return this.#rows;
  }

  /** Returns the number of the new row. */
  push(row: Row<K>): number {
    for (const id in this.lists) this.lists[id].push(row[id]);
    return this.#rows++;
  }

  set(row: number, id: K, value: number | string | bigint): void {
    this.lists[id][row] = value;
  }

  /** For columns of numbers. */
  add(row: number, id: K, value: number): void {
    this.lists[id][row] = (this.lists[id][row] as number) + value;
  }

  number(row: number, id: K): number {
    return this.lists[id][row] as number;
  }

  finish(name: string): Table {
    const ids = Object.keys(this.lists) as K[];
    const columns = ids.map((id) => [id, sealed(this.lists[id], this.#kinds[id])] as const);
    return makeTable(name, Object.fromEntries(columns) as Record<string, Column>);
  }
}

function sealed(list: readonly (number | string | bigint)[], kind: ListKind): Column {
  if (kind === 'text') return textLists(list as readonly string[]);
  if (kind === 'id64') return bigColumn(BigUint64Array.from(list as readonly bigint[]), 'id');
  const values = list as readonly number[];
  if (kind === 'seq') return numberColumn(Uint32Array.from(values), 'count');
  return numberColumn(Float64Array.from(values), kind);
}

function textLists(list: readonly string[]): Column {
  const codes = new Map<string, number>();
  const column = Uint32Array.from(list, (text) => {
    let code = codes.get(text);
    if (code === undefined) {
      code = codes.size;
      codes.set(text, code);
    }
    return code;
  });
  return textColumn(column, [...codes.keys()]);
}
