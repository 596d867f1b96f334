/**
 * What the recording lost. The kernel writes a LOST record into a CPU's buffer as soon as there is
 * room again; and perf asks each event at the end how many of its samples were lost, which says the
 * same again (LOST_SAMPLES without a time), so only what exceeds the former is added.
 */
import type { Loss } from '../../../src/trace/trace.ts';

type Gap = {
  readonly cpu: number;
  readonly from: number;
  until: number | undefined;
  count: number;
};

export class LossLog {
  readonly #gaps: Gap[] = [];
  /** The gap of each CPU after which no sample has come yet. */
  readonly #open = new Map<number, Gap>();
  readonly #counted = new Map<number, number>();
  readonly #totals = new Map<number, number>();

  /** `from`: time of the CPU's last sample before. */
  lost(cpu: number, from: number, count: number): void {
    this.#counted.set(cpu, (this.#counted.get(cpu) ?? 0) + count);
    const open = this.#open.get(cpu);
    if (open !== undefined) {
      open.count += count;
      return;
    }
    const gap: Gap = { cpu, from, until: undefined, count };
    this.#gaps.push(gap);
    this.#open.set(cpu, gap);
  }

  /** A sample of the CPU came: what was lost before it is between `from` and here. */
  resumed(cpu: number, time: number): void {
    const gap = this.#open.get(cpu);
    if (gap !== undefined) gap.until = time;
    this.#open.delete(cpu);
  }

  /** Lost somewhere in the whole recording. */
  total(cpu: number, count: number): void {
    this.#totals.set(cpu, (this.#totals.get(cpu) ?? 0) + count);
  }

  finish(firstTime: number, lastTime: number, noCpu: number): Loss[] {
    const shown = (cpu: number) => (cpu === noCpu ? -1 : cpu);
    const relative = (time: number) => Math.max(0, time - firstTime);
    const losses: Loss[] = this.#gaps.map(({ cpu, from, until, count }) => {
      const from_ns = Number.isNaN(from) ? 0 : relative(from);
      const ts_ns = until === undefined ? relative(lastTime) : relative(until);
      return { cpu: shown(cpu), from_ns, ts_ns: Math.max(from_ns, ts_ns), count };
    });
    for (const [cpu, total] of this.#totals) {
      const more = total - (this.#counted.get(cpu) ?? 0);
      if (more <= 0) continue;
      losses.push({ cpu: shown(cpu), from_ns: 0, ts_ns: relative(lastTime), count: more });
    }
    return losses;
  }
}
