/** The ledger over time: levels of every bdi, and what the replay was unsure of, at even times. */
import { SIZE_EVIDENCE } from '../folio-sizes.ts';
import type { Scene } from './scene.ts';

/** Points in time; enough for any chart, and independent of the trace's length. */
const POINTS = 1200;
export const ASSUMED_SIZE = SIZE_EVIDENCE.indexOf('assumed');

export type BdiSeries = {
  readonly bdi: string;
  readonly dirty_pages: Float64Array;
  readonly writeback_pages: Float64Array;
};

/** Pages about which the events leave doubt, by reason, counted from the start. */
export const DOUBTS = [
  'unseen_dirty',
  'unseen_writeback',
  'sizes',
  'redirtied',
  'untraced',
] as const;
export type Doubt = (typeof DOUBTS)[number];

export type Timeline = {
  readonly t_ns: Float64Array;
  readonly bdis: readonly BdiSeries[];
  readonly doubts: Readonly<Record<Doubt, Float64Array>>;
};

export class TimelineRecorder {
  readonly t_ns: Float64Array;
  /** Dirty and writeback of each domain, by point; domains appear as they are met. */
  readonly #levels: { readonly dirty: Float64Array; readonly writeback: Float64Array }[] = [];
  readonly #doubts: Record<Doubt, Float64Array>;
  #next = 0;

  constructor(duration_ns: number) {
    const points = duration_ns > 0 ? POINTS : 1;
    this.t_ns = Float64Array.from({ length: points }, (_, at) => (duration_ns * (at + 1)) / points);
    const fresh = () => new Float64Array(points);
    this.#doubts = Object.fromEntries(DOUBTS.map((name) => [name, fresh()])) as Record<
      Doubt,
      Float64Array
    >;
  }

  /** When the next point is due; infinity after the last one. */
  get due_ns(): number {
    return this.t_ns[this.#next] ?? Number.POSITIVE_INFINITY;
  }

  /** Writes down the points up to now. */
  record(scene: Scene, now_ns: number): void {
    while (this.#next < this.t_ns.length && this.due_ns <= now_ns) {
      const at = this.#next;
      this.#next++;
      this.#recordLevels(scene, at);
      const { pages } = scene;
      this.#doubts.unseen_dirty[at] = Math.abs(pages.unseenDirty);
      this.#doubts.unseen_writeback[at] = Math.abs(pages.unseenWriteback);
      this.#doubts.sizes[at] = scene.assumedSizes;
      this.#doubts.redirtied[at] = pages.redirtied;
      this.#doubts.untraced[at] = pages.implied + scene.shortage;
    }
  }

  #recordLevels(scene: Scene, at: number): void {
    const { ledger } = scene.pages;
    for (let wb = 0; wb < scene.wbNames.length; wb++) {
      let levels = this.#levels[wb];
      if (levels === undefined) {
        const { length } = this.t_ns;
        levels = { dirty: new Float64Array(length), writeback: new Float64Array(length) };
        this.#levels.push(levels);
      }
      levels.dirty[at] = ledger.of(wb, 'dirty');
      levels.writeback[at] = ledger.of(wb, 'writeback');
    }
  }

  finish(scene: Scene): Timeline {
    const bdis = this.#levels.map(({ dirty, writeback }, wb) => ({
      bdi: scene.wbNames[wb] as string,
      dirty_pages: dirty,
      writeback_pages: writeback,
    }));
    return { t_ns: this.t_ns, bdis, doubts: this.#doubts };
  }
}
