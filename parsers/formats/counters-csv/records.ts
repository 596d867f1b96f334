/** The tolerant way: any CSV that csv-parse understands, wide or long, as rows. */
import { CsvError, type Options, parse } from 'csv-parse/sync';
import { counterKind } from '../../../src/events/counters.ts';
import { FormatError } from '../../../src/trace/errors.ts';
import { counterName, isValue, type Layout, readHeader } from './header.ts';
import type { GrownColumn, SampleRows } from './rows.ts';
import { readTime, type TimeForm, timeForm } from './times.ts';

const OPTIONS = {
  bom: true,
  trim: true,
  comment: '#',
  skip_empty_lines: true,
  // A sampler that was killed leaves half a line; more cells than the header has are checked.
  relax_column_count: true,
  record_delimiter: ['\r\n', '\n'],
  max_record_size: 1 << 20,
};

const DELIMITERS = [',', '\t', ';', '|'] as const;
/** Blanks, any number of them, where none of the others is. */
export type Delimiter = (typeof DELIMITERS)[number] | ' ';

/** The one that stands most often in the header. */
export function delimiterOf(header: Uint8Array): Delimiter {
  const text = bytesAsBuffer(header).toString('latin1').split(/\r?\n/, 1)[0] ?? '';
  const count = (delimiter: string) => text.split(delimiter).length;
  const best = DELIMITERS.reduce((one, other) => (count(other) > count(one) ? other : one));
  return count(best) === 1 && /\S +\S/.test(text) ? ' ' : best;
}

/** The text and delimiter for csv-parse, which cannot take several blanks for one. */
function parsed(bytes: Uint8Array, delimiter: Delimiter, options: Options) {
  if (delimiter !== ' ') return parse(bytesAsBuffer(bytes), { ...options, delimiter });
  const text = bytesAsBuffer(bytes).toString('utf8');
  const lines = text.split('\n').map((line) => line.trim().replace(/ +/g, ','));
  const commas = lines.join('\n');
  return parse(commas, { ...options, delimiter: ',' });
}

/**
 * Throws FormatError with the line that is wrong. Returns the clock of the times, where it shows,
 * and columns that are no counters.
 */
export function readRecords(
  bytes: Uint8Array,
  originNs: bigint,
  rows: SampleRows,
  delimiter: Delimiter,
): { readonly clock: string | undefined; readonly ignored: readonly string[] } {
  let layout: Layout | undefined;
  let form: TimeForm | undefined;
  let header: readonly string[] = [];
  const ignored = new Set<string>();
  const rowOfTime = new Map<string, number>();
  const onRecord = (record: string[], { lines }: { lines: number }): undefined => {
    const fail = (what: string): never => {
      throw new FormatError(`${rows.name}, line ${lines}${what}`);
    };
    if (layout === undefined) {
      const read = readHeader(record);
      layout = typeof read === 'string' ? fail(`: ${read}`) : read;
      header = record;
      return;
    }
    // Samplers that are started again begin a file again.
    if (record.length === header.length && record.every((cell, at) => cell === header[at])) return;
    if (record.slice(header.length).some((cell) => cell !== '')) {
      fail(`: ${record.length} cells, but the header has ${header.length}`);
    }
    const isFirst = rows.rows === 0;
    const given = record[layout.timeAt] ?? '';
    // Where ; divides cells, a comma divides decimals; and then a point does not.
    const hasComma = delimiter === ';' && /^\d+,\d+$/.test(given);
    const text = hasComma ? given.replace(',', '.') : given;
    form ??= timeForm(layout.time, text, originNs);
    const time = (form && readTime(form, text)) ?? fail(`: ${quoted(text)} is not a time`);
    const isLong = layout.labels.length > 0;
    let row = isLong ? rowOfTime.get(text) : undefined;
    if (row === undefined) {
      row = rows.addRow(time, originNs);
      if (isLong) rowOfTime.set(text, row);
    }
    const labels = layout.labels.map((at) => record[at] ?? '');
    for (const { name, at } of layout.values) {
      const value = numberText(record[at] ?? '', delimiter, hasComma);
      const isAlone = layout.values.length === ignored.size + 1;
      if (isFirst && !isLong && !isAlone && isOther(name, value)) ignored.add(name);
      if (ignored.has(name) || MISSING.test(value)) continue;
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
    parsed(bytes, delimiter, { ...OPTIONS, on_record: onRecord });
  } catch (error) {
    if (error instanceof CsvError) throw new FormatError(`${rows.name}: ${error.message}`);
    throw error;
  }
  if (layout !== undefined) {
    if (layout.labels.length === 0) orderColumns(rows, layout, ignored);
    return { clock: form?.clock ?? layout.time.clock, ignored: [...ignored] };
  }
  const empty = readHeader([]);
  throw new FormatError(`${rows.name}, line 1: ${typeof empty === 'string' ? empty : ''}`);
}

/** Columns stand as in the header, also those without a value in the first rows. */
function orderColumns(rows: SampleRows, layout: Layout, ignored: ReadonlySet<string>): void {
  for (const { name } of layout.values) {
    if (ignored.has(name)) continue;
    const column = rows.column(name);
    rows.columns.delete(name);
    rows.columns.set(name, column);
  }
}

/** What stands where there is no value. */
const MISSING = /^(?:|-+|\?|n\/?a|<na>|nan|null|none|nil)$/i;

/** A column of words, such as the host, beside the counters. */
function isOther(name: string, value: string): boolean {
  const isWord = /^[a-z]/i.test(value) && !/^inf/i.test(value) && !MISSING.test(value);
  return isWord && counterKind([name]) === 'other';
}

// 5,738,306     5 738 306     5_738_306     5'738'306
const GROUPED = /^[-+]?\d{1,3}(?:([ ,_'\u00a0\u202f])\d{3})(?:\1\d{3})*(?:\.\d+)?$/;

function numberText(cell: string, delimiter: Delimiter, hasComma: boolean): string {
  if (delimiter === ';') {
    const value = hasComma ? cell.replace(/\.(?=\d{3}(?:\D|$))/g, '') : cell;
    return (
      GROUPED.test(value) && !value.includes(',') ? value.replace(SEPARATORS, '') : value
    ).replace(',', '.');
  }
  return GROUPED.test(cell) ? cell.replace(SEPARATORS, '') : cell;
}

const SEPARATORS = /[ ,_'\u00a0\u202f]/g;

/** Only the header; undefined when there is none that says how to read samples. */
export function readLayout(bytes: Uint8Array): Layout | undefined {
  try {
    const delimiter = delimiterOf(bytes);
    const [names] = parsed(bytes, delimiter, { ...OPTIONS, to: 1 }) as string[][];
    const layout = readHeader(names ?? []);
    if (typeof layout === 'string') return undefined;
    // A sentence with the word `time` in it looks like a header, too.
    return delimiter === ' ' && !hasCounters(layout) ? undefined : layout;
  } catch (error) {
    if (error instanceof CsvError) return undefined;
    throw error;
  }
}

/** Does the header name counters of the kernel, or say where their names stand? */
export function hasCounters({ values, labels }: Layout): boolean {
  const names = values.map(({ name }) => name);
  const known = names.filter((name) => counterKind([name]) !== 'other').length;
  return 2 * known >= names.length || (labels.length > 0 && names.every(isValue));
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

export function quoted(text: string): string {
  return JSON.stringify(text.slice(0, 40));
}

function bytesAsBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
}
