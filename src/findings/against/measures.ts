/**
 * The numbers of one capture that a comparison puts beside those of another. Each is a range: the
 * ticks that pauses end with, what counters drift, and what may have happened while events were
 * lost lie inside of it. Two ranges that overlap are no difference.
 */
import { driftOf } from '../../derive/drift.ts';
import {
  isKernelThread,
  PLACE_WORDS,
  STALL_PLACES,
  type Stall,
  type StallPlace,
} from '../../derive/stalls.ts';
import type { Context } from '../context.ts';
import type { DetailUnit } from '../detail.ts';
import { bytes, count, duration } from '../format.ts';
import { median } from '../median.ts';
import { lostShare } from '../run.ts';
import { growths } from './growth.ts';
import { rankRange } from './ranks.ts';

export type Measure = {
  readonly value: number;
  readonly low: number;
  readonly high: number;
  /** `662 pauses`, `40 readings`: what it was made of. */
  readonly basis: string;
};

export type MeasureDefinition = {
  readonly group: string;
  readonly name: string;
  readonly unit: DetailUnit;
  /**
   * Which way is better; `none` where that depends. `faster` (less time) and `quicker` (a higher
   * rate) are better only where both did as much.
   */
  readonly goal: 'less' | 'none' | 'faster' | 'quicker';
  /** One wait, which below `stall.least_ms` is no stall; shorter makes no difference. */
  readonly isOneWait?: true;
  readonly isKey: boolean;
  /** Said even where it is zero in both. */
  readonly isMain?: true;
  /** Undefined where the capture cannot tell it. */
  measure(context: Context): Measure | undefined;
};

const WAITING = 'Waiting';
const SPEED = 'Throughput';
const LEVELS = 'Limits and levels';

/** Waits of tasks; threads of the kernel wait for a living. Ask by `context.once(userWaits)`. */
export function userWaits({ stalls }: Context): readonly Stall[] {
  return stalls.filter(({ comm }) => !isKernelThread(comm));
}

/** Where HZ is not known: the longest tick that distributions build. */
const LONGEST_TICK_NS = 1e7;

export function tickNs({ facts }: Context): number {
  return facts.hz === undefined ? LONGEST_TICK_NS : 1e9 / facts.hz;
}

/** Two standard deviations of a sum of n values that are even between 0 and 1: √(n / 12). */
function roomOfTicks(n: number): number {
  return 2 * Math.sqrt(n / 12);
}

/** True where so much was lost that nothing tells who else may have waited. */
export function isMostlyBlind({ trace, facts }: Context): boolean {
  return lostShare(trace) >= facts.settings['loss.much_share'];
}

/**
 * Sum of own times. A pause ends with a tick, so that each is off by a part of one, at random;
 * where few events were lost every task that was seen waiting may have waited all that time.
 */
function waited(context: Context, waits: readonly Stall[]): Measure {
  const value = waits.reduce((sum, { own_ns }) => sum + own_ns, 0);
  const asked = waits.filter(({ asked_ns }) => asked_ns !== undefined).length;
  const tick_ns = tickNs(context);
  const room = asked === 0 ? 0 : Math.max(tick_ns, tick_ns * roomOfTicks(asked));
  const { facts } = context;
  const unseen_ns = facts.duration_ns - facts.observed_ns;
  const tasks = new Set(waits.map(({ pid }) => pid)).size;
  const basis = waits.length === 0 ? 'no wait' : countOf(waits.length, tasks);
  const ticks = room === 0 ? '' : `, ±${duration(room)} by ticks`;
  const gaps = unseen_ns > 0 ? `; at least, since ${duration(unseen_ns)} lack events` : '';
  const hidden = isMostlyBlind(context) ? Number.POSITIVE_INFINITY : unseen_ns * Math.max(1, tasks);
  const low = Math.max(0, value - room);
  return { value, low, high: value + room + hidden, basis: `${basis}${ticks}${gaps}` };
}

function countOf(waits: number, tasks: number): string {
  return `${count(waits, 'wait')} of ${count(tasks, 'task')}`;
}

function scaled({ value, low, high, basis }: Measure, factor: number, per: string): Measure {
  return { value: value * factor, low: low * factor, high: high * factor, basis: basis + per };
}

const inAll: MeasureDefinition = {
  group: WAITING,
  name: 'Waited, all tasks together',
  unit: 'ns',
  goal: 'less',
  isKey: true,
  isMain: true,
  measure: (context) =>
    context.facts.canSeeStalls ? waited(context, context.once(userWaits)) : undefined,
};

