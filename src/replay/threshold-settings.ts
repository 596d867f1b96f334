/**
 * vm.dirty_bytes, dirty_ratio and their background twins as a step function over the trace: from
 * meta.json, from the thresholds that they gave, and from the moments at which those jumped.
 */
import { availableOf, intersect, type PagesInterval, percentsOf } from '../model/thresholds.ts';
import { textAt } from '../trace/column.ts';
import { numbers, type Table, texts } from '../trace/table.ts';
import type { HostFacts } from '../trace/trace.ts';
import type { LimitStep } from './limit-tracking.ts';
import type { ThresholdRows } from './threshold-rows.ts';
import { SIDES, type Side, type Stretch } from './threshold-stretches.ts';

export type Setting = {
  /** either: the threshold stood still and memory as well, so that both would give it. */
  readonly kind: 'bytes' | 'percent' | 'either' | 'unknown';
  /** Bytes that give the threshold, inclusive; equal where meta.json states them. */
  readonly low_bytes: number;
  readonly high_bytes: number;
  /** Percentages that give it, of the memory known; empty where none is known. */
  readonly percents: readonly number[];
};

export type SettingsStep = {
  /** Last reading under the settings before, NaN for the first step. */
  readonly after_ns: number;
  /** First and last reading under these. */
  readonly from_ns: number;
  readonly to_ns: number;
  readonly first_row: number;
  readonly last_row: number;
  readonly thresh: Setting;
  readonly background: Setting;
  readonly changed: readonly Side[];
  /** meta: as meta.json says; inferred: from the thresholds of the first stretch; changed: later. */
  readonly because: 'meta' | 'inferred' | 'changed';
  /** The dirty limit was set to the threshold at that moment, which only a write does. */
  readonly limit_written: boolean;
  /** Who read the new thresholds first: for a threshold that was written, the writer. */
  readonly first_reader: { readonly pid: number; readonly comm: string };
  readonly thresh_pages: PagesInterval;
  readonly background_pages: PagesInterval;
};

export type SysctlFacts = {
  readonly bytes: Readonly<Record<Side, number | undefined>>;
  readonly percent: Readonly<Record<Side, number | undefined>>;
};

const NAMES: Readonly<Record<Side, readonly [bytes: string, percent: string]>> = {
  thresh: ['dirty_bytes', 'dirty_ratio'],
  background: ['dirty_background_bytes', 'dirty_background_ratio'],
};

export function sysctlFacts({ sysctl }: HostFacts): SysctlFacts {
  const read = (name: string) => {
    const text = sysctl?.[`vm.${name}`] ?? sysctl?.[name];
    return text === undefined || !/^\d{1,15}$/.test(text) ? undefined : Number(text);
  };
  const pick = (nth: 0 | 1) => ({
    thresh: read(NAMES.thresh[nth]),
    background: read(NAMES.background[nth]),
  });
  return { bytes: pick(0), percent: pick(1) };
}

/** A setting that meta.json states; undefined where it does not. */
export function statedSetting(facts: SysctlFacts, side: Side): Setting | undefined {
  const bytes = facts.bytes[side];
  const percent = facts.percent[side];
  if (bytes !== undefined && bytes > 0) {
    return { kind: 'bytes', low_bytes: bytes, high_bytes: bytes, percents: [] };
  }
  return percent === undefined ? undefined : percentSetting([percent]);
}

const percentSetting = (percents: readonly number[]): Setting => ({
  kind: 'percent',
  low_bytes: Number.NaN,
  high_bytes: Number.NaN,
  percents,
});

export type MemoryView = {
  /** Bounds of the dirtyable memory around a time; undefined where nothing tells it. */
  at(ts_ns: number): PagesInterval | undefined;
};

export type StepsInput = {
  readonly state: Table;
  readonly rows: ThresholdRows;
  readonly stretches: readonly Stretch[];
  readonly facts: SysctlFacts;
  readonly memory: MemoryView;
  readonly written: readonly LimitStep[];
  readonly page_size: number;
};

export function settingsSteps(input: StepsInput): SettingsStep[] {
  const steps: SettingsStep[] = [];
  for (const stretch of input.stretches) steps.push(stepOf(input, stretch, steps.at(-1)));
  return steps;
}

