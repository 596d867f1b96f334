/** Counts of the trace clock → nanoseconds. Nearly all clocks count nanoseconds themselves. */
import type { TscToNs } from './options.ts';

export type Clock = {
  /** Nanoseconds of a count, as trace-cmd prints them. */
  readonly absolute: (count: bigint) => bigint;
  /** Nanoseconds from one count to another, both counted from the base. */
  readonly between: (from: number, to: number) => number;
  /** Turns counts since the base into nanoseconds since `from`. */
  readonly convert: (values: Float64Array, from: number) => void;
};

/** `base`: the absolute count from which others are counted; `offset_ns` is added to all times. */
export function makeClock(base: bigint, tsc: TscToNs | undefined, offset_ns: bigint): Clock {
  return tsc === undefined ? plainClock(offset_ns) : tscClock(base, tsc, offset_ns);
}

function plainClock(offset_ns: bigint): Clock {
  return {
    absolute: (count) => count + offset_ns,
    between: (from, to) => to - from,
    convert(values, from) {
      if (from === 0) return;
      for (let row = 0; row < values.length; row++) (values[row] as number) -= from;
    },
  };
}

/** (count * mult) >> shift of the whole count, so that each time is what trace-cmd prints. */
function tscClock(base: bigint, tsc: TscToNs, offset_ns: bigint): Clock {
  const mult = BigInt(tsc.mult);
  const shift = BigInt(tsc.shift);
  const nsOf = (count: bigint) => (count * mult) >> shift;
  const since = (count: number) => nsOf(base + BigInt(count));
  return {
    absolute: (count) => nsOf(count) + offset_ns,
    between: (from, to) => Number(since(to) - since(from)),
    convert(values, from) {
      const start = since(from);
      for (let row = 0; row < values.length; row++) {
        values[row] = Number(since(values[row] as number) - start);
      }
    },
  };
}