const perSecond: MeasureDefinition = {
  group: WAITING,
  name: 'Waited per second of the capture',
  unit: 'ns',
  goal: 'less',
  isKey: true,
  isMain: true,
  measure: (context) => {
    const sum = inAll.measure(context);
    const seconds = context.trace.meta.duration_ns / 1e9;
    if (sum === undefined || !(seconds > 0)) return undefined;
    return scaled(sum, 1 / seconds, `, in ${duration(seconds * 1e9)}`);
  },
};

const GIB = 1024 ** 3;
/** Of less than this nobody says what a GiB costs. */
const LEAST_DIRTIED = 2 ** 20;

const perAmount: MeasureDefinition = {
  group: WAITING,
  name: 'Waited per GiB dirtied',
  unit: 'ns',
  goal: 'less',
  isKey: true,
  measure: (context) => {
    const sum = inAll.measure(context);
    const dirtied = context.once(growths)('nr_dirtied_pages')?.amount.value ?? 0;
    if (sum === undefined || dirtied < LEAST_DIRTIED) return undefined;
    return scaled(sum, GIB / dirtied, `, ${bytes(dirtied)} dirtied`);
  },
};

const longest: MeasureDefinition = {
  group: WAITING,
  name: 'Longest wait',
  unit: 'ns',
  goal: 'less',
  isKey: true,
  isOneWait: true,
  measure: (context) => {
    if (!context.facts.canSeeStalls) return undefined;
    const waits = context.once(userWaits);
    const worst = waits.reduce<Stall | undefined>(
      (most, one) => (one.duration_ns > (most?.duration_ns ?? 0) ? one : most),
      undefined,
    );
    const isCut = context.trace.losses.length > 0 || worst?.open === true;
    const value = worst?.duration_ns ?? 0;
    const basis =
      worst === undefined
        ? 'no task was seen waiting'
        : `${worst.comm}, ${PLACE_WORDS[worst.place]}`;
    const room = worst?.asked_ns === undefined ? 0 : tickNs(context);
    const high = isCut ? Number.POSITIVE_INFINITY : value + room;
    return { value, low: value - room, high, basis };
  },
};

/** What shows that a place was watched, where it is not one of many ways. */
const SEEN_BY: Readonly<Partial<Record<StallPlace, readonly string[]>>> = {
  'dirty-throttling': ['balance_dirty_pages'],
  sync: [
    'sys_enter_fsync',
    'sys_enter_sync',
    'ext4_sync_file_enter',
    'xfs_file_fsync',
    'btrfs_sync_file',
  ],
  'fuse-request': ['fuse_request_send'],
};

function isWatched(context: Context, place: StallPlace): boolean {
  const events = SEEN_BY[place];
  return events === undefined || events.some((name) => context.isRecorded(name));
}

const places: readonly MeasureDefinition[] = STALL_PLACES.map((place) => ({
  group: WAITING,
  name: `of it in ${PLACE_WORDS[place]}`,
  unit: 'ns',
  goal: 'less',
  isKey: false,
  measure: (context) => {
    const waits = context.once(userWaits).filter((one) => one.place === place);
    if (waits.length === 0 && !isWatched(context, place)) return undefined;
    return waited(context, waits);
  },
}));

/** Fewer waits than this have no percentile worth a number. */
const LEAST_WAITS = 5;

function percentile(name: string, place: StallPlace, share: number): MeasureDefinition {
  return {
    group: WAITING,
    name,
    unit: 'ns',
    goal: 'less',
    isKey: share > 0.9,
    isOneWait: true,
    measure: (context) => {
      const own = context.once(userWaits).filter((one) => one.place === place);
      const isLossy = context.trace.losses.length > 0;
      if (own.length === 0) {
        if (isLossy || !isWatched(context, place)) return undefined;
        return { value: 0, low: 0, high: 0, basis: 'no wait' };
      }
      const all = own.map(({ duration_ns }) => duration_ns);
      const range = rankRange(all, share);
      const basis = count(own.length, 'wait');
      // Which ones are missing is not known; of a handful every value is chance.
      if (isLossy || own.length < LEAST_WAITS) {
        return { value: range.value, low: 0, high: Number.POSITIVE_INFINITY, basis };
      }
      const room = own.some(({ asked_ns }) => asked_ns !== undefined) ? tickNs(context) : 0;
      return { value: range.value, low: range.low - room, high: range.high + room, basis };
    },
  };
}

const pauses: MeasureDefinition = {
  group: WAITING,
  name: 'Pauses of writers',
  unit: 'count',
  goal: 'none',
  isKey: true,
  measure: (context) => {
    if (!context.isRecorded('balance_dirty_pages')) return undefined;
    const own = context.once(userWaits).filter(({ place }) => place === 'dirty-throttling');
    const high = context.trace.losses.length > 0 ? Number.POSITIVE_INFINITY : own.length;
    return { value: own.length, low: own.length, high, basis: 'events with a pause' };
  },
};

