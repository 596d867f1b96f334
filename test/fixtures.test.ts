/**
 * Every trace.dat and perf.data in fixtures/ is recognised by its content alone and decodes to its
 * golden tables (UPDATE_GOLDEN=1 rewrites them). A new capture gets its tests by being put there.
 */
import { describe, expect, test } from 'vitest';
import { IMPORTERS } from '../parsers/importers.ts';
import { openTrace } from '../parsers/index.ts';
import type { Trace } from '../src/trace/trace.ts';
import { FIXTURES, filesBelow, unpackedFixture } from './helpers/bytes.ts';
import { Checksum, describeTable, expectGolden, goldenJson } from './helpers/golden.ts';

const CAPTURE = /(\.perf\.data|\.dat)(\.gz)?$/;
const captures = ['trace-dat', 'perf-data'].flatMap((format) =>
  filesBelow(`${FIXTURES}${format}`)
    .filter((name) => CAPTURE.test(name))
    .map((name): [string, string] => [`${format}/${name}`, format]),
);

function golden(trace: Trace): string {
  const { meta } = trace;
  return goldenJson({
    meta: `${meta.format_title}, ${meta.kernel} ${meta.machine}, ${meta.clock}, ${meta.cpus} CPUs, page ${meta.page_size}`,
    time: `origin ${meta.origin_ns}, duration ${meta.duration_ns}`,
    silent: `${meta.silent_events.length} formats without an event, ${new Checksum().add(meta.silent_events.join(' ')).hex}`,
    losses: trace.losses.map(
      ({ cpu, count, from_ns, ts_ns }) => `cpu ${cpu}: ${count} in ${from_ns}…${ts_ns}`,
    ),
    diagnostics: trace.diagnostics.map(
      ({ code, count, places }) => `${code}: ${count}, ${places.length} places`,
    ),
    samples: trace.samples === undefined ? [] : describeTable(trace.samples).slice(0, 1),
    tables: Object.fromEntries(
      [...trace.tables].map(([name, table]) => [name, describeTable(table)]),
    ),
  });
}

test('there are captures', () => expect(captures.length).toBeGreaterThanOrEqual(4));

describe.each(captures)('%s', (name, format) => {
  const path = `${FIXTURES}${name}`;

  test('is recognised by one format only', () => {
    const head = unpackedFixture(name).subarray(0, 1 << 16);
    expect(IMPORTERS.filter((importer) => importer.sniff(head)).map(({ id }) => id)).toEqual([
      format,
    ]);
  });

  test('decodes to its golden tables', async () => {
    const trace = await openTrace(path);
    expectGolden(path.replace(CAPTURE, '.tables.golden.json'), golden(trace));
  });

  test('keeps the contract of a trace: rows in order, seq complete', async () => {
    const trace = await openTrace(path);
    const seen = new Uint8Array(trace.meta.events.reduce((sum, { count }) => sum + count, 0));
    for (const table of trace.tables.values()) {
      const { ts_ns, seq, cpu } = table.columns;
      if (ts_ns?.kind !== 'number' || seq?.kind !== 'number' || cpu?.kind !== 'number')
        throw new Error(table.name);
      let ordered = true;
      for (let row = 0; row < table.rows; row++) {
        seen[seq.values[row] as number] = 1;
        if (row > 0)
          ordered &&=
            (ts_ns.values[row] as number) >= (ts_ns.values[row - 1] as number) &&
            (seq.values[row] as number) > (seq.values[row - 1] as number);
      }
      expect(ordered, table.name).toBe(true);
      expect(ts_ns.values[table.rows - 1]).toBeLessThanOrEqual(trace.meta.duration_ns);
    }
    expect(seen.every((value) => value === 1)).toBe(true);
  });
});
