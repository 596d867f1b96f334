/** Constants of the throttle that follow from HZ and the page size (mm/page-writeback.c). */
import { divide, roundUpPowerOfTwo } from './arithmetic.ts';

export type ThrottleConstants = {
  readonly hz: number;
  readonly page_shift: number;
  /** MAX_PAUSE, jiffies: no single pause is longer. */
  readonly max_pause: number;
  /** BANDWIDTH_INTERVAL, jiffies: an update is due when more than this has passed. */
  readonly bandwidth_interval: number;
  /** Jiffies over which write_bandwidth averages: 3 s rounded up to a power of two. */
  readonly bandwidth_period: number;
  /** Divisor of the write bandwidth in the longest pause. */
  readonly pause_divisor: number;
  /** HZ rounded up to a power of two, for which rates are per second. */
  readonly second: number;
  /** DIRTY_POLL_THRESH: 128 KiB in pages, also nr_dirtied_pause of a new task. */
  readonly poll_pages: number;
  /** INIT_BW: 100 MiB/s in pages/s, what a new bdi_writeback assumes of itself. */
  readonly initial_bandwidth: number;
  /** jiffies of sleep below which a task that is ahead is not noticed. */
  readonly min_pause_base: number;
};

export function throttleConstants(hz: number, pageSize: number): ThrottleConstants {
  const page_shift = Math.log2(pageSize);
  return {
    hz,
    page_shift,
    max_pause: Math.max(divide(hz, 5), 1),
    bandwidth_interval: Math.max(divide(hz, 5), 1),
    bandwidth_period: roundUpPowerOfTwo(3 * hz),
    pause_divisor: roundUpPowerOfTwo(1 + divide(hz, 8)),
    second: roundUpPowerOfTwo(hz),
    poll_pages: divide(128 * 1024, pageSize),
    initial_bandwidth: divide(100 * 1024 * 1024, pageSize),
    min_pause_base: Math.max(1, divide(hz, 100)),
  };
}
