/**
 * Which columns an event gets: the dictionary's where it knows the event, else the fields as is.
 */
import type { ColumnDefinition, EventDefinition } from '../../src/events/index.ts';
import type { Column } from '../../src/trace/column.ts';
import { isCounter } from '../check-values.ts';
import {
  type ColumnReader,
  countReader,
  idReader,
  intReader,
  namedReader,
  namesReader,
  textReader,
} from './binary-fields.ts';
import type { EventField, EventFormat } from './event-format.ts';
import { parseNameTables } from './print-format.ts';

/** The columns that every table of events starts with. */
export const BASE_COLUMNS: readonly string[] = ['ts_ns', 'cpu', 'pid', 'comm', 'seq'];

export type EventColumns = {
  readonly readers: ReadonlyMap<string, ColumnReader>;
  /** Columns that the dictionary promises and this format cannot give. */
  readonly missing: readonly string[];
  /** Fields of counters that may run below zero, by the columns that they become. */
  readonly counters: ReadonlyMap<string, EventField>;
};

export type SymbolResolver = (address: bigint) => string;

export function columnsOf(
  format: EventFormat,
  definition: EventDefinition | undefined,
  resolveSymbol: SymbolResolver,
): EventColumns {
  const readers = new Map<string, ColumnReader>();
  const missing: string[] = [];
  const claimed = new Set<EventField>();
  const tablesOf = nameTables(format);
  for (const [name, column] of Object.entries(definition?.columns ?? {})) {
    const field = findField(format, column);
    if (field === undefined) {
      if (!column.optional) missing.push(name);
      continue;
    }
    claimed.add(field);
    for (const [id, reader] of knownReaders(name, column, field, tablesOf, resolveSymbol)) {
      readers.set(id, reader);
    }
  }
  for (const field of format.fields) {
    if (!claimed.has(field)) readers.set(freeName(field.name, readers), rawReader(field));
  }
  return { readers, missing, counters: countersOf(format, definition) };
}

/** The counters of an event that may run below zero, where its columns are not read. */
export function countersOf(
  format: EventFormat,
  definition: EventDefinition | undefined,
): Map<string, EventField> {
  const counters = new Map<string, EventField>();
  for (const [name, column] of Object.entries(definition?.columns ?? {})) {
    const field = findField(format, column);
    if (field !== undefined && mayRunBelowZero(column, field)) counters.set(name, field);
  }
  return counters;
}

/** Narrower fields hold what the kernel printed: as unsigned numbers, they cannot be negative. */
function mayRunBelowZero(column: ColumnDefinition, field: EventField): boolean {
  if (field.size !== 8) return false;
  const isUnsigned = column.type === 'count' ? !column.signed : !field.signed;
  return ['count', 'int', 'dev'].includes(column.type) && isCounter(isUnsigned, column.unit);
}

/** Aliases in their own order: the newest name wins where a record has two. */
function findField(format: EventFormat, column: ColumnDefinition): EventField | undefined {
  for (const alias of column.field) {
    const field = format.fields.find((candidate) => candidate.name === alias);
    if (field !== undefined && fits(column, field)) return field;
  }
  return undefined;
}

function fits(column: ColumnDefinition, field: EventField): boolean {
  const isScalar = field.shape === 'scalar' && [1, 2, 4, 8].includes(field.size);
  return column.type === 'text' ? field.isText : isScalar;
}

type TablesOf = (constants: Constants) => ReturnType<typeof parseNameTables>;
type Constants = Parameters<typeof parseNameTables>[1];

/** Those of a format, which are parsed once for all columns that have the same constants. */
function nameTables({ printFormat }: EventFormat): TablesOf {
  const known = new Map<string, ReturnType<TablesOf>>();
  return (constants) => {
    const key = JSON.stringify(constants);
    const tables = known.get(key) ?? parseNameTables(printFormat, constants);
    known.set(key, tables);
    return tables;
  };
}

function knownReaders(
  name: string,
  column: ColumnDefinition,
  field: EventField,
  tablesOf: TablesOf,
  resolveSymbol: SymbolResolver,
): [string, ColumnReader][] {
  switch (column.type) {
    case 'count':
      return [[name, countReader(field, column.unit, column.signed)]];
    case 'int':
    case 'dev':
      return [[name, intReader(field, column.unit)]];
    case 'id':
      return [[name, idReader(field, column.unit)]];
    case 'text':
      return [[name, textReader(field)]];
    case 'function':
      return [[name, namedReader(field, resolveSymbol)]];
    case 'names': {
      const bits: [string, ColumnReader] = [`${name}_bits`, countReader(field, 'bits', false)];
      const table = tablesOf(column.constants).get(field.name);
      return table === undefined ? [bits] : [[name, namesReader(field, table)], bits];
    }
  }
}

/** A column for a field that no dictionary explains: its bits, not a guess at its meaning. */
function rawReader(field: EventField): ColumnReader {
  if (field.shape !== 'scalar' || ![1, 2, 4, 8].includes(field.size)) return textReader(field);
  return field.size === 8 ? idReader(field, 'none', field.signed) : intReader(field, 'none');
}

/**
 * A field called like a base column (sched events have `pid`) or like another column is told apart.
 */
function freeName(name: string, taken: ReadonlyMap<string, unknown>): string {
  let free = BASE_COLUMNS.includes(name) ? `field_${name}` : name;
  while (taken.has(free)) free = `field_${free}`;
  return free;
}

export function finishColumns(columns: EventColumns): Record<string, Column> {
  return Object.fromEntries([...columns.readers].map(([name, reader]) => [name, reader.finish()]));
}
