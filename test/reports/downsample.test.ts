import fc from 'fast-check';
import { expect, test } from 'vitest';
import { buildTimeline } from '../../reports/build/timeline.ts';
import { type Curve, downsample } from '../../reports/charts/downsample.ts';
import type { Series, Timeline } from '../../src/findings/detail.ts';

const LIMIT = 400;

function curveOf(
  shape: Curve['shape'],
  steps: readonly number[],
  values: readonly number[],
): Curve {
  let now = 0;
  const times = steps.map((step) => {
    now += step;
    return now;
  });
  return { shape, t_ns: Float64Array.from(times), values: Float64Array.from(values) };
}

const curves = fc
  .record({
    shape: fc.constantFrom('step', 'linear', 'point'),
    points: fc.array(
      fc.tuple(fc.nat(1000), fc.oneof(fc.double({ noNaN: true, min: -1e9, max: 1e9 }), fc.nat(3))),
      { minLength: 1, maxLength: 3000, size: 'max' },
    ),
  })
  .map(({ shape, points }) =>
    curveOf(
      shape,
      points.map(([step]) => step),
      points.map(([, value]) => value),
    ),
  );

function windowOf(curve: Curve): [number, number] {
  return [0, curve.t_ns[curve.t_ns.length - 1]];
}

test('highest and lowest values survive, in order, within the limit', () => {
  fc.assert(
    fc.property(curves, (curve) => {
      const { indices } = downsample(curve, windowOf(curve), LIMIT);
      expect(indices.length).toBeLessThanOrEqual(LIMIT);
      for (let i = 1; i < indices.length; i++) expect(indices[i]).toBeGreaterThan(indices[i - 1]);
      const kept = indices.map((i) => curve.values[i]);
      expect(Math.max(...kept)).toBe(Math.max(...curve.values));
      expect(Math.min(...kept)).toBe(Math.min(...curve.values));
      expect(indices[indices.length - 1]).toBe(curve.values.length - 1);
    }),
    { numRuns: 60 },
  );
});

test('a one-sample spike survives wherever it is', () => {
  fc.assert(
    fc.property(fc.nat(199_999), (spike) => {
      const values = new Float64Array(200_000).map((_, i) => Math.sin(i / 500));
      values[spike] = 1000;
      const t_ns = Float64Array.from(values, (_, i) => i * 1000);
      const { indices } = downsample({ shape: 'linear', t_ns, values }, [0, 2e8], LIMIT);
      expect(indices).toContain(spike);
    }),
    { numRuns: 25 },
  );
});

test('a step curve keeps the level that each bin ends with', () => {
  fc.assert(
    fc.property(curves, (some) => {
      const curve: Curve = { ...some, shape: 'step' };
      const { indices, binNs } = downsample(curve, windowOf(curve), LIMIT);
      const times = curve.t_ns;
      let held = Number.NaN;
      let next = 0;
      for (let i = 0; i < times.length; i++) {
        if (indices[next] === i) held = curve.values[indices[next++]];
        const endsBin =
          i + 1 === times.length ||
          binNs === 0 ||
          Math.floor(times[i] / binNs) !== Math.floor(times[i + 1] / binNs);
        if (endsBin) expect(held === curve.values[i]).toBe(true);
      }
    }),
    { numRuns: 60 },
  );
});

test('a constant limit of a million events is two points', () => {
  const t_ns = Float64Array.from({ length: 1_000_000 }, (_, i) => i * 10);
  const values = new Float64Array(1_000_000).fill(65536);
  const kept = downsample({ shape: 'step', t_ns, values }, [0, 1e7], LIMIT);
  expect(kept).toEqual({ indices: [0, 999_999], binNs: 0 });
});

function timelineOf(series: Series, lost: Timeline['lost']): Timeline {
  const common = { kind: 'timeline', id: 'x', title: '', subtitle: '', unit: 'bytes' } as const;
  return { ...common, window_ns: [0, 1000], series: [series], bands: [], lost };
}

const recorded: Series = {
  id: 'a',
  label: 'a',
  role: 'recorded',
  shape: 'step',
  t_ns: Float64Array.of(0, 100, 600, 900),
  values: Float64Array.of(1, 2, 2, 3),
};
const lost = [{ from_ns: 200, to_ns: 500, label: 'lost' }];

test('lost events and missing values are gaps, and a step holds its level up to them', () => {
  const [cut] = buildTimeline(timelineOf(recorded, lost)).series;
  expect(cut.t_ns).toEqual([0, 100, 200, 200, 600, 900]);
  expect(cut.values).toEqual([1, 2, 2, null, 2, 3]);

  const values = Float64Array.of(1, Number.NaN, Number.POSITIVE_INFINITY, 3);
  const [missing] = buildTimeline(timelineOf({ ...recorded, values }, [])).series;
  expect(missing.values).toEqual([1, null, null, 3]);
});

test('samples and unchanged limits are not interrupted by lost events', () => {
  const role = (one: Partial<Series>) =>
    buildTimeline(timelineOf({ ...recorded, ...one }, lost)).series[0].values;
  expect(role({ role: 'sampled' })).not.toContain(null);
  expect(role({ role: 'limit' })).not.toContain(null);
  expect(role({ role: 'limit', values: Float64Array.of(1, 2, 9, 9) })).toContain(null);
});

test('five million points are built in about a second', () => {
  const points = 5_000_000;
  const t_ns = Float64Array.from({ length: points }, (_, i) => i * 100);
  const values = t_ns.map((t) => Math.abs(Math.sin(t / 1e7)) * 1e9 + (t % 997));
  const series: Series = { ...recorded, t_ns, values };
  const started = performance.now();
  const timeline = buildTimeline({ ...timelineOf(series, []), window_ns: [0, points * 100] });
  expect(timeline.series[0].t_ns.length).toBeLessThanOrEqual(1200);
  expect(timeline.series[0].points).toBe(points);
  // Measured 0.2 s; the rest is for a machine that is busy with other tests.
  expect(performance.now() - started).toBeLessThan(3000);
});
