/** What threads made of a file's windows → the columns of its tables. */
import type { Column } from '../../../src/trace/column.ts';
import type { EventBuilder } from '../../decode/event-tables.ts';
import type { AnyArray } from '../../decode/growing.ts';
import type { SharedMemory } from '../../wasm/memory.ts';
import { OtherRows } from './columns.ts';
import { joinLarge } from './large-values.ts';
import type { Reading } from './state.ts';
import type { TableRegions } from './table-regions.ts';
import type { ColumnRest, Dealt } from './window-dealer.ts';
import type { WindowLister } from './window-lister.ts';

const NONE: ReadonlyMap<number, bigint> = new Map();

/**
 * Gives the tables of the reading the columns that dealers filled; returns those that have no value
 * below zero, as far as dealers know.
 */
export function joinColumns(
  { registry }: Reading,
  { buffer }: SharedMemory,
  { listed, regions }: WindowLister,
  dealt: readonly Dealt[],
): Set<Column> {
  const never = new Set<Column>();
  registry.builders.forEach((builder, table) => {
    if (builder.detail === 'count') return;
    const region = regions[table] as TableRegions;
    region.finish(buffer);
    const starts = [...listed.map(({ rows }) => rows[table] ?? 0), region.rows];
    joinTable(builder, table, starts, dealt, never);
  });
  return never;
}

/** `starts`: the row that each window begins with, and the end of the last. */
function joinTable(
  builder: EventBuilder,
  table: number,
  starts: readonly number[],
  dealt: readonly Dealt[],
  never: Set<Column>,
): void {
  for (const [name, reader] of builder.readers) {
    const parts = dealt.flatMap(({ windows, tables }): Part[] => {
      const rest = tables[table]?.get(name);
      return rest === undefined ? [] : [{ windows, rest }];
    });
    const values = reader.column.array;
    const dictionary = reader.interner === undefined ? [] : joinTexts(values, parts, starts);
    const large = parts.flatMap(({ rest }) => rest.large ?? []);
    const exact = large.length === 0 ? NONE : () => joinLarge(large);
    const column = reader.make(values, { dictionary, exact });
    if (parts.every(({ rest }) => !rest.hasSign)) never.add(column);
    builder.readers.set(name, { ...reader, finish: () => column });
  }
}

/** What one dealer has of a column. */
type Part = { readonly windows: readonly number[]; readonly rest: ColumnRest };

/** Makes the codes of all dealers those of one dictionary: texts in the order of the file. */
function joinTexts(codes: AnyArray, parts: readonly Part[], starts: readonly number[]): string[] {
  const dictionary: string[] = [];
  const codeOf = new Map<string, number>();
  const own = parts.map(({ rest }) => new Uint32Array(rest.dictionary.length));
  const came = parts.flatMap(({ rest }, part) =>
    rest.cameIn.map((window, code) => ({ window, part, code })),
  );
  // The sort is stable: texts of one window keep their order.
  for (const { part, code } of came.sort((one, other) => one.window - other.window)) {
    const text = parts[part]?.rest.dictionary[code] as string;
    const joined = codeOf.get(text) ?? dictionary.length;
    if (joined === dictionary.length) {
      dictionary.push(text);
      codeOf.set(text, joined);
    }
    (own[part] as Uint32Array)[code] = joined;
  }
  parts.forEach(({ windows }, part) => {
    const joined = own[part] as Uint32Array;
    if (joined.every((code, old) => code === old)) return;
    for (const window of windows) {
      const end = starts[window + 1] as number;
      for (let row = starts[window] as number; row < end; row++) {
        codes[row] = joined[codes[row] as number] as number;
      }
    }
  });
  return dictionary;
}

/** In the order of the windows. */
export function joinOthers(dealt: readonly Dealt[]): OtherRows {
  const all = dealt.flatMap(({ others }) => others);
  const joined = new OtherRows();
  for (const { rows } of all.sort((one, other) => one.window - other.window)) joined.append(rows);
  return joined;
}
