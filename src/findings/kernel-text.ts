/**
 * A row of an event as the kernel's tracer prints it, by the newest of the names that kernels use:
 * `fio-812 [001] 4.966041: balance_dirty_pages: bdi 7:0: limit=65536 …`.
 */
import { DICTIONARY } from '../events/index.ts';
import { exactAt } from '../trace/column.ts';
import type { Table } from '../trace/table.ts';

const BASE = new Set(['ts_ns', 'cpu', 'pid', 'comm', 'seq', 'instance']);

export function kernelText(table: Table, row: number): string {
  const cell = (name: string): string => {
    const column = table.columns[name];
    return column === undefined ? '?' : String(exactAt(column, row) ?? '?');
  };
  const cpu = cell('cpu').padStart(3, '0');
  const at = (Number(cell('ts_ns')) / 1e9).toFixed(6);
  const fields = Object.keys(table.columns).flatMap((name) => {
    // The number behind a symbol is no part of what is printed.
    if (BASE.has(name) || name.endsWith('_bits')) return [];
    const value = cell(name);
    if (value === '') return [];
    if (DICTIONARY.get(table.name)?.columns[name]?.type === 'dev') {
      // dev 7,0
      return [`dev ${Math.floor(Number(value) / 2 ** 20)},${Number(value) % 2 ** 20}`];
    }
    const before = printedName(table.name, name);
    // bdi 7:0: limit=…
    return [`${before}${value}${before === 'bdi ' ? ':' : ''}`];
  });
  return `${cell('comm')}-${cell('pid')} [${cpu}] ${at}: ${table.name}: ${fields.join(' ')}`;
}

/** `limit=` for the column limit_pages; values that stand alone in the text get their own name. */
function printedName(event: string, column: string): string {
  const definition = DICTIONARY.get(event)?.columns[column];
  const [field = column] = definition?.field ?? [];
  const printed = definition?.text.find((text) => /^[\w ]+[= ]$/.test(text))?.trimStart();
  return printed ?? `${field}=`;
}
