/** Stored expectations: compared as text, rewritten by UPDATE_GOLDEN=1 (then read the diff). */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { expect } from 'vitest';
import { type Column, columnLength, exactAt } from '../../src/trace/column.ts';
import type { Table } from '../../src/trace/table.ts';

export const UPDATE_GOLDEN = process.env.UPDATE_GOLDEN === '1';

export function readGolden<T>(path: string): T | undefined {
  return existsSync(path) ? (JSON.parse(readFileSync(path, 'utf8')) as T) : undefined;
}

export function writeGolden(path: string, text: string): void {
  writeFileSync(path, text);
}

/** The text must be what the file holds; a missing file is a failure that says how to make it. */
export function expectGolden(path: string, text: string): void {
  if (UPDATE_GOLDEN) writeGolden(path, text);
  const stored = existsSync(path) ? readFileSync(path, 'utf8') : `missing: run UPDATE_GOLDEN=1`;
  expect(text.split('\n')).toEqual(stored.split('\n'));
}

/** FNV-1a of 32 bits over text. */
export class Checksum {
  #hash = 0x811c9dc5;

  add(text: string): this {
    let hash = this.#hash;
    for (let at = 0; at < text.length; at++)
      hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
    this.#hash = Math.imul(hash ^ 0x0a, 0x01000193);
    return this;
  }

  get hex(): string {
    return (this.#hash >>> 0).toString(16).padStart(8, '0');
  }
}

export function columnChecksum(column: Column): string {
  const sum = new Checksum();
  for (let row = 0; row < columnLength(column); row++) sum.add(String(exactAt(column, row)));
  return sum.hex;
}

const BASE = ['ts_ns', 'cpu', 'pid', 'comm', 'seq'];
const MAX_SHOWN = 60;

/**
 * One line a table (its rows and one checksum of the columns that every table has), then one line a
 * column: kind, unit, checksum of all printed values, the first two and the last two of them.
 */
export function describeTable(table: Table): string[] {
  const base = new Checksum();
  for (const id of BASE) {
    const column = table.columns[id];
    if (column !== undefined) base.add(columnChecksum(column));
  }
  const last = table.rows - 1;
  const ends = [...new Set([0, 1, last - 1, last])].filter((row) => row >= 0 && row <= last);
  const own = Object.entries(table.columns).filter(([id]) => !BASE.includes(id));
  const lines = own.map(([id, column]) => {
    const values = ends.map((row) => shown(exactAt(column, row)));
    return `${id}: ${column.kind} ${column.unit} ${columnChecksum(column)} [${values.join(', ')}]`;
  });
  const times = [0, last].map((row) => {
    const ts = table.columns.ts_ns;
    return ts === undefined || table.rows === 0 ? '' : shown(exactAt(ts, row));
  });
  const known = table.known ? '' : ', raw';
  return [
    `${table.rows} rows, ${table.system}${known}, base ${base.hex}, ts ${times.join('…')}`,
    ...lines,
  ];
}

function shown(value: number | bigint | string | undefined): string {
  const text = typeof value === 'string' ? JSON.stringify(value) : String(value);
  return text.length > MAX_SHOWN ? `${text.slice(0, MAX_SHOWN)}…` : text;
}

/** JSON with one short line per entry of the innermost lists, so that a diff shows what changed. */
export function goldenJson(value: unknown): string {
  return `${JSON.stringify(value, undefined, 1)}\n`;
}