function stepOf(
  input: StepsInput,
  stretch: Stretch,
  previous: SettingsStep | undefined,
): SettingsStep {
  const { state } = input;
  const ts = numbers(state, 'ts_ns').values;
  const after_ns = previous === undefined ? Number.NaN : previous.to_ns;
  const from_ns = ts[stretch.first] as number;
  const stated = previous === undefined ? statedSettings(input, stretch) : undefined;
  const other = (side: Side) => (side === 'thresh' ? 'background' : 'thresh');
  const settings = { ...stated } as Partial<Record<Side, Setting>>;
  for (const side of SIDES) {
    if (previous === undefined || stretch.changed.includes(side)) continue;
    if (isCertain(previous[side])) settings[side] = previous[side];
  }
  for (const side of SIDES) {
    settings[side] ??= inferred(input, stretch, side, settings[other(side)], previous);
  }
  const unknown = (side: Side) =>
    settings[side] ?? inferred(input, stretch, side, undefined, previous);
  return {
    after_ns,
    from_ns,
    to_ns: ts[stretch.last] as number,
    first_row: stretch.first,
    last_row: stretch.last,
    thresh: unknown('thresh'),
    background: unknown('background'),
    changed: stretch.changed,
    because: previous !== undefined ? 'changed' : stated !== undefined ? 'meta' : 'inferred',
    limit_written: input.written.some(
      (step) => step.because === 'written' && step.ts_ns >= after_ns && isNear(step, ts, stretch),
    ),
    first_reader: {
      pid: numbers(state, 'pid').values[stretch.first] as number,
      comm: textAt(texts(state, 'comm'), stretch.first),
    },
    thresh_pages: { low: stretch.min.thresh, high: stretch.max.thresh },
    background_pages: { low: stretch.min.background, high: stretch.max.background },
  };
}

/** More readings may tell what the first ones left open. */
function isCertain({ kind, percents }: Setting): boolean {
  return kind === 'bytes' || (kind === 'percent' && percents.length === 1);
}

/** The reading inside the write still has the old limit, the one after it the new. */
function isNear(step: LimitStep, ts: ArrayLike<number>, stretch: Stretch): boolean {
  const second = Math.min(stretch.first + 1, ts.length - 1);
  return step.ts_ns <= (ts[second] as number);
}

/** meta.json's settings, if the first readings follow from them. */
function statedSettings(input: StepsInput, stretch: Stretch): Record<Side, Setting> | undefined {
  const thresh = statedSetting(input.facts, 'thresh');
  const background = statedSetting(input.facts, 'background');
  if (thresh === undefined || background === undefined) return undefined;
  const isHalf = stretch.min.background === Math.floor(stretch.min.thresh / 2);
  if (!gives(input, stretch, 'thresh', thresh)) return undefined;
  if (!isHalf && !gives(input, stretch, 'background', background)) return undefined;
  return { thresh, background };
}

function gives(input: StepsInput, stretch: Stretch, side: Side, setting: Setting): boolean {
  const { page_size } = input;
  if (setting.kind === 'bytes') {
    const expected = Math.ceil(setting.low_bytes / page_size);
    return stretch.min[side] === expected && stretch.max[side] === expected;
  }
  const [percent = 0] = setting.percents;
  const first = input.rows[side][stretch.first] as number;
  const memory = availableOf(first, percent, page_size);
  if (memory === undefined) return first === 0;
  const known = input.memory.at(numbers(input.state, 'ts_ns').values[stretch.first] as number);
  return known === undefined || intersect(memory, known) !== undefined;
}

/** Fewer readings, or less time, than this do not tell a constant from an idle memory. */
const MANY_READINGS = 20;
const LONG_NS = 1e9;
const MIB = 2 ** 20;

