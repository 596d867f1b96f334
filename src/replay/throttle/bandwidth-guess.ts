/**
 * Which write bandwidths are possible before two updates have been recorded: the average follows an
 * estimate that nothing has printed yet, or whose last change is not known. Each hypothesis is one
 * pair of both; all go through every update that must have happened, and those that an event
 * contradicts are dropped.
 */
import type { ThrottleConstants } from '../../kernel/constants.ts';
import {
  type Range,
  updateWriteBandwidth,
  type WriteBandwidth,
} from '../../model/write-bandwidth.ts';
import type { Since } from './update-clock.ts';

/** The estimate is taken to be from an eighth to eight times the average. */
const RATIOS = Array.from({ length: 33 }, (_, step) => 2 ** ((step - 16) * (3 / 16)));
const AVERAGES = 9;
/** Fewer of them do not tell where between them the truth is. */
const FEW = 24;

export class BandwidthGuess {
  readonly #constants: ThrottleConstants;
  #possible: WriteBandwidth[] = [];
  /** Has an update told them apart since they were made up? */
  #isMoved = false;

  constructor(constants: ThrottleConstants) {
    this.#constants = constants;
  }

  /** What is possible, and the middle of it; undefined while that says no more than was seen. */
  get average(): (Range & { readonly middle: number }) | undefined {
    if (!this.#isMoved) return undefined;
    const sorted = this.#possible.map((each) => each.avg_write_bw).sort((a, b) => a - b);
    const [low, middle, high] = [sorted[0], sorted[sorted.length >> 1], sorted.at(-1)];
    if (low === undefined || middle === undefined || high === undefined) return undefined;
    return { low, middle, high };
  }

  /** Both were printed, and then changed by an update of which it is not known what it took in. */
  restart(before: WriteBandwidth): void {
    const { bandwidth_interval, hz } = this.#constants;
    const elapsed = bandwidth_interval + 1;
    this.#isMoved = true;
    this.#possible = [0, ...RATIOS].map((ratio) => {
      const written = Math.round((ratio * before.write_bw * elapsed) / hz);
      return updateWriteBandwidth(before, written, elapsed, this.#constants);
    });
  }

  update({ elapsed, written }: Since): void {
    this.#isMoved = true;
    this.#possible = this.#possible.map((each) =>
      updateWriteBandwidth(each, written, elapsed, this.#constants),
    );
  }

  /** The average was in that range. */
  observe(seen: Range): void {
    const left = this.#possible.filter(({ avg_write_bw }) => isIn(avg_write_bw, seen));
    if (left.length >= FEW) this.#possible = left;
    else if (left.length > 0) this.#possible = left.flatMap((each) => this.#around(each, seen));
    else {
      this.#isMoved = false;
      this.#possible = averagesIn(likely(seen, this.#constants)).flatMap((avg) => this.#with(avg));
    }
  }

  #with(avg_write_bw: number): WriteBandwidth[] {
    return RATIOS.map((ratio) => ({ avg_write_bw, write_bw: Math.round(avg_write_bw * ratio) }));
  }

  /** What is close to the one, and as possible. */
  #around({ avg_write_bw, write_bw }: WriteBandwidth, seen: Range): WriteBandwidth[] {
    const { low, high } = likely(seen, this.#constants);
    const near = [-2, -1, 0, 1, 2].map((step) => 1 + step / 64);
    return near.flatMap((one) => {
      const avg = Math.min(high, Math.max(low, Math.round(avg_write_bw * one)));
      return near.map((other) => ({
        avg_write_bw: avg,
        write_bw: Math.round(write_bw * (1 + 2 * (other - 1))),
      }));
    });
  }
}

/** A range without an upper end: up to twice the lower one, or what a device begins with. */
export function likely({ low, high }: Range, { initial_bandwidth }: ThrottleConstants): Range {
  return { low, high: Math.min(high, Math.max(2 * low, initial_bandwidth)) };
}

export const isIn = (value: number, { low, high }: Range) => value >= low && value <= high;

function averagesIn({ low, high }: Range): number[] {
  const step = (high - low) / (AVERAGES - 1);
  return Array.from({ length: AVERAGES }, (_, at) => Math.round(low + at * step));
}
