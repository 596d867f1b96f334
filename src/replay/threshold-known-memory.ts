/** How much memory could be dirtied, from everything that the capture holds about it. */
import type { PagesInterval } from '../model/thresholds.ts';
import { upperBound } from '../trace/search.ts';
import { numbers, type Table } from '../trace/table.ts';
import type { Trace } from '../trace/trace.ts';
import {
  availableBefore,
  type MemorySamples,
  memorySamples,
  observedReserve,
  type Reserve,
  zoneReserve,
} from './threshold-memory.ts';
import type { ThresholdRows } from './threshold-rows.ts';
import type { SysctlFacts } from './threshold-settings.ts';
import { statedSetting } from './threshold-settings.ts';
import type { Side } from './threshold-stretches.ts';

export type KnownMemory = {
  readonly samples: MemorySamples | undefined;
  readonly reserve: Reserve | undefined;
  at(ts_ns: number): PagesInterval | undefined;
  growth(from_ns: number, to_ns: number): number | undefined;
  /** Does the threshold move with memory, as far as meta.json says? */
  drifts(side: Side): boolean | undefined;
};

/** Samples are this far from the moment asked for at most. */
const NEAR_NS = 1e9;
/** Memory moves between meta.json and the trace; this much is still the same setting. */
const SINCE_META = 1 / 4;
/** A sample and a reading are some milliseconds apart. */
const SLACK = 1 / 500;
const SLACK_PAGES = 512;

export function findMemory(
  trace: Trace,
  rows: ThresholdRows,
  state: Table,
  facts: SysctlFacts,
  pageSize: number,
): KnownMemory {
  const samples = memorySamples(trace.samples);
  const before = availableBefore(trace);
  const stated = statedSetting(facts, 'thresh');
  const first = rows.thresh[0] as number;
  const isStated =
    stated?.kind === 'bytes' ? first === Math.ceil(stated.low_bytes / pageSize) : undefined;
  const reserve = samples && findReserve(trace, samples, stated?.percents[0], before, pageSize);
  const seen = samples && reserve && new SampledMemory(samples, reserve.pages);
  const start = numbers(state, 'ts_ns').values[0] as number;
  return {
    samples,
    reserve,
    at: (ts) => seen?.at(ts) ?? (ts - start < NEAR_NS ? around(before) : undefined),
    growth: (from, to) => seen?.growth(from, to),
    drifts(side) {
      if (side === 'thresh' && isStated === false) return undefined;
      const setting = statedSetting(facts, side);
      return setting === undefined ? undefined : setting.kind === 'percent';
    },
  };
}

function around(pages: number | undefined): PagesInterval | undefined {
  if (pages === undefined) return undefined;
  return { low: pages * (1 - SINCE_META), high: pages * (1 + SINCE_META) };
}

function findReserve(
  trace: Trace,
  samples: MemorySamples,
  percent: number | undefined,
  before: number | undefined,
  pageSize: number,
): Reserve | undefined {
  const from_zoneinfo = zoneReserve(trace.host);
  if (percent !== undefined && percent > 0) {
    const all = { low: 0, high: Number.POSITIVE_INFINITY };
    const pages = observedReserve(samples, percent, pageSize, all);
    const fits = around(before);
    const memory = pages === undefined ? Number.NaN : (samples.pages[0] as number) - pages;
    const plausible = fits === undefined || (memory >= fits.low && memory <= fits.high);
    if (pages !== undefined && plausible) return { pages, because: 'observed', from_zoneinfo };
  }
  if (from_zoneinfo === undefined) return undefined;
  return { pages: from_zoneinfo, because: 'zoneinfo', from_zoneinfo };
}

class SampledMemory {
  readonly #samples: MemorySamples;
  readonly #reserve: number;

  constructor(samples: MemorySamples, reserve: number) {
    this.#samples = samples;
    this.#reserve = reserve;
  }

  at(ts_ns: number): PagesInterval | undefined {
    const row = this.#before(ts_ns);
    const values = [row, row + 1].flatMap((at) => {
      const ts = this.#samples.ts_ns[at];
      if (ts === undefined || Math.abs(ts - ts_ns) > NEAR_NS) return [];
      return [(this.#samples.pages[at] as number) - this.#reserve];
    });
    if (values.length === 0 || values.some((value) => !(value > 0))) return undefined;
    const low = Math.min(...values) * (1 - SLACK) - SLACK_PAGES;
    return { low, high: Math.max(...values) * (1 + SLACK) + SLACK_PAGES };
  }

  growth(from_ns: number, to_ns: number): number | undefined {
    const [from, to] = [this.at(from_ns), this.at(to_ns)];
    if (from === undefined || to === undefined) return undefined;
    return (to.low + to.high) / (from.low + from.high);
  }

  /** Last sample at or before a time, -1 for none. */
  #before(ts_ns: number): number {
    return upperBound(this.#samples.ts_ns, ts_ns) - 1;
  }
}
