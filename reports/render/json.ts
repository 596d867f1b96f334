/** Report → JSON text that a person can read and diff: a key a line, an array of numbers a line. */
import type { Report } from '../schema/report.ts';

function isPlain(value: unknown): boolean {
  return typeof value !== 'object' || value === null;
}

function print(value: unknown, indent: string): string {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const deeper = `${indent}  `;
  if (Array.isArray(value)) {
    if (value.every(isPlain)) return JSON.stringify(value);
    const items = value.map((item) => `${deeper}${print(item, deeper)}`);
    return `[\n${items.join(',\n')}\n${indent}]`;
  }
  const entries = Object.entries(value).filter(([, item]) => item !== undefined);
  if (entries.length === 0) return '{}';
  const lines = entries.map(
    ([key, item]) => `${deeper}${JSON.stringify(key)}: ${print(item, deeper)}`,
  );
  return `{\n${lines.join(',\n')}\n${indent}}`;
}

/** Keys stay in the order of the schema, so that equal reports are equal bytes. */
export function renderJson(report: Report): string {
  return `${print(report, '')}\n`;
}
