/** What the sections of a report may ask for: results that several of them share, made once. */
import { type StallGroup, summariseStalls } from '../derive/stall-summary.ts';
import type { Stall } from '../derive/stalls.ts';
import { type BandwidthSeries, writeBandwidth } from '../derive/write-bandwidth.ts';
import {
  type Counterfactuals,
  type ReplayedAlternatives,
  replayAlternatives,
} from '../replay/compare/alternatives.ts';
import type { HistoryReplay } from '../replay/history/replay-history.ts';
import { checkIdentities, type Identities } from '../replay/identities.ts';
import type { Trace } from '../trace/trace.ts';
import type { Diagnosis } from './diagnose.ts';
import type { Facts } from './facts.ts';

export class Context {
  readonly diagnosis: Diagnosis;
  readonly facts: Facts;
  readonly trace: Trace;
  /** What the charts show; the whole capture unless somebody asked for less. */
  readonly window_ns: readonly [number, number];
  readonly pageSize: number;

  constructor(diagnosis: Diagnosis, window_ns?: readonly [number, number]) {
    this.diagnosis = diagnosis;
    this.facts = diagnosis.facts;
    this.trace = diagnosis.trace;
    this.window_ns = window_ns ?? [0, diagnosis.trace.meta.duration_ns];
    this.pageSize = diagnosis.facts.pageSize;
  }

  /** With what the page history says of pages written, which predicts the write bandwidth. */
  get identities(): Identities {
    return this.#once('identities', () => {
      const { facts, history } = this;
      const written = history?.written ?? [];
      // Where no event tells of pages written, nothing would be new.
      if (written.length === 0) return facts.identities;
      return checkIdentities(this.trace, facts.observed, written);
    });
  }

  get dirty() {
    return this.facts.dirty;
  }

  /** Stalls that touch the window. */
  get stalls(): readonly Stall[] {
    const [from_ns, to_ns] = this.window_ns;
    return this.#once('stalls', () =>
      this.facts.stalls.filter(
        ({ start_ns, duration_ns }) => start_ns <= to_ns && start_ns + duration_ns >= from_ns,
      ),
    );
  }

  get stallGroups(): readonly StallGroup[] {
    return this.#once('stallGroups', () => summariseStalls(this.stalls));
  }

  get bandwidth(): readonly BandwidthSeries[] {
    return this.#once('bandwidth', () => writeBandwidth(this.trace.tables));
  }

  /** Level (b); undefined when the capture lacks the events that it needs. */
  get history(): HistoryReplay | undefined {
    return this.#replayed.history;
  }

  /** Level (c): other kernels in the recorded one's place; undefined where none differs. */
  get counterfactuals(): Counterfactuals | undefined {
    return this.#replayed.counterfactuals;
  }

  get #replayed(): ReplayedAlternatives {
    return this.#once('replayed', () => replayAlternatives(this.trace, this.window_ns));
  }

  /** Was the event recorded, even if it never happened? */
  isRecorded(name: string): boolean {
    return this.facts.isRecorded(name);
  }

  /** A result that several sections share, made once: `context.once(requestsByDevice)`. */
  once<T>(make: (context: Context) => T): T {
    return this.#once(make, () => make(this));
  }

  readonly #results = new Map<unknown, unknown>();

  #once<T>(key: unknown, make: () => T): T {
    if (this.#results.has(key)) return this.#results.get(key) as T;
    const value = make();
    this.#results.set(key, value);
    return value;
  }
}
