import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { parse, View } from 'vega';
import { compile } from 'vega-lite';
import { expect, test } from 'vitest';
import { buildReport } from '../../reports/build/report.ts';
import { spreadLabels, ticksFor } from '../../reports/charts/axis.ts';
import {
  type ChartDetail,
  chartSpec,
  DEFAULT_OPTIONS,
  isChart,
  keyOf,
} from '../../reports/charts/index.ts';
import type { ReportHeatmap, ReportLanes, ReportTimeline } from '../../reports/schema/report.ts';
import { formatQuantity, scaleFor } from '../../reports/units.ts';
import { lossyInput, sampleInput } from '../helpers/sample-report.ts';

function fail(...what: readonly unknown[]): never {
  throw new Error(`vega-lite complained: ${what.join(' ')}`);
}

/** A logger for which every complaint is an error. */
const strict = {
  level: () => 0,
  error: fail,
  warn: fail,
  info: () => strict,
  debug: () => strict,
};

const charts = [sampleInput(), lossyInput()].flatMap((input, i) =>
  buildReport(input)
    .sections.flatMap(({ details }) => details)
    .filter(isChart)
    .map((detail) => ({ name: `${detail.id} of report ${i}`, detail })),
);

test.each(charts)('$name compiles without a warning and draws marks', async ({ detail }) => {
  for (const [heading, width] of [
    [true, 960],
    [false, 358],
  ] as const) {
    const spec = chartSpec(detail, { ...DEFAULT_OPTIONS, heading, width, focus_ns: [1e9, 2e9] });
    expect(spec.description?.length).toBeGreaterThan(40);
    const { spec: compiled } = compile(spec, { logger: strict as never });
    const svg = await new View(parse(compiled), { renderer: 'none' }).toSVG();
    expect(svg).toMatch(/mark-(line|symbol|rect)/);
    expect(svg).not.toMatch(/NaN|undefined/);
  }
});

const small: ReportTimeline = {
  kind: 'timeline',
  id: 'small',
  title: 'Dirty reached the limit',
  subtitle: 'dirty + writeback',
  unit: 'bytes',
  caption: 'Every change of value is drawn.',
  window_ns: [0, 4e9],
  series: [
    {
      id: 'limit',
      label: 'limit',
      role: 'limit',
      shape: 'step',
      points: 1,
      bin_ns: 0,
      t_ns: [0],
      values: [268435456],
    },
    {
      id: 'dirty',
      label: 'dirty',
      role: 'recorded',
      shape: 'step',
      points: 3,
      bin_ns: 0,
      t_ns: [0, 1e9, 3e9],
      values: [0, null, 134217728],
    },
    {
      id: 'model',
      label: 'model',
      role: 'predicted',
      shape: 'linear',
      points: 2,
      bin_ns: 0,
      t_ns: [0, 4e9],
      values: [1048576, 136314880],
      error_bound: 2097152,
    },
  ],
  bands: [{ from_ns: 1e9, to_ns: 2e9, label: 'paused' }],
  lost: [],
};

const lanes: ReportLanes = {
  kind: 'lanes',
  id: 'waits',
  title: 'fio waited 2 s in one fsync',
  subtitle: 'who waited',
  caption: 'Every stretch is drawn.',
  window_ns: [0, 4e9],
  lanes: ['fio 12: fsync', 'flusher of 7:0'],
  kinds: ['sync call', 'background'],
  bars: [
    { from_ns: 1e9, to_ns: 3e9, lane: 0, kind: 0, text: 'fsync took 2 s', count: 1 },
    { from_ns: 1.5e9, to_ns: 2e9, lane: 1, kind: 1, text: 'wrote 20 MiB', count: 1 },
  ],
  lost: [],
};

const heatmap: ReportHeatmap = {
  kind: 'heatmap',
  id: 'latency',
  title: '7:0: most requests took 1 ms',
  subtitle: 'issue to completion',
  caption: 'Each cell counts the requests of 1 s.',
  window_ns: [0, 4e9],
  bin_ns: 1e9,
  rows: ['≤ 1 ms', '≤ 2 ms'],
  counted: 'requests',
  cells: [
    [0, 0, 12],
    [2, 1, 1],
  ],
  lost: [{ from_ns: 1e9, to_ns: 1.2e9, label: 'events lost' }],
};

