/**
 * Why each pause was computed, from the numbers of its own iteration of balance_dirty_pages
 * (kernel-core B.4, C.2):
 *
 * - wrapped     a counter below zero was read as a huge one
 * - memcg       the domain that was chosen is a cgroup's: its dirty pages are not the global ones
 * - strictlimit the machine was in free run, where only a strictlimit bdi may pause
 * - bdi-cap     above free run, and the bdi's share is cut by its max_ratio
 * - other-bdi   this bdi held less than its share, and without what others hold above theirs the
 *               machine would have been in free run; more than readings are off by themselves
 * - own-bdi     the writer's own bdi holds the dirty pages
 * - unpaired    the sample that says which is missing
 */
import { driftOf } from '../../derive/drift.ts';
import type { Facts } from '../facts.ts';
import { type Pause, throttleFacts } from './throttle.ts';

export type PauseReason =
  | 'wrapped'
  | 'memcg'
  | 'strictlimit'
  | 'bdi-cap'
  | 'other-bdi'
  | 'own-bdi'
  | 'unpaired';

export type ReasonedPauses = Readonly<Record<PauseReason, readonly Pause[]>>;

export function pausesByReason(facts: Facts): ReasonedPauses {
  const by: Record<PauseReason, Pause[]> = {
    wrapped: [],
    memcg: [],
    strictlimit: [],
    'bdi-cap': [],
    'other-bdi': [],
    'own-bdi': [],
    unpaired: [],
  };
  for (const pause of facts.once(throttleFacts).pauses) by[reasonOf(pause, facts)].push(pause);
  return by;
}

/** No machine has so many pages. */
const MOST_PAGES = 2 ** 52;

/** A counter went below zero; columns hold such a value as the number that it stands for. */
export function isWrapped(pages: number): boolean {
  return pages < 0 || (pages >= MOST_PAGES && Number.isFinite(pages));
}

function reasonOf(pause: Pause, facts: Facts): PauseReason {
  if (isWrapped(pause.dirty_pages) || isWrapped(pause.wb_dirty_pages)) return 'wrapped';
  if (Number.isNaN(pause.thresh_pages)) return unpairedReason(pause, facts);
  if (isMemcg(pause)) return 'memcg';
  if (pause.dirty_pages <= pause.freerun_pages) return 'strictlimit';
  if (isCapped(pause, facts)) return 'bdi-cap';
  return isOthersExcess(pause, facts) ? 'other-bdi' : 'own-bdi';
}

/** Without thresholds, free run is what the event's setpoint tells (throttle.ts), if it does. */
function unpairedReason(pause: Pause, facts: Facts): PauseReason {
  if (!(pause.freerun_pages > 0)) return 'unpaired';
  if (pause.dirty_pages <= pause.freerun_pages) return 'strictlimit';
  return isOthersExcess(pause, facts) ? 'other-bdi' : 'own-bdi';
}

/**
 * The sample and the event are read some instructions apart, so that a few folios may differ; a
 * cgroup's own count differs by far more than that.
 */
function isMemcg({ dirty_pages, nr_dirty_pages, nr_writeback_pages }: Pause): boolean {
  const global = nr_dirty_pages + nr_writeback_pages;
  return Math.abs(dirty_pages - global) > Math.max(1024, 0.02 * global);
}

/** The bdi's part of the limit, solved from its printed setpoint. */
export function wbThreshPages(pause: Pause): number {
  return (pause.wb_setpoint_pages * (pause.limit_pages + 1)) / Math.max(1, pause.setpoint_pages);
}

function isCapped(pause: Pause, facts: Facts): boolean {
  const ratio = maxRatio(facts, pause.bdi);
  if (ratio === undefined || ratio >= 1) return false;
  const cap = ratio * pause.thresh_pages;
  return wbThreshPages(pause) >= 0.95 * cap && pause.wb_dirty_pages >= pause.wb_setpoint_pages;
}

/** max_ratio of a bdi as a share, where meta.json has it. */
export function maxRatio(facts: Facts, bdi: string): number | undefined {
  const knobs = facts.trace.host.bdi?.[bdi];
  const fine = Number(knobs?.max_ratio_fine);
  if (Number.isFinite(fine)) return fine / 1e6;
  const percent = Number(knobs?.max_ratio);
  return Number.isFinite(percent) ? percent / 100 : undefined;
}

const driftPages = ({ trace }: Facts): number => driftOf(trace).bound_pages;

/** What others hold is the difference of two counters, of which each has the drift of a reading. */
function isOthersExcess(pause: Pause, facts: Facts): boolean {
  const { dirty_pages, wb_dirty_pages, setpoint_pages, wb_setpoint_pages, freerun_pages } = pause;
  if (!(wb_dirty_pages < wb_setpoint_pages)) return false;
  const others = dirty_pages - wb_dirty_pages;
  const excess = others - (setpoint_pages - wb_setpoint_pages);
  return excess > facts.once(driftPages) && dirty_pages - excess <= freerun_pages;
}
