/**
 * Mini-traces from plain rows: a list of events in words becomes the Trace that a capture with them
 * would have become. Columns exist only where a row names them, so absence can be tested, too.
 */
import type { ColumnDefinition } from '../../src/events/define.ts';
import { DICTIONARY } from '../../src/events/index.ts';
import {
  bigColumn,
  type Column,
  exactAt,
  numberColumn,
  textColumn,
} from '../../src/trace/column.ts';
import { makeTable, type Table } from '../../src/trace/table.ts';
import type { HostFacts, Loss, Trace } from '../../src/trace/trace.ts';

type Cell = number | bigint | string;

export type EventRow = {
  readonly event: string;
  readonly ts_ns: number;
  readonly cpu?: number;
  readonly pid?: number;
  readonly comm?: string;
} & Readonly<Record<string, Cell>>;

export type TraceFacts = {
  readonly kernel?: string;
  readonly page_size?: number | undefined;
  readonly cpus?: number;
  readonly losses?: readonly Loss[];
  readonly host?: HostFacts;
  readonly samples?: Table;
};

const BASE = ['event', 'ts_ns', 'cpu', 'pid', 'comm'];

export function makeTrace(rows: readonly EventRow[], facts: TraceFacts = {}): Trace {
  const inOrder = rows
    .map((row, given) => ({ row, given }))
    .sort(
      (a, b) =>
        a.row.ts_ns - b.row.ts_ns || (a.row.cpu ?? 0) - (b.row.cpu ?? 0) || a.given - b.given,
    )
    .map(({ row }, seq) => ({ row, seq }));
  const names = [...new Set(rows.map(({ event }) => event))].sort();
  const tables = new Map(
    names.map((name) => [
      name,
      eventTable(
        name,
        inOrder.filter(({ row }) => row.event === name),
      ),
    ]),
  );
  return {
    meta: {
      format: 'test',
      format_title: 'test',
      compression: undefined,
      origin_ns: 0n,
      duration_ns: inOrder.at(-1)?.row.ts_ns ?? 0,
      clock: 'mono',
      resolution_ns: 1,
      cpus: facts.cpus ?? 2,
      kernel: facts.kernel,
      machine: undefined,
      page_size: 'page_size' in facts ? facts.page_size : 4096,
      events: names.map((name) => ({ name, system: 'test', count: tables.get(name)?.rows ?? 0 })),
      silent_events: [],
    },
    tables,
    samples: facts.samples,
    host: facts.host ?? {},
    losses: facts.losses ?? [],
    diagnostics: [],
  };
}

type Placed = { readonly row: EventRow; readonly seq: number };

function eventTable(name: string, placed: readonly Placed[]): Table {
  const definition = DICTIONARY.get(name);
  const ids = [...new Set(placed.flatMap(({ row }) => Object.keys(row)))].filter(
    (id) => !BASE.includes(id),
  );
  const own = ids.map((id): [string, Column] => {
    const cells = placed.map(({ row }) => row[id]);
    const unit = definition?.columns[id]?.unit ?? 'none';
    return [id, cellsColumn(cells, definition?.columns[id], unit)];
  });
  const columns: Record<string, Column> = {
    ts_ns: numberColumn(
      Float64Array.from(placed, ({ row }) => row.ts_ns),
      'ns',
    ),
    cpu: numberColumn(
      Uint16Array.from(placed, ({ row }) => row.cpu ?? 0),
      'id',
    ),
    pid: numberColumn(
      Int32Array.from(placed, ({ row }) => row.pid ?? 1),
      'id',
    ),
    comm: encoded(placed.map(({ row }) => row.comm ?? 'writer')),
    seq: numberColumn(
      Uint32Array.from(placed, ({ seq }) => seq),
      'count',
    ),
    ...Object.fromEntries(own),
  };
  return makeTable(name, columns, {
    system: definition?.system ?? 'test',
    known: definition !== undefined,
  });
}

function cellsColumn(
  cells: readonly (Cell | undefined)[],
  known: ColumnDefinition | undefined,
  unit: Column['unit'],
): Column {
  if (known?.type === 'id' || cells.some((cell) => typeof cell === 'bigint')) {
    return bigColumn(
      BigUint64Array.from(cells, (cell) => BigInt(cell ?? 0)),
      unit,
    );
  }
  if (cells.some((cell) => typeof cell === 'string'))
    return encoded(cells.map((cell) => String(cell ?? '')));
  return numberColumn(
    Float64Array.from(cells, (cell) => (cell === undefined ? Number.NaN : Number(cell))),
    unit,
    { unsigned: known?.type === 'count' && !known.signed },
  );
}

function encoded(texts: readonly string[]): Column {
  const dictionary = [...new Set(texts)];
  return textColumn(
    Uint32Array.from(texts, (text) => dictionary.indexOf(text)),
    dictionary,
  );
}

/** Rows of a table as plain objects with exact values, for expectations. */
export function rowsOf(
  table: Table | undefined,
  columns?: readonly string[],
): Record<string, number | bigint | string | undefined>[] {
  if (table === undefined) return [];
  const wanted = columns ?? Object.keys(table.columns);
  return Array.from({ length: table.rows }, (_, row) =>
    Object.fromEntries(
      wanted.map((id) => {
        const column = table.columns[id];
        return [id, column === undefined ? undefined : exactAt(column, row)];
      }),
    ),
  );
}
