/**
 * How often, and how much in total: two bars per bucket, side by side. Many short pauses and one
 * long one can cost the same; one histogram alone would hide that.
 */
import type { TopLevelSpec } from 'vega-lite';
import { shorten, visible } from '../display.ts';
import type { ReportDistribution } from '../schema/details.ts';
import { formatQuantity, scaleFor } from '../units.ts';
import { describeDistribution } from './describe.ts';
import { type ChartOptions, CURVES, chartConfig, DARK_PARAM, INK, shade } from './theme.ts';

type Panel = Extract<TopLevelSpec, { hconcat: unknown }>['hconcat'][number];
type Row = { bucket: string; count: number; total: number; countText: string; totalText: string };

const BAR_HEIGHT = 22;
const NAMES_WIDTH = 120;
const VALUES_WIDTH = 76;

/** Labels name the buckets, and vega-lite joins equal names into one bar: keep them apart. */
function uniqueNames(labels: readonly string[]): string[] {
  const seen = new Map<string, number>();
  return labels.map((label) => {
    const name = shorten(visible(label), 24);
    const times = (seen.get(name) ?? 0) + 1;
    seen.set(name, times);
    return times === 1 ? name : `${name} (${times})`;
  });
}

function rowsOf(distribution: ReportDistribution): Row[] {
  const names = uniqueNames(distribution.buckets.map((bucket) => bucket.label));
  const largest = Math.max(0, ...distribution.buckets.map((bucket) => Math.abs(bucket.total)));
  const scale = scaleFor(distribution.unit, largest);
  return distribution.buckets.map(({ count, total }, i) => ({
    bucket: names[i],
    count,
    total: Number((total / scale.divisor).toPrecision(7)),
    countText: formatQuantity(count, 'count'),
    totalText: total === 0 ? '0' : formatQuantity(total, distribution.unit),
  }));
}

type PanelPlan = {
  readonly field: 'count' | 'total';
  readonly title: string;
  readonly color: (typeof CURVES)[number];
  readonly names: boolean;
  readonly width: number;
  readonly most: number;
};

function panel(plan: PanelPlan, order: string[]): Panel {
  const x = {
    field: plan.field,
    type: 'quantitative' as const,
    axis: null,
    scale: { domain: [0, plan.most > 0 ? plan.most : 1], nice: false },
  };
  const y = {
    field: 'bucket',
    type: 'nominal' as const,
    sort: order,
    axis: plan.names
      ? {
          title: null,
          domain: false,
          ticks: false,
          labelLimit: NAMES_WIDTH - 8,
          minExtent: NAMES_WIDTH,
          maxExtent: NAMES_WIDTH,
        }
      : null,
  };
  return {
    title: { text: plan.title, fontSize: 12, fontWeight: 'normal', offset: 6 },
    width: plan.width,
    height: { step: BAR_HEIGHT },
    layer: [
      {
        mark: {
          type: 'bar',
          color: shade(plan.color),
          height: 13,
          cornerRadiusEnd: 2,
          aria: false,
        },
        encoding: { x, y },
      },
      {
        mark: {
          type: 'text',
          align: 'left',
          baseline: 'middle',
          dx: 5,
          fontSize: 12,
          color: shade(INK),
          aria: false,
        },
        encoding: { x, y, text: { field: `${plan.field}Text`, type: 'nominal' } },
      },
    ],
  };
}

export function distributionSpec(
  distribution: ReportDistribution,
  options: ChartOptions,
): TopLevelSpec {
  const rows = rowsOf(distribution);
  const order = rows.map((row) => row.bucket);
  const spare = options.width - NAMES_WIDTH - 2 * VALUES_WIDTH - 40;
  const width = Math.max(60, Math.floor(spare / 2));
  const plans: PanelPlan[] = [
    {
      field: 'count',
      title: 'how many',
      color: CURVES[0] ?? INK,
      names: true,
      width,
      most: Math.max(0, ...rows.map((row) => row.count)),
    },
    {
      field: 'total',
      title: 'sum of them',
      color: CURVES[1] ?? INK,
      names: false,
      width,
      most: Math.max(0, ...rows.map((row) => row.total)),
    },
  ];
  const heading = { text: visible(distribution.title), subtitle: visible(distribution.subtitle) };
  return {
    $schema: 'https://vega.github.io/schema/vega-lite/v6.json',
    description: describeDistribution(distribution),
    ...(options.heading ? { title: { ...heading, limit: options.width } } : {}),
    padding: 4,
    background: 'transparent',
    params: [DARK_PARAM],
    data: { values: rows },
    spacing: VALUES_WIDTH + 24,
    bounds: 'flush',
    hconcat: plans.map((plan) => panel(plan, order)),
    config: chartConfig(),
  };
}
