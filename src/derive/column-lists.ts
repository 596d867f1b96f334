/** Growing columns for derived tables, typed from the first row on, then sealed. */
import { bigColumn, type Column, numberColumn, textColumn } from '../trace/column.ts';
import { makeTable, type Table } from '../trace/table.ts';
import type { Unit } from '../trace/units.ts';

/** `seq` keeps a table mergeable with tables of events (visitInOrder), `id` is a 64-bit identity. */
export type ListKind = Unit | 'text' | 'seq' | 'id64';

type Kinds = Readonly<Record<string, ListKind>>;
type ListOf<Kind> = Kind extends 'text' ? TextList : Kind extends 'id64' ? IdList : NumberList;
type ValueOf<Kind> = Kind extends 'text' ? string : Kind extends 'id64' ? bigint : number;
export type Row<K extends Kinds> = { readonly [id in keyof K]: ValueOf<K[id]> };

const FIRST_ROWS = 64;

export class NumberList {
  #values: Float64Array;

  constructor(reserved = FIRST_ROWS) {
    this.#values = new Float64Array(reserved);
  }

  set(row: number, value: number): void {
    if (row >= this.#values.length) this.#values = grown(this.#values, row);
    this.#values[row] = value;
  }

  add(row: number, value: number): void {
    this.set(row, this.at(row) + value);
  }

  at(row: number): number {
    return this.#values[row] as number;
  }

  seal(rows: number, kind: Unit | 'seq'): Column {
    const values = cut(this.#values, rows);
    return kind === 'seq'
      ? numberColumn(new Uint32Array(values), 'count')
      : numberColumn(values, kind);
  }
}

/** Texts as codes: a row costs four bytes, however long they are. */
export class TextList {
  #codes: Uint32Array;
  readonly #texts: string[] = [];
  readonly #codeOf = new Map<string, number>();
  #last = '';
  #lastCode = -1;

  constructor(reserved = FIRST_ROWS) {
    this.#codes = new Uint32Array(reserved);
  }

  set(row: number, text: string): void {
    if (row >= this.#codes.length) this.#codes = grown(this.#codes, row);
    this.#codes[row] = text === this.#last && this.#lastCode >= 0 ? this.#lastCode : this.#of(text);
  }

  #of(text: string): number {
    let code = this.#codeOf.get(text);
    if (code === undefined) {
      code = this.#texts.length;
      this.#texts.push(text);
      this.#codeOf.set(text, code);
    }
    this.#last = text;
    this.#lastCode = code;
    return code;
  }

  /** The dictionary is in order of the rows, and without texts that were written over. */
  seal(rows: number): Column {
    const newCodes = new Int32Array(this.#texts.length).fill(-1);
    const dictionary: string[] = [];
    const codes = cut(this.#codes, rows);
    for (let row = 0; row < rows; row++) {
      const code = codes[row] as number;
      if ((newCodes[code] as number) < 0) {
        newCodes[code] = dictionary.length;
        dictionary.push(this.#texts[code] as string);
      }
      codes[row] = newCodes[code] as number;
    }
    return textColumn(codes, dictionary);
  }
}

/** 64-bit identities as pairs of words (low, high), so that no BigInt is made. */
export class IdList {
  #words: Uint32Array;

  constructor(reserved = FIRST_ROWS) {
    this.#words = new Uint32Array(2 * reserved);
  }

  set(row: number, value: bigint): void {
    this.setWords(row, Number(value & 0xffffffffn), Number((value >> 32n) & 0xffffffffn));
  }

  setWords(row: number, low: number, high: number): void {
    if (2 * row >= this.#words.length) this.#words = grown(this.#words, 2 * row);
    this.#words[2 * row] = low;
    this.#words[2 * row + 1] = high;
  }

  is(row: number, low: number, high: number): boolean {
    return this.#words[2 * row] === low && this.#words[2 * row + 1] === high;
  }

  seal(rows: number): Column {
    return bigColumn(new BigUint64Array(cut(this.#words, 2 * rows).buffer), 'id');
  }
}

function grown<A extends Float64Array | Uint32Array>(values: A, place: number): A {
  const larger = new (values.constructor as new (length: number) => A)(
    Math.max(place + 1, 2 * values.length),
  );
  larger.set(values);
  return larger;
}

const cut = <A extends Float64Array | Uint32Array>(values: A, length: number): A =>
  values.length === length ? values : (values.slice(0, length) as A);

function listOf(kind: ListKind, reserved: number): NumberList | TextList | IdList {
  if (kind === 'text') return new TextList(reserved);
  return kind === 'id64' ? new IdList(reserved) : new NumberList(reserved);
}

/** A table that grows: 0.36 M slices of a flusher take 0.1 s; as arrays of values they took 0.8. */
export class ColumnLists<const K extends Kinds> {
  /** Written to row by row by who has many of them. */
  readonly lists: { readonly [id in keyof K]: ListOf<K[id]> };
  readonly #kinds: K;
  readonly #ids: readonly (keyof K & string)[];
  /** `lists` in the order of the ids. */
  readonly #inOrder: readonly { set(row: number, value: unknown): void }[];
  #rows = 0;

  /** `reserved`: rows that there will be, if that is known; memory is spent when it is written. */
  constructor(kinds: K, reserved = FIRST_ROWS) {
    this.#kinds = kinds;
    this.#ids = Object.keys(kinds);
    const lists = this.#ids.map((id) => listOf(kinds[id] as ListKind, reserved));
    this.#inOrder = lists as { set(row: number, value: unknown): void }[];
    const named = this.#ids.map((id, at) => [id, lists[at]]);
    this.lists = Object.fromEntries(named) as { readonly [id in keyof K]: ListOf<K[id]> };
  }

  get rows(): number {
    return this.#rows;
  }

  /** Returns the number of the new row, all of whose cells are still to be written. */
  grow(): number {
    return this.#rows++;
  }

  /** Returns the number of the new row. */
  push(row: Row<K>): number {
    const ids = this.#ids;
    const lists = this.#inOrder;
    for (let at = 0; at < ids.length; at++) {
      lists[at]?.set(this.#rows, row[ids[at] as keyof K]);
    }
    return this.#rows++;
  }

  finish(name: string): Table {
    const columns = this.#ids.map((id) => {
      const kind = this.#kinds[id] as ListKind;
      const list: NumberList | TextList | IdList = this.lists[id];
      return [id, list.seal(this.#rows, kind as Unit)] as const;
    });
    return makeTable(name, Object.fromEntries(columns));
  }
}
