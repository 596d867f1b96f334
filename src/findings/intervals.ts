/** Stretches of time that charts shade. */
import { lossIndex } from '../replay/losses.ts';
import type { Context } from './context.ts';
import type { Interval } from './detail.ts';

/** Pauses closer together than this share of the window are drawn as one band. */
const JOIN_SHARE = 1 / 200;

export function lostIntervals(context: Context): Interval[] {
  return lossIndex(context.trace.losses).intervals.map(({ from_ns, to_ns }) => ({
    from_ns,
    to_ns,
    label: 'events lost',
  }));
}

/** When somebody was paused by dirty throttling. */
export function pauseBands(context: Context): Interval[] {
  const gap_ns = (context.window_ns[1] - context.window_ns[0]) * JOIN_SHARE;
  const bands: { from_ns: number; to_ns: number; label: string }[] = [];
  for (const stall of context.stalls) {
    if (stall.place !== 'dirty-throttling') continue;
    const end_ns = stall.start_ns + stall.duration_ns;
    const last = bands.at(-1);
    if (last !== undefined && stall.start_ns - last.to_ns <= gap_ns) {
      last.to_ns = Math.max(last.to_ns, end_ns);
    } else {
      bands.push({ from_ns: stall.start_ns, to_ns: end_ns, label: 'writers paused' });
    }
  }
  return bands;
}
