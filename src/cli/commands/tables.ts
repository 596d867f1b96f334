/** `tidemark tables`: one table on standard output, exact to the last bit. */

import type { KeepEvents } from '../../../parsers/index.ts';
import { textTable } from '../../../reports/terminal.ts';
import { DICTIONARY } from '../../events/index.ts';
import { type Column, exactAt } from '../../trace/column.ts';
import { UsageError } from '../../trace/errors.ts';
import { printable } from '../../trace/printable.ts';
import type { Table } from '../../trace/table.ts';
import type { Trace } from '../../trace/trace.ts';
import { thousands } from '../../trace/wording.ts';
import { openCapture } from '../capture.ts';
import { parseOptions, TablesOptions } from '../config.ts';
import { type Io, tableColumns } from '../io.ts';

export async function tables(file: string, raw: unknown, io: Io): Promise<void> {
  const options = parseOptions(TablesOptions, raw);
  const trace = await openCapture(file, options, io, keepFor(options.event));
  if (options.event === undefined) {
    io.out(
      options.json ? `${JSON.stringify(listJson(trace), undefined, 2)}\n` : listText(trace, io),
    );
    return;
  }
  const table = findTable(trace, options.event);
  if (options.json) writeJson(table, io);
  else writeCsv(table, io);
}

/** The event that was asked for, under any of its names; the list shows the columns of all. */
function keepFor(event: string | undefined): KeepEvents | undefined {
  if (event === undefined) return undefined;
  // system:name, and system:name:2 where a system has two events of the name.
  const names = event.split(':').map((name) => DICTIONARY.get(name)?.name ?? name);
  return (canonical) => (names.includes(canonical) ? 'columns' : 'count');
}

/** By canonical name, by a name that some kernel uses for it, or `vmstat` for the samples. */
function findTable(trace: Trace, event: string): Table {
  const name = event.replace(/^\w+:(?=\w+$)/, '');
  const canonical = DICTIONARY.get(name)?.name ?? name;
  const table =
    trace.tables.get(event) ??
    trace.tables.get(canonical) ??
    (event === 'vmstat' ? trace.samples : trace.sampleTables?.get(event));
  if (table !== undefined) return table;
  const recorded = trace.meta.events.map((one) => DICTIONARY.get(one.name)?.name ?? one.name);
  const near = [...new Set(recorded)]
    .filter((known) => known.includes(name) || name.includes(known))
    .sort();
  const hint = near.length > 0 ? `; did you mean ${near.slice(0, 5).join(', ')}?` : '';
  const silent = trace.meta.silent_events.includes(name);
  throw new UsageError(
    silent
      ? `${event} was recorded but never happened in this capture`
      : `this capture has no event ${event}${hint} (without --event, all are listed)`,
  );
}

function listJson(trace: Trace) {
  return [...trace.tables.values()].map(({ name, system, known, rows, columns }) => ({
    name,
    system,
    known,
    rows,
    columns: Object.entries(columns).map(([id, column]) => ({
      name: id,
      type: typeOf(column),
      unit: column.unit,
    })),
  }));
}

function typeOf(column: Column): string {
  if (column.kind === 'text') return 'text';
  return column.values.constructor.name.replace('Array', '').toLowerCase();
}

function listText(trace: Trace, io: Io): string {
  const rows = [...trace.tables.values()].map(({ name, system, rows: count, columns }) => [
    printable(name),
    printable(system),
    thousands(count),
    printable(Object.keys(columns).join(' ')),
  ]);
  const columns = tableColumns(io);
  return textTable(['event', 'system', 'rows', 'columns'], rows, { columns });
}

/** Rows are printed in pieces, so that memory does not grow with the table. */
const ROWS_PER_PIECE = 4096;

function writeCsv(table: Table, io: Io): void {
  const columns = Object.entries(table.columns);
  io.out(`${columns.map(([name]) => quote(name)).join(',')}\n`);
  const cells = columns.map(([, column], nth) => ({
    before: nth === 0 ? '' : ',',
    at: cellsOf(column, csvValue),
  }));
  writeRows(table.rows, io, () => '', cells, '\n');
}

function writeJson(table: Table, io: Io): void {
  const cells = Object.entries(table.columns).map(([name, column], nth) => ({
    before: `${nth === 0 ? '{' : ','}${JSON.stringify(name)}:`,
    at: cellsOf(column, jsonValue),
  }));
  io.out('[');
  writeRows(table.rows, io, (row) => (row === 0 ? '\n' : ',\n'), cells, '}');
  io.out('\n]\n');
}

type Value = ReturnType<typeof exactAt>;
type Printed = string | number | bigint;

/** What stands in a column's rows. Texts are printed once, however many rows they have. */
function cellsOf(column: Column, print: (value: Value) => Printed): (row: number) => Printed {
  if (column.kind !== 'text') return (row) => print(exactAt(column, row));
  const { codes, dictionary } = column;
  const printed: Printed[] = [];
  return (row) => {
    const code = codes[row] as number;
    printed[code] ??= print(dictionary[code]);
    return printed[code];
  };
}

function csvValue(value: Value): Printed {
  return typeof value === 'string' ? quote(value) : (value ?? '');
}

/** JSON readers make doubles of numbers: what a double cannot hold is a string. */
function jsonValue(value: Value): Printed {
  if (typeof value === 'bigint') return `"${value}"`;
  return typeof value === 'number' && Number.isFinite(value)
    ? value
    : JSON.stringify(value ?? null);
}

type Cells = { readonly before: string; readonly at: (row: number) => Printed };

/** 451,440 rows of 20 columns take 1.0 s of CPU (JSON: 1.4); with an array for each: 1.4 (2.9). */
function writeRows(
  rows: number,
  io: Io,
  begin: (row: number) => string,
  cells: readonly Cells[],
  end: string,
): void {
  for (let from = 0; from < rows; from += ROWS_PER_PIECE) {
    let piece = '';
    for (let row = from; row < Math.min(rows, from + ROWS_PER_PIECE); row++) {
      piece += begin(row);
      for (const { before, at } of cells) piece += `${before}${at(row)}`;
      piece += end;
    }
    if (!io.out(piece)) return;
  }
}

function quote(text: string): string {
  return /[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