function inferred(
  input: StepsInput,
  stretch: Stretch,
  side: Side,
  other: Setting | undefined,
  previous: SettingsStep | undefined,
): Setting {
  const { page_size } = input;
  const ts = numbers(input.state, 'ts_ns').values;
  const pages = stretch.min[side];
  const bytes = { low_bytes: (pages - 1) * page_size + 1, high_bytes: pages * page_size };
  const percents = possiblePercents(input, stretch, side, other, previous);
  if (stretch.min[side] !== stretch.max[side]) return percentSetting(percents ?? []);
  if (pages === 0) return percentSetting([0]);
  const lasted = (ts[stretch.last] as number) - (ts[stretch.first] as number) >= LONG_NS;
  const stood = stretch.last - stretch.first >= MANY_READINGS && lasted;
  const other_moved = otherMoved(stretch, side);
  const round = bytes.high_bytes % MIB === 0;
  if (percents?.length === 0 || other_moved || round || (stood && percents === undefined)) {
    return { kind: 'bytes', ...bytes, percents: [] };
  }
  if (percents === undefined) return { kind: 'unknown', ...bytes, percents: [] };
  return { kind: 'either', ...bytes, percents };
}

/** The other threshold moved with memory and this one did not: it is no share of it. */
function otherMoved(stretch: Stretch, side: Side): boolean {
  const other = side === 'thresh' ? 'background' : 'thresh';
  const moved = stretch.max[other] - stretch.min[other];
  return moved > 4 && moved / stretch.max[other] > 4 / Math.max(1, stretch.max[side]);
}

/** Memory of a reading some time ago is known to within this, and this more for each second. */
const SLACK = 1 / 500;
const SLACK_PER_S = 1 / 50;

/** Percentages that explain the first reading; undefined where nothing tells how much memory it is. */
function possiblePercents(
  input: StepsInput,
  stretch: Stretch,
  side: Side,
  other: Setting | undefined,
  previous: SettingsStep | undefined,
): number[] | undefined {
  const { state, memory, page_size, rows } = input;
  const row = stretch.first;
  const ts = numbers(state, 'ts_ns').values;
  const known =
    memoryOf(rows[side === 'thresh' ? 'background' : 'thresh'][row] as number, other, page_size) ??
    (previous && memoryBefore(input, previous, ts[row] as number)) ??
    memory.at(ts[row] as number);
  if (known !== undefined) return percentsOf(rows[side][row] as number, known, page_size);
  return pairedPercents(input, stretch, side);
}

/**
 * Nothing tells how much memory there is, but both thresholds moved with it: the percentages that
 * have a partner for the other threshold at the first reading and at the last.
 */
function pairedPercents(
  { rows, page_size }: StepsInput,
  stretch: Stretch,
  side: Side,
): number[] | undefined {
  const other = side === 'thresh' ? 'background' : 'thresh';
  const moved = SIDES.every((one) => stretch.min[one] > 0 && stretch.min[one] < stretch.max[one]);
  if (!moved) return undefined;
  const partners = (percent: number, row: number) => {
    const memory = availableOf(rows[side][row] as number, percent, page_size);
    return memory === undefined ? [] : percentsOf(rows[other][row] as number, memory, page_size);
  };
  const all = Array.from({ length: 100 }, (_, nth) => nth + 1);
  return all.filter((percent) => {
    const atEnd = partners(percent, stretch.last);
    return partners(percent, stretch.first).some((partner) => atEnd.includes(partner));
  });
}

/** What memory a threshold is a share of, if the share is known. */
function memoryOf(
  pages: number,
  setting: Setting | undefined,
  pageSize: number,
): PagesInterval | undefined {
  if (setting?.kind !== 'percent' || setting.percents.length !== 1) return undefined;
  return availableOf(pages, setting.percents[0] as number, pageSize);
}

/** From the last reading under the settings before, which is not long ago. */
function memoryBefore(
  { rows, page_size }: StepsInput,
  previous: SettingsStep,
  ts_ns: number,
): PagesInterval | undefined {
  const last = previous.last_row;
  const memory =
    memoryOf(rows.thresh[last] as number, previous.thresh, page_size) ??
    memoryOf(rows.background[last] as number, previous.background, page_size);
  if (memory === undefined) return undefined;
  const slack = SLACK + (SLACK_PER_S * (ts_ns - previous.to_ns)) / 1e9;
  return { low: memory.low * (1 - slack), high: memory.high * (1 + slack) };
}
