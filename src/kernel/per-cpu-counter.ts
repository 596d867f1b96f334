/**
 * A node counter as its readers see it (mm/vmstat.c): every CPU keeps what it adds to itself until
 * that is more than a threshold, and then adds all of it to the shared sum (mod_node_state). What
 * it kept is also added when it goes idle (quiet_vmstat) and about once a second.
 */
export class PerCpuCounter {
  readonly #threshold: number;
  readonly #kept: number[] = [];
  #sum = 0;

  constructor(threshold_pages: number) {
    this.#threshold = threshold_pages;
  }

  /** What the CPUs keep to themselves: the true value is what readers see and this. */
  get kept(): number {
    return this.#sum;
  }

  /** A CPU adds pages (negative: takes them away), folio by folio of one size and a rest. */
  add(cpu: number, pages: number, folio_pages: number): void {
    if (pages === 0) return;
    const sign = Math.sign(pages);
    const count = Math.abs(pages);
    const size = Math.max(1, Math.min(folio_pages, count));
    const before = this.#kept[cpu] ?? 0;
    if (size === count) {
      // One folio, as nearly always.
      const next = (before + pages) * sign > this.#threshold ? 0 : before + pages;
      this.#kept[cpu] = next;
      this.#sum += next - before;
      return;
    }
    const whole = this.#after(before * sign, size, Math.floor(count / size));
    const rest = count % size;
    const kept = sign * (rest > 0 ? this.#after(whole, rest, 1) : whole);
    this.#kept[cpu] = kept;
    this.#sum += kept - before;
  }

  /** What is kept after a number of equal steps upwards. */
  #after(kept: number, step: number, steps: number): number {
    const untilFull = Math.floor((this.#threshold - kept) / step) + 1;
    if (steps < untilFull) return kept + steps * step;
    const period = Math.floor(this.#threshold / step) + 1;
    return ((steps - untilFull) % period) * step;
  }

  /** The CPU adds what it kept to the shared sum. */
  fold(cpu: number): void {
    this.#sum -= this.#kept[cpu] ?? 0;
    this.#kept[cpu] = 0;
  }

  foldAll(): void {
    this.#kept.fill(0);
    this.#sum = 0;
  }
}
