/** What a device writes per second, as the kernel estimates it (wb_update_write_bandwidth). */
import { divide, shiftRight } from '../kernel/arithmetic.ts';
import type { ThrottleConstants } from '../kernel/constants.ts';

/** Both in pages/s. */
export type WriteBandwidth = { readonly write_bw: number; readonly avg_write_bw: number };

/** The estimate after `written` pages in `elapsed` jiffies. */
export function updateWriteBandwidth(
  { write_bw: old, avg_write_bw }: WriteBandwidth,
  written: number,
  elapsed: number,
  { hz, bandwidth_period: period }: ThrottleConstants,
): WriteBandwidth {
  const rate = written * hz;
  if (elapsed > period) {
    const write_bw = divide(rate, elapsed);
    return { write_bw, avg_write_bw: Math.max(write_bw, 1) };
  }
  const write_bw = divide(rate + old * (period - elapsed), period);
  const follows = smoothed(avg_write_bw, old, write_bw);
  return { write_bw, avg_write_bw: Math.max(follows, 1) };
}

/** The average moves an eighth towards the old estimate, and only if the new one is beyond it. */
function smoothed(avg: number, old: number, write_bw: number): number {
  if (avg > old && old >= write_bw) return avg - shiftRight(avg - old, 3);
  if (avg < old && old <= write_bw) return avg + shiftRight(old - avg, 3);
  return avg;
}

/** A range of pages/s; both ends belong to it. */
export type Range = { readonly low: number; readonly high: number };

/**
 * Where the average can be after up to `updates` updates that together took at most `elapsed`
 * jiffies while at most `written` pages were written: it follows write_bw, which the same pages
 * bound. Sound, not tight.
 */
export function reachableBandwidth(
  avg: Range,
  write_bw: Range,
  written: number,
  elapsed: number,
  updates: number,
  { hz, bandwidth_period: period }: ThrottleConstants,
): { readonly avg: Range; readonly write_bw: Range } {
  const most = Math.ceil((written * hz) / period);
  if (elapsed > period) {
    // One update after so long forgets everything before it.
    const high = Math.max(avg.high, write_bw.high, most) + 1;
    return { avg: { low: 1, high }, write_bw: { low: 0, high: write_bw.high + most + 1 } };
  }
  const kept = (period - elapsed) / period;
  const reached = {
    // Each update rounds down by less than one.
    low: Math.max(0, Math.floor(write_bw.low * kept) - updates),
    high: write_bw.high + most + 1,
  };
  const moved = 1 - (7 / 8) ** updates;
  return {
    avg: {
      low: Math.max(1, Math.floor(avg.low - Math.max(0, avg.low - reached.low) * moved)),
      high: Math.ceil(avg.high + Math.max(0, reached.high - avg.high) * moved),
    },
    write_bw: reached,
  };
}

/** Pages written in `elapsed` jiffies if write_bw went from `old` to `write_bw` in one update. */
export function writtenBetween(
  old: number,
  write_bw: number,
  elapsed: number,
  { hz, bandwidth_period: period }: ThrottleConstants,
): Range {
  if (elapsed > period) {
    return {
      low: Math.ceil((write_bw * elapsed) / hz),
      high: Math.ceil(((write_bw + 1) * elapsed) / hz) - 1,
    };
  }
  const base = old * (period - elapsed);
  return {
    low: Math.ceil((write_bw * period - base) / hz),
    high: Math.ceil(((write_bw + 1) * period - base) / hz) - 1,
  };
}
