/**
 * What other limits, or another device, would have done to the writers of a capture (level c), in
 * words that advice can carry. Nothing is predicted by a model that does not give about what was
 * recorded when it is asked for the recorded limits: then the reason is said instead.
 */
import type { Stall } from '../../derive/stalls.ts';
import { findDemands } from '../../replay/what-if/demands.ts';
import { type Limits, runWriters, type Writers } from '../../replay/what-if/writers.ts';
import { upperBound } from '../../trace/search.ts';
import { tableWith } from '../../trace/table.ts';
import type { Effect } from '../cause.ts';
import type { Facts } from '../facts.ts';
import { bytes, count, duration, percent } from '../format.ts';
import { lostShare } from '../run.ts';
import { dirtiedIn } from './dirtiers.ts';
import { busyWriteRate } from './rates.ts';
import { type Pause, throttleFacts } from './throttle.ts';

/** A setting to try, bytes and bytes per second; what is left out stays as it was recorded. */
export type Trial = {
  readonly dirty_bytes?: number;
  readonly background_bytes?: number;
  readonly device_bytes_per_s?: number;
};

/** Within this factor of what was recorded a model is used, and how well it fits is said. */
const FITS = 1.6;

/** Does a model give about what was recorded, so that it may say what was not? */
export function fits(model_ns: number, recorded_ns: number): boolean {
  return model_ns <= FITS * recorded_ns && model_ns >= recorded_ns / FITS;
}

/** Of what was dirtied: another device's share of the limit is not modelled. */
const ONE_DEVICE = 0.8;
/** Each step of a run asks every task; so many writers are no single cause to advise on. */
const MOST_TASKS = 100;
/** Of all events: what was dirtied in between would be missing from the demand. */
const MUCH_LOST = 0.01;
/** Less than this of what was lost is nothing. */
const NOTHING = 0.01;

type Model = {
  readonly writers: Writers;
  readonly recorded: (t_ns: number) => Limits;
  readonly recorded_ns: number;
  readonly model_ns: number;
  readonly pauses: number;
  /** What held up writers besides the throttle, and is not in the model. */
  readonly besides: string | undefined;
};

/** What the trial would have done to the pauses on a bdi; or why that cannot be said. */
export function predictPauses(facts: Facts, bdi: string, trial: Trial): Effect {
  const model = modelOf(facts, bdi);
  if (typeof model === 'string') return { unpredicted: model };
  const { writers, recorded, besides } = model;
  const size = facts.pageSize;
  const pages = (value: number | undefined) => (value === undefined ? undefined : value / size);
  const thresh = pages(trial.dirty_bytes);
  const background = pages(trial.background_bytes);
  const limits = (t_ns: number): Limits => {
    const now = recorded(t_ns);
    const high = thresh ?? now.thresh;
    // The kernel keeps the background threshold below the other one.
    const low = Math.min(background ?? now.background, high / 2);
    return { thresh: high, background: low, limit: thresh ?? now.limit };
  };
  const drain_pages_per_s = pages(trial.device_bytes_per_s) ?? writers.drain_pages_per_s;
  const outcome = runWriters({ ...writers, drain_pages_per_s }, limits);
  const isNothing = outcome.paused_ns <= NOTHING * model.recorded_ns;
  const lost = isNothing
    ? `none of the ${count(model.pauses, 'pause')} would have been`
    : `about ${duration(round(outcome.paused_ns))} lost instead of ${duration(model.recorded_ns)}`;
  const isOther = trial.device_bytes_per_s !== undefined;
  const predicted =
    `${isOther ? `at ${bytes(drain_pages_per_s * size)}/s ` : ''}${lost}, with up to ` +
    `${bytes(outcome.peak_pages * size)} dirty (level c: simulated from what tasks dirtied ` +
    `between their pauses; the same run gives ${duration(model.model_ns)} for the recorded ` +
    `${duration(model.recorded_ns)})`;
  // Where more may be dirty, and writers are still paused.
  const isMore = thresh !== undefined && thresh > recorded(0).thresh && !isNothing;
  return { predicted: isMore && besides !== undefined ? `${predicted}; ${besides}` : predicted };
}

/** Lowest speed of a device, bytes per second, at which nobody would have been paused. */
function speedWithoutPauses(facts: Facts, bdi: string): number | undefined {
  const model = modelOf(facts, bdi);
  if (typeof model === 'string') return undefined;
  const { writers, recorded, recorded_ns } = model;
  const most_ns = NOTHING * recorded_ns;
  const isEnough = (factor: number) =>
    runWriters(
      { ...writers, drain_pages_per_s: writers.drain_pages_per_s * factor },
      recorded,
      most_ns,
    ).paused_ns <= most_ns;
  const enough = FACTORS.find(isEnough);
  return enough === undefined ? undefined : enough * writers.drain_pages_per_s * facts.pageSize;
}

const FACTORS = [1.25, 1.5, 2, 3, 4, 6, 8, 12, 16];

/** What a faster device would have done. */
export function predictFasterDevice(facts: Facts, bdi: string): Effect {
  const speed = speedWithoutPauses(facts, bdi);
  const model = modelOf(facts, bdi);
  if (typeof model === 'string') return { unpredicted: model };
  const twice = 2 * model.writers.drain_pages_per_s * facts.pageSize;
  return predictPauses(facts, bdi, { device_bytes_per_s: speed ?? twice });
}

