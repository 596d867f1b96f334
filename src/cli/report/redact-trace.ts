/**
 * Names of tasks and cgroups in a trace replaced by numbered ones, the same name by the same one.
 * They are replaced before anything is concluded, so that no sentence can hold one. Devices and
 * inodes decide how events are joined: those are replaced in the finished report.
 */
import { NumberedNames } from '../../../reports/numbered-names.ts';
import { isKernelThread } from '../../derive/stalls.ts';
import type { Column, TextColumn } from '../../trace/column.ts';
import type { Table } from '../../trace/table.ts';
import type { Trace } from '../../trace/trace.ts';

const TASKS = /(?:^|_)comm$|^(?:issuer|requester)$/;
const CGROUPS = /^(?:cgroup|path)$/;
/** Free text that programs write into the trace, and names of files. */
const FREE = /^(?:text|str|buf|filename|pathname|dname|name_dev)$/;

/** Threads that are named after a device: what stands before and after the device's name. */
const DEVICE_THREAD = /^(jbd2\/|xfsaild\/|xfs-[\w]+\/|btrfs-[\w]+\/|flush-)([^/]+?)(-\d+)?$/;
const NUMBERED_THREAD = /^(loop|md|nbd|zram)(\d+)$/;

/** The words given so far: captures that share them have the same word for the same name. */
export class KnownNames {
  readonly tasks = new NumberedNames('task-');
  readonly disks = new NumberedNames('disk-');
  readonly cgroups = new NumberedNames('/cgroup-');
  readonly numbers = new Map<string, NumberedNames>();
}

export function redactTrace(trace: Trace, known = new KnownNames()): Trace {
  const { tasks, disks, cgroups, numbers } = known;
  const task = (name: string): string => {
    if (name === '' || name === '<...>') return name;
    const device = DEVICE_THREAD.exec(name);
    if (device !== null) return `${device[1]}${disks.of(device[2] ?? '')}${device[3] ?? ''}`;
    const [, kind] = NUMBERED_THREAD.exec(name) ?? [];
    if (kind !== undefined) {
      const own = numbers.get(kind) ?? new NumberedNames(kind);
      numbers.set(kind, own);
      return own.of(name);
    }
    return isKernelThread(name) ? name : tasks.of(name);
  };
  const cgroup = (path: string) => (path === '' || path === '/' ? path : cgroups.of(path));
  const rename = (id: string, isKnown: boolean): ((name: string) => string) | undefined => {
    if (TASKS.test(id)) return task;
    if (CGROUPS.test(id)) return cgroup;
    return FREE.test(id) || (!isKnown && /name|path|file/.test(id)) ? () => 'redacted' : undefined;
  };
  const tables = new Map(
    [...trace.tables].map(([name, table]) => [name, renamed(table, rename)] as const),
  );
  return { ...trace, tables };
}

function renamed(
  table: Table,
  rename: (id: string, known: boolean) => ((name: string) => string) | undefined,
): Table {
  const columns: Record<string, Column> = {};
  for (const [id, column] of Object.entries(table.columns)) {
    const change = column.kind === 'text' ? rename(id, table.known) : undefined;
    columns[id] =
      column.kind === 'text' && change !== undefined ? withNames(column, change) : column;
  }
  return { ...table, columns };
}

/** Codes stay as they are, and are still made only when somebody asks. */
function withNames(column: TextColumn, change: (name: string) => string): TextColumn {
  return {
    kind: 'text',
    unit: 'none',
    dictionary: column.dictionary.map(change),
    ...(column.rows === undefined ? {} : { rows: column.rows }),
    get codes() {
      return column.codes;
    },
  };
}

/** Names of bdis that are no numbers: `btrfs-1`, `nfs-2`. */
export function deviceNames({ tables }: Trace): string[] {
  const names = new Set<string>();
  for (const { columns } of tables.values()) {
    const { bdi } = columns;
    if (bdi?.kind !== 'text') continue;
    for (const name of bdi.dictionary) if (!/^\d+:\d+$|^$|^\(/.test(name)) names.add(name);
  }
  return [...names].sort();
}
