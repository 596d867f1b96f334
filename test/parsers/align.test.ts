/** Samples of another clock: moved by a given offset, by one that counters tell, or left out. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openTrace } from '../../parsers/index.ts';
import { estimateOffset } from '../../parsers/sidecars/align.ts';
import { numberColumn } from '../../src/trace/column.ts';
import { makeTable } from '../../src/trace/table.ts';
import { FIXTURES } from '../helpers/bytes.ts';
import { makeTrace } from '../helpers/trace-builder.ts';

const samplesOf = (rows: readonly (readonly [s: number, dirtied: number])[]) =>
  makeTable('vmstat', {
    ts_ns: numberColumn(
      Float64Array.from(rows, ([s]) => s * 1e9),
      'ns',
    ),
    nr_dirtied: numberColumn(
      Float64Array.from(rows, ([, dirtied]) => dirtied),
      'pages',
    ),
  });
/** 100 pages dirtied in each 10 ms. */
const tables = makeTrace(
  Array.from({ length: 1000 }, (_, at) => ({
    event: 'global_dirty_state',
    ts_ns: at * 1e7,
    nr_dirtied_pages: 5000 + at * 100,
  })),
).tables;

describe('the offset that counters tell', () => {
  test('is right to within what it says', () => {
    const offset = 1234.5;
    const rows = Array.from(
      { length: 50 },
      (_, at) => [at * 0.17 - offset, 5000 + Math.floor(at * 0.17 * 100) * 100] as const,
    );
    const estimate = estimateOffset(samplesOf(rows), tables);
    expect(Math.abs((estimate?.offset_ns ?? 0) - offset * 1e9)).toBeLessThanOrEqual(
      estimate?.uncertainty_ns ?? 0,
    );
    expect(estimate?.uncertainty_ns).toBeLessThan(20e6);
    expect(estimate?.agreeing).toBe(estimate?.bounds);
  });

  test('of times that are cut to seconds', () => {
    const offset = 1234;
    const rows = Array.from({ length: 30 }, (_, at) => {
      const taken = at * 0.27 + 0.1;
      return [Math.floor(taken) - offset, 5000 + Math.floor(taken * 100) * 100] as const;
    });
    expect(estimateOffset(samplesOf(rows), tables)).toBeUndefined();
    const estimate = estimateOffset(samplesOf(rows), tables, 1e9);
    const from = (estimate?.offset_ns ?? 0) - (estimate?.uncertainty_ns ?? 0);
    const to = (estimate?.offset_ns ?? 0) + (estimate?.uncertainty_ns ?? 0);
    expect(from).toBeLessThanOrEqual(offset * 1e9);
    expect(to).toBeGreaterThanOrEqual(offset * 1e9);
  });

  test.each<[string, readonly (readonly [number, number])[]]>([
    [
      'too few samples',
      [
        [1, 5100],
        [2, 20_000],
      ],
    ],
    [
      'a counter of another boot',
      [
        [1, 1],
        [2, 2],
        [3, 3],
        [4, 4],
      ],
    ],
    [
      'samples that contradict each other',
      [
        [1, 5100],
        [2, 90_000],
        [3, 6000],
        [4, 50_000],
        [5, 5300],
      ],
    ],
    [
      'a counter that stands still',
      [
        [1, 5100],
        [1000, 5100],
        [2000, 5100],
      ],
    ],
    ['no samples', []],
  ])('is none for %s', (_, rows) => {
    expect(estimateOffset(samplesOf(rows), tables)).toBeUndefined();
  });

  test('is none without the event', () => {
    expect(
      estimateOffset(
        samplesOf([
          [1, 5100],
          [2, 15_000],
          [3, 25_000],
        ]),
        new Map(),
      ),
    ).toBeUndefined();
  });
});

describe('in a capture', () => {
  const CAPTURE = `${FIXTURES}trace-dat/6.18-ext4/slow-writer`;
  const SHIFT = 86_400.25;
  let folder = '';
  let other = '';
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'tidemark-align-'));
    other = join(folder, 'other.csv');
    const [header = '', ...lines] = readFileSync(`${CAPTURE}.vmstat.csv`, 'utf8')
      .trimEnd()
      .split('\n');
    const moved = lines.map((line) => {
      const [time, ...rest] = line.split(',');
      return [(Number(time) + SHIFT).toFixed(6), ...rest].join(',');
    });
    writeFileSync(other, `${[header.replace('mono_s', 'boot_s'), ...moved].join('\n')}\n`);
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  const timesOf = (trace: Awaited<ReturnType<typeof openTrace>>) => {
    const column = trace.samples?.columns.ts_ns;
    return column?.kind === 'number' ? [...column.values] : [];
  };

  test('the estimate comes within milliseconds of the truth, and is told of', async () => {
    const truth = timesOf(await openTrace(`${CAPTURE}.dat.gz`));
    const trace = await openTrace(`${CAPTURE}.dat.gz`, { vmstat: other });
    const told = trace.diagnostics.find(({ code }) => code === 'clock_offset_estimated');
    expect(told?.message).toMatch(
      /-86400\.2\d+ s ± 0\.\d+ s from boot to mono; \d+ of \d+ bounds agree/,
    );
    const uncertainty = Number(/± (\S+) s/.exec(told?.message ?? '')?.[1]) * 1e9;
    const found = timesOf(trace);
    expect(found).toHaveLength(truth.length);
    const errors = found.map((time, row) => Math.abs(time - (truth[row] ?? 0)));
    expect(Math.max(...errors)).toBeLessThanOrEqual(uncertainty + 1000);
    expect(uncertainty).toBeLessThan(20e6);
  });

  test('a given offset is used as it is', async () => {
    const truth = timesOf(await openTrace(`${CAPTURE}.dat.gz`));
    const trace = await openTrace(`${CAPTURE}.dat.gz`, {
      vmstat: other,
      clockOffsetSeconds: -SHIFT,
    });
    expect(trace.diagnostics.map(({ code }) => code)).toEqual([]);
    const errors = timesOf(trace).map((time, row) => Math.abs(time - (truth[row] ?? 0)));
    expect(Math.max(...errors)).toBeLessThan(1000);
  });

  test('one that is wrong leaves the samples out', async () => {
    const trace = await openTrace(`${CAPTURE}.dat.gz`, { vmstat: other, clockOffsetSeconds: 7 });
    expect(trace.samples).toBeUndefined();
    expect(trace.diagnostics.map(({ message }) => message).join()).toMatch(
      /do not overlap the trace with an offset of 7 s/,
    );
  });
});
