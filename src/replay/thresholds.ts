/**
 * Level (a): the settings that were in force, and the thresholds that follow from them, compared
 * with every reading; the tracked limit; dirtyable memory where it was sampled.
 */

import { ColumnLists } from '../derive/column-lists.ts';
import {
  availableOf,
  type Boost,
  boosted,
  type PagesInterval,
  ratioOfPercent,
} from '../model/thresholds.ts';
import { type Diagnostic, DiagnosticCollector } from '../trace/diagnostics.ts';
import { numbers, type Table, tableWith } from '../trace/table.ts';
import type { Trace } from '../trace/trace.ts';
import { type LimitTracking, trackLimit } from './limit-tracking.ts';
import { type IdentityResult, IdentityTally } from './residual.ts';
import { findMemory, type KnownMemory } from './threshold-known-memory.ts';
import { availableAt, type Reserve } from './threshold-memory.ts';
import { type ThresholdRows, thresholdRows } from './threshold-rows.ts';
import {
  type Setting,
  type SettingsStep,
  settingsSteps,
  sysctlFacts,
} from './threshold-settings.ts';
import { findStretches, MOST_STRETCHES, type Side } from './threshold-stretches.ts';
import { findTimebase } from './timebase.ts';

export type ThresholdReplay = {
  /** The settings as a step function of time; empty without a reading of the thresholds. */
  readonly steps: readonly SettingsStep[];
  /** Which readings real-time tasks made, with the thresholds of everybody else. */
  readonly rows: ThresholdRows | undefined;
  readonly limit: LimitTracking;
  /** Recorded thresholds against those that follow from the settings. */
  readonly thresh: IdentityResult;
  readonly background: IdentityResult;
  /** Thresholds of counter samples against those from the memory of the same sample. */
  readonly sampled: IdentityResult;
  readonly reserve: Reserve | undefined;
  /** One row a counter sample; undefined where memory was not sampled. */
  readonly memory: Table | undefined;
  readonly diagnostics: readonly Diagnostic[];
};

const STATE = ['background_thresh_pages', 'dirty_thresh_pages', 'dirty_limit_pages'];

export function replayThresholds(trace: Trace): ThresholdReplay {
  const limit = trackLimit(trace);
  const state = tableWith(trace.tables, 'global_dirty_state', STATE);
  const { page_size } = findTimebase(trace);
  const diagnostics = new DiagnosticCollector();
  if (state === undefined || state.rows === 0) {
    const none = () => new IdentityTally().result();
    const results = { thresh: none(), background: none(), sampled: none() };
    const empty = { steps: [], rows: undefined, reserve: undefined, memory: undefined };
    return { ...empty, ...results, limit, diagnostics: [] };
  }
  const rows = thresholdRows(state);
  const facts = sysctlFacts(trace.host);
  const known = findMemory(trace, rows, state, facts, page_size);
  const drifts = {
    thresh: known.drifts('thresh'),
    background: known.drifts('background'),
  };
  const stretches = findStretches(numbers(state, 'ts_ns').values, rows, drifts, known);
  if (stretches.length === MOST_STRETCHES) {
    diagnostics.addRow('settings_unsteady', state.name, stretches.at(-1)?.first ?? 0);
  }
  const written = limit.notable;
  const input = { state, rows, stretches, facts, memory: known, written, page_size };
  const steps = settingsSteps(input);
  const check = new Checker(state, rows, steps, page_size);
  return {
    steps,
    rows,
    limit,
    thresh: check.side('thresh'),
    background: check.side('background'),
    sampled: checkSamples(known, steps, page_size),
    reserve: known.reserve,
    memory: memoryTable(known, steps, page_size),
    diagnostics: diagnostics.list(),
  };
}

class Checker {
  readonly #state: Table;
  readonly #rows: ThresholdRows;
  readonly #steps: readonly SettingsStep[];
  readonly #page_size: number;
  readonly #recorded: ArrayLike<number>;

