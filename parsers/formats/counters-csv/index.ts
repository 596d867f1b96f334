/**
 * Counter samples as CSV: /proc/vmstat, /proc/meminfo, memory.stat of a cgroup, pressure (PSI),
 * each with a time column, wide or long (header.ts), e.g.
 *
 *   mono_s,nr_free_pages,nr_dirty,nr_writeback,…
 *   6550.439895,5586987,5,0,…
 *
 * Columns are called as the kernel calls them; src/events/counters.ts knows their units.
 */
import {
  type CounterKind,
  counterKind,
  counterMeaning,
  psiResource,
} from '../../../src/events/counters.ts';
import { type Column, numberColumn } from '../../../src/trace/column.ts';
import { FormatError } from '../../../src/trace/errors.ts';
import { makeTable, type Table } from '../../../src/trace/table.ts';
import { NS_PER_S } from '../../../src/trace/time.ts';
import { type ByteSource, readBytes } from '../../bytes/source.ts';
import type { Layout } from './header.ts';
import { readLayout, readRecords } from './records.ts';
import { type GrownColumn, SampleRows } from './rows.ts';
import { scanRows } from './scan.ts';

export type CounterSamples = {
  readonly kind: CounterKind;
  /** Clock of the time column as trace clocks are called: `mono`, `boot`; undefined if unsaid. */
  readonly clock: string | undefined;
  /** `ts_ns` counts from the `origin_ns` that was asked for. */
  readonly table: Table;
};

const MAX_BYTES = 1 << 28;
const LF = 0x0a;
const QUOTE = 0x22;
const NS_PER_S_BIG = 1_000_000_000n;

/** Does it begin with a header that names a time column and counters? */
export function sniffCounters(head: Uint8Array): boolean {
  return headerOf(head) !== undefined;
}

/** Throws FormatError with the line when the text is not such a table. */
export function readCounters(source: ByteSource, originNs: bigint): CounterSamples {
  if (source.size > MAX_BYTES) {
    throw new FormatError(`${source.name} is too large for counter samples (${source.size} bytes)`);
  }
  const bytes = readBytes(source, 0, source.size);
  const { rows, layout } = readRows(source.name, bytes, originNs);
  dropCutRow(rows, bytes);
  const names = [...rows.columns.keys()];
  const kind = counterKind(names);
  const order = orderOfTimes(rows);
  const times = numberColumn(
    order.map((row) => rows.times[row] as number),
    'ns',
  );
  // fromEntries, because an assignment to `__proto__` would make no column.
  const columns: Record<string, Column> = Object.fromEntries([
    ['ts_ns', times] as const,
    ...[...rows.columns].map(
      ([name, column]) => [name, finish(kind, name, column, order)] as const,
    ),
  ]);
  const table = makeTable(tableName(kind, names, source.name), columns, { system: 'samples' });
  return { kind, clock: layout.clock, table };
}

function readRows(
  name: string,
  bytes: Uint8Array,
  originNs: bigint,
): { rows: SampleRows; layout: Layout } {
  const header = headerOf(bytes);
  if (header !== undefined && isPlain(header.layout, bytes)) {
    const rows = new SampleRows(name);
    if (scanRows(bytes, header.end, header.layout, originNs, rows)) {
      return { rows, layout: header.layout };
    }
  }
  const rows = new SampleRows(name);
  const layout = readRecords(bytes, originNs, rows);
  return { rows, layout };
}

/** May the fast way try? */
function isPlain(layout: Layout, bytes: Uint8Array): boolean {
  return layout.labels.length === 0 && layout.unitNs === NS_PER_S_BIG && !bytes.includes(QUOTE);
}

/** The header, in the first line that is neither blank nor a comment, and where it ends. */
function headerOf(bytes: Uint8Array): { layout: Layout; end: number } | undefined {
  const isBlank = /^[\s\uFEFF]*(#|$)/;
  let start = 0;
  while (start < Math.min(bytes.length, 64 << 10)) {
    const newline = bytes.indexOf(LF, start);
    const end = newline < 0 ? bytes.length : newline + 1;
    const line = bytes.subarray(start, Math.min(end, start + (1 << 16)));
    if (!isBlank.test(Buffer.from(line.subarray(0, 256)).toString('utf8'))) {
      const layout = readLayout(line);
      return layout === undefined ? undefined : { layout, end };
    }
    start = end;
  }
  return undefined;
}

/** A sampler that was killed in the middle of a time leaves one that is far too small. */
function dropCutRow(rows: SampleRows, bytes: Uint8Array): void {
  const { times } = rows;
  const isCut = bytes.length > 0 && bytes[bytes.length - 1] !== LF;
  if (!isCut || rows.rows < 2) return;
  if ((times[rows.rows - 1] as number) < (times[rows.rows - 2] as number)) rows.rows--;
}

/** Rows by time, in the order of the file where times are equal. */
function orderOfTimes(rows: SampleRows): Float64Array {
  const { times } = rows;
  const order = Float64Array.from({ length: rows.rows }, (_, row) => row);
  const isSorted = order.every(
    (row) => row === 0 || (times[row - 1] as number) <= (times[row] as number),
  );
  return isSorted
    ? order
    : order.sort((a, b) => (times[a] as number) - (times[b] as number) || a - b);
}

function finish(kind: CounterKind, name: string, column: GrownColumn, order: Float64Array): Column {
  const { unit, scale } = counterMeaning(kind, name);
  const values = order.map((row) => (column.values[row] as number) * scale);
  if (!column.wrapped && column.exact.size === 0) return numberColumn(values, unit);
  const exact = new Map<number, bigint>();
  order.forEach((row, at) => {
    const value = column.exact.get(row);
    if (value !== undefined) exact.set(at, value * BigInt(scale));
  });
  return numberColumn(values, unit, { unsigned: true, exact });
}

/** `vmstat`, `meminfo`, `psi_io`, …; what is none of them is called after its file. */
function tableName(kind: CounterKind, names: readonly string[], file: string): string {
  const stem = /([^/!]*?)(\.csv)?(\.\w+)?$/.exec(file)?.[1] ?? '';
  if (kind === 'other') {
    return /(^|[._-])vmstat$/.test(stem) ? 'vmstat' : stem.replace(/\W+/g, '_') || 'samples';
  }
  if (kind !== 'psi') return kind;
  const inNames = new Set(names.flatMap((name) => psiResource(name) ?? []));
  const [resource] =
    inNames.size > 0
      ? inNames.size === 1
        ? inNames
        : []
      : (/\b(?:io|memory|cpu|irq)(?![a-z])/i.exec(stem) ?? []);
  return resource === undefined ? 'psi' : `psi_${resource.toLowerCase()}`;
}

/** Do the samples touch the time of the trace, give or take a second? */
export function overlapsTrace(table: Table, durationNs: number): boolean {
  const column = table.columns['ts_ns'];
  if (column?.kind !== 'number' || table.rows === 0) return false;
  const first = column.values[0] as number;
  const last = column.values[table.rows - 1] as number;
  return first <= durationNs + NS_PER_S && last >= -NS_PER_S;
}