function rateOf(name: string, column: string, isKey: boolean): MeasureDefinition {
  return {
    group: SPEED,
    name,
    unit: 'bytes_per_s',
    goal: 'quicker',
    isKey,
    measure: (context) => context.once(growths)(column)?.rate,
  };
}

function amountOf(name: string, column: string): MeasureDefinition {
  return {
    group: SPEED,
    name,
    unit: 'bytes',
    goal: 'none',
    isKey: false,
    measure: (context) => context.once(growths)(column)?.amount,
  };
}

const took: MeasureDefinition = {
  group: SPEED,
  name: 'The work took',
  unit: 'ns',
  goal: 'faster',
  isKey: true,
  measure: ({ trace: { host } }) => {
    const { workload_start_ns: start, workload_end_ns: end } = host;
    if (start === undefined || end === undefined || end <= start) return undefined;
    const value = Number(end - start);
    return { value, low: value, high: value, basis: 'as meta.json states it' };
  },
};

/** A limit that differs by more than this share of itself within a capture was moved. */
const MOVED = 0.01;

/** Median of a limit; where it moved, the basis says from where to where. */
function limitOf(
  name: string,
  column: 'limit_pages' | 'background_pages' | 'freerun_pages',
): MeasureDefinition {
  return {
    group: LEVELS,
    name,
    unit: 'bytes',
    goal: 'none',
    isKey: column === 'limit_pages',
    measure: ({ dirty, pageSize }) => {
      if (dirty === undefined) return undefined;
      const readings = dirty[column];
      if (readings.length === 0) return undefined;
      const value = median(readings) * pageSize;
      const lowest = readings.reduce((least, one) => Math.min(least, one)) * pageSize;
      const highest = readings.reduce((most, one) => Math.max(most, one)) * pageSize;
      const moved =
        highest - lowest > MOVED * value ? `, from ${bytes(lowest)} to ${bytes(highest)}` : '';
      const basis = `${count(readings.length, 'reading')}${moved}`;
      return { value, low: value, high: value, basis };
    },
  };
}

const peak: MeasureDefinition = {
  group: LEVELS,
  name: 'Highest dirty + writeback',
  unit: 'bytes',
  goal: 'none',
  isKey: true,
  measure: ({ dirty, pageSize, trace }) => {
    if (dirty === undefined) return undefined;
    const value = dirty.level_pages.reduce((most, one) => Math.max(most, one), 0) * pageSize;
    return { ...drifted(value, trace, pageSize), basis: count(dirty.ts_ns.length, 'reading') };
  },
};

const mean: MeasureDefinition = {
  group: LEVELS,
  name: 'Dirty + writeback on average',
  unit: 'bytes',
  goal: 'none',
  isKey: false,
  measure: ({ dirty, pageSize, trace }) => {
    if (dirty === undefined || dirty.ts_ns.length < 2) return undefined;
    let area = 0;
    for (let row = 1; row < dirty.ts_ns.length; row++) {
      const step_ns = (dirty.ts_ns[row] as number) - (dirty.ts_ns[row - 1] as number);
      area += step_ns * (dirty.level_pages[row - 1] as number);
    }
    const length_ns = (dirty.ts_ns.at(-1) as number) - (dirty.ts_ns[0] as number);
    if (!(length_ns > 0)) return undefined;
    const basis = `${count(dirty.ts_ns.length, 'reading')} over ${duration(length_ns)}`;
    return { ...drifted((area / length_ns) * pageSize, trace, pageSize), basis };
  },
};

/** Two counters, each off by what CPUs keep to themselves. */
function drifted(value: number, trace: Context['trace'], pageSize: number) {
  const room = 2 * driftOf(trace).bound_pages * pageSize;
  return { value, low: value - room, high: value + room };
}

/** Those by which it is decided whether a change helped. */
export const DECISIVE = { inAll, perSecond, perAmount };

export const MEASURES: readonly MeasureDefinition[] = [
  inAll,
  perSecond,
  perAmount,
  longest,
  pauses,
  percentile('Pauses, 99th percentile', 'dirty-throttling', 0.99),
  percentile('Pauses, median', 'dirty-throttling', 0.5),
  percentile('fsync and sync, 99th percentile', 'sync', 0.99),
  percentile('fsync and sync, median', 'sync', 0.5),
  ...places,
  took,
  rateOf('Dirtied per second of work', 'nr_dirtied_pages', true),
  rateOf('Written per second of work', 'nr_written_pages', true),
  amountOf('Dirtied in all', 'nr_dirtied_pages'),
  amountOf('Written in all', 'nr_written_pages'),
  limitOf('Dirty limit', 'limit_pages'),
  limitOf('Background threshold', 'background_pages'),
  limitOf('Free run, below which nobody is paused', 'freerun_pages'),
  peak,
  mean,
];
