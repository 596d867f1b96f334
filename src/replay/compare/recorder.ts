/** The counters of a system over time, at points that all systems of a comparison share. */
import { COUNTERS, counterRow } from '../../model/policies/counters.ts';
import type { SystemRun } from '../../model/policies/system-run.ts';
import { type CounterSeries, DERIVED, type DerivedName, type MemoryTaken } from './result.ts';

/** Points in time; enough for any chart, and independent of the trace's length. */
const POINTS = 1200;

export function pointsOf(duration_ns: number, most = POINTS): Float64Array {
  const points = duration_ns > 0 ? most : 1;
  return Float64Array.from({ length: points }, (_, at) => (duration_ns * (at + 1)) / points);
}

export class Recorder {
  readonly #run: SystemRun;
  readonly #points: number;
  readonly #series = new Map<string, { wb: number | undefined; values: Float64Array }>();
  #memory = { sum: 0, peak: 0 };
  #next = 0;

  constructor(run: SystemRun, points: number) {
    this.#run = run;
    this.#points = points;
  }

  /** Writes down what the run shows now, as the next point. */
  record(): void {
    const run = this.#run;
    const { book } = run;
    for (const name of run.counters) {
      this.#put(name, undefined, book.get(name));
      if (counterRow(name).scope === 'node') continue;
      for (let wb = 1; wb < book.wbs; wb++) this.#put(name, wb, book.of(name, wb));
    }
    for (let wb = 1; wb < book.wbs; wb++) this.#recordBdi(wb);
    this.#put('nr_dirty', undefined, run.inputs().nr_dirty);
    const level = run.level();
    this.#put('throttle_dirty', undefined, level?.dirty ?? Number.NaN);
    this.#put('freerun', undefined, level?.freerun ?? Number.NaN);
    this.#put('thresh', undefined, level?.thresh ?? Number.NaN);
    if (run.counters.includes('dirty_metadata_bytes')) this.#recordShare();
    const { memory_bytes, written_bytes } = run.usage();
    this.#put('memory_bytes', undefined, memory_bytes);
    this.#put('written_bytes', undefined, written_bytes);
    this.#memory.sum += memory_bytes;
    this.#memory.peak = Math.max(this.#memory.peak, memory_bytes);
    this.#next++;
  }

  #recordBdi(wb: number): void {
    const run = this.#run;
    this.#put('wb_dirty', wb, run.wbDirty(wb));
    const { dirtied, written } = run.bandwidth(wb);
    this.#put('bandwidth_dirtied', wb, dirtied);
    this.#put('bandwidth_written', wb, written);
    this.#put('completion_share', wb, 100 * run.completionShare(wb));
  }

  /** Of tree nodes among all that is dirty; 0 where nothing is. */
  #recordShare(): void {
    const { book, facts } = this.#run;
    const dirty = this.#run.inputs().nr_dirty * facts.page_size;
    const share = dirty > 0 ? (100 * book.get('dirty_metadata_bytes')) / dirty : 0;
    this.#put('metadata_share', undefined, share);
  }

  #put(name: string, wb: number | undefined, value: number): void {
    const key = `${name} ${wb ?? ''}`;
    let series = this.#series.get(key);
    if (series === undefined) {
      series = { wb, values: new Float64Array(this.#points) };
      this.#series.set(key, series);
    }
    series.values[this.#next] = value;
  }

  get memory(): MemoryTaken {
    const end = this.#run.usage().memory_bytes;
    const peak = Math.max(this.#memory.peak, this.#run.peakMemory());
    return { mean: this.#memory.sum / Math.max(1, this.#next), peak, end };
  }

  /** Those of single bdis only where they ever were anything else than 0. */
  series(wbNames: readonly string[]): readonly CounterSeries[] {
    return [...this.#series].flatMap(([key, { wb, values }]) => {
      const counter = key.slice(0, key.indexOf(' ')) as CounterSeries['counter'];
      if (wb !== undefined && values.every((value) => value === 0)) return [];
      const { unit } =
        counter in COUNTERS ? counterRow(counter as keyof typeof COUNTERS) : derived(counter);
      return [{ counter, unit, ...(wb === undefined ? {} : { bdi: wbNames[wb] ?? '' }), values }];
    });
  }
}

const derived = (name: string) => DERIVED[name as DerivedName];
