/** Round values for axes. Byte axes step by powers of two, so that a 256 MiB limit meets a tick. */
import type { Unit } from '../schema/details.ts';

function roundStep(least: number, binary: boolean): number {
  if (binary && least >= 1) return 2 ** Math.ceil(Math.log2(least));
  const power = 10 ** Math.floor(Math.log10(least));
  for (const factor of [1, 2, 2.5, 5]) {
    if (factor * power >= least * (1 - 1e-9)) return factor * power;
  }
  return 10 * power;
}

export type Ticks = { readonly domain: [number, number]; readonly values: number[] };

/** Ticks that enclose [low, high] with `about` steps at most. */
export function ticksFor(low: number, high: number, about: number, unit: Unit): Ticks {
  const from = Math.min(0, low);
  const to = high > from ? high : from + 1;
  const binary = unit === 'bytes' || unit === 'bytes_per_s';
  const step = roundStep((to - from) / about, binary);
  const first = Math.floor(from / step);
  // A little room above the highest value: a curve on the very edge looks cut off.
  const last = Math.ceil((to + (to - from) * 0.02) / step);
  const values: number[] = [];
  for (let i = first; i <= last; i++) values.push(Number((i * step).toPrecision(12)));
  return { domain: [values[0] ?? 0, values[values.length - 1] ?? 1], values };
}

/** Moves labels apart until none overlaps its neighbour, as near to their wishes as it goes. */
export function spreadLabels(wanted: readonly number[], gap: number, height: number): number[] {
  const order = wanted.map((_, i) => i).sort((a, b) => wanted[a] - wanted[b] || a - b);
  const placed = [...wanted];
  let least = 0;
  for (const i of order) {
    placed[i] = Math.max(placed[i], least);
    least = placed[i] + gap;
  }
  let most = height;
  for (const i of order.toReversed()) {
    placed[i] = Math.min(placed[i], most);
    most = placed[i] - gap;
  }
  return placed;
}
