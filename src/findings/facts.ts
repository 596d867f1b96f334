/**
 * What causes ask for: results that several of them share, made when first asked for and kept for
 * the diagnosis. A fact that the capture cannot give is undefined, never zero.
 */
import { consistencyOf } from '../derive/consistency.ts';
import { type DirtyState, dirtyState } from '../derive/dirty-state.ts';
import { type FlusherWorks, flusherWorks } from '../derive/flusher-works.ts';
import { findStalls, isKernelThread, type Stall, stallOptions } from '../derive/stalls.ts';
import { type ObservedBandwidth, observeChunks } from '../replay/chunk-bandwidth.ts';
import { checkIdentities, type Identities } from '../replay/identities.ts';
import { type LossIndex, lossIndex } from '../replay/losses.ts';
import { replayThresholds, type ThresholdReplay } from '../replay/thresholds.ts';
import { findTimebase } from '../replay/timebase.ts';
import { allDiagnostics } from '../trace/diagnostics.ts';
import { firstNot } from '../trace/search.ts';
import type { Trace } from '../trace/trace.ts';
import type { Settings } from './settings.ts';

const SHOW_WAITS = [
  'balance_dirty_pages',
  'mm_vmscan_direct_reclaim_begin',
  'mm_vmscan_memcg_reclaim_begin',
  'mm_vmscan_throttled',
  'sys_enter_fsync',
  'sys_enter_sync',
  'ext4_sync_file_enter',
  'fuse_request_send',
  'folio_wait_writeback',
  'jbd2_start_commit',
];

/** The trace with what contradicts itself in it among its diagnostics. */
function checked(trace: Trace): Trace {
  const { diagnostics } = consistencyOf(trace);
  const isTold = diagnostics.every((found) => trace.diagnostics.includes(found));
  if (isTold) return trace;
  return { ...trace, diagnostics: allDiagnostics(trace.diagnostics, diagnostics) };
}

export class Facts {
  /** What was given, with more diagnostics. */
  readonly trace: Trace;
  readonly settings: Settings;
  readonly #results = new Map<unknown, unknown>();

  constructor(trace: Trace, settings: Settings) {
    this.trace = checked(trace);
    this.settings = settings;
  }

  get duration_ns(): number {
    return this.trace.meta.duration_ns;
  }

  /** Time in which no CPU lacks events: what conclusions about shares of time rest on. */
  get observed_ns(): number {
    return this.#once('observed_ns', () => {
      const gaps = this.losses.intervals.reduce(
        (sum, { from_ns, to_ns }) => sum + Math.max(0, to_ns - Math.max(0, from_ns)),
        0,
      );
      return Math.max(0, this.duration_ns - gaps);
    });
  }

  /**
   * Task-seconds from which a loss is worth a reader's time in this capture. In an excerpt of
   * milliseconds that is the share of it that would be critical: nothing in it can last longer.
   */
  get notable_s(): number {
    const { settings, duration_ns, observed_ns } = this;
    const seen = duration_ns > 0 ? observed_ns / duration_ns : 1;
    const observed_s = observed_ns / 1e9;
    const least = Math.max(
      settings['notice.task_seconds'] * seen,
      settings['notice.share'] * observed_s,
    );
    return Math.min(least, settings['critical.share'] * observed_s);
  }

  get losses(): LossIndex {
    return this.#once('losses', () => lossIndex(this.trace.losses));
  }

  /** The kernel's own numbers against its laws. */
  get identities(): Identities {
    return this.#once('identities', () => checkIdentities(this.trace, this.observed));
  }

  /** What the flusher's slices say of the write bandwidth. */
  get observed(): ObservedBandwidth {
    return this.#once('observed', () => observeChunks(this.trace, this.works).bandwidth);
  }

  get pageSize(): number {
    return findTimebase(this.trace).page_size;
  }

  get hz(): number | undefined {
    return findTimebase(this.trace).hz;
  }

  /** All stalls; claims refer to them by their place in this list. */
  get stalls(): readonly Stall[] {
    return this.#once('stalls', () =>
      findStalls(this.trace.tables, stallOptions(this.trace, this.hz)),
    );
  }

  /** Time that the task lost in this place and nowhere deeper, nanoseconds. */
  stallNs(index: number): number {
    return this.stalls[index]?.own_ns ?? 0;
  }

  /** Numbers of the stalls of the same task that lie within this one, and its own. */
  nested(index: number): readonly number[] {
    const outer = this.stalls[index];
    if (outer === undefined) return [];
    const end_ns = outer.start_ns + outer.duration_ns;
    const found: number[] = [];
    // Stalls, and hence those of a task, are in order of their beginning.
    const own = this.#byPid.get(outer.pid) ?? [];
    for (let at = this.#firstFrom(own, outer.start_ns); at < own.length; at++) {
      const other = own[at] as number;
      const stall = this.stalls[other] as Stall;
      if (other !== index && stall.start_ns >= end_ns) break;
      // What began with it and lasts longer is around it.
      const isAround = stall.start_ns === outer.start_ns && stall.duration_ns > outer.duration_ns;
      if (!isAround) found.push(other);
    }
    return found;
  }

  /** Place of the first of these stalls that begins at that time or later. */
  #firstFrom(own: readonly number[], start_ns: number): number {
    const startOf = (at: number) => (this.stalls[own[at] as number] as Stall).start_ns;
    return firstNot(own.length, (at) => startOf(at) < start_ns);
  }

  get #byPid(): ReadonlyMap<number, readonly number[]> {
    return this.#once('byPid', () => {
      const by = new Map<number, number[]>();
      this.stalls.forEach(({ pid }, index) => {
        const list = by.get(pid);
        if (list === undefined) by.set(pid, [index]);
        else list.push(index);
      });
      return by;
    });
  }

  /** Thresholds and the settings that they follow from, as steps over time. */
  get thresholds(): ThresholdReplay {
    return this.#once('thresholds', () => replayThresholds(this.trace));
  }

  /** What the flusher did; undefined when none of its events was recorded. */
  get works(): FlusherWorks | undefined {
    return this.#once('works', () => flusherWorks(this.trace.tables));
  }

  /** The longest wait of a task that somebody sees, if there was any. */
  get worstStall(): Stall | undefined {
    return this.#once('worstStall', () =>
      this.stalls.reduce<Stall | undefined>(
        (worst, stall) =>
          !isKernelThread(stall.comm) && stall.duration_ns > (worst?.duration_ns ?? 0)
            ? stall
            : worst,
        undefined,
      ),
    );
  }

  /** Was any event recorded, or at least enabled, that would show a task waiting? */
  get canSeeStalls(): boolean {
    return SHOW_WAITS.some((name) => this.isRecorded(name));
  }

  /** Was the event recorded, even if it never happened? Text does not tell the latter. */
  isRecorded(name: string): boolean {
    return this.trace.tables.has(name) || this.trace.meta.silent_events.includes(name);
  }

  /** Dirty pages against the thresholds, one row per global_dirty_state. */
  get dirty(): DirtyState | undefined {
    return this.#once('dirty', () => dirtyState(this.trace.tables));
  }

  /** A result of a facts file, made once: `facts.once(throttleFacts)`. */
  once<T>(make: (facts: Facts) => T): T {
    return this.#once(make, () => make(this));
  }

  #once<T>(key: unknown, make: () => T): T {
    if (this.#results.has(key)) return this.#results.get(key) as T;
    const value = make();
    this.#results.set(key, value);
    return value;
  }
}
