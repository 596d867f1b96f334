/** What the ftrace-text tests share: reading a text, and tables as plain values. */

import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { memorySource } from '../../parsers/bytes/source.ts';
import { readFtraceText } from '../../parsers/formats/ftrace-text/index.ts';
import type { Imported } from '../../parsers/importer.ts';
import { DICTIONARY } from '../../src/events/index.ts';
import { type Column, exactAt } from '../../src/trace/column.ts';
import { type Diagnostic, DiagnosticCollector } from '../../src/trace/diagnostics.ts';
import type { Table } from '../../src/trace/table.ts';

export type ReadText = Imported & { readonly diagnostics: readonly Diagnostic[] };

export function readText(
  text: string | Uint8Array,
  options: { chunkBytes?: number; pageSize?: number } = {},
): ReadText {
  const bytes = typeof text === 'string' ? Buffer.from(text, 'utf8') : text;
  const diagnostics = new DiagnosticCollector();
  const context = {
    dictionary: DICTIONARY,
    diagnostics,
    pageSize: options.pageSize,
    progress: () => {},
  };
  const { chunkBytes } = options;
  const source = memorySource('text', new Uint8Array(bytes));
  const imported = readFtraceText(source, context, chunkBytes === undefined ? {} : { chunkBytes });
  return { ...imported, diagnostics: diagnostics.list() };
}

export function unpacked(path: string): Uint8Array {
  return new Uint8Array(gunzipSync(readFileSync(path)));
}

export function valuesOf(column: Column | undefined): unknown[] {
  if (column === undefined) return [];
  const rows = column.kind === 'text' ? column.codes.length : column.values.length;
  return Array.from({ length: rows }, (_, row) => exactAt(column, row));
}

/** All rows of a table as plain objects. */
export function rowsOf(table: Table | undefined): Record<string, unknown>[] {
  if (table === undefined) return [];
  return Array.from({ length: table.rows }, (_, row) =>
    Object.fromEntries(
      Object.entries(table.columns).map(([name, column]) => [name, exactAt(column, row)]),
    ),
  );
}

export function placesOf(read: ReadText, code: string) {
  return read.diagnostics.find((diagnostic) => diagnostic.code === code)?.places;
}
