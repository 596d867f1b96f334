/**
 * The part of a domain's threshold that one device may fill (mm/page-writeback.c __wb_calc_thresh,
 * lib/flex_proportions.c). Quantities are pages; ratios of a bdi are parts of RATIO_SCALE.
 */
import { divide, mulDiv } from '../kernel/arithmetic.ts';

/** 100 %, in units of BDI_RATIO_SCALE (parts per million); percent until 6.1. */
export const RATIO_SCALE = 1_000_000;

export type BdiRatios = {
  /** Of this bdi. */
  readonly min_ratio: number;
  readonly max_ratio: number;
  /** Σ of min_ratio over all bdis: what the others may not take. */
  readonly all_min_ratio: number;
  readonly strictlimit: boolean;
};

/** Completions of this device out of all completions, as fprop_fraction_percpu returns them. */
export type Fraction = { readonly numerator: number; readonly denominator: number };

/** Share of a bdi's bandwidth that one of its writeback structures (cgroups) has. */
export type BandwidthShare = { readonly own: number; readonly all: number };

/**
 * Pages of `thresh` that the device may hold. `dirty` is what the domain holds; undefined where the
 * kernel has no floor here (until 6.12).
 */
export function wbThreshold(
  thresh: number,
  dirty: number | undefined,
  fraction: Fraction,
  ratios: BdiRatios,
  bandwidth?: BandwidthShare,
): number {
  const { min, max } = scaledRatios(ratios, bandwidth);
  const common = mulDiv(thresh, RATIO_SCALE - ratios.all_min_ratio, RATIO_SCALE);
  let share = mulDiv(common, fraction.numerator, fraction.denominator);
  share += mulDiv(thresh, min, RATIO_SCALE);
  if (dirty !== undefined) {
    share = Math.max(share, wbThresholdFloor(thresh, dirty, ratios.strictlimit));
  }
  return Math.min(share, mulDiv(thresh, max, RATIO_SCALE));
}

/** A new device is not held at nothing: part of the room that the domain has left. */
export function wbThresholdFloor(thresh: number, dirty: number, strictlimit: boolean): number {
  return thresh > dirty ? divide(thresh - dirty, strictlimit ? 100 : 8) : 0;
}

/** wb_min_max_ratio: a cgroup's part of the bdi's limits follows its part of the bandwidth. */
function scaledRatios(ratios: BdiRatios, bandwidth: BandwidthShare | undefined) {
  const min = ratios.min_ratio;
  const max = ratios.max_ratio;
  if (bandwidth === undefined || bandwidth.own >= bandwidth.all) return { min, max };
  return {
    min: min > 0 ? mulDiv(min, bandwidth.own, bandwidth.all) : min,
    max: max < RATIO_SCALE ? mulDiv(max, bandwidth.own, bandwidth.all) : max,
  };
}

/** wb_bg_thresh of balance_dirty_pages: the device's share of the background threshold. */
export function wbBackground(wbThresh: number, thresh: number, background: number): number {
  return thresh === 0 ? 0 : mulDiv(wbThresh, background, thresh);
}

/** What the event prints as wb_setpoint. */
export function printedWbSetpoint(setpoint: number, wbThresh: number, thresh: number): number {
  return mulDiv(setpoint, wbThresh, thresh + 1);
}

/** First wb_thresh that prints as `wbSetpoint`. The setpoint must be positive. */
export function lowestWbThreshold(wbSetpoint: number, setpoint: number, thresh: number): number {
  const product = wbSetpoint * (thresh + 1);
  if (product <= Number.MAX_SAFE_INTEGER) return Math.ceil(product / setpoint);
  const exact = BigInt(wbSetpoint) * BigInt(thresh + 1);
  return Number((exact + BigInt(setpoint) - 1n) / BigInt(setpoint));
}

/** Last wb_thresh that prints as `wbSetpoint`; below the lowest if there is none at all. */
export function highestWbThreshold(wbSetpoint: number, setpoint: number, thresh: number): number {
  return lowestWbThreshold(wbSetpoint + 1, setpoint, thresh) - 1;
}

/** A decaying count of completions and the period in which it was last brought up to date. */
export type PropCount = { events: number; period: number };

/** fprop_reflect_period: every period that went by halves what was counted before it. */
export function reflectPeriod(local: PropCount, period: number): void {
  const passed = period - local.period;
  if (passed <= 0) return;
  local.events = passed < 64 ? halved(local.events, passed) : 0;
  local.period = period;
}

/** fprop_new_period on the global count; false when nothing was completed and the timer stops. */
export function newPeriod(global: PropCount, periods: number): boolean {
  if (global.events <= 1) return false;
  if (periods < 64) global.events = halved(global.events, periods);
  global.period += periods;
  return true;
}

function halved(events: number, times: number): number {
  return Math.floor(events / 2 ** times);
}

/** Denominator of max_prop_frac (FPROP_FRAC_SHIFT). */
export const PROP_ONE = 1024;

/**
 * __fprop_add_percpu_max: `pages` completions of a device whose share may not exceed `maxFraction`
 * (parts of PROP_ONE). Returns how many were counted.
 */
export function addCompletions(
  local: PropCount,
  global: PropCount,
  pages: number,
  maxFraction = PROP_ONE,
): number {
  reflectPeriod(local, global.period);
  let counted = pages;
  if (maxFraction < PROP_ONE) {
    const { numerator, denominator } = propFraction(local, global);
    const slack = denominator * maxFraction - numerator * PROP_ONE;
    if (slack < 0) return 0;
    const rest = PROP_ONE - maxFraction;
    if (slack < pages * rest) counted = Math.ceil(slack / rest);
  }
  local.events += counted;
  global.events += counted;
  return counted;
}

/** fprop_fraction_percpu: never above one, never divided by zero. */
export function propFraction(local: PropCount, global: PropCount): Fraction {
  reflectPeriod(local, global.period);
  const numerator = Math.max(local.events, 0);
  const all = Math.max(global.events, 0);
  return { numerator, denominator: all <= numerator ? numerator || 1 : all };
}
