/** The tolerant way: any CSV that csv-parse understands, wide or long, as rows. */
import { CsvError, parse } from 'csv-parse/sync';
import { FormatError } from '../../../src/trace/errors.ts';
import { counterName, type Layout, readHeader } from './header.ts';
import type { GrownColumn, SampleRows } from './rows.ts';
import { readTime, type TimeForm, timeForm } from './times.ts';

const OPTIONS = {
  bom: true,
  trim: true,
  comment: '#',
  skip_empty_lines: true,
  // A sampler that was killed leaves half a line; the rows before it are good.
  relax_column_count_less: true,
  record_delimiter: ['\r\n', '\n'],
  max_record_size: 1 << 20,
};

const DELIMITERS = [',', '\t', ';'] as const;
export type Delimiter = (typeof DELIMITERS)[number];

/** The one that stands most often in the header. */
export function delimiterOf(header: Uint8Array): Delimiter {
  const text = bytesAsBuffer(header).toString('latin1').split(/\r?\n/, 1)[0] ?? '';
  const count = (delimiter: string) => text.split(delimiter).length;
  return DELIMITERS.reduce((best, one) => (count(one) > count(best) ? one : best));
}

/** Throws FormatError with the line that is wrong. Returns the clock of the times, where it shows. */
export function readRecords(
  bytes: Uint8Array,
  originNs: bigint,
  rows: SampleRows,
  delimiter: Delimiter,
): string | undefined {
  let layout: Layout | undefined;
  let form: TimeForm | undefined;
  const rowOfTime = new Map<string, number>();
  const onRecord = (record: string[], { lines }: { lines: number }): undefined => {
    const fail = (what: string): never => {
      throw new FormatError(`${rows.name}, line ${lines}${what}`);
    };
    if (layout === undefined) {
      const header = readHeader(record);
      layout = typeof header === 'string' ? fail(`: ${header}`) : header;
      if (layout.labels.length === 0) for (const { name } of layout.values) rows.column(name);
      return;
    }
    const text = record[layout.timeAt] ?? '';
    form ??= timeForm(layout.time, text);
    const time = (form && readTime(form, text)) ?? fail(`: ${quoted(text)} is not a time`);
    const isLong = layout.labels.length > 0;
    let row = isLong ? rowOfTime.get(text) : undefined;
    if (row === undefined) {
      row = rows.addRow(Number(time - originNs));
      if (isLong) rowOfTime.set(text, row);
    }
    const labels = layout.labels.map((at) => record[at] ?? '');
    for (const { name, at } of layout.values) {
      const given = record[at] ?? '';
      // Where ; divides cells, a comma divides decimals.
      const value = delimiter === ';' ? given.replace(',', '.') : given;
      if (value === '') continue;
      const counter = isLong
        ? (counterName(labels, name) ??
          fail(`: ${quoted(labels.join(' '))} is not the name of a counter`))
        : name;
      if (!setValue(rows.column(counter), row, value)) {
        fail(`, ${counter}: ${quoted(value)} is not a number`);
      }
    }
  };
  try {
    parse(bytesAsBuffer(bytes), { ...OPTIONS, delimiter, on_record: onRecord });
  } catch (error) {
    if (error instanceof CsvError) throw new FormatError(`${rows.name}: ${error.message}`);
    throw error;
  }
  if (layout !== undefined) return form?.clock ?? layout.time.clock;
  const empty = readHeader([]);
  throw new FormatError(`${rows.name}, line 1: ${typeof empty === 'string' ? empty : ''}`);
}

/** Only the header; undefined when there is none that says how to read samples. */
export function readLayout(bytes: Uint8Array): Layout | undefined {
  try {
    const delimiter = delimiterOf(bytes);
    const [names] = parse(bytesAsBuffer(bytes), { ...OPTIONS, delimiter, to: 1 }) as string[][];
    const layout = readHeader(names ?? []);
    return typeof layout === 'string' ? undefined : layout;
  } catch (error) {
    if (error instanceof CsvError) return undefined;
    throw error;
  }
}

/** 12   0.25   -1   18446744073709551615   24684096 kB */
const NUMBER = /^[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d{1,3})?$/;
const WIDE_INTEGER = /^\d{16,20}$/;

export function setValue(column: GrownColumn, row: number, text: string): boolean {
  const digits = text.replace(/ kB$/, '');
  if (!NUMBER.test(digits)) return false;
  column.values[row] = Number(digits);
  if (!WIDE_INTEGER.test(digits)) return Number.isFinite(column.values[row]);
  const unsigned = BigInt(digits);
  const signed = BigInt.asIntN(64, unsigned);
  if (BigInt.asUintN(64, unsigned) !== unsigned) return false;
  // A counter that ran below zero prints as a number near 2^64.
  if (signed < 0n) column.wrapped = true;
  column.values[row] = Number(signed);
  if (BigInt(Number(signed)) !== signed) column.exact.set(row, unsigned);
  return true;
}

function quoted(text: string): string {
  return JSON.stringify(text.slice(0, 40));
}

function bytesAsBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
}
