/**
 * The header of a table of samples, which says how to read the rest:
 *
 *   mono_s,nr_dirty,nr_writeback           wide: one row a sample, one column a counter
 *   time,name,value                        long: one row a counter
 *   time,resource,type,avg10,total         long, with a part of the counter's name in each column
 *
 * The name of the time column says clock and unit, or leaves them to its values (times.ts).
 */
import * as z from 'zod';
import { counterKind } from '../../../src/events/counters.ts';
import { type TimeForm, timeColumn } from './times.ts';

export type Layout = {
  readonly timeAt: number;
  /** What the name of the time column says. */
  readonly time: TimeForm;
  /** Columns whose texts make the counter's name in the long form; empty in the wide one. */
  readonly labels: readonly number[];
  readonly values: readonly { readonly name: string; readonly at: number }[];
};

const LABELS = new Set([
  ...['name', 'counter', 'metric', 'key', 'field', 'item', 'variable', 'stat', 'line'],
  ...['resource', 'type', 'kind', 'level', 'scope', 'stall'],
]);
const VALUE = new Set(['value', 'val', 'reading']);
export const isValue = (name: string): boolean => VALUE.has(name.toLowerCase());
export const MAX_COLUMNS = 2000;

/** Numbers of rows, as tools for tables write them, and the end of a row that ends in a comma. */
const UNNAMED = /^\s*(?:Unnamed: \d+)?\s*$/;
const COUNTER_NAME = /^[A-Za-z_][\w().]*$/;

const isTime = (name: string): boolean => timeColumn(name) !== undefined;
const isLabel = (name: string): boolean => LABELS.has(columnName(name).toLowerCase());

const Header = z
  .array(
    z
      .string()
      .max(200)
      .refine(
        (name) => isTime(name) || COUNTER_NAME.test(columnName(name)),
        'not the name of a counter',
      ),
  )
  .min(2, 'a time column and at least one counter are needed')
  .max(MAX_COLUMNS)
  .superRefine((names, context) => {
    const twice = names.find((name, at) => names.map(columnName).indexOf(columnName(name)) !== at);
    if (twice === undefined) return;
    context.addIssue({ code: 'custom', message: `column ${twice} stands twice` });
  })
  .refine(
    (names) => names.some(isTime),
    'a time column is needed (such as mono_s, boot_s, timestamp or time_ms)',
  )
  .refine(
    (names) => names.some((name) => !isTime(name) && !isLabel(name)),
    'there is no column with values',
  );

/** Clocks that traces use come before those that must be matched with theirs. */
const PREFERRED = ['mono', 'boot', 'tai', undefined, 'real'];

/** The layout, or what is wrong with the header. Of several time columns, one is used. */
export function readHeader(all: readonly string[]): Layout | string {
  const named = all.map((name, at) => ({ name, at })).filter(({ name }) => !UNNAMED.test(name));
  const checked = Header.safeParse(named.map(({ name }) => name));
  if (!checked.success) return checked.error.issues[0]?.message ?? 'not a header';
  const times = named.flatMap(({ name, at }) => {
    const time = timeColumn(name);
    return time === undefined ? [] : [{ time, at }];
  });
  const rank = ({ time }: { time: TimeForm }) => PREFERRED.indexOf(time.clock);
  const [best] = [...times].sort((left, right) => rank(left) - rank(right));
  if (best === undefined) return 'a time column is needed';
  const places = named
    .map(({ name, at }) => ({ name: columnName(name), at }))
    .filter(({ at }) => times.every((time) => time.at !== at));
  const labels = places.filter(({ name }) => isLabel(name)).map(({ at }) => at);
  const values = asKernelSays(places.filter(({ at }) => !labels.includes(at)));
  return { timeAt: best.at, time: best.time, labels, values };
}

// vmstat_nr_dirty     node_vmstat_pgpgin
const FILE_PREFIX = /^(?:(?:node|proc|sys)_)*(?:vmstat|meminfo|memory_stat)_/i;

/** Without what tools put before all names, and in lower case, if they are known then. */
function asKernelSays(values: Layout['values']): Layout['values'] {
  const renamings = [
    (name: string) => name,
    (name: string) => name.replace(FILE_PREFIX, ''),
    (name: string) => name.replace(FILE_PREFIX, '').toLowerCase(),
  ];
  for (const rename of renamings) {
    const renamed = values.map(({ name, at }) => ({ name: rename(name), at }));
    const names = renamed.map(({ name }) => name);
    const isClear = new Set(names).size === names.length;
    if (isClear && counterKind(names) !== 'other') return renamed;
  }
  return values;
}

/** `some.avg10` → `some_avg10`: no dots in names of columns. `Dirty (kB)` → `Dirty`. */
function columnName(name: string): string {
  return name
    .replace(/\s+[([][^)\]]*[)\]]$/, '')
    .replace(/[:%]+$/, '')
    .trim()
    .replace(/[.:\s/-]+/g, '_');
}

/** The counter of a row in the long form: `io` and `some` in column avg10 are io_some_avg10. */
export function counterName(labels: readonly string[], column: string): string | undefined {
  // MemTotal:   "some avg10"
  const parts = labels.map(columnName);
  if (!isValue(column)) parts.push(column);
  const name = parts.filter((part) => part !== '').join('_');
  return name.length <= 200 && COUNTER_NAME.test(name) ? name : undefined;
}
