/** Diagnosis of captures that are not what captures should be: it answers, or says that it cannot. */
import { existsSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { openTrace } from '../../parsers/index.ts';
import { type Column, numberColumn } from '../../src/trace/column.ts';
import { makeTable, type Table } from '../../src/trace/table.ts';
import type { Trace } from '../../src/trace/trace.ts';
import { ROOT } from '../helpers/bytes.ts';
import {
  commit,
  dirtying,
  flushing,
  fsync,
  fuseRequest,
  reclaiming,
  sceneTrace,
  sync,
  throttled,
} from '../helpers/scenes.ts';
import { soundly } from '../helpers/sound-diagnosis.ts';

const BASE = ['ts_ns', 'cpu', 'pid', 'comm', 'seq'];

/** Something of everything that causes ask about. */
const everything = sceneTrace([
  ...throttled({ until_s: 3 }),
  ...throttled({ from_s: 3, until_s: 5, thresh: 64, background: 32, dirty: 55 }),
  ...throttled({ pid: 101, bdi: '7:1', wb_dirty: 10, wb_setpoint: 200, until_s: 3 }),
  ...throttled({ pid: 102, domain: { dirty: 22, limit: 24 }, until_s: 3 }),
  ...dirtying({ mib: 30, until_s: 4 }),
  ...dirtying({ mib: 1, single: true, bdi: 'btrfs-1', ino: 1, until_s: 4 }),
  ...fsync({ from_s: 4, for_s: 2 }),
  ...sync({ from_s: 5, for_s: 2 }),
  ...flushing({ from_s: 4, for_s: 2, mib: 40, reason: 'periodic', asked_s: 3 }),
  ...flushing({ from_s: 6, for_s: 1, mib: 0, reason: 'background', bdi: 'btrfs-1', ino: 1 }),
  ...commit({ from_s: 4.1, for_s: 1.5, data_s: 1 }),
  ...reclaiming({ from_s: 6, for_s: 1, dirty: 10 }),
  ...reclaiming({ from_s: 7, for_s: 1, dirty: 10, kind: 'memcg', pid: 401 }),
  ...fuseRequest({ at_s: 1, for_s: 0.001, unique: 1 }),
  ...fuseRequest({ at_s: 2, for_s: 5, unique: 3 }),
]);

type Mutation =
  | { readonly kind: 'drop-table' | 'empty-table'; readonly table: number }
  | { readonly kind: 'drop-column'; readonly table: number; readonly column: number }
  | {
      readonly kind: 'values';
      readonly table: number;
      readonly column: number;
      readonly to: number;
    }
  | { readonly kind: 'pids'; readonly table: number; readonly to: number }
  | { readonly kind: 'no-time' };

const nth = fc.nat(50);
/** Recorded quantities are integers, or NaN where a text lacks the field. */
const value = fc.constantFrom(Number.NaN, 0, 1, -1, -37665, 2 ** 31, 2 ** 53, 2 ** 63, 2 ** 64);
const mutation: fc.Arbitrary<Mutation> = fc.oneof(
  fc.record({ kind: fc.constantFrom('drop-table' as const, 'empty-table' as const), table: nth }),
  fc.record({ kind: fc.constant('drop-column' as const), table: nth, column: nth }),
  fc.record({ kind: fc.constant('values' as const), table: nth, column: nth, to: value }),
  fc.record({
    kind: fc.constant('pids' as const),
    table: nth,
    to: fc.constantFrom(0, -1, 2 ** 31 - 1),
  }),
  fc.record({ kind: fc.constant('no-time' as const) }),
);

function mutated(trace: Trace, { ...change }: Mutation): Trace {
  if (change.kind === 'no-time') {
    const tables = [...trace.tables].map(([name, table]) => [
      name,
      withColumn(table, 'ts_ns', numberColumn(new Float64Array(table.rows), 'ns')),
    ]);
    return {
      ...trace,
      tables: new Map(tables as [string, Table][]),
      meta: { ...trace.meta, duration_ns: 0 },
    };
  }
  const names = [...trace.tables.keys()];
  const name = names[change.table % Math.max(1, names.length)];
  const table = name === undefined ? undefined : trace.tables.get(name);
  if (name === undefined || table === undefined) return trace;
  const tables = new Map(trace.tables);
  if (change.kind === 'drop-table') tables.delete(name);
  else tables.set(name, mutatedTable(table, change));
  return { ...trace, tables };
}

function mutatedTable(table: Table, change: Exclude<Mutation, { kind: 'no-time' }>): Table {
  const own = Object.keys(table.columns).filter((id) => !BASE.includes(id));
  switch (change.kind) {
    case 'drop-table':
      return table;
    case 'empty-table': {
      const columns = Object.entries(table.columns).map(([id, column]) => [id, empty(column)]);
      return remade(table, Object.fromEntries(columns));
    }
    case 'pids': {
      const values = new Int32Array(table.rows).fill(change.to);
      return withColumn(table, 'pid', numberColumn(values, 'id'));
    }
    case 'drop-column': {
      const dropped = own[change.column % Math.max(1, own.length)];
      const left = Object.entries(table.columns).filter(([id]) => id !== dropped);
      return remade(table, Object.fromEntries(left));
    }
    case 'values': {
      const id = own[change.column % Math.max(1, own.length)] ?? '';
      const column = table.columns[id];
      if (column?.kind !== 'number') return table;
      // Every other row, so that both kinds meet.
      const values = Float64Array.from(column.values, (old, row) => (row % 2 ? old : change.to));
      return withColumn(table, id, numberColumn(values, column.unit, column));
    }
  }
}

function empty(column: Column): Column {
  if (column.kind === 'text') return { ...column, codes: new Uint32Array(0) };
  if (column.kind === 'bigint') {
    return { ...column, values: new BigUint64Array(0), words: new Uint32Array(0) };
  }
  return { ...column, values: column.values.slice(0, 0) };
}

function withColumn(table: Table, id: string, column: Column): Table {
  return remade(table, { ...table.columns, [id]: column });
}

function remade({ name, system, known }: Table, columns: Record<string, Column>): Table {
  return makeTable(name, columns, { system, known });
}

describe('mutilated captures', () => {
  test('as it is, it finds most of what it holds', () => {
    const found = soundly(everything).judgements.filter(({ status }) => status === 'found');
    expect(found.length).toBeGreaterThan(8);
  });

  test('no mutation makes it throw, fail or say what is no number', { timeout: 60_000 }, () => {
    const changes = fc.array(mutation, { minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(changes, (list) => {
        soundly(list.reduce(mutated, everything));
      }),
      { numRuns: 150 },
    );
  });

  test('nothing at all', () => {
    const nothing = sceneTrace([], { end_s: 0 });
    const { verdict } = soundly({ ...nothing, tables: new Map() });
    expect(verdict.root_cause).toBe('inconclusive');
  });
});

const SHARED = `${ROOT}../shared/captures/incidents/`;
const SAMPLED = ['slow-device', 'fsync-bulk', 'memcg', 'btrfs-meta', 'journal', 'lossy'];

describe.skipIf(!existsSync(SHARED))('recorded incidents without some of their events', () => {
  test.each(SAMPLED)('%s', { timeout: 60_000 }, async (name) => {
    const trace = await openTrace(`${SHARED}${name}/trace.dat.gz`);
    const names = [...trace.tables.keys()];
    const kept = fc.array(fc.boolean(), { minLength: names.length, maxLength: names.length });
    fc.assert(
      fc.property(kept, (keeps) => {
        const tables = new Map([...trace.tables].filter((_, index) => keeps[index]));
        soundly({ ...trace, tables });
      }),
      { numRuns: 6 },
    );
  });
});
