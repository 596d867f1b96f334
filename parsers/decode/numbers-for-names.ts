/**
 * Flags that a printed text has as numbers, because the tool that printed it knew no names for them
 * → names and bits, as the record itself is read. From 6.18 on `trace-cmd report` and `perf script`
 * print `state=0x20052`, and for zero the first flag of the table, whose number they take for 0
 * (libtraceevent, print_flags); the kernel's own text has the names.
 */
import type { EventDefinition, PrintedFlags } from '../../src/events/define.ts';
import { numberColumn, type TextColumn, textColumn } from '../../src/trace/column.ts';
import { makeTable, type Table } from '../../src/trace/table.ts';
import { type NameTable, printNames } from './print-format.ts';
import { decoded, recode } from './text-columns.ts';

type Place = { readonly table: Table; readonly id: string; readonly column: TextColumn };

/** What a printed text says. `bits` is undefined where it depends on the kernel's version. */
type Meant = { readonly names: string; readonly bits: number | undefined };

/** All tables of a text, with names for numbers wherever the text itself shows what they mean. */
export function nameNumbers(
  tables: ReadonlyMap<string, Table>,
  dictionary: ReadonlyMap<string, EventDefinition>,
): Map<string, Table> {
  const placesOf = new Map<PrintedFlags, Place[]>();
  for (const table of tables.values()) {
    if (!table.known) continue;
    for (const [id, { flags }] of Object.entries(dictionary.get(table.name)?.columns ?? {})) {
      const column = table.columns[id];
      if (flags === undefined || column?.kind !== 'text') continue;
      placesOf.set(flags, [...(placesOf.get(flags) ?? []), { table, id, column }]);
    }
  }
  const named = new Map(tables);
  for (const [flags, places] of placesOf) {
    const texts = new Set(places.flatMap(({ column }) => column.dictionary));
    const meanings = meaningsOf(flags, texts);
    if (meanings === undefined) continue;
    for (const { table, id, column } of places) {
      const before = named.get(table.name) ?? table;
      named.set(table.name, withColumns(before, id, columnsOf(column, id, meanings)));
    }
  }
  return named;
}

/** By printed text; undefined where no text says anything but names. */
function meaningsOf(
  flags: PrintedFlags,
  texts: ReadonlySet<string>,
): ReadonlyMap<string, Meant> | undefined {
  const numbers = [...texts].map(numberIn);
  if (numbers.every((number) => number === 0)) return undefined;
  const names: NameTable = {
    kind: 'flags',
    delimiter: '|',
    entries: Object.entries(flags.bits).map(([name, bits]) => [BigInt(bits), name]),
    zero: flags.zero[1],
  };
  const isWithoutNames = numbers.some((number) => (number & flags.telling) !== 0);
  const meaning = (text: string): Meant => {
    if (!isWithoutNames) return { names: namedAlike(text, flags), bits: undefined };
    const bits = text === flags.zero[0] ? 0 : bitsOf(text, flags);
    return bits === undefined
      ? { names: text, bits }
      : { names: printNames(names, BigInt(bits)), bits };
  };
  return new Map([...texts].map((text) => [text, meaning(text)]));
}

// 0x20052     I_DIRTY_PAGES|0x2
const NUMBER = /(?:^|\|)0x([0-9a-f]{1,7})$/;

/** The bits that a text has no names for; 0 where it names all. */
function numberIn(text: string): number {
  return Number.parseInt(NUMBER.exec(text)?.[1] ?? '0', 16);
}

/** Undefined where a word is no flag. */
function bitsOf(text: string, { bits, zero }: PrintedFlags): number | undefined {
  if (text === '' || text === zero[1]) return 0;
  let sum = numberIn(text);
  for (const word of text.replace(NUMBER, '').split('|')) {
    if (word === '') continue;
    if (!Object.hasOwn(bits, word)) return undefined;
    sum |= bits[word] as number;
  }
  return sum;
}

/** Only the bits that mean the same in every kernel that leaves some numbers out. */
function namedAlike(text: string, { bits, alike }: PrintedFlags): string {
  const number = numberIn(text);
  const known = number & alike;
  if (known === 0) return text;
  const words = text
    .replace(NUMBER, '')
    .split('|')
    .filter((word) => word !== '');
  for (const [name, bit] of Object.entries(bits)) if ((known & bit) !== 0) words.push(name);
  if (number !== known) words.push(`0x${(number & ~known).toString(16)}`);
  return words.join('|');
}

/** The codes of the column are used up. */
function columnsOf(column: TextColumn, id: string, meanings: ReadonlyMap<string, Meant>) {
  const { codes } = column;
  const meant = column.dictionary.map(
    (text) => meanings.get(text) ?? { names: text, bits: undefined },
  );
  const numbers = meant.flatMap(({ bits }) => bits ?? []);
  const bits =
    numbers.length === meant.length
      ? { [`${id}_bits`]: numberColumn(decoded(codes, numbers), 'bits', { unsigned: true }) }
      : {};
  // Two printed texts may have meant the same.
  const codeOf = new Map(
    [...new Set(meant.map(({ names }) => names))].map((name, at) => [name, at]),
  );
  if (codeOf.size < meant.length) {
    const recoded = Uint32Array.from(meant, ({ names }) => codeOf.get(names) as number);
    recode(codes, recoded, [[0, codes.length]]);
  }
  return { [id]: textColumn(codes, [...codeOf.keys()]), ...bits };
}

/** The columns in the place of the one called `id`. */
function withColumns(table: Table, id: string, columns: Record<string, Table['columns'][string]>) {
  const entries = Object.entries(table.columns)
    .filter(([name]) => name === id || columns[name] === undefined)
    .flatMap(([name, column]) =>
      name === id ? Object.entries(columns) : [[name, column] as const],
    );
  const { system, known } = table;
  return makeTable(table.name, Object.fromEntries(entries), { system, known });
}
