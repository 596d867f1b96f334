/** `tidemark tables`: one table on standard output, exact to the last bit. */

import type { KeepEvents } from '../../../parsers/index.ts';
import { textTable } from '../../../reports/terminal.ts';
import { DICTIONARY } from '../../events/index.ts';
import type { Column } from '../../trace/column.ts';
import { UsageError } from '../../trace/errors.ts';
import { printable } from '../../trace/printable.ts';
import type { Table } from '../../trace/table.ts';
import type { Trace } from '../../trace/trace.ts';
import { thousands } from '../../trace/wording.ts';
import { openCapture } from '../capture.ts';
import { parseOptions, TablesOptions } from '../config.ts';
import { type Io, tableColumns } from '../io.ts';
import { printRows, type Value } from '../tables/print-rows.ts';

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

function writeCsv(table: Table, io: Io): void {
  io.out(`${Object.keys(table.columns).map(quote).join(',')}\n`);
  const around = (_: string, nth: number) => [nth === 0 ? '' : ',', ''] as const;
  const printing = { first: '', between: '', around, end: '\n', print: csvValue };
  printRows(table, printing, (text) => io.out(text));
}

function writeJson(table: Table, io: Io): void {
  const around = (name: string, nth: number, { kind }: Column) => {
    const quotes = kind === 'bigint' ? '"' : '';
    return [`${nth === 0 ? '{' : ','}${JSON.stringify(name)}:${quotes}`, quotes] as const;
  };
  const printing = { first: '\n', between: ',\n', around, end: '}', print: jsonValue };
  io.out('[');
  printRows(table, printing, (text) => io.out(text));
  io.out('\n]\n');
}

function csvValue(value: Value): string {
  return typeof value === 'string' ? quote(value) : `${value ?? ''}`;
}

/** JSON readers make doubles of numbers: what a double cannot hold is a string. */
function jsonValue(value: Value): string {
  return typeof value === 'bigint' ? `"${value}"` : JSON.stringify(value ?? null);
}

function quote(text: string): string {
  return /[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
