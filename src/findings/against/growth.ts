/** How much a counter grew, and how fast while there was work: with the spread between parts. */
import { numbers } from '../../trace/table.ts';
import type { Context } from '../context.ts';
import { count, duration, percent } from '../format.ts';
import type { Measure } from './measures.ts';

type Growth = { readonly amount: Measure; readonly rate: Measure | undefined };

/** Before the first and after the last of this share nothing much is done. */
const EDGE = 0.01;
const PARTS = 10;
const LEAST_READINGS = 30;
/** Two standard errors. */
const ERRORS = 2;

/** By column, each found once: `context.once(growths)('nr_dirtied_pages')`. */
export function growths(context: Context): (column: string) => Growth | undefined {
  const found = new Map<string, Growth | undefined>();
  return (column) => {
    if (!found.has(column)) found.set(column, growth(context, column));
    return found.get(column);
  };
}

/**
 * From the readings of global_dirty_state. The rate is the one between 1 and 99 % of the growth, so
 * that idle time at the ends of a capture does not count; its range is two standard errors of the
 * mean of ten parts of equal time. Undefined when the counter was not recorded.
 */
function growth({ trace, pageSize }: Context, column: string): Growth | undefined {
  const table = trace.tables.get('global_dirty_state');
  const values = table?.columns[column];
  if (table === undefined || values?.kind !== 'number' || table.rows < 2) return undefined;
  const ts = numbers(table, 'ts_ns').values;
  const level = values.values;
  const first = level[0] as number;
  const grown = (level[table.rows - 1] as number) - first;
  if (!(grown >= 0)) return undefined;
  const basis = count(table.rows, 'reading');
  const bytes = grown * pageSize;
  const amount: Measure = { value: bytes, low: bytes, high: bytes, basis };
  const from = firstAbove(level, first + EDGE * grown);
  const to = firstAbove(level, first + (1 - EDGE) * grown);
  if (grown === 0 || to - from < LEAST_READINGS) return { amount, rate: undefined };
  return { amount, rate: rateBetween(ts, level, [from, to], pageSize) };
}

function firstAbove(level: ArrayLike<number>, least: number): number {
  for (let row = 0; row < level.length; row++) if ((level[row] as number) >= least) return row;
  return level.length - 1;
}

function rateBetween(
  ts: ArrayLike<number>,
  level: ArrayLike<number>,
  [from, to]: readonly [number, number],
  pageSize: number,
): Measure | undefined {
  const [start, end] = [ts[from] as number, ts[to] as number];
  if (!(end > start)) return undefined;
  const part_ns = (end - start) / PARTS;
  const rates: number[] = [];
  let row = from;
  let [level_before, ts_before] = [level[from] as number, start];
  for (let part = 1; part <= PARTS; part++) {
    while (row < to && (ts[row] as number) < start + part * part_ns) row++;
    const [level_now, ts_now] = [level[row] as number, ts[row] as number];
    if (ts_now > ts_before) {
      rates.push(((level_now - level_before) * pageSize * 1e9) / (ts_now - ts_before));
    }
    [level_before, ts_before] = [level_now, ts_now];
  }
  const value =
    (((level[to] as number) - (level[from] as number)) * pageSize * 1e9) / (end - start);
  const spread = standardError(rates, value);
  const basis =
    `${count(to - from, 'reading')} over ${duration(end - start)}, ` +
    `±${percent((ERRORS * spread) / value, 2)} by the spread between ${rates.length} parts`;
  return { value, low: value - ERRORS * spread, high: value + ERRORS * spread, basis };
}

function standardError(rates: readonly number[], mean: number): number {
  if (rates.length < 2) return mean;
  const squares = rates.reduce((sum, rate) => sum + (rate - mean) ** 2, 0);
  return Math.sqrt(squares / (rates.length - 1) / rates.length);
}