  constructor(
    state: Table,
    rows: ThresholdRows,
    steps: readonly SettingsStep[],
    page_size: number,
  ) {
    this.#state = state;
    this.#rows = rows;
    this.#steps = steps;
    this.#page_size = page_size;
    this.#recorded = numbers(state, 'dirty_thresh_pages').values;
  }

  side(side: Side): IdentityResult {
    const tally = new IdentityTally();
    this.#steps.forEach((step, nth) => {
      const end = this.#steps[nth + 1]?.first_row ?? this.#state.rows;
      const fixed = this.#fixed(step[side]);
      if (fixed !== undefined || this.#isKnown(side, step)) {
        this.#stretch(side, step, end, fixed, tally);
      } else if (end > step.first_row) {
        // Not row by row: without meta.json, nothing tells for a million readings.
        tally.skip('no-memory', end - step.first_row);
      }
    });
    return tally.result();
  }

  #stretch(
    side: Side,
    step: SettingsStep,
    end: number,
    fixed: PagesInterval | undefined,
    tally: IdentityTally,
  ): void {
    const ts = numbers(this.#state, 'ts_ns').values;
    const seq = numbers(this.#state, 'seq').values;
    const name = side === 'thresh' ? 'dirty_thresh_pages' : 'background_thresh_pages';
    const recorded = numbers(this.#state, name).values;
    for (let row = step.first_row; row < end; row++) {
      const expected = this.#expected(side, step, row, fixed);
      if (expected === undefined) tally.skip('no-memory');
      else if (row === step.first_row && step.because !== 'meta') tally.skip('first-of-setting');
      else {
        const value = recorded[row] as number;
        const nearest = Math.min(Math.max(value, expected.low), expected.high);
        tally.check(value, nearest, ts[row] as number, seq[row] as number);
      }
    }
  }

  /** What the reading may be; a range where the memory is known through the other threshold. */
  #expected(
    side: Side,
    step: SettingsStep,
    row: number,
    fixed: PagesInterval | undefined,
  ): PagesInterval | undefined {
    const plain = fixed ?? this.#inMemory(side, step, row);
    if (plain === undefined) return undefined;
    const { boosted: isBoosted, rule } = this.#rows;
    const isRaised = isBoosted[row] === 1 && rule !== undefined;
    const range = isRaised ? this.#boosted(plain, row, rule) : plain;
    return side === 'thresh' ? range : this.#belowThresh(range, row);
  }

  #boosted({ low, high }: PagesInterval, row: number, rule: Boost): PagesInterval {
    const limit = numbers(this.#state, 'dirty_limit_pages').values[row] as number;
    return { low: boosted(low, limit, rule), high: boosted(high, limit, rule) };
  }

  /** A background threshold that is not below the threshold becomes half of it. */
  #belowThresh(range: PagesInterval, row: number): PagesInterval {
    const thresh = this.#recorded[row] as number;
    if (range.high < thresh) return range;
    const half = Math.floor(thresh / 2);
    if (range.low >= thresh) return { low: half, high: half };
    return range.high >= thresh ? { low: Math.min(half, range.low), high: range.high } : range;
  }

  /** The same for all readings of a step: no share of the memory. */
  #fixed(own: Setting): PagesInterval | undefined {
    if (own.kind === 'bytes') {
      const pages = Math.ceil(own.high_bytes / this.#page_size);
      return { low: pages, high: pages };
    }
    return this.#ratioOf(own) === 0 ? { low: 0, high: 0 } : undefined;
  }

  #ratioOf({ kind, percents }: Setting): number | undefined {
    const [percent] = percents;
    if (kind !== 'percent' || percent === undefined || percents.length > 1) return undefined;
    return ratioOfPercent(percent, this.#page_size);
  }

  /** May the other threshold tell the memory that this one is a share of? */
  #isKnown(side: Side, step: SettingsStep): boolean {
    if (this.#ratioOf(step[side]) === undefined || side === 'thresh') return false;
    return step.thresh.kind === 'percent' && step.thresh.percents.length === 1;
  }

  #inMemory(side: Side, step: SettingsStep, row: number): PagesInterval | undefined {
    const ratio = this.#ratioOf(step[side]);
    if (ratio === undefined || !this.#isKnown(side, step)) return undefined;
    const thresh = this.#rows.thresh[row] as number;
    const memory = availableOf(thresh, step.thresh.percents[0] as number, this.#page_size);
    if (memory === undefined) return undefined;
    const share = (pages: number) => Math.floor((ratio * pages) / this.#page_size);
    return { low: share(memory.low), high: share(memory.high) };
  }
}

/** The threshold of a sample's memory under the settings of that time. */
function expectedOf(
  known: KnownMemory,
  row: number,
  step: SettingsStep | undefined,
  pageSize: number,
): number | undefined {
  const setting = step?.thresh;
  if (setting === undefined) return undefined;
  if (setting.kind === 'bytes') return Math.ceil(setting.high_bytes / pageSize);
  const { samples, reserve } = known;
  const [percent] = setting.percents;
  if (setting.kind !== 'percent' || setting.percents.length !== 1 || percent === undefined) {
    return undefined;
  }
  if (samples === undefined || reserve === undefined) return undefined;
  const available = availableAt(samples, row, reserve.pages);
  return Math.floor((ratioOfPercent(percent, pageSize) * available) / pageSize);
}

/** The step in force at a time; undefined while it was being changed. */
function stepAt(steps: readonly SettingsStep[], ts_ns: number): SettingsStep | undefined {
  const at = steps.findLastIndex(({ from_ns }, nth) => nth === 0 || from_ns <= ts_ns);
  const next = steps[at + 1];
  return next !== undefined && ts_ns > next.after_ns ? undefined : steps[at];
}

function checkSamples(
  known: KnownMemory,
  steps: readonly SettingsStep[],
  pageSize: number,
): IdentityResult {
  const tally = new IdentityTally();
  const { samples } = known;
  if (samples?.thresh === undefined) return tally.result();
  for (let row = 0; row < samples.rows; row++) {
    const ts = samples.ts_ns[row] as number;
    const step = stepAt(steps, ts);
    const expected = expectedOf(known, row, step, pageSize);
    const value = samples.thresh[row] as number;
    if (expected === undefined) {
      tally.skip('no-memory');
      continue;
    }
    // The kernel reads the counters a second time for the threshold.
    const later = expectedOf(known, Math.min(row + 1, samples.rows - 1), step, pageSize);
    const raced = later !== undefined && (value - expected) * (later - value) > 0;
    tally.check(value, expected, ts, row, raced ? 'race' : undefined);
  }
  return tally.result();
}

function memoryTable(
  known: KnownMemory,
  steps: readonly SettingsStep[],
  pageSize: number,
): Table | undefined {
  const { samples, reserve } = known;
  if (samples === undefined || reserve === undefined) return undefined;
  const lists = new ColumnLists({
    ts_ns: 'ns',
    free_pages: 'pages',
    inactive_file_pages: 'pages',
    active_file_pages: 'pages',
    available_pages: 'pages',
    expected_thresh_pages: 'pages',
    thresh_pages: 'pages',
  });
  for (let row = 0; row < samples.rows; row++) {
    const ts_ns = samples.ts_ns[row] as number;
    lists.push({
      ts_ns,
      free_pages: samples.free[row] as number,
      inactive_file_pages: samples.inactive_file[row] as number,
      active_file_pages: samples.active_file[row] as number,
      available_pages: availableAt(samples, row, reserve.pages),
      expected_thresh_pages: expectedOf(known, row, stepAt(steps, ts_ns), pageSize) ?? Number.NaN,
      thresh_pages: samples.thresh?.[row] ?? Number.NaN,
    });
  }
  return lists.finish('dirtyable_memory');
}
