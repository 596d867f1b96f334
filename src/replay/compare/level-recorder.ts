/**
 * A few values of a run over time, each point with the highest since the one before: what lasts for
 * a moment between two points is not missed.
 */
import type { CounterName } from '../../model/policies/counters.ts';
import { counterRow } from '../../model/policies/counters.ts';
import type { SystemRun } from '../../model/policies/system-run.ts';
import { type CounterSeries, DERIVED, type DerivedName, type MemoryTaken } from './result.ts';

const COUNTERS = [
  'NR_WRITEBACK',
  'NR_WRITEBACK_TEMP',
  'dirty_metadata_bytes',
  'fuse_request_bytes',
  'state_bytes',
  'real_dirty_bytes',
] as const satisfies readonly CounterName[];
const LEVELS = ['throttle_dirty', 'nr_dirty', 'metadata_share'] as const;
const LIMITS = ['freerun'] as const;
type Name = (typeof COUNTERS)[number] | DerivedName;

export class LevelRecorder {
  readonly #run: SystemRun;
  readonly #counters: readonly (typeof COUNTERS)[number][];
  readonly #names: readonly Name[];
  readonly #series: readonly Float64Array[];
  /** Highest since the last point; limits are taken as they are. */
  readonly #peaks: Float64Array;
  readonly #now: Float64Array;
  #memory = { sum: 0, peak: 0 };
  #next = 0;

  constructor(run: SystemRun, points: number) {
    this.#run = run;
    this.#counters = COUNTERS.filter((name) => run.counters.includes(name));
    this.#names = [...LEVELS, ...LIMITS, ...this.#counters];
    this.#series = this.#names.map(() => new Float64Array(points));
    this.#peaks = new Float64Array(this.#names.length).fill(Number.NaN);
    this.#now = new Float64Array(this.#names.length);
  }

  /** Something happened that shows the counters: remembers what they are. */
  look(): void {
    const run = this.#run;
    const now = this.#now;
    const level = run.level();
    const { nr_dirty } = run.inputs();
    now[0] = level?.dirty ?? Number.NaN;
    now[1] = nr_dirty;
    now[2] = this.#share(nr_dirty);
    now[3] = level?.freerun ?? Number.NaN;
    for (let at = 0; at < this.#counters.length; at++) {
      now[LEVELS.length + LIMITS.length + at] = run.book.get(this.#counters[at] as CounterName);
    }
    for (let at = 0; at < now.length; at++) {
      const value = now[at] as number;
      const isLimit = at >= LEVELS.length && at < LEVELS.length + LIMITS.length;
      if (isLimit || !((this.#peaks[at] as number) >= value)) this.#peaks[at] = value;
    }
  }

  /** Dirty + writeback at the last look, pages; NaN before thresholds are known. */
  get throttleDirty(): number {
    return this.#now[0] as number;
  }

  /** Of tree nodes among all that is dirty, percent; 0 where nothing is. */
  #share(nr_dirty: number): number {
    const { book, facts } = this.#run;
    const dirty = nr_dirty * facts.page_size;
    return dirty > 0 ? (100 * book.get('dirty_metadata_bytes')) / dirty : 0;
  }

  record(): void {
    this.look();
    for (let at = 0; at < this.#names.length; at++) {
      (this.#series[at] as Float64Array)[this.#next] = this.#peaks[at] as number;
    }
    this.#peaks.fill(Number.NaN);
    const { memory_bytes } = this.#run.usage();
    this.#memory.sum += memory_bytes;
    this.#memory.peak = Math.max(this.#memory.peak, memory_bytes);
    this.#next++;
  }

  get memory(): MemoryTaken {
    const end = this.#run.usage().memory_bytes;
    const peak = Math.max(this.#memory.peak, this.#run.peakMemory());
    return { mean: this.#memory.sum / Math.max(1, this.#next), peak, end };
  }

  series(): readonly CounterSeries[] {
    return this.#names.map((counter, at) => ({
      counter,
      unit: counter in DERIVED ? DERIVED[counter as DerivedName].unit : unitOf(counter),
      values: this.#series[at] as Float64Array,
    }));
  }
}

const unitOf = (name: Name) => counterRow(name as CounterName).unit;
