/** The fast way of reading perf.data beside the plain one: everything that both say of bytes. */
import { expect } from 'vitest';
import { memorySource } from '../../parsers/bytes/source.ts';
import { checkValues } from '../../parsers/check-values.ts';
import { readPerfData, readPerfDataAlone } from '../../parsers/formats/perf-data/index.ts';
import type { Imported, KeepEvents } from '../../parsers/importer.ts';
import { DICTIONARY } from '../../src/events/index.ts';
import { columnLength, exactAt } from '../../src/trace/column.ts';
import { DiagnosticCollector } from '../../src/trace/diagnostics.ts';

const BASE = ['ts_ns', 'cpu', 'pid', 'comm', 'seq'];

export type Outcome = { readonly imported: Imported; readonly diagnostics: unknown };
export type Read = (
  source: ReturnType<typeof memorySource>,
  context: never,
) => Imported | undefined;

export function outcome(
  bytes: Uint8Array,
  keep: KeepEvents | undefined,
  read: Read,
): Outcome | undefined {
  const diagnostics = new DiagnosticCollector();
  const context = { dictionary: DICTIONARY, diagnostics, pageSize: undefined, progress() {}, keep };
  const imported = read(memorySource('perf.data', bytes), context as never);
  if (imported === undefined) return undefined;
  checkValues(imported.tables, diagnostics, imported.belowZero, imported.neverBelowZero);
  return { imported, diagnostics: diagnostics.list() };
}

/** Everything of a table as text, all columns or those that every table has. */
export function printed({ imported }: Outcome, details: KeepEvents): Record<string, unknown> {
  const tables: Record<string, unknown> = {};
  for (const [name, table] of imported.tables) {
    const detail = details(name);
    if (detail === 'count') continue;
    const ids = detail === 'columns' ? Object.keys(table.columns) : BASE;
    tables[name] = ids.map((id) => {
      const column = table.columns[id];
      if (column === undefined) return [id, 'missing'];
      const cells = Array.from({ length: columnLength(column) }, (_, row) =>
        String(exactAt(column, row)),
      );
      return [id, column.kind, column.unit, cells.join(' ')];
    });
  }
  return tables;
}

const withoutKnown = ({ meta }: Imported) => ({
  ...meta,
  events: meta.events.map(({ name, system, count }) => ({ name, system, count })),
});

export function expectSame(
  bytes: Uint8Array,
  details: KeepEvents,
  dealers: number,
  window = 1,
): void {
  const whole = outcome(bytes, undefined, (source, context) => readPerfData(source, context));
  const plain = outcome(bytes, details, (source, context) => readPerfData(source, context, window));
  const dealt = outcome(bytes, details, (source, context) =>
    readPerfDataAlone(source, context, { dealers, windowBytes: window }),
  );
  if (whole === undefined || plain === undefined) throw new Error('not read');
  for (const fast of [plain, dealt]) {
    if (fast === undefined) throw new Error('the file is regular');
    expect(printed(fast, () => 'columns')).toEqual(printed(whole, details));
    expect(withoutKnown(fast.imported)).toEqual(withoutKnown(whole.imported));
    expect(fast.imported.losses).toEqual(whole.imported.losses);
    expect(fast.diagnostics).toEqual(whole.diagnostics);
  }
}
