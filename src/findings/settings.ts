/**
 * Thresholds of the causes, in one place so that a config file can set them. Each is a judgement
 * about what is worth a reader's time, or a property of the kernel's controller; which of the two,
 * and why the value, is said beside it.
 */

export const SETTINGS = {
  /** Time that all tasks together must lose to a cause before it is more than a note. */
  'notice.task_seconds': 0.25,
  /** The same as a share of the capture: a tenth of a second matters in one second, not in an hour. */
  'notice.share': 0.02,
  /**
   * A single wait in a sync, a journal or a request shorter than this is the price of asking, not a
   * stall: one seek of a disk and its cache flush take as long.
   */
  'stall.least_ms': 50,
  /** Shares of the capture from which a cause is a warning, and critical. */
  'warning.share': 0.05,
  'critical.share': 0.25,
  /** From which share of lost events on nothing can be concluded from what was not seen. */
  'loss.much_share': 0.1,
  /**
   * A limit that the device empties faster than this is too small: the controller's working range
   * between setpoint and limit is an eighth of the limit, and it must hold what the device writes
   * in one MAX_PAUSE (200 ms) or writers sleep while the device runs dry.
   */
  'dirty-limit-too-small.drain_s': 1,
} as const;

export type SettingName = keyof typeof SETTINGS;
export type Settings = Readonly<Record<SettingName, number>>;
