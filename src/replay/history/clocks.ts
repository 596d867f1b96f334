/** What is due at times and not at events: points of charts, and samples taken from outside. */
import type { Scene } from './scene.ts';

export type Clock = {
  /** When it is due next; infinity after the last time. */
  readonly due_ns: number;
  /** Takes what was due up to now, before the event of that time is followed. */
  take(now_ns: number): void;
};

export function watchClocks(scene: Scene, clocks: readonly Clock[]): void {
  scene.onDue = (now_ns) => {
    let next_ns = Number.POSITIVE_INFINITY;
    for (const clock of clocks) {
      if (clock.due_ns <= now_ns) clock.take(now_ns);
      next_ns = Math.min(next_ns, clock.due_ns);
    }
    scene.dueAt = next_ns;
  };
  scene.dueAt = clocks.reduce(
    (least, { due_ns }) => Math.min(least, due_ns),
    Number.POSITIVE_INFINITY,
  );
}

/** Calls back for each of the times, in their order. */
export function clockOf(times: ArrayLike<number>, take: (row: number) => void): Clock {
  let row = 0;
  return {
    get due_ns() {
      return row < times.length ? (times[row] as number) : Number.POSITIVE_INFINITY;
    },
    take(now_ns) {
      while (row < times.length && (times[row] as number) <= now_ns) take(row++);
    },
  };
}
