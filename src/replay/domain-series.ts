/** Values that events print per bdi and cgroup, to be looked up by position in the trace. */
import type { WbDomains } from '../derive/wb-domains.ts';
import { lowerBound } from '../trace/search.ts';
import { numbers, type Table, type Tables, tableWith } from '../trace/table.ts';

export type Series = {
  readonly seq: ArrayLike<number>;
  readonly ts_ns: ArrayLike<number>;
  readonly values: ArrayLike<number>;
};

const EMPTY: Series = { seq: [], ts_ns: [], values: [] };

/** Index of the last entry before `seq`, -1 for none. */
export function lastBefore(series: Series, seq: number): number {
  return lowerBound(series.seq, seq) - 1;
}

/** A column of an event that has no domain. */
export function globalSeries(tables: Tables, name: string, column: string): Series {
  const table = tableWith(tables, name, [column]);
  if (table === undefined) return EMPTY;
  return {
    seq: numbers(table, 'seq').values,
    ts_ns: numbers(table, 'ts_ns').values,
    values: numbers(table, column).values,
  };
}

/** A column of an event with a bdi, split by domain. */
export function domainSeries(
  tables: Tables,
  name: string,
  column: string,
  domains: WbDomains,
): (domain: number) => Series {
  const table = tableWith(tables, name, ['bdi', column]);
  if (table === undefined) return () => EMPTY;
  const split = splitByDomain(table, column, domains);
  return (domain) => split[domain] ?? EMPTY;
}

type Lists = { seq: number[]; ts_ns: number[]; values: number[] };

function splitByDomain(table: Table, column: string, domains: WbDomains): (Lists | undefined)[] {
  const domainAt = domains.reader(table);
  const seq = numbers(table, 'seq').values;
  const ts = numbers(table, 'ts_ns').values;
  const values = numbers(table, column).values;
  const split: (Lists | undefined)[] = [];
  for (let row = 0; row < table.rows; row++) {
    const domain = domainAt(row);
    let lists = split[domain];
    if (lists === undefined) {
      lists = { seq: [], ts_ns: [], values: [] };
      split[domain] = lists;
    }
    lists.seq.push(seq[row] as number);
    lists.ts_ns.push(ts[row] as number);
    lists.values.push(values[row] as number);
  }
  return split;
}
