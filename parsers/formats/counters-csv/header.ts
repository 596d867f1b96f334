/**
 * The header of a table of samples, which says how to read the rest:
 *
 *   mono_s,nr_dirty,nr_writeback           wide: one row a sample, one column a counter
 *   time,name,value                        long: one row a counter
 *   time,resource,type,avg10,total         long, with a part of the counter's name in each column
 *
 * The name of the time column says clock and unit.
 */
import { z } from 'zod';

export type Layout = {
  readonly timeAt: number;
  /** As trace clocks are called: `mono`, `boot`; undefined if unsaid. */
  readonly clock: string | undefined;
  /** Nanoseconds in one unit of the time column. */
  readonly unitNs: bigint;
  /** Columns whose texts make the counter's name in the long form; empty in the wide one. */
  readonly labels: readonly number[];
  readonly values: readonly { readonly name: string; readonly at: number }[];
};

// mono_s   boot_ns   time_ms   timestamp   epoch_s
const TIME =
  /^(?:(mono|monotonic)|(boot|boottime|uptime)|(real|epoch)|(tai)|time|timestamp|ts)(?:_([mun]?s))?$/;
const CLOCKS = ['mono', 'boot', 'real', 'tai'];
const UNITS: ReadonlyMap<string | undefined, bigint> = new Map([
  [undefined, 1_000_000_000n],
  ['s', 1_000_000_000n],
  ['ms', 1_000_000n],
  ['us', 1000n],
  ['ns', 1n],
]);
const LABELS = new Set(['name', 'counter', 'metric', 'key', 'field', 'resource', 'type', 'line']);
export const MAX_COLUMNS = 2000;

const COUNTER_NAME = /^[A-Za-z_][\w().]*$/;

const isTime = (name: string): boolean => TIME.test(name);

const Header = z
  .array(z.string().max(200).regex(COUNTER_NAME, 'not the name of a counter'))
  .min(2, 'a time column and at least one counter are needed')
  .max(MAX_COLUMNS)
  .refine(
    (names) => new Set(names.map(columnName)).size === names.length,
    'a column name stands twice',
  )
  .refine(
    (names) => names.filter(isTime).length === 1,
    'exactly one time column is needed (such as mono_s, boot_s or time_s)',
  )
  .refine(
    (names) => names.some((name) => !isTime(name) && !LABELS.has(name)),
    'there is no column with values',
  );

/** The layout, or what is wrong with the header. */
export function readHeader(names: readonly string[]): Layout | string {
  const checked = Header.safeParse(names);
  if (!checked.success) return checked.error.issues[0]?.message ?? 'not a header';
  const timeAt = names.findIndex(isTime);
  const match = TIME.exec(names[timeAt] as string) ?? [];
  const places = names.map((name, at) => ({ name: columnName(name), at }));
  const labels = places.filter(({ name }) => LABELS.has(name)).map(({ at }) => at);
  return {
    timeAt,
    clock: CLOCKS.find((_, at) => match[at + 1] !== undefined),
    unitNs: UNITS.get(match[5]) as bigint,
    labels,
    values: places.filter(({ at }) => at !== timeAt && !labels.includes(at)),
  };
}

/** `some.avg10` → `some_avg10`: no dots in names of columns. */
export function columnName(name: string): string {
  return name.replaceAll('.', '_');
}

/** The counter of a row in the long form: `io` and `some` in column avg10 are io_some_avg10. */
export function counterName(labels: readonly string[], column: string): string | undefined {
  // MemTotal:   "some avg10"
  const parts = labels.map((label) => label.replace(/:$/, '').replaceAll(' ', '_'));
  if (column !== 'value') parts.push(column);
  const name = columnName(parts.filter((part) => part !== '').join('_'));
  return name.length <= 200 && COUNTER_NAME.test(name) ? name : undefined;
}

/** `6550.439895` in units of `unitNs`; undefined if it is no time. Python prints more digits. */
export function timeNs(text: string, unitNs: bigint): bigint | undefined {
  const match = /^(\d{1,21})(?:\.(\d{1,18}))?$/.exec(text);
  if (match === null) return undefined;
  const [, whole = '', fraction = ''] = match;
  const billionths = BigInt(fraction.slice(0, 9).padEnd(9, '0'));
  const ns = BigInt(whole) * unitNs + (billionths * unitNs) / 1_000_000_000n;
  // More than 31,700 years.
  return ns < 10n ** 21n ? ns : undefined;
}