const goldens: readonly { name: string; detail: ChartDetail }[] = [
  { name: 'timeline', detail: small },
  { name: 'lanes', detail: lanes },
  { name: 'heatmap', detail: heatmap },
  {
    name: 'distribution',
    detail: {
      kind: 'distribution',
      id: 'lengths',
      title: 'Most time went into long pauses',
      subtitle: 'pauses by length',
      unit: 'ms',
      buckets: [
        { label: 'up to 10 ms', count: 120, total: 480 },
        { label: 'longer', count: 12, total: 2400 },
      ],
    },
  },
];

/** One line a key, and one line a layer: a golden is there to be read. */
function printSpec(spec: object): string {
  const lines = Object.entries(spec).map(([key, value]) => {
    const listed = Array.isArray(value) && value.length > 1;
    const items = listed ? value.map((one) => `\n    ${JSON.stringify(one)}`) : [];
    const text = listed ? `[${items.join(',')}\n  ]` : JSON.stringify(value);
    return `  ${JSON.stringify(key)}: ${text}`;
  });
  return `{\n${lines.join(',\n')}\n}\n`;
}

test.each(goldens)('the specification of a $name is the golden one', ({ name, detail }) => {
  const path = new URL(`./${name}.golden.json`, import.meta.url);
  const text = printSpec(chartSpec(detail, { ...DEFAULT_OPTIONS, focus_ns: [1e9, 3e9] }));
  if (process.env.UPDATE_GOLDEN === '1' || !existsSync(path)) writeFileSync(path, text);
  expect(text).toBe(readFileSync(path, 'utf8'));
});

test('the key names only the line styles that occur', () => {
  expect(keyOf(small).map(({ sign }) => sign)).toEqual(['solid', 'dashed', 'thin', 'band']);
});

test('byte axes have a tick at a limit that is a power of two', () => {
  expect(ticksFor(0, 256, 6, 'bytes').values).toEqual([0, 64, 128, 192, 256, 320]);
  expect(ticksFor(0, 0.5, 4, 'ms').values).toEqual([0, 0.2, 0.4, 0.6]);
  expect(ticksFor(0, 0, 4, 'count').domain).toEqual([0, 1.25]);
});

test('labels never overlap and stay inside while there is room', () => {
  const placed = spreadLabels([100, 100, 100, 5, 199], 15, 200);
  const sorted = placed.toSorted((a, b) => a - b);
  for (let i = 1; i < sorted.length; i++) {
    expect(sorted[i] - sorted[i - 1]).toBeGreaterThanOrEqual(15);
  }
  expect(sorted[0]).toBeGreaterThanOrEqual(0);
  expect(sorted[4]).toBeLessThanOrEqual(200);
});

test('quantities have units that people read', () => {
  expect(formatQuantity(268435456, 'bytes')).toBe('256 MiB');
  expect(formatQuantity(42.2 * 1048576, 'bytes_per_s')).toBe('42.2 MiB/s');
  expect(formatQuantity(14.82e9, 'ns')).toBe('14.8 s');
  // Of ten thousand one was missed: only what is 100 is shown so.
  expect([100, 99.99, 99.9999, 12.34, 0.0001].map((v) => formatQuantity(v, 'percent'))).toEqual([
    '100%',
    '99.99%',
    '99.9999%',
    '12.3%',
    '<0.001%',
  ]);
  expect(formatQuantity(196, 'ms')).toBe('196 ms');
  expect(formatQuantity(2408, 'ms')).toBe('2.41 s');
  expect(formatQuantity(42754, 'count')).toBe('42,754');
  expect(formatQuantity(0, 'ns')).toBe('0 s');
  expect(formatQuantity(0.1, 'percent')).toBe('0.1%');
  expect(formatQuantity(Number.NaN, 'bytes')).toBe('–');
  expect(scaleFor('bytes', 2 ** 31)).toEqual({ divisor: 2 ** 30, suffix: 'GiB' });
});
