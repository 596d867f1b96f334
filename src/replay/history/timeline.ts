/** The ledger over time: levels of every bdi, and what the replay was unsure of, at even times. */
import { SIZE_EVIDENCE } from '../folio-sizes.ts';
import { type Clock, clockOf } from './clocks.ts';
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
const DOUBTS = ['unseen_dirty', 'unseen_writeback', 'sizes', 'redirtied', 'untraced'] as const;
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

  constructor(duration_ns: number) {
    const points = duration_ns > 0 ? POINTS : 1;
    this.t_ns = Float64Array.from({ length: points }, (_, at) => (duration_ns * (at + 1)) / points);
    const fresh = () => new Float64Array(points);
    this.#doubts = Object.fromEntries(DOUBTS.map((name) => [name, fresh()])) as Record<
      Doubt,
      Float64Array
    >;
  }

  /** What has to be called at its times while the trace is followed. */
  clock(scene: Scene): Clock {
    return clockOf(this.t_ns, (at) => this.#record(scene, at));
  }

  #record(scene: Scene, at: number): void {
    this.#recordLevels(scene, at);
    const { pages } = scene;
    this.#doubts.unseen_dirty[at] = Math.abs(pages.unseenDirty);
    this.#doubts.unseen_writeback[at] = Math.abs(pages.unseenWriteback);
    this.#doubts.sizes[at] = scene.assumedSizes;
    this.#doubts.redirtied[at] = pages.redirtied;
    this.#doubts.untraced[at] = pages.implied + scene.shortage;
  }

  #recordLevels(scene: Scene, at: number): void {
    const { length } = this.t_ns;
    while (this.#levels.length < scene.wbNames.length) {
      this.#levels.push({ dirty: new Float64Array(length), writeback: new Float64Array(length) });
    }
    const { holders } = scene.pages.ledger;
    scene.pages.ledger.eachLevel((holder, dirty, writeback) => {
      const levels = this.#levels[holders[holder]?.wb ?? 0];
      if (levels === undefined) return;
      levels.dirty[at] = (levels.dirty[at] as number) + dirty;
      levels.writeback[at] = (levels.writeback[at] as number) + writeback;
    });
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
