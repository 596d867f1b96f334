/** Event tables as arquero tables: numbers without a copy, text through its dictionary. */
import { op } from 'arquero';
import { expect, test } from 'vitest';
import { openTrace } from '../../parsers/index.ts';
import { toArquero } from '../../src/derive/arquero.ts';
import { assertExists } from '../../src/trace/assert.ts';
import { numbers } from '../../src/trace/table.ts';

test('a table can be asked in arquero, and its arrays are the same ones', async () => {
  const trace = await openTrace('fixtures/trace-dat/6.18-xfs/two-writers.dat.gz');
  const events = assertExists(trace.tables.get('balance_dirty_pages'), 'throttle events');
  const table = toArquero(events);
  expect(table.numRows()).toBe(events.rows);
  expect(table.column('pause_ms')).toBe(numbers(events, 'pause_ms').values);
  const byTask = table
    .groupby('comm')
    .rollup({ n: op.count(), pause_ms: op.sum('pause_ms') })
    .objects() as { comm: string; n: number; pause_ms: number }[];
  expect(byTask.map(({ comm }) => comm).sort()).toEqual(['dd', 'fio']);
  expect(byTask.reduce((sum, { n }) => sum + n, 0)).toBe(events.rows);
  const total = byTask.reduce((sum, task) => sum + task.pause_ms, 0);
  const plain = numbers(events, 'pause_ms').values;
  expect(total).toBe(Array.from(plain).reduce((sum, value) => sum + value, 0));
});
