/**
 * Devices, inodes and cgroup numbers of a report replaced, each by the same word wherever it
 * stands. Names of tasks are gone before a report is built (src/cli/report/redact-trace.ts).
 */
import { NumberedNames } from './numbered-names.ts';
import type { Report } from './schema/report.ts';

// inode 12   ino=12   ino 12   parent=2   host=12
const INODE = /(?<![\w-])(inode |ino=|ino |parent=|parent_ino=)(\d+)/g;
// cgroup_ino=4711   cgroup 4711   page_cgroup_ino=4711; 1 is the root
const CGROUP = /(?<![\w-])((?:page_)?cgroup_ino=|cgroup )(\d{2,})/g;
// connection 39   /sys/fs/fuse/connections/39: the minor number of the file system's device
const CONNECTION = /(?<=\bconnections?[ /])\d+/g;
// 7:0
const NUMBERS = /(?<![\w.:])(\d{1,4}):(\d{1,7})(?!\w|[:.]\d)/g;
// dev 7,0   sb_dev=7,0
const PRINTED = /(?<=\b(?:\w*dev)[ =])(\d{1,4}),(\d{1,7})(?!\d)/g;

/** Keys whose whole value is a name. */
const INODE_KEYS: ReadonlySet<string> = new Set(['ino']);
const CGROUP_KEYS: ReadonlySet<string> = new Set(['cgroup']);
/** What is no text of the capture, or was written by the report's author. */
const KEPT: ReadonlySet<string> = new Set(['schema', 'kind', 'id', 'unit']);

/** The report with names of tasks, cgroups, devices and inodes numbered: equal ones stay equal. */
export function redactReport(report: Report, deviceNames: readonly string[]): Report {
  const inodes = new NumberedNames('inode-');
  const cgroups = new NumberedNames('cgroup-');
  const disks = new NumberedNames('disk-');
  const connections = new NumberedNames('connection-');
  const named = [...deviceNames]
    .sort((left, right) => right.length - left.length)
    .map((name) => name.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'));
  const names =
    named.length === 0 ? undefined : new RegExp(`(?<![\\w-])(?:${named.join('|')})(?![\\w-])`, 'g');
  const inText = (text: string): string => {
    const numbered = text
      .replace(INODE, (_, before: string, ino: string) => `${before}${inodes.of(ino)}`)
      .replace(CGROUP, (_, before: string, ino: string) => `${before}${cgroups.of(ino)}`)
      .replace(CONNECTION, (id) => connections.of(id))
      .replace(PRINTED, (_, major: string, minor: string) => disks.of(`${major}:${minor}`))
      .replace(NUMBERS, (name) => disks.of(name));
    return names === undefined ? numbered : numbered.replace(names, (name) => disks.of(name));
  };
  const replace = (value: unknown, key: string): unknown => {
    if (typeof value === 'string') {
      if (KEPT.has(key)) return value;
      if (INODE_KEYS.has(key)) return inodes.of(value);
      if (CGROUP_KEYS.has(key)) return value === '' || value === '1' ? value : cgroups.of(value);
      return inText(value);
    }
    if (Array.isArray(value)) return value.map((item) => replace(item, key));
    if (typeof value !== 'object' || value === null) return value;
    const table = value as { kind?: unknown; columns?: readonly { key: string }[] };
    const entries = Object.entries(value).map(([name, item]) => {
      if (table.kind === 'table' && name === 'rows' && Array.isArray(item)) {
        return [name, item.map((row) => redactRow(row, table.columns ?? []))];
      }
      return [name, replace(item, name)];
    });
    return Object.fromEntries(entries);
  };
  const redactRow = (row: readonly unknown[], columns: readonly { key: string }[]) =>
    row.map((cell, at) => replace(cell, columns[at]?.key ?? ''));
  const { title, note } = report;
  const redacted = replace(withoutFiles(report), '') as Report;
  return {
    ...redacted,
    ...(title === undefined ? {} : { title }),
    ...(note === undefined ? {} : { note }),
    redacted: true,
    // Sentences of the author and of formats are theirs; the kernel's release is no name.
    generator: report.generator,
  };
}

/** Files are named after machines, customers and days. */
function withoutFiles(report: Report): Report {
  const unnamed = (input: Report['input']) => ({ ...input, name: 'capture' });
  const { comparison } = report;
  const rest = { ...report, input: unnamed(report.input) };
  if (comparison === undefined) return rest;
  const before = { ...comparison.before, input: unnamed(comparison.before.input) };
  return { ...rest, comparison: { ...comparison, before } };
}
