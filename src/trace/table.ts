/** Tables: named, equally long columns in a fixed order. Read-only after build. */
import { assert, assertExists } from './assert.ts';
import {
  type BigColumn,
  type Column,
  columnLength,
  type NumberColumn,
  type TextColumn,
} from './column.ts';

export type Table = {
  /** Canonical event name, or the name of a derived or sampled table. */
  readonly name: string;
  /**
   * Kernel subsystem as the trace names it, e.g. `writeback`; empty when the input does not say.
   */
  readonly system: string;
  /** True when the dictionary knows the event; otherwise columns are the record's own fields. */
  readonly known: boolean;
  readonly rows: number;
  readonly columns: Readonly<Record<string, Column>>;
};

export type Tables = ReadonlyMap<string, Table>;

export function makeTable(
  name: string,
  columns: Record<string, Column>,
  options: { system?: string; known?: boolean } = {},
): Table {
  const lengths = Object.entries(columns).map(
    ([id, column]) => [id, columnLength(column)] as const,
  );
  const rows = lengths[0]?.[1] ?? 0;
  for (const [id, length] of lengths) {
    assert(length === rows, `column ${name}.${id} has ${length} rows instead of ${rows}`);
  }
  return Object.freeze({
    name,
    system: options.system ?? '',
    known: options.known ?? true,
    rows,
    columns: Object.freeze(columns),
  });
}

/**
 * The table of an event if it has all these columns. Formats come from the capture, so an event may
 * lack any of its fields; who needs them asks here instead of failing later.
 */
export function tableWith(
  tables: Tables,
  name: string,
  columns: readonly string[],
): Table | undefined {
  const table = tables.get(name);
  return table?.known && columns.every((id) => id in table.columns) ? table : undefined;
}

/** A column that the caller knows to be there and numeric; its absence is a bug. */
export function numbers(table: Table, name: string): NumberColumn {
  const column = assertExists(table.columns[name], `column ${table.name}.${name}`);
  assert(column.kind === 'number', `column ${table.name}.${name} is numeric`);
  return column;
}

export function optionalNumbers(table: Table, name: string): NumberColumn | undefined {
  const column = table.columns[name];
  return column?.kind === 'number' ? column : undefined;
}

/** A column of 64-bit identities that the caller knows to be there; its absence is a bug. */
export function bigs(table: Table, name: string): BigColumn {
  const column = assertExists(table.columns[name], `column ${table.name}.${name}`);
  assert(column.kind === 'bigint', `column ${table.name}.${name} is a 64-bit identity`);
  return column;
}

export function optionalBigs(table: Table, name: string): BigColumn | undefined {
  const column = table.columns[name];
  return column?.kind === 'bigint' ? column : undefined;
}

/** A column of texts that the caller knows to be there; its absence is a bug. */
export function texts(table: Table, name: string): TextColumn {
  const column = assertExists(table.columns[name], `column ${table.name}.${name}`);
  assert(column.kind === 'text', `column ${table.name}.${name} is text`);
  return column;
}
