/**
 * Counter samples: /proc/vmstat, /proc/meminfo, memory.stat of a cgroup, pressure (PSI), as CSV
 * with a time column, wide or long (header.ts), or as the kernel prints them, each behind the
 * time of its reading (blocks.ts), e.g.
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
import { type BlockHead, readBlocks, sniffBlocks } from './blocks.ts';
import type { Layout } from './header.ts';
import { type Delimiter, delimiterOf, hasCounters, readLayout, readRecords } from './records.ts';
import { type GrownColumn, SampleRows } from './rows.ts';
import { scanRows } from './scan.ts';
import { mayHoldTime, timeForm } from './times.ts';

export type CounterSamples = {
  readonly kind: CounterKind;
  /** Clock of the time column as trace clocks are called: `mono`, `boot`; undefined if unsaid. */
  readonly clock: string | undefined;
  /** `ts_ns` counts from the `origin_ns` that was asked for. */
  readonly table: Table;
  /** Lines between the counters that could not be read. */
  readonly unreadable: number;
  /** Columns of words. */
  readonly ignored: readonly string[];
  /** Times were cut to whole seconds. */
  readonly areSeconds: boolean;
};

const MAX_BYTES = 1 << 28;
const LF = 0x0a;
const HASH = 0x23;
const SPACE = 0x20;
const QUOTE = 0x22;
const NS_PER_S_BIG = 1_000_000_000n;

/**
 * Does it begin with a header that names a time column and counters, or with counters as the kernel
 * prints them behind a time? A `snapshot` has no time.
 */
export function sniffCounters(head: Uint8Array): BlockHead {
  return headerOf(head) === undefined ? sniffBlocks(head) : 'samples';
}

/** Throws FormatError with the line when the text is not such a table. */
export function readCounters(source: ByteSource, originNs: bigint): CounterSamples {
  if (source.size > MAX_BYTES) {
    throw new FormatError(`${source.name} is too large for counter samples (${source.size} bytes)`);
  }
  const bytes = readBytes(source, 0, source.size);
  const { rows, clock, unreadable, ignored } = readRows(source.name, bytes, originNs);
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
  return { kind, clock, table, unreadable, ignored, areSeconds: rows.areSeconds };
}

type RowsRead = {
  readonly rows: SampleRows;
  readonly clock: string | undefined;
  readonly unreadable: number;
  readonly ignored: readonly string[];
};

function readRows(name: string, bytes: Uint8Array, originNs: bigint): RowsRead {
  const rows = new SampleRows(name);
  const header = headerOf(bytes);
  if (header === undefined && sniffBlocks(bytes) !== undefined) {
    return { rows, ...readBlocks(bytes, originNs, rows), ignored: [] };
  }
  if (
    header === undefined &&
    JSON_TEXT.test(Buffer.from(bytes.subarray(0, 64)).toString('latin1'))
  ) {
    throw new FormatError(
      `${name} is JSON; samples are read from CSV with a time column, such as mono_s,nr_dirty`,
    );
  }
  const unreadable = header?.skipped ?? 0;
  const clock = header && scanned(bytes, header, originNs, rows);
  if (clock !== undefined) return { rows, clock: clock.name, unreadable, ignored: [] };
  const again = new SampleRows(name);
  const text = header === undefined ? bytes : fromHeader(bytes, header);
  const delimiter = header?.delimiter ?? ',';
  return { rows: again, ...readRecords(text, originNs, again, delimiter), unreadable };
}

const JSON_TEXT = /^\s*[[{]/;

/** The fast way; undefined where it may not try, or gave up. */
function scanned(
  bytes: Uint8Array,
  { layout, end, delimiter }: FoundHeader,
  originNs: bigint,
  rows: SampleRows,
): { name: string | undefined } | undefined {
  if (layout.labels.length > 0 || delimiter !== ',' || bytes.includes(QUOTE)) return undefined;
  const form = timeForm(layout.time, firstTime(bytes, end, layout.timeAt), originNs);
  const isPlain = form?.unitNs === NS_PER_S_BIG || end >= bytes.length;
  if (!isPlain || !scanRows(bytes, end, layout, originNs, rows)) return undefined;
  return { name: form?.clock ?? layout.time.clock };
}

/** The time in the first row, or what stands in its place. */
function firstTime(bytes: Uint8Array, from: number, timeAt: number): string {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset + from).toString('latin1', 0, 64 << 10);
  const row = text.split(/\r?\n/).find((line) => line !== '' && !line.startsWith('#'));
  return row?.split(',')[timeAt] ?? '';
}

type FoundHeader = {
  readonly layout: Layout;
  readonly start: number;
  readonly end: number;
  readonly delimiter: Delimiter;
  /** `# time,nr_dirty` */
  readonly isComment: boolean;
  /** Lines before it that say nothing. */
  readonly skipped: number;
};

/** What stands before the header as blank lines, so that lines keep their numbers. */
function fromHeader(bytes: Uint8Array, { start, isComment, skipped }: FoundHeader): Uint8Array {
  if (!isComment && skipped === 0) return bytes;
  const copy = bytes.slice();
  for (let at = 0; skipped > 0 && at < start; at++) if (copy[at] !== LF) copy[at] = SPACE;
  if (isComment) copy[bytes.indexOf(HASH, start)] = SPACE;
  return copy;
}

const IS_BLANK = /^[\s\uFEFF]*$/;
/** What a sampler says of itself first. */
const MAX_SKIPPED = 10;

/** The header, in the first line that is neither blank nor a comment, or in a comment before. */
function headerOf(bytes: Uint8Array): FoundHeader | undefined {
  let start = 0;
  let skipped = 0;
  while (start < Math.min(bytes.length, 64 << 10) && skipped <= MAX_SKIPPED) {
    const newline = bytes.indexOf(LF, start);
    const end = newline < 0 ? bytes.length : newline + 1;
    const line = bytes.subarray(start, Math.min(end, start + (1 << 16)));
    if (!IS_BLANK.test(Buffer.from(line.subarray(0, 256)).toString('utf8'))) {
      const hash = /^[\s\uFEFF]*#/.exec(Buffer.from(line.subarray(0, 64)).toString('utf8'));
      const text = hash === null ? line : line.subarray(line.indexOf(HASH) + 1);
      const layout = mayHoldTime(text) ? readLayout(text) : undefined;
      const delimiter = delimiterOf(text);
      const isComment = hash !== null;
      if (layout !== undefined && (skipped === 0 || hasCounters(layout))) {
        return { layout, start, end, delimiter, isComment, skipped };
      }
      if (!isComment) skipped++;
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
  // /sys/devices/system/node/node0/vmstat
  const node = kind === 'vmstat' ? /(?:^|[/._-])(node\d+)(?![a-z\d])/.exec(file)?.[1] : undefined;
  if (kind !== 'psi') return node === undefined ? kind : `${kind}_${node}`;
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
  const column = table.columns.ts_ns;
  if (column?.kind !== 'number' || table.rows === 0) return false;
  const first = column.values[0] as number;
  const last = column.values[table.rows - 1] as number;
  return first <= durationNs + NS_PER_S && last >= -NS_PER_S;
}