/**
 * How many of some pauses were at a level at which nobody is paused under other limits: the law is
 * applied to recorded levels (level a), which would not have been the same for ever.
 */
export function freeUnder(
  facts: Facts,
  pauses: readonly Pause[],
  { dirty_bytes, background_bytes }: Required<Pick<Trial, 'dirty_bytes' | 'background_bytes'>>,
): Effect {
  const free_pages = (dirty_bytes + background_bytes) / 2 / facts.pageSize;
  const free = pauses.filter((pause) => pause.dirty_pages <= free_pages).length;
  const share = percent(free / Math.max(1, pauses.length));
  return {
    predicted:
      `${share} of the ${count(pauses.length, 'pause')} were at levels below its free run of ` +
      `${bytes(free_pages * facts.pageSize)} (level a)`,
  };
}

/** Two digits: more would be a claim. */
function round(ns: number): number {
  return Number(ns.toPrecision(2));
}

/** Made once per bdi, as several causes advise on the same. */
function modelOf(facts: Facts, bdi: string): Model | string {
  const known = facts.once(knownModels);
  let model = known.get(bdi);
  if (model === undefined) {
    model = makeModel(facts, bdi);
    known.set(bdi, model);
  }
  return model;
}

function knownModels(): Map<string, Model | string> {
  return new Map();
}

function makeModel(facts: Facts, bdi: string): Model | string {
  const drain_pages_per_s = busyWriteRate(facts);
  const recorded = recordedLimits(facts);
  const own = facts.once(throttleFacts).pauses.filter((pause) => pause.bdi === bdi);
  const spans = own.flatMap(({ stall }) => facts.stalls[stall] ?? []);
  const dirtied = dirtiedIn(facts, [0, facts.duration_ns]);
  if (recorded === undefined || drain_pages_per_s === undefined || facts.dirty === undefined) {
    return 'record writeback:global_dirty_state, which shows limits and writing';
  }
  if (dirtied === undefined || dirtied.total_pages === 0) {
    return 'record writeback:writeback_dirty_folio, which shows who dirties what';
  }
  if (lostShare(facts.trace) > MUCH_LOST) return 'events were lost; record with larger buffers';
  if ((dirtied.bdis.get(bdi) ?? 0) < ONE_DEVICE * dirtied.total_pages) {
    return 'several devices share the limit, and their parts move with it; try it and compare';
  }
  const demands = findDemands(facts.trace, bdi, spans) ?? [];
  if (demands.length > MOST_TASKS) {
    return `${demands.length} tasks dirtied the device; try it and compare`;
  }
  const writers: Writers = {
    demands,
    drain_pages_per_s,
    level_pages: facts.dirty.level_pages[0] as number,
    duration_ns: facts.duration_ns,
  };
  const recorded_ns = own.reduce((sum, { own_ns }) => sum + own_ns, 0);
  const model_ns = runWriters(writers, recorded).paused_ns;
  if (!fits(model_ns, recorded_ns)) {
    return (
      `for the recorded setting the model gives ${duration(model_ns)} of pauses where ` +
      `${duration(recorded_ns)} was recorded; try it and compare the two captures`
    );
  }
  const besides = journalCaveat(facts, bdi, spans);
  return { writers, recorded, recorded_ns, model_ns, pauses: own.length, besides };
}

/**
 * A commit first waits for running operations (jbd2_commit_locking), and nobody may begin one: the
 * flusher's own ends only when the device has taken what it maps. So a journal holds up writers the
 * longer, the more is written at once; when, depends on its timer. Where that took longer than any
 * pause, pauses alone do not tell what a higher limit leaves.
 */
export function journalCaveat(
  { stalls }: Pick<Facts, 'stalls'>,
  bdi: string,
  pauses: readonly Pick<Stall, 'duration_ns'>[],
): string | undefined {
  const locks = stalls.filter(
    ({ place, reason, dev }) => place === 'journal-commit' && reason === 'locking' && dev === bdi,
  );
  const longest_ns = (waits: readonly Pick<Stall, 'duration_ns'>[]) =>
    waits.reduce((most, { duration_ns }) => Math.max(most, duration_ns), 0);
  const held_ns = longest_ns(locks);
  if (held_ns <= longest_ns(pauses)) return undefined;
  return (
    `a journal commit held up writers for up to ${duration(held_ns)} here, which takes longer ` +
    'with more dirty and leaves less to be paused: no event tells by how much'
  );
}

function recordedLimits({ trace, dirty }: Facts): ((t_ns: number) => Limits) | undefined {
  const table = tableWith(trace.tables, 'global_dirty_state', ['dirty_thresh_pages']);
  const thresh = table?.columns.dirty_thresh_pages;
  if (dirty === undefined || thresh?.kind !== 'number') return undefined;
  return (t_ns) => {
    const row = Math.max(0, upperBound(dirty.ts_ns, t_ns) - 1);
    return {
      thresh: thresh.values[row] as number,
      background: dirty.background_pages[row] as number,
      limit: dirty.limit_pages[row] as number,
    };
  };
}
