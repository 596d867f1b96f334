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

/**
 * wb_position_ratio of one point: what does not depend on the bandwidth is found once, because who
 * searches for a bandwidth asks for some hundred. Then half a million searches take 0.08 s, not
 * 0.18.
 */
export class Position {
  #rules: PositionRules = { strictlimit: false, floored: false };
  /** The ratio where the bandwidth does not matter; NaN where it does. */
  #fixed = Number.NaN;
  /** The machine's ratio. */
  #ratio = 0;
  #wbDirty = 0;
  /** thresh less the device's share, that share as 16-bit fraction, and half of it. */
  #room = 0;
  #fraction = 0;
  #half = 0;
  #wbSetpoint = 0;

  /** Callers may reuse the point afterwards. */
  set(at: DomainPoint, rules: PositionRules): this {
    this.#rules = rules;
    if (at.dirty >= at.limit) {
      this.#fixed = 0;
      return this;
    }
    const setpoint = domainSetpoint(at);
    this.#ratio = positionPolynomial(setpoint, at.dirty, at.limit);
    this.#fixed = rules.strictlimit ? strictRatio(at, this.#ratio, rules) : Number.NaN;
    if (rules.strictlimit) return this;
    const share = deviceShare(at, rules);
    this.#fraction = mulDiv(share, 2 ** 16, orOne(at.thresh));
    this.#wbSetpoint = mulDiv(setpoint, this.#fraction, 2 ** 16);
    this.#room = at.thresh - share;
    this.#half = divide(share, 2);
    this.#wbDirty = at.wb_dirty;
    return this;
  }

  /** `avgWriteBandwidth` does not matter for a device with strictlimit. */
  ratio(avgWriteBandwidth: number, divisor: Divisor = 'kernel'): number {
    if (!Number.isNaN(this.#fixed) || this.#rules.strictlimit) return this.#fixed;
    const span = this.#span(avgWriteBandwidth);
    const intercept = this.#wbSetpoint + span;
    const wbDirty = this.#wbDirty;
    const result =
      wbDirty < intercept - divide(span, 4)
        ? mulDiv(this.#ratio, intercept - wbDirty, divisorOf(span, divisor))
        : divide(this.#ratio, 4);
    return reserve(result, this.#half, wbDirty);
  }

  /** Width of the band around the device's setpoint in which its ratio goes from 1 to 1/4. */
  #span(avgWriteBandwidth: number): number {
    const room = this.#room + 8 * avgWriteBandwidth;
    const x = this.#fraction;
    // A floor above thresh (limit > 8·thresh, until 6.12) makes the unsigned product wrap.
    return room >= 0 ? mulDiv(room, x, 2 ** 16) : 2 ** 48 + shiftRight(room * x, 16);
  }
}

const position = new Position();

/** wb_position_ratio. */
export function positionRatio(
  at: DomainPoint,
  avgWriteBandwidth: number,
  rules: PositionRules,
  divisor: Divisor = 'kernel',
): number {
  return position.set(at, rules).ratio(avgWriteBandwidth, divisor);
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

/** The device's part of the threshold. */
function deviceShare(at: DomainPoint, { floored }: PositionRules): number {
  const share = Math.min(at.wb_thresh, at.thresh);
  return floored ? share : Math.max(share, divide(at.limit - at.dirty, 8));
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
