/**
 * How much of its rate a task may use, from how far the domain and the device are from their
 * setpoints (mm/page-writeback.c, pos_ratio_polynom and wb_position_ratio). Ratios are 10-bit fixed
 * point: 1024 is 1.0. Quantities are pages, rates pages per second.
 */
import { divide, mulDiv, orOne, shiftRight, truncDivide } from '../kernel/arithmetic.ts';
import { asPages } from '../trace/units.ts';
import { freerunCeiling, globalSetpoint } from './limits.ts';

export const RATIO_ONE = 1024;

/** What one iteration of balance_dirty_pages looks at. Callers may reuse one object for many. */
export type DomainPoint = {
  thresh: number;
  background: number;
  /** max(thresh, tracked limit) (hard_dirty_limit). */
  limit: number;
  dirty: number;
  wb_thresh: number;
  wb_background: number;
  wb_dirty: number;
};

/** Behaviour that differs between kernels and devices. */
export type PositionRules = {
  readonly strictlimit: boolean;
  /**
   * True where wb_thresh already carries the floor of an eighth of the free room; until 6.12 it is
   * raised here instead (feature wb_thresh_floor).
   */
  readonly floored: boolean;
};

/** 1 + ((setpoint - dirty) / (limit - setpoint))³, in [0, 2]. */
export function positionPolynomial(setpoint: number, dirty: number, limit: number): number {
  const x = truncDivide((setpoint - dirty) * RATIO_ONE, orOne(limit - setpoint));
  // Below the setpoint by as much as the limit is above, the cube is already at its end.
  if (x >= RATIO_ONE) return 2 * RATIO_ONE;
  if (x <= -RATIO_ONE) return 0;
  let ratio = shiftRight(x * x, 10);
  ratio = shiftRight(ratio * x, 10);
  return Math.min(Math.max(ratio + RATIO_ONE, 0), 2 * RATIO_ONE);
}

/**
 * What the width of a band is divided by: it with its lowest bit set, as the kernel does, or, for
 * bounds that move one way with the bandwidth, the width itself or one more.
 */
export type Divisor = 'kernel' | 'width' | 'width-and-one';

/** wb_position_ratio; `avgWriteBandwidth` does not matter for a device with strictlimit. */
export function positionRatio(
  at: DomainPoint,
  avgWriteBandwidth: number,
  rules: PositionRules,
  divisor: Divisor = 'kernel',
): number {
  if (at.dirty >= at.limit) return 0;
  const setpoint = domainSetpoint(at);
  const ratio = positionPolynomial(setpoint, at.dirty, at.limit);
  return rules.strictlimit
    ? strictRatio(at, ratio, rules)
    : deviceRatio(at, setpoint, ratio, avgWriteBandwidth, rules, divisor);
}

export function domainSetpoint(at: DomainPoint): number {
  const freerun = freerunCeiling(asPages(at.thresh), asPages(at.background));
  return globalSetpoint(asPages(at.limit), freerun);
}

function strictRatio(at: DomainPoint, ratio: number, { floored }: PositionRules): number {
  if (!floored && at.wb_dirty < 8) return Math.min(2 * ratio, 2 * RATIO_ONE);
  if (at.wb_dirty >= at.wb_thresh) return 0;
  const setpoint = divide(at.wb_thresh + at.wb_background, 2);
  if (setpoint === 0 || setpoint === at.wb_thresh) return 0;
  return Math.min(ratio, positionPolynomial(setpoint, at.wb_dirty, at.wb_thresh));
}

/** The device's part of the threshold, and that as 16-bit fraction. */
function deviceShare(at: DomainPoint, { floored }: PositionRules): number {
  const share = Math.min(at.wb_thresh, at.thresh);
  return floored ? share : Math.max(share, divide(at.limit - at.dirty, 8));
}

function shareFraction(at: DomainPoint, share: number): number {
  return mulDiv(share, 2 ** 16, orOne(at.thresh));
}

/** Width of the band around the device's setpoint in which its ratio goes from 1 to 1/4. */
function bandSpan(at: DomainPoint, share: number, avgWriteBandwidth: number): number {
  const room = at.thresh - share + 8 * avgWriteBandwidth;
  const x = shareFraction(at, share);
  // A floor above thresh (limit > 8·thresh, until 6.12) makes the unsigned product wrap.
  return room >= 0 ? mulDiv(room, x, 2 ** 16) : 2 ** 48 + shiftRight(room * x, 16);
}

function deviceRatio(
  at: DomainPoint,
  setpoint: number,
  ratio: number,
  avgWriteBandwidth: number,
  rules: PositionRules,
  divisor: Divisor,
): number {
  const share = deviceShare(at, rules);
  const wbSetpoint = mulDiv(setpoint, shareFraction(at, share), 2 ** 16);
  const span = bandSpan(at, share, avgWriteBandwidth);
  const intercept = wbSetpoint + span;
  const result =
    at.wb_dirty < intercept - divide(span, 4)
      ? mulDiv(ratio, intercept - at.wb_dirty, divisorOf(span, divisor))
      : divide(ratio, 4);
  return reserve(result, divide(share, 2), at.wb_dirty);
}

function divisorOf(span: number, divisor: Divisor): number {
  if (divisor === 'kernel') return orOne(span);
  return divisor === 'width' ? Math.max(span, 1) : span + 1;
}

/** A device with few pages may dirty faster, so that it does not run dry. */
function reserve(ratio: number, half: number, wbDirty: number): number {
  if (wbDirty >= half) return ratio;
  return wbDirty > divide(half, 8) ? mulDiv(ratio, half, wbDirty) : ratio * 8;
}
