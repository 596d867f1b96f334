/**
 * Counter samples as CSV: one row a sample, a time column, one column a counter, e.g.
 *
 *   mono_s,nr_free_pages,nr_dirty,nr_writeback,…
 *   6550.439895,5586987,5,0,…
 *
 * The name of the time column says the clock: `mono_s` is CLOCK_MONOTONIC in seconds. Columns are
 * called as in /proc/vmstat and counted in pages where the kernel counts pages.
 */
import { CsvError, parse } from 'csv-parse/sync';
import { z } from 'zod';
import { numberColumn } from '../../../src/trace/column.ts';
import { FormatError } from '../../../src/trace/errors.ts';
import { makeTable, type Table } from '../../../src/trace/table.ts';
import { NS_PER_S, parseSecondsNs } from '../../../src/trace/time.ts';
import type { Unit } from '../../../src/trace/units.ts';
import { type ByteSource, readBytes } from '../../bytes/source.ts';

export type CounterSamples = {
  /** Clock of the time column as trace clocks are called: `mono`, `boot`; undefined if unsaid. */
  readonly clock: string | undefined;
  /** `ts_ns` counts from the `origin_ns` that was asked for. */
  readonly table: Table;
};

const TIME_COLUMNS: Readonly<Record<string, string | undefined>> = {
  mono_s: 'mono',
  boot_s: 'boot',
  time_s: undefined,
};
const MAX_BYTES = 1 << 28;

const Header = z
  .array(z.string().regex(/^[A-Za-z_][\w()]*$/, 'not the name of a counter'))
  .min(2, 'a time column and at least one counter are needed')
  .max(2000)
  .refine((names) => new Set(names).size === names.length, 'a column name stands twice')
  .refine(
    (names) => names.filter((name) => name in TIME_COLUMNS).length === 1,
    `exactly one time column is needed (${Object.keys(TIME_COLUMNS).join(', ')})`,
  );

/** Throws FormatError with the line when the text is not such a table. */
export function readCounters(source: ByteSource, originNs: bigint): CounterSamples {
  if (source.size > MAX_BYTES) {
    throw new FormatError(`${source.name} is too large for counter samples (${source.size} bytes)`);
  }
  const records = parseRecords(source);
  const header = Header.safeParse(records[0] ?? []);
  if (!header.success) {
    throw new FormatError(`${source.name}, line 1: ${header.error.issues[0]?.message}`);
  }
  const names = header.data;
  const rows = records.slice(1);
  const timeAt = names.findIndex((name) => name in TIME_COLUMNS);
  const columns = names.map((name, at) =>
    at === timeAt
      ? ([
          'ts_ns',
          numberColumn(
            Float64Array.from(rows, (row, line) => timeNs(source, row[at] ?? '', line + 2, originNs)),
            'ns',
          ),
        ] as const)
      : ([
          name,
          numberColumn(
            Float64Array.from(rows, (row, line) => counter(source, name, row[at] ?? '', line + 2)),
            unitOf(name),
          ),
        ] as const),
  );
  columns.sort(([left], [right]) => Number(right === 'ts_ns') - Number(left === 'ts_ns'));
  return {
    clock: TIME_COLUMNS[names[timeAt] ?? ''],
    table: makeTable('vmstat', Object.fromEntries(columns), { system: 'samples' }),
  };
}

function parseRecords(source: ByteSource): string[][] {
  try {
    return parse(Buffer.from(readBytes(source, 0, source.size)), {
      bom: true,
      trim: true,
      comment: '#',
      skip_empty_lines: true,
      // A sampler that was killed leaves half a line; the rows before it are good.
      relax_column_count_less: true,
      record_delimiter: ['\r\n', '\n'],
      max_record_size: 1 << 20,
    });
  } catch (error) {
    if (error instanceof CsvError) throw new FormatError(`${source.name}: ${error.message}`);
    throw error;
  }
}

function timeNs(source: ByteSource, text: string, line: number, originNs: bigint): number {
  const time = parseSecondsNs(text);
  if (time === undefined) {
    throw new FormatError(
      `${source.name}, line ${line}: ${JSON.stringify(text.slice(0, 40))} is not a time in seconds`,
    );
  }
  return Number(time - originNs);
}

function counter(source: ByteSource, name: string, text: string, line: number): number {
  if (text === '') return Number.NaN;
  const value = Number(text);
  if (!Number.isFinite(value)) {
    throw new FormatError(
      `${source.name}, line ${line}, ${name}: ${JSON.stringify(text.slice(0, 40))} is not a number`,
    );
  }
  return value;
}

/** Units of /proc/vmstat: nr_* and the thresholds count pages, pgpgin and pgpgout KiB, others events. */
function unitOf(name: string): Unit {
  if (/^(nr_|pgscan|pgsteal)/.test(name)) return 'pages';
  return 'count';
}

/** Share of a trace's duration that the samples must overlap to be its samples. */
export function overlapsTrace(table: Table, durationNs: number): boolean {
  const column = table.columns['ts_ns'];
  if (column?.kind !== 'number' || table.rows === 0) return false;
  const first = column.values[0] as number;
  const last = column.values[table.rows - 1] as number;
  return first <= durationNs + NS_PER_S && last >= -NS_PER_S;
}
